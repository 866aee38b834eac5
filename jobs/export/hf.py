"""Parquet shards with `messages` and `images`, which `datasets.load_dataset` reads as they are."""

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from hashlib import sha256
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.export.examples import FACTS, Example, Picture
from jobs.export.shards import Shape

GROUP_BYTES = 16 << 20
"""A row group is closed past so many bytes of pictures, or so many rows: that much is held in memory."""
GROUP_ROWS = 1000

_TEXT = {"dtype": "string", "_type": "Value"}
_CONTENT = [{"type": _TEXT, "text": _TEXT}]
_FEATURES = {
    **dict.fromkeys(FACTS, _TEXT),
    "messages": [{"role": _TEXT, "content": _CONTENT}],
    "images": {"feature": {"_type": "Image"}, "_type": "Sequence"},
    "media": {"feature": _TEXT, "_type": "Sequence"},
}
_PART = pa.struct([("type", pa.string()), ("text", pa.string())])
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in FACTS),
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.list_(_PART))]))),
        ("images", pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))),
        ("media", pa.list_(pa.string())),
    ],
    # Without this, pictures would be read as structs of bytes.
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)


def _write(stream: BinaryIO, found: Iterable[Example]) -> None:
    # Pictures are compressed already, and a dictionary of them would only take memory.
    with pq.ParquetWriter(stream, SCHEMA, compression="zstd", use_dictionary=list(FACTS)) as writer:  # type: ignore[arg-type]  # names are allowed too
        rows: list[dict[str, Any]] = []
        size = 0
        for example in found:
            rows.append(_row(example))
            size += sum(len(picture.data) for picture in example.pictures)
            if size >= GROUP_BYTES or len(rows) >= GROUP_ROWS:
                writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
                rows, size = [], 0
        if rows:
            writer.write_table(pa.Table.from_pylist(rows, SCHEMA))


def _row(example: Example) -> dict[str, Any]:
    images = [{"bytes": p.data, "path": f"{p.media_id}.{p.ending}"} for p in example.pictures]
    return {**example.facts, "messages": example.messages, "images": images, "media": example.media}


def _read(stream: BinaryIO) -> Iterator[Example]:
    with closing(pq.ParquetFile(stream, pre_buffer=False)) as opened:
        for batch in opened.iter_batches(batch_size=16):
            for row in batch.to_pylist():
                yield _example(row)


def _example(row: dict[str, Any]) -> Example:
    pictures = [
        Picture(medium, image["path"].rpartition(".")[2], image["bytes"], sha256(image["bytes"]).hexdigest())
        for medium, image in zip(row["media"], row["images"], strict=True)
    ]
    return Example({name: row[name] for name in FACTS}, row["messages"], pictures)


SHAPE = Shape("parquet", _write, _read)
