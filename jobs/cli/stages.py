"""Commands that do the work: run, demo, and one per stage."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.context import print_json, read_options
from jobs.cli.plans import print_files_plan, print_run_plan, print_stage_plan
from jobs.cli.summary import print_outcome
from jobs.export import check_export
from jobs.normalise.plan import HUB, find_files, source_folder
from jobs.progress import Progress
from jobs.run import Options, Outcome, Stage, Work, open_run, run_stage
from jobs.stages import Run
from schemas.config import Storage
from schemas.enums import ExportFormat
from schemas.errors import InputError
from schemas.source import Source, pick_sources
from udfs import files

Sources = Annotated[str | None, typer.Option(help="Comma-separated source ids; default: all that are there.")]
SourcesRoot = Annotated[str | None, typer.Option(metavar="DIR", help="Folder of source files as downloaded.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Pilot: N records per source, by hash; a full run reuses it.")]
Until = Annotated[Stage, typer.Option(help="Last stage to run.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be read and asked; no engine is started.")]
NoEngine = Annotated[bool, typer.Option("--no-engine", help="Only derive again from replies that are there.")]
SHOWN = 5
"""Flaws of an export that are told."""
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout instead of tables.")]


def run(
    ctx: typer.Context,
    sources: Sources = None,
    sources_root: SourcesRoot = None,
    limit: Limit = None,
    until: Until = Stage.REPORT,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Source files to a gated, exported release and its report: all stages in order."""
    options = read_options(ctx, *root_setting(sources_root))
    chosen = choose_sources(options, sources)
    if dry_run:
        print_run_plan(options, chosen, limit, sources is None, as_json)
        return
    _stage(options, list(Stage)[: list(Stage).index(until) + 1], Work(chosen, limit, lenient=sources is None), as_json)


def root_setting(sources_root: str | None) -> list[str]:
    return [f"storage.sources_root={json.dumps(sources_root)}"] if sources_root else []


def choose_sources(options: Options, names: str | None) -> list[Source]:
    """The named sources, or every runnable one of a used group whose folder is there."""
    storage = options.config.storage
    if storage.sources_root.rstrip("/") != HUB and not files.exists(storage.sources_root):
        raise InputError(
            f"folder {storage.sources_root} does not exist",
            "give --sources-root DIR, the folder that holds the downloaded datasets, or try `mammoth-vl demo`",
        )
    if names:
        chosen = pick_sources(options.sources, [name.strip() for name in names.split(",") if name.strip()])
        for source in chosen:
            source_folder(source, storage)
        _warn("trains on a test set", [source for source in chosen if source.is_benchmark])
        return chosen
    used = {*options.config.publishing.keep_groups, *options.config.rewriting.groups}
    runnable = (s for s in options.sources.values() if s.runnable and s.group in used)
    there = [source for source in runnable if has_files(source, storage)]
    found = [source for source in there if options.config.benchmarks or not source.is_benchmark]
    _warn("trains on a test set", [source for source in found if source.is_benchmark])
    _warn("test sets are left out unless --sources names them", [source for source in there if source not in found])
    if not found:
        raise InputError(
            f"no source of the catalogue has files below {storage.sources_root}",
            "`mammoth-vl sources list` shows what can be read, `sources show ID` which folder and files are looked for",
        )
    return found


def _warn(what: str, sources: Sequence[Source]) -> None:
    if sources:
        typer.echo(f"warning: {what}: {', '.join(source.source_id for source in sources)}", err=True)


def has_files(source: Source, storage: Storage) -> bool:
    """A collection may be there in parts: what was not downloaded is not chosen."""
    try:
        return bool(find_files(source, source_folder(source, storage)))
    except InputError:
        return False


