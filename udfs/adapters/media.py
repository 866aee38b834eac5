"""Pictures and videos as records name them; paths are passed on unchecked."""

import base64
import binascii
import re
import string
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from schemas.enums import DropReason, MediaKind
from schemas.errors import Drop
from udfs import archives
from udfs.adapters.fields import dotted, first, kind, text
from udfs.sample import MediaRef, Record

VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".flv", ".wmv"})
BASE64_KEYS = frozenset({"image_base64_str", "image_base64", "image_str", "img_str", "base64"})
DRAWN, NUMBERED = "_drawn", "task_instruction_id"
"""Field for an instruction that a record draws from a list beside its file."""
CLASSES = "_classes"
"""Where the reader of tables puts the names that numbers in lists stand for, by column."""
KEY = "_key"
"""Where the reader of a keyed object puts a record's key."""
PATH = "_path"
"""Where the readers of lines and of small files put the path of a record's file, without its suffix."""
PICTURE = "_picture"
"""Where the reader of small files puts the path of the picture that goes with a file."""
MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
"""How files of pictures begin."""
HEAD = 64
"""Letters of base64 text that are looked at; no picture has fewer."""
NO_MEDIA = frozenset({"", "None", "none", "nan"})
"""How LLaVA files say that a record shows nothing."""

_PARTS = string.Formatter()
_SUBSET = re.compile(r"(?<![a-z])(train|val|test|test-dev)20[0-9]{2}")
"""As COCO names them; an archive called trainval2017 holds two."""


def refs(value: object, name: str, medium: MediaKind = MediaKind.IMAGE) -> tuple[MediaRef, ...]:
    """The media in a field: a path, bytes, a struct of both, or a list of these."""
    if value is None or (isinstance(value, str) and value.strip() in NO_MEDIA):
        return ()
    if isinstance(value, list | tuple):
        return tuple(_ref(part, f"{name}.{at}", medium) for at, part in enumerate(value))
    return (_ref(value, name, medium),)


def _ref(value: object, name: str, medium: MediaKind) -> MediaRef:
    if isinstance(value, Mapping):
        data, path = value.get("bytes"), value.get("path")
        if data is None and path is None:
            raise Drop(DropReason.MISSING_MEDIA, f"{name} holds neither bytes nor path")
        if data is None:
            return _ref(path, f"{name}.path", medium)
        value = data
    if isinstance(value, bytes):
        return MediaRef(medium, data=value)
    if isinstance(value, str) and (name.partition(".")[0] in BASE64_KEYS or _holds_picture(value)):
        return MediaRef(medium, data=_decoded(value, name))
    if isinstance(value, str) and value.strip() not in NO_MEDIA:
        return at_path(value, name, medium)
    if value is None or isinstance(value, str):
        raise Drop(DropReason.MISSING_MEDIA, f"{name} is {kind(value)}; allowed: a path or bytes")
    raise Drop(DropReason.WRONG_SHAPE, f"{name} is {kind(value)}; allowed: a path, bytes or a struct of both")


def at_path(path: str, name: str, medium: MediaKind = MediaKind.IMAGE) -> MediaRef:
    """A medium below the source's media root; its suffix may say that it is a video."""
    if not path.isascii() and any("\ud800" <= letter <= "\udfff" for letter in path):
        raise Drop(DropReason.MISSING_MEDIA, f"{name} is not Unicode text: {ascii(path)[:80]}")
    video = PurePosixPath(path).suffix.lower() in VIDEO_SUFFIXES
    return MediaRef(MediaKind.VIDEO if video else medium, path=path)


def _holds_picture(value: str) -> bool:
    """Whether text in a field for paths is a picture itself, as a data URL or in base64."""
    if value.startswith("data:"):
        return True
    try:
        return len(value) > HEAD and base64.b64decode(value[:HEAD], validate=True).startswith(MAGIC)
    except ValueError:
        return False


def _decoded(value: str, name: str) -> bytes:
    try:
        return base64.b64decode(value.rpartition("base64,")[2].strip(), validate=True)
    except (binascii.Error, ValueError):
        raise Drop(DropReason.UNDECODABLE_MEDIA, f"{name} is not base64 text") from None


def named(record: Record, paths: Iterable[str]) -> tuple[MediaRef, ...]:
    """The media in the first of these fields that holds something."""
    found = first(record.value, paths)
    if found is None:
        return ()
    path, value = found
    medium = MediaKind.VIDEO if path.rpartition(".")[2].startswith("video") else MediaKind.IMAGE
    return refs(text(value, path) if isinstance(value, int | float) else value, path, medium)


def patterned(found: tuple[MediaRef, ...], patterns: Iterable[str], record: Record) -> tuple[MediaRef, ...]:
    """Embedded media, else what the first pattern that can be filled names, else the paths as they stand."""
    if any(medium.data is not None for medium in found):
        return found
    for pattern in patterns:
        path = fill(pattern, record) if pattern else None
        if path:
            return (at_path(path, "media path", found[0].kind if found else MediaKind.IMAGE),)
    return found


def fill(pattern: str, record: Record) -> str | None:
    """A pattern over the record's fields; None when one of them is missing.

    Beside the fields it knows `{key}` (of a keyed record), `{folder}` (of its file, with a slash, or empty), `{above}`
    (the folder above that), `{stem}` (its file's name without suffix) and `{subset}` (such as train2017, out of the
    file's name).
    """
    filled = []
    for literal, name, spec, _ in _PARTS.parse(pattern):
        filled.append(literal)
        if name:
            value = _part(name, record)
            if value is None:
                return None
            filled.append(format(_number(value, name), spec) if spec and spec.endswith("d") else text(value, name))
    return "".join(filled)


def _number(value: object, name: str) -> int:
    """A number, or the name of a file that is one."""
    stem = PurePosixPath(str(value).strip()).stem
    if not stem.isdecimal():
        raise Drop(DropReason.WRONG_SHAPE, f"{name} is {kind(value)}; allowed: a number, which names the picture")
    return int(stem)


def _part(name: str, record: Record) -> Any:  # noqa: ANN401 - whatever the record holds
    value = dotted(record.value, name)
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if value is not None:
        return None if value == "" else value
    *above, folder, _ = ("", "", *archives.unpacked(record.origin.file).split("/"))
    found = _SUBSET.search(record.origin.file)
    known = {
        "key": record.value.get(KEY, record.origin.original_id),
        "folder": "".join(f"{step}/" for step in (*above, folder) if step),
        "above": "".join(f"{step}/" for step in above if step),
        "stem": PurePosixPath(record.origin.file).stem,
        "subset": found and found[0],
    }
    return known.get(name)
