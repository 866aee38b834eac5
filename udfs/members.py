"""Members of zip and tar archives, read where they lie.

Only regular files count, under relative names without `..`; of equal names the first one counts. The name of a
member is that of its archive, `!/` and its path there, as in `images.zip!/val/annotations.json`.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePosixPath

from schemas.enums import DropReason
from schemas.errors import Drop
from udfs import stores
from udfs.inflate import MOST_RATIO, codec, content
from udfs.member_index import (
    BROKEN,
    LOCAL,
    LOCKED,
    MOST_NAMES,
    TAR,
    Index,
    damaged,
    index_of,
    name_of,
    pictures_in,
    place,
)
from udfs.slices import Slice

SUFFIXES = (
    ".zip", ".tar", ".tgz", ".tzst", ".tbz2", ".txz", ".tar.gz", ".tar.zst", ".tar.bz2", ".tar.xz",
)  # fmt: skip
_MEMBER = re.compile(rf"(.+?(?:{'|'.join(map(re.escape, SUFFIXES))}))!/(.+)", re.IGNORECASE | re.DOTALL)
_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """Where the bytes of one member lie in its archive."""

    uri: str
    name: str
    at: int
    """For a compressed tar in what it inflates to."""
    packed: int
    size: int
    crc: int
    method: int
    """A method of zipfile, or -1: bytes that begin at `at`, as in a tar."""

    @property
    def seekable(self) -> bool:
        """Whether any part of it can be read without what stands before."""
        return self.method in (TAR, zipfile.ZIP_STORED) and codec(self.uri) is None

    def __str__(self) -> str:
        return f"{self.uri}!/{self.name}"


def split(uri: str) -> tuple[str, str] | None:
    """Archive and member that a URI names, None where it names no member."""
    found = _MEMBER.fullmatch(uri)
    return (found[1], found[2]) if found else None


def find_member(uri: str, names: Sequence[str], stamp: tuple[int, int] | None = None) -> Member | None:
    """The first of these names that an archive holds; Drop when it cannot be read.

    Who knows the archive's stamp saves a question to its store.
    """
    return _first(uri, index_of(uri, stamp), names)


def find_deeper(
    uri: str, names: Sequence[str], may_lie_in: Callable[[str], bool], stamp: tuple[int, int] | None = None
) -> Member | None:
    """The one member of these names in a folder of an archive that may hold it, or of the first's own name anywhere.

    Such folders are the first two levels, the one that holds everything, and those right in the folder of a name.
    Drop where several folders hold one, and where the archive cannot be read.
    """
    index = index_of(uri, stamp)
    held = [name for name in names if place(index.files, name.rpartition("/")[2]) is not None]
    below = [[f"{folder}/{name}" for name in held] for folder in index.folders if _leads(folder, may_lie_in)]
    beside = [
        [f"{folder}/{file}" for where, _, file in (name.rpartition("/") for name in held) if where == above]
        for folder in filter(may_lie_in, (*index.folders, *index.inner))
        if (above := folder.rpartition("/")[0])
    ]
    found = {member.at: member for names in (*below, *beside) if (member := _first(uri, index, names))}
    if not found:
        alike = index.named.get(PurePosixPath(names[0]).stem, ())
        found = {
            m.at: m
            for name in alike
            if may_lie_in(str(PurePosixPath(name).parent)) and (m := _first(uri, index, [name]))
        }
    if len(found) > 1:
        several = ", ".join(sorted(map(str, found.values()))[:3])
        raise Drop(DropReason.MISSING_MEDIA, f"{names[0]!r} may be any of {several}")
    return next(iter(found.values()), None)


def _leads(way: str, may_lie_in: Callable[[str], bool]) -> bool:
    """Whether each folder of a way may hold it."""
    return all(map(may_lie_in, way.split("/")))


def find_frames(
    uri: str, folders: Sequence[str], name: str, may_lie_in: Callable[[str], bool], stamp: tuple[int, int] | None = None
) -> list[Member]:
    """Pictures of the first of these folders of an archive that holds any, else of the one of this name in another one.

    By name. Drop where several folders hold one, where a name cannot be told, and where the archive cannot be read.
    """
    index = index_of(uri, stamp)
    found = next(filter(len, (pictures_in(index, folder) for folder in folders)), None)
    if found is None:
        deeper = [f"{folder}/{name}" for folder in index.folders if _leads(folder, may_lie_in)]
        held = [folder for folder in deeper if len(pictures_in(index, folder))]
        if len(held) > 1:
            raise Drop(DropReason.MISSING_MEDIA, f"{name!r} may be any of {', '.join(sorted(held)[:3])} in {uri}")
        if not held:
            return []
        found = pictures_in(index, held[0])
    try:
        with closing(content(uri)) as raw:
            named = {name_of(raw, index, int(row)): int(row) for row in found}
    except (*BROKEN, struct.error) as error:
        raise damaged(uri, str(error)) from error
    if "" in named:
        raise Drop(DropReason.MEDIA_UNSUPPORTED, f"{uri} holds frames under names that are too long; unpack it")
    return [_member(uri, index, name, named[name]) for name in sorted(named)]


def _first(uri: str, index: Index, names: Sequence[str]) -> Member | None:
    for name in names:
        at = place(index.keys, name)
        if at is not None:
            return _member(uri, index, name, at)
    return None


def _member(uri: str, index: Index, name: str, at: int) -> Member:
    start, packed, size, crc = (int(value) for value in index.rows[at])
    return Member(uri, name, start, packed, size, crc, int(index.methods[at]))


def annotations(uri: str) -> tuple[str, ...]:
    """Names of the annotation files that an archive holds, in its order; Drop when it cannot be read."""
    records = index_of(uri, None).records
    if len(records) >= MOST_NAMES:
        raise Drop(DropReason.MEDIA_UNSUPPORTED, f"{uri} has over {MOST_NAMES:,} annotation files; unpack it")
    return records


def read_member(member: Member, most: int) -> bytes:
    """All bytes of a member, never more than `most`; Drop when it is larger, encrypted or damaged."""
    if member.size > most:
        raise Drop(DropReason.MEDIA_TOO_LARGE, f"{member}: {member.size:,} bytes; at most {most:,} are read")
    try:
        with closing(open_member(member)) as stream:
            data = bytes(stream.read(member.size))
    except BROKEN as error:
        raise damaged(member, str(error)) from error
    if len(data) != member.size:
        raise damaged(member, f"{len(data):,} bytes, its directory says {member.size:,}")
    if member.method != TAR and zlib.crc32(data) != member.crc:
        raise damaged(member, "its bytes are not those of its checksum (CRC-32)")
    return data


def open_member(member: Member) -> io.BufferedIOBase | io.RawIOBase:
    """A member as a file; where it is not `seekable`, going back begins anew. Drop as by `read_member`.

    Reading a zip member to its end in one go compares its checksum.
    """
    if member.method == LOCKED:
        raise Drop(DropReason.MEDIA_UNSUPPORTED, f"{member} is encrypted; unpack the archive with its password")
    if member.size > MOST_RATIO * max(member.packed, 1):
        raise Drop(DropReason.MEDIA_TOO_LARGE, f"{member}: {member.packed:,} bytes say they hold {member.size:,}")
    if member.method == TAR:
        part = Slice(lambda: content(member.uri), member.at, member.size)
        # A look at its first bytes is no reason to begin anew.
        return part if member.seekable else io.BufferedReader(part, _BUFFER)
    if member.method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Drop(DropReason.MEDIA_UNSUPPORTED, f"{member}: packed by method {member.method}; unpack the archive")
    # What cannot be packed takes 5 bytes more per 16 KiB.
    if member.packed > member.size + (member.size >> 10) + 1024:
        raise damaged(member, f"{member.packed:,} bytes are packed {member.size:,}")
    if member.at < 0:
        raise damaged(member, "its directory says that it begins before the archive")
    raw = stores.open_file(member.uri)
    raw.seek(member.at)
    head = raw.read(LOCAL.size)
    if len(head) < LOCAL.size or head[:4] != b"PK\3\4":
        raw.close()
        raise damaged(member, "no member begins where the archive's directory says")
    if member.seekable:
        raw.close()
        return Slice(lambda: content(member.uri), member.at + len(head) + sum(LOCAL.unpack(head)[-2:]), member.size)
    raw.seek(sum(LOCAL.unpack(head)[-2:]), 1)
    told = zipfile.ZipInfo("member")
    told.compress_type, told.CRC = member.method, member.crc
    told.compress_size, told.file_size = member.packed, member.size
    return zipfile.ZipExtFile(raw, "r", told, close_fileobj=True)
