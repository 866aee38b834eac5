"""Runs a notebook in Databricks source format on a local session, with stand-ins for what Databricks adds."""

import asyncio
import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

HEADER = "# Databricks notebook source\n"
CELL = "\n# COMMAND ----------\n"
MAGIC = "# MAGIC "
SILENT = ("md", "pip")
"""Text, and packages, which the environment of the tests has."""


@dataclass(frozen=True)
class Cell:
    """One cell: its language and its text without marks."""

    language: str
    text: str


def read_cells(path: Path) -> list[Cell]:
    """Cells in order; Python has no magic."""
    text = path.read_text("utf-8")
    assert text.startswith(HEADER), f"{path} is no Databricks source file"
    return [_cell(part.strip("\n")) for part in text.removeprefix(HEADER).split(CELL)]


def _cell(text: str) -> Cell:
    lines = text.split("\n")
    if not lines[0].startswith(MAGIC + "%"):
        assert MAGIC.strip() not in text, f"magic in the middle of Python: {text}"
        return Cell("python", text)
    assert all(line.startswith(MAGIC.strip()) for line in lines), f"a cell is magic as a whole: {text}"
    language, _, first = lines[0].removeprefix(MAGIC + "%").partition(" ")
    return Cell(language, "\n".join([first, *(line.removeprefix(MAGIC.strip())[1:] for line in lines[1:])]).strip())


@dataclass
class Widgets:
    """`dbutils.widgets`: values given from outside stand over a widget's default."""

    given: Mapping[str, str]
    values: dict[str, str] = field(default_factory=dict)

    def text(self, name: str, default: str, label: str = "") -> None:  # noqa: ARG002 - Databricks shows it
        self.values[name] = self.given.get(name, default)

    def get(self, name: str) -> str:
        return self.values[name]


@dataclass(frozen=True)
class Dbutils:
    """The only part of `dbutils` that notebooks use."""

    widgets: Widgets


Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Shown:
    """What one call of `display` or `displayHTML` showed, or what a cell printed."""

    cell: int
    """Number of the cell, from 0."""
    columns: tuple[str, ...] = ()
    rows: Rows = field(default_factory=list)
    html: str = ""
    text: str = ""


def tables_of(shown: list[Shown]) -> list[Rows]:
    """Rows of everything that was displayed as a table, in order."""
    return [one.rows for one in shown if one.columns]


async def _inside(work: Callable[[], None]) -> None:
    """Inside an event loop, where Databricks and Jupyter run cells."""
    work()


def run_notebook(path: Path, spark: SparkSession, widgets: Mapping[str, str]) -> list[Shown]:
    """What was shown, in order; an error names its cell."""
    shown: list[Shown] = []
    at = 0

    def display(frame: DataFrame) -> None:
        rows = [row.asDict(recursive=True) for row in frame.collect()]
        shown.append(Shown(at, tuple(frame.columns), rows))

    def display_html(page: str) -> None:
        shown.append(Shown(at, html=page))

    names: dict[str, Any] = {"spark": spark, "display": display, "displayHTML": display_html}
    names["dbutils"] = Dbutils(Widgets(widgets))
    run: Mapping[str, Callable[[str], None]] = {
        "python": lambda text: exec(compile(text, str(path), "exec"), names),  # the project's own notebook
        "sql": lambda text: display(spark.sql(text)),
    }
    for at, cell in enumerate(read_cells(path)):
        if cell.language in SILENT:
            continue
        printed = io.StringIO()
        try:
            with redirect_stdout(printed):
                asyncio.run(_inside(partial(run[cell.language], cell.text)))
        except Exception as error:
            error.add_note(f"in cell {at + 1} of {path.name}")
            raise
        if printed.getvalue():
            shown.append(Shown(at, text=printed.getvalue()))
    return shown
