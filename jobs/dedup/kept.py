"""The one door to samples for all that follows: those that were not dropped."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from jobs.tables import Tables


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
