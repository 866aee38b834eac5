"""JSON text to records; a bad one costs itself only."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from jobs.readers.pieces import LARGEST, Piece, at_commas, at_line_ends, pieces, whole
from jobs.readers.ranges import Range
from jobs.readers.scan import State, scan
from jobs.readers.stream import blocks, is_compressed, undamaged
from schemas.enums import DropReason
from schemas.errors import InputError
from udfs.adapters.family import Container
from udfs.files import join
from udfs.sample import Origin, Problem, Record

DEEPEST = 200
"""Values nested deeper are problems: no dataset needs them and recursive code falls over them."""
_EXCERPT = 200
_BLOCK = 1 << 20
_AT_ONCE = 40 << 20
"""Bytes of a range that are held in memory to cut them by one parse: planned ranges, unless one record is huge."""
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode = msgspec.json.Decoder().decode


def read_json(root: str, part: Range) -> Iterator[Record]:
    """Records of a range of an array, a keyed object or JSON lines."""
    uri = join(root, part.file)
    if part.container is Container.JSON_LINES:
        yield from _read_lines(uri, part)
        return
    found = _at_once(uri, part) or pieces(at_commas(blocks(uri, part.start, part.end, _BLOCK)))
    for position, piece in enumerate(found, part.position):
        yield _record(piece, part, position)


def _read_lines(uri: str, part: Range) -> Iterator[Record]:
    """Records of lines; of a compressed file that is cut off the rest is one problem."""
    lost = list[InputError]()
    packed = part.end is None and is_compressed(uri)
    content = undamaged(uri, part.start, lost) if packed else blocks(uri, part.start, part.end, _BLOCK)
    for position, piece in enumerate(pieces(at_line_ends(content)), part.position):
        if lost:
            detail = f"{lost[0].args[0]}: nothing was read from line {position + 1} on; "
            problem = Problem(DropReason.MALFORMED, detail + lost[0].next_step)
            excerpt = piece.data[: 4 * _EXCERPT].decode("utf-8", "replace")[:_EXCERPT]
            yield Record({}, Origin(part.file, position, record_hash=piece.digest), problem, excerpt)
        elif piece.data:
            yield _record(piece, part, position)


def _at_once(uri: str, part: Range) -> Iterator[Piece] | None:
    """Records of a range of an array, found by one parse that leaves them as they stand; None where it is unfit."""
    if part.container is not Container.JSON_ARRAY or part.end is None or part.end - part.start > _AT_ONCE:
        return None
    text = b"".join((b"[", *blocks(uri, part.start, part.end, _BLOCK), b"]"))
    try:
        found = _split(text)
    except (ValueError, RecursionError):
        return None
    # A blank range parses as no record, but is planned, and reported, as one.
    return map(whole, map(bytes, found)) if len(found) == part.records else None


def _record(piece: Piece, part: Range, position: int) -> Record:
    origin = Origin(part.file, position, record_hash=piece.digest)
    excerpt = piece.data[: 4 * _EXCERPT].decode("utf-8", "replace")[:_EXCERPT]
    keyed = part.container is Container.JSON_KEYED
    if piece.too_large:
        problem = Problem(DropReason.RECORD_TOO_LARGE, f"{piece.size} bytes, at most {LARGEST} are read")
        return Record({}, origin, problem, excerpt)
    value, notes = read_value(b"{" + piece.data + b"}" if keyed else piece.data)
    origin = replace(origin, notes=notes) if notes else origin
    if keyed and isinstance(value, dict):
        value = _unkeyed(value)
    if part.container is Container.JSON_ARRAY and isinstance(value, list) and len(value) == 1:
        value = value[0]  # VIST wraps each record into a list of its own
    if isinstance(value, dict):
        return Record(value, origin, None, excerpt)
    if not isinstance(value, Problem):
        value = Problem(DropReason.WRONG_SHAPE, f"a record must be an object, this is a {_name(value)}")
    return Record({}, origin, value, excerpt)


def _unkeyed(pair: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    if len(pair) != 1:
        return Problem(DropReason.MALFORMED, "nothing stands between two commas")
    key, value = next(iter(pair.items()))
    if isinstance(value, dict):
        return {**value, "_key": key}
    return {"_key": key, "value": value} if isinstance(value, int | str) else value


def read_value(text: bytes) -> tuple[Any, str | None]:
    """A JSON value, or the problem with it; and what had to be decided about it.

    Beyond the standard: NaN and infinities become null, lone surrogates U+FFFD, of equal keys the last one counts.
    """
    if text.count(b"[") + text.count(b"{") > DEEPEST and depth_of(text) > DEEPEST:
        return Problem(DropReason.MALFORMED, f"nested deeper than {DEEPEST}"), None
    try:
        value = _decode(text)
    except (ValueError, RecursionError):
        return _read_leniently(text)
    if text.count(b'":') + text.count(b'" :') != _keys(value):  # a key stands twice, or text looks like one
        return value, _read_leniently(text)[1]
    return value, None


def _read_leniently(text: bytes) -> tuple[Any, str | None]:
    notes: dict[str, None] = {}

    def null(word: str) -> None:
        notes[f"{word} read as null"] = None

    def number(word: str) -> float | None:
        found = float(word)
        if math.isfinite(found):
            return found
        null(word)
        return None

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            times = Counter(name for name, _ in pairs)
            notes.update((f"key {name!r} stands twice", None) for name in value if times[name] > 1)
        return value

    try:
        value = json.loads(text.decode(), parse_constant=null, parse_float=number, object_pairs_hook=members)
        return _encodable(value), _encodable("; ".join(notes)[:_EXCERPT]) or None
    except (ValueError, RecursionError) as error:
        return Problem(DropReason.MALFORMED, str(error)), None


def _keys(value: Any) -> int:  # noqa: ANN401 - any JSON value
    keys, todo = 0, [[value]]
    while todo:
        for node in todo.pop():
            if type(node) is dict:
                keys += len(node)
                todo.append(list(node.values()))
            elif type(node) is list:
                todo.append(node)
    return keys


def _encodable(node: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(node, str):
        return node.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(node, list):
        return [_encodable(item) for item in node]
    return {_encodable(key): _encodable(item) for key, item in node.items()} if isinstance(node, dict) else node


def depth_of(text: bytes) -> int:
    """Deepest nesting of a JSON text."""
    return int(np.max(scan(text, State())[0].depths, initial=0))


def _name(value: object) -> str:
    names = {str: "string", list: "list", bool: "boolean", int: "number", float: "number"}
    return names.get(type(value), "null")
