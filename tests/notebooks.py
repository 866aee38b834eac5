"""Runs a notebook in Databricks source format on a local session, with stand-ins for what Databricks adds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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


def run_notebook(path: Path, spark: SparkSession, widgets: Mapping[str, str]) -> list[Rows]:
    """What was displayed, in order; an error names its cell."""
    shown: list[Rows] = []

    def display(frame: DataFrame) -> None:
        shown.append([row.asDict(recursive=True) for row in frame.collect()])

    names: dict[str, Any] = {"spark": spark, "display": display, "dbutils": Dbutils(Widgets(widgets))}
    run: Mapping[str, Callable[[str], None]] = {
        "python": lambda text: exec(compile(text, str(path), "exec"), names),  # the project's own notebook
        "sql": lambda text: display(spark.sql(text)),
    }
    for number, cell in enumerate(read_cells(path), 1):
        if cell.language in SILENT:
            continue
        try:
            run[cell.language](cell.text)
        except Exception as error:
            error.add_note(f"in cell {number} of {path.name}")
            raise
    return shown
