"""A part of a stream as a file of its own."""

import io
import os
from collections.abc import Callable
from typing import Any

_SKIPPED = 1 << 20


class Slice(io.RawIOBase):
    """Bytes [at, at + size) of a stream; of one that cannot seek what stands before is read, and going back reopens it.

    EOFError where the stream ends too early.
    """

    def __init__(self, opened: Callable[[], Any], at: int, size: int) -> None:
        super().__init__()
        self._opened, self._start, self._size = opened, at, size
        self._stream, self._reached, self._at = opened(), 0, 0

    def readable(self) -> bool:
        """As of any file."""
        return True

    def seekable(self) -> bool:
        """As of any file, forward or back."""
        return True

    def tell(self) -> int:
        """Bytes before the next one."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Costs nothing before the next read."""
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        """Fills the buffer unless the slice ends."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, fewer only at the end of the slice."""
        left = max(0, self._size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        if not wanted:
            return b""
        self._go(self._start + self._at)
        data = bytes(self._stream.read(wanted))
        if len(data) < wanted:
            raise EOFError("it ends before its member does")
        self._reached += wanted
        self._at += wanted
        return data

    def close(self) -> None:
        """Closes the stream too."""
        if not self.closed:
            self._stream.close()
        super().close()

    def _go(self, place: int) -> None:
        if self._stream.seekable():
            self._stream.seek(place)
            return
        if place < self._reached:
            self._stream.close()
            self._stream, self._reached = self._opened(), 0
        while self._reached < place:
            skipped = len(self._stream.read(min(_SKIPPED, place - self._reached)))
            if not skipped:
                raise EOFError("it ends before its member begins")
            self._reached += skipped
