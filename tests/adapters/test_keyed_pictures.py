"""MIMIC-CGD in its publisher's layouts: instructions, and pictures by key in a file of their own."""

import base64
import hashlib
import json
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from normalised import Row, normalised, staged
from publishing import picture

from jobs.normalise.plan import UNMATCHED, plan_sources
from schemas.config import Media, Storage
from schemas.source import packaged_sources
from udfs.media import keyed

KEYS = [f"CGD_IMG_{at:012d}" for at in (57870, 384029, 222016)]
SHOWN = {key: picture(at) for at, key in enumerate(KEYS)}
TEXT = {key: base64.b64encode(data).decode() for key, data in SHOWN.items()}
PAIRS = ((2, 0), (0, 1))
"""Pictures of each instruction, in its order."""
DATA = {
    f"CGD_INS_{at}": {
        "instruction": f"What differs, {at}?", "answer": f"That, {at}.", "image_ids": [KEYS[n] for n in pair],
        "rel_ins_ids": [f"CGD_INS_{1 - at}"],
    }
    for at, pair in enumerate(PAIRS)
}  # fmt: skip
INSTRUCTIONS = {"meta": {"version": "0.0.1", "time": "2023-06", "author": "S-Lab"}, "data": DATA}
ROWS = [
    {"id": key, "instruction": held["instruction"], "answer": held["answer"], "images": held["image_ids"],
     "related instructions": held["rel_ins_ids"]}
    for key, held in DATA.items()
]  # fmt: skip
EMBEDDED = [
    row | {"images": [{"bytes": SHOWN[KEYS[n]], "path": None} for n in pair]}
    for row, pair in zip(ROWS, PAIRS, strict=True)
]
HELD = [{"id": key, "image": {"bytes": data, "path": f"{key}.jpg"}} for key, data in SHOWN.items()]
INDEXED = [{"base64": text, "__index_level_0__": key} for key, text in TEXT.items()]
LAYOUTS: Mapping[str, Mapping[str, Any]] = {
    "a map in base64": {
        "CGD_instructions.json": INSTRUCTIONS, "CGD.json": TEXT, "CGD_train.json": {"CGD_INS_0": ["CGD_INS_1"]},
    },
    "a map with line ends and data URLs": {
        "CGD_instructions.json": INSTRUCTIONS,
        "CGD.json": json.dumps({key: f"data:image/png;base64,{text}" for key, text in TEXT.items()}, indent=1),
    },
    "the hub's pair of tables": {
        "CGD_Instructions/train-00000-of-00001.parquet": ROWS,
        "CGD_Images/train-00000-of-00002.parquet": HELD[:1], "CGD_Images/train-00001-of-00002.parquet": HELD[1:],
    },
    "a table in place of the map": {"CGD_instructions.json": INSTRUCTIONS, "CGD_images.parquet": INDEXED},
    "pictures in the rows": {"CGD/train-00000-of-00001.parquet": EMBEDDED},
}  # fmt: skip


def read(root: Path, contents: Mapping[str, Any]) -> tuple[list[Row], list[Row]]:
    """Samples and rejects, pictures read."""
    normalised(root, "mimic_cgd", contents)
    rows = staged(packaged_sources()["mimic_cgd"], Storage(sources_root=str(root)), Media())
    return [row["sample"] for row in rows if row["sample"]], [row["reject"] for row in rows if row["reject"]]


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_pictures_come_to_their_instructions(tmp_path: Path, layout: Mapping[str, Any]):
    samples, rejects = read(tmp_path, layout)
    assert rejects == []
    assert [[turn["text"] for turn in sample["conversation"]] for sample in samples] == [
        [f"<image>\n<image>\nWhat differs, {at}?", f"That, {at}."] for at in (0, 1)
    ]
    for sample, pair in zip(samples, PAIRS, strict=True):
        assert sample["media"] == [hashlib.sha256(SHOWN[KEYS[n]]).hexdigest() for n in pair]
        assert sample["gold_answer"] is None


