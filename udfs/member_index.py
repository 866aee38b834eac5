"""What an archive holds: members by their names, with the place of each, made once from its directory."""

import hashlib
import io
import itertools
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
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

MOST_MEMBERS = 5_000_000
"""An archive of more members is not looked into."""
MOST_FOLDERS = 32
"""So many folders of one level are searched for a member that is not where its record says."""
MOST_NAMES = 200_000
"""So many names of annotation files are kept of one archive."""
_KINDS = (".json", ".jsonl", ".ndjson", ".jsonlines", ".csv", ".tsv", ".tab")
FRAMES = (".jpg", ".jpeg", ".png")
"""Pictures that may be frames of a video."""
VIDEOS = (".mp4", ".mkv", ".webm", ".avi", ".mov")
RECORDS = (".parquet", *(f"{kind}{packed}" for kind in _KINDS for packed in ("", ".gz", ".zst", ".bz2")))
"""Annotation files have these suffixes."""
_SMALL = (".txt", ".html", ".htm", ".xml", ".npz", ".p", ".pk", ".pkl", ".pickle")
"""So may these, of which many are none: loose ones keep nobody from looking into archives."""
TAR, LOCKED = -1, -2
"""Methods of members beside those of zipfile: bytes as they lie there, and encrypted ones."""
BROKEN = (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError, NotImplementedError)
"""What reading a damaged archive raises."""
_DRIVE = re.compile(r"^[A-Za-z]:")
_ENCRYPTED, _UTF8 = 0x1, 0x800
LOCAL = struct.Struct("<4s5H3I2H")
"""What stands before a zip's member, and before its name."""
_BUFFER = 1 << 20
_Named = tuple[str, tuple[int, int, int, int, int]]
"""Name; place, packed bytes, bytes, CRC, method."""


@dataclass(frozen=True, slots=True)
class Index:
    """Members by the hash of their name, sorted; 52 bytes each, pictures 12 more, and the names of annotation files."""

    keys: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.int64]
    methods: npt.NDArray[np.int32]
    files: npt.NDArray[np.uint64]
    """Hashes of their names without folders, sorted."""
    records: tuple[str, ...]
    folders: tuple[str, ...]
    """Of its first two levels, as long as there are few; and the one that holds everything."""
    inner: tuple[str, ...]
    """Of its third level, likewise."""
    named: Mapping[str, tuple[str, ...]]
    """Members by their name without a suffix: videos, and pictures whose names tell data set and split."""
    above: npt.NDArray[np.uint64]
    """Hashes of the folders that pictures lie in, sorted."""
    beneath: npt.NDArray[np.int32]
    """The row of each of these pictures."""


def is_member_name(name: str) -> bool:
    """Whether a name stays inside the archive on every system."""
    parts = name.split("/")
    bad = "\0" in name or "\\" in name or name.startswith("/") or _DRIVE.match(name)
    return not bad and ".." not in parts and bool(parts[-1])


def index_of(uri: str, stamp: tuple[int, int] | None) -> Index:
    """What an archive holds; Drop when it cannot be read."""
    index = _index(uri, stamp or stores.stamp(uri))
    if isinstance(index, Drop):
        raise Drop(index.reason, index.detail)
    return index


@lru_cache(maxsize=64)
def _index(uri: str, stamp: tuple[int, int]) -> Index | Drop:
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
        return damaged(uri, str(error))


