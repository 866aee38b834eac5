"""Commands over releases: list, diff, verify, rollback."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from pyspark.sql import Row

from jobs.cli.context import open_tables, print_json, print_table, read_options
from jobs.history import EXAMPLES, Difference, diff, rollback, verify
from jobs.progress import Progress
from jobs.release import manifest
from jobs.run import new_run_id, root_lock
from schemas.errors import ConfigError, InputError

releases = typer.Typer(help="Published releases.", no_args_is_help=True)
COLUMNS = ("release_id", "rows", "table_version", "content_hash", "run_id", "restored_from", "at")
Json = Annotated[bool, typer.Option("--json", help="JSON.")]


@releases.command("list")
def list_releases(ctx: typer.Context, as_json: Json = False) -> None:
    """All releases, newest last."""
    found = open_tables(ctx)[1].read("releases").select(*COLUMNS).orderBy("release_id")
    rows = [row.asDict() for row in found.collect()]
    print_json(rows) if as_json else print_table("", COLUMNS, [list(row.values()) for row in rows])


@releases.command("diff")
def diff_releases(
    ctx: typer.Context,
    old: Annotated[int | None, typer.Argument(help="Default: the one before NEW.")] = None,
    new: Annotated[int | None, typer.Argument(help="Default: the newest.")] = None,
    rows: Annotated[int, typer.Option(min=0, help="Rows to name, each with the columns that changed.")] = EXAMPLES,
    as_json: Json = False,
) -> None:
    """Rows added, removed and changed from one release to another, by category; and which."""
    tables = open_tables(ctx)[1]
    last = int(manifest(tables, new)["release_id"])
    first = last - 1 if old is None else old
    if old is None and last == 1:
        raise ConfigError("release 1 has no earlier one", "name two releases, e.g. `mammoth-vl release diff 1 2`")
    found = diff(tables, first, last, rows)
    print_json(asdict(found)) if as_json else _print(found)


def _print(found: Difference) -> None:
    rows = [(change, category, number) for change, tally in found.counts.items() for category, number in tally.items()]
    print_table(f"release {found.old} to {found.new}", ("change", "category", "rows"), rows)
    if found.columns:
        print_table("changed rows by column", ("column", "rows"), sorted(found.columns.items()))
    if found.examples:
        print_table("rows", ("change", "id", "columns"), found.examples)


@releases.command("verify")
def verify_releases(
    ctx: typer.Context,
    release: Annotated[int | None, typer.Argument(help="Default: the newest.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All releases.")] = False,
    as_json: Json = False,
) -> None:
    """Read every row and compare rows and content hash with the manifest; exit code 4 when they differ."""
    if every and release is not None:
        raise ConfigError(f"release {release} and --all are both given", "give one of them")
    tables = open_tables(ctx)[1]
    ids = [row[0] for row in tables.read("releases").select("release_id").orderBy("release_id").collect()]
    found, damaged = [], list[InputError]()
    for number in ids if every else [release]:
        try:
            found.append(verify(tables, number))
        except InputError as error:
            damaged.append(error)
    _print_verified(found, as_json)
    if damaged:
        steps = dict.fromkeys(error.next_step for error in damaged)
        raise InputError("\n".join(str(error.args[0]) for error in damaged), "; ".join(steps))


def _print_verified(found: Sequence[Row], as_json: bool) -> None:
    names = ("release_id", "table_version", "rows", "content_hash")
    rows = [{name: row[name] for name in names} for row in found]
    if as_json:
        print_json(rows)
    elif rows:
        print_table("as their manifests say", names, [list(row.values()) for row in rows])


@releases.command("rollback")
def rollback_release(
    ctx: typer.Context, release: Annotated[int, typer.Argument(help="Earlier release.")], as_json: Json = False
) -> None:
    """Publish an earlier release again: its rows become the newest release, in one commit."""
    options = read_options(ctx)
    tables = open_tables(ctx)[1]
    with root_lock(tables.root, new_run_id(), Progress(quiet=options.quiet)):
        row = rollback(tables, release).asDict()
    shown = {name: row[name] for name in COLUMNS}
    print_json(shown) if as_json else print_table("", COLUMNS, [list(shown.values())])
