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
        (["[A] x", "[B] y"], ("x", "y")),
        (["(a) x", "(c) y"], ("(a) x", "(c) y")),
        (["A 1", "B 2", "C 3"], ("1", "2", "3")),
        (["A dog", "C sharp"], ("A dog", "C sharp")),
        ("A: 3\nB: 4°\nC: the angle B. C", ("3", "4°", "the angle B. C")),
        ("(A) 3 cm (B) 4 cm", ("3 cm", "4 cm")),
        ("A:3, B:4; C:5", ("3", "4", "5")),
        ("['x', 'y']", ("x", "y")),
    ],
)
def test_an_option_keeps_its_letter(told: Any, read: tuple[str, ...]):  # noqa: ANN401 - options as files hold them
    assert options({"options": told}, ("options",)) == read


@pytest.mark.parametrize("told", ["A: 3\nC: 4", "3\n4", "B. 3", "A. 3"])
def test_a_text_that_is_no_list_of_options_is_a_reject(told: str):
    with pytest.raises(Drop, match="allowed: a list"):
        options({"choices": told}, ("choices",))


def test_choices_of_mavis_in_one_text_are_told_with_their_letter(tmp_path: Path):
    row = {"id": 1, "image": "a.png", "question": "Find x.", "choices": "A:3\nB:4\nC:5\nD:6", "answer": "B"}
    made = normalised(tmp_path, "mavis_math_rule_geo", {"mavis_math_rule_geo/a.json": [row]})
    (sample,) = [one["sample"] for one in made if one["sample"]]
    assert [turn["text"] for turn in sample["conversation"]] == ["<image>\nFind x.\nA. 3\nB. 4\nC. 5\nD. 6", "B. 4"]
    assert sample["gold_answer"] == "B"


def test_mavis_in_json_is_read_as_its_table_is(tmp_path: Path):
    words = {"text_lite_question": "Find x.", "text_dominant_question": "AB is 3. Find x.", "CoT_reasoning": "So."}
    row = {"image_text_lite": "lite/1.png", "text_en": words, "choices": "A. 3\nB. 4", "answer_index": 1}
    made = normalised(tmp_path, "mavis_math_rule_geo", {"RuleBaseGeo.zip": {"depth0/problems.json": [row]}})
    (sample,) = [one["sample"] for one in made if one["sample"]]
    assert [turn["text"] for turn in sample["conversation"]] == ["<image>\nFind x.\nA. 3\nB. 4", "So.\nAnswer: B. 4"]
    assert (sample["media"], sample["gold_answer"]) == (["absent:lite/1.png"], "B")


def test_choices_of_mavis_in_a_conversation_keep_their_letters(tmp_path: Path):
    asked = "<image>\nFirst perform reasoning, then finally select the answer.\nQuestion: Find x.\nChoices:\nA:3\nB:4"
    talk = [{"from": "human", "value": asked}, {"from": "gpt", "value": "So it is.\nAnswer:B"}]
    row = {"id": "1", "image": "a.png", "question_type": "multi-choice", "conversations": talk}
    made = normalised(tmp_path, "mavis_math_metagen", {"Geometry_Caption_to_Question.json": [row]})
    (sample,) = [one["sample"] for one in made if one["sample"]]
    assert [turn["text"] for turn in sample["conversation"]] == [asked, "So it is.\nAnswer:B"]
    assert sample["gold_answer"] == "B"


def test_letters_out_of_order_are_no_options():
    with pytest.raises(Drop, match="lettered A, B, D, C"):
        options({"options": ["A) x", "B) y", "D) z", "C) w"]}, ("options",))


def test_small_letters_are_told_and_letters_of_the_picture_are_not():
    assert listed("Which?", ("a", "b")) == "Which?\nA. a\nB. b"
    assert listed("Which?", ("A", "B")) == "Which?"


def test_escapes_of_wikitablequestions_are_undone():
    told = several({"utterance": r"a\nb \\n?", "targetValue": r"x\py|z"})
    assert told == {"utterance": "a\nb \\n?", "targetValue": "x|y, z"}


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        ([["", "2019"], ["Sales", "4"]], "|  | 2019 |\n| Sales | 4 |"),
        ([["Year", "2019"], ["Sales", ""]], "| Year | 2019 |\n| Sales |  |"),
        ([["Year", "2019"], ["Sales", "4\n5"]], "Year | 2019\nSales | 4 5"),
        ([["Year", "", "2018"], ["Sales", "4", "5"]], "Year |  | 2018\nSales | 4 | 5"),
    ],
)
def test_header_and_rows_have_their_cells_in_the_same_places(tmp_path: Path, grid: list[list[str]], told: str):
    asked = {"uid": "q", "order": 1, "question": "How much?", "answer": ["4"], "derivation": "", "scale": ""}
    report = {"table": {"uid": "t", "table": grid}, "paragraphs": [], "questions": [asked]}
    filed = {"pre_text": [], "post_text": [], "table": grid, "id": "f", "qa": {"question": "How much?", "answer": "4"}}
    for name, file, value in (("tat_qa", "tatqa_dataset_dev.json", report), ("finqa", "dataset/dev.json", filed)):
        (sample,) = [row["sample"] for row in normalised(tmp_path, name, {file: [value]}) if row["sample"]]
        assert (sample["conversation"][0]["text"], sample["evidence"]) == (f"{told}\n\nHow much?", told)


def test_a_table_stands_before_its_question(tmp_path: Path):
    table = {"header": ["town", "people"], "rows": [["Ford", "9"]], "name": "csv/1.csv"}
    row = {"id": "nt-0", "question": "how many?", "answers": ["9"], "table": table}
    made = normalised(tmp_path, "robut_wtq_cauldron_llava_format", {"data/train-0.parquet": [row]})
    (sample,) = [one["sample"] for one in made if one.get("sample")]
    assert [turn["text"] for turn in sample["conversation"]] == ["town | people\nFord | 9\n\nhow many?", "9"]
