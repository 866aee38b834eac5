"""Annotation files read out of archives where they lie."""

import gzip
import io
import json
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from normalised import staged
from PIL import Image

from jobs.normalise.plan import find_files
from jobs.readers import layouts, plan_ranges, read
from schemas.config import Media, Storage
from schemas.enums import Category, Group, Modality
from schemas.errors import InputError
from schemas.source import Licence, Reading, Source
from udfs import archives, files

Data = dict[str, bytes]
RECORDS = [{"id": str(i), "question": f"Where is {i}? é", "answer": "n" * (i % 50)} for i in range(300)]
DOCUMENT = json.dumps(RECORDS, ensure_ascii=False).encode()
LINES = b"\n".join(json.dumps(record).encode() for record in RECORDS)
TABLE = b"id,question,answer\n" + b"".join(f"{r['id']},{r['question']},{r['answer']}\n".encode() for r in RECORDS)


def stored(path: Path, data: Data, method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as out:
        for name, content in data.items():
            out.writestr(name, content)


def deflated(path: Path, data: Data) -> None:
    stored(path, data, zipfile.ZIP_DEFLATED)


def tar_of(data: Data) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as out:
        for name, content in data.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    return made.getvalue()


def tarred(path: Path, data: Data) -> None:
    path.write_bytes(tar_of(data))


def gzipped(path: Path, data: Data) -> None:
    whole = tar_of(data)
    # Two streams one after the other, as parallel compressors write them.
    path.write_bytes(gzip.compress(whole[:700]) + gzip.compress(whole[700:]))


def zstandard(path: Path, data: Data) -> None:
    path.write_bytes(pa.Codec("zstd").compress(tar_of(data), asbytes=True))


PACK: dict[str, Callable[[Path, Data], None]] = {
    "s.zip": stored, "d.zip": deflated, "a.tar": tarred, "a.tar.gz": gzipped, "a.TGZ": gzipped, "a.tar.zst": zstandard,
}  # fmt: skip


def records(folder: Path, file: str, target: int = 1000) -> list[dict[str, Any]]:
    (layout,) = layouts(f"{folder}/{file}")
    parts = plan_ranges(f"{folder}/{file}", file, layout, target)
    found = [record for part in parts for record in read(str(folder), part)]
    assert [record.origin.position for record in found] == list(range(len(found)))
    assert {record.origin.file for record in found} == {file}
    assert not [record.problem for record in found if record.problem]
    return [dict(record.value) for record in found]


@pytest.mark.parametrize("archive", list(PACK))
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d/a.json", DOCUMENT),
        ("a.jsonl", LINES),
        ("a.csv", TABLE),
        ("a.jsonl.gz", gzip.compress(LINES)),
        ("é b.json", b"\xef\xbb\xbf" + DOCUMENT),
    ],
)
def test_records_are_those_of_the_loose_file(tmp_path: Path, archive: str, name: str, content: bytes):
    PACK[archive](tmp_path / archive, {"before.jpg": bytes(5000), name: content, "after.bin": b"x"})
    assert records(tmp_path, f"{archive}!/{name}") == RECORDS


@pytest.mark.parametrize("archive", list(PACK))
def test_parquet_is_read_where_it_can_be_sought(tmp_path: Path, archive: str):
    made = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(RECORDS), made, row_group_size=100)
    PACK[archive](tmp_path / archive, {"before": bytes(100), "a.parquet": made.getvalue()})
    if archive in ("s.zip", "a.tar"):
        assert records(tmp_path, f"{archive}!/a.parquet") == RECORDS
        return
    with pytest.raises(InputError, match="compressed parquet") as caught:
        layouts(f"{tmp_path}/{archive}!/a.parquet")
    assert caught.value.next_step == "unpack the archive"


@pytest.mark.parametrize(("archive", "several"), [("s.zip", True), ("a.tar", True), ("d.zip", False), ("a.TGZ", False)])
def test_compressed_members_are_one_range(tmp_path: Path, archive: str, several: bool):
    PACK[archive](tmp_path / archive, {"a.json": DOCUMENT})
    uri = f"{tmp_path}/{archive}!/a.json"
    assert (len(plan_ranges(uri, "a.json", layouts(uri)[0], 1000)) > 1) is several
    assert files.size(uri) == len(DOCUMENT)


@pytest.mark.parametrize("archive", ["d.zip", "a.tar.gz"])
def test_memory_does_not_grow_with_a_member(tmp_path: Path, archive: str):
    whole = b"[" + b",".join(b'{"id": "%d", "question": "%s"}' % (i, b"why " * 100) for i in range(30_000)) + b"]"
    PACK[archive](tmp_path / archive, {"before": bytes(1 << 20), "a.json": whole})
    tracemalloc.start()
    try:
        read_bytes = 0
        with files.open_file(f"{tmp_path}/{archive}!/a.json") as stream:
            while block := stream.read(1 << 20):
                read_bytes += len(block)
        assert tracemalloc.get_traced_memory()[1] < 6 << 20
    finally:
        tracemalloc.stop()
    assert read_bytes == len(whole) > 12 << 20


def test_missing_members_and_archives(tmp_path: Path):
    deflated(tmp_path / "a.zip", {"a.json": DOCUMENT})
    assert files.exists(f"{tmp_path}/a.zip!/a.json")
    assert not files.exists(f"{tmp_path}/a.zip!/b.json")
    assert not files.exists(f"{tmp_path}/b.zip!/a.json")
    with pytest.raises(FileNotFoundError):
        files.size(f"{tmp_path}/a.zip!/b.json")


