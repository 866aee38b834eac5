"""Local disks and object stores, through pyarrow; `udfs.files` is the door to them."""

import os
import re
from functools import lru_cache

import pyarrow as pa
from pyarrow import fs

from schemas.errors import InputError

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)://")


@lru_cache(maxsize=64)
def _store(scheme: str, authority: str) -> tuple[fs.FileSystem, str]:
    """File system behind a scheme and authority, and the path at which the authority's files begin."""
    try:
        return fs.FileSystem.from_uri(f"{scheme}://{authority}")
    except pa.ArrowInvalid as error:
        raise InputError(
            f"cannot open {scheme}://{authority}: {error}", "use a local path, s3://, gs:// or abfs://"
        ) from error


def resolve(uri: str) -> tuple[fs.FileSystem, str]:
    """The file system that holds a URI, and the path there; InputError for a name that is not written in UTF-8."""
    if not uri.isascii():
        try:
            uri.encode()
        except UnicodeEncodeError as error:
            shown = uri.encode(errors="backslashreplace").decode()
            raise InputError(f"{shown} is not named in UTF-8", "give it a name that is: mv, or convmv") from error
    scheme = _SCHEME.match(uri)
    if scheme is None or scheme[1] == "file":
        return fs.LocalFileSystem(), os.path.abspath(uri[scheme.end() :] if scheme else uri)  # noqa: PTH100 - see below
    # The path is taken as written: a URI parser would refuse or decode the blanks and brackets of real file names.
    authority, _, path = uri[scheme.end() :].partition("/")
    store, base = _store({"s3a": "s3", "s3n": "s3"}.get(scheme[1], scheme[1]), authority)
    return store, "/".join(part for part in (base.rstrip("/"), path.rstrip("/")) if part)


def info(uri: str) -> fs.FileInfo:
    """What a store knows about a file or folder, its absence included."""
    store, path = resolve(uri)
    return store.get_file_info(path)


def stamp(uri: str) -> tuple[int, int]:
    """Size in bytes and time of the last change in ns; FileNotFoundError when there is no file."""
    found = info(uri)
    if not found.is_file:
        raise FileNotFoundError(f"{uri} is no file")
    return int(found.size), found.mtime_ns or 0


POINTER = b"version https://git-lfs.github.com/spec/"
"""How a file begins that stands for one which Git LFS has not fetched."""


def is_pointer(uri: str) -> bool:
    """Whether a file only stands for one that lies elsewhere."""
    with open_file(uri) as stream:
        return bool(stream.read(len(POINTER)) == POINTER)


def open_file(uri: str) -> pa.NativeFile:
    """A file for reading; seekable, to be closed by the caller."""
    store, path = resolve(uri)
    return store.open_input_file(path)
