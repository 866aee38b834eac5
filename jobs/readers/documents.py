"""The outline of a JSON file, made once for looking and planning."""

from dataclasses import dataclass, replace
from functools import lru_cache

import msgspec

from jobs.readers.outline import SPACE, CutShort, Outline, Span, outline
from jobs.readers.parallel_scan import ahead_of
from jobs.readers.stream import BLOCK, blocks
from schemas.errors import InputError
from udfs import files
from udfs.adapters.family import Container


@dataclass(frozen=True, slots=True)
class Place:
    """A container of records and the dotted path that leads to it."""

    at: str
    span: Span


def outline_of(uri: str, block_bytes: int = BLOCK) -> tuple[Place, ...] | None:
    """Containers of a JSON document in file order, None for JSON lines; InputError when it is cut short."""
    return _outline(uri, files.stamp(uri), max(1, min(block_bytes, BLOCK)))[0]


def keyed_at_top(uri: str, block_bytes: int = BLOCK) -> Span | None:
    """The object that a document is, as if its values were records, whatever they look like."""
    return _outline(uri, files.stamp(uri), max(1, min(block_bytes, BLOCK)))[1]


@lru_cache(maxsize=1024)
def _outline(uri: str, stamp: tuple[int, int], block_bytes: int) -> tuple[tuple[Place, ...] | None, Span | None]:
    found = _checked(uri, stamp[0], block_bytes)
    if found.first_of_many:
        if any(b"\n" in block for block in blocks(uri, *found.first_of_many)):
            raise InputError(f"{uri} holds several JSON documents", "put each object on one line, or all into one list")
        return None, None
    places: dict[tuple[str, Container], Place] = {}
    for span in found.spans:
        # Keys that hold dots may give two containers one path; the first one has it.
        at = _path(uri, span)
        places.setdefault((at, span.container), Place(at, _counted(uri, span)))
    return tuple(places.values()), found.whole and _counted(uri, found.whole)


def _checked(uri: str, size: int, block_bytes: int) -> Outline:
    try:
        return outline(blocks(uri, 0, None, block_bytes), 0, ahead_of(uri, size, block_bytes))
    except CutShort as error:
        raise InputError(
            f"{uri} ({size} bytes) is damaged: {error}",
            "download the file again; if each line is a record of its own, name it .jsonl",
        ) from error


def _path(uri: str, span: Span) -> str:
    keys = (b"".join(blocks(uri, start, end)) for start, end in span.keys)
    return ".".join(_text(key) for key in keys)


def _text(key: bytes) -> str:
    try:
        return str(msgspec.json.decode(b'"' + key + b'"'))
    except ValueError:
        return key.decode("utf-8", "replace")


def _counted(uri: str, span: Span) -> Span:
    """One slot without a comma is one record or, if it is blank, none."""
    if span.records > 1 or any(block.strip(SPACE) for block in blocks(uri, span.start, span.end)):
        return span
    return replace(span, records=0)
