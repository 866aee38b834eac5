"""What a run prints at its end: one table per stage, then where everything lies."""

from collections.abc import Sequence
from typing import Any

import typer

from jobs.cli.context import print_table
from jobs.normalise.conserve import SourceCount
from jobs.plan import PlannedCalls
from jobs.run import Outcome
from jobs.stages import StageCount


def print_outcome(outcome: Outcome, root: str) -> None:
    """Every stage that ran, as tables."""
    if outcome.sources:
        _print_sources(outcome.sources)
    if outcome.stages:
        _print_stages(outcome.stages)
    release = outcome.release
    if release is not None:
        words = "published" if release.is_new else "unchanged, so no new one was made"
        typer.echo(f"\nrelease {release.release_id}: {release.rows:,} rows, {words}; the gate passed")
        for shortfall in next((s.facts.get("shortfalls", []) for s in outcome.stages if s.stage == "publish"), []):
            typer.echo(f"  short: {shortfall}")
        for name, counts in release.counts.items():
            typer.echo(f"  by {name}: " + ", ".join(f"{key} {number:,}" for key, number in counts.items()))
    if outcome.export is not None:
        facts = outcome.export
        typer.echo(f"export: {facts.folder} ({facts.format}: {facts.rows:,} rows, {facts.bytes:,} bytes)")
    if outcome.report:
        typer.echo(f"report: {outcome.report}")
    typer.echo(f"tables: {root}/tables")


def _print_sources(counts: Sequence[SourceCount]) -> None:
    rows: list[Sequence[Any]] = [
        (c.source_id, c.records, c.units, c.samples, c.duplicates, sum(c.rejects.values()), _reasons(c.rejects))
        for c in counts
    ]
    sums = [sum(column) for column in zip(*(row[1:6] for row in rows), strict=True)]
    reasons: dict[str, int] = {}
    for count in counts:
        for reason, number in count.rejects.items():
            reasons[reason] = reasons.get(reason, 0) + number
    rows.append(("all", *sums, ""))
    columns = ("source", "records", "units", "samples", "duplicates", "rejected", "reasons")
    print_table("normalise: records = samples + duplicates + rejected", columns, rows)


def _reasons(rejects: dict[str, int]) -> str:
    return ", ".join(f"{reason} {number}" for reason, number in sorted(rejects.items()))


def _print_stages(stages: Sequence[StageCount]) -> None:
    columns = ("stage", "rows in", "out", "dropped and why", "calls: new", "reused", "failed", "tokens: in", "cached")
    rows = [
        (
            *(stage.stage, stage.rows_in, stage.rows_out, _reasons(stage.rejects)),
            *(stage.calls_new, stage.calls_reused, stage.calls_failed),
            *(stage.tokens.get(kind, 0) for kind in ("prompt", "cached", "completion")),
            f"{stage.tokens.get('completion', 0) / stage.seconds:.0f}",
            f"{stage.seconds:.0f}",
        )
        for stage in stages
    ]
    print_table("stages", (*columns, "out", "out/s", "seconds"), rows)


def print_calls(title: str, calls: Sequence[PlannedCalls]) -> None:
    """Calls by engine and purpose."""
    print_table(
        title,
        ("engine", "model", "purpose", "wanted", "answered before", "new", "prompt tokens, about"),
        [(c.engine, c.model, c.purpose, c.wanted, c.answered, c.new, c.prompt_tokens) for c in calls],
    )
