"""Members of zip and tar archives, read where they lie.

Only regular files count, under relative names without `..`; of equal names the first one counts. The name of a
member is that of its archive, `!/` and its path there, as in `images.zip!/val/annotations.json`.
"""

import hashlib
import io
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.enums import DropReason
from schemas.errors import Drop
from udfs import stores
from udfs.inflate import MOST_RATIO, codec, content
from udfs.media.splits import is_alone
from udfs.slices import Slice

MOST_MEMBERS = 5_000_000
"""An archive of more members is not looked into."""
MOST_FOLDERS = 32
"""So many folders of one level are searched for a member that is not where its record says."""
MOST_NAMES = 200_000
"""So many names of annotation files are kept of one archive."""
_KINDS = (".json", ".jsonl", ".ndjson", ".jsonlines", ".csv", ".tsv", ".tab")
VIDEOS = (".mp4", ".mkv", ".webm", ".avi", ".mov")
RECORDS = (".parquet", *(f"{kind}{packed}" for kind in _KINDS for packed in ("", ".gz", ".zst", ".bz2")))
"""Annotation files have these suffixes."""
_SMALL = (".txt", ".html", ".htm", ".xml", ".npz", ".p", ".pk", ".pkl", ".pickle")
"""So may these, of which many are none: loose ones keep nobody from looking into archives."""
SUFFIXES = (
    ".zip", ".tar", ".tgz", ".tzst", ".tbz2", ".txz", ".tar.gz", ".tar.zst", ".tar.bz2", ".tar.xz",
)  # fmt: skip
_MEMBER = re.compile(rf"(.+?(?:{'|'.join(map(re.escape, SUFFIXES))}))!/(.+)", re.IGNORECASE | re.DOTALL)
_DRIVE = re.compile(r"^[A-Za-z]:")
_ENCRYPTED = 0x1
_LOCAL = struct.Struct("<4s5H3I2H")
_BUFFER = 1 << 20
_TAR, _LOCKED = -1, -2
BROKEN = (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError, NotImplementedError)

_Named = tuple[str, tuple[int, int, int, int, int]]
"""Name; place, packed bytes, bytes, CRC, method."""


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
        return self.method in (_TAR, zipfile.ZIP_STORED) and codec(self.uri) is None

    def __str__(self) -> str:
        return f"{self.uri}!/{self.name}"


@dataclass(frozen=True, slots=True)
class _Index:
    """Members by the hash of their name, sorted; 44 bytes each, and the names of annotation files."""

    keys: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.int64]
    methods: npt.NDArray[np.int32]
    records: tuple[str, ...]
    folders: tuple[str, ...]
    """Of its first two levels, as long as there are few."""
    named: Mapping[str, tuple[str, ...]]
    """Members by their name without a suffix: videos, and pictures whose names tell data set and split."""


def split(uri: str) -> tuple[str, str] | None:
    """Archive and member that a URI names, None where it names no member."""
    found = _MEMBER.fullmatch(uri)
    return (found[1], found[2]) if found else None


def is_member_name(name: str) -> bool:
    """Whether a name stays inside the archive on every system."""
    parts = name.split("/")
    bad = "\0" in name or "\\" in name or name.startswith("/") or _DRIVE.match(name)
    return not bad and ".." not in parts and bool(parts[-1])


def find_member(uri: str, names: Sequence[str], stamp: tuple[int, int] | None = None) -> Member | None:
    """The first of these names that an archive holds; Drop when it cannot be read.

    Who knows the archive's stamp saves a question to its store.
    """
    return _first(uri, _known(uri, stamp), names)


def find_deeper(
    uri: str, names: Sequence[str], may_lie_in: Callable[[str], bool], stamp: tuple[int, int] | None = None
) -> Member | None:
    """The one member of these names in a folder of an archive that may hold it, or of the first's own name anywhere.

    Drop where several folders hold one, and where the archive cannot be read.
    """
    index = _known(uri, stamp)
    below = (_first(uri, index, [f"{folder}/{name}" for name in names]) for folder in filter(may_lie_in, index.folders))
    found = {member.at: member for member in below if member}
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


def _first(uri: str, index: _Index, names: Sequence[str]) -> Member | None:
    for name in names:
        key = _key(name)
        at = int(np.searchsorted(index.keys, key))
        if at < len(index.keys) and index.keys[at] == key:
            start, packed, size, crc = (int(value) for value in index.rows[at])
            return Member(uri, name, start, packed, size, crc, int(index.methods[at]))
    return None


def annotations(uri: str) -> tuple[str, ...]:
    """Names of the annotation files that an archive holds, in its order; Drop when it cannot be read."""
    records = _known(uri, None).records
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
        raise _damaged(member, str(error)) from error
    if len(data) != member.size:
        raise _damaged(member, f"{len(data):,} bytes, its directory says {member.size:,}")
    if member.method != _TAR and zlib.crc32(data) != member.crc:
        raise _damaged(member, "its bytes are not those of its checksum (CRC-32)")
    return data


