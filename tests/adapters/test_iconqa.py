"""IconQA of its authors and of the hub: choices that are pictures make samples of several pictures."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from normalised import Row, normalised, staged
from publishing import picture

from schemas.config import Media, Storage
from schemas.source import packaged_sources

QUERY, FIRST, SECOND = (picture(at) for at in (1, 2, 3))
ASKED = "<image>\nWhich has 3?\nA. <image>\nB. <image>"
NAMES = ["choice_0.png", "choice_1.png"]
HELD = {"question": "Which has 3?", "ques_type": "choose_img", "grade": "grade1", "label": "S2"}
SOURCES = ("iconqa", "iconqa_cauldron_llava_format", "iconqa_mathv360k")


def ids(*pictures: bytes) -> list[str]:
    return [hashlib.sha256(data).hexdigest() for data in pictures]


def struct(data: bytes | None) -> dict[str, Any] | None:
    return {"bytes": data, "path": None} if data else None


def row(answer: str | None, **more: object) -> dict[str, Any]:
    shown = {"query_image": struct(QUERY), "choice_image_0": struct(FIRST), "choice_image_1": struct(SECOND)}
    return {**HELD, **shown, "question_id": "7", "choices": ",".join(NAMES), "answer": answer, **more}


def problem(folder: str, held: Mapping[str, Any]) -> dict[str, Any]:
    pictures = {"image.png": QUERY, NAMES[0]: FIRST, NAMES[1]: SECOND}
    return {f"{folder}/data.json": held, **{f"{folder}/{name}": data for name, data in pictures.items()}}


def outcome(root: Path, name: str, contents: Mapping[str, Any]) -> tuple[list[Row], list[str]]:
    normalised(root, name, contents)
    rows = staged(packaged_sources()[name], Storage(sources_root=str(root)), Media())
    return [row["sample"] for row in rows if row["sample"]], [
        row["reject"]["drop_reason"] for row in rows if row["reject"]
    ]


PROBLEM = {**HELD, "choices": NAMES, "answer": 1}
LISTED = {**HELD, "image": struct(QUERY), "choices": [struct(FIRST), struct(SECOND)], "answer": "1"}
LAYOUTS: Mapping[str, Mapping[str, Any]] = {
    "the authors' folders": problem("iconqa_data/iconqa/train/choose_img/7", PROBLEM)
    | problem("iconqa_data/iconqa/train/choose_img/8", PROBLEM),
    "the hub, answers by name": {"data/val-00000-of-00001.parquet": [row("choice_1.png"), row("choice_1.png")]},
    "the hub, answers by number": {"data/val-00000-of-00001.parquet": [row("1"), row("1")]},
    "pictures in the list of choices": {"data/train.parquet": [LISTED, LISTED]},
}


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_choices_that_are_pictures(tmp_path: Path, name: str, layout: Mapping[str, Any]):
    samples, rejects = outcome(tmp_path, name, layout)
    assert rejects == []
    assert [([turn["text"] for turn in sample["conversation"]], sample["gold_answer"]) for sample in samples] == [
        ([ASKED, "B"], "B")
    ] * 2
    assert all(sample["media"] == ids(QUERY, FIRST, SECOND) for sample in samples)


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (row("choice_1.png", choice_image_1=None), "missing_media"),
        (row("choice_2.png"), "no_answer"),
        (row("choice_1.png", choices="choice_0.png,choice_1.png,choice_2.png"), "missing_media"),
        (row(None), "no_answer"),
        (row(None, choices="", ques_type="fill_in_blank"), "no_answer"),
    ],
)
def test_what_is_missing_is_told(tmp_path: Path, held: dict[str, Any], reason: str):
    samples, rejects = outcome(tmp_path, "iconqa", {"data/test.parquet": [row("choice_0.png"), held]})
    assert ([sample["gold_answer"] for sample in samples], rejects) == (["A"], [reason])


def test_texts_and_blanks_beside_pictures(tmp_path: Path):
    texts = row("four", choices="three, four", choice_image_0=None, choice_image_1=None, ques_type="choose_txt")
    blank = row("4", choices="", choice_image_0=None, choice_image_1=None, ques_type="fill_in_blank")
    samples, rejects = outcome(tmp_path, "iconqa", {"data/val.parquet": [texts, blank, row("choice_0.png")]})
    assert rejects == []
    assert [(sample["conversation"][1]["text"], sample["gold_answer"]) for sample in samples] == [
        ("B. four", "B"), ("4", "4"), ("A", "A"),
    ]  # fmt: skip
