"""Commands about sources: list, show, check."""

from collections import Counter
from typing import Annotated, Any

import typer
import yaml

from jobs.cli.context import print_json, print_table, read_options
from schemas.enums import Category, Group, Modality, Verified
from schemas.errors import ConfigError
from schemas.source import Source, pick_sources

app = typer.Typer(help="What can be read, and whether your files of it read well.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


@app.command("list")
def list_sources(
    ctx: typer.Context,
    group: Annotated[Group | None, typer.Option(help="Only this group.")] = None,
    category: Annotated[Category | None, typer.Option(help="Only this category.")] = None,
    modality: Annotated[Modality | None, typer.Option(help="Only this modality.")] = None,
    verified: Annotated[Verified | None, typer.Option(help="Only entries that are known this way.")] = None,
    as_json: Json = False,
) -> None:
    """All sources of the catalogue, and which of them can be read."""
    wanted = {"group": group, "category": category, "modality": modality, "verified": verified}
    rows = [
        _facts(source)
        for source in read_options(ctx).sources.values()
        if all(value is None or getattr(source, name) is value for name, value in wanted.items())
    ]
    if as_json:
        print_json(rows)
        return
    columns = ("source_id", "group", "category", "modality", "family", "licence", "rows", "verified", "runnable")
    print_table("", columns, [[row[column] for column in columns] for row in rows])
    groups = Counter(str(row["group"]) for row in rows)
    print_table("", ("group", "sources"), sorted(groups.items()))


def _facts(source: Source) -> dict[str, Any]:
    return {
        "source_id": source.source_id,
        "name": source.name,
        "group": source.group.value,
        "category": source.category.value,
        "modality": source.modality.value,
        "family": source.family,
        "licence": source.licence.spdx,
        "rows": source.rows,
        "verified": source.verified.value,
        "benchmark": source.is_benchmark,
        "runnable": source.runnable,
    }


@app.command()
def show(ctx: typer.Context, source_id: str, as_json: Json = False) -> None:
    """All that is known about one source."""
    source = pick_sources(read_options(ctx).sources, [source_id])[0]
    tree = source.model_dump(mode="json", exclude_defaults=True) | {"runnable": source.runnable}
    if as_json:
        print_json(tree)
    else:
        typer.echo(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=110))


@app.command()
def check(
    ctx: typer.Context,
    source_id: str,
    media: Annotated[str, typer.Option(help="read, or skip to check annotations alone.")] = "read",
    limit: Annotated[int | None, typer.Option(help="Only so many records, by hash.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Read a source's own files and say what became of every record; no table is touched."""
    from jobs.check import check_source

    if media not in ("read", "skip"):
        raise ConfigError(f"--media {media!r}", "allowed: read, skip")
    options = read_options(ctx, f"media.mode={media}")
    source = pick_sources(options.sources, [source_id])[0]
    found = check_source(options, source, limit)
    if as_json:
        print_json(found.counts())
        return
    print_table(f"{source.name}, read as {found.family}", ("what", "count"), found.lines())
    if found.examples:
        print_table("examples of rejects", ("reason", "file", "record", "what was found"), found.examples)
    for file in found.unread:
        typer.echo(f"not read (no family reads it): {file}")
