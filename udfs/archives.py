"""Members of zip and tar archives, read where they lie: nothing is ever unpacked to a disk.

Only regular files count, under relative names without `..`; of equal names the first one counts.
"""

import hashlib
import io
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.enums import DropReason
from schemas.errors import Drop
from udfs import files

MOST_MEMBERS = 5_000_000
"""An archive of more members is not looked into."""
MOST_RATIO = 1100
"""Deflate cannot pack tighter than 1:1032; a member that says so lies."""
_SEEKABLE = (".zip", ".tar")
_PACKED = (".tgz", ".tar.gz", ".tar.zst", ".tar.bz2", ".tar.xz", ".7z", ".rar")
_SPLIT = re.compile(r"\.(zip|tar|tgz|tar\.gz)\.?(\d{2,3}|part_?[a-z0-9]+)$|\.z\d\d$", re.IGNORECASE)
_DRIVE = re.compile(r"^[A-Za-z]:")
_ENCRYPTED = 0x1
_LOCAL = struct.Struct("<4s5H3I2H")
_BUFFER = 1 << 20

_Named = tuple[str, tuple[int, int, int, int]]
"""Name; place, packed bytes, bytes, method."""


@dataclass(frozen=True, slots=True)
class Member:
    """Where the bytes of one member lie in its archive."""

    uri: str
    name: str
    at: int
    packed: int
    size: int
    method: int
    """A method of zipfile, or -1: bytes that begin at `at`, as in a tar."""


@dataclass(frozen=True, slots=True)
class _Index:
    """Members by the hash of their name, sorted; 36 bytes each."""

    keys: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.int64]
    methods: npt.NDArray[np.int32]


def is_member_name(name: str) -> bool:
    """Whether a name stays inside the archive on every system."""
    parts = name.split("/")
    bad = "\0" in name or "\\" in name or name.startswith("/") or _DRIVE.match(name)
    return not bad and ".." not in parts and bool(parts[-1])


def find_member(uri: str, names: list[str]) -> Member | None:
    """The first of these names that an archive holds; Drop when it cannot be read at random or at all."""
    index = _index(uri, files.stamp(uri))
    if isinstance(index, Drop):
        raise Drop(index.reason, index.detail)
    for name in names:
        key = _key(name)
        at = int(np.searchsorted(index.keys, key))
        if at < len(index.keys) and index.keys[at] == key:
            start, packed, size = (int(value) for value in index.rows[at])
            return Member(uri, name, start, packed, size, int(index.methods[at]))
    return None


def read_member(member: Member, most: int) -> bytes:
    """All bytes of a member, never more than `most`; Drop when it is larger, encrypted or damaged."""
    where = f"{member.uri}!/{member.name}"
    if member.method == -2:
        raise Drop(DropReason.MEDIA_UNSUPPORTED, f"{where} is encrypted; unpack the archive with its password")
    if member.size > most or member.size > MOST_RATIO * max(member.packed, 1):
        raise Drop(DropReason.MEDIA_TOO_LARGE, f"{where}: {member.size:,} bytes; at most {most:,} are read")
    with closing(files.open_file(member.uri)) as stream:
        stream.seek(member.at)
        if member.method != -1:
            head = stream.read(_LOCAL.size)
            if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
                raise _damaged(where, "no member begins where the archive's directory says")
            stream.seek(sum(_LOCAL.unpack(head)[-2:]), 1)
        data = bytes(stream.read(member.packed))
    if member.method == zipfile.ZIP_DEFLATED:
        data = _inflated(data, member.size, where)
    elif member.method not in (-1, zipfile.ZIP_STORED):
        raise Drop(DropReason.MEDIA_UNSUPPORTED, f"{where}: packed by method {member.method}; unpack the archive")
    if len(data) != member.size:
        raise _damaged(where, f"{len(data):,} bytes, its directory says {member.size:,}")
    return data


def archives_in(folder: str) -> list[str]:
    """Archives right in a folder that can be read at random."""
    found = []
    for name in (name for name in _listed(folder) if name.lower().endswith(_SEEKABLE)):
        with suppress(Drop):  # a link that leaves the folder
            found.append(files.inside(folder, name))
    return found


def unreadable_in(folder: str) -> str:
    """A sentence on the archives in a folder that must be unpacked or joined first; empty when there are none."""
    names = _listed(folder)
    split = next((name for name in names if _SPLIT.search(name)), None)
    if split:
        whole = _SPLIT.sub("", split)
        return f"; {files.join(folder, split)} is a part of an archive: join the parts (cat {whole}.* > joined)"
    packed = next((name for name in names if name.lower().endswith(_PACKED)), None)
    return f"; {files.join(folder, packed)} cannot be read at random: unpack it there" if packed else ""


def _listed(folder: str) -> list[str]:
    return files.find(folder, ["*"]) if files.exists(folder) else []


@lru_cache(maxsize=64)
def _index(uri: str, _stamp: tuple[int, int]) -> _Index | Drop:
    """What an archive holds, or why it cannot be read: a damaged one is looked at once."""
    try:
        with closing(files.open_file(uri)) as raw:
            found = _zipped(raw) if uri.lower().endswith(".zip") else _tarred(raw)
            return _sorted(uri, found)
    except Drop as drop:
        return drop
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, tarfile.TarError, NotImplementedError) as error:
        return _damaged(uri, str(error))


def _sorted(uri: str, found: Iterator[_Named]) -> _Index:
    keys: list[int] = []
    flat = np.empty((1024, 4), np.int64)
    for name, row in found:
        if len(keys) >= MOST_MEMBERS:
            raise Drop(DropReason.MEDIA_UNSUPPORTED, f"{uri} has over {MOST_MEMBERS:,} members; unpack it")
        if len(keys) == len(flat):
            flat = np.concatenate([flat, np.empty_like(flat)])
        flat[len(keys)] = row
        keys.append(int(_key(name)))
    # `unique` gives the first place of each key: of equal names the first one counts.
    unique, first = np.unique(np.array(keys, np.uint64), return_index=True)
    return _Index(unique, flat[first, :3].copy(), flat[first, 3].astype(np.int32))


def _zipped(raw: Any) -> Iterator[_Named]:  # noqa: ANN401 - a pyarrow file is a file
    with zipfile.ZipFile(raw) as archive:
        for info in archive.infolist():
            kind = (info.external_attr >> 16) & 0o170000
            if kind in (0, 0o100000) and is_member_name(info.filename):
                method = -2 if info.flag_bits & _ENCRYPTED else info.compress_type
                yield _plain(info.filename), (info.header_offset, info.compress_size, info.file_size, method)


def _tarred(raw: Any) -> Iterator[_Named]:  # noqa: ANN401 - as above
    buffered = io.BufferedReader(raw, _BUFFER)
    with tarfile.open(fileobj=buffered, mode="r:") as archive:
        for info in archive:
            vars(archive)["members"] = []  # or it remembers each of them
            if info.isreg() and not info.issparse() and is_member_name(info.name):
                yield _plain(info.name), (info.offset_data, info.size, info.size, -1)


def _plain(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _key(name: str) -> np.uint64:
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def _inflated(data: bytes, size: int, where: str) -> bytes:
    try:
        # One byte more than promised is enough to notice a bomb.
        return zlib.decompressobj(-15).decompress(data, size + 1)
    except zlib.error as error:
        raise _damaged(where, str(error)) from error


def _damaged(where: str, why: str) -> Drop:
    return Drop(DropReason.UNDECODABLE_MEDIA, f"{where} cannot be read: {why}; download the archive again")