@pytest.mark.parametrize("archive", ["d.zip", "a.tar.gz"])
def test_damage_is_an_error_that_says_what_to_do(tmp_path: Path, archive: str):
    path = tmp_path / archive
    PACK[archive](path, {"a.json": DOCUMENT})
    data = bytearray(path.read_bytes())
    data[400:420] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(InputError, match="cannot be read") as caught:
        records(tmp_path, f"{archive}!/a.json")
    assert "download" in caught.value.next_step


def test_bombs_are_refused(tmp_path: Path):
    bomb = pa.Codec("zstd").compress(tar_of({"a.json": b"[" + b" " * (40 << 20) + b"]"}), asbytes=True)
    (tmp_path / "a.tar.zst").write_bytes(bomb)
    with pytest.raises(InputError, match="inflate to over 1100"):
        layouts(f"{tmp_path}/a.tar.zst!/a.json")


def source(*patterns: str) -> Source:
    return Source(
        source_id="packed", name="Packed", group=Group.B, category=Category.GENERAL, modality=Modality.IMAGE,
        family="llava_json", licence=Licence(spdx="CC0-1.0"), reading=Reading(files=patterns),
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "packed"
    made.mkdir()
    return made


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("data/train.json", "data/train.json"), ("train.json", "ann/train.json"), ("ann/train.json", "train.json"),
     ("repo-main/train.json", "**/train.json"), ("train.jsonl", "train.json")],
)  # fmt: skip
def test_members_are_found_as_if_unpacked(folder: Path, name: str, pattern: str):
    gzipped(folder / "ann.tar.gz", {name: DOCUMENT, "pictures/1.jpg": b""})
    stored(folder / "pictures.zip", {"1.jpg": b""})
    found, declared = find_files(source(pattern), str(folder))
    assert [file for file in found if "!/" in file] == [f"ann.tar.gz!/{name}"]
    assert declared is (name != "train.jsonl")


def test_loose_files_win(folder: Path):
    deflated(folder / "ann.zip", {"train.json": DOCUMENT})
    (folder / "train.json").write_bytes(DOCUMENT)
    assert find_files(source("train.json"), str(folder)) == (["train.json"], True)
    found, _ = find_files(source("missing.json"), str(folder))
    assert not [file for file in found if "!/" in file]


def test_no_compressed_tar_is_inflated_where_annotations_lie_loose(folder: Path):
    (folder / "pictures.tar.gz").write_bytes(b"no archive")
    (folder / "other.json").write_bytes(DOCUMENT)
    assert "other.json" in find_files(source("missing.json"), str(folder))[0]
    assert archives.annotations_below(str(folder), ["*"], inflate=False) == ([], [])
    assert archives.annotations_below(str(folder), ["*"], inflate=True)[1]


def test_archives_that_cannot_be_read_are_told(folder: Path):
    (folder / "ann.zip").write_bytes(b"PK no archive")
    with pytest.raises(InputError, match=r"ann\.zip cannot be read: .*download the archive again"):
        find_files(source("train.json"), str(folder))


def test_many_files_in_a_compressed_tar_must_be_unpacked(folder: Path):
    gzipped(folder / "ann.tar.gz", {f"{i}.json": b"{}" for i in range(65)})
    with pytest.raises(InputError, match="holds 65 annotation files; unpack it"):
        find_files(source("*.json"), str(folder))


def picture(shade: int) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (300, 300), (shade, 9, 9)).save(made, "PNG")
    return made.getvalue()


def outcomes(folder: Path, pattern: str) -> list[tuple[str, str]]:
    """The file of each record with what became of it."""
    media = Media(inflated_dir=str(folder.parent / "inflated"))
    rows = staged(source(pattern), Storage(sources_root=str(folder.parent)), media)
    made = [row["sample"] or row["reject"] for row in rows if row["sample"] or row["reject"]]
    return [(one["origin"]["file"], one.get("drop_reason", "sample")) for one in made]


def asked(number: int) -> dict[str, Any]:
    said = [{"from": "human", "value": "<image>\nHow many?"}, {"from": "gpt", "value": f"{number} of them."}]
    return {"id": str(number), "image": f"pics/{number}.png", "conversations": said}


def test_annotations_in_one_archive_and_pictures_in_another(folder: Path):
    gzipped(folder / "ann.tar.gz", {"ann/train.json": json.dumps([asked(1), asked(2), asked(3)]).encode()})
    stored(folder / "images.zip", {"pics/1.png": picture(1), "pics/2.png": picture(2)})
    file = "ann.tar.gz!/ann/train.json"
    assert outcomes(folder, "ann/train.json") == [(file, "sample"), (file, "sample"), (file, "missing_media")]


def test_pictures_beside_the_annotations_in_one_archive(folder: Path):
    deflated(folder / "all.zip", {"v1/ann.json": json.dumps([asked(1)]).encode(), "v1/pics/1.png": picture(1)})
    assert outcomes(folder, "**/ann.json") == [("all.zip!/v1/ann.json", "sample")]


def test_a_record_that_names_a_member_costs_itself_only(folder: Path):
    (folder / "bad.zip").write_bytes(b"PK no archive")
    (folder / "a.json").write_text(
        json.dumps([{**asked(1), "image": "bad.zip!/1.png"}, {**asked(2), "image": "2.png"}])
    )
    assert outcomes(folder, "a.json") == [("a.json", "missing_media")] * 2


def test_the_reject_names_the_file_that_is_spelled_otherwise(folder: Path):
    (folder / "Pics").mkdir()
    (folder / "Pics" / "1.PNG").write_bytes(picture(1))
    (folder / "a.json").write_text(json.dumps([asked(1)]))
    rows = staged(source("a.json"), Storage(sources_root=str(folder.parent)), Media())
    (reject,) = (row["reject"] for row in rows if row["reject"])
    assert reject["drop_reason"] == "missing_media"
    assert f"{folder}/Pics/1.PNG is spelled otherwise" in reject["detail"]
