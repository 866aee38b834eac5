"""`sources check`: the normalise pass over one source, without touching a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

from pyspark.sql import Window
from pyspark.sql import functions as f

from jobs.normalise.conserve import SourceCount
from jobs.normalise.plan import plan_sources
from jobs.normalise.stage import Normalise
from jobs.progress import Progress
from jobs.run import Options, new_run_id
from jobs.session import spark_session
from jobs.tables import Tables
from schemas.source import Source

EXAMPLES = 3


@dataclass(frozen=True)
class Check:
    """What one source's files hold."""

    count: SourceCount
    family: str
    unread: Sequence[str]
    examples: Sequence[tuple[str, str, int, str]]

    def counts(self) -> dict[str, Any]:
        """The numbers; records = samples + duplicates + rejects."""
        count = self.count
        return {
            "source_id": count.source_id,
            "family": self.family,
            "files": count.files,
            "records": count.records,
            "units": count.units,
            "samples": count.samples,
            "duplicates": count.duplicates,
            "rejects": count.rejects,
            "unselected": count.unselected,
            "unread_files": list(self.unread),
        }

    def lines(self) -> list[tuple[str, int]]:
        """The numbers for people."""
        count = self.count
        rejects = [(f"rejected: {reason}", number) for reason, number in sorted(count.rejects.items())]
        head = [("files", count.files), ("records", count.records), ("publisher's units in them", count.units)]
        tail = [("records of other sources in these files", count.unselected)] if count.unselected else []
        return [*head, ("samples", count.samples), ("duplicates", count.duplicates), *rejects, *tail]


def check_source(options: Options, source: Source, limit: int | None) -> Check:
    """Plans before Spark starts, so that a missing folder or an unknown format is said at once."""
    plan = plan_sources([source], options.config.storage)
    spark = spark_session(options.config)
    with TemporaryDirectory(prefix="mammoth-check-") as folder:
        storage = options.config.storage.model_copy(update={"root": folder, "catalog": None})
        progress = Progress(quiet=options.quiet)
        stage = Normalise(Tables(spark, storage), options.config, new_run_id(), progress, limit)
        staging = stage.stage([source], plan)
        samples, rejects = stage.settle(staging)
        count = stage.count([source], plan, staging, samples, rejects)[0]
        nth = f.row_number().over(Window.partitionBy("drop_reason").orderBy("origin.file", "origin.position"))
        some = rejects.withColumn("nth", nth).where(f.col("nth") <= EXAMPLES).orderBy("drop_reason", "nth")
        rows = some.select("drop_reason", "origin.file", "origin.position", "detail").collect()
    name = source.source_id
    return Check(count, plan.families[name], plan.unread[name], [(row[0], row[1], row[2], row[3]) for row in rows])
