"""Quotas are arithmetic: exact ratios, nested totals, named shortfalls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.mix import Stratum, apportion, mix
from schemas.config import Publishing
from schemas.enums import Category, Group, PairKind

ORIGINAL, REWRITTEN = PairKind.ORIGINAL, PairKind.REWRITTEN
SIZES = st.dictionaries(
    st.tuples(st.text("abc", min_size=1, max_size=2), st.sampled_from(["original", "rewritten"])),
    st.integers(0, 50),
    max_size=8,
)


def strata(rewritten: int, originals: int, kept: int = 0) -> list[Stratum]:
    mixed = [
        Stratum("b", kind, Group.B, Category.CHART, rows)
        for kind, rows in ((REWRITTEN, rewritten), (ORIGINAL, originals))
        if rows
    ]
    return [*mixed, Stratum("a", ORIGINAL, Group.A, Category.GENERAL, kept)] if kept else mixed


def quotas(rows: list[Stratum], **settings: object) -> dict[tuple[str, str], int]:
    return dict(mix(rows, Publishing.model_validate({"judge": "main", **settings}), (Group.B,)).quotas)


@pytest.mark.parametrize(
    ("have", "share", "taken"),
    [
        ((70, 100), 0.7, (70, 30)),  # as many originals as the rewrites ask for
        ((100, 30), 0.7, (70, 30)),  # originals are too few: rewrites stay behind
        ((100, 100), 0.7, (100, 42)),
        ((7, 100), 1.0, (7, 0)),
        ((7, 100), 0.0, (0, 100)),
        ((0, 100), 0.7, (0, 0)),  # nothing accepted: nothing is padded
    ],
)
def test_ratio(have: tuple[int, int], share: float, taken: tuple[int, int]):
    found = quotas(strata(*have), rewritten_share=share)
    assert (found.get(("b", "rewritten"), 0), found.get(("b", "original"), 0)) == taken


def test_sources_kept_as_they_are_stand_outside_the_ratio():
    assert quotas(strata(7, 3, kept=500))[("a", "original")] == 500


def test_shortfalls_are_named():
    few = mix(strata(100, 3), Publishing(judge="main"), (Group.B,))
    none = mix(strata(0, 9), Publishing(judge="main", total_rows=20), (Group.B,))
    assert "93 accepted rewrites unused" in few.shortfalls[0]
    assert none.shortfalls == (
        "b: nothing from 0 accepted rewrites and 9 originals",
        "0 rows of publishing.total_rows 20",
    )


def test_what_is_left_out_adds_up():
    rows = strata(100, 100, kept=300)
    found = mix(rows, Publishing(judge="main", max_per_source=100, total_rows=120), (Group.B,))
    assert sum(found.quotas.values()) == 120
    assert found.left_out == {"ratio": 58, "max_per_source": 242, "total_rows": 80}


def test_caps_keep_the_ratio():
    found = quotas(strata(700, 300), max_per_source=10)
    assert found == {("b", "rewritten"): 7, ("b", "original"): 3}


def test_category_shares_limit_their_category():
    found = quotas(strata(700, 300, kept=1000), total_rows=100, category_shares={"Chart": 0.2})
    assert found == {("b", "rewritten"): 14, ("b", "original"): 6, ("a", "original"): 80}


@given(SIZES, st.integers(0, 200))
def test_a_larger_total_takes_from_no_one(sizes: dict[tuple[str, str], int], total: int):
    fewer, more = apportion(sizes, total), apportion(sizes, total + 1)
    assert sum(fewer.values()) == min(total, sum(sizes.values()))
    assert all(fewer[key] <= more[key] <= sizes[key] for key in sizes)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(1, 150), st.floats(0, 1))
def test_a_larger_release_contains_the_smaller(rewritten: int, originals: int, kept: int, total: int, share: float):
    rows = strata(rewritten, originals, kept)
    few, many = (quotas(rows, total_rows=n, category_shares={"Chart": share}) for n in (total, total + 7))
    assert all(few[key] <= many[key] for key in few)