def normalise(
    ctx: typer.Context,
    sources: Sources = None,
    sources_root: SourcesRoot = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Read source files into samples, media and rejects."""
    options = read_options(ctx, *root_setting(sources_root))
    chosen = choose_sources(options, sources)
    if dry_run:
        print_files_plan(options, chosen, sources is None, as_json)
        return
    _stage(options, [Stage.NORMALISE], Work(chosen, limit, lenient=sources is None), as_json)


def dedup(ctx: typer.Context, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Find duplicates across sources, near-duplicates and overlap with benchmarks; nothing is asked about them."""
    _alone(ctx, Stage.DEDUP, dry_run, as_json)


def rewrite(ctx: typer.Context, no_engine: NoEngine = False, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Rewrite samples into step-by-step pairs; nothing that was answered is asked again."""
    _alone(ctx, Stage.REWRITE, dry_run, as_json, no_engine)


def judge(ctx: typer.Context, no_engine: NoEngine = False, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Judge and score pairs; nothing that was answered is asked again."""
    _alone(ctx, Stage.JUDGE, dry_run, as_json, no_engine)


def publish(ctx: typer.Context, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Choose rows, let the gate look, and publish a release if it passes."""
    _alone(ctx, Stage.PUBLISH, dry_run, as_json)


def export(
    ctx: typer.Context,
    form: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="LLaVA's JSON and media, or self-contained shards: parquet, tar, MDS."),
    ] = None,
    release: Annotated[int | None, typer.Option(min=1, help="Default: the newest.")] = None,
    to: Annotated[str | None, typer.Option(metavar="DIR", help="Default: below ROOT/exports.")] = None,
    check: Annotated[
        str | None, typer.Option(metavar="DIR", help="Read a finished export back, and write nothing.")
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Write a release as training files; one that was begun goes on, one that is finished is left as it is."""
    options = read_options(ctx, *([f"export.format={form.value}"] if form else []))
    if check is not None:
        _check_export(check, options)
    elif dry_run:
        print_stage_plan(options, Stage.EXPORT, as_json, Work(release_id=release, destination=to))
    else:
        _stage(options, [Stage.EXPORT], Work(release_id=release, destination=to), as_json)


def _check_export(folder: str, options: Options) -> None:
    """Every shard or row as it lies, against the manifest or what the trainer asks for."""
    config = options.config
    if wrong := check_export(folder, config.gate.decode_sample, with_media=config.export.media != "none"):
        more = f" and {len(wrong) - SHOWN:,} more" if len(wrong) > SHOWN else ""
        raise InputError(
            f"export {folder} is not as it was written: {'; '.join(wrong[:SHOWN])}{more}",
            "remove that folder, then run `mammoth-vl export` again",
        )
    Progress(quiet=options.quiet).say(f"{folder}: read back, all is well")


def _alone(ctx: typer.Context, stage: Stage, dry_run: bool, as_json: bool, no_engine: bool = False) -> None:
    """A stage as a job of its own."""
    if dry_run:
        print_stage_plan(read_options(ctx), stage, as_json)
    else:
        _stage(read_options(ctx), [stage], Work(with_engine=not no_engine), as_json)


def _stage(options: Options, stages: Sequence[Stage], work: Work | None = None, as_json: bool = False) -> None:
    asks = Stage.REWRITE in stages or Stage.JUDGE in stages
    with open_run(options, asks, begins=Stage.NORMALISE in stages) as run, told(run, as_json) as outcome:
        for stage in stages:
            run.progress.log(f"run {run.run_id}: {stage.value} begins")
            run_stage(run, stage, outcome, work or Work())
            run.progress.log(f"run {run.run_id}: {stage.value} is done")


@contextmanager
def told(run: Run, as_json: bool) -> Iterator[Outcome]:
    """Prints what was done, also when a later stage fails."""
    outcome = Outcome(run.run_id, run.tables.root)
    try:
        yield outcome
    finally:
        if as_json:
            print_json(asdict(outcome))
        else:
            print_outcome(outcome, run.tables.root)


def demo(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Rewrite every sample, not 60 of them.")] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="No engine: replies that a real demo got, shipped with the package.")
    ] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the replies down, for a later --replay.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Build a small corpus of real content, and run everything on it with a real engine on the CPU."""
    from jobs.demo import Wishes, run_demo

    run_demo(lambda *defaults: read_options(ctx, defaults=defaults), Wishes(everything, as_json, replay, record))


STAGES: Sequence[Callable[..., None]] = (normalise, dedup, rewrite, judge, publish, export)
