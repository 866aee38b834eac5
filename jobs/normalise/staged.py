"""What the one Python pass yields: rows of five kinds in one frame, of which the tables are projections."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.columns import Table
from schemas.logs import REJECTS
from schemas.tables import MEDIA, MEDIA_BYTES, SAMPLES
from udfs import files

Build = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
"""Row code of a pass."""

MAX_BATCH_BYTES = 8 << 20
MAX_BATCH_ROWS = 256
ROW_BYTES = 600
"""Rough size of a row without pictures, for cutting batches."""

SPAN = pa.struct([("item", pa.int64()), ("records", pa.int64()), ("units", pa.int64()), ("read", pa.int64())])
"""What a reader counted in one item: records handed to adapters, their units, and all that it read."""

PART = pa.struct(
    [
        ("side", pa.string()),
        ("value", pa.string()),
        ("file", pa.string()),
        ("position", pa.int64()),
        ("record_hash", pa.string()),
        ("notes", pa.string()),
        ("problem", pa.string()),
        ("excerpt", pa.string()),
    ]
)
"""One unit of a joined family on its way to its partners."""


def _row(table: Table) -> pa.DataType:
    return pa.struct([(column.name, column.type) for column in table.columns])


STAGED = pa.schema(
    [
        ("source_id", pa.string()),
        ("pick", pa.string()),
        ("copy", pa.string()),
        ("sample", _row(SAMPLES)),
        ("reject", _row(REJECTS)),
        ("media", _row(MEDIA)),
        ("part", _row(MEDIA_BYTES)),
        ("span", SPAN),
    ]
)
PARTS = pa.schema([("source_id", pa.string()), ("join_key", pa.string()), ("unit", PART), ("span", SPAN)])


WRITTEN = "file string"
"""What a task says of its rows: the file that holds them."""
_GROUP_BYTES = 16 << 20


def write_rows(
    batches: Iterator[pa.RecordBatch], folder: str, build: Build, schema: pa.Schema = STAGED
) -> Iterator[pa.RecordBatch]:
    """Writes what `build` makes of a task's batches into one file below `folder`, and yields the file's name.

    The rows spare themselves the way through a socket and the JVM. An attempt that fails leaves a file that nobody
    was told of.
    """
    name, held, size = f"{uuid.uuid4().hex}.parquet", list[pa.RecordBatch](), 0
    with files.writing(files.join(folder, name)) as out, pq.ParquetWriter(out, schema, compression="lz4") as writer:
        for batch in build(batches):
            held.append(batch)
            size += batch.nbytes
            if size >= _GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(held))
                held, size = [], 0
        if held:
            writer.write_table(pa.Table.from_batches(held))
    yield pa.record_batch({"file": [name]})


@dataclass
class Batches:
    """Collects rows and cuts them into batches of bounded size."""

    schema: pa.Schema
    rows: list[dict[str, Any]] = field(default_factory=list)
    bytes: int = 0

    def add(self, row: dict[str, Any], size: int = ROW_BYTES) -> Iterator[pa.RecordBatch]:
        """Takes one row; yields a batch when one is full."""
        self.rows.append(row)
        self.bytes += size
        if self.bytes >= MAX_BATCH_BYTES or len(self.rows) >= MAX_BATCH_ROWS:
            yield from self.flush()

    def flush(self) -> Iterator[pa.RecordBatch]:
        """Yields what is left."""
        if self.rows:
            yield record_batch(self.rows, self.schema)
            self.rows, self.bytes = [], 0


def record_batch(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows with the declared Arrow types; mapInArrow casts nothing."""
    return pa.RecordBatch.from_arrays(
        [_array([row.get(f.name) for row in rows], f.type) for f in schema], schema=schema
    )


def _array(values: list[Any], kind: pa.DataType) -> "pa.Array[Any]":
    """`pa.array` column by column down to the leaves, which is several times as fast as row by row."""
    if pa.types.is_struct(kind):
        if all(value is None for value in values):
            return pa.nulls(len(values), kind)
        there = [value or {} for value in values]
        columns = [_array([value.get(field.name) for value in there], field.type) for field in kind]
        return pa.StructArray.from_arrays(columns, fields=list(kind), mask=pa.array([v is None for v in values]))
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type) and all(value is not None for value in values):
        ends = pa.array([0, *accumulate(map(len, values))], pa.int32())
        children = _array([item for value in values for item in value], kind.value_type)
        return pa.ListArray.from_arrays(ends, children, type=kind)
    return pa.array(values, kind)
