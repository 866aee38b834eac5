"""What the gate looks at: one function per family of expectations, each over a staged candidate."""

import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pyarrow as pa
from PIL import Image
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name that every Spark user knows

from jobs.candidates import Intake
from jobs.tables import Tables
from schemas.config import Config
from schemas.enums import PairKind
from schemas.expectations import PLAIN, Band, ColumnRule, bands, column_rules, row_rules

EXAMPLES = 3
LONGEST_VALUE = 120


@dataclass(frozen=True)
class Candidate:
    """A staged release."""

    table: str
    version: int
    rows: int
    """Rows that were chosen for it."""
    release_id: int
    run_id: str


@dataclass(frozen=True)
class Outcome:
    """One expectation with what it saw."""

    name: str
    success: bool
    observed: str
    allowed: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subject:
    """What a check may look at."""

    tables: Tables
    rows: DataFrame
    candidate: Candidate
    config: Config
    intake: Intake


Check = Callable[[Subject], Iterable[Outcome]]
"""Gives an outcome for each of its expectations, kept ones too."""


def check_columns(subject: Subject) -> Iterator[Outcome]:
    """Columns, types, NOT NULL, vocabularies and unique ids, by Great Expectations in one pass."""
    rules = column_rules(subject.candidate.rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports and settings; what it finds comes back as results
        results = _validate(subject.rows.select(*PLAIN), rules)
    if len(results) != len(rules):
        yield Outcome("columns_looked_at", False, f"{len(results)} expectations", f"{len(rules)} expectations")
    for item in results:
        yield _outcome(item)


def _validate(rows: DataFrame, rules: Sequence[ColumnRule]) -> list[Any]:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    # Imported here: it takes seconds, and only the gate needs it.
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_spark(name="release", persist=False)
    whole = source.add_dataframe_asset(name="staged").add_batch_definition_whole_dataframe("all")
    suite = gx.ExpectationSuite(
        name="columns", expectations=[getattr(gx.expectations, rule.kind)(**rule.arguments) for rule in rules]
    )
    definition = gx.ValidationDefinition(name="release", data=whole, suite=context.suites.add(suite))
    run = context.validation_definitions.add(definition).run
    batch = {"dataframe": rows}
    result = run(batch_parameters=batch, result_format="BOOLEAN_ONLY")
    if not result.success:  # only a failure is worth the jobs that collect what was seen
        result = run(batch_parameters=batch, result_format="SUMMARY")
    return list(result.results)


def _outcome(item: Any) -> Outcome:  # noqa: ANN401 - a result of Great Expectations, whose types are its own affair
    kwargs = item.expectation_config.kwargs
    name = item.expectation_config.type.removeprefix("expect_")
    seen = item.result.get("observed_value", f"{item.result.get('unexpected_count', 'nothing')} unexpected")
    return Outcome(
        f"{name}:{kwargs['column']}" if "column" in kwargs else name,
        bool(item.success),
        str(item.exception_info.get("exception_message") or seen),
        str({key: value for key, value in kwargs.items() if key not in {"batch_id", "column"}}),
        tuple(shorten(value) for value in item.result.get("partial_unexpected_list", [])[:EXAMPLES]),
    )


def check_rows(subject: Subject) -> Iterator[Outcome]:
    """The rules that every row must satisfy and the numbers of the whole table, in one pass."""
    rules = row_rules(subject.config.gate, subject.candidate.release_id)
    limits = bands(subject.config.gate, subject.candidate.rows)
    broken = {rule.name: F.expr(f"NOT coalesce({rule.holds}, false)") for rule in rules}
    counts = [F.count_if(condition).alias(name) for name, condition in broken.items()]
    measures = [F.expr(band.measure).cast("double").alias(band.name) for band in limits]
    seen = subject.rows.agg(F.count("*").alias("all_rows"), *counts, *measures).collect()[0]
    for rule in rules:
        worst = subject.rows.where(broken[rule.name]).select("id", F.expr(rule.shows).alias("value"))
        examples = _examples(worst) if seen[rule.name] else ()
        fine = seen["all_rows"] > 0 and seen[rule.name] == 0
        yield Outcome(
            rule.name, fine, f"{seen[rule.name]:,} of {seen['all_rows']:,} rows break it", rule.allowed, examples
        )
    yield from (_within(band, seen[band.name]) for band in limits)


def _within(band: Band, value: float | None) -> Outcome:
    fine = value is not None and not math.isnan(value) and band.low <= value <= band.high
    return Outcome(band.name, fine, f"{value}", f"{band.low:g} to {band.high:g}")


def check_intake(subject: Subject) -> Iterator[Outcome]:
    """How many judged rewrites were refused, and how many replies and verdicts could be read."""
    gate, intake = subject.config.gate, subject.intake
    replies = subject.tables.read("rewritten").agg(
        F.count_distinct("call_key").alias("replies"),
        F.count_distinct(F.when(F.col("parse_status") == "ok", F.col("call_key"))).alias("parsed"),
    )
    found = replies.collect()[0]
    pairs = {
        "drop_rate": (intake.judged - intake.accepted, intake.judged, 0.0, gate.max_drop_rate),
        "verdicts_parsed": (intake.parsed, intake.judged, gate.min_parsed_share, 1.0),
        "replies_parsed": (found["parsed"], found["replies"], gate.min_parsed_share, 1.0),
    }
    for name, (part, whole, low, high) in pairs.items():
        fine = not whole or low <= part / whole <= high
        yield Outcome(name, fine, f"{part:,} of {whole:,}", f"share {low:g} to {high:g}")


def check_media(subject: Subject) -> Iterator[Outcome]:
    """Every medium of the release is known, with all its parts stored."""
    used = _used(subject)
    stored = subject.tables.read("media_bytes").groupBy("media_id").agg(F.count_distinct("part").alias("stored"))
    known = subject.tables.read("media").select("media_id", "parts")
    joined = used.join(known, "media_id", "left").join(stored, "media_id", "left")
    lacking = F.expr("parts IS NULL OR stored IS NULL OR parts <> stored")
    seen = joined.agg(F.count("*").alias("media"), F.count_if(lacking).alias("lacking")).collect()[0]
    shown = F.format_string("%s of %s parts", F.col("stored").cast("string"), F.col("parts").cast("string"))
    worst = joined.where(lacking).select(F.col("media_id").alias("id"), shown.alias("value"))
    examples = _examples(worst) if seen["lacking"] else ()
    yield Outcome(
        "media_stored", seen["lacking"] == 0, f"{seen['lacking']:,} of {seen['media']:,} lack parts", "all", examples
    )


def _used(subject: Subject) -> DataFrame:
    return subject.rows.select(F.explode("media").alias("media_id")).distinct()


def check_decoding(subject: Subject) -> Iterator[Outcome]:
    """A fixed sample of the media decodes: those with the lowest ids, which are hashes and share few buckets."""
    where = subject.tables.read("media_bytes").where("part = 0").select("media_id", "bucket")
    sample = where.join(_used(subject), "media_id").orderBy("media_id").limit(subject.config.gate.decode_sample)
    picked = sample.collect()
    if not picked:
        yield Outcome("media_decode", _used(subject).isEmpty(), "no media to decode", "every sampled picture decodes")
        return
    ids, buckets = {row["media_id"] for row in picked}, {row["bucket"] for row in picked}
    chosen = F.col("bucket").isin(sorted(buckets)) & F.col("media_id").isin(sorted(ids))
    parts = subject.tables.read("media_bytes").where(chosen).select("media_id", "part", "data")
    tried = parts.mapInArrow(_try_decoding, "id string, value string")
    failed = F.col("value") != ""
    seen = tried.agg(F.count("*").alias("parts"), F.count_if(failed).alias("failed")).collect()[0]
    fine = seen["failed"] == 0 and seen["parts"] >= len(ids)
    examples = _examples(tried.where(failed)) if seen["failed"] else ()
    observed = f"{seen['failed']} of {seen['parts']} parts of {len(ids)} media fail"
    yield Outcome("media_decode", fine, observed, "every sampled picture decodes", examples)


def _try_decoding(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows = batch.to_pylist()
        names = [f"{row['media_id']}/{row['part']}" for row in rows]
        yield pa.record_batch({"id": names, "value": [picture_problem(row["data"]) for row in rows]})


def picture_problem(data: bytes) -> str:
    """Why bytes are no picture, empty if they are one."""
    try:
        with Image.open(BytesIO(data), formats=("JPEG", "PNG")) as picture:
            picture.convert("RGB").load()
    except Exception as error:  # noqa: BLE001 - a decoder may raise anything; all of it means that it cannot read
        return f"does not decode: {type(error).__name__}: {error}"
    return ""


def check_lineage(subject: Subject) -> Iterator[Outcome]:
    """Every row leads back to a sample, and every rewrite to its stored reply."""
    rows = subject.rows.select("id", "kind", "lineage.sample_id", "lineage.call_key")
    for name, key, table, asked in (
        ("samples_known", "sample_id", "samples", rows),
        ("calls_known", "call_key", "calls", rows.where(F.col("kind") == PairKind.REWRITTEN.value)),
    ):
        lost = asked.join(subject.tables.read(table).select(key).distinct(), key, "left_anti")
        examples = _examples(lost.select("id", F.col(key).alias("value")))
        yield Outcome(
            name, not examples, "rows without one" if examples else "all there", f"a row in {table}", examples
        )


CHECKS: Mapping[str, Check] = {
    "columns": check_columns,
    "rows": check_rows,
    "intake": check_intake,
    "media": check_media,
    "decoding": check_decoding,
    "lineage": check_lineage,
}


def _examples(rows: DataFrame) -> tuple[str, ...]:
    return tuple(f"{row['id']}: {shorten(row['value'])}" for row in rows.orderBy("id").limit(EXAMPLES).collect())


def shorten(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."
