"""Summaries of a large document's blocks, made in any order and anywhere; the outline is put together from them."""

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


MapStretches = Callable[[Callable[[Stretch], list[Summary]], Sequence[Stretch]], Iterable[list[Summary]]]
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
    map_stretches = _spread.get()
    if map_stretches is None or size < LARGE or is_compressed(uri):
        return None

    def summaries(start: int) -> Iterable[Summary]:
        step = max(1, STRETCH_BYTES // block_bytes) * block_bytes
        parts = [Stretch(uri, at, min(at + step, size), block_bytes) for at in range(start, size, step)]
        return chain.from_iterable(map_stretches(summaries_of, parts) if parts else ())

    return Ahead(lambda start: blocks(uri, start, None, block_bytes), summaries)


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
