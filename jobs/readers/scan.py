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


def scan(block: bytes, state: State) -> tuple[Tokens, State]:
    """Tokens of a block, and the state in which the next one begins."""
    block, escaped = _blank_escapes(block, state.escaped)
    classes = np.frombuffer(block.translate(_CLASSES), np.uint8)
    at = np.flatnonzero(classes != 0)
    kinds = classes[at]
    quotes = kinds == QUOTE
    # uint8 may wrap around: only the parity of the count matters.
    inside = (np.cumsum(quotes, dtype=np.uint8) + np.uint8(state.in_string)) & 1
    in_string = bool(inside[-1]) if inside.size else state.in_string
    outside = quotes | (inside == 0)
    at, kinds = at[outside], kinds[outside]
    after = np.cumsum(_STEPS[kinds], dtype=np.int64) + state.depth
    depth = int(after[-1]) if after.size else state.depth
    return Tokens(at, kinds, after + (kinds == CLOSE)), State(in_string, escaped, depth)


def _blank_escapes(block: bytes, escaped: bool) -> tuple[bytes, bool]:
    """The block with escaped quotes and backslashes overwritten, and whether the next block's first byte is escaped."""
    if escaped and block.startswith((b'"', b"\\")):
        block = b"_" + block[1:]
    # Pairs first: `replace` goes from left to right, so an odd backslash is left at the end of its run.
    block = block.replace(b"\\\\", b"__").replace(b'\\"', b"__")
    return block, block.endswith(b"\\")
