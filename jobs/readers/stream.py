"""Bytes of a source file in blocks, decompressed on the way."""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Literal

import pyarrow as pa

from schemas.errors import InputError
from udfs import files

BLOCK = 4 << 20
Codec = Literal["gzip", "zstd", "bz2"]
_MAGIC: Mapping[bytes, Codec] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}


def compression(head: bytes) -> Codec | None:
    """Codec of a file that begins with these bytes."""
    return next((codec for magic, codec in _MAGIC.items() if head.startswith(magic)), None)


def is_compressed(uri: str) -> bool:
    """Whether a file can only be read from its beginning."""
    return not files.at_random(uri) or compression(files.read_bytes(uri, 4)) is not None


def blocks(uri: str, start: int = 0, end: int | None = None, size: int = BLOCK) -> Iterator[bytes]:
    """Bytes [start, end) of a file's (decompressed) content; end None: to the end."""
    at = start
    with _opened(uri, start) as stream:
        while (end is None or at < end) and (block := _read(uri, stream, size if end is None else min(size, end - at))):
            at += len(block)
            yield block
    if end is not None and at < end:
        raise InputError(f"{uri} ends at byte {at} of the {end} it had", "it changed while it was read; run again")


def _read(uri: str, stream: pa.NativeFile, size: int) -> bytes:
    try:
        return bytes(stream.read(size))
    except (OSError, EOFError, pa.ArrowInvalid, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(f"{uri} cannot be read: {error}", "download the file again") from error


@contextmanager
def _opened(uri: str, start: int) -> Iterator[pa.NativeFile]:
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(files.open_file(uri))
        except OSError as error:
            raise InputError(
                f"{uri} cannot be opened: {error}", "check that the file exists and may be read"
            ) from error
        codec = compression(_read(uri, raw, 4))
        jumps = codec is None and files.at_random(uri)
        raw.seek(start if jumps else 0)
        if jumps:
            yield raw
            return
        stream = raw if codec is None else stack.enter_context(pa.CompressedInputStream(raw, codec))
        while start > 0 and (skipped := _read(uri, stream, min(BLOCK, start))):
            start -= len(skipped)
        yield stream


def head_of(uri: str, size: int) -> bytes:
    """The first bytes of a file's (decompressed) content; fewer than `size` only where the file is shorter."""
    head = b""
    for block in blocks(uri, 0, None, size):
        head += block
        if len(head) >= size:
            break
    return head[:size]
