"""Bytes of a source file in blocks, on the way decompressed, or brought into UTF-8 where a mark says what they are."""

import codecs
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import pyarrow as pa

from schemas.errors import InputError
from udfs import files

BLOCK = 4 << 20
Codec = Literal["gzip", "zstd", "bz2"]
_MAGIC: Mapping[bytes, Codec] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
_SMALL = 1 << 16
"""Bytes that are lost before the place of a cut, at most."""
_CUT = "Truncated compressed stream"
"""As pyarrow tells of a file that ends too early: what came before is whole, which no other damage says."""
BOM = codecs.BOM_UTF8
_MARKS: Mapping[bytes, str] = {
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",  # before UTF-16, of which one is the beginning
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip


def encoding(head: bytes) -> str | None:
    """Encoding of a text that begins with a mark of another one than UTF-8."""
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)


def as_utf8(text: bytes) -> bytes:
    """A small text as UTF-8 without a mark."""
    name = encoding(text)
    return text.decode(name, "replace").encode() if name else text.removeprefix(BOM)


class _Recoded(io.RawIOBase):
    """A text in another encoding as UTF-8; what cannot be decoded is U+FFFD, as in JSON."""

    def __init__(self, raw: Any, name: str) -> None:  # noqa: ANN401 - a file of pyarrow or of Python
        super().__init__()
        self._raw, self._decoder, self._held = raw, codecs.getincrementaldecoder(name)("replace"), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        data = b"more"
        while data and not self._held:
            data = bytes(self._raw.read(BLOCK))
            self._held = self._decoder.decode(data, final=not data).encode()
        count = min(len(buffer), len(self._held))
        buffer[:count], self._held = self._held[:count], self._held[count:]
        return count


def compression(head: bytes) -> Codec | None:
    """Codec of a file that begins with these bytes."""
    return next((codec for magic, codec in _MAGIC.items() if head.startswith(magic)), None)


def is_compressed(uri: str) -> bool:
    """Whether a file can only be read from its beginning: also one of text that is not UTF-8."""
    if not files.at_random(uri):
        return True
    head = files.read_bytes(uri, 4)
    return compression(head) is not None or encoding(head) is not None


def blocks(uri: str, start: int = 0, end: int | None = None, size: int = BLOCK) -> Iterator[bytes]:
    """Bytes [start, end) of a file's (decompressed) content; end None: to the end."""
    at = start
    with _opened(uri, start) as stream:
        while (end is None or at < end) and (block := _read(uri, stream, size if end is None else min(size, end - at))):
            at += len(block)
            yield block
    if end is not None and at < end:
        raise InputError(f"{uri} ends at byte {at} of the {end} it had", "it changed while it was read; run again")


def undamaged(uri: str, start: int, lost: list[InputError]) -> Iterator[bytes]:
    """A compressed file's content up to where it is cut off, which `lost` then tells; any other damage is raised."""
    begun = False
    try:
        for block in blocks(uri, start, None, _SMALL):
            begun = True
            yield block
    except InputError as error:
        if not begun or _CUT not in str(error.args[0]):
            raise
        lost.append(error)


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
        head = _read(uri, raw, 4)
        codec, name = compression(head), encoding(head)
        jumps = codec is None and name is None and files.at_random(uri)
        raw.seek(start if jumps else 0)
        if jumps:
            yield raw
            return
        stream: Any = raw if codec is None else stack.enter_context(pa.CompressedInputStream(raw, codec))
        if name:
            stream = stack.enter_context(io.BufferedReader(_Recoded(raw, name), BLOCK))
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
