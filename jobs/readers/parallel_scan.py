"""What planning needs to know of a large file's blocks, found in any order and anywhere.

Of a document summaries, from which its outline is put together; of a text its line ends.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import chain

from jobs.readers.outline import Ahead
from jobs.readers.scan import Summary, summarise
from jobs.readers.stream import blocks, is_compressed

LARGE = 2 << 30
"""Smaller documents are scanned where they are planned: that takes seconds, as starting tasks does."""
STRETCH_BYTES = 128 << 20
_LOOK_BACK = 4096


@dataclass(frozen=True, slots=True)
class Stretch:
    """Blocks of one file that are summarised together."""

    uri: str
    start: int
    end: int
    block_bytes: int


@dataclass(frozen=True, slots=True)
class Ends:
    """Line ends of one block of text."""

    size: int
    lines: int
    first: int
    """Offset of the first one, -1 where there is none."""
    ended: bool
    """Whether the block's last byte is one."""


Found = list[Summary] | list[Ends]
MapStretches = Callable[[Callable[[Stretch], Found], Sequence[Stretch]], Iterable[Found]]
"""Like `map`: results in the order of the stretches, computed wherever it likes."""
_spread: ContextVar[MapStretches | None] = ContextVar("spread", default=None)


@contextmanager
def spread_over(map_stretches: MapStretches) -> Iterator[None]:
    """Large documents that are outlined meanwhile are scanned by `map_stretches`."""
    token = _spread.set(map_stretches)
    try:
        yield
    finally:
        _spread.reset(token)


def ahead_of(uri: str, size: int, block_bytes: int) -> Ahead | None:
    """How to scan a file ahead; None where it is small, can only be read from its beginning, or nobody offered to."""
    spread = _spreading(uri, size)
    if spread is None:
        return None

    def summaries(start: int) -> Iterable[Summary]:
        parts = _stretches(uri, start, size, block_bytes)
        return chain.from_iterable(spread(summaries_of, parts) if parts else ())  # type: ignore[arg-type]  # summaries

    return Ahead(lambda start: blocks(uri, start, None, block_bytes), summaries)


def line_ends(uri: str, start: int, size: int, block_bytes: int) -> Iterable[Ends]:
    """Line ends of a text file's blocks from an offset on, in order; a large file's are looked for by tasks."""
    spread = _spreading(uri, size)
    if spread is None:
        return map(_ends, blocks(uri, start, None, block_bytes))
    parts = _stretches(uri, start, size, block_bytes)
    return chain.from_iterable(spread(ends_of, parts) if parts else ())  # type: ignore[arg-type]  # line ends


def ends_of(stretch: Stretch) -> list[Ends]:
    """Line ends of a stretch's blocks in order."""
    return [_ends(block) for block in blocks(stretch.uri, stretch.start, stretch.end, stretch.block_bytes)]


def _ends(block: bytes) -> Ends:
    return Ends(len(block), block.count(b"\n"), block.find(b"\n"), block.endswith(b"\n"))


def _spreading(uri: str, size: int) -> MapStretches | None:
    """Who offered to look at such a file in parts; nobody where it is small or only read from its beginning."""
    spread = _spread.get()
    return None if spread is None or size < LARGE or is_compressed(uri) else spread


def _stretches(uri: str, start: int, size: int, block_bytes: int) -> list[Stretch]:
    step = max(1, STRETCH_BYTES // block_bytes) * block_bytes
    return [Stretch(uri, at, min(at + step, size), block_bytes) for at in range(start, size, step)]


def summaries_of(stretch: Stretch) -> list[Summary]:
    """Summaries of a stretch's blocks in order."""
    found: list[Summary] = []
    escaped = _is_escaped(stretch.uri, stretch.start)
    for block in blocks(stretch.uri, stretch.start, stretch.end, stretch.block_bytes):
        found.append(summarise(block, escaped))
        escaped = found[-1].escaped
    return found


def _is_escaped(uri: str, at: int) -> bool:
    """Whether an odd number of backslashes stands before a byte."""
    run = 0
    while at:
        start = max(0, at - _LOOK_BACK)
        text = b"".join(blocks(uri, start, at))
        kept = len(text.rstrip(b"\\"))
        run += len(text) - kept
        at = 0 if kept else start
    return run % 2 == 1
