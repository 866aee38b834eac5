"""What a report is made of: sections with text, tables and charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jobs.report.page import number
from jobs.report.plots import Bars, Dots, Lines


@dataclass(frozen=True)
class Grid:
    """A table of finished text; the first column names the row."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int] = frozenset({0})
    """Columns of words; all others are numbers."""
    sums: int = 0
    """How many of the last rows sum up or stand beside the others."""


@dataclass(frozen=True)
class Section:
    """One heading with what stands below it."""

    anchor: str
    title: str
    text: tuple[str, ...] = ()
    grids: tuple[Grid, ...] = ()
    plots: tuple[Bars | Lines | Dots, ...] = ()
    legend: Mapping[str, int] = field(default_factory=dict)
    """Colours of a map by category."""


def cells(*rows: Sequence[object]) -> tuple[tuple[str, ...], ...]:
    """Rows as text, whole numbers with their digits grouped."""
    return tuple(tuple(number(cell) if isinstance(cell, int) else str(cell) for cell in row) for row in rows)


def total(name: str, rows: Sequence[Sequence[object]], first: int) -> tuple[object, ...]:
    """A row that sums up the whole numbers of the columns from `first` on."""
    columns = list(zip(*rows, strict=True))[first:]
    sums = [sum(cell for cell in column if isinstance(cell, int)) for column in columns]
    return (name, *[""] * (first - 1), *sums)
