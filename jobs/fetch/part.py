"""A file on its way: written beside its place, and put there when it is whole."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

READ = 8 << 20


class StoppedError(Exception):
    """The run ends while files are on their way."""


class Part:
    """What a download writes to: never beyond the size that the hub listed, never after a stop."""

    def __init__(self, path: Path, size: int, stopped: Callable[[], bool]) -> None:
        self._stopped = stopped
        self._size = size
        self._file = path.open("r+b" if path.exists() else "w+b", buffering=0)
        if self._file.seek(0, io.SEEK_END) > size:
            self._file.seek(self._file.truncate(0))

    def write(self, data: bytes) -> int:
        """Raises OSError where more comes than the hub said."""
        if self._stopped():
            raise StoppedError
        if self._file.tell() + len(data) > self._size:
            self._file.seek(self._file.truncate(0))
            raise OSError(f"the hub sends more than the {self._size:,} bytes that it lists")
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        return len(data)

    def tell(self) -> int:
        """Bytes that are there."""
        return self._file.tell()

    def seek(self, at: int) -> int:
        """Position for the next write."""
        return self._file.seek(at)

    def truncate(self) -> int:
        """Cuts at the position."""
        return self._file.truncate()

    def close(self) -> None:
        """Ends writing."""
        self._file.close()


def part_of(target: Path, digest: str) -> Path:
    """Where a file is written until it is whole; parts of other contents have other names."""
    return target.with_name(f".{hashlib.sha256(f'{target.name}|{digest}'.encode()).hexdigest()[:16]}.part")


def fits(path: Path, size: int, digest: str) -> bool:
    """Whether a file is what the hub lists."""
    kind, _, expected = digest.partition(":")
    if path.stat().st_size != size:
        return False
    found = hashlib.sha256() if kind == "sha256" else hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(READ):
            found.update(block)
    return found.hexdigest() == expected
