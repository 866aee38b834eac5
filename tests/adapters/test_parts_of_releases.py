"""Small files and parts of a publisher's release: read by themselves, a bad record of two is one reject."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from normalised import normalised

from schemas.errors import InputError

ASKED = {"imageId": "235", "question": "Is it?", "answer": "yes", "fullAnswer": "Yes.", "isBalanced": True}


def told(root: Path, source: str, files: Mapping[str, Any]) -> Counter[str]:
    found = [row for row in normalised(root, source, files) if row["reject"] or row["sample"]]
    return Counter(row["reject"]["drop_reason"] if row["reject"] else "sample" for row in found)


def test_charts_whose_publisher_gives_no_data(tmp_path: Path):
    names = [f"{kind}/{at}" for kind in ("captions", "titles") for at in range(3)]
    charts = {f"pew_dataset/dataset/{name}.txt": name for name in names}
    assert told(tmp_path, "chart2text_cauldron", charts) == {"sample": 3}


def test_one_public_answer(tmp_path: Path):
    shown = [{"q_uid": name, "question": "Why?", **{f"option {at}": str(at) for at in range(5)}} for name in "ab"]
    files = {"questions.json": shown, "subset_answers.json": {"a": 1}}
    assert told(tmp_path, "egoschema", files) == {"sample": 1, "orphan_question": 1}


@pytest.mark.parametrize("entries", [{"1": None, "2": ASKED}, {"1": ASKED, "2": None}])
def test_one_null_among_two_questions(tmp_path: Path, entries: dict[str, Any]):
    files = {"train_balanced_questions.json": entries}
    assert told(tmp_path, "gqa", files) == {"sample": 1, "wrong_shape": 1}


@pytest.mark.parametrize(
    ("source", "file", "good", "bad"),
    [
        ("hme", "train_labels.txt", "train_0.jpg\tx = 2\n", "train_1.jpg\n"),
        ("iiit5k", "train_label.txt", "train/2_1.png YOU\n", "train/1_1.png\n"),
        ("orand_car_a", "CAR-A/a_train_gt.txt", "a_car_000002.png\t12\n", "a_car_000001.png\t\n"),
    ],
)
def test_one_bad_label_of_two(tmp_path: Path, source: str, file: str, good: str, bad: str):
    assert told(tmp_path, source, {file: bad + good}) == {"sample": 1, "wrong_shape": 1}


def test_an_object_in_a_list_is_no_object_of_records(tmp_path: Path):
    with pytest.raises(InputError, match="no family reads these files"):
        told(tmp_path, "gqa", {"train_balanced_questions.json": [{"a": {"b": 1}}]})
