"""`sources check`: the normalise pass over sources, without touching a table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from tempfile import TemporaryDirectory
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as f

from jobs.advice import HELD_OUT, advise, compare_family
from jobs.normalise.conserve import SourceCount
from jobs.normalise.plan import Plan, plan_sources
from jobs.normalise.stage import Normalise
from jobs.progress import Progress
from jobs.run import Options, new_run_id
from jobs.session import spark_session
from jobs.tables import Tables
from schemas.errors import InputError
from schemas.source import Source

EXAMPLES = 3


@dataclass(frozen=True)
class Rejected:
    """One dropped record."""

    reason: str
    file: str
    position: int
    detail: str
    excerpt: str


@dataclass(frozen=True)
class Check:
    """What one source's files hold, or why they cannot be read."""

    source: Source
    count: SourceCount | None = None
    family: str = ""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Files that are not read, and why."""
    examples: Sequence[Rejected] = ()
    advice: Mapping[str, str] = field(default_factory=dict)
    """What to do next, by reason; under "" about the family."""
    problem: InputError | None = None

    def counts(self) -> dict[str, Any]:
        """Everything for `--json`; records = samples + duplicates + rejects."""
        if self.count is None:
            return {"source_id": self.source.source_id, "problem": str(self.problem)}
        return asdict(self.count) | {
            "family": self.family,
            "unread_files": dict(self.unread),
            "examples": [asdict(example) for example in self.examples],
            "next": dict(self.advice),
        }

    def lines(self) -> list[tuple[str, int]]:
        """The numbers for people."""
        count = self.count
        if count is None:
            return []
        rejects = [(f"rejected: {reason}", number) for reason, number in sorted(count.rejects.items())]
        head = [("files", count.files), ("records", count.records), (f"{self.source.unit}s in them", count.units)]
        tail = [("records of other sources in these files", count.unselected)] if count.unselected else []
        return [*head, ("samples", count.samples), ("duplicates", count.duplicates), *rejects, *tail]


def check_source(options: Options, source: Source, limit: int | None) -> Check:
    """One source; what is missing is an error."""
    check = check_sources(options, [source], limit)[0]
    if check.problem is not None:
        raise check.problem
    return check


def check_sources(options: Options, sources: Sequence[Source], limit: int | None) -> list[Check]:
    """One pass over all sources; what is missing is found before Spark starts, and spoils no other source."""
    checks, readable = {}, []
    for source in sources:
        try:
            plan_sources([source], options.config.storage)
            readable.append(source)
        except InputError as error:
            checks[source.source_id] = Check(source, problem=error)
    if readable:
        checks |= {check.source.source_id: check for check in _pass(options, readable, limit)}
    return [checks[source.source_id] for source in sources]


def _pass(options: Options, sources: Sequence[Source], limit: int | None) -> list[Check]:
    plan = plan_sources(sources, options.config.storage)
    spark = spark_session(options.config)
    with TemporaryDirectory(prefix="mammoth-check-") as folder:
        storage = options.config.storage.model_copy(update={"root": folder, "catalog": None})
        progress = Progress(quiet=options.quiet)
        stage = Normalise(Tables(spark, storage), options.config, new_run_id(), progress, limit)
        staging = stage.stage(sources, plan)
        samples, rejects = stage.settle(staging)
        rejects = rejects.localCheckpoint()
        checks = []
        for source in sources:
            try:
                count = stage.count([source], plan, staging, samples, rejects)[0]
                checks.append(_check(source, count, plan, _examples(rejects, source), options))
            except InputError as error:
                checks.append(Check(source, problem=error))
    return checks


def _check(source: Source, count: SourceCount, plan: Plan, examples: list[Rejected], options: Options) -> Check:
    name = source.source_id
    folder, family = plan.folders[name], plan.families[name]
    advice = {example.reason: advise(example.reason, source, options.config.storage, folder) for example in examples}
    if word := compare_family(source, family):
        advice[""] = word
    if name in plan.held_out:
        advice["split"] = HELD_OUT
    return Check(source, count, family, plan.unread[name], examples, advice)


def _examples(rejects: DataFrame, source: Source) -> list[Rejected]:
    nth = f.row_number().over(Window.partitionBy("drop_reason").orderBy("origin.file", "origin.position"))
    some = rejects.where(f.col("source_id") == source.source_id).withColumn("nth", nth).where(f.col("nth") <= EXAMPLES)
    columns = ("drop_reason", "origin.file", "origin.position", "detail", "excerpt")
    return [Rejected(*row) for row in some.orderBy("drop_reason", "nth").select(*columns).collect()]
