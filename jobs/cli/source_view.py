"""How a source, its example and what became of its files are shown; source text is data, never markup."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import typer
import yaml

from jobs.check import EXAMPLES, Check
from jobs.cli.context import print_beside, print_table
from jobs.example import Example
from jobs.look import Row
from schemas.source import Source
from udfs.ids import clean

EXCERPT = 120


def facts(source: Source) -> dict[str, Any]:
    """The row of a list."""
    return {
        "source_id": source.source_id,
        "name": source.name,
        "group": source.group.value,
        "category": source.category.value,
        "modality": source.modality.value,
        "family": source.family,
        "licence": source.licence.spdx,
        "packaging": source.licence.packaging,
        "commercial": source.licence.commercial,
        "redistribution": source.licence.redistribution,
        "rows": source.rows,
        "unit": source.unit,
        "verified": source.verified.value,
        "benchmark": source.is_benchmark,
        "runnable": source.runnable,
    }


def print_list(rows: Sequence[dict[str, Any]], groups: Iterable[tuple[str, int]]) -> None:
    """Sources as a table, with their number by group and the test sets among them."""
    columns = ("source_id", "group", "category", "modality", "family", "licence", "rows", "verified", "runnable")
    marked = [row | {"source_id": row["source_id"] + " *" * row["benchmark"]} for row in rows]
    print_table("", columns, [[row[column] for column in columns] for row in marked])
    print_table("", ("group", "sources"), groups)
    if any(row["benchmark"] for row in rows):
        typer.echo("* a test set: left out of a run that does not name it, but for --profile paper")


def print_source(source: Source, example: Example) -> None:
    """All that is known, then the record and its sample."""
    tree = source.model_dump(mode="json", exclude_defaults=True) | {"runnable": source.runnable}
    if source.is_benchmark:
        typer.echo("A test set: training on it makes results on it worthless.\n")
    typer.echo(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=110))
    if example.kind == "none":
        typer.echo(f"no example: {example.note}")
        return
    typer.echo(f"example, {'from your files' if example.kind == 'files' else 'invented'}: {example.note}")
    print_beside(("record", _json(example.record)), ("sample", _told(example)))


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _told(example: Example) -> str:
    lines = [] if example.sample is None else _lines(example.sample)
    if example.reject is not None:
        lines.append(f"[rejected] {example.reject['drop_reason']}: {example.reject['detail']}")
    return "\n".join(lines)


def _lines(sample: Row) -> list[str]:
    said = [f"[{turn['role']}] {turn['text']}" for turn in sample["conversation"]]
    more = {name: sample[name] for name in ("gold_answer", "evidence_kind", "evidence", "language", "media_status")}
    shows = [f"[medium {at}] {medium}" for at, medium in enumerate(sample["media"], 1)]
    return [*said, *shows, *(f"[{name}] {value}" for name, value in more.items() if value)]


def print_check(check: Check) -> None:
    """One source: numbers, examples of rejects, and what to do next."""
    print_table(f"{check.source.name}, read as {check.family}", ("what", "count"), check.lines())
    if check.examples:
        columns = ("reason", "file", "record", "what was found", "it begins")
        rows = [(e.reason, e.file, e.position, e.detail, e.excerpt[:EXCERPT]) for e in check.examples]
        print_table(f"rejects, up to {EXAMPLES} of each reason", columns, rows)
    if check.advice:
        print_table("what to do next", ("about", "advice"), [(k or "family", v) for k, v in check.advice.items()])
    for file, why in check.unread.items():
        typer.echo(clean(f"not read: {file}: {why}"))


def print_checks(checks: Sequence[Check]) -> None:
    """Many sources: one row each."""
    columns = ("source", "read as", "files", "unread", "records", "samples", "duplicates", "rejected", "why")
    rows: list[tuple[Any, ...]] = []
    for check in checks:
        name, count = check.source.source_id, check.count
        if count is None:
            problem = check.problem
            rows.append((name, "-", None, None, None, None, None, None, str(problem.args[0]) if problem else ""))
        else:
            reasons = ", ".join(f"{reason} {number:,}" for reason, number in sorted(count.rejects.items()))
            rejected = sum(count.rejects.values())
            numbers = (count.files, len(check.unread), count.records, count.samples, count.duplicates, rejected)
            rows.append((name, check.family, *numbers, reasons))
    print_table("records = samples + duplicates + rejected", columns, rows)
