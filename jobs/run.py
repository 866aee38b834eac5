"""The main job: stages in order, over one session, with engines let go at the end."""

import errno
import fcntl
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from jobs.dedup.stage import dedup
from jobs.engines import Engines, load_engines
from jobs.export import ExportFacts, export
from jobs.judge import judge
from jobs.normalise.conserve import SourceCount
from jobs.normalise.stage import Normalise
from jobs.progress import Progress
from jobs.publish import publish
from jobs.release import Release
from jobs.rewrite import rewrite
from jobs.session import SPARK_ERRORS, local_jvm, spark_session, told_by
from jobs.stages import Run, StageCount
from jobs.tables import Tables, no_tables
from jobs.views import create_views
from schemas.config import Config
from schemas.errors import InputError
from schemas.source import Source
from udfs import files
from udfs.engine.control import release_hosts
from udfs.engine.processes import owner_of
from udfs.engine.settings import host_folder

LOCKLESS = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK, errno.EINVAL})
"""What file systems say that know no locks, or cannot append: volumes of Databricks, some network mounts."""


class Stage(StrEnum):
    """Stages in the order in which `run` takes them."""

    NORMALISE = "normalise"
    DEDUP = "dedup"
    REWRITE = "rewrite"
    JUDGE = "judge"
    PUBLISH = "publish"
    EXPORT = "export"
    REPORT = "report"


@dataclass
class Outcome:
    """What a run did, for people and for `--json`."""

    run_id: str
    root: str
    sources: list[SourceCount] = field(default_factory=list)
    stages: list[StageCount] = field(default_factory=list)
    release: Release | None = None
    export: ExportFacts | None = None
    report: str = ""
    """Where the page lies."""


@dataclass(frozen=True)
class Options:
    """What the command line gives to every command."""

    config: Config
    sources: Mapping[str, Source]
    prompts: Path | None = None
    quiet: bool = False


def new_run_id() -> str:
    """Sorts by time, collides with nothing."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"


@contextmanager
def open_run(options: Options, asks: bool = True, begins: bool = True) -> Iterator[Run]:
    """A run with its session; the local root is held, and engine hosts are let go at the end.

    `asks`: some stage needs an engine, so its model is looked at before any work. `begins`: the root may be a new one;
    else InputError where it has no samples.
    """
    config = options.config
    progress = Progress(quiet=options.quiet)
    run_id = new_run_id()
    root = Tables(None, config.storage).root  # type: ignore[arg-type]  # only names are asked of it
    engines = load_engines(config, options.prompts, root) if asks else Engines(config, {}, {})
    if not (begins or config.storage.catalog or files.exists(files.join(root, "tables", "samples"))):
        raise no_tables(root)  # before anything is made there
    with root_lock(root, run_id, progress):
        spark = spark_session(config)
        jvm, tables = local_jvm(spark), Tables(spark, config.storage)
        try:
            if not begins and not tables.exists("samples"):
                raise no_tables(root)
            yield Run(run_id, config, tables, engines, progress)
        finally:
            if jvm is not None:
                release_hosts(host_folder(config.storage.host_dir), owner_of(jvm))


@contextmanager
def root_lock(root: str, run_id: str, progress: Progress) -> Iterator[None]:
    """One driver at a time on a local root: two JVMs could overwrite each other's commits."""
    if "://" in root and not root.startswith("file://"):
        yield  # an object store has no such lock: docs/platforms.md says so
        return
    folder = Path(root.removeprefix("file://"))
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _lock(held.enter_context((folder / ".lock").open("a+")), f"pid {os.getpid()}, run {run_id}", root, progress)
        except OSError as error:
            if error.errno not in LOCKLESS:
                raise InputError(f"root {root} cannot be written: {error}", "give --root another folder") from error
            progress.say(f"{root} lies on a file system without locks: see that one driver at a time writes there")
        yield


def _lock(file: TextIO, owner: str, root: str, progress: Progress) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        progress.say(f"{root} is in use by {file.read().strip()}; waiting for it to end", always=True)
        fcntl.flock(file, fcntl.LOCK_EX)
    file.seek(0)
    file.truncate()
    file.write(owner)
    file.flush()


def run_stages(
    run: Run, sources: Sequence[Source], stages: Sequence[Stage], limit: int | None = None, with_engine: bool = True
) -> Outcome:
    """Runs the stages; each leaves its tables, so that the next run goes on from there."""
    outcome = Outcome(run.run_id, run.tables.root)
    for stage in stages:
        run_stage(run, stage, outcome, Work(sources, limit, with_engine))
    return outcome


@dataclass(frozen=True)
class Work:
    """What the stages work on."""

    sources: Sequence[Source] = ()
    limit: int | None = None
    with_engine: bool = True
    lenient: bool = False
    """Nobody named the sources: one that cannot be read is told and left out."""
    release_id: int | None = None
    """Release to export; none: the newest."""
    destination: str | None = None
    """Folder to export to; none: below ROOT/exports."""


def run_stage(run: Run, stage: Stage, outcome: Outcome, work: Work) -> None:
    """Runs one stage and adds what it did to `outcome`."""
    tables, spark = run.tables, run.tables.spark
    if stage is Stage.NORMALISE:
        outcome.sources = Normalise(tables, run.config, run.run_id, run.progress, work.limit, work.lenient).run(
            work.sources
        )
    elif stage is Stage.DEDUP:
        with run.progress.tasks("dedup", spark):
            outcome.stages.append(dedup(run))
    elif stage is Stage.REWRITE:
        outcome.stages.append(rewrite(run, work.with_engine))
    elif stage is Stage.JUDGE:
        outcome.stages.append(judge(run, work.with_engine))
    elif stage is Stage.PUBLISH:
        with run.stage_clock("publish") as clock, run.progress.tasks("publish", spark):
            outcome.release = publish(tables, run.config, run.run_id)
            _place_views(run)
        clock.take(tables, run.run_id)
        outcome.stages.append(clock)
    elif stage is Stage.EXPORT:
        with run.stage("export") as count, run.progress.tasks("export", spark):
            outcome.export = done = export(tables, run.config, work.release_id, work.destination)
            count.rejects = dict(done.left_out)
            count.rows_in, count.rows_out = done.rows + sum(done.left_out.values()), done.rows
        outcome.stages.append(count)
    else:
        _report(run, outcome, work)


def _place_views(run: Run) -> None:
    """The views beside the tables of a catalog; a release does without them where its user may not make any."""
    if not run.config.storage.catalog:
        return
    try:
        create_views(run.tables)
    except SPARK_ERRORS as error:
        run.progress.say(f"no views in {run.config.storage.catalog}: {told_by(error)[:200]}")


def _report(run: Run, outcome: Outcome, work: Work) -> None:
    """The report of the release; one that is there already was made when the release was new."""
    from jobs.report.collect import collect  # scikit-learn takes its time
    from jobs.report.report import release_page, write_report

    release = outcome.release
    page = release_page(run.tables, release.release_id if release else None)
    with run.stage_clock("report") as count, run.progress.tasks("report", run.tables.spark):
        if release is None or release.is_new or not files.exists(page):
            options = Options(run.config, {source.source_id: source for source in work.sources})
            write_report(collect(run.tables, options, release.release_id if release else None), page)
    outcome.report = page
    outcome.stages.append(count)
