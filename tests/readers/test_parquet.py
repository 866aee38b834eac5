"""Parquet: whole row groups, bytes as bytes, rows that have no Python value."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.readers import layouts, plan_ranges, read
from schemas.enums import DropReason
from schemas.errors import InputError
from udfs.adapters.family import Container, Layout
from udfs.sample import Record

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def records(path: Path, target: int = 1) -> list[Record]:
    ranges = plan_ranges(str(path), path.name, Layout(Container.PARQUET), target)
    return [record for part in ranges for record in read(str(path.parent), part)]


def save(path: Path, rows: list[dict[str, Any]], schema: pa.Schema | None = None, group: int = 3) -> Path:
    pq.write_table(pa.Table.from_pylist(rows, schema), path, row_group_size=group)
    return path


@given(count=st.integers(1, 40), group=st.integers(1, 20), target=st.integers(1, 3000))
def test_row_groups_cover_every_row_once(tmp_path_factory: pytest.TempPathFactory, count: int, group: int, target: int):
    path = save(tmp_path_factory.getbasetemp() / "rows.parquet", [{"n": n} for n in range(count)], group=group)
    found = records(path, target)
    assert [(record.value["n"], record.origin.position) for record in found] == [(n, n) for n in range(count)]


def test_embedded_pictures_stay_bytes(tmp_path: Path):
    rows = [{"id": "a", "image": {"bytes": b"\xff\xd8", "path": None}, "images": [{"bytes": b"x", "path": "p"}]}]
    schema = pa.schema([("id", pa.string()), ("image", IMAGE), ("images", pa.list_(IMAGE))])
    path = save(tmp_path / "a.parquet", rows, schema)
    (layout,) = layouts(str(path))
    assert (layout.container, layout.first) == (Container.PARQUET, rows[0])
    (record,) = records(path)
    assert dict(record.value) == rows[0]
    assert record.excerpt.startswith('{"id":"a","image":{"bytes":{"sha256":"')


def test_the_hash_sees_bytes_but_not_row_groups(tmp_path: Path):
    rows = [{"b": b"1", "at": dt.datetime(2024, 1, 1, tzinfo=dt.UTC)}, {"b": b"2", "at": None}]
    first = records(save(tmp_path / "a.parquet", rows, group=1))
    second = records(save(tmp_path / "b.parquet", rows, group=2))
    hashes = [record.origin.record_hash for record in first]
    assert hashes == [record.origin.record_hash for record in second]
    assert len(set(hashes)) == 2


def test_a_row_without_a_python_value_costs_itself_only(tmp_path: Path):
    texts = pa.array([b"good", b"\xff", b"fine"]).cast(pa.string(), safe=False)
    table = pa.table({"text": pa.StringArray.from_buffers(3, *texts.buffers()[1:])})
    pq.write_table(table, tmp_path / "a.parquet")
    found = records(tmp_path / "a.parquet")
    assert [record.value.get("text") for record in found] == ["good", None, "fine"]
    assert [record.problem and record.problem.reason for record in found] == [None, DropReason.MALFORMED, None]


def test_a_file_cut_short_is_refused(tmp_path: Path):
    path = save(tmp_path / "a.parquet", [{"n": 1}])
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match=r"a\.parquet is not readable as parquet"):
        layouts(str(path))


def test_no_rows(tmp_path: Path):
    path = save(tmp_path / "a.parquet", [], pa.schema([("n", pa.int64())]))
    assert [layout.first for layout in layouts(str(path))] == [None]
    assert records(path) == []
