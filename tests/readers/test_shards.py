"""Tars of samples as WebDataset writes them, through the whole pass, and tars that look alike and are none."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from normalised import Row, normalised, staged
from PIL import Image

from jobs.readers import layouts, shards
from jobs.readers.shards import is_shard
from schemas.config import Media, Storage
from schemas.errors import InputError
from schemas.source import packaged_sources
from udfs.adapters.paired import READ

Held = dict[str, Any]


def picture(shade: int) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (300, 240), (shade, 9, 9)).save(made, "PNG")
    return made.getvalue()


def tar(held: Held, kind: bytes = tarfile.REGTYPE) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as out:
        for name, content in held.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(data), kind, "a" if kind != tarfile.REGTYPE else ""
            out.addfile(info, io.BytesIO(data))
    return made.getvalue()


def asked(reply: str, **more: object) -> Held:
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": reply}]
    return {"conversations": turns, **more}


def read(root: Path, name: str, files: dict[str, bytes]) -> tuple[list[Row], list[Row]]:
    """Samples and rejects with pictures read."""
    normalised(root, name, files)
    rows = staged(packaged_sources()[name], Storage(sources_root=str(root)), Media())
    return [row["sample"] for row in rows if row["sample"]], [row["reject"] for row in rows if row["reject"]]


def told(sample: Row) -> tuple[list[str], list[str], str]:
    return [turn["text"] for turn in sample["conversation"]], sample["media"], sample["origin"]["original_id"]


def of(at: int) -> list[str]:
    return [hashlib.sha256(picture(at)).hexdigest()]


@pytest.mark.parametrize("packed", [False, True])
def test_conversations_with_their_pictures(tmp_path: Path, packed: bool):
    # Names repeat from shard to shard, and a record's own path is one of before.
    files = {}
    for number in (0, 1):
        held: Held = {}
        for at in range(30):
            held[f"./{at:04d}.jpg"] = picture(2 * at + number)
            held[f"./{at:04d}.json"] = asked(
                f"{number}: {at}.", image="elsewhere.jpg", **({"id": "mine"} if at else {})
            )
        data = tar(held)
        files[f"{number:05d}.tar{'.gz' if packed else ''}"] = gzip.compress(data) if packed else data
    samples, rejects = read(tmp_path, "llava_zh", files)
    assert rejects == []
    assert sorted(map(told, samples)) == sorted(
        (["<image>\nWhat?", f"{number}: {at}."], of(2 * at + number), "mine" if at else "0000")
        for number in (0, 1)
        for at in range(30)
    )
    assert {sample["origin"]["file"] for sample in samples} == set(files)


def test_texts_beside_pictures(tmp_path: Path):
    held = {"a/1.png": picture(1), "a/1.txt": "\ufeffA cat.\n".encode(), "a/2.png": picture(2), "a/2.txt": b"A dog."}
    samples, rejects = read(tmp_path, "chart2text_cauldron", {"train/0.tar": tar(held), "README.md": b"# A card"})
    assert rejects == []
    assert [told(sample) for sample in samples] == [
        (["<image>\nDescribe this picture.", "A cat."], of(1), "a/1"),
        (["<image>\nDescribe this picture.", "A dog."], of(2), "a/2"),
    ]


def test_several_pictures_of_a_sample(tmp_path: Path):
    said = asked("No.")
    said["conversations"][0]["value"] = "<image>\n<image>\nSame?"
    held = {"1.left.jpg": picture(1), "1.right.jpg": picture(2), "1.json": said}
    ((sample,), rejects) = read(tmp_path, "contrast_caption", {"0.tar": tar(held)})
    assert rejects == []
    assert sample["media"] == [*of(1), *of(2)]


def test_a_bad_sample_costs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shards, "LARGEST", 100_000)
    held = {}
    for at, said in enumerate((asked("A."), b'{"conversations": ', [1], asked("x" * 100_001), asked("B."))):
        held |= {f"{at}.jpg": picture(at), f"{at}.json": said}
    samples, rejects = read(tmp_path, "llava_zh", {"0.tar": tar(held | {"5.jpg": picture(5)})})
    assert [told(sample)[0][1] for sample in samples] == ["A.", "B."]
    assert [reject["drop_reason"] for reject in rejects] == [
        "malformed_record", "wrong_shape", "record_too_large", "missing_field",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "held",
    [
        {"1.json": asked("A."), "2.json": asked("B."), "1.jpg": b"x", "2.jpg": b"x"},
        {"ann/1.json": asked("A."), "img/1.jpg": b"x"},
        {"1.jpg": b"x", "1.txt": b"1,2,3,4,5,6,7,8,SHOP\n", "2.jpg": b"x", "2.txt": b"1,2,3,4,5,6,7,8,BAR\n"},
        {"1.jpg": b"x", "2.jpg": b"x"},
        {"a.json": [asked("A.")]},
        {"../1.jpg": b"x", "../1.json": asked("A.")},
        {},
    ],
)
def test_other_tars_are_no_shards(tmp_path: Path, held: Held):
    (tmp_path / "0.tar").write_bytes(tar(held))
    assert not is_shard(str(tmp_path / "0.tar"))


def test_links_are_no_members(tmp_path: Path):
    (tmp_path / "0.tar").write_bytes(tar({"1.jpg": b"", "1.json": b""}, tarfile.SYMTYPE))
    assert not is_shard(str(tmp_path / "0.tar"))


@pytest.mark.parametrize("where", ["in a header", "in a picture", "a header"])
def test_a_shard_that_is_cut_off_or_damaged_is_told(tmp_path: Path, where: str):
    data = tar(
        {f"{at}.{kind}": held for at in range(60) for kind, held in (("jpg", picture(1)), ("json", asked("A.")))}
    )
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        last = archive.getmember("59.jpg")
    begun = {"in a header": last.offset + 300, "in a picture": last.offset_data + 300, "a header": last.offset}[where]
    broken = data[:begun] + (b"no header" * 60)[:512] + data[begun + 512 :] if where == "a header" else data[:begun]
    with pytest.raises(InputError, match=r"0\.tar cannot be read") as caught:
        read(tmp_path, "llava_zh", {"0.tar": broken})
    assert "download the archive again" in f"{caught.value.args[0]} {caught.value.next_step}"


def test_a_tar_that_holds_no_samples_is_no_source_file(tmp_path: Path):
    (tmp_path / "0.tar").write_bytes(tar({"1.jpg": b"x"}))
    with pytest.raises(InputError, match="is no source file"):
        layouts(str(tmp_path / "0.tar"))


def test_lines_of_rendered_text(tmp_path: Path):
    held = {"ocr_annotation": {"text": ["A hill", "or two"], "bb_relative": [[0.1, 0.2]]}, "seed": 1}
    row = {"__key__": "1", "png": {"bytes": picture(2), "path": "1.png"}, "json": held}
    files = {"000000.tar": tar({"0.png": picture(1), "0.json": held}), "default/partial-train/0000.parquet": [row]}
    for at, (name, content) in enumerate(files.items(), 1):
        samples, rejects = read(tmp_path / str(at), "renderedtext_cauldron", {name: content})
        assert rejects == []
        assert [told(sample)[:2] for sample in samples] == [([f"<image>\n{READ}", "A hill\nor two"], of(at))]
