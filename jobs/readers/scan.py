"""Structure of JSON text, block by block, in constant memory: where values begin and end, and how deep."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

QUOTE, OPEN, CLOSE, COMMA = 1, 2, 3, 4
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


@dataclass(frozen=True, slots=True)
class Side:
    """What a block does to the depth if it begins on one side of a quote."""

    change: int
    lowest: int
    """Least depth reached, counted from the block's beginning; at most 0."""
    commas: int
    """At that depth: all of one container, which holds the whole block or ends with it."""
    first: int
    """Offset of the first of them in the block, 0 where there is none."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is to be known of a block before it is known whether it begins inside a string."""

    size: int
    odd_quotes: bool
    escaped: bool
    """Whether the next block's first byte is escaped."""
    sides: tuple[Side, Side]
    """If the block begins outside a string, and inside one."""


def scan(block: bytes, state: State) -> tuple[Tokens, State]:
    """Tokens of a block, and the state in which the next one begins."""
    at, kinds, quotes, escaped = _classified(block, state.escaped)
    inside = quotes ^ np.uint8(state.in_string)
    in_string = bool(inside[-1]) if inside.size else state.in_string
    outside = (kinds == QUOTE) | (inside == 0)
    at, kinds = at[outside], kinds[outside]
    after = np.cumsum(_STEPS[kinds], dtype=np.int64) + state.depth
    depth = int(after[-1]) if after.size else state.depth
    return Tokens(at, kinds, after + (kinds == CLOSE)), State(in_string, escaped, depth)


def summarise(block: bytes, escaped: bool) -> Summary:
    """The summary of a block whose first byte is escaped or not."""
    at, kinds, quotes, behind = _classified(block, escaped)
    sides = _side(at, kinds, quotes == 0), _side(at, kinds, quotes == 1)
    return Summary(len(block), bool(quotes.size and quotes[-1]), behind, sides)


def _side(at: Ints, kinds: Kinds, outside: npt.NDArray[np.bool_]) -> Side:
    at, kinds = at[outside], kinds[outside]
    depths = np.cumsum(_STEPS[kinds], dtype=np.int32)
    lowest = int(depths.min(initial=0))
    commas = np.flatnonzero((kinds == COMMA) & (depths == lowest))
    first = int(at[commas[0]]) if commas.size else 0
    return Side(int(depths[-1]) if depths.size else 0, lowest, int(commas.size), first)


def _classified(block: bytes, escaped: bool) -> tuple[Ints, Kinds, Kinds, bool]:
    """Offsets and kinds of all bytes that may be tokens, parity of the quotes up to each, escape of the next block."""
    block, escaped = _blank_escapes(block, escaped)
    classes = np.frombuffer(block.translate(_CLASSES), np.uint8)
    at = np.flatnonzero(classes != 0)
    kinds = classes[at]
    # uint8 may wrap around: only the parity of the count matters.
    return at, kinds, np.cumsum(kinds == QUOTE, dtype=np.uint8) & np.uint8(1), escaped


def _blank_escapes(block: bytes, escaped: bool) -> tuple[bytes, bool]:
    """The block with escaped quotes and backslashes overwritten, and whether the next block's first byte is escaped."""
    if escaped and block.startswith((b'"', b"\\")):
        block = b"_" + block[1:]
    # Pairs first: `replace` goes from left to right, so an odd backslash is left at the end of its run.
    block = block.replace(b"\\\\", b"__").replace(b'\\"', b"__")
    return block, block.endswith(b"\\")
