"""Conservation: what the readers counted against what became of it, source by source."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from jobs.normalise.plan import Plan
from schemas.enums import DropReason
from schemas.errors import ConservationError, InputError

DEFECT = "this is a defect of a reader or an adapter: nothing was written"


@dataclass(frozen=True)
class SourceCount:
    """What became of one source's records: records = samples + duplicates + rejects."""

    source_id: str
    files: int
    records: int
    units: int
    samples: int
    duplicates: int
    rejects: dict[str, int]
    unselected: int = 0
    """Records of the same files that this source does not select."""


@dataclass
class Read:
    """What the readers of one source counted, before an adapter saw anything."""

    items: list[int] = field(default_factory=list)
    """File ranges that reported."""
    records: int = 0
    units: int = 0
    parts: int = 0
    """All entries of the files: also those of other sources, and of a joined family those that make one record."""
    joined: int = 0
    """Entries that arrived at its joiner."""


@dataclass
class Settled:
    """What the records of one source became."""

    samples: int = 0
    units: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def count_sources(
    names: Sequence[str], plan: Plan, frames: tuple[DataFrame, DataFrame, DataFrame], limit: int | None
) -> list[SourceCount]:
    """Counts of each source from (staging, samples, rejects); ConservationError when they do not add up."""
    staging, samples, rejects = frames
    read = _read(staging)
    settled = _settled(samples, rejects)
    counts = []
    for name in names:
        there, became = read.get(name, Read()), settled.get(name, Settled())
        _assert_read(name, plan, there, limit)
        records = there.records if limit is None else min(there.records, limit)
        units = there.units if limit is None else became.units
        total = became.samples + became.reasons.total()
        if (records, units) != (total, became.units):
            raise ConservationError(
                f"source {name}: {records} records with {units} units were read, but {total} records with "
                f"{became.units} units are samples or rejects",
                DEFECT,
            )
        files = len({file for item in plan.items if name in item.sources for file in item.range.files()})
        duplicates = became.reasons.pop(DropReason.DUPLICATE.value, 0)
        others = 0 if name in plan.joined or limit is not None else there.parts - there.records
        counts.append(
            SourceCount(name, files, records, units, became.samples, duplicates, dict(became.reasons), others)
        )
    return counts


def _assert_read(name: str, plan: Plan, read: Read, limit: int | None) -> None:
    """Every planned range reported once, and every entry of a joined family arrived."""
    wanted = sorted(item.item for item in plan.items if name in item.sources)
    if sorted(read.items) != wanted:
        raise ConservationError(
            f"source {name}: {len(wanted)} file ranges were planned and {len(read.items)} reported",
            "run the stage again; if it stays so, report it with the list of files",
        )
    if not read.records:
        raise InputError(
            f"source {name}: its files hold {read.parts} records and none of them is this source's",
            f"compare reading.select of `mammoth-vl sources show {name}` with the files, and correct it in a catalogue "
            "file of your own (--catalogue)",
        )
    if limit is None and name in plan.joined and read.parts != read.joined:
        raise ConservationError(f"source {name}: {read.parts} entries were read and {read.joined} were joined", DEFECT)


def _read(staging: DataFrame) -> dict[str, Read]:
    read: dict[str, Read] = {}
    for row in staging.where("span IS NOT NULL").select("source_id", "span.*").collect():
        there = read.setdefault(row["source_id"], Read())
        there.records += row["records"]
        there.units += row["units"]
        if row["item"] < 0:
            there.joined += row["read"]
        else:
            there.items.append(row["item"])
            there.parts += row["read"]
    return read


def _settled(samples: DataFrame, rejects: DataFrame) -> dict[str, Settled]:
    settled: dict[str, Settled] = {}
    for name, number, units in samples.groupBy("source_id").agg(f.count("*"), f.sum("origin.units")).collect():
        settled[name] = Settled(number, units)
    dropped = rejects.groupBy("source_id", "drop_reason").agg(f.count("*"), f.sum("origin.units"))
    for name, reason, number, units in dropped.collect():
        became = settled.setdefault(name, Settled())
        became.reasons[reason] += number
        became.units += units
    return settled
