"""Options whose letters are not their places, and tables that a question without a picture needs."""

from pathlib import Path
from typing import Any

import pytest
from normalised import normalised

from schemas.errors import Drop
from udfs.adapters.options import listed, options
from udfs.adapters.prepare import several


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"A": "x", "C": "y", "D": "z"}, ("x", "", "y", "z")),
        ({"A": "x", "B": "y", "C": "z", "D": None}, ("x", "y", "z")),
        ({"a": "x", "b": None, "c": "z"}, ("x", "", "z")),
        ({"0": "x", "1": "y"}, ("x", "y")),
        (["x", "y", None], ("x", "y")),
        (["(a) x", "(b) y"], ("x", "y")),
        (["(a) x", "(c) y"], ("(a) x", "(c) y")),
    ],
)
def test_an_option_keeps_its_letter(told: Any, read: tuple[str, ...]):  # noqa: ANN401 - options as files hold them
    assert options({"options": told}, ("options",)) == read


def test_letters_out_of_order_are_no_options():
    with pytest.raises(Drop, match="lettered A, B, D, C"):
        options({"options": ["A) x", "B) y", "D) z", "C) w"]}, ("options",))


def test_small_letters_are_told_and_letters_of_the_picture_are_not():
    assert listed("Which?", ("a", "b")) == "Which?\nA. a\nB. b"
    assert listed("Which?", ("A", "B")) == "Which?"


def test_escapes_of_wikitablequestions_are_undone():
    told = several({"utterance": r"a\nb \\n?", "targetValue": r"x\py|z"})
    assert told == {"utterance": "a\nb \\n?", "targetValue": "x|y, z"}


def test_a_table_stands_before_its_question(tmp_path: Path):
    table = {"header": ["town", "people"], "rows": [["Ford", "9"]], "name": "csv/1.csv"}
    row = {"id": "nt-0", "question": "how many?", "answers": ["9"], "table": table}
    made = normalised(tmp_path, "robut_wtq_cauldron_llava_format", {"data/train-0.parquet": [row]})
    (sample,) = [one["sample"] for one in made if one.get("sample")]
    assert [turn["text"] for turn in sample["conversation"]] == ["town | people\nFord | 9\n\nhow many?", "9"]
