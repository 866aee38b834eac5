"""The only Python door to bytes outside Spark: local paths and object stores alike, through pyarrow."""

import os
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import cast

import pyarrow as pa
from pyarrow import fs

from schemas.enums import DropReason
from schemas.errors import Drop, InputError
from udfs import members, stores

_URL = re.compile(r"^\s*(?:[A-Za-z][A-Za-z0-9+.-]+://|data:|file:)", re.IGNORECASE)
_DRIVE = re.compile(r"^[A-Za-z]:|^\\")
_LONGEST_WAY = 16
_WILD = re.compile(r"[*?\[]")


def local_path(uri: str) -> str | None:
    """Absolute path of a local file or folder, None for anything remote."""
    store, path = stores.resolve(uri)
    return path if isinstance(store, fs.LocalFileSystem) else None


def join(root: str, *parts: str) -> str:
    """A URI below another one."""
    return "/".join([root.rstrip("/"), *(part.strip("/") for part in parts if part.strip("/"))]) or "/"


def exists(uri: str) -> bool:
    """Whether there is a file or folder."""
    inner = members.split(uri)
    if inner is None:
        return stores.info(uri).type != fs.FileType.NotFound
    with suppress(FileNotFoundError):
        return bool(_there(inner))
    return False


def size(uri: str) -> int:
    """Bytes of a file; FileNotFoundError when it is none."""
    return stamp(uri)[0]


def stamp(uri: str) -> tuple[int, int]:
    """Size in bytes and time of the last change in ns, by which a change of a file is noticed."""
    inner = members.split(uri)
    return stores.stamp(uri) if inner is None else (_there(inner).size, stores.stamp(inner[0])[1])


def open_file(uri: str) -> pa.NativeFile:
    """A file for reading, to be closed by the caller; one that is not `at_random` goes back by beginning anew."""
    inner = members.split(uri)
    if inner is None:
        return stores.open_file(uri)
    member = _there(inner)
    with _told():
        # A file of Python reads, seeks and closes as one of pyarrow does.
        return cast(pa.NativeFile, members.open_member(member))


def at_random(uri: str) -> bool:
    """Whether any part of a file can be read without what stands before: not so of compressed members."""
    inner = members.split(uri)
    return inner is None or _there(inner).seekable


