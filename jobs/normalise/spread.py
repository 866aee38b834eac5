"""Planning with a session at hand: its tasks scan the large documents."""

from collections.abc import Callable, Sequence

from pyspark.sql import SparkSession

from jobs.normalise.plan import Plan, plan_sources
from jobs.readers.parallel_scan import MapStretches, Stretch, spread_over
from jobs.readers.scan import Summary
from schemas.config import Storage
from schemas.source import Source


def plan_on(spark: SparkSession, sources: Sequence[Source], storage: Storage) -> Plan:
    """The same plan as `plan_sources`."""
    with spread_over(tasks_of(spark)):
        return plan_sources(sources, storage)


def tasks_of(spark: SparkSession) -> MapStretches:
    """One task for each stretch."""

    def map_stretches(work: Callable[[Stretch], list[Summary]], parts: Sequence[Stretch]) -> list[list[Summary]]:
        return spark.sparkContext.parallelize(parts, len(parts)).map(work).collect()

    return map_stretches
