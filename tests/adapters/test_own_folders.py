"""Files of whole collections in the folder of one of their sources."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from normalised import normalised

M4 = ("HQ-Edit", "coinstruct", "RAVEN", "CLEVR-Change")
ALL = "m4_instruct_annotations.json"
SHARED = "sharegpt4v_instruct_gpt4-vision_cap100k.json"
FOLDERS = ("coco/train2017/1.jpg", "sam/images/sa_1.jpg", "llava/llava_pretrain/images/1.jpg", "wikiart/images/a.jpg")
SAID = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "It is a hill."}]


def member(dataset: str) -> dict[str, Any]:
    return {"image": [f"{dataset}/images/1.jpg"], "conversations": SAID, "metadata": {"dataset": dataset}}


def shown(image: object) -> dict[str, Any]:
    return {"id": "1", "image": image, "conversations": SAID}


CAMBRIAN = "\n".join(json.dumps(shown(path)) for path in ("idefics375k/1.jpg", "vg/1.jpg"))


def pictures(root: Path, name: str, file: str, content: Any) -> list[str]:  # noqa: ANN401 - as normalised's
    found = normalised(root, name, {file: content})
    assert [row["reject"] for row in found if row["reject"]] == []
    return [place.removeprefix("absent:") for row in found if row["sample"] for place in row["sample"]["media"]]


@pytest.mark.parametrize(
    ("name", "file", "records", "taken"),
    [
        ("hq_edit", ALL, [*map(member, M4)], ["HQ-Edit/images/1.jpg"]),
        ("co_instruct", f"M4-Instruct-Data/{ALL}", [*map(member, M4)], ["coinstruct/images/1.jpg"]),
        ("hq_edit", "mine.json", [*map(member, M4[1:3])], ["coinstruct/images/1.jpg", "RAVEN/images/1.jpg"]),
        ("sharegpt4v_sam", SHARED, [*map(shown, FOLDERS)], [FOLDERS[1]]),
        ("sharegpt4v_knowledge", SHARED, [*map(shown, FOLDERS)], [FOLDERS[3]]),
        ("sharegpt4v", SHARED, [*map(shown, FOLDERS)], [*FOLDERS]),
        ("sharegpt4v_sam", "part.json", [*map(shown, FOLDERS[:2])], [*FOLDERS[:2]]),
        ("sharegpt4v_coco", "sharegpt4v(coco)/train-0.parquet", [shown({"bytes": b"\x89PNG"})], ["embedded"]),
        ("idefics375k", "jsons/Cambrian10M.jsonl", CAMBRIAN, ["idefics375k/1.jpg"]),
    ],
)  # fmt: skip
def test_whose_records_they_are(tmp_path: Path, name: str, file: str, records: Sequence[Any], taken: list[str]):
    assert pictures(tmp_path, name, file, records) == taken
