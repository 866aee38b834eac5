"""Pictures that lie by key in one file: base64 in a JSON object, or rows of a parquet table.

Memory holds 24 bytes a picture, whatever the file weighs: a hash of its key, and where it lies.
"""

import re
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.enums import DropReason
from schemas.errors import Drop
from udfs import files
from udfs.adapters.media import refs

MOST_BYTES = 256 << 20
"""Of one picture's text, and of a row group, which is read from its beginning for every picture in it."""
KEYS = ("id", "image_id", "key", "__index_level_0__")
PICTURES = ("image", "base64", "image_base64")
_BLOCK = 8 << 20
_BATCH = 16
_HEAD = re.compile(rb'(?:\xef\xbb\xbf)?\s*[{,]\s*"((?:[^"\\]|\\.)*)"\s*:\s*"')
_SMALLER = (
    "import pyarrow.parquet as p; f = p.ParquetFile('{0}'); w = p.ParquetWriter('{1}', f.schema_arrow); "
    "[w.write_batch(b) for b in f.iter_batches(64)]; w.close()"
)
_Index = tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]


def find_picture(uri: str, key: str, stamp: tuple[int, int]) -> bytes | None:
    """The picture of a key, None where the file has no such key; Drop when the file is none of keyed pictures."""
    index = _index(uri, stamp)
    if isinstance(index, Drop):
        raise Drop(index.reason, index.detail)
    keys, places = index
    wanted = np.uint64(_hash(key))
    at = int(np.searchsorted(keys, wanted))
    if at == len(keys) or keys[at] != wanted:
        return None
    start, number = (int(value) for value in places[at])
    held = _row(uri, start, number) if _is_table(uri) else _text(uri, start, number)
    found = refs("".join(held.split()) if isinstance(held, str) else held, "base64")
    return found[0].data if found else None


@lru_cache(maxsize=16)
def _index(uri: str, stamp: tuple[int, int]) -> _Index | Drop:  # noqa: ARG001 - a file that changed is read anew
    """Hashes of keys, sorted, and for each its byte and length in the text, or its row group and its row there.

    A file that cannot be used is read once too, and what is wrong with it remembered.
    """
    hashes, places = array("Q"), array("q")
    try:
        for key, *place in _rows(uri) if _is_table(uri) else _texts(uri):
            hashes.append(_hash(key))
            places.extend(place)
    except Drop as drop:
        return drop
    keys = np.frombuffer(hashes, np.uint64) if hashes else np.zeros(0, np.uint64)
    order = np.argsort(keys, kind="stable")
    return keys[order], np.array(places, np.int64).reshape(-1, 2)[order]


def _hash(key: str) -> int:
    return int.from_bytes(blake2b(key.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def _is_table(uri: str) -> bool:
    return uri.lower().endswith(".parquet")


def _texts(uri: str) -> Iterator[tuple[str, int, int]]:
    """Keys of an object of texts, with the byte and the length of each text."""
    with files.open_file(uri) as stream:
        held, base = b"", 0
        while block := stream.read(_BLOCK):
            held, at = held + block, 0
            while (head := _HEAD.match(held, at)) and (end := held.find(b'"', head.end())) >= 0:
                yield _decoded(head[1]), base + head.end(), end - head.end()
                at = end + 1
            held, base = held[at:], base + at
            if len(held) > MOST_BYTES or (not base and not held.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")):
                break
        if held.strip() != b"}":
            allowed = "allowed: a whole object of pictures in base64 by their keys"
            raise Drop(DropReason.MEDIA_UNSUPPORTED, f"{uri}: at byte {base} stands {held[:24]!r}; {allowed}")


def _text(uri: str, start: int, length: int) -> str:
    with files.open_file(uri) as stream:
        stream.seek(start)
        return _decoded(stream.read(length))


def _decoded(text: bytes) -> str:
    try:
        return str(msgspec.json.decode(b'"' + text + b'"'))
    except ValueError:
        raise Drop(DropReason.UNDECODABLE_MEDIA, f"{text[:40]!r} is no text of JSON") from None


def _rows(uri: str) -> Iterator[tuple[str, int, int]]:
    """Keys of a table's rows, with the row group and the place in it."""
    with _table(uri) as (table, key, _):
        for group in range(table.num_row_groups):
            size, row = table.metadata.row_group(group).total_byte_size, 0
            if size > MOST_BYTES:
                smaller = _SMALLER.format(uri, uri[: -len(".parquet")] + "_small.parquet")
                raise Drop(
                    DropReason.MEDIA_UNSUPPORTED,
                    f"{uri}: row group {group} has {size:,} bytes, at most {MOST_BYTES:,} are read for one picture; "
                    f'write it again in place of this one: python -c "{smaller}"',
                )
            for batch in table.iter_batches(row_groups=[group], columns=[key], use_threads=False):
                for name in batch.column(0).to_pylist():
                    yield str(name), group, row
                    row += 1


def _row(uri: str, group: int, row: int) -> object:
    with _table(uri) as (table, _, picture):
        for batch in table.iter_batches(_BATCH, row_groups=[group], columns=[picture], use_threads=False):
            if row < batch.num_rows:
                return batch.column(0)[row].as_py()
            row -= batch.num_rows
    return None


@contextmanager
def _table(uri: str) -> Iterator[tuple[pq.ParquetFile, str, str]]:
    """A table, with the names of its keys and its pictures."""
    try:
        with files.open_file(uri) as stream, pq.ParquetFile(stream, pre_buffer=False, buffer_size=1 << 20) as table:
            names = table.schema_arrow.names
            key, picture = (next((name for name in some if name in names), "") for some in (KEYS, PICTURES))
            if not key or not picture:
                detail = f"{uri} has columns {names}; allowed: one of {KEYS} and one of {PICTURES}"
                raise Drop(DropReason.MEDIA_UNSUPPORTED, detail)
            yield table, key, picture
    except (OSError, ValueError, pa.ArrowException) as error:
        raise Drop(DropReason.MEDIA_UNSUPPORTED, f"{uri} is not readable as parquet: {error}") from error
