"""Raw records cut out of a stream of bytes, with a cap on their size."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from jobs.readers.scan import COMMA, State, scan

LARGEST = 64 << 20
"""A record of more bytes is a problem, not a value."""
_HEAD = 4096
SPACE = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Piece:
    """The bytes of one record, or the first ones of a record above the cap."""

    data: bytes
    size: int
    digest: str

    @property
    def too_large(self) -> bool:
        """Whether `data` is only the beginning."""
        return self.size > len(self.data)


def whole(data: bytes) -> Piece:
    """A record that is not above the cap."""
    return Piece(data, len(data), hashlib.sha256(data).hexdigest())


@dataclass
class _Held:
    """A record that began in an earlier block."""

    largest: int
    blanks: bytes
    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    hashed: "hashlib._Hash | None" = None

    def add(self, part: bytes) -> None:
        self.size += len(part)
        if self.hashed is not None:
            self.hashed.update(part)
            return
        self.parts.append(part)
        if self.size > self.largest:
            whole = b"".join(self.parts)
            self.hashed, self.parts = hashlib.sha256(whole), [whole[: min(_HEAD, self.largest)]]

    def close(self, part: bytes) -> Piece:
        if not self.size and len(part) <= self.largest:
            return self._whole(part)
        self.add(part)
        data, size, hashed = b"".join(self.parts), self.size, self.hashed
        self.parts, self.size, self.hashed = [], 0, None
        if hashed is not None:
            return Piece(data, size, hashed.hexdigest())
        return self._whole(data)

    def _whole(self, data: bytes) -> Piece:
        return whole(data.strip(self.blanks) if self.blanks else data)


def pieces(
    cut: Iterable[tuple[bytes, Sequence[int]]], largest: int = LARGEST, blanks: bytes = SPACE
) -> Iterator[Piece]:
    """Records of blocks that are given with the offsets of the separators in them, without `blanks` around them."""
    held = _Held(largest, blanks)
    for block, separators in cut:
        start = 0
        for end in separators:
            yield held.close(block[start:end])
            start = end + 1
        held.add(block[start:])
    yield held.close(b"")


def at_commas(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, Sequence[int]]]:
    """Blocks of the inside of a JSON container, cut between its values."""
    state = State()
    for block in blocks:
        tokens, state = scan(block, state)
        yield block, tokens.at[(tokens.kinds == COMMA) & (tokens.depths == 0)].tolist()


def at_line_ends(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, Sequence[int]]]:
    """Blocks of text, cut at every newline."""
    for block in blocks:
        yield block, np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")).tolist()
