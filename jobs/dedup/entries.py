"""Entries of benchmark files: what they ask and the hashes of what they show. Runs in Spark's Python workers."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import msgspec
import pyarrow as pa

from jobs.normalise.plan import MEDIA_SUFFIXES, RANGE_BYTES
from jobs.normalise.staged import Batches
from jobs.readers import Range, layouts, plan_ranges, read
from schemas.columns import INT, STRING, STRINGS
from schemas.config import Media
from schemas.enums import Category, Group, MediaKind, Modality
from schemas.errors import ConfigError, Drop, InputError
from schemas.source import Licence, Source
from udfs import files
from udfs.adapters.fields import dotted, first
from udfs.adapters.flat import ALIASES
from udfs.adapters.media import refs
from udfs.ids import clean
from udfs.media.resolve import MediaReader
from udfs.sample import MediaRef, Record

ENTRIES = pa.schema(
    [("name", STRING), ("benchmark", STRING), ("texts", STRINGS), ("phashes", STRINGS), ("unseen", INT)]
)
"""`name` is file:position; `unseen` counts pictures that could not be read."""
QUESTIONS = (*ALIASES.question, "text", "problem_statement", "caption")
CONVERSATIONS = ("conversations", "messages", "texts", "conversation")
SPEAKERS = ("from", "role")
ASKING = frozenset({"human", "user"})
SAID = ("value", "content", "text", "user")
SHOWN = ("image", "img", "picture", "photo")
"""How names of fields with pictures begin, e.g. image, images, image_1."""


@dataclass(frozen=True)
class Piece:
    """A range of an annotation file, or one picture."""

    folder: str
    benchmark: str
    range: Range | None = None
    picture: str | None = None


def plan_pieces(path: str) -> tuple[list[Piece], list[str]]:
    """What to read of a file or a folder, and files of the folder that hold nothing readable."""
    folder, _, name = path.rstrip("/").rpartition("/")
    if not files.exists(path):
        raise ConfigError(
            f"dedup.benchmarks: {path} is no file, no folder and no source that was normalised",
            "name files as downloaded, a folder of them, or the id of a source that `mammoth-vl normalise` has read",
        )
    if _is_file(path):
        return list(_pieces(folder or ".", name)), []
    pieces, unread = list[Piece](), list[str]()
    for file in files.find(path, ["**/*"]):
        try:
            pieces += _pieces(path, file)
        except InputError:
            unread.append(file)
    if not pieces:
        raise InputError(f"benchmark folder {path} holds no annotations and no pictures", "check dedup.benchmarks")
    return pieces, unread


def _is_file(path: str) -> bool:
    try:
        return files.size(path) >= 0
    except FileNotFoundError:
        return False


def _pieces(folder: str, file: str) -> Iterator[Piece]:
    if PurePosixPath(file.lower()).suffix in MEDIA_SUFFIXES:
        yield Piece(folder, file.rpartition("/")[0] or folder, picture=file)
        return
    uri = files.join(folder, file)
    for layout in layouts(uri):
        for part in plan_ranges(uri, file, layout, RANGE_BYTES):
            yield Piece(folder, file, part)


def read_entries(batches: Iterable[pa.RecordBatch], limits: Media, fields: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """Pieces to rows of ENTRIES, one for each record and picture."""
    out = Batches(ENTRIES)
    for batch in batches:
        for text in batch.column("piece").to_pylist():
            piece = msgspec.json.decode(text or "", type=Piece)
            with closing(MediaReader(piece.folder, {}, limits)) as reader:
                for row in _rows(piece, reader, fields):
                    yield from out.add(row)
    yield from out.flush()


def _rows(piece: Piece, reader: MediaReader, fields: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if piece.range is None:
        shown = [MediaRef(MediaKind.IMAGE, path=piece.picture)]
        yield {"name": piece.picture, "benchmark": piece.benchmark, "texts": [], **_seen(shown, reader)}
        return
    for record in read(piece.folder, piece.range):
        texts = [] if record.problem else list(questions(record.value, fields))
        name = f"{record.origin.file}:{record.origin.position}"
        yield {"name": name, "benchmark": piece.benchmark, "texts": texts, **_seen(list(_shown(record)), reader)}


def questions(value: Mapping[str, Any], fields: tuple[str, ...] = ()) -> Iterator[str]:
    """What an entry asks: the fields named by the user, else user turns, else the first usual name."""
    own = [found for path in fields if isinstance(found := dotted(value, path), str)]
    talk = first(value, CONVERSATIONS)
    if not own and talk is not None and isinstance(talk[1], list | tuple):
        own = [text for turn in talk[1] if isinstance(turn, Mapping) for text in _asked(turn)]
    if not own:
        found = first(value, QUESTIONS)
        own = [found[1]] if found is not None and isinstance(found[1], str) else []
    yield from (clean(text) for text in own if text.strip())


def _asked(turn: Mapping[str, Any]) -> Iterator[str]:
    speaker = first(turn, SPEAKERS)
    said = first(turn, SAID)
    if (speaker is None or speaker[1] in ASKING) and said is not None and isinstance(said[1], str):
        yield said[1]


def _shown(record: Record) -> Iterator[MediaRef]:
    for name, value in ({} if record.problem else record.value).items():
        if name.lower().startswith(SHOWN) or name in ALIASES.media:
            try:
                yield from (ref for ref in refs(value, name) if ref.kind is MediaKind.IMAGE)
            except Drop:
                continue  # a number, or a name without a picture behind it


def _seen(shown: list[MediaRef], reader: MediaReader) -> dict[str, Any]:
    phashes, unseen = [], 0
    for ref in shown:
        try:
            phashes.append(reader.read(ref, _ANY).facts.phash)
        except Drop:
            unseen += 1
    return {"phashes": phashes, "unseen": unseen}


_ANY = Source(
    source_id="benchmark", name="a benchmark", group=Group.C, category=Category.GENERAL, modality=Modality.IMAGE,
    family="generic", licence=Licence(spdx="other"),
)  # fmt: skip
"""Pictures lie below the folder of their file."""
