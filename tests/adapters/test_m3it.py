"""M3IT as it lies on the hub: rows of each member data set, whose instruction its loader draws from another file."""

import base64
import json
from pathlib import Path

import pytest
from normalised import Row, normalised
from publishing import picture

from jobs.normalise.plan import plan_sources
from schemas.config import Storage
from schemas.source import packaged_sources

SHOWN = base64.b64encode(picture(1)).decode()
ROWS: dict[str, tuple[Row, list[str] | str]] = {
    "captioning/coco": ({"image_str": SHOWN, "inputs": "", "outputs": "A dog."}, ["<image>\nDo this.", "A dog."]),
    "classification/vsr": (
        {"image_str": [SHOWN], "question": "Is it?", "answer": "True"}, ["<image>\nIs it?", "True"],
    ),
    "classification/coco-goi": (
        {"img_str": SHOWN, "input": "Which?\ncat\ndog", "outputs": "dog"}, ["<image>\nWhich?\ncat\ndog", "dog"],
    ),
    "generation/vist": (
        {"image_str": [SHOWN, SHOWN], "question": "Tell.", "sentences": ["It is so.", "It ends."]},
        ["<image>\n<image>\nTell.", "It is so. It ends."],
    ),
    "vqa/okvqa": (
        {"instruction": "Answer.", "inputs": "What?", "image_base64_str": [SHOWN], "outputs": "A dog."},
        ["<image>\nAnswer.\n\nWhat?", "A dog."],
    ),
    "classification/coco-text": ({"image_str": SHOWN, "answer": "STOP"}, ["<image>\nDo this.", "STOP"]),
    "vqa/x": ({"image_str": SHOWN, "question": "What?", "answer": ""}, "no_answer"),
}  # fmt: skip


@pytest.mark.parametrize("folder", ROWS)
def test_a_row_of_a_member(tmp_path: Path, folder: str):
    row, told = ROWS[folder]
    instructions = {f"data/{folder}/instructions.json": ["Do this."]}
    made = normalised(tmp_path, "m3it_plusflan", {f"data/{folder}/train.jsonl": json.dumps(row), **instructions})
    (found,) = [one for one in made if one["sample"] or one["reject"]]
    if found["reject"]:
        assert found["reject"]["drop_reason"] == told
    else:
        assert [turn["text"] for turn in found["sample"]["conversation"]] == told


def test_a_caption_answers(tmp_path: Path):
    row = {"image_str": SHOWN, "caption": "A dog."}
    made = normalised(tmp_path, "m3it_plusflan", {"data/captioning/coco-cn/train.jsonl": json.dumps(row)})
    (sample,) = [one["sample"] for one in made if one["sample"]]
    assert [turn["text"] for turn in sample["conversation"]] == ["<image>\nDescribe this picture.", "A dog."]


def test_members_lie_side_by_side(tmp_path: Path):
    files = {f"data/{folder}/train.jsonl": json.dumps(row) for folder, (row, _) in ROWS.items()}
    made = normalised(tmp_path, "m3it_plusflan", files)
    told = {
        str(at["origin"]["file"]): [turn["text"] for turn in at["conversation"]]
        for one in made
        if (at := one["sample"])
    }
    drawing = {"captioning/coco", "classification/coco-text"}
    assert told == {
        **{
            f"data/{name}/train.jsonl": said
            for name, (_, said) in ROWS.items()
            if isinstance(said, list) and name not in drawing
        },
        "data/captioning/coco/train.jsonl": ["<image>\nDescribe this picture.", "A dog."],
    }
    lost = [one["reject"]["detail"] for one in made if one["reject"]]
    assert any("instructions.json of its folder, which is not there" in detail for detail in lost)
    assert len(lost) == 2


def test_a_row_draws_the_same_instruction_whenever_it_is_read(tmp_path: Path):
    lines = "\n".join(json.dumps({"image_str": SHOWN, "answer": f"sign {at}"}) for at in range(40))
    instructions = ["Read it.", "What does it say?", " "]
    files = {"data/classification/coco-text/train.jsonl": lines,
             "data/classification/coco-text/instructions.json": instructions}  # fmt: skip
    first, again = (
        {row["sample"]["conversation"][1]["text"]: row["sample"]["conversation"][0]["text"]
         for row in normalised(tmp_path, "m3it_plusflan", files) if row["sample"]}
        for _ in range(2)
    )  # fmt: skip
    assert first == again
    assert len(first) == 40
    assert set(first.values()) == {"<image>\nRead it.", "<image>\nWhat does it say?"}
    unread = plan_sources([packaged_sources()["m3it_plusflan"]], Storage(sources_root=str(tmp_path))).unread
    assert unread["m3it_plusflan"] == {}


@pytest.mark.parametrize("broken", ["{", {"a": 1}, [1]])
def test_a_broken_list_of_instructions_costs_no_other_row(tmp_path: Path, broken: object):
    rows = "\n".join(json.dumps({"image_str": SHOWN, "answer": "STOP", **more}) for more in ({}, {"question": "What?"}))
    folder = "data/classification/coco-text"
    made = normalised(tmp_path, "m3it_plusflan", {f"{folder}/train.jsonl": rows, f"{folder}/instructions.json": broken})
    assert [one["reject"]["drop_reason"] for one in made if one["reject"]] == ["missing_field"]
    assert sum(1 for one in made if one["sample"]) == 1
