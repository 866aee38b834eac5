"""The ids that publishers gave their records, as they wrote them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from normalised import normalised

OPTIONS = ["A. a", "B. b", "C. c", "D. d", "E. e"]
FILES: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    "a line of the IAM database": (
        "iam_cauldron",
        {"ascii/lines.txt": "a01-000u-00 ok 154 19 408 746 1661 89 A|MOVE|to|stop\n"},
        "a01-000u-00",
    ),
    "a picture of a label list": (
        "hme",
        {"train/train_labels.txt": "train_0.jpg\tx ^ 2\n", "train/train_images/train_0.jpg": ""},
        "train_0.jpg",
    ),
    "a question of the hub's EgoSchema": (
        "egoschema",
        {"Subset/test-0.parquet": [
            {"question_idx": "7", "question": "Why?", "video_idx": "v-1", "option": OPTIONS, "answer": "3"}
        ]},
        "7",
    ),
    "a message of laion's": (
        "laion_gpt4v",
        {"data/train-0.parquet": [{"link": "a.png", "caption": "A hill.", "message_id": "11", "timestamp": "1"}]},
        "11",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "files", "told"), FILES.values(), ids=FILES)
def test_ids_stay_as_written(tmp_path: Path, name: str, files: Mapping[str, Any], told: str):
    (sample,) = (row["sample"] for row in normalised(tmp_path, name, files) if row["sample"])
    assert sample["origin"]["original_id"] == told
