"""How many rows of each source and kind a release takes: plain arithmetic on counts."""

import heapq
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from schemas.config import Publishing
from schemas.enums import Category, Group, PairKind

Key = tuple[str, str]
"""source_id and kind."""


@dataclass(frozen=True)
class Stratum:
    """Acceptable rows of one source and kind."""

    source_id: str
    kind: PairKind
    group: Group
    category: Category
    rows: int

    @property
    def key(self) -> Key:
        """What quotas are given to."""
        return self.source_id, self.kind.value


@dataclass(frozen=True)
class Mix:
    """Quotas, and what they leave out."""

    quotas: Mapping[Key, int]
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Rows by the rule that left them out."""
    shortfalls: tuple[str, ...] = ()


def apportion(sizes: Mapping[Key, int], total: int) -> dict[Key, int]:
    """`total` seats in proportion to `sizes`, by Webster's method: a larger total takes from no one.

    Equal to the first `total` entries when all (key, n-th row) are ordered by (n - 1/2) / size.
    """
    whole = sum(sizes.values())
    if total >= whole:
        return dict(sizes)
    seats = {key: (2 * size * total + whole) // (2 * whole) for key, size in sizes.items()}
    step = 1 if sum(seats.values()) < total else -1
    # Who is next to get one more seat (step 1) or to lose one (step -1); ties go by key.
    queue = [
        (step * Fraction(2 * seats[key] + step, 2 * sizes[key]), step * place, key)
        for place, key in enumerate(sorted(sizes))
        if sizes[key]
    ]
    heapq.heapify(queue)
    for _ in range(abs(total - sum(seats.values()))):
        _, place, key = heapq.heappop(queue)
        seats[key] += step
        heapq.heappush(queue, (step * Fraction(2 * seats[key] + step, 2 * sizes[key]), place, key))
    return seats


def _by(strata: Iterable[Stratum], of: Callable[[Stratum], str]) -> dict[str, list[Stratum]]:
    grouped: dict[str, list[Stratum]] = {}
    for stratum in sorted(strata, key=lambda item: item.key):
        grouped.setdefault(of(stratum), []).append(stratum)
    return grouped


def _ratio(sizes: Mapping[Key, int], source_id: str, share: Fraction) -> dict[Key, int]:
    """Rows of one rewritten source that stand in the ratio; the scarcer kind decides how many."""
    wanted = {(source_id, PairKind.REWRITTEN.value): share, (source_id, PairKind.ORIGINAL.value): 1 - share}
    whole = min(sizes.get(key, 0) / part for key, part in wanted.items() if part)
    return {key: math.floor(part * whole) for key, part in wanted.items()}


def _budgets(publishing: Publishing, rows: int) -> dict[str, int]:
    """Rows that each category with a share may have, and under "" what all others may have together."""
    shares = {category.value: Fraction(str(share)) for category, share in publishing.category_shares.items()}
    rest = 1 - sum(shares.values(), Fraction(0))
    base = rows if publishing.total_rows is None else publishing.total_rows
    budgets = {category: math.floor(share * base) for category, share in shares.items()}
    return budgets if publishing.total_rows is None else {**budgets, "": math.floor(rest * base)}


def _caps(strata: list[Stratum], sizes: dict[Key, int], publishing: Publishing) -> dict[str, dict[Key, int]]:
    """Sizes after each cap in turn, by the name of the cap."""
    after: dict[str, dict[Key, int]] = {}
    if publishing.max_per_source is not None:
        for members in _by(strata, lambda item: item.source_id).values():
            sizes |= apportion({item.key: sizes[item.key] for item in members}, publishing.max_per_source)
    after["max_per_source"] = dict(sizes)
    budgets = _budgets(publishing, sum(sizes.values()))
    buckets = _by(strata, lambda item: item.category.value if item.category.value in budgets else "")
    for reason, chosen in (("category_shares", set(budgets) - {""}), ("total_rows", {""} & set(budgets))):
        for bucket in sorted(chosen & set(buckets)):
            sizes |= apportion({item.key: sizes[item.key] for item in buckets[bucket]}, budgets[bucket])
        after[reason] = dict(sizes)
    return after


def mix(strata: list[Stratum], publishing: Publishing, rewritten_groups: tuple[Group, ...]) -> Mix:
    """Quotas by source and kind: first the ratio of rewritten sources, then the caps.

    A larger `total_rows` gives no stratum fewer rows, and rows are taken in one fixed order, so that a larger
    release contains the smaller one. Nothing is padded: what is missing is named in `shortfalls`.
    """
    share = Fraction(str(publishing.rewritten_share))
    available = {stratum.key: stratum.rows for stratum in strata}
    sizes = dict(available)
    shortfalls = []
    for source_id, members in _by(strata, lambda item: item.source_id).items():
        if members[0].group in rewritten_groups:
            taken = _ratio(available, source_id, share)
            sizes |= {item.key: taken[item.key] for item in members}
            shortfalls += _shortfall(members, taken)
    left, before = {"ratio": sum(available.values()) - sum(sizes.values())}, sum(sizes.values())
    for reason, capped in _caps(strata, dict(sizes), publishing).items():
        left[reason], before, sizes = before - sum(capped.values()), sum(capped.values()), capped
    if publishing.total_rows and before < publishing.total_rows:
        shortfalls.append(f"{before:,} rows of publishing.total_rows {publishing.total_rows:,}")
    return Mix(sizes, {reason: rows for reason, rows in left.items() if rows}, tuple(shortfalls))


def _shortfall(members: list[Stratum], taken: Mapping[Key, int]) -> list[str]:
    """What a source lacks: it gives nothing at all, or its originals are too few for its accepted rewrites."""
    have = {item.kind: item.rows for item in members}
    rewritten, original = have.get(PairKind.REWRITTEN, 0), have.get(PairKind.ORIGINAL, 0)
    source_id = members[0].source_id
    unused = rewritten - taken[(source_id, PairKind.REWRITTEN.value)]
    if not sum(taken.values()):
        return [f"{source_id}: nothing from {rewritten:,} accepted rewrites and {original:,} originals"]
    return [f"{source_id}: {unused:,} accepted rewrites unused, {original:,} originals are too few"] if unused else []
