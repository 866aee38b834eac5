import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from jobs.agreement import ALL, agreements, count_cells, kappa_of

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


def test_the_interval_is_that_of_a_bootstrap_over_items():
    left = [n % 3 != 0 for n in range(60)]
    right = [value if n % 5 else not value for n, value in enumerate(left)]
    found = kappa_of(("a", "b"), count_cells(left, right))
    rng, drawn = np.random.default_rng(7), []
    for _ in range(600):
        at = rng.integers(0, 60, 60)
        drawn.append(cohen_kappa_score([left[i] for i in at], [right[i] for i in at]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.06)
    assert found.high == pytest.approx(high, abs=0.06)
    assert found == kappa_of(("a", "b"), count_cells(left, right))


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
    assert found.of("main", "eve") is None
    assert found.among_people() == 0  # ann and bob; eve shares nothing
    assert found.in_place_of_one("main") == 0.4  # 0 in place of ann, 1 of bob; 1, 0 and 0 of eve
    assert math.isnan(agreements({"ann": people["ann"]}, {"main": {"1": True}}, {}).in_place_of_one("main"))
    assert math.isnan(agreements({}, {}, {}).among_people())
