"""What tables are declared with: Arrow types, columns, and the table as a value."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

STRING: pa.DataType = pa.string()
LONG: pa.DataType = pa.int64()
INT: pa.DataType = pa.int32()
DOUBLE: pa.DataType = pa.float64()
BOOL: pa.DataType = pa.bool_()
BINARY: pa.DataType = pa.binary()
TIME = pa.timestamp("us", tz="UTC")
STRINGS = pa.list_(STRING)
TURNS = pa.list_(pa.struct([("role", STRING), ("text", STRING)]))
ORIGIN = pa.struct(
    [
        ("file", STRING),
        ("position", LONG),
        ("units", LONG),
        ("record_hash", STRING),
        ("original_id", STRING),
        ("notes", STRING),
    ]
)
CHECKS = pa.struct(
    [
        ("gold_preserved", BOOL),
        ("arithmetic_holds", BOOL),
        ("no_refusal", BOOL),
        ("no_template", BOOL),
        ("no_repetition", BOOL),
    ]
)
TERMS = pa.struct([("spdx", STRING), ("commercial", STRING), ("redistribution", STRING)])
QUALITY = pa.struct(
    [("p_yes", DOUBLE), ("content", DOUBLE), ("relevance", DOUBLE), ("checks", CHECKS)],
)
LINEAGE = pa.struct(
    [
        ("sample_id", STRING),
        ("pair_id", STRING),
        ("call_key", STRING),
        ("judge_id", STRING),
        ("prompt_version", STRING),
        ("model", STRING),
        ("revision", STRING),
        ("origin", ORIGIN),
    ]
)
EXPECTATIONS = pa.list_(
    pa.struct(
        [
            ("name", STRING),
            ("success", BOOL),
            ("observed", STRING),
            ("allowed", STRING),
            ("examples", STRINGS),
            ("table", STRING),
            ("value", DOUBLE),
            ("low", DOUBLE),
            ("high", DOUBLE),
            ("setting", STRING),
            ("next_step", STRING),
        ]
    )
)
SUBJECT = pa.struct(
    [
        ("category", STRING),
        ("modality", STRING),
        ("media", STRINGS),
        ("conversation", TURNS),
        ("gold_answer", STRING),
        ("evidence", STRING),
        ("evidence_kind", STRING),
    ]
)


@dataclass(frozen=True)
class Column:
    """One column; `required` makes it NOT NULL."""

    name: str
    type: pa.DataType
    comment: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """One Delta table of the pipeline."""

    name: str
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    checks: Mapping[str, str]
    partition_by: tuple[str, ...] = ()

    @property
    def arrow(self) -> pa.Schema:
        """The Arrow schema that row code builds batches with."""
        return pa.schema(
            [pa.field(c.name, c.type, nullable=not c.required, metadata={"comment": c.comment}) for c in self.columns]
        )


def must(name: str, kind: pa.DataType, comment: str) -> Column:
    return Column(name, kind, comment, required=True)
