"""MDS shards of mosaicml-streaming, byte for byte as its own writer makes them.

That writer needs torch, torchvision and transformers in every Python worker and holds a shard in memory; this one needs
nothing. A shard is: number of samples, their offsets, the JSON of the columns, the samples; a sample: the sizes of its
columns, then the columns. Numbers are 32-bit, little-endian.
"""

import json
import shutil
import struct
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import groupby, pairwise
from typing import Any, BinaryIO

from jobs.export.examples import FACTS, Example, Picture
from jobs.export.shards import Shape, Shard
from schemas.errors import PipelineError

COLUMNS = dict(
    sorted({**dict.fromkeys(FACTS, "str"), "messages": "json", "media": "json", "images": "list[jpeg]"}.items())
)
"""Encodings by column; `list[jpeg]` reads PNG as well, since PIL looks at the bytes."""
LAYOUT: dict[str, Any] = {
    "column_encodings": list(COLUMNS.values()),
    "column_names": list(COLUMNS),
    "column_sizes": [None] * len(COLUMNS),
    "compression": None,
    "format": "mds",
    "hashes": ["sha256"],
    "size_limit": None,
    "version": 2,
}
LIMIT = 1 << 32


def _write(stream: BinaryIO, found: Iterable[Example]) -> None:
    # Offsets stand before the samples, so that these wait on the local disk until all sizes are known.
    with tempfile.TemporaryFile() as spool:
        sizes = array("Q", (spool.write(_sample(example)) for example in found))
        layout = json.dumps(LAYOUT, sort_keys=True).encode()
        at = 4 + 4 * (len(sizes) + 1) + len(layout)
        if at + sum(sizes) >= LIMIT:
            raise PipelineError(
                f"an MDS shard of {at + sum(sizes):,} bytes; the format allows {LIMIT - 1:,}",
                "lower export.shard_bytes and export again",
            )
        offsets = [at]
        for size in sizes:
            offsets.append(offsets[-1] + size)
        stream.write(_numbers(len(sizes), *offsets) + layout)
        spool.seek(0)
        shutil.copyfileobj(spool, stream, 1 << 20)


def _numbers(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _sample(example: Example) -> bytes:
    pictures = [picture.data for picture in example.pictures]
    values = {
        **{name: value.encode() for name, value in example.facts.items()},
        "messages": json.dumps(example.messages).encode(),
        "media": json.dumps(example.media).encode(),
        "images": b"".join([_numbers(0, len(pictures), *map(len, pictures)), *pictures]),
    }
    cells = [values[name] for name in COLUMNS]
    return b"".join([_numbers(*map(len, cells)), *cells])


def _read(stream: BinaryIO) -> Iterator[Example]:
    (count,) = struct.unpack("<I", stream.read(4))
    offsets = struct.unpack(f"<{count + 1}I", stream.read(4 * (count + 1)))
    if json.loads(stream.read(offsets[0] - 4 * (count + 2))) != LAYOUT:
        raise ValueError("the columns are not those that an export writes")
    for begin, end in pairwise(offsets):
        data = stream.read(end - begin)
        cells, at = {}, 4 * len(COLUMNS)
        for name, size in zip(COLUMNS, struct.unpack(f"<{len(COLUMNS)}I", data[:at]), strict=True):
            cells[name], at = data[at : at + size], at + size
        if at != len(data):
            raise ValueError(f"a sample of {len(data):,} bytes has columns of {at:,}")
        yield _example(cells)


def _example(cells: dict[str, bytes]) -> Example:
    packed = cells["images"]
    _, count = struct.unpack_from("<2I", packed)
    sizes, at, pictures = struct.unpack_from(f"<{count}I", packed, 8), 8 + 4 * count, []
    for medium, size in zip(json.loads(cells["media"]), sizes, strict=True):
        data = packed[at : at + size]
        ending = "png" if data.startswith(b"\x89PNG") else "jpg"
        pictures.append(Picture(medium, ending, data, sha256(data).hexdigest()))
        at += size
    return Example({name: cells[name].decode() for name in FACTS}, json.loads(cells["messages"]), pictures)


def indexes(shards: Sequence[Shard]) -> dict[str, bytes]:
    """`index.json` of each split, by which the library finds and verifies shards."""
    return {f"{split}/index.json": _index(list(group)) for split, group in groupby(shards, key=lambda one: one.split)}


def _index(shards: Sequence[Shard]) -> bytes:
    listed = [{**LAYOUT, "raw_data": _raw(shard), "samples": shard.rows, "zip_data": None} for shard in shards]
    return json.dumps({"shards": listed, "version": 2}, sort_keys=True).encode()


def _raw(shard: Shard) -> dict[str, Any]:
    name = shard.name.rpartition("/")[2]
    return {"basename": name, "bytes": shard.bytes, "hashes": {"sha256": shard.sha256}}


SHAPE = Shape("mds", _write, _read)
