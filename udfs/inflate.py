"""Compressed tars: as streams, and as plain copies on the machine's disk, of which each part can be read by itself."""

import fcntl
import hashlib
import io
import lzma
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from schemas.enums import DropReason
from schemas.errors import Drop
from udfs import stores
from udfs.engine.settings import host_folder

MOST_RATIO = 1100
"""Deflate cannot pack tighter than 1:1032; what says so lies."""
_CODECS: dict[str, Literal["gzip", "zstd", "bz2", "xz"]] = {
    "gz": "gzip", "tgz": "gzip", "zst": "zstd", "tzst": "zstd", "bz2": "bz2", "tbz2": "bz2", "xz": "xz", "txz": "xz",
}  # fmt: skip
_BLOCK = 1 << 20
_MEMORY = 256 << 20
"""Bytes that xz may take; its strongest preset takes 65 MB."""
_FREE = 1 << 30
"""Bytes of a disk that stay free."""
_OLD = 86_400.0
"""Seconds without use, after which a copy makes room for another one."""


def codec(uri: str) -> Literal["gzip", "zstd", "bz2", "xz"] | None:
    """How an archive is compressed as a whole, by its name."""
    return _CODECS.get(uri.lower().rpartition(".")[2])


def content(uri: str) -> Any:  # noqa: ANN401 - a file of pyarrow, or one of Python that reads as it does
    """An archive as a stream of what it inflates to; one that is not compressed can be sought in."""
    packed, raw = codec(uri), stores.open_file(uri)
    if packed is None:
        return raw
    return io.BufferedReader(_Xz(raw), _BLOCK) if packed == "xz" else pa.CompressedInputStream(raw, packed)


class _Xz(io.RawIOBase):
    """What one xz stream or several in a row inflate to."""

    def __init__(self, raw: pa.NativeFile) -> None:
        super().__init__()
        self._raw = raw
        self._stream: lzma.LZMADecompressor | None = None

    def readable(self) -> bool:
        """As of any file; it cannot be sought in."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        """OSError where the stream is damaged, EOFError where it ends too early."""
        held = b""
        while not held:
            data = self._next()
            if self._stream is None and not data:
                return 0
            self._stream = self._stream or lzma.LZMADecompressor(lzma.FORMAT_XZ, _MEMORY)
            try:
                held = self._stream.decompress(data, len(buffer))
            except lzma.LZMAError as error:
                raise OSError(str(error)) from error
        buffer[: len(held)] = held
        return len(held)

    def _next(self) -> bytes:
        """More for the decompressor, the beginning of another stream after it has come to its end."""
        if self._stream is not None and self._stream.eof:
            rest, self._stream = self._stream.unused_data.lstrip(b"\0"), None
            return rest or bytes(self._raw.read(_BLOCK)).lstrip(b"\0")
        if self._stream is not None and not self._stream.needs_input:
            return b""
        data = bytes(self._raw.read(_BLOCK))
        if self._stream is not None and not data:
            raise EOFError("it ends before its last block does")
        return data

    def close(self) -> None:
        """Closes what it reads from too."""
        if not self.closed:
            self._raw.close()
        super().close()


def plain_copy(uri: str, stamp: tuple[int, int], folder: str, most: int) -> str:
    """Path of the plain tar that a compressed one inflates to, made once on this machine; Drop where it cannot be.

    All copies in the folder together take at most about `most` bytes.
    """
    made = _made(uri, stamp, folder, most)
    if isinstance(made, Drop):
        raise Drop(made.reason, made.detail)
    return made


@lru_cache(maxsize=1024)
def _made(uri: str, stamp: tuple[int, int], folder: str, most: int) -> str | Drop:
    place = Path(folder or f"{host_folder('')}/inflated")
    name = f"{uri.rpartition('/')[2].partition('.')[0][:40]}-{hashlib.sha256(uri.encode()).hexdigest()[:16]}"
    copy, part = place / f"{name}-{stamp[0]}-{stamp[1]}.tar", place / f"{name}.part"
    try:
        for mine in (place,) if folder else (place.parent, place):
            _private(mine)
        # Other tasks of this machine wait, and find the copy.
        with (place / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not copy.exists():
                for older in place.glob(f"{name}-*.tar"):
                    older.unlink()
                try:
                    _inflate(uri, stamp[0], part, most)
                    part.rename(copy)
                finally:
                    part.unlink(missing_ok=True)
            os.utime(copy)
        return str(copy)
    except Drop as drop:
        return drop
    except OSError as error:
        detail = f"{uri} cannot be inflated into {place}: {error}; unpack it, or set media.inflated_dir"
        return Drop(DropReason.MEDIA_UNSUPPORTED, detail)


def _private(place: Path) -> None:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = place.stat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
        raise PermissionError("others may write there")


def _inflate(uri: str, size: int, part: Path, most: int) -> None:
    taken, written = _taken(part.parent, most), 0
    with part.open("wb") as out:
        for block in _blocks(uri):
            written += len(block)
            if written > MOST_RATIO * size:
                detail = f"{uri}: {size:,} bytes inflate to over {MOST_RATIO} times that"
                raise Drop(DropReason.MEDIA_TOO_LARGE, detail)
            if taken + written > most or shutil.disk_usage(part.parent).free < _FREE:
                detail = f"{uri} inflates to more than there is room for in {part.parent}; unpack it, or raise "
                raise Drop(DropReason.MEDIA_UNSUPPORTED, f"{detail}media.inflated_max_bytes (now {most:,})")
            out.write(block)


def _blocks(uri: str) -> Iterator[bytes]:
    try:
        with closing(content(uri)) as stream:
            while block := stream.read(_BLOCK):
                yield block
    except (OSError, EOFError, ValueError, pa.ArrowException) as error:
        detail = f"{uri} cannot be read: {error}; download the archive again"
        raise Drop(DropReason.UNDECODABLE_MEDIA, detail) from error


def _taken(place: Path, most: int) -> int:
    """Bytes of the copies there; when they are many, those that nobody has begun to use for a day go first."""
    copies = sorted((found.stat().st_mtime, found.stat().st_size, found) for found in place.glob("*.tar"))
    taken = sum(size for _, size, _ in copies)
    for used, size, copy in copies:
        if 2 * taken > most and used < time.time() - _OLD:
            with suppress(FileNotFoundError):
                copy.unlink()
            taken -= size
    return taken
