"""A record read again from the publisher's own file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from jobs.normalise.plan import RANGE_BYTES, source_folder
from jobs.readers import layouts, plan_ranges, read
from schemas.config import Storage
from schemas.errors import Drop, PipelineError
from schemas.source import Source
from udfs import files
from udfs.assemble import EXCERPT_CHARS
from udfs.render.fence import cut
from udfs.sample import Record

MAX_CHARS = 40_000


@dataclass(frozen=True)
class Place:
    """Where a record stands, as `origin` keeps it."""

    file: str
    position: int
    record_hash: str


@dataclass(frozen=True)
class SourceRecord:
    """The record as its source gave it, or why it cannot be shown."""

    uri: str
    text: str = ""
    """Canonical JSON, bytes named by their number."""
    same: bool = False
    """The record's hash is the one that was kept."""
    problem: str = ""


def reread(source: Source | None, place: Place, storage: Storage) -> SourceRecord:
    """The record at a place, read through the same readers as then; nothing here raises on what files hold."""
    if source is None:
        return SourceRecord(place.file, problem="its source is not in the catalogue; give --catalogue as in the run")
    uri = place.file
    try:
        folder = source_folder(source, storage)
        uri = files.join(folder, place.file)
        if not files.exists(uri):
            return SourceRecord(uri, problem="the file is not there")
        found = _nearest(list(_candidates(folder, place)), place)
    except (PipelineError, Drop, OSError, ValueError) as error:
        told = error.args[0] if isinstance(error, PipelineError) else error
        return SourceRecord(uri, problem=f"it cannot be read: {told}")
    if found is None:
        return SourceRecord(uri, problem=f"the file has no record {place.position}")
    same = found.origin.record_hash == place.record_hash
    problem = "" if same else "its hash is another one: the file changed, or the record was joined from several files"
    text = found.excerpt if found.problem else msgspec.json.encode(_plain(found.value)).decode()
    return SourceRecord(uri, cut(_pretty(text), MAX_CHARS), same, problem)


def _candidates(folder: str, place: Place) -> Iterator[Record]:
    """Records at the position, one of each list of records that the file holds."""
    uri = files.join(folder, place.file)
    for layout in layouts(uri):
        before = [part for part in plan_ranges(uri, place.file, layout, RANGE_BYTES) if part.position <= place.position]
        # Ranges follow each other: the record is in the last one that begins before it, or nowhere.
        for part in sorted(before, key=lambda part: part.position)[-1:]:
            yield from (record for record in read(folder, part) if record.origin.position == place.position)


def _nearest(found: list[Record], place: Place) -> Record | None:
    """The record with the hash that was kept, else the first one at the position."""
    return next((r for r in found if r.origin.record_hash == place.record_hash), found[0] if found else None)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value that a container holds
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str) and value.startswith("data:"):
        return value[:EXCERPT_CHARS]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _pretty(text: str) -> str:
    try:
        return msgspec.json.format(text.encode(), indent=2).decode()
    except msgspec.DecodeError:
        return text
