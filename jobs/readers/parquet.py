"""Parquet files to records, a few rows at a time, so that rows with pictures fit into little memory."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.readers.ranges import Range
from schemas.enums import DropReason
from schemas.errors import InputError
from udfs import files
from udfs.adapters.family import Container
from udfs.adapters.media import CLASSES
from udfs.sample import Origin, Problem, Record

_ROWS = 16
_BUFFER = 1 << 20
_EXCERPT = 200


def plan_parquet(uri: str, file: str, target_bytes: int) -> list[Range]:
    """Ranges of whole row groups."""
    size = files.size(uri)
    with _opened(uri) as parquet:
        twice = [name for name, count in Counter(parquet.schema_arrow.names).items() if count > 1]
        if twice:
            raise InputError(f"{uri} has several columns named {', '.join(twice)}", "write it again with one of each")
        groups = [parquet.metadata.row_group(i) for i in range(parquet.metadata.num_row_groups)]
        weights = [(group.num_rows, group.total_byte_size) for group in groups]
    ranges: list[Range] = []
    start = position = rows = held = 0
    for index, (count, weight) in enumerate(weights, 1):
        rows, held = rows + count, held + weight
        if held >= target_bytes or index == len(weights):
            ranges.append(Range(file, Container.PARQUET, "", start, index, position, rows, size, held))
            start, position, rows, held = index, position + rows, 0, 0
    return ranges


def read_parquet(root: str, part: Range) -> Iterator[Record]:
    """Records of a range of row groups; bytes stay bytes."""
    uri = files.join(root, part.file)
    position = part.position
    with _opened(uri) as parquet:
        groups = list(range(part.start, part.end or parquet.metadata.num_row_groups))
        told = _classes(parquet.schema_arrow)
        for batch in parquet.iter_batches(batch_size=_ROWS, row_groups=groups, use_threads=False):
            for value in _rows(batch):
                found = row_record(value, part.file, position)
                yield replace(found, value={**found.value, CLASSES: told}) if told and not found.problem else found
                position += 1


def _classes(schema: pa.Schema) -> dict[str, list[str]]:
    """Names of the classes that lists of numbers stand for, by column, as hubs keep them beside the schema."""
    found = {}
    with suppress(ValueError, AttributeError, TypeError, RecursionError):
        told = msgspec.json.decode((schema.metadata or {}).get(b"huggingface", b"{}"))
        for column, feature in told.get("info", {}).get("features", {}).items():
            inner = feature.get("feature") if isinstance(feature, dict) else None
            names = inner.get("names") if isinstance(inner, dict) else None
            if isinstance(names, list) and all(isinstance(name, str) for name in names):
                found[column] = names
    return found


@contextmanager
def _opened(uri: str) -> Iterator[pq.ParquetFile]:
    if not files.at_random(uri):
        raise InputError(
            f"{uri} is compressed parquet in an archive, which cannot be read in parts", "unpack the archive"
        )
    # The buffer makes pyarrow read page by page; without it every column chunk is held as a whole.
    try:
        with files.open_file(uri) as stream, pq.ParquetFile(stream, pre_buffer=False, buffer_size=_BUFFER) as parquet:
            yield parquet
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{uri} is not readable as parquet: {error}", "download the file again") from error


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any] | Problem]:
    """Rows as dicts; where one of them has no Python value (text that is not UTF-8, a year 20000), that row fails."""
    try:
        return list(batch.to_pylist())
    except (ValueError, OverflowError):
        return [_row(batch.slice(index, 1)) for index in range(batch.num_rows)]


def _row(batch: pa.RecordBatch) -> dict[str, Any] | Problem:
    try:
        return dict(batch.to_pylist()[0])
    except (ValueError, OverflowError) as error:
        return Problem(DropReason.MALFORMED, str(error))


def row_record(value: dict[str, Any] | Problem, file: str, position: int) -> Record:
    """A row as a record; bytes count in its hash by theirs."""
    if isinstance(value, Problem):
        return Record({}, Origin(file, position), value)
    text = msgspec.json.encode(_without_bytes(value), order="deterministic", enc_hook=str)
    origin = Origin(file, position, record_hash=hashlib.sha256(text).hexdigest())
    return Record(value, origin, None, text[: 4 * _EXCERPT].decode("utf-8", "replace")[:_EXCERPT])


def _without_bytes(value: Any) -> Any:  # noqa: ANN401 - any column value
    if isinstance(value, bytes):
        return {"sha256": hashlib.sha256(value).hexdigest()}
    if isinstance(value, dict):
        return {key: _without_bytes(item) for key, item in value.items()}
    return [_without_bytes(item) for item in value] if isinstance(value, list | tuple) else value
