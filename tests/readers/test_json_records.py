"""Odd JSON values: each is a record, or a problem with a reason."""

import json
import math
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.readers.json_records import DEEPEST, _at_once, depth_of, read_value
from jobs.readers.pieces import Piece, at_commas, at_line_ends, pieces
from jobs.readers.ranges import Range
from schemas.enums import DropReason
from udfs.adapters.family import Container
from udfs.sample import Problem


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": NaN, "b": -Infinity, "c": 1e999}', {"a": None, "b": None, "c": None}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (rb'{"a": "\ud800"}', {"a": "�"}),
        (rb'{"a": "\ud83d\ude00\u0000"}', {"a": "😀\0"}),
        (b'{"a": %s}' % (b"9" * 100), {"a": int("9" * 100)}),
        (b"[" * DEEPEST + b"]" * DEEPEST, json.loads("[" * DEEPEST + "]" * DEEPEST)),
        (b'"' + b"[" * 1000 + b'"', "[" * 1000),
    ],
)
def test_defined(text: bytes, value: object):
    assert read_value(text)[0] == value


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        (b'{"a": 1, "b": [{"c": 2, "c": 3, "c": 3}]}', "key 'c' stands twice"),
        (b'{"a" : 1, "a" : 1}', "key 'a' stands twice"),
        (b'{"a": 1, "a" : 1}', "key 'a' stands twice"),
        (b'{"a": [NaN, -Infinity, 1e999]}', "NaN read as null; -Infinity read as null; 1e999 read as null"),
        (rb'{"a": "\"b\": 1, \"b\": 2"}', None),
        (b'{"a": {"c": 1}, "b": {"c": 1}}', None),
        (b'{"a": 1, "a": }', None),
    ],
)
def test_what_was_decided_is_noted(text: bytes, notes: str | None):
    assert read_value(text)[1] == notes


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "nested deeper than 200"),
        (b"[" * 1_000_000, "nested deeper than 200"),
        (b'{"a":' * 100_000, "nested deeper than 200"),
        (b'{"a": "\0"}', "control character"),
        (b'{"a": "\xff"}', "utf-8"),
        (b'{"a": "\xed\xa0\x80"}', "utf-8"),
        (b'{"a": %s}' % (b"9" * 5000), "limit"),
        (b"{'a': 1}", "property name"),
        (b'{"a": 1} {}', "Extra data"),
        (b"", "Expecting value"),
    ],
)
def test_malformed(text: bytes, detail: str):
    problem = read_value(text)[0]
    assert isinstance(problem, Problem)
    assert problem.reason is DropReason.MALFORMED
    assert detail in problem.detail


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\ue+-.0123tfn', max_size=40).map(str.encode))
def test_any_bytes_end_as_a_value_or_a_problem(text: bytes):
    value = read_value(text)[0]
    try:
        expected = json.loads(text.decode(), parse_constant=lambda _: None)
    except ValueError:
        assert isinstance(value, Problem)
    else:
        assert value == (None if isinstance(expected, float) and math.isinf(expected) else expected)


@pytest.mark.parametrize(("text", "depth"), [(b"", 0), (b"1", 0), (b"[]", 1), (b'[{"a": "[["}, [[]]]', 3)])
def test_depth(text: bytes, depth: int):
    assert depth_of(text) == depth


def in_blocks(text: bytes, size: int) -> Iterator[bytes]:
    return (text[start : start + size] for start in range(0, len(text), size))


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_record_above_the_cap_keeps_its_beginning_and_its_hash(size: int):
    text = b'{"a": 1}, {"a": "' + b"x" * 40 + b'"} , {"a": 2} '
    first, large, last = pieces(at_commas(in_blocks(text, size)), largest=20)
    assert (first.data, last.data) == (b'{"a": 1}', b'{"a": 2}')
    assert [piece.too_large for piece in (first, large, last)] == [False, True, False]
    assert text.split(b",")[1].startswith(large.data)
    assert large.size == len(text.split(b",")[1])


@given(st.lists(st.sampled_from([b"a", b" bb ", b"", b"\r"]), max_size=8), st.integers(1, 9))
def test_lines_in_any_blocks(lines: list[bytes], size: int):
    found: list[Piece] = list(pieces(at_line_ends(in_blocks(b"\n".join(lines), size))))
    assert [piece.data for piece in found] == [line.strip() for line in lines or [b""]]


SLOTS = st.lists(
    st.sampled_from(
        ['{"a": 1}', ' {"b": [{}, "],"]}\n', "", "nope", "1 2", '"x', "\\", '"\\""', "]", "[", "01", "\x01", "é"]
    ),
    min_size=1,
    max_size=6,
)


@given(SLOTS | st.lists(st.text(alphabet=st.sampled_from('[]{}",\\ :1a\n'), max_size=12), min_size=1, max_size=5))
@example(["{}", "{}"])
@example(['{"a": "\x01"}', '{"a": "\\x"}', "{}"])
def test_one_parse_cuts_like_the_scan(tmp_path_factory: pytest.TempPathFactory, slots: list[str]):
    path = tmp_path_factory.getbasetemp() / "slots.json"
    text = ",".join(slots).encode()
    path.write_bytes(text)
    expected = list(pieces(at_commas([text])))
    part = Range(path.name, Container.JSON_ARRAY, "", 0, len(text), 0, len(expected), len(text), len(text))
    found = _at_once(str(path), part)
    assert found is None or list(found) == expected
    if all(slot == "{}" for slot in slots):
        assert found is not None
