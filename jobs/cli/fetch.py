"""`sources fetch`: what a hub serves of the sources, planned exactly and downloaded."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.cli.context import print_json, print_table, read_options
from jobs.cli.stages import root_setting
from jobs.progress import Progress
from jobs.run import Options, root_lock
from schemas.errors import ConfigError, InputError
from schemas.source import Source, pick_sources

if TYPE_CHECKING:
    from jobs.fetch.download import Fetched
    from jobs.fetch.plan import Plan

NAMED = 8
"""Sources that an error names; the lines before it name all."""


def fetch(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Source ids; default: all that a run would take.")
    ] = None,
    sources_root: Annotated[
        str | None, typer.Option(metavar="DIR", help="Where to; default: storage.sources_root.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only the plan; nothing is written.")] = False,
    annotations_only: Annotated[
        bool, typer.Option("--annotations-only", help="No pictures, videos or archives.")
    ] = False,
    licences: Annotated[
        str | None, typer.Option(metavar="SPDX,...", help="Only sources whose terms are all among these.")
    ] = None,
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Only sources that are known to allow commercial use.")
    ] = False,
    limit_bytes: Annotated[int | None, typer.Option(min=0, help="Leave out files beyond so many bytes.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Plan and outcome as JSON, every file named.")] = False,
) -> None:
    """Get source files from the hub: the plan says which, where to and under which licence, then runs.

    Set HF_TOKEN for gated data, HF_ENDPOINT for another hub. Files that lie there whole are not fetched again.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from jobs.fetch.download import fetch as download
    from jobs.fetch.hub import open_hub
    from jobs.fetch.plan import Wanted, plan_fetch
    from jobs.fetch.roots import root_lines

    options = read_options(ctx, *root_setting(sources_root))
    chosen = _choose(options, names)
    storage, excluded = options.config.storage, _excluded(options, chosen, licences, commercial)
    hub = open_hub()
    plan = plan_fetch(hub, Wanted(chosen, storage, annotations_only, excluded))
    if not annotations_only:
        plan.lines += root_lines([source for source in chosen if source.source_id not in excluded], storage)
    if not as_json:
        _print_plan(plan)
    fetched = None
    if not dry_run and plan.files:
        progress = Progress(quiet=options.quiet)
        with root_lock(storage.sources_root, "sources fetch", progress):
            fetched = download(plan.files, hub, progress, limit_bytes)
    if as_json:
        print_json(_tree(plan, fetched))
    elif fetched is not None:
        _print_outcome(fetched)
    _judge(plan, fetched, dry_run)


def _choose(options: Options, names: list[str] | None) -> list[Source]:
    if names:
        listed = [name.strip() for entry in names for name in entry.split(",") if name.strip()]
        return pick_sources(options.sources, dict.fromkeys(listed))
    used = {*options.config.publishing.keep_groups, *options.config.rewriting.groups}
    taken = (s for s in options.sources.values() if s.runnable and s.group in used)
    return [source for source in taken if options.config.benchmarks or not source.is_benchmark]


def _excluded(options: Options, chosen: list[Source], licences: str | None, commercial: bool) -> Mapping[str, str]:
    """Why sources are left out, by source: both the data's own terms and those of their packaging count."""
    known = {name.lower(): name for source in options.sources.values() for name in _terms(source)}
    allowed = {name.strip().lower() for name in licences.split(",")} - {""} if licences is not None else None
    for name in sorted((allowed or set()) - known.keys()):
        near = [known[match] for match in get_close_matches(name, known, n=3)] or sorted(known.values())
        raise ConfigError(f"--licences: no source has {name!r}", f"allowed: {', '.join(near)}")
    reasons = {}
    for source in chosen:
        refused = [name for name in _terms(source) if allowed is not None and name.lower() not in allowed]
        if refused:
            reasons[source.source_id] = f"licence {', '.join(refused)} is not among --licences"
        elif commercial and source.licence.commercial != "yes":
            reasons[source.source_id] = f"commercial use: {source.licence.commercial}"
    return reasons


def _terms(source: Source) -> list[str]:
    return [name for name in (source.licence.spdx, source.licence.packaging) if name]


def _print_plan(plan: "Plan") -> None:
    from jobs.fetch.plan import State

    columns = ("source", "repository", "revision", "pattern", "files", "bytes", "there", "destination", "licence")
    served = [line for line in plan.lines if line.state is State.FETCH]
    rows = [
        (line.source_id, line.repository, line.revision[:8], line.pattern, line.files, line.bytes, line.present,
         line.destination, line.licence)
        for line in served
    ]  # fmt: skip
    if rows:
        print_table("from the hub", columns, rows)
    for state in (State.BY_HAND, State.EXCLUDED):
        others = [line for line in plan.lines if line.state is state]
        if others:
            cells = [(line.source_id, line.pattern, line.destination, line.licence, line.note) for line in others]
            print_table(state.value, ("source", "files", "destination", "licence", "note"), cells)
    told: dict[str, list[str]] = {}
    for line in plan.lines:
        if line.note and line.state not in (State.BY_HAND, State.EXCLUDED):
            told.setdefault(line.note, []).append(line.source_id)
    for note, names in told.items():
        typer.echo(f"{', '.join(names)}: {note}")
    total = sum(file.remote.size for file in plan.files)
    typer.echo(f"{len(plan.files):,} files, {total:,} bytes; what sources share counts once here")


def _print_outcome(fetched: "Fetched") -> None:
    from jobs.fetch.download import by_problem

    rows = [
        (what, len(files), sum(file.remote.size for file in files))
        for what, files in (
            ("fetched", fetched.done), ("there before", fetched.present), ("over --limit-bytes", fetched.over_limit),
            ("failed", [file for file, _ in fetched.failed]),
        )
    ]  # fmt: skip
    print_table("", ("what", "files", "bytes"), rows)
    for repo, sources, count, problem in by_problem(fetched):
        typer.echo(f"{repo} ({', '.join(sources)}), {count} files: {problem.what}\n  next: {problem.next_step}")


def _tree(plan: "Plan", fetched: "Fetched | None") -> dict[str, Any]:
    files = [asdict(file) | asdict(file.remote) for file in plan.files]
    tree: dict[str, Any] = {"lines": [asdict(line) for line in plan.lines], "files": files}
    for file in files:
        del file["remote"]
    if fetched is not None:
        tree["fetched"] = [file.target for file in fetched.done]
        tree["present"] = [file.target for file in fetched.present]
        tree["over_limit"] = [file.target for file in fetched.over_limit]
        tree["failed"] = [{"target": file.target, **asdict(problem)} for file, problem in fetched.failed]
    return tree


def _judge(plan: "Plan", fetched: "Fetched | None", dry_run: bool) -> None:
    """Raises where something of the plan is not there; what nobody serves is told, but no failure of others."""
    from jobs.fetch.plan import State

    states = Counter(line.state for line in plan.lines)
    unserved = {line.source_id for line in plan.lines if line.state is State.FAILED}
    failed = {name for file, _ in (fetched.failed if fetched else ()) for name in file.sources}
    missing = sorted(unserved | failed)
    if missing:
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        raise InputError(
            f"{len(missing)} sources are not complete: {', '.join(missing[:NAMED])}{more}",
            "see the reasons above; run again, which fetches only what is missing",
        )
    if not (states[State.FETCH] or dry_run):
        raise InputError("nothing was fetched: no hub serves what was asked for", "get the files listed above by hand")
