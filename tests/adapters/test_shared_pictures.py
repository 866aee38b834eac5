"""Publishers' own files beside shared picture folders: what each source takes from `storage.media_roots`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from normalised import normalised, staged
from publishing import picture

from schemas.config import Media, Storage
from schemas.source import packaged_sources

N = "000000000009"
PLACES = {
    "2017": f"coco/train2017/{N}.jpg", "2014": f"coco/train2014/COCO_train2014_{N}.jpg", "vg": "vg/VG_100K_2/2.jpg",
    "text": "textvqa/train_images/0a.jpg",
}  # fmt: skip
SHARED = {name: picture(at) for at, name in enumerate(PLACES)}
SAID = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "This."}]
CLUE = {
    "instance_id": "ac", "targets": {"inference": "f"},
    "inputs": {
        "clue": "l", "bboxes": [{"height": 30, "width": 40, "left": 1, "top": 2}],
        "image": {"height": 200, "width": 300, "url": "https://cs.stanford.edu/people/rak248/VG_100K_2/2.jpg"},
    },
}  # fmt: skip
OKVQA = {
    "split": "train", "image_id": 9, "question_id": "x", "question": "?", "choices": ["a", "b", "c", "d"],
    "correct_choice_idx": 3, "direct_answers": ["ride"], "difficult_direct_answer": False, "rationales": ["A."],
}  # fmt: skip
COUNTED = {"answer": 1, "image_id": 2, "question": "How many?", "question_id": 3}
CAPTION = {
    "image_id": "0a",
    "caption_str": "B.",
    "caption_id": 1,
    "reference_strs": ["B."],
    "image_path": "train/0a.jpg",
}
WORDS = {
    "imgs": {"0a": {"id": "0a", "set": "train", "file_name": "train/0a.jpg"}}, "imgToAnns": {"0a": ["0a_1"]},
    "anns": {"0a_1": {"id": "0a_1", "image_id": "0a", "utf8_string": "P"}},
}  # fmt: skip
SCENE = {
    "file_path": f"coco-text/COCO_train2014_{N}.jpg", "file_name": f"COCO_train2014_{N}.jpg", "set_name": "train",
    "question_id": 0, "question": "W?", "answers": ["g"], "dataset": "coco-text",
}  # fmt: skip
STATEMENT = {"image": f"{N}.jpg", "caption": "It is.", "label": 1, "relation": "in", "image_link": "x"}
SOURCES = [
    ("tallyqa_cauldron_llava_format", "train.json", [{**COUNTED, "image": "VG_100K_2/2.jpg"}], "vg"),
    ("tallyqa_cauldron_llava_format", "train.json", [{**COUNTED, "image": PLACES["2014"][5:]}], "2014"),
    ("vsr_cauldron_llava_format", "train.jsonl", f"{json.dumps(STATEMENT)}\n", "2017"),
    ("a_okvqa_cauldron_llava_format", "aokvqa_v1p0_train.json", [OKVQA], "2017"),
    ("textcaps", "TextCaps_0.1_train.json", {"data": [CAPTION]}, "text"),
    ("textocr_cleaned", "TextOCR_0.1_train.json", WORDS, "text"),
    ("cap2qa", "instructions/cap2qa-train-part1.json", [{"image": f"{N}.jpg", "conversations": SAID}], "2017"),
    ("lrv_normal_filtered", "filter_cap1.json", [{"image_id": "2", "question": "?", "answer": "no"}], "vg"),
    ("sherlock", "sherlock_train_v1_1.json", [CLUE], "vg"),
    ("st_vqa_cauldron_llava_format", "train_task_3.json", {"data": [SCENE]}, "2014"),
    ("idk", "IDK/idk_train.json", [{"id": 1, "image": f"COCO_train2014_{N}.jpg", "conversations": SAID}], "2017"),
]  # fmt: skip


def shown(root: Path, name: str, file: str, content: Any, held: Mapping[str, bytes]) -> tuple[list[Any], list[Any]]:  # noqa: ANN401 - as normalised's
    """Media of samples, and rejects, with these shared pictures there."""
    normalised(root / "sources", name, {file: content})
    for key, data in held.items():
        (root / PLACES[key]).parent.mkdir(parents=True)
        (root / PLACES[key]).write_bytes(data)
    roots = {key: str(root / key) for key in ("coco", "vg", "textvqa") if (root / key).exists()}
    storage = Storage(sources_root=str(root / "sources"), media_roots=roots)
    rows = staged(packaged_sources()[name], storage, Media())
    media = [row["part"]["data"] for row in rows if row["part"]]
    return media, [row["reject"] for row in rows if row["reject"]]


@pytest.mark.parametrize(("name", "file", "content", "key"), SOURCES)
def test_shared_pictures(tmp_path: Path, name: str, file: str, content: Any, key: str):  # noqa: ANN401 - as normalised's
    others = {other: data for other, data in SHARED.items() if (key, other) not in {("2014", "2017"), ("2017", "2014")}}
    media, rejects = shown(tmp_path, name, file, content, others)
    assert (media, rejects) == ([SHARED[key]], [])


@pytest.mark.parametrize(("name", "file", "content", "key"), SOURCES)
def test_without_them_the_root_is_named(tmp_path: Path, name: str, file: str, content: Any, key: str):  # noqa: ANN401
    media, (reject,) = shown(tmp_path, name, file, content, {})
    assert (media, reject["drop_reason"]) == ([], "missing_media")
    root = {"vg": "vg", "text": "textvqa"}.get(key, "coco")
    assert f"storage.media_roots.{root}" in reject["detail"]


def test_releases_that_differ_are_no_guess(tmp_path: Path):
    content = f"{json.dumps(STATEMENT)}\n"
    media, (reject,) = shown(tmp_path, "vsr_cauldron_llava_format", "train.jsonl", content, SHARED)
    assert (media, reject["drop_reason"]) == ([], "missing_media")
    assert "different pictures" in reject["detail"]