def _there(inner: tuple[str, str]) -> members.Member:
    uri, name = inner
    with _told():
        found = members.find_member(uri, [name])
    if found is None:
        raise FileNotFoundError(f"{uri} holds no {name}")
    return found


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong with an archive, as an error of a file."""
    try:
        yield
    except Drop as drop:
        message, _, step = drop.detail.rpartition("; ")
        raise InputError(message or drop.detail, step if message else "unpack it") from drop


def read_bytes(uri: str, limit: int | None = None) -> bytes:
    """A whole file, or its first `limit` bytes."""
    with open_file(uri) as stream:
        return bytes(stream.read(limit))


@contextmanager
def writing(uri: str) -> Iterator[pa.NativeFile]:
    """A file that appears under its name when it is complete, or not at all."""
    store, path = stores.resolve(uri)
    folder, _, name = path.rpartition("/")
    if folder:
        store.create_dir(folder)
    unfinished = f"{folder}/.{name}.{uuid.uuid4().hex}.tmp"
    try:
        with store.open_output_stream(unfinished) as stream:
            yield stream
        store.move(unfinished, path)
    except BaseException:
        if store.get_file_info(unfinished).is_file:
            store.delete_file(unfinished)
        raise


def write_bytes(uri: str, data: bytes) -> None:
    """A small file, whole or not at all."""
    with writing(uri) as stream:
        stream.write(data)


def remove(uri: str) -> None:
    """A file, or a folder with all that it holds; nothing happens when there is none."""
    store, path = stores.resolve(uri)
    info = store.get_file_info(path)
    if info.is_file:
        store.delete_file(path)
    elif info.type == fs.FileType.Directory:
        store.delete_dir(path)


def folders(root: str) -> list[str]:
    """Names of the folders right below a folder, sorted, links to elsewhere left out; none when it does not exist."""
    store, path = stores.resolve(root)
    found = store.get_file_info(fs.FileSelector(path, allow_not_found=True))
    names = sorted(info.base_name for info in found if info.type == fs.FileType.Directory)
    local = local_path(root)
    return names if local is None else [name for name in names if _below(f"{local}/{name}", local)]


def only_way(root: str) -> str:
    """The folder below a folder up to which nothing lies beside the way; empty where there is none, links left out."""
    way = list[str]()
    while len(way) < _LONGEST_WAY and (only := _only_folder(join(root, *way))):
        way.append(only)
    return "/".join(way)


def _only_folder(root: str) -> str | None:
    """The folder that is all a folder holds; of a local one no more than two entries are looked at."""
    local = local_path(root)
    if local is not None:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(local) as entries:
            first, second = next(entries, None), next(entries, None)
            return first.name if first and second is None and first.is_dir(follow_symlinks=False) else None
        return None
    store, path = stores.resolve(root)
    found = store.get_file_info(fs.FileSelector(path, allow_not_found=True))
    return found[0].base_name if len(found) == 1 and found[0].type == fs.FileType.Directory else None


def weigh(root: str) -> tuple[int, int]:
    """Number and bytes of the files below a folder, zeros when it does not exist.

    Names of one folder at a time are held. Linked folders and names that begin with a dot are left out, as `find` does.
    """
    store, path = stores.resolve(root)
    is_local, count, total, left = local_path(root) is not None, 0, 0, [path]
    while left:
        for info in store.get_file_info(fs.FileSelector(left.pop(), allow_not_found=True)):
            if info.base_name.startswith("."):
                continue
            if info.is_file:
                count, total = count + 1, total + info.size
            elif info.type == fs.FileType.Directory and not (is_local and Path(info.path).is_symlink()):
                left.append(info.path)
    return count, total


def find(root: str, patterns: Sequence[str]) -> list[str]:
    """Paths below a folder that match any glob pattern, sorted; `**` stands for any number of folders.

    Names that begin with a dot match only patterns that say so.
    """
    if not exists(root):
        raise InputError(f"folder {root} does not exist", "check the path, or download the files into it")
    return sorted({path for pattern in patterns for path in _matching(root, pattern.strip("/").split("/"))})


def _matching(root: str, pattern: list[str]) -> Iterator[str]:
    fixed = 0
    while fixed < len(pattern) and not _WILD.search(pattern[fixed]):
        fixed += 1
    base = join(root, *pattern[:fixed])
    if not _is_below(base, root):
        return
    if fixed == len(pattern):
        if stores.info(base).is_file:
            yield "/".join(pattern)
        return
    deep = len(pattern) > fixed + 1 or pattern[fixed] == "**"
    for parts in _held(base, root, deep):
        if _fits(parts, pattern[fixed:]):
            yield "/".join([*pattern[:fixed], *parts])


def _held(base: str, root: str, deep: bool) -> Iterator[list[str]]:
    """Paths of the files in a folder; of a local one without linked folders, and without links that leave the root."""
    local = local_path(base)
    if local is None:
        store, path = stores.resolve(base)
        for info in store.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=deep)):
            if info.is_file:
                yield info.path[len(path) :].strip("/").split("/")
        return
    for folder, folders, names in os.walk(local):
        for file in (Path(folder, name) for name in names):
            if file.is_file() and (not file.is_symlink() or _is_below(str(file), root)):
                yield list(file.relative_to(local).parts)
        if not deep:
            folders.clear()


def _is_below(uri: str, root: str) -> bool:
    local = local_path(uri)
    return local is None or _below(local, local_path(root) or "/")


def fits(path: str, pattern: str) -> bool:
    """Whether a path below a folder matches a glob pattern, as `find` reads them."""
    return _fits(path.split("/"), pattern.strip("/").split("/"))


def _fits(parts: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        if _fits(parts, pattern[1:]):
            return True
        return bool(parts) and not parts[0].startswith(".") and _fits(parts[1:], pattern)
    if not parts or (parts[0].startswith(".") and not pattern[0].startswith(".")):
        return False
    return fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def inside(root: str, path: str) -> str:
    """URI of an untrusted POSIX path below a root; the file itself may be missing.

    Raises Drop for URLs and for everything that would leave the root, symbolic links of a local root included.
    """
    if _URL.match(path):
        raise Drop(DropReason.MEDIA_IS_URL, f"{path[:200]!r} is a URL; media are read from folders only")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or _DRIVE.match(path) or "\0" in path or ".." in parts or not parts:
        raise Drop(DropReason.MEDIA_OUTSIDE_ROOT, f"{path[:200]!r} is no path below the media root")
    target = join(root, *parts)
    if not _possible(target):
        raise Drop(DropReason.MISSING_MEDIA, f"no file can have the name {path[:200]!r}")
    local = local_path(target)
    if local is not None and not _below(local, local_path(root) or "/"):
        raise Drop(DropReason.MEDIA_OUTSIDE_ROOT, f"{path[:200]!r} is a link that leaves the media root")
    return target


def _possible(path: str) -> bool:
    """Whether a file system can hold the path: UTF-8, names of at most 255 bytes, 4,095 in all."""
    try:
        data = path.encode()
    except UnicodeEncodeError:
        return False
    return len(data) < 4096 and all(len(name) < 256 for name in data.split(b"/"))


def leaving(root: str) -> list[str]:
    """Links below a local folder that lead out of it, sorted; nothing is read behind them."""
    local = local_path(root)
    left, found = [local] if local else [], list[str]()
    while left:
        with os.scandir(left.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    left.append(entry.path)
                elif entry.is_symlink() and not _is_below(entry.path, root):
                    found.append(os.path.relpath(entry.path, local))
    return sorted(found)


def _below(path: str, root: str) -> bool:
    real = os.path.realpath(path)
    return any(os.path.commonpath([real, top]) == top for top in _tops(os.path.realpath(root)))


@lru_cache(256)
def _tops(root: str) -> tuple[str, ...]:
    """A folder, and of a snapshot in a hub's cache the blobs that its links lead to."""
    above, _, _ = root.rpartition("/snapshots/")
    is_cache = Path(above).name.startswith(("datasets--", "models--"))
    return (root, os.path.realpath(f"{above}/blobs")) if is_cache else (root,)
