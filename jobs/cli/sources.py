"""Commands about sources: list, show, check, fetch, screen."""

from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer

from jobs.cli.context import print_json, read_options
from jobs.cli.fetch import fetch
from jobs.cli.screen import screen
from jobs.cli.source_view import facts, print_check, print_checks, print_list, print_source
from jobs.cli.stages import has_files
from jobs.run import Options
from schemas.enums import Category, Group, Modality, Verified
from schemas.errors import ConfigError
from schemas.source import Source, pick_sources

app = typer.Typer(help="What can be read, and whether your files of it read well.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
app.command()(fetch)
app.command()(screen)
MISSING = 4
"""Exit code when files of a source are missing or unreadable."""


@app.command("list")
def list_sources(
    ctx: typer.Context,
    group: Annotated[Group | None, typer.Option(help="Only this group.")] = None,
    category: Annotated[Category | None, typer.Option(help="Only this category.")] = None,
    licence: Annotated[
        str | None, typer.Option(metavar="SPDX|commercial", help="Only these terms, or those known to allow commerce.")
    ] = None,
    modality: Annotated[Modality | None, typer.Option(help="Only this modality.")] = None,
    verified: Annotated[Verified | None, typer.Option(help="Only entries that are known this way.")] = None,
    benchmark: Annotated[bool | None, typer.Option(help="Only test sets, or none of them.")] = None,
    runnable: Annotated[bool | None, typer.Option(help="Only what can be read, or what cannot.")] = None,
    as_json: Json = False,
) -> None:
    """All sources of the catalogue, and which of them can be read."""
    wanted = {
        "group": group, "category": category, "modality": modality, "verified": verified, "is_benchmark": benchmark,
        "runnable": runnable,
    }  # fmt: skip
    rows = [
        facts(source)
        for source in read_options(ctx).sources.values()
        if _under(source, licence)
        and all(value is None or getattr(source, name) == value for name, value in wanted.items())
    ]
    if as_json:
        print_json(rows)
    else:
        print_list(rows, sorted(Counter(str(row["group"]) for row in rows).items()))


def _under(source: Source, licence: str | None) -> bool:
    if licence == "commercial":
        return source.licence.commercial == "yes"
    return licence is None or source.licence.spdx.lower() == licence.lower()


@app.command()
def show(ctx: typer.Context, source_id: str, as_json: Json = False) -> None:
    """All that is known about one source, and a record beside the sample that it becomes."""
    from jobs.example import example_of

    options = read_options(ctx)
    source = pick_sources(options.sources, [source_id])[0]
    example = example_of(source, options.config)
    if as_json:
        tree = source.model_dump(mode="json", exclude_defaults=True) | {"runnable": source.runnable}
        print_json(tree | {"example": asdict(example)})
    else:
        print_source(source, example)


@app.command()
def check(
    ctx: typer.Context,
    source_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every source that has files there.")] = False,
    media: Annotated[str, typer.Option(help="read, or skip to check annotations alone.")] = "read",
    limit: Annotated[int | None, typer.Option(help="Only so many records, by hash.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Read the files of sources and say what became of every record; no table is touched."""
    from jobs.check import check_source, check_sources

    if media not in ("read", "skip"):
        raise ConfigError(f"--media {media!r}", "allowed: read, skip")
    options = read_options(ctx, f"media.mode={media}")
    sources = _named(options, source_ids or [], everything)
    if len(sources) == 1:
        found = check_source(options, sources[0], limit)
        print_json(found.counts()) if as_json else print_check(found)
        return
    checks = check_sources(options, sources, limit)
    print_json([each.counts() for each in checks]) if as_json else print_checks(checks)
    if any(each.problem for each in checks):
        raise typer.Exit(MISSING)


def _named(options: Options, names: list[str], everything: bool) -> list[Source]:
    if bool(names) == everything:
        raise ConfigError("sources check: name sources or give --all", "`mammoth-vl sources list` shows what there is")
    if names:
        return pick_sources(options.sources, names)
    storage = options.config.storage
    found = [source for source in options.sources.values() if source.runnable and has_files(source, storage)]
    if not found:
        raise ConfigError(
            f"no source of the catalogue has files below {storage.sources_root}",
            "--set storage.sources_root=DIR names the folder that holds the downloaded datasets",
        )
    return found
