"""Geometry3K as its publisher lays it out: a folder a problem, its formal language beside it; and others' tables."""

import json
from pathlib import Path
from typing import Any

import pytest
from normalised import Row, normalised, staged
from publishing import picture

from jobs.normalise.plan import OTHER_SPLIT, plan_sources
from schemas.config import Media, Storage
from schemas.source import packaged_sources

LOGIC = {"text_logic_form": ["Circle(X)"], "line_instances": ["AB"], "point_positions": {"A": [3.0, 1.0]}}
ASKED = "<image>\nFind x.\nA. 3\nB. 4\nC. 5\nD. 6"
BOTH = pytest.mark.parametrize("name", ["geo3k", "geometry3k_mathv360k"])


def problem(number: int, split: str = "train") -> Row:
    return {
        "problem_text": "Find x.", "choices": ["3", "4", "5", "6"], "answer": "B", "detailed_solution": " ",
        "problem_type_graph": ["Circle"], "id": number, "precise_value": [3.0, 4.0, 5.0, 6.0], "data_type": split,
        "compact_choices": ["3", "4", "5", "6"], "annotat_text": "Find $x$.", "img_width": 250,
    }  # fmt: skip


def tree(split: str, *numbers: int) -> dict[str, Any]:
    each = {number: f"{split}/{number}" for number in numbers}
    return {
        **{f"{folder}/data.json": problem(number, split) for number, folder in each.items()},
        **{f"{folder}/logic_form.json": LOGIC for folder in each.values()},
        **{f"{folder}/img_diagram.png": picture(number % 5) for number, folder in each.items()},
    }


def told(rows: list[Row]) -> list[tuple[str, str, str, str | None]]:
    assert [row["reject"] for row in rows if row["reject"]] == []
    samples = [row["sample"] for row in rows if row["sample"]]
    return [(s["origin"]["file"], *(t["text"] for t in s["conversation"]), s["gold_answer"]) for s in samples]


def shown(root: Path, name: str) -> list[str]:
    rows = staged(packaged_sources()[name], Storage(sources_root=str(root)), Media())
    return [row["sample"]["media_status"] for row in rows if row["sample"]]


@BOTH
@pytest.mark.parametrize("above", ["", "geometry3k/", "InterGPS-main/data/geometry3k/"])
@pytest.mark.parametrize("several", [0, 2])
def test_a_folder_a_problem(tmp_path: Path, name: str, above: str, several: int):
    train, test = range(several + 1), range(2401, 2402 + several)
    held = {**tree("train", *train), **tree("val", 2101), **tree("test", *test)}
    files = {f"{above}{file}": content for file, content in held.items()}
    read = [f"{above}train/{number}/data.json" for number in train] + [f"{above}val/2101/data.json"]
    assert told(normalised(tmp_path, name, files)) == [(file, ASKED, "B. 4", "B") for file in read]
    assert shown(tmp_path, name) == ["present"] * len(read)
    unread = plan_sources([packaged_sources()[name]], Storage(sources_root=str(tmp_path))).unread[name]
    assert unread.items() >= {f"{above}test/{number}/data.json": OTHER_SPLIT for number in test}.items()


@BOTH
@pytest.mark.parametrize("above", ["", "InterGPS-main/data/geometry3k/"])
def test_archives_as_they_are_downloaded(tmp_path: Path, name: str, above: str):
    files: dict[str, Any] = {f"{above}{split}.zip": tree(split, at) for at, split in enumerate(("train", "val"))}
    files[f"{above}logic_forms.zip"] = {"train/0/logic_form.json": LOGIC}
    if above:
        files["InterGPS-main/diagram_parser/diagram_logic_forms_pred.json"] = {"0": LOGIC, "1": LOGIC}
        files["InterGPS-main/annotation_tool/data_collection/data_examples/11/data.json"] = problem(11)
    read = [f"{above}{split}.zip!/{split}/{at}/data.json" for at, split in enumerate(("train", "val"))]
    assert told(normalised(tmp_path, name, files)) == [(file, ASKED, "B. 4", "B") for file in read]
    assert shown(tmp_path, name) == ["present"] * 2


def test_the_formal_language_alone_is_no_problem(tmp_path: Path):
    files = {"11/data.json": problem(11), "11/logic_form.json": LOGIC}
    assert told(normalised(tmp_path, "geo3k", files)) == [("11/data.json", ASKED, "B. 4", "B")]
    unread = plan_sources([packaged_sources()["geo3k"]], Storage(sources_root=str(tmp_path))).unread["geo3k"]
    assert unread == {
        "11/logic_form.json": "it holds the problem in the publisher's formal language, which asks nothing"
    }


PIXELS = {"bytes": picture(1), "path": None}
TABLES: dict[str, tuple[Row, str, str | None]] = {
    "an answer": ({"images": [PIXELS], "problem": "<image>Find x.", "answer": "12"}, "12", "12"),
    "an answer in a tag": (
        {"image": PIXELS, "problem": "Find x.", "solution": "<answer> 145° </answer>"}, "145°", "145°",
    ),
    "a thought before it": (
        {"images": [PIXELS], "problem": "<image>Find x.", "solution": "<think>So.</think>\n<answer>C</answer>"},
        "So.\nAnswer: C", "C",
    ),
    "a solution in words": (
        {"image": PIXELS, "problem": "Find x.", "solution": "It is so.\nThe answer is 4."},
        "It is so.\nThe answer is 4.", "4",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ["geo3k", "geometry3k_mathv360k", "geoqa_plus_mathv360k"])
@pytest.mark.parametrize(("row", "reply", "gold"), TABLES.values(), ids=TABLES)
def test_tables_of_problems(tmp_path: Path, name: str, row: Row, reply: str, gold: str | None):
    ((_, asked, said, found),) = told(normalised(tmp_path, name, {"data/train-0.parquet": [row]}))
    assert (asked.replace("\n", ""), said, found) == ("<image>Find x.", reply, gold)


def test_a_solution_that_answers_nothing_is_a_reject(tmp_path: Path):
    rows = [{"image": "a.png", "problem": "Find x.", "solution": said} for said in ("4", "", "<answer> </answer>")]
    found = normalised(tmp_path, "geo3k", {"train.jsonl": "\n".join(map(json.dumps, rows))})
    assert [row["reject"]["drop_reason"] for row in found if row["reject"]] == ["no_answer"] * 2
