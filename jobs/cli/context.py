"""What commands share: reading options, and output as a table or as JSON."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from jobs.run import Options


def read_options(ctx: typer.Context, *defaults: str) -> Options:
    """The options of the command line; `defaults` are settings that those of the user override."""
    options: Options = ctx.obj(*defaults)
    return options


def print_json(value: object) -> None:
    """JSON on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table on stdout; source text is data, never markup."""
    table = Table(title=title or None, title_justify="left", show_lines=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else _plain(cell) for cell in row))
    Console(markup=False, highlight=False).print(table, markup=False)


def _plain(cell: object) -> str:
    text = f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text).replace("[", "\\[")
