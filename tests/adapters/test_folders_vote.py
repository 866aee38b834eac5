"""Folders of one record a file: those that are looked at decide together, and a bad one is one reject."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from normalised import Row, normalised

BOX = '1,2,3,4,5,6,7,8,0,"a"\n'
KEYS = {"company": "B", "date": "1", "address": "A", "total": "9.00"}
PROBLEM = {"problem_text": "Find x.", "answer": "C", "choices": ["1", "2", "3", "4"]}
ICON = {"question": "Which?", "answer": 1, "ques_type": "choose_txt", "choices": ["a", "b"]}


def told(rows: list[Row]) -> Counter[str]:
    return Counter(
        row["reject"]["drop_reason"] if row["reject"] else "sample" for row in rows if row["reject"] or row["sample"]
    )


def without(record: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != field}


@pytest.mark.parametrize(
    ("source", "pattern", "records"),
    [
        ("rctw_17", "train_gts/image_{}.txt", ["garbage\n", BOX]),
        ("rctw_17", "train_gts/image_{}.txt", ["garbage\n", BOX, BOX, BOX]),
        ("sroie", "data/box/{}.csv", ["garbage\n", BOX, BOX]),
        ("geo3k", "geometry3k/train/{}/data.json", ["garbage", PROBLEM, PROBLEM]),
    ],
)
def test_damage_in_the_first_file_costs_that_file(tmp_path: Path, source: str, pattern: str, records: list[Any]):
    rows = normalised(tmp_path, source, {pattern.format(at): record for at, record in enumerate(records)})
    assert told(rows) == {"sample": len(records) - 1, "malformed_record": 1}


@pytest.mark.parametrize(
    ("source", "pattern", "record", "lacking"),
    [
        ("geo3k", "geometry3k/train/{}/data.json", PROBLEM, "choices"),
        ("iconqa", "iconqa/train/choose_txt/{}/data.json", ICON, "ques_type"),
    ],
)
@pytest.mark.parametrize("short", [{0}, {0, 2}])
def test_fields_count_that_any_file_has(
    tmp_path: Path, source: str, pattern: str, record: dict[str, Any], lacking: str, short: set[int]
):
    files = {pattern.format(at): without(record, lacking) if at in short else record for at in range(3)}
    assert told(normalised(tmp_path, source, files)) == {"sample": 3}


def test_one_receipt_without_a_total_takes_no_question_from_others(tmp_path: Path):
    keys = {f"data/key/{at:03}.json": KEYS if at else without(KEYS, "total") for at in range(5)}
    rows = normalised(tmp_path, "sroie", keys | {f"data/box/{at:03}.csv": BOX for at in range(5)})
    assert [len(row["sample"]["conversation"]) for row in rows if row.get("sample")] == [4] * 5


def test_a_list_beside_objects_is_another_kind_of_document(tmp_path: Path):
    shown = {"q_uid": "a", "question": "Why?", **{f"option {at}": str(at) for at in range(5)}}
    rows = normalised(tmp_path, "egoschema", {"questions.json": [shown], "subset_answers.json": {"a": 1, "b": 2}})
    assert told(rows)["sample"] == 1
