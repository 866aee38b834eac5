"""Traps of single publishers, through the whole pass without Spark."""

import json
from pathlib import Path
from typing import Any

import pytest
from normalised import Row, staged

from jobs.normalise.plan import plan_sources
from schemas.config import Storage
from schemas.errors import Drop, InputError
from schemas.source import packaged_sources
from udfs.adapters.media import fill
from udfs.sample import Origin, Record


def made(root: Path, source_id: str, files: dict[str, Any]) -> list[Row]:
    for name, content in files.items():
        path = root / source_id / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    found = staged(packaged_sources()[source_id], Storage(sources_root=str(root)))
    return [row for row in found if row["sample"] or row["reject"]]


def test_tat_qa_keeps_its_table_and_its_paragraphs(tmp_path: Path):
    record = {
        "table": {"uid": "t-1", "table": [["", "2019", "2018"], ["Cash", "5", "4"]]},
        "paragraphs": [{"uid": "p", "order": 1, "text": "Figures are in millions."}],
        "questions": [{"uid": "q", "order": 1, "question": "Cash in 2019?", "answer": ["5"], "scale": "million"}],
    }
    (row,) = made(tmp_path, "tat_qa", {"tatqa_dataset_train.json": [record]})
    assert row["sample"]["evidence"] == "| 2019 | 2018\nCash | 5 | 4\n\nFigures are in millions."
    assert row["sample"]["origin"]["original_id"] == "t-1"
    assert row["sample"]["conversation"][-1]["text"] == "5 million"


def test_boxes_are_no_words(tmp_path: Path):
    pairs = [{"question": "Which pillow is farther?", "answer": 17, "type": "which", "multiple_choices": [3, 4, 5]}]
    images = [{"filename": "v7w_1.jpg", "image_id": 1, "qa_pairs": pairs, "split": "train"}]
    name = next(s.source_id for s in packaged_sources().values() if "visual7w" in s.source_id)
    (row,) = made(tmp_path, name, {"dataset_v7w_pointing.json": {"images": images, "boxes": [{"box_id": 17}]}})
    assert row["reject"]["drop_reason"] == "wrong_shape"
    assert "numbers of boxes" in row["reject"]["detail"]


@pytest.mark.parametrize("image", ["000000391895.jpg", "000000391895", 391895, ["000000391895.jpg"]])
def test_a_pattern_takes_the_number_in_any_form(image: object):
    record = Record({"image_id": image}, Origin("a.json", 0))
    assert fill("train2017/{image_id:012d}.jpg", record) == "train2017/000000391895.jpg"


def test_a_pattern_that_wants_a_number_says_so():
    with pytest.raises(Drop, match="allowed: a number"):
        fill("{image_id:012d}.jpg", Record({"image_id": "cat.jpg"}, Origin("a.json", 0)))


def test_a_list_of_one_picture_fills_a_pattern(tmp_path: Path):
    turns = [{"from": "human", "value": "What?"}, {"from": "gpt", "value": "A cat."}]
    (row,) = made(
        tmp_path, "llava_zh", {"llava_instruct_zh.json": [{"image": ["000000391895.jpg"], "conversations": turns}]}
    )
    assert row["sample"], row["reject"]
    assert row["sample"]["media"][0].endswith("000000391895.jpg")


def test_one_folder_that_nobody_can_read_stops_no_other(tmp_path: Path):
    turns = [{"from": "human", "value": "What?"}, {"from": "gpt", "value": "A cat."}]
    for name, record in (("llava_zh", {"image": "a.jpg", "conversations": turns}), ("dvqa", {"x": 1, "y": 2})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.json").write_text(json.dumps([record]))
    sources = [packaged_sources()[name] for name in ("dvqa", "llava_zh")]
    storage = Storage(sources_root=str(tmp_path))
    plan = plan_sources(sources, storage, lenient=True)
    assert list(plan.refused) == ["dvqa"]
    assert {name for item in plan.items for name in item.sources} == {"llava_zh"}
    with pytest.raises(InputError, match="dvqa: no family reads these files"):
        plan_sources(sources, storage)
    with pytest.raises(InputError, match="dvqa"):
        plan_sources(sources[:1], storage, lenient=True)
