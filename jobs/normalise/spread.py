"""Planning with a session at hand: its tasks scan the large documents."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

import msgspec
import pyarrow as pa
from pyspark.sql import SparkSession

from jobs.normalise.plan import Plan, plan_sources
from jobs.readers.parallel_scan import Ends, Found, MapStretches, Stretch, ends_of, spread_over
from jobs.readers.scan import Summary
from schemas.config import Storage
from schemas.source import Source


def plan_on(spark: SparkSession, sources: Sequence[Source], storage: Storage, lenient: bool = False) -> Plan:
    """The same plan as `plan_sources`."""
    with spread_over(tasks_of(spark)):
        return plan_sources(sources, storage, lenient)


def tasks_of(spark: SparkSession) -> MapStretches:
    """One task for each stretch."""

    def map_stretches(work: Callable[[Stretch], Found], parts: Sequence[Stretch]) -> list[Found]:
        def summarise(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for row in (row for batch in batches for row in batch.to_pylist()):
                found = work(msgspec.json.decode(row["text"], type=Stretch))
                yield pa.record_batch({"at": [row["at"]], "text": [msgspec.json.encode(found).decode()]})

        rows = [(at, msgspec.json.encode(part).decode()) for at, part in enumerate(parts)]
        frame = spark.createDataFrame(rows, "at long, text string").repartition(len(rows), "at")
        found: dict[int, str] = dict(frame.mapInArrow(summarise, "at long, text string").collect())
        kind = list[Ends] if work is ends_of else list[Summary]
        return [cast(Found, msgspec.json.decode(found[at], type=kind)) for at in range(len(parts))]

    return map_stretches
