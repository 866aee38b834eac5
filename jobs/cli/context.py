"""What commands share: reading options, and output as a table or as JSON."""

import base64
import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from math import isfinite, isnan
from typing import Any

import typer
from pyspark.sql import Row
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobs.run import Options
from jobs.session import spark_session
from jobs.tables import Tables, no_tables

PIPE_WIDTH, WIDEST = 160, 10_000
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
LEAST_WIDTH = 14
"""Columns that have less, in letters, are not worth reading."""


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
    """JSON on stdout; bytes in base64, times in ISO 8601, NaN and infinities as null."""
    sys.stdout.write(_json(as_json(value), indent=2) + "\n")


def as_json(value: Any, *, strict: bool = True) -> Any:  # noqa: ANN401 - any value that SQL or a command gives
    """A value as JSON has it: structs are objects; NaN and infinities are none, or stay where it need not be strict."""
    if isinstance(value, Row):
        value = dict(zip(value.__fields__, value, strict=True))
    if isinstance(value, Mapping):
        return {str(key): as_json(item, strict=strict) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item, strict=strict) for item in value]
    return None if strict and isinstance(value, float) and not isfinite(value) else value


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """CSV on stdout, with a header; NULL is an empty field, what has no form in CSV is JSON."""
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    writer.writerows(map(_cell, row) for row in rows)


def _cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula gets a quote before it."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULAS) else value
    return None if value is None else _json(value).strip('"')


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
        table.add_row(*map(_text, row))
    console = _console()
    if title:
        console.print(Text(f"\n{title}", style="bold"))
    wanted = console.measure(table, options=console.options.update(max_width=WIDEST)).maximum
    if not console.is_terminal:
        # A pipe has no width: a table is as wide as it wants to be.
        console.width = min(WIDEST, max(PIPE_WIDTH, wanted))
    elif len(columns) * LEAST_WIDTH > console.width < wanted:
        table = _records(columns, cells)
    console.print(table)


def _records(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """Rows one below the other, for a terminal too narrow to hold them side by side."""
    table = Table(box=SIMPLE_HEAD, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for row in rows:
        for column, cell in zip(columns, row, strict=True):
            table.add_row(Text(column, style="bold"), _text(cell))
        table.add_section()
    return table


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
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def _text(cell: object) -> Text:
    return Text("" if cell is None else _plain(cell))


def _plain(cell: object) -> str:
    if isinstance(cell, float) and isnan(cell):
        return "–"
    if isinstance(cell, bytes | bytearray):
        return f"{len(cell):,} bytes"
    text = f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)
