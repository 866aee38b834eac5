"""The block scan against a reader of one byte at a time."""

import json

from hypothesis import given
from hypothesis import strategies as st

from jobs.readers.scan import CLOSE, COMMA, OPEN, QUOTE, State, scan

NASTY = st.text(alphabet=st.sampled_from('[]{}",\\ :a\n'), max_size=40)
KINDS = {"{": OPEN, "[": OPEN, "}": CLOSE, "]": CLOSE, ",": COMMA}


def slowly(text: str) -> list[tuple[int, int, int]]:
    """(offset, kind, depth) of every token."""
    found, depth, in_string, escaped = [], 0, False, False
    for at, letter in enumerate(text):
        if letter == '"' and not escaped:
            in_string = not in_string
            found.append((at, QUOTE, depth))
        elif not in_string and letter in KINDS:
            depth += letter in "{["
            found.append((at, KINDS[letter], depth))
            depth -= letter in "}]"
        escaped = letter == "\\" and not escaped
    return found


def in_blocks(text: str, size: int) -> list[tuple[int, int, int]]:
    data, state, found = text.encode(), State(), []
    for start in range(0, len(data), size):
        tokens, state = scan(data[start : start + size], state)
        rows = zip(tokens.at.tolist(), tokens.kinds.tolist(), tokens.depths.tolist(), strict=True)
        found += [(start + at, kind, depth) for at, kind, depth in rows]
    return found


@given(NASTY, st.integers(1, 50))
def test_any_text_in_any_blocks(text: str, size: int):
    assert in_blocks(text, size) == slowly(text)


VALUES = st.recursive(
    NASTY | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NASTY, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.integers(1, 1000))
def test_json_ends_outside_strings_at_depth_0(value: object, size: int):
    text, state = json.dumps(value).encode(), State()
    for start in range(0, len(text), size):
        _, state = scan(text[start : start + size], state)
    assert (state.in_string, state.depth) == (False, 0)
