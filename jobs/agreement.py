"""Do judges and people agree? Cohen's kappa with bootstrap intervals, as in the paper's Table A5; pure numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import combinations, product
from statistics import mean

import numpy as np
import numpy.typing as npt

DRAWS = 2_000
LEVEL = 0.95
ALL = "all"

Answers = Mapping[str, bool]
"""Good or bad by subject; subjects without a readable answer are absent."""


@dataclass(frozen=True)
class Kappa:
    """Agreement of two raters on the subjects that both answered."""

    a: str
    b: str
    category: str
    items: int
    agreed: float
    """Share of equal answers; NaN without items."""
    kappa: float
    """NaN where it is undefined: no items, or both raters gave one and the same answer throughout."""
    low: float
    high: float
    """Percentile bootstrap interval of 95 percent over the items."""


@dataclass(frozen=True)
class Agreement:
    """Every pair of raters, overall and by category."""

    people: tuple[str, ...]
    judges: tuple[str, ...]
    kappas: tuple[Kappa, ...] = field(default=())

    def of(self, a: str, b: str, category: str = ALL) -> Kappa | None:
        """The agreement of two raters, if they share subjects."""
        return next((k for k in self.kappas if {k.a, k.b} == {a, b} and k.category == category), None)

    def with_people(self, judge: str, least: int = 1) -> float:
        """Mean kappa of a judge with each person who shares `least` pairs with it; NaN where nobody does."""
        return _mean([k for k in self.beside_people(judge) if k.items >= least])

    def beside_people(self, judge: str) -> list[Kappa]:
        """The agreement of a judge with each person who shares pairs with it."""
        found = [self.of(judge, person) for person in self.people]
        return [k for k in found if k is not None]

    def among_people(self) -> float:
        """Mean kappa of people with each other; NaN with fewer than two."""
        return _mean([self.of(a, b) for a, b in combinations(self.people, 2)])

    def in_place_of_one(self, judge: str) -> float:
        """Mean kappa among people once a judge took one's place, over every choice of that one; NaN where undefined."""
        panels = ([judge, *(person for person in self.people if person != one)] for one in self.people)
        return _mean([self.of(a, b) for panel in panels for a, b in combinations(panel, 2)])


def _mean(found: Sequence[Kappa | None]) -> float:
    values = [k.kappa for k in found if k is not None and not math.isnan(k.kappa)]
    return mean(values) if values else math.nan


def agreements(
    people: Mapping[str, Answers], judges: Mapping[str, Answers], categories: Mapping[str, str]
) -> Agreement:
    """Kappa of every judge with every person, of people, and of judges, overall and by category.

    A judge is not compared with itself under another name; pairs without a shared subject are left out.
    """
    raters = {**people, **judges}
    pairs = [*product(judges, people), *combinations(people, 2), *combinations(judges, 2)]
    found = []
    for a, b in pairs:
        shared = sorted(raters[a].keys() & raters[b].keys())
        groups = {ALL: shared} if shared else {}
        for subject in shared:
            groups.setdefault(categories.get(subject, "unknown"), []).append(subject)
        for name, ids in groups.items():
            found.append(kappa_of((a, b), count_cells([raters[a][i] for i in ids], [raters[b][i] for i in ids]), name))
    return Agreement(tuple(people), tuple(judges), tuple(found))


def count_cells(left: Sequence[bool], right: Sequence[bool]) -> tuple[int, int, int, int]:
    """How often two raters said no and no, no and yes, yes and no, yes and yes."""
    pairs = list(zip(left, right, strict=True))
    return (
        pairs.count((False, False)), pairs.count((False, True)), pairs.count((True, False)), pairs.count((True, True))
    )  # fmt: skip


def kappa_of(names: tuple[str, str], counts: Sequence[int], category: str = ALL) -> Kappa:
    """Cohen's kappa of the counts that `count_cells` gives.

    Two raters and two answers make a table of four counts, so drawing items anew is drawing that table from a
    multinomial distribution.
    """
    cells, items = np.array(counts, dtype=np.int64), sum(counts)
    if not items:
        return Kappa(*names, category, 0, math.nan, math.nan, math.nan, math.nan)
    # The same data give the same interval, whoever asks.
    seed = int.from_bytes(sha256(repr((names, category, *counts)).encode()).digest()[:8], "big")
    drawn = _kappa(np.random.default_rng(seed).multinomial(items, cells / items, DRAWS))
    drawn = drawn[~np.isnan(drawn)]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if drawn.size else (math.nan, math.nan)
    agreed = (counts[0] + counts[3]) / items
    return Kappa(*names, category, items, agreed, float(_kappa(cells[None])[0]), float(low), float(high))


def _kappa(cells: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Kappa of tables given as rows (no-no, no-yes, yes-no, yes-yes)."""
    shares = cells / cells.sum(axis=1, keepdims=True)
    agreed = shares[:, 0] + shares[:, 3]
    left, right = shares[:, 2] + shares[:, 3], shares[:, 1] + shares[:, 3]
    chance = left * right + (1 - left) * (1 - right)
    # Rounding leaves a hair of room where both raters gave one answer throughout.
    apart = 1 - chance > 1e-12
    return np.where(apart, (agreed - chance) / np.where(apart, 1 - chance, 1), np.nan)
