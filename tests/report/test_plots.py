import math
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from statistics import fmean

import pytest

from jobs.report.instruction_map import LEAST, map_instructions, word_piece_folder
from jobs.report.plots import bars, dots, steps


def test_bars_are_as_long_as_their_shares():
    plot = bars("t", ("a", "b"), {"x": (0.1, 0.2), "y": (None, 0.05), "z": (0.0, 1.0)})
    first, second, third = plot.rows
    assert first.ours and first.theirs and second.theirs and third.theirs  # noqa: PT018 - for the type checker
    assert math.isclose(2 * first.ours.length, first.theirs.length)
    assert second.ours is None
    assert "x: 10.0 % against 20.0 %; y: nothing against 5.0 %" in plot.alt
    assert bars("t", ("a", "b"), {"x": (None, None)}).rows[0].ours is None


def test_steps_name_the_medians():
    plot = steps("t", ("a", "b"), ({6: 1, 8: 1}, {10: 5}), "tokens")
    assert "a about 10" in plot.alt
    assert "b about 38" in plot.alt
    assert plot.paths[0].startswith("M20.0 205")
    assert plot.tallest == "100 %"
    assert steps("t", ("a", "b"), ({6: 1, 8: 3}, {}), "tokens").tallest == "75 %"
    assert steps("t", ("a", "b"), ({}, {}), "tokens").paths == ("", "")


def test_numbers_below_an_axis_keep_apart():
    plot = steps("t", ("a", "b"), ({6: 1}, {31: 1}), "tokens")
    places = [x for x, _ in plot.ticks]
    assert len(places) >= 5
    assert min(b - a for a, b in pairwise(places)) > 45  # 16,384 takes 42
    assert [text for _, text in steps("t", ("a", "b"), ({6: 1}, {9: 1}), "tokens").ticks] == ["8", "16", "32"]


def test_dots_keep_to_the_drawing():
    assert dots("t", "a", [(0, 0), (1, 1)], [0, 3]).points == ((12, 448, 0), (448, 12, 3))
    few, many = dots("t", "a", [(0, 0)] * 9, [0] * 9), dots("t", "a", [(0, 0)] * 900, [0] * 900)
    assert few.radius > many.radius


@pytest.fixture(params=[True, False], ids=["by meaning", "by words"])
def by_meaning(request: pytest.FixtureRequest) -> bool:
    if request.param and (word_piece_folder() is None or find_spec("openTSNE") is None):
        pytest.skip("wordllama and openTSNE have no wheels here")
    return bool(request.param)


def test_the_map_is_the_same_every_time_and_tells_variety(by_meaning: bool):
    same = [("OCR", "read the sign")] * LEAST
    words = [("Chart", f"what is {n} plus {n * 7}, and why w{n}?") for n in range(LEAST + 2)]
    found = map_instructions(same, words, by_meaning)
    assert found is not None
    assert found == map_instructions(same, words, by_meaning)
    assert math.isclose(found.spread_before, 0, abs_tol=1e-6)
    assert 0.3 < found.spread_after <= 1
    assert all(0 <= value <= 1 for place in (*found.before, *found.after) for value in place)
    assert (len(found.before), len(found.after)) == (LEAST, LEAST + 2)
    assert (found.alike == "mean alike") is by_meaning
    assert map_instructions(same[1:], words, by_meaning) is None


def test_texts_without_words_have_a_place_too(by_meaning: bool):
    for text in ("?", "", "文字"):
        assert map_instructions([("OCR", text)] * LEAST, [("OCR", "!")] * LEAST, by_meaning) is not None


def test_what_means_alike_lies_together():
    if word_piece_folder() is None or find_spec("openTSNE") is None:
        pytest.skip("wordllama and openTSNE have no wheels here")
    bright = [("OCR", f"What color is the {thing}?") for thing in ("car", "automobile", "truck", "lorry", "van") * 4]
    sums = [("OCR", f"Add {n} and {n + 3}; which number results?") for n in range(20)]
    found = map_instructions(bright, sums)
    assert found is not None

    def middle(places: Sequence[tuple[float, float]]) -> tuple[float, float]:
        return fmean(x for x, _ in places), fmean(y for _, y in places)

    apart = math.dist(middle(found.before), middle(found.after))
    assert all(math.dist(place, middle(found.before)) < apart for place in found.before)
