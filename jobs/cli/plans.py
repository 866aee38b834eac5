"""What would be read, asked and spent: the command plan, and --dry-run of every stage. No engine is started."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from jobs.candidates import Intake, the_judge
from jobs.cli.context import print_json, print_table, read_options
from jobs.estimate import Estimate, estimate
from jobs.export.run import export_folder
from jobs.mix import Mix
from jobs.plan import PlannedCalls, RunPlan, plan_calls, planned_calls
from jobs.publish import choose
from jobs.release import manifest
from jobs.run import Options, Stage, Work, open_run
from jobs.stages import Run
from jobs.wanted import judge_requests, rewrite_requests
from schemas.source import Source

READS: Mapping[Stage, Sequence[str]] = {
    Stage.DEDUP: ("samples", "media"),
    Stage.REWRITE: ("samples", "media_bytes", "calls"),
    Stage.JUDGE: ("samples", "rewritten", "media_bytes", "calls"),
    Stage.PUBLISH: ("samples", "rewritten", "judged"),
    Stage.EXPORT: ("instruct", "media_bytes"),
}
"""Tables that a stage reads."""


def print_run_plan(
    options: Options, sources: Sequence[Source], limit: int | None, lenient: bool, as_json: bool
) -> None:
    """Files to read, and what the samples in the tables would cost."""
    with open_run(options) as run:
        plan = plan_calls(run, sources, limit, lenient)
        calls = estimate(run, plan.calls)
        rows = {name: run.tables.read(name).count() for name in ("samples", "rewritten", "judged", "instruct")}
    if as_json:
        print_json({**asdict(plan), "calls": _facts(calls), "rows": rows, "sums": sums(calls)})
        return
    _print_files(plan)
    print_table("rows in the tables", tuple(rows), [tuple(rows.values())])
    _print_estimates(calls)
    if not plan.samples:
        typer.echo("no samples yet: `mammoth-vl normalise` reads them, then the calls can be counted")


def print_stage_plan(options: Options, stage: Stage, as_json: bool, work: Work | None = None) -> None:
    """What one stage would read, choose and ask."""
    with open_run(options, asks=stage in (Stage.REWRITE, Stage.JUDGE), begins=False) as run:
        reads: dict[str, object] = {name: run.tables.read(name).count() for name in READS[stage]}
        calls = estimate(run, _calls(run, stage))
        intake, chosen = _chosen(run) if stage is Stage.PUBLISH else (None, None)
        written = _written(run, work or Work()) if stage is Stage.EXPORT else {}
        reads |= {"instruct": written["rows"]} if written else {}
    if as_json:
        told = written
        if intake and chosen:
            told = {"candidates": intake.reasons, "quotas": _quotas(chosen), "left_out": chosen.left_out}
        print_json({"stage": stage.value, "reads": reads, "calls": _facts(calls), "sums": sums(calls), **told})
        return
    print_table(f"{stage.value} would read", ("table", "rows"), list(reads.items()))
    if intake and chosen:
        _print_choice(intake, chosen)
    if written:
        print_table("export would write", tuple(written), [tuple(written.values())])
    if calls:
        _print_estimates(calls)
    else:
        typer.echo("no engine is asked")


def _chosen(run: Run) -> tuple[Intake, Mix]:
    return choose(run.tables, run.config, the_judge(run.tables, run.config, None))[1:]


def _print_choice(intake: Intake, chosen: Mix) -> None:
    kinds = [(kind, reason, rows) for kind, tally in intake.reasons.items() for reason, rows in tally.items()]
    print_table("candidates", ("kind", "reason", "rows"), kinds)
    print_table("of the accepted ones left out", ("reason", "rows"), list(chosen.left_out.items()))
    rows = [tuple(quota.values()) for quota in _quotas(chosen)]
    print_table(f"publish would choose {sum(chosen.quotas.values()):,} rows", ("source", "kind", "rows"), rows)


def _quotas(chosen: Mix) -> list[dict[str, object]]:
    return [
        {"source": source, "kind": kind, "rows": rows} for (source, kind), rows in sorted(chosen.quotas.items()) if rows
    ]


def _written(run: Run, work: Work) -> dict[str, object]:
    release = manifest(run.tables, work.release_id)
    folder = export_folder(run.tables, run.config, release, work.destination)
    form = run.config.export.format.value
    return {"release": release["release_id"], "rows": release["rows"], "format": form, "folder": folder}


def _calls(run: Run, stage: Stage) -> list[PlannedCalls]:
    if stage is Stage.REWRITE:
        return planned_calls(run, rewrite_requests(run.tables, run.engines, run.config.rewriting.max_samples))
    if stage is Stage.JUDGE:
        return planned_calls(run, judge_requests(run.tables, run.engines))
    return []


def print_files_plan(options: Options, sources: Sequence[Source], lenient: bool, as_json: bool) -> None:
    """What normalise would read."""
    from jobs.normalise.plan import plan_sources

    plan = plan_sources(sources, options.config.storage, lenient)
    rows = [
        (name, family, len(items), sum(item.size for item in items))
        for name, family in sorted(plan.families.items())
        for items in [[item for item in plan.items if name in item.sources]]
    ]
    if as_json:
        print_json({"stage": "normalise", "files": rows, "left_out": {k: str(e) for k, e in plan.refused.items()}})
        return
    print_table("normalise would read", ("source", "family", "ranges", "bytes"), rows)
    for error in plan.refused.values():
        typer.echo(f"left out: {error}")
    typer.echo("no engine is asked")


def _print_files(plan: RunPlan) -> None:
    print_table("files to read", ("source", "family", "ranges", "bytes"), plan.files)


def _facts(calls: Sequence[Estimate]) -> list[Mapping[str, object]]:
    return [asdict(call) for call in calls]


def sums(calls: Sequence[Estimate]) -> dict[str, float | None]:
    """Over all engines; None where a part is not known."""

    def total(values: Sequence[float | None]) -> float | None:
        return None if None in values else sum(value for value in values if value is not None)

    asked = [call for call in calls if call.new + call.follow]
    return {
        "calls": sum(call.new + call.follow for call in asked),
        "prompt_tokens": sum(call.prompt_tokens for call in asked),
        "completion_tokens": sum(call.completion_tokens for call in asked),
        "gpu_hours": total([call.gpu_hours for call in asked]),
        "cost": total([call.cost for call in asked]),
    }


def _print_estimates(calls: Sequence[Estimate]) -> None:
    columns = ("engine", "model", "purpose", "wanted", "answered before", "new", "to follow", "prompt tokens")
    rows: list[Sequence[object]] = [
        (
            *(call.engine, call.model, call.purpose, call.wanted, call.answered, call.new, call.follow),
            *(call.prompt_tokens, call.completion_tokens, _number(call.gpu_hours), _number(call.cost)),
        )
        for call in calls
    ]
    told = sums(calls)
    rows.append(
        (
            *(
                "all",
                "",
                "",
                *(sum(getattr(call, part) for call in calls) for part in ("wanted", "answered", "new", "follow")),
            ),
            *(told["prompt_tokens"], told["completion_tokens"], _number(told["gpu_hours"]), _number(told["cost"])),
        )
    )
    print_table("calls", (*columns, "completion tokens", "GPU-hours", "cost"), rows)
    guessed = sorted(
        {f"{call.engine} {call.purpose}" for call in calls if not call.measured and call.new + call.follow}
    )
    if guessed:
        typer.echo(
            f"not measured yet: {', '.join(guessed)}; tokens are guesses there (replies at their longest). "
            "`run --limit N` is a pilot whose calls a full run reuses"
        )
    if told["cost"] is None:
        typer.echo("cost: set engines.<name>.price.gpu_hour, or million_prompt_tokens and million_completion_tokens")


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:,.2f}"


def plan(
    ctx: typer.Context,
    sources: Annotated[
        str | None, typer.Option(help="Comma-separated source ids; default: all that are there.")
    ] = None,
    sources_root: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder of source files as downloaded.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="For a pilot of N records per source.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout instead of tables.")] = False,
) -> None:
    """Say what a run would read, ask and cost; with --set it is the what-if. Nothing is spent."""
    from jobs.cli.stages import choose_sources, root_setting

    options = read_options(ctx, *root_setting(sources_root))
    print_run_plan(options, choose_sources(options, sources), limit, sources is None, as_json)