def test_gqa_of_the_hub_has_its_pictures_in_tables_of_their_own(tmp_path: Path):
    asked = {"id": "07", "imageId": "n9", "question": "Is it?", "answer": "yes", "fullAnswer": "Yes.", "semantic": []}
    files = {
        "train_balanced_instructions/train-0.parquet": [asked],
        "val_balanced_instructions/val-0.parquet": [{**asked, "imageId": "n8"}],
        "train_balanced_images/train-0.parquet": [{"id": "n9", "image": {"bytes": SHOWN[KEYS[0]], "path": None}}],
        "val_balanced_images/val-0.parquet": [{"id": "n8", "image": {"bytes": SHOWN[KEYS[1]], "path": None}}],
    }
    normalised(tmp_path, "gqa", files)
    storage = Storage(sources_root=str(tmp_path))
    rows = staged(packaged_sources()["gqa"], storage, Media())
    shown = [row["sample"]["media"] for row in rows if row["sample"]]
    assert shown == [[hashlib.sha256(SHOWN[KEYS[at]]).hexdigest()] for at in (0, 1)]
    assert plan_sources([packaged_sources()["gqa"]], storage).unread == {"gqa": {}}


def test_files_of_pictures_are_not_told_as_unread(tmp_path: Path):
    normalised(tmp_path, "mimic_cgd", LAYOUTS["a map in base64"])
    plan = plan_sources([packaged_sources()["mimic_cgd"]], Storage(sources_root=str(tmp_path)))
    assert plan.unread == {"mimic_cgd": {"CGD_train.json": UNMATCHED}}


def test_a_key_without_picture_is_a_reject(tmp_path: Path):
    layout = {"CGD_instructions.json": INSTRUCTIONS, "CGD.json": {key: TEXT[key] for key in KEYS[:2]}}
    (sample,), (reject,) = read(tmp_path, layout)
    assert sample["conversation"][1]["text"] == "That, 1."
    assert reject["drop_reason"] == "missing_media"
    assert KEYS[2] in reject["detail"]


BROKEN: Mapping[str, tuple[str, Any, str]] = {
    "cut short": ("CGD.json", json.dumps(TEXT)[:-40], "allowed: a whole object of pictures in base64"),
    "no texts": ("CGD.json", {key: {"bytes": text} for key, text in TEXT.items()}, "at byte 0 stands"),
    "no base64": ("CGD.json", dict.fromkeys(KEYS, "?" * 80), "is not base64 text"),
    "no parquet": ("CGD_images.parquet", b"PAR1 and no more", "is not readable as parquet"),
    "no keys": ("CGD_images.parquet", [{"image": HELD[0]["image"]}], "has columns ['image']; allowed: one of ('id',"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_with_the_file_is_the_reason(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    file, content, told = BROKEN[name]
    scans = []
    monkeypatch.setattr(keyed, "_texts", lambda uri, read=keyed._texts: scans.append(uri) or read(uri))
    samples, rejects = read(tmp_path, {"CGD_instructions.json": INSTRUCTIONS, file: content})
    assert (samples, len(rejects)) == ([], 2)
    assert all(told in reject["detail"] for reject in rejects)
    assert len(scans) == (file == "CGD.json")


def test_row_groups_too_large_for_one_picture_are_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    layout = {"CGD_instructions.json": INSTRUCTIONS, "CGD_images.parquet": INDEXED}
    monkeypatch.setattr(keyed, "MOST_BYTES", 100)
    _, rejects = read(tmp_path, layout)
    assert {reject["drop_reason"] for reject in rejects} == {"media_unsupported"}
    code = rejects[0]["detail"].partition('python -c "')[2].rstrip('"')
    exec(code, {})
    table = tmp_path / "mimic_cgd" / "CGD_images.parquet"
    small = table.with_name("CGD_images_small.parquet")
    assert pq.read_table(small).equals(pq.read_table(table))
    small.rename(table)
    monkeypatch.undo()
    assert len(read(tmp_path, {})[0]) == 2


def test_row_groups_are_read_to_the_row(tmp_path: Path):
    held = [{"id": f"K{at}", "image": {"bytes": b"\x89PNG%d" % at, "path": None}} for at in range(100)]
    table = tmp_path / "t.parquet"
    pq.write_table(pa.Table.from_pylist(held), table, row_group_size=40)
    found = [keyed.find_picture(str(table), f"K{at}", (0, 0)) for at in (0, 39, 40, 99)]
    assert found == [b"\x89PNG%d" % at for at in (0, 39, 40, 99)]
    assert keyed.find_picture(str(table), "K100", (0, 0)) is None


def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keyed, "_BLOCK", 1 << 20)
    text = "A" * 100_000
    path = tmp_path / "CGD.json"
    path.write_text("{" + ", ".join(f'"K{at}": "{text}"' for at in range(400)) + "}")
    tracemalloc.start()
    try:
        assert keyed.find_picture(str(path), "K399", (0, 0)) == base64.b64decode(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 << 20 < path.stat().st_size
