"""What a run would do, before it costs anything."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from jobs.dedup.kept import kept_samples
from jobs.normalise.plan import plan_sources
from jobs.stages import Run
from jobs.wanted import judge_requests, rewrite_requests, union
from jobs.waves import Waves
from schemas.source import Source


@dataclass(frozen=True)
class PlannedCalls:
    """Calls of one purpose to one engine."""

    engine: str
    model: str
    purpose: str
    wanted: int
    answered: int
    prompt_tokens: int
    """A rough guess: four characters a token, pictures not counted."""

    @property
    def new(self) -> int:
        """Calls that would be paid for."""
        return self.wanted - self.answered


@dataclass(frozen=True)
class RunPlan:
    """Files to read, and calls for the samples that are already there."""

    files: Sequence[tuple[str, str, int, int]]
    """Source, family, file ranges, bytes."""
    calls: Sequence[PlannedCalls]
    samples: int


def plan_calls(run: Run, sources: Sequence[Source], limit: int | None, lenient: bool = False) -> RunPlan:
    """Counts in SQL what would be asked about the samples in the tables; nothing is rendered, no engine started."""
    plan = plan_sources(sources, run.config.storage, lenient)
    for error in plan.refused.values():
        run.progress.say(f"left out: {error}")
    read = []
    for source in (source for source in sources if source.source_id not in plan.refused):
        mine = [item for item in plan.items if source.source_id in item.sources]
        read.append((source.source_id, plan.families[source.source_id], len(mine), sum(item.size for item in mine)))
    cap = run.config.rewriting.max_samples
    rewrites = rewrite_requests(
        run.tables, run.engines, cap if limit is None else min(cap or limit, limit * len(sources))
    )
    calls = planned_calls(run, union([rewrites, judge_requests(run.tables, run.engines)]))
    return RunPlan(read, calls, kept_samples(run.tables).count())


def planned_calls(run: Run, wanted: DataFrame) -> list[PlannedCalls]:
    """Requests by engine and purpose, and how many of them are answered already."""
    wanted = wanted.localCheckpoint()
    length = f.length(f.to_json("subject"))
    sums = wanted.groupBy("engine", "purpose").agg(f.count("*").alias("n"), f.sum(length).alias("chars")).collect()
    pending = Waves(run.tables, run.engines, run.run_id, "plan", run.progress).pending(wanted)
    left = {(row[0], row[1]): row[2] for row in pending.groupBy("engine", "purpose").count().collect()}
    return [
        PlannedCalls(
            row["engine"],
            run.engines.engine(row["engine"]).model,
            row["purpose"],
            row["n"],
            row["n"] - left.get((row["engine"], row["purpose"]), 0),
            (row["chars"] or 0) // 4,
        )
        for row in sorted(sums, key=lambda row: (row["engine"], row["purpose"]))
    ]
