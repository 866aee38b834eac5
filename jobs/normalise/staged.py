"""What the one Python pass yields: rows of five kinds in one frame, of which the tables are projections."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from schemas.columns import Table
from schemas.logs import REJECTS
from schemas.tables import MEDIA, MEDIA_BYTES, SAMPLES

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
    return pa.RecordBatch.from_pylist(list(rows), schema=schema)
