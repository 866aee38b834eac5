"""Small files of which each is one record: XML, HTML, JSON objects, arrays, and boxes of text by line."""

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from jobs.readers.arrays import plain
from jobs.readers.delimited import UTF8, table_of
from jobs.readers.json_records import read_value
from jobs.readers.ranges import Range
from jobs.readers.stream import as_utf8
from schemas.enums import DropReason
from schemas.errors import Drop, InputError
from udfs import archives, files
from udfs.adapters.media import KEY, PATH, PICTURE
from udfs.markup import tree_of
from udfs.npy import array_of
from udfs.sample import Origin, Problem, Record

LARGEST = 16 << 20
"""Bytes of one file."""
INFLATED = 64 << 20
"""Bytes of all arrays in one .npz."""
UNNAMED = frozenset({"data", "record", "sample", "question", "annotation", "info"})
"""Files that are called alike in every folder: the folder's name is the record's."""
_EXCERPT = 200
_NUMBER = r"\s*-?\d+(?:\.\d+)?\s*"
_BOX = re.compile(rf"(?P<points>{_NUMBER}(?:,{_NUMBER}){{7}}|{_NUMBER}(?:,{_NUMBER}){{3}}),(?P<rest>.*)")
_RATED = re.compile(r'([01]),"(.*)"$')
_SCRIPT = re.compile(r"(?:Latin|Arabic|Chinese|Japanese|Korean|Bangla|Hindi|Symbols|Mixed|None),(.*)$")
TEXT = "#prose"
_ILLEGIBLE = frozenset({"###", "*", ""})


def read_files(root: str, part: Range) -> Iterator[Record]:
    """One record a file, one that cannot be read as a problem; a picture without a file is a problem too."""
    for position, (name, picture) in enumerate(part.names, part.position):
        origin = Origin(name or picture, position)
        if name:
            yield _record(files.join(root, name), origin, part.at, picture)
        else:
            suffix = PurePosixPath(part.file).suffix
            yield Record({}, origin, Problem(DropReason.ORPHAN_QUESTION, f"no {suffix} file goes with this picture"))


def _record(uri: str, origin: Origin, suffix: str, picture: str) -> Record:
    try:
        data = files.read_bytes(uri, LARGEST + 1)
    except OSError as error:
        raise InputError(f"{uri} cannot be read: {error}", "it changed or is gone; run again") from error
    hashed = Origin(origin.file, origin.position, record_hash=hashlib.sha256(data).hexdigest())
    excerpt = "" if suffix == "npz" else as_utf8(data[: 4 * _EXCERPT]).decode("utf-8", "replace")[:_EXCERPT]
    value, notes = _noted(data, suffix)
    hashed = replace(hashed, notes=notes)
    path = PurePosixPath(archives.unpacked(origin.file))
    stem = path.name.partition(".")[0]
    key = path.parent.name if stem in UNNAMED else stem
    where = {KEY: key, PATH: str(path.with_suffix("")), PICTURE: picture or None}
    if isinstance(value, Problem):
        return Record(where, hashed, value, excerpt)
    return Record({**placed(value, path), **where}, hashed, None, excerpt)


def placed(value: dict[str, Any], path: PurePosixPath) -> dict[str, Any]:
    """A text under the name of its folder, which is all that says what it is."""
    return {path.parent.name or TEXT: value[TEXT]} if set(value) == {TEXT} else value


def in_utf8(data: bytes) -> bool:
    """Whether a text is UTF-8, or says by a mark what else it is."""
    try:
        as_utf8(data).decode()
    except UnicodeDecodeError:
        return False
    return True


def value_of(data: bytes, suffix: str) -> dict[str, Any] | Problem:
    """What a file of this suffix holds, or one that reads as `OTHERWISE` says."""
    return _noted(data, suffix)[0]


def _noted(data: bytes, suffix: str) -> tuple[dict[str, Any] | Problem, str | None]:
    """The same, with what had to be decided about it."""
    if len(data) > LARGEST:
        return Problem(DropReason.RECORD_TOO_LARGE, f"more than {LARGEST:,} bytes"), None
    # XML says itself how it is encoded.
    content = data if suffix in ("xml", "npz") else as_utf8(data)
    try:
        return _json(content) if suffix == JSON else (_READERS[suffix](content), None)
    except UnicodeDecodeError as error:
        return Problem(DropReason.MALFORMED, f"text is not UTF-8: {error}; {UTF8}"), None
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        return Problem(DropReason.MALFORMED, f"{type(error).__name__}: {error}"[:300]), None


def _json(data: bytes) -> tuple[dict[str, Any] | Problem, str | None]:
    value, notes = read_value(data)
    if not isinstance(value, dict | Problem):
        value = Problem(DropReason.WRONG_SHAPE, f"a record must be an object, this is a {type(value).__name__}")
    return value, notes


def _html(data: bytes) -> dict[str, Any] | Problem:
    text = data.decode()
    return {"html": text} if text.strip() else Problem(DropReason.NO_ANSWER, "the file is empty")


def boxes(data: bytes) -> dict[str, Any]:
    """Lines of text with their boxes, as the ICDAR challenges write them; ValueError for another line."""
    told = [(at, line) for at, line in enumerate(data.decode().splitlines(), 1) if line.strip()]
    found = [_BOX.fullmatch(line) for _, line in told]
    for (at, line), box in zip(told, found, strict=True):
        if box is None:
            raise ValueError(f"line {at} is no box with its text: {line[:80]!r}")
    rests = [box["rest"] for box in found if box]
    rated = [_RATED.match(rest.strip()) for rest in rests]
    scripts = [_SCRIPT.match(rest.strip()) for rest in rests]
    if all(rated):
        texts = [(mark[2], mark[1] == "1") for mark in rated if mark]
    elif all(scripts):
        texts = [(mark[1], False) for mark in scripts if mark]
    else:
        texts = [(rest.strip(), False) for rest in rests]
    points = [[float(number) for number in box["points"].split(",")] for box in found if box]
    lines = [
        {"transcription": text, "ignore": int(unsure or text.strip() in _ILLEGIBLE), "points": at}
        for (text, unsure), at in zip(texts, points, strict=True)
    ]
    return {"boxes": lines}


def _xml(data: bytes) -> dict[str, Any] | Problem:
    try:
        return tree_of(data)
    except Drop as drop:
        return Problem(drop.reason, drop.detail)


def _npz(data: bytes) -> dict[str, Any]:
    left, value = INFLATED, {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                held = stream.read(left + 1)
            left -= len(held)
            if left < 0:
                raise ValueError(f"its arrays take more than {INFLATED:,} bytes")
            value[member.filename.removesuffix(".npy")] = plain(array_of(held, member.filename))
    return value


def _prose(data: bytes) -> dict[str, Any] | Problem:
    text = data.decode().strip()
    return {TEXT: text} if text else Problem(DropReason.NO_ANSWER, "the file is empty")


def _table(data: bytes) -> dict[str, Any]:
    return {"table": table_of(data)}


JSON, PROSE, TABLE = "json", "prose", "table"
OTHERWISE: Mapping[str, tuple[str, ...]] = {"txt": (JSON, PROSE), "csv": (TABLE,)}
"""How files of a suffix read where they hold no boxes."""
_READERS: Mapping[str, Callable[[bytes], dict[str, Any] | Problem]] = {
    "html": _html, "htm": _html, "txt": boxes, "csv": boxes, "xml": _xml, "npz": _npz,
    PROSE: _prose, TABLE: _table,
}  # fmt: skip
SUFFIXES = (frozenset(_READERS) | {JSON}) - {PROSE, TABLE}
