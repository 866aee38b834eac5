"""Staged rows: Arrow batches column by column, and files that tasks write themselves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.normalise.staged import PARTS, STAGED, record_batch, write_rows
from schemas.columns import CHECKS, STRINGS, TURNS


def values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    if pa.types.is_struct(kind):
        return st.none() | st.fixed_dictionaries({}, optional={field.name: values(field.type) for field in kind})
    if pa.types.is_list(kind):
        return st.none() | st.lists(values(kind.value_type), max_size=3)
    plain = {pa.string(): st.sampled_from(["", "é"]), pa.binary(): st.just(b"x"), pa.float64(): st.just(0.5)}
    return st.none() | plain.get(kind, st.booleans() if pa.types.is_boolean(kind) else st.integers(0, 9))


TALKS = pa.schema([("talk", TURNS), ("checks", CHECKS), ("of", pa.list_(pa.struct([("x", TURNS), ("y", STRINGS)])))])


@pytest.mark.parametrize("schema", [TALKS, PARTS])
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_a_batch_holds_its_rows(schema: pa.Schema, data: st.DataObject):
    row = st.fixed_dictionaries({}, optional={field.name: values(field.type) for field in schema})
    rows = data.draw(st.lists(row, min_size=1, max_size=4))
    batch = record_batch(rows, schema)
    batch.validate(full=True)
    assert batch.to_pylist() == pa.RecordBatch.from_pylist(rows, schema=schema).to_pylist()


def test_a_task_writes_its_rows_and_names_the_file(tmp_path: Path):
    made = [record_batch([{"source_id": f"s{number}"}], STAGED) for number in range(3)]
    (named,) = write_rows(iter(()), str(tmp_path), lambda _: iter(made))
    (name,) = named.column("file").to_pylist()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert pq.read_table(tmp_path / name).column("source_id").to_pylist() == ["s0", "s1", "s2"]


def test_a_task_that_fails_leaves_no_file(tmp_path: Path):
    def failing(_: object) -> Iterator[pa.RecordBatch]:
        yield record_batch([{"source_id": "s"}], STAGED)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(write_rows(iter(()), str(tmp_path), failing))
    assert not list(tmp_path.iterdir())