def _sorted(uri: str, found: Iterator[_Named]) -> Index:
    keys: list[int] = []
    bare: list[int] = []
    above: list[int] = []
    last, folder, common = "", 0, list[str]()
    records: dict[str, None] = {}
    folders = tuple[dict[str, None], ...](({}, {}, {}))
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
        *steps, file = name.split("/")
        bare.append(int(_key(file)))
        if not folder or name[: -len(file)] != last:
            last = name[: -len(file)]
            folder = int(_key("/".join(steps)))
            alike = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(common, steps, strict=False))
            common = [step for step, _ in alike] if len(keys) > 1 else steps
        above.append(folder if file.lower().endswith(FRAMES) else 0)
        for level in range(min(len(steps), len(folders))):
            if len(folders[level]) <= MOST_FOLDERS:
                folders[level]["/".join(steps[: level + 1])] = None
        stem = PurePosixPath(file).stem
        if (file.lower().endswith(VIDEOS) or is_alone(stem)) and len(named) < MOST_NAMES:
            named[stem] = (*named.get(stem, ())[:3], name)
    *outer, inner = (tuple(level) if len(level) <= MOST_FOLDERS else () for level in folders)
    few = dict.fromkeys((*itertools.chain(*outer), *(["/".join(common)] if common else ())))
    # `unique` gives the first place of each key: of equal names the first one counts.
    unique, first = np.unique(np.array(keys, np.uint64), return_index=True)
    files = np.unique(np.array(bare, np.uint64))
    held = np.array(above, np.uint64)[first]
    pictures = np.flatnonzero(held)
    pictures = pictures[np.argsort(held[pictures], kind="stable")]
    rows, methods = flat[first, :4].copy(), flat[first, 4].astype(np.int32)
    return Index(
        unique, rows, methods, files, tuple(records), tuple(few), inner, named,
        held[pictures], pictures.astype(np.int32),
    )  # fmt: skip


def _zipped(raw: pa.NativeFile) -> Iterator[_Named]:
    with zipfile.ZipFile(raw) as archive:
        for info in archive.infolist():
            kind = (info.external_attr >> 16) & 0o170000
            if kind in (0, 0o100000) and is_member_name(info.filename):
                method = LOCKED if info.flag_bits & _ENCRYPTED else info.compress_type
                where = (info.header_offset, info.compress_size, info.file_size)
                yield _plain(info.filename), (*where, info.CRC, method)


def _tarred(uri: str, raw: pa.NativeFile, size: int) -> Iterator[_Named]:
    packed = codec(uri) is not None
    stream: Any = raw if packed else io.BufferedReader(raw, _BUFFER)
    with tarfile.open(fileobj=stream, mode="r|" if packed else "r:") as archive:
        for info in archive:
            vars(archive)["members"] = []  # or it remembers each of them
            if packed and info.offset_data + info.size > MOST_RATIO * size:
                raise Drop(DropReason.MEDIA_TOO_LARGE, f"{uri}: {size:,} bytes inflate to over {MOST_RATIO} times that")
            if info.isreg() and not info.issparse() and is_member_name(info.name):
                yield _plain(info.name), (info.offset_data, info.size, info.size, 0, TAR)


def _plain(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _key(name: str) -> np.uint64:
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def pictures_in(index: Index, folder: str) -> npt.NDArray[np.int32]:
    """Rows of the pictures right in a folder of an archive."""
    key = _key(folder)
    return index.beneath[np.searchsorted(index.above, key) : np.searchsorted(index.above, key, "right")]


def name_of(raw: Any, index: Index, row: int) -> str:  # noqa: ANN401 - the archive, a file of pyarrow or Python
    """The name of a member, read where it lies, for an index keeps none; empty where it stands elsewhere too."""
    at = int(index.rows[row][0])
    if index.methods[row] == TAR:
        raw.seek(at - tarfile.BLOCKSIZE)
        name = tarfile.TarInfo.frombuf(bytes(raw.read(tarfile.BLOCKSIZE)), "utf-8", "surrogateescape").name
    else:
        raw.seek(at)
        head = bytes(raw.read(LOCAL.size))
        _, _, flags, *_, length, _ = LOCAL.unpack(head)
        name = bytes(raw.read(length)).decode("utf-8" if flags & _UTF8 else "cp437")
    return _plain(name) if _key(_plain(name)) == index.keys[row] else ""


def damaged(where: object, why: str) -> Drop:
    """Why an archive or a member of it is not read."""
    return Drop(DropReason.UNDECODABLE_MEDIA, f"{where} cannot be read: {why}; download the archive again")


def place(keys: npt.NDArray[np.uint64], name: str) -> int | None:
    """Where the hash of a name stands among sorted ones."""
    key = _key(name)
    at = int(np.searchsorted(keys, key))
    return at if at < len(keys) and keys[at] == key else None
