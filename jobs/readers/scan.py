"""Structure of JSON text, block by block, in constant memory: where values begin and end, and how deep."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

QUOTE, OPEN, CLOSE, COMMA = 1, 2, 3, 4
_BACKSLASH = 92
_CLASSES = bytes(
    {ord('"'): QUOTE, ord("{"): OPEN, ord("["): OPEN, ord("}"): CLOSE, ord("]"): CLOSE, ord(","): COMMA}.get(byte, 0)
    for byte in range(256)
)
_STEPS = np.array([0, 0, 1, -1, 0], dtype=np.int8)
"""Change of depth by token kind."""

Ints = npt.NDArray[np.signedinteger]
Kinds = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class State:
    """Where a block of JSON text begins."""

    in_string: bool = False
    escaped: bool = False
    """The first byte stands behind an odd number of backslashes."""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Tokens:
    """Quotes that open or close strings; brackets and commas outside strings."""

    at: Ints
    """Offset in the block."""
    kinds: Kinds
    depths: Ints
    """Depth inside the container that the token opens or closes, or stands in."""


def scan(block: bytes, state: State) -> tuple[Tokens, State]:
    """Tokens of a block, and the state in which the next one begins."""
    classes = np.frombuffer(block.translate(_CLASSES), np.uint8)
    at = np.flatnonzero(classes)
    kinds = classes[at]
    escaped = state.escaped
    if escaped or _BACKSLASH in block:
        kept, escaped = _unescaped(np.frombuffer(block, np.uint8), at, kinds == QUOTE, state.escaped)
        at, kinds = at[kept], kinds[kept]
    quotes = kinds == QUOTE
    # uint8 may wrap around: only the parity of the count matters.
    inside = (np.cumsum(quotes, dtype=np.uint8) + np.uint8(state.in_string)) & 1
    in_string = bool(inside[-1]) if inside.size else state.in_string
    outside = quotes | (inside == 0)
    at, kinds = at[outside], kinds[outside]
    after = np.cumsum(_STEPS[kinds], dtype=np.int64) + state.depth
    depth = int(after[-1]) if after.size else state.depth
    return Tokens(at, kinds, after + (kinds == CLOSE)), State(in_string, escaped, depth)


def _unescaped(
    data: Kinds, at: Ints, quotes: npt.NDArray[np.bool_], escaped: bool
) -> tuple[npt.NDArray[np.bool_], bool]:
    """Which tokens to keep: all but quotes behind an odd run of backslashes; and whether the next block's first
    byte is escaped."""
    slashes = np.flatnonzero(data == _BACKSLASH)
    if escaped:  # stands for the backslash at the end of the block before
        slashes = np.concatenate((np.array([-1]), slashes))
    starts = slashes[np.diff(slashes, prepend=-9) != 1]
    last = np.searchsorted(slashes, at) - 1
    behind = quotes & (last >= 0) & (slashes[last] == at - 1)
    run = at - starts[np.searchsorted(starts, at) - 1]
    ends_in_run = slashes.size > 0 and slashes[-1] == len(data) - 1
    return ~(behind & (run % 2 == 1)), bool(ends_in_run and (len(data) - starts[-1]) % 2 == 1)