def open_member(member: Member) -> io.BufferedIOBase | io.RawIOBase:
    """A member as a file; where it is not `seekable`, going back begins anew. Drop as by `read_member`.

    Reading a zip member to its end in one go compares its checksum.
    """
    if member.method == _LOCKED:
        raise Drop(DropReason.MEDIA_UNSUPPORTED, f"{member} is encrypted; unpack the archive with its password")
    if member.size > MOST_RATIO * max(member.packed, 1):
        raise Drop(DropReason.MEDIA_TOO_LARGE, f"{member}: {member.packed:,} bytes say they hold {member.size:,}")
    if member.method == _TAR:
        part = Slice(lambda: content(member.uri), member.at, member.size)
        # A look at its first bytes is no reason to begin anew.
        return part if member.seekable else io.BufferedReader(part, _BUFFER)
    if member.method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Drop(DropReason.MEDIA_UNSUPPORTED, f"{member}: packed by method {member.method}; unpack the archive")
    # What cannot be packed takes 5 bytes more per 16 KiB.
    if member.packed > member.size + (member.size >> 10) + 1024:
        raise _damaged(member, f"{member.packed:,} bytes are packed {member.size:,}")
    if member.at < 0:
        raise _damaged(member, "its directory says that it begins before the archive")
    raw = stores.open_file(member.uri)
    raw.seek(member.at)
    head = raw.read(_LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
        raw.close()
        raise _damaged(member, "no member begins where the archive's directory says")
    if member.seekable:
        raw.close()
        return Slice(lambda: content(member.uri), member.at + len(head) + sum(_LOCAL.unpack(head)[-2:]), member.size)
    raw.seek(sum(_LOCAL.unpack(head)[-2:]), 1)
    told = zipfile.ZipInfo("member")
    told.compress_type, told.CRC = member.method, member.crc
    told.compress_size, told.file_size = member.packed, member.size
    return zipfile.ZipExtFile(raw, "r", told, close_fileobj=True)


def _known(uri: str, stamp: tuple[int, int] | None) -> _Index:
    index = _index(uri, stamp or stores.stamp(uri))
    if isinstance(index, Drop):
        raise Drop(index.reason, index.detail)
    return index


@lru_cache(maxsize=64)
def _index(uri: str, stamp: tuple[int, int]) -> _Index | Drop:
    """What an archive holds, or why it cannot be read: a damaged one is looked at once."""
    try:
        with closing(content(uri)) as raw:
            return _sorted(uri, _zipped(raw) if uri.lower().endswith(".zip") else _tarred(uri, raw, stamp[0]))
    except Drop as drop:
        return drop
    except BROKEN as error:
        if stores.is_pointer(uri):
            detail = f"{uri} is a pointer of Git LFS and no archive; run `git lfs pull` in its repository"
            return Drop(DropReason.UNDECODABLE_MEDIA, detail)
        return _damaged(uri, str(error))


def _sorted(uri: str, found: Iterator[_Named]) -> _Index:
    keys: list[int] = []
    records: dict[str, None] = {}
    folders: tuple[dict[str, None], dict[str, None]] = {}, {}
    named: dict[str, tuple[str, ...]] = {}
    flat = np.empty((1024, 5), np.int64)
    for name, row in found:
        if len(keys) >= MOST_MEMBERS:
            raise Drop(DropReason.MEDIA_UNSUPPORTED, f"{uri} has over {MOST_MEMBERS:,} members; unpack it")
        if len(keys) == len(flat):
            flat = np.concatenate([flat, np.empty_like(flat)])
        flat[len(keys)] = row
        keys.append(int(_key(name)))
        if name.lower().endswith((*RECORDS, *_SMALL)) and len(records) < MOST_NAMES:
            records[name] = None
        *above, file = name.split("/")
        for level in range(min(len(above), len(folders))):
            if len(folders[level]) <= MOST_FOLDERS:
                folders[level]["/".join(above[: level + 1])] = None
        stem = PurePosixPath(file).stem
        if (file.lower().endswith(VIDEOS) or is_alone(stem)) and len(named) < MOST_NAMES:
            named[stem] = (*named.get(stem, ())[:3], name)
    few = tuple(folder for level in folders if len(level) <= MOST_FOLDERS for folder in level)
    # `unique` gives the first place of each key: of equal names the first one counts.
    unique, first = np.unique(np.array(keys, np.uint64), return_index=True)
    return _Index(unique, flat[first, :4].copy(), flat[first, 4].astype(np.int32), tuple(records), few, named)


def _zipped(raw: pa.NativeFile) -> Iterator[_Named]:
    with zipfile.ZipFile(raw) as archive:
        for info in archive.infolist():
            kind = (info.external_attr >> 16) & 0o170000
            if kind in (0, 0o100000) and is_member_name(info.filename):
                method = _LOCKED if info.flag_bits & _ENCRYPTED else info.compress_type
                place = (info.header_offset, info.compress_size, info.file_size)
                yield _plain(info.filename), (*place, info.CRC, method)


def _tarred(uri: str, raw: pa.NativeFile, size: int) -> Iterator[_Named]:
    packed = codec(uri) is not None
    stream: Any = raw if packed else io.BufferedReader(raw, _BUFFER)
    with tarfile.open(fileobj=stream, mode="r|" if packed else "r:") as archive:
        for info in archive:
            vars(archive)["members"] = []  # or it remembers each of them
            if packed and info.offset_data + info.size > MOST_RATIO * size:
                raise Drop(DropReason.MEDIA_TOO_LARGE, f"{uri}: {size:,} bytes inflate to over {MOST_RATIO} times that")
            if info.isreg() and not info.issparse() and is_member_name(info.name):
                yield _plain(info.name), (info.offset_data, info.size, info.size, 0, _TAR)


def _plain(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _key(name: str) -> np.uint64:
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def _damaged(where: object, why: str) -> Drop:
    return Drop(DropReason.UNDECODABLE_MEDIA, f"{where} cannot be read: {why}; download the archive again")
