"""What files are taken for, compressed and damaged ones included."""

import bz2
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.readers import layouts, plan_ranges, read
from schemas.errors import InputError
from udfs.adapters.family import Container, Layout
from udfs.sample import Record

ROWS = [{"a": number, "b": "x" * number} for number in range(50)]
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 123\n"
ARRAY = json.dumps(ROWS).encode()
LINES = b"\n".join(json.dumps(row).encode() for row in ROWS)
TABLE = b"a,b\n" + b"".join(f"{row['a']},{row['b']}\n".encode() for row in ROWS)


def zstd(data: bytes) -> bytes:
    return pa.Codec("zstd").compress(data, asbytes=True)


def records(path: Path, layout: Layout, target: int = 100) -> list[Record]:
    ranges = plan_ranges(str(path), path.name, layout, target)
    return [record for part in ranges for record in read(str(path.parent), part)]


@pytest.mark.parametrize(("pack", "suffix"), [(gzip.compress, ".gz"), (zstd, ".zst"), (bz2.compress, ".bz2")])
@pytest.mark.parametrize(
    ("content", "name", "container"),
    [
        (ARRAY, "a.json", Container.JSON_ARRAY),
        (LINES, "a.jsonl", Container.JSON_LINES),
        (b"\xef\xbb\xbf" + LINES, "a.json", Container.JSON_LINES),
        (TABLE, "a.csv", Container.DELIMITED),
    ],
)
def test_compressed_files(tmp_path: Path, pack, suffix: str, content: bytes, name: str, container: Container):  # noqa: ANN001 - a function
    path = tmp_path / (name + suffix)
    path.write_bytes(pack(content))
    (layout,) = layouts(str(path))
    assert layout.container is container
    values = [{key: str(value) for key, value in record.value.items()} for record in records(path, layout)]
    assert values == [{"a": str(row["a"]), "b": row["b"]} for row in ROWS]


def test_two_gzip_members_are_one_file(tmp_path: Path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(LINES[:200]) + gzip.compress(LINES[200:]))
    assert len(records(path, Layout(Container.JSON_LINES))) == len(ROWS)


def test_a_second_list_in_a_compressed_document(tmp_path: Path):
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"images": ROWS, "notes": ROWS[:3]}).encode()))
    images, notes = layouts(str(path))
    assert (images.at, notes.at) == ("images", "notes")
    assert [dict(record.value) for record in records(path, notes)] == ROWS[:3]


def test_gzip_cut_short(tmp_path: Path):
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(ARRAY)[:-20])
    with pytest.raises(InputError, match=r"a\.json\.gz cannot be read"):
        layouts(str(path))


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "a.json", "is empty"),
        (b"\xef\xbb\xbf \n", "a.jsonl", "is empty"),
        ('{"a": 1}'.encode("utf-16-le"), "a.jsonl", "UTF-16"),
        (b"\x89PNG\r\n\x1a\n", "a.json", "begins with b'.x89PNG"),
        (LFS, "a.json", "is a pointer of Git LFS"),
        (LFS, "a.csv.gz", "is a pointer of Git LFS"),
        (LFS, "a.pkl", "is a pointer of Git LFS"),
        (b'{"a": 1}\n\x00', "a.json", "follows"),
        (b'{\n"a": 1}\n{"a": 2}', "a.json", "several JSON documents"),
        (b"[section]\nkey=value", "a.ini", "damaged"),
        (b"PAR1 and then nothing", "a.parquet", "not readable as parquet"),
    ],
)
def test_refused(tmp_path: Path, content: bytes, name: str, message: str):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        layouts(str(path))
    assert str(path) in str(caught.value)
    assert caught.value.next_step


def test_a_missing_file(tmp_path: Path):
    with pytest.raises(InputError, match="check that the file exists"):
        layouts(str(tmp_path / "none.json"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[]", [(Container.JSON_ARRAY, "")]),
        (b' [1, {"a": 2}]', [(Container.JSON_ARRAY, "")]),
        (b'{"a": 1}\n{"a": 2}', [(Container.JSON_LINES, "")]),
        (b'{"info": {"x": 1}, "type": "t", "q": [{"a": [{"b": 1}]}], "n": [1]}', [(Container.JSON_ARRAY, "q")]),
        (b'{"k1": {"a": 1}, "k2": {"a": 2}, "k3": null}', [(Container.JSON_KEYED, "")]),
        (b'{"meta": 1, "data": {"k1": {}, "k2": {}}}', [(Container.JSON_KEYED, "data")]),
    ],
)
def test_layouts_by_content(tmp_path: Path, content: bytes, expected: list[tuple[Container, str]]):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    assert [(layout.container, layout.at) for layout in layouts(str(path))] == expected


def test_first_is_a_good_record(tmp_path: Path):
    path = tmp_path / "a.json"
    path.write_bytes(b'[nope, 1, {"a": 1}]')
    assert [layout.first for layout in layouts(str(path))] == [{"a": 1}]


def test_a_broken_record_in_front_stands_for_nothing(tmp_path: Path):
    path = tmp_path / "a.json"
    path.write_text('[{"id": "x"}, {"q": 1, "a": 2}, {"q": 3, "a": 4}]')
    assert [layout.first for layout in layouts(str(path))] == [{"q": 1, "a": 2}]
