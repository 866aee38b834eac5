"""What a source file is, found by looking at its first bytes and, for JSON documents, its structure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import islice
from pathlib import PurePosixPath

from jobs.readers.delimited import SUFFIXES, UTF8
from jobs.readers.dispatch import read
from jobs.readers.documents import keyed_at_top, outline_of
from jobs.readers.pickles import SUFFIXES as PICKLES
from jobs.readers.planning import plan_ranges
from jobs.readers.ranges import Range
from jobs.readers.shards import is_shard
from jobs.readers.stream import BOM, head_of, is_compressed
from jobs.readers.text_lines import first_of
from schemas.errors import InputError
from udfs import files
from udfs.adapters.family import WHOLE, Container, Layout
from udfs.member_index import BROKEN
from udfs.npy import header_of
from udfs.stores import POINTER

_HEAD = 4096
_LOOKED_AT = 50
"""The most usual one of so many good records stands for all."""
_LARGEST_OBJECT = 1 << 20
"""Bytes of a document that may be one record."""
_COMPRESSED = frozenset({".gz", ".zst", ".bz2"})
_LINES = frozenset({".jsonl", ".ndjson", ".jsonlines"})
_RANGE_BYTES = 32 << 20
_SPACE = b" \t\r\n"


def layouts(uri: str) -> list[Layout]:
    """Every place in a file where records lie, each with a first record; InputError when there is none."""
    found = [replace(layout, first=_first(uri, layout)) for layout in _places(uri)] or single(uri)
    if not found:
        raise InputError(f"{uri} is JSON but holds no list of records", "name the file that holds the annotations")
    return found


def single(uri: str, *, keyed: bool = False) -> list[Layout]:
    """A small JSON document as one record, if it is an object; `keyed`: also as an object whose values are records."""
    if _suffix(uri) != ".json" or is_compressed(uri) or files.size(uri) > _LARGEST_OBJECT:
        return []
    places = [Layout(Container.JSON_ARRAY, WHOLE)]
    if keyed and keyed_at_top(uri):
        places.append(Layout(Container.JSON_KEYED))
    return [replace(place, first=first) for place in places if (first := _first(uri, place))]


def _places(uri: str) -> list[Layout]:
    kind = _suffix(uri)
    if _begins(uri).startswith(POINTER):
        raise InputError(
            f"{uri} is a pointer of Git LFS and not the file itself",
            "run `git lfs pull` in its repository, or download the file by itself",
        )
    if kind in PICKLES:
        return [Layout(Container.PICKLE, _array_name(uri) if kind == ".npy" else "")]
    if is_shard(uri):
        return [Layout(Container.SHARD)]
    head = _head(uri)
    if head.startswith(b"PAR1"):
        return [Layout(Container.PARQUET)]
    if kind in SUFFIXES:
        return [Layout(Container.DELIMITED)]
    if kind in _LINES and not _is_array(uri, head):
        return [Layout(Container.JSON_LINES)]
    if kind == ".txt" and not head.removeprefix(BOM).lstrip(_SPACE).startswith((b"[", b"{")):
        return [Layout(Container.LINES, PurePosixPath(uri).name.partition(".")[0])]
    if not head.removeprefix(BOM).lstrip(_SPACE).startswith((b"[", b"{")):
        raise InputError(
            f"{uri} is no source file: it begins with {head[:24]!r}",
            "JSON, JSON lines, parquet, .csv, .tsv, .txt and pickles can be read, JSON and text also as .gz or .zst",
        )
    places = outline_of(uri)
    if places is None:
        return [Layout(Container.JSON_LINES)]
    return [Layout(place.span.container, place.at) for place in places]


def _array_name(uri: str) -> str:
    """The stem of a file, which is all that says what its array holds; InputError where that is numbers alone."""
    try:
        shape, _, dtype = header_of(BytesIO(files.read_bytes(uri, _HEAD)), uri)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{uri} is not readable as an array of numpy: {error}", "download the file again") from error
    if dtype.kind not in "OSUV":
        raise InputError(f"{uri} holds no records: an array of {dtype}, shape {shape}", "name the file of annotations")
    return PurePosixPath(uri).stem


def _is_array(uri: str, head: bytes) -> bool:
    """Whether a file that says it holds lines is one array all the same."""
    if not head.removeprefix(BOM).lstrip(_SPACE).startswith(b"["):
        return False
    try:
        return outline_of(uri) is not None
    except InputError:
        return False


def _begins(uri: str) -> bytes:
    """The first bytes of a file as it lies there; none of one that cannot be read, which its reader tells."""
    try:
        return files.read_bytes(uri, len(POINTER))
    except (InputError, *BROKEN):
        return b""


def _head(uri: str) -> bytes:
    try:
        head = head_of(uri, _HEAD)
    except OSError as error:
        raise InputError(f"{uri} cannot be read: {error}", "check that the file exists and may be read") from error
    if not head.strip(_SPACE + BOM):
        raise InputError(f"{uri} is empty ({files.size(uri)} bytes)", "download the file again")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or (b"\0" in head[:4] and not head.startswith(b"PAR1")):
        raise InputError(f"{uri} begins with {head[:8]!r}: UTF-16 or no text", "convert it: iconv -f UTF-16 -t UTF-8")
    return head


def _suffix(uri: str) -> str:
    suffixes = PurePosixPath(uri.lower()).suffixes
    while suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _first(uri: str, layout: Layout) -> Mapping[str, object] | None:
    folder, _, file = uri.rpartition("/")
    for part in _beginning(uri, file, layout):
        looked = list(islice(read(folder or ".", part), _LOOKED_AT))
        good = [record for record in looked if record.problem is None]
        if layout.container is Container.DELIMITED and looked and not good:
            problem = looked[0].problem
            raise InputError(f"{uri}: none of its rows can be read: {problem and problem.detail}", UTF8)
        if layout.container is Container.LINES:
            return first_of(good)
        if layout.container in (Container.PARQUET, Container.DELIMITED):
            return dict(good[0].value) if good else None
        return usual([record.value for record in good])
    return None


def _beginning(uri: str, file: str, layout: Layout) -> list[Range]:
    """The first range; of lines all, as nobody needs to count those that are not looked at."""
    if layout.container not in (Container.JSON_LINES, Container.LINES):
        return plan_ranges(uri, file, layout, _RANGE_BYTES)[:1]
    size, start = files.size(uri), len(BOM) if layout.container is Container.JSON_LINES and _marked(uri) else 0
    return [Range(file, layout.container, layout.at, start, None, 0, None, size, size)]


def _marked(uri: str) -> bool:
    return head_of(uri, len(BOM)) == BOM


def usual(values: Sequence[Mapping[str, object]]) -> dict[str, object] | None:
    """The first record with the fields that most have, of equals with most fields: a broken one may stand first."""
    if not values:
        return None
    alike = Counter(frozenset(value) for value in values)
    chosen: Mapping[str, object] = max(values, key=lambda value: (alike[frozenset(value)], len(value)))
    return dict(chosen)
