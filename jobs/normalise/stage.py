"""The stage: one pass into a staging folder, then the tables as projections of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as f
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.advice import HELD_OUT
from jobs.normalise.choose import Item
from jobs.normalise.conserve import SourceCount, count_sources
from jobs.normalise.plan import Plan
from jobs.normalise.read import Pass, join_parts, read_items, read_parts
from jobs.normalise.spread import plan_on
from jobs.normalise.staged import PARTS, STAGED, WRITTEN, Build, write_rows
from jobs.pictures import check_buckets
from jobs.progress import Progress
from jobs.tables import Tables
from jobs.together import ask_together
from schemas.config import Config
from schemas.enums import DropReason
from schemas.source import Source
from udfs import files

TASKS_PER_SLOT = 3
WRITES = ("samples", "rejects", "media", "media_bytes", "runs")


@dataclass(frozen=True)
class Normalise:
    """One execution of the stage."""

    tables: Tables
    config: Config
    run_id: str
    progress: Progress
    limit: int | None = None
    lenient: bool = False
    """Sources that nobody can read are told and left out, unless there is no other."""

    def run(self, sources: Sequence[Source]) -> list[SourceCount]:
        """Reads the sources and replaces their rows; conservation is asserted before a table is touched."""
        started = datetime.now(UTC)
        plan = plan_on(self.tables.spark, sources, self.config.storage, self.lenient)
        for error in plan.refused.values():
            self.progress.say(f"left out: {error}")
        for name in sorted(plan.held_out):
            self.progress.say(f"{name}: {HELD_OUT}")
        for told in plan.broken:
            self.progress.say(f"a file is not read: {told}")
        sources = [source for source in sources if source.source_id not in plan.refused]
        # Python reads while Spark looks at the tables; what is wrong with them ends the reading.
        work: dict[str, Callable[[], DataFrame | None]] = {
            "tables": self._prepare, "staging": partial(self.stage, sources, plan)
        }  # fmt: skip
        staging = ask_together(self.tables.spark, work)["staging"]
        assert staging is not None, "the stage gives a frame"
        samples, rejects = self.settle(staging)
        counts = self.count(sources, plan, staging, samples, rejects)
        self._write(sources, staging, samples, rejects)
        self.tables.append_rows("runs", [self._run_row(count, plan, started) for count in counts])
        self.clear()
        return counts

    def _prepare(self) -> None:
        check_buckets(self.tables)
        for name in WRITES:
            self.tables.ensure(name)

    def clear(self) -> None:
        """Removes what the pass left for the tables."""
        files.remove(self.staging_path)
        files.remove(self._twins_path)

    @property
    def staging_path(self) -> str:
        """Where the pass leaves its rows until the tables are written."""
        return f"{self.tables.root}/staging/{self.run_id}"

    @property
    def _twins_path(self) -> str:
        return f"{self.staging_path}-twins"

    def stage(self, sources: Sequence[Source], plan: Plan) -> DataFrame:
        """The one Python pass, written once, so that no projection runs it again."""
        storage = self.config.storage
        todo = Pass(
            self.run_id,
            {source.source_id: source for source in sources},
            plan.folders,
            self.config.media,
            storage.media_roots,
            storage.media_buckets,
            self.limit,
        )
        direct = [item for item in plan.items if item.sources[0] not in plan.joined]
        joined = [item for item in plan.items if item.sources[0] in plan.joined]
        frames = []
        if direct:
            frames.append(self._written(self._items(direct), partial(read_items, todo=todo)))
        if joined:
            join = partial(join_parts, todo=todo, family_of=plan.families)
            frames.append(self._written(self._groups(joined, todo), join))
        frame = frames[0] if len(frames) == 1 else frames[0].unionByName(frames[1])
        with self.progress.tasks("normalise", self.tables.spark):
            written = [files.join(self.staging_path, row["file"]) for row in frame.collect()]
        return self.tables.spark.read.schema(from_arrow_schema(STAGED)).parquet(*written)

    def _written(self, frame: DataFrame, build: Build) -> DataFrame:
        return frame.mapInArrow(partial(write_rows, folder=self.staging_path, build=build), WRITTEN)

    def _items(self, items: Sequence[Item]) -> DataFrame:
        spark = self.tables.spark
        rows = [(msgspec.json.encode(item).decode(),) for item in sorted(items, key=lambda item: -item.size)]
        slots = int(spark.conf.get("spark.sql.shuffle.partitions", "4") or 4)
        return spark.createDataFrame(rows, "plan string").repartition(min(len(rows), TASKS_PER_SLOT * slots))

    def _groups(self, items: Sequence[Item], todo: Pass) -> DataFrame:
        units = self._items(items).mapInArrow(partial(read_parts, todo=todo), from_arrow_schema(PARTS))
        groups = units.groupBy("source_id", "join_key").agg(
            f.collect_list("unit").alias("units"), f.collect_list("span").alias("spans")
        )
        if self.limit is not None:
            rank = f.row_number().over(Window.partitionBy("source_id").orderBy(f.sha2("join_key", 256)))
            groups = groups.withColumn("rank", f.when(f.size("spans") > 0, 0).otherwise(rank))
            groups = groups.where(f.col("rank") <= 2 * self.limit + len(items)).drop("rank")
        return groups

    def settle(self, staging: DataFrame) -> tuple[DataFrame, DataFrame]:
        """Samples without duplicates, and rejects with the duplicates among them, cut to the limit."""
        rows = staging.where("sample IS NOT NULL OR reject IS NOT NULL").select("source_id", "pick", "sample", "reject")
        if self.limit is not None:
            order = Window.partitionBy("source_id").orderBy(
                "pick", f.coalesce("sample.origin.position", "reject.origin.position")
            )
            rows = rows.withColumn("rank", f.row_number().over(order)).where(f.col("rank") <= self.limit)
        found = rows.where("sample IS NOT NULL").select("source_id", "sample", f.col("sample.sample_id").alias("id"))
        # Twins are looked for on ids alone, and they are few: only they are shuffled and sorted as whole rows.
        ids = found.groupBy("id").count().where("count > 1").select("id")
        ids.write.mode("overwrite").parquet(self._twins_path)
        ids = self.tables.spark.read.schema("id string").parquet(self._twins_path)
        order = Window.partitionBy("id").orderBy("sample.origin.file", "sample.origin.position")
        ranked = found.join(ids, "id", "left_semi").withColumn("twin", f.row_number().over(order))
        samples = found.join(ids, "id", "left_anti").select("sample.*")
        samples = samples.unionByName(ranked.where("twin = 1").select("sample.*"))
        duplicates = ranked.where("twin > 1").select(
            f.lit("normalise").alias("stage"),
            f.lit(self.run_id).alias("run_id"),
            "source_id",
            f.lit(DropReason.DUPLICATE.value).alias("drop_reason"),
            f.lit("same content as an earlier record of this source").alias("detail"),
            f.col("sample.origin").alias("origin"),
            f.substring(f.col("sample.conversation")[0]["text"], 1, 200).alias("excerpt"),
            f.col("sample.sample_id").alias("duplicate_of"),
        )
        return samples, rows.where("reject IS NOT NULL").select("reject.*").unionByName(duplicates)

    def count(
        self, sources: Sequence[Source], plan: Plan, staging: DataFrame, samples: DataFrame, rejects: DataFrame
    ) -> list[SourceCount]:
        """Counts of each source; ConservationError when a range or a record is unaccounted for."""
        names = [source.source_id for source in sources]
        return count_sources(names, plan, (staging, samples, rejects), self.limit)

    def _write(self, sources: Sequence[Source], staging: DataFrame, samples: DataFrame, rejects: DataFrame) -> None:
        names = ", ".join(f"'{source.source_id}'" for source in sources)
        self._write_media(staging, samples)
        self.tables.append("rejects", rejects)
        # Samples come last: a run that dies before leaves no sample whose picture is not stored.
        self.tables.overwrite("samples", samples, f"source_id IN ({names})")

    def _write_media(self, staging: DataFrame, samples: DataFrame) -> None:
        if staging.where("media IS NOT NULL").isEmpty():
            return
        used = samples.select(f.explode("media").alias("media_id")).distinct()
        new = used.join(self.tables.read("media").select("media_id"), "media_id", "left_anti")
        facts = staging.where("media IS NOT NULL").select("copy", "media.*")
        first = Window.partitionBy("media_id").orderBy("copy")
        chosen = facts.withColumn("nth", f.row_number().over(first)).where("nth = 1").join(new, "media_id", "left_semi")
        # The copy is chosen on ids alone; bytes are then read once and shuffled once.
        winners = chosen.select("media_id", "copy").join(
            self.tables.read("media_bytes").select("media_id").distinct(), "media_id", "left_anti"
        )
        parts = staging.where("part IS NOT NULL").select("copy", "part.*")
        parts = parts.join(f.broadcast(winners), ["media_id", "copy"]).drop("copy")
        buckets = self.config.storage.media_buckets
        self.tables.append("media_bytes", parts.repartition(min(buckets, 64), "bucket"))
        self.tables.append("media", chosen.drop("copy", "nth"))

    def _run_row(self, count: SourceCount, plan: Plan, started: datetime) -> dict[str, Any]:
        rejected = sum(count.rejects.values()) + count.duplicates
        return {
            "run_id": self.run_id,
            "stage": "normalise",
            "source_id": count.source_id,
            "started": started,
            "ended": datetime.now(UTC),
            "files": count.files,
            "ranges": sum(count.source_id in item.sources for item in plan.items),
            "records": count.records,
            "units": count.units,
            "rows_in": count.records,
            "rows_out": count.samples,
            "rejected": rejected,
            "duplicates": count.duplicates,
            "facts": json.dumps(
                {
                    "rejects": count.rejects,
                    "family": plan.families[count.source_id],
                    "unselected": count.unselected,
                    "unread_files": plan.unread[count.source_id],
                    "only_held_out_splits": count.source_id in plan.held_out,
                }
            ),
        }
