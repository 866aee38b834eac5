"""What the gate looks at, and what it says of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from jobs.candidates import Intake
from jobs.release import staged
from jobs.tables import Tables, spark_schema
from schemas.config import Config
from schemas.errors import PipelineError
from schemas.expectations import NO_END, Rule
from schemas.tables import TABLES

EXAMPLES = 3
LONGEST_VALUE = 120
LOOKED_AT = ("samples", "media", "media_bytes", "rejects", "twins", "calls", "rewritten", "judged", "runs")


@dataclass(frozen=True)
class Candidate:
    """A staged release."""

    table: str
    version: int
    rows: int
    """Rows that were chosen for it."""
    release_id: int
    run_id: str
    judge_id: str = ""
    """Of the judge that decides; empty where nothing was judged."""


@dataclass(frozen=True)
class Outcome:
    """One expectation with what it saw."""

    name: str
    success: bool
    observed: str
    allowed: str
    examples: tuple[str, ...] = ()
    table: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    """None: no end."""
    setting: str = ""
    next_step: str = ""


@dataclass(frozen=True)
class Counted:
    """A number with rows that show why it is what it is."""

    value: float | None
    examples: tuple[str, ...] = ()


Numbers = Mapping[tuple[str, str], Counted]
"""By table and rule."""


@dataclass(frozen=True)
class Subject:
    """What the gate may look at: all tables by name, the candidate as `instruct`."""

    frames: Mapping[str, DataFrame]
    candidate: Candidate
    config: Config
    intake: Intake
    kappa: Counted | None = None
    """Mean of the deciding judge's kappas with people, nothing where nobody labelled enough pairs or labels cannot be
    read; None without labels, or where no floor is asked for."""


def subject_of(tables: Tables, candidate: Candidate, config: Config, intake: Intake) -> Subject:
    """The candidate at its pinned version beside the tables that it was made of."""
    frames = {}
    for name in LOOKED_AT:
        empty = tables.spark.createDataFrame([], spark_schema(TABLES[name]))
        frames[name] = tables.read(name) if tables.exists(name) else empty
    return Subject(
        frames | {"instruct": staged(tables, candidate.version)},
        candidate,
        config,
        intake,
        kappa_for(tables, candidate, config),
    )


def kappa_for(tables: Tables, candidate: Candidate, config: Config) -> Counted | None:
    """What `Subject.kappa` says."""
    if config.gate.min_kappa is None:
        return None
    # Imported here: it brings the pages along.
    from jobs.labels import agreement

    try:
        found = agreement(tables, config, candidate.judge_id)
    except PipelineError as error:
        return Counted(None, (str(error.args[0]),))
    if found is None:
        return None
    kappa = found.with_people(found.judges[0], config.gate.min_labels) if found.judges else math.nan
    return Counted(None if math.isnan(kappa) else kappa)


def outcome_of(table: str, rule: Rule, success: bool, counted: Counted, next_step: str) -> Outcome:
    """What a rule says of a number."""
    value = counted.value
    observed = "nothing" if value is None else f"{value:,.6g}" if value % 1 else f"{value:,.0f}"
    band = f"{rule.low:g} or more" if rule.high == NO_END else f"{rule.low:g}" if rule.low == rule.high else ""
    band = band or f"{rule.low:g} to {rule.high:g}"
    allowed = f"{band} ({rule.allowed})" if rule.allowed else band
    step = rule.next_step or next_step
    step += f", or change {rule.setting}" if rule.setting else ""
    return Outcome(
        f"{table}.{rule.name}", success, observed, f"{allowed}; set by {rule.setting}" if rule.setting else allowed,
        counted.examples, table, value, rule.low, None if rule.high == NO_END else rule.high, rule.setting, step,
    )  # fmt: skip


def examples_of(rows: DataFrame) -> tuple[str, ...]:
    """The first rows of (id, value) in words."""
    return tuple(f"{row['id']}: {shorten(row['value'])}" for row in rows.orderBy("id").limit(EXAMPLES).collect())


def union(frames: list[DataFrame]) -> DataFrame:
    """Frames below each other, so that one job answers them all."""
    whole = frames[0]
    for frame in frames[1:]:
        whole = whole.unionByName(frame)
    return whole


def key_hash(*names: str) -> Column:
    """Keys as numbers: eight bytes are shuffled, not sixty-four; two of 12 million are equal once in 250,000 runs."""
    return f.xxhash64(*names)


def shorten(value: object) -> str:
    """A value that fits a line."""
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."
