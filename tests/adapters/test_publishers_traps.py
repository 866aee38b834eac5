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
    assert row["sample"]["evidence"] == "|  | 2019 | 2018 |\n| Cash | 5 | 4 |\n\nFigures are in millions."
    assert row["sample"]["origin"]["original_id"] == "t-1"
    assert row["sample"]["conversation"][-1]["text"] == "5 million"


def test_cells_that_are_counted_stand_apart(tmp_path: Path):
    asked = {
        "uid": "q",
        "order": 1,
        "question": "How many years?",
        "answer": 2,
        "derivation": "2019##2018",
        "scale": "",
    }
    record = {"table": {"uid": "t", "table": [["Cash", "5"]]}, "paragraphs": [], "questions": [asked]}
    (row,) = made(tmp_path, "tat_qa", {"tatqa_dataset_dev.json": [record]})
    assert row["sample"]["conversation"][-1]["text"] == "2019, 2018\nAnswer: 2"


def test_letters_that_no_picture_shows(tmp_path: Path):
    """AI2D's pictures show words, for which some questions put letters."""
    lettered = {"abcLabel": True, "answerTexts": ["ear", "nose"], "correctAnswer": 1, "questionId": "q"}
    asked = {"What is A?": lettered, "Which is it?": {**lettered, "abcLabel": False}}
    pages = {f"questions/{at}.png.json": {"imageName": f"{at}.png", "questions": asked} for at in range(3)}
    pages["questions/3.png.json"] = {"imageName": "3.png", "questions": {"What is B?": lettered}}
    *shown, lost = made(tmp_path, "ai2d_gpt4v", pages)
    assert [len(row["sample"]["conversation"]) for row in shown] == [2] * 3
    assert shown[0]["sample"]["conversation"][0]["text"] == "<image>\nWhich is it?\nA. ear\nB. nose"
    left = "left out as they ask for letters (abcLabel): 1 of 2 questions, ['What is A?']"
    assert [row["sample"]["origin"]["notes"] for row in shown] == [left] * 3
    assert (lost["reject"]["drop_reason"], "abcLabel" in lost["reject"]["detail"]) == ("missing_media", True)


def test_descriptions_of_single_photographs_are_no_story(tmp_path: Path):
    told = {"album_id": "1", "photo_flickr_id": "7", "original_text": "A man.", "text": "a man ."}
    alone = {**told, "photo_order_in_story": 0, "tier": "descriptions-in-isolation"}
    story = [{**told, "story_id": "9", "worker_arranged_photo_order": at} for at in (1, 0)]
    files = {"dii/train.dii.json": [[alone], [alone]], "sis/train.sis.json": [[part] for part in story]}
    (row,) = made(tmp_path, "vist", {name: {"annotations": held} for name, held in files.items()})
    assert (row["sample"]["origin"]["file"], row["sample"]["origin"]["units"]) == ("sis/train.sis.json", 2)


def test_sentences_without_a_story_are_not_told_together(tmp_path: Path):
    told = {"photo_flickr_id": "7", "original_text": "A man.", "worker_arranged_photo_order": 0}
    held = [[{**told, "story_id": "9"}]] * 3 + [[told], [told]]
    found = made(tmp_path, "vist", {"sis/train.sis.json": {"annotations": held}})
    assert [row["reject"]["detail"] for row in found if row["reject"]] == ["story_id is missing"] * 2


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


def test_a_story_whose_order_is_no_number_ends_no_run(tmp_path: Path):
    told = {"photo_flickr_id": "7", "original_text": "A man.", "story_id": "9"}
    held = [[{**told, "worker_arranged_photo_order": at}] for at in ("first", 1)]
    other = [[{**told, "story_id": "8", "worker_arranged_photo_order": 0}]]
    found = made(tmp_path, "vist", {"sis/train.story-in-sequence.json": {"annotations": [*held, *other]}})
    assert sorted(row["reject"]["drop_reason"] if row["reject"] else "sample" for row in found) == [
        "sample", "wrong_shape", "wrong_shape",
    ]  # fmt: skip
    assert all("invalid literal" in row["reject"]["detail"] for row in found if row["reject"])
