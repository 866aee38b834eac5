import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpora import SHAPES

from jobs.readers import layouts, plan_ranges, read
from jobs.report import origin
from jobs.report.origin import Place, reread
from schemas.config import Storage

RECORDS = [{"id": n, "text": f"record {n} <script>"} for n in range(50)]


def place(root: Path, file: str, position: int) -> Place:
    """A place as normalise keeps it."""
    uri = str(root / "shapes" / file)
    parts = plan_ranges(uri, file, layouts(uri)[0], 1 << 20)
    found = next(r for part in parts for r in read(str(root / "shapes"), part) if r.origin.position == position)
    return Place(file, position, found.origin.record_hash)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "shapes"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps(RECORDS))
    (folder / "b.jsonl").write_text("\n".join(map(json.dumps, RECORDS)))
    pq.write_table(pa.table({"id": range(50), "image": [b"\xff" * 9] * 50}), folder / "c.parquet")
    return tmp_path


@pytest.mark.parametrize("file", ["a.json", "b.jsonl", "c.parquet"])
def test_a_record_is_read_again(root: Path, file: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(origin, "RANGE_BYTES", 200)  # several ranges
    for position in (0, 17, 49):
        found = reread(SHAPES, place(root, file, position), Storage(sources_root=str(root)))
        assert (found.same, found.problem) == (True, "")
        assert json.loads(found.text)["id"] == position
    assert "c.parquet" not in file or json.loads(found.text)["image"] == "<9 bytes>"


def test_a_changed_file_is_said(root: Path):
    kept = place(root, "a.json", 3)
    (root / "shapes" / "a.json").write_text(json.dumps([{**record, "more": 1} for record in RECORDS]))
    found = reread(SHAPES, kept, Storage(sources_root=str(root)))
    assert not found.same
    assert "its hash is another one" in found.problem
    assert '"more"' in found.text


def test_what_cannot_be_read_is_said(root: Path):
    storage, kept = Storage(sources_root=str(root)), place(root, "a.json", 3)
    assert "no record 99" in reread(SHAPES, Place("a.json", 99, ""), storage).problem
    (root / "shapes" / "a.json").write_bytes(b"\x00\x01")
    assert "cannot be read" in reread(SHAPES, kept, storage).problem
    (root / "shapes" / "a.json").unlink()
    assert reread(SHAPES, kept, storage).problem == "the file is not there"
    assert "cannot be read" in reread(SHAPES, kept, Storage(sources_root=str(root / "nowhere"))).problem
    assert "not in the catalogue" in reread(None, kept, storage).problem
