"""What commands share: reading options, and output as a table or as JSON."""

import base64
import csv
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobs.run import Options
from jobs.session import spark_session
from jobs.tables import Tables, no_tables

PIPE_WIDTH = 160


def open_tables(ctx: typer.Context) -> tuple[Options, Tables]:
    """The options and their tables; InputError where there are none, since a mistyped root is an empty one."""
    options = read_options(ctx)
    tables = Tables(spark_session(options.config), options.config.storage)
    if not tables.exists("samples"):
        raise no_tables(tables.root)
    return options, tables


def read_options(ctx: typer.Context, *own: str, defaults: Sequence[str] = ()) -> Options:
    """The options of the command line; `own` are settings of the command, which count more than --set.

    `defaults` are settings that those of the user override.
    """
    options: Options = ctx.obj(defaults, own)
    return options


def print_json(value: object) -> None:
    """JSON on stdout; bytes in base64, times in ISO 8601."""
    sys.stdout.write(_json(value, indent=2) + "\n")


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """CSV on stdout, with a header; NULL is an empty field, what has no form in CSV is JSON."""
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    writer.writerows([cell if isinstance(cell, str | None) else _json(cell).strip('"') for cell in row] for row in rows)


def _json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False, default=_printable)


def _printable(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, date) else str(value)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table on stdout; source text is data, never markup."""
    table = Table(box=SIMPLE_HEAD)
    cells = [list(row) for row in rows]
    for at, column in enumerate(columns):
        numbers = all(isinstance(row[at], int | float | None) for row in cells) and bool(cells)
        table.add_column(Text(column), overflow="fold", justify="right" if numbers else "left")
    for row in cells:
        table.add_row(*(Text("" if cell is None else _plain(cell)) for cell in row))
    console = _console()
    if title:
        console.print(Text(f"\n{title}", style="bold"))
    console.print(table)


def print_beside(left: tuple[str, str], right: tuple[str, str]) -> None:
    """Two titled texts side by side on a terminal, one under the other in a pipe."""
    console = _console()
    if not console.is_terminal:
        for title, text in (left, right):
            console.print(Text(f"{title}:\n{_plain(text)}\n"), soft_wrap=True)
        return
    table = Table(box=SIMPLE_HEAD, expand=True)
    for title, _ in (left, right):
        table.add_column(Text(title), ratio=1, overflow="fold")
    table.add_row(Text(_plain(left[1])), Text(_plain(right[1])))
    console.print(table)


def _console() -> Console:
    # A pipe has no width: tables are as wide there as they want to be.
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def _plain(cell: object) -> str:
    text = f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)
