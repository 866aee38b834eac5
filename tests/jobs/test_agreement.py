import math
import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multinomial
from sklearn.metrics import cohen_kappa_score

from jobs.agreement import ALL, agreements, count_cells, kappa_of
from jobs.cli.pages import judge_line

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@given(PAIRS)
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[bool, bool]]):
    left, right = [a for a, _ in pairs], [b for _, b in pairs]
    found = kappa_of(("a", "b"), count_cells(left, right))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = cohen_kappa_score(left, right)
    if len({*left, *right}) == 1:
        assert math.isnan(found.kappa)
    else:
        assert math.isclose(found.kappa, wanted, abs_tol=1e-9)
        assert found.low <= found.high
    assert math.isclose(found.agreed, float(np.mean([a == b for a, b in pairs])))


@pytest.mark.parametrize("counts", [(14, 5, 7, 24), (20, 4, 3, 33), (9, 10, 6, 20), (5, 1, 2, 42)], ids=str)
def test_the_interval_is_the_middle_95_percent_of_a_bootstrap_over_items(counts: tuple[int, int, int, int]):
    """Beside every table that items drawn anew can give, by its probability: the bootstrap without chance."""
    found, items = kappa_of(("a", "b"), counts), sum(counts)
    some = np.indices((items + 1,) * 3).reshape(3, -1).T
    no_no, no_yes, yes_no, yes_yes = tables = np.c_[some, items - some.sum(axis=1)][some.sum(axis=1) <= items].T
    by_chance = (no_no + no_yes) * (no_yes + yes_yes) + (no_no + yes_no) * (yes_no + yes_yes)
    likely = np.where(by_chance, multinomial.pmf(tables.T, items, np.array(counts) / items), 0)
    kappas = 2 * (no_no * yes_yes - no_yes * yes_no) / np.maximum(by_chance, 1)

    def share(of: npt.NDArray[np.bool_]) -> float:
        return float(likely[of].sum() / likely.sum())

    # 2,000 draws place either end within 0.01 of its share of the draws, three standard errors.
    assert share(kappas < found.low - 1e-9) < 0.035
    assert share(kappas <= found.low + 1e-9) > 0.015
    assert share(kappas > found.high + 1e-9) < 0.035
    assert share(kappas >= found.high - 1e-9) > 0.015
    assert found == kappa_of(("a", "b"), counts)


def test_no_items_have_no_kappa():
    found = kappa_of(("a", "b"), (0, 0, 0, 0))
    assert found.items == 0
    assert math.isnan(found.kappa)
    assert math.isnan(found.agreed)


def test_raters_are_compared_on_what_they_share():
    people = {"ann": {"1": True, "2": False, "3": True}, "bob": {"2": True, "3": True}, "eve": {"9": True}}
    found = agreements(people, {"main": {"1": True, "2": False}}, {"1": "OCR", "2": "Chart", "3": "OCR"})
    assert {(k.a, k.b, k.category): k.items for k in found.kappas} == {
        ("main", "ann", ALL): 2, ("main", "ann", "OCR"): 1, ("main", "ann", "Chart"): 1,
        ("main", "bob", ALL): 1, ("main", "bob", "Chart"): 1,
        ("ann", "bob", ALL): 2, ("ann", "bob", "Chart"): 1, ("ann", "bob", "OCR"): 1,
    }  # fmt: skip
    whole = found.of("ann", "main")
    assert whole is not None
    assert whole.kappa == 1
    assert math.isnan(found.with_people("main", 5))
    assert found.with_people("main") == 0.5  # 1 with ann, 0 with bob; eve shares nothing
    assert judge_line(found, "main") == "judge main with people, on average: 0.500 (n = 3 labels of 2 people)"
    nobody = agreements({}, {"main": {}}, {})
    assert judge_line(nobody, "main") == "judge main with people, on average: – (n = 0 labels of 0 people)"
    assert found.of("main", "eve") is None
    assert found.among_people() == 0  # ann and bob; eve shares nothing
    assert found.in_place_of_one("main") == 0.4  # 0 in place of ann, 1 of bob; 1, 0 and 0 of eve
    assert math.isnan(agreements({"ann": people["ann"]}, {"main": {"1": True}}, {}).in_place_of_one("main"))
    assert math.isnan(agreements({}, {}, {}).among_people())
