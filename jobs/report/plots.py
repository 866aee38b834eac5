"""Charts as values: numbers become places in a drawing; templates turn them into inline SVG."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

WIDTH = 460
LABEL = 118
ROW, BAR = 40, 13
TOP, BOTTOM = 8, 34
FEW = 200
MOST_TICKS = 8
"""More numbers below an axis would touch each other."""


@dataclass(frozen=True)
class Bar:
    """One bar: its length in px and what is written at its end."""

    length: float
    text: str


@dataclass(frozen=True)
class BarRow:
    """A label with our bar above the other one; None where there is no number."""

    label: str
    ours: Bar | None
    theirs: Bar | None
    y: int


@dataclass(frozen=True)
class Bars:
    """Horizontal bars in pairs."""

    title: str
    alt: str
    names: tuple[str, str]
    rows: tuple[BarRow, ...]
    ticks: tuple[tuple[float, str], ...]
    kind: str = "bars"

    @property
    def height(self) -> int:
        """Of the drawing, px."""
        return TOP + ROW * len(self.rows) + BOTTOM


@dataclass(frozen=True)
class Lines:
    """Two distributions over the same bins, as steps."""

    title: str
    alt: str
    names: tuple[str, str]
    paths: tuple[str, str]
    ticks: tuple[tuple[float, str], ...]
    x_label: str
    tallest: str
    """The share that the highest step stands for."""
    kind: str = "lines"
    height: int = 250


@dataclass(frozen=True)
class Dots:
    """A map: points with the number of their colour."""

    title: str
    alt: str
    points: tuple[tuple[float, float, int], ...]
    kind: str = "dots"

    @property
    def radius(self) -> float:
        """Few dots are drawn larger, px."""
        return 2.6 if len(self.points) > FEW else 4.5


def bars(title: str, names: tuple[str, str], shares: Mapping[str, tuple[float | None, float | None]]) -> Bars:
    """Shares between 0 and 1 by label: ours, and the ones they stand beside."""
    values = [value for pair in shares.values() for value in pair if value is not None]
    top = next(step for step in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if step >= min(1.0, max(values, default=0)))
    scale = (WIDTH - LABEL - 64) / top

    def bar(value: float | None) -> Bar | None:
        return None if value is None else Bar(round(value * scale, 1), f"{100 * value:.1f} %")

    rows = tuple(
        BarRow(label, bar(ours), bar(theirs), TOP + ROW * at)
        for at, (label, (ours, theirs)) in enumerate(shares.items())
    )
    ticks = tuple((round(LABEL + top * n / 4 * scale, 1), f"{100 * top * n / 4:g} %") for n in range(5))
    said = "; ".join(
        f"{row.label}: {' against '.join(bar.text if bar else 'nothing' for bar in (row.ours, row.theirs))}"
        for row in rows
    )
    return Bars(title, f"{title}, {names[0]} against {names[1]}. {said}.", names, rows, ticks)


def steps(title: str, names: tuple[str, str], counts: tuple[Mapping[int, int], Mapping[int, int]], unit: str) -> Lines:
    """Two histograms whose bin `n` covers [2^(n/2), 2^((n+1)/2)), each drawn as shares of its own total."""
    keys = [key for count in counts for key in count]
    low, high = (min(keys), max(keys) + 1) if keys else (0, 1)
    tallest = max((n / sum(count.values()) for count in counts for n in count.values()), default=1.0)
    across, up = (WIDTH - 40) / (high - low), 190 / tallest

    def path(count: Mapping[int, int]) -> str:
        total = sum(count.values())
        if not total:
            return ""
        places = [(20 + (key - low) * across, 205 - count.get(key, 0) / total * up) for key in range(low, high + 1)]
        drawn = [f"M{places[0][0]:.1f} 205V{places[0][1]:.1f}"]
        drawn += [f"H{after[0]:.1f}V{after[1]:.1f}" for _, after in pairwise(places)]
        return "".join(drawn)

    apart = 2 * (1 + (high - low) // (2 * MOST_TICKS))
    ticks = tuple(
        (round(20 + (key - low) * across, 1), f"{2 ** (key // 2):,}")
        for key in range(low, high + 1)
        if key % apart == 0
    )
    medians = " and ".join(f"{name} about {_median(count):,.0f}" for name, count in zip(names, counts, strict=True))
    alt = f"{title}: two distributions over {unit}; medians: {medians}."
    return Lines(
        title, alt, names, (path(counts[0]), path(counts[1])), ticks, f"{unit} (logarithmic)", f"{100 * tallest:.0f} %"
    )


def _median(count: Mapping[int, int]) -> float:
    """Middle of the bin that holds the median."""
    half, seen = sum(count.values()) / 2, 0
    for key in sorted(count):
        seen += count[key]
        if seen >= half:
            return 2 ** ((key + 0.5) / 2)
    return math.nan


def dots(title: str, alt: str, places: Sequence[tuple[float, float]], colours: Sequence[int]) -> Dots:
    """Points in the unit square, y upwards, in a drawing of 460 px."""
    points = tuple(
        (round(12 + 436 * x, 1), round(448 - 436 * y, 1), c) for (x, y), c in zip(places, colours, strict=True)
    )
    return Dots(title, alt, points)
