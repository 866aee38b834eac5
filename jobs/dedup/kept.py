"""The one door to samples for all that follows: those that were not dropped; and what was looked for."""

import json
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from jobs.tables import Tables

SAMPLES_MARK = "bit_xor(xxhash64(sample_id))"
"""Which samples there are as one number, in SQL, whatever their order."""


@dataclass(frozen=True)
class Looked:
    """What a run of the stage looked for among which samples."""

    near: bool = False
    benchmarks: tuple[str, ...] = ()
    samples_mark: int | None = None


def looked_for(runs: DataFrame) -> Looked:
    """What the newest run of the stage looked for, as it logged; nothing where it never ran."""
    last = runs.where("stage = 'dedup'").orderBy(f.desc("ended")).select("facts").first()
    return looked(last["facts"] if last else None)


def looked(facts: str | None) -> Looked:
    """The same of the facts of one run."""
    told = json.loads(facts or "{}").get("looked_for", {})
    return Looked(bool(told.get("near")), tuple(told.get("benchmarks", ())), told.get("samples_mark"))


def kept_samples(tables: Tables) -> DataFrame:
    """Samples without those that dedup dropped; all of them where it has not run yet."""
    samples = tables.read("samples")
    if not tables.exists("twins"):
        return samples
    dropped = tables.read("twins").where("dropped").select("sample_id")
    return samples.join(dropped, "sample_id", "left_anti").select(*samples.columns)


def count_twins(tables: Tables) -> DataFrame:
    """Samples by source_id, kind and whether they were dropped; one sample may be of several kinds."""
    found = tables.read("twins").groupBy("source_id", "kind", "dropped")
    return found.agg(f.count("*").alias("samples"))
