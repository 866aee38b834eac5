"""M3IT as it lies on the hub: rows of each member data set, whose instruction its loader draws from another file."""

import base64
import json
from pathlib import Path

import pytest
from normalised import Row, normalised
from publishing import picture

SHOWN = base64.b64encode(picture(1)).decode()
ROWS: dict[str, tuple[Row, list[str] | str]] = {
    "captioning/coco": (
        {"image_str": SHOWN, "inputs": "", "outputs": "A dog."}, ["<image>\nDescribe this picture.", "A dog."],
    ),
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
    "classification/coco-text": ({"image_str": SHOWN, "answer": "STOP"}, "missing_field"),
    "vqa/x": ({"image_str": SHOWN, "question": "What?", "answer": ""}, "no_answer"),
}  # fmt: skip


@pytest.mark.parametrize("folder", ROWS)
def test_a_row_of_a_member(tmp_path: Path, folder: str):
    row, told = ROWS[folder]
    instructions = {f"data/{folder}/instructions.json": ["Do this.", "Do that."]}
    made = normalised(tmp_path, "m3it_plusflan", {f"data/{folder}/train.jsonl": json.dumps(row), **instructions})
    (found,) = [one for one in made if one["sample"] or one["reject"]]
    if found["reject"]:
        assert found["reject"]["drop_reason"] == told
    else:
        assert [turn["text"] for turn in found["sample"]["conversation"]] == told


def test_members_lie_side_by_side(tmp_path: Path):
    files = {f"data/{folder}/train.jsonl": json.dumps(row) for folder, (row, _) in ROWS.items()}
    made = normalised(tmp_path, "m3it_plusflan", files)
    told = {str(at["origin"]["file"]): at["conversation"][-1]["text"] for one in made if (at := one["sample"])}
    assert told == {f"data/{name}/train.jsonl": said[-1] for name, (_, said) in ROWS.items() if isinstance(said, list)}
    lost = [one["reject"]["detail"] for one in made if one["reject"]]
    assert any("instructions.json of its folder" in detail for detail in lost)
    assert len(lost) == 2
