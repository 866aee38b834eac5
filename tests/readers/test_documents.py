"""JSON files in every layout against json.loads, cut into ranges of any size."""

import json
from collections.abc import Callable, Iterator
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.readers import from_text, layouts, plan_ranges, read, to_text
from schemas.enums import DropReason
from schemas.errors import InputError
from udfs.adapters.family import WHOLE, Container, Layout
from udfs.sample import Record

TEXT = st.text(alphabet=st.sampled_from('[]{}",\\ :aé\n\t/😀\0'), max_size=12)
VALUE = st.recursive(
    TEXT | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECT = st.dictionaries(TEXT, VALUE, max_size=3)
STYLE = st.fixed_dictionaries({"indent": st.sampled_from([None, 0, 1, "\t"]), "ensure_ascii": st.booleans()})
TARGET = st.integers(1, 1000)
NEWLINE = st.sampled_from([b"\n", b"\r\n", b"\r"])
BOM = st.sampled_from([b"", b"\xef\xbb\xbf"])

Save = Callable[[bytes, str], Path]


@pytest.fixture(scope="module")
def save(tmp_path_factory: pytest.TempPathFactory) -> Save:
    folder, numbers = tmp_path_factory.mktemp("json"), count()

    def write(content: bytes, suffix: str = ".json") -> Path:
        path = folder / f"{next(numbers)}{suffix}"
        path.write_bytes(content)
        return path

    return write


def all_records(path: Path, layout: Layout, target: int) -> list[Record]:
    ranges = plan_ranges(str(path), path.name, layout, target)
    for before, after in pairwise(ranges):
        assert before.end is not None
        assert before.end <= after.start
    return [record for part in ranges for record in read(str(path.parent), from_text(to_text(part)))]


def good(records: list[Record]) -> list[object]:
    assert [record.problem for record in records if record.problem] == []
    assert [record.origin.position for record in records] == list(range(len(records)))
    return [dict(record.value) for record in records]


def the_layout(path: Path, container: Container, at: str = "") -> Layout:
    (layout,) = [one for one in layouts(str(path)) if (one.container, one.at) == (container, at)]
    return layout


@given(st.lists(OBJECT, max_size=8), STYLE, NEWLINE, BOM, TARGET)
def test_array(
    save: Save, objects: list[dict[str, Any]], style: dict[str, Any], newline: bytes, bom: bytes, target: int
):
    path = save(bom + json.dumps(objects, **style).encode().replace(b"\n", newline) + newline)
    layout = the_layout(path, Container.JSON_ARRAY)
    assert layout.first in (objects or [None])
    assert good(all_records(path, layout, target)) == objects


@given(st.lists(OBJECT, min_size=1, max_size=8), st.lists(OBJECT, min_size=1, max_size=8), STYLE, TARGET)
def test_arrays_inside_objects(
    save: Save, images: list[dict[str, Any]], notes: list[dict[str, Any]], style: dict[str, Any], target: int
):
    document = {"info": {"a": "]}"}, "images": images, "n,[": "x\\", "deep": {"notes": notes, "empty": []}}
    path = save(json.dumps(document, **style).encode())
    assert good(all_records(path, the_layout(path, Container.JSON_ARRAY, "images"), target)) == images
    assert good(all_records(path, the_layout(path, Container.JSON_ARRAY, "deep.notes"), target)) == notes


@given(st.dictionaries(TEXT, OBJECT, min_size=1, max_size=80), STYLE, TARGET)
def test_keyed_object(save: Save, document: dict[str, Any], style: dict[str, Any], target: int):
    path = save(json.dumps(document, **style).encode())
    records = good(all_records(path, the_layout(path, Container.JSON_KEYED), target))
    assert records == [{**value, "_key": key} for key, value in document.items()]


@given(st.dictionaries(TEXT, OBJECT, min_size=1, max_size=8), TARGET)
def test_keyed_object_inside_an_object(save: Save, document: dict[str, Any], target: int):
    path = save(json.dumps({"meta": "x", "data": document}).encode())
    records = good(all_records(path, the_layout(path, Container.JSON_KEYED, "data"), target))
    assert records == [{**value, "_key": key} for key, value in document.items()]


@given(st.lists(OBJECT, min_size=2, max_size=8), st.sampled_from([".json", ".jsonl"]), NEWLINE, BOM, TARGET)
def test_lines(save: Save, objects: list[dict[str, Any]], suffix: str, newline: bytes, bom: bytes, target: int):
    newline = newline if newline != b"\r" else b"\n"
    path = save(bom + newline.join(json.dumps(one).encode() for one in objects), suffix)
    layout = the_layout(path, Container.JSON_LINES)
    assert layout.first in objects
    assert good(all_records(path, layout, target)) == objects


@given(st.lists(st.sampled_from([b"", b"  ", b'{"a": 1}', b"{", b"[1]"]), max_size=12), TARGET)
def test_lines_keep_their_numbers(save: Save, lines: list[bytes], target: int):
    path = save(b'{"first": 0}\n' + b"\n".join(lines), ".jsonl")
    records = all_records(path, Layout(Container.JSON_LINES), target)
    expected = [0] + [number for number, line in enumerate(lines, 1) if line.strip()]
    assert [record.origin.position for record in records] == expected
    problems = {b"{": DropReason.MALFORMED, b"[1]": DropReason.WRONG_SHAPE}
    for record, number in zip(records[1:], expected[1:], strict=True):
        assert (record.problem and record.problem.reason) == problems.get(lines[number - 1])


BAD = st.sampled_from([b"{'a': 1}", b'{"a" 1}', b'{"a": tru}', b"", b'{"a": 1}x', b"nope", b'{"a": "\x01"}', b"{[1]}"])


@given(st.lists(OBJECT.map(lambda one: json.dumps(one).encode()) | BAD, min_size=2, max_size=9), TARGET)
def test_a_bad_record_costs_itself_only(save: Save, slots: list[bytes], target: int):
    path = save(b"[" + b",".join(slots) + b"]")
    records = all_records(path, the_layout(path, Container.JSON_ARRAY), target)
    assert [record.origin.position for record in records] == list(range(len(slots)))
    for slot, record in zip(slots, records, strict=True):
        try:
            assert (record.value, record.problem) == (json.loads(slot), None)
        except ValueError:
            assert record.problem is not None
            assert record.problem.reason is DropReason.MALFORMED
            assert record.excerpt == slot.decode()


@given(st.lists(OBJECT, min_size=1, max_size=4), st.data())
def test_a_file_cut_short_is_refused(save: Save, objects: list[dict[str, Any]], data: st.DataObject):
    for document in (objects, {"questions": objects}):
        text = json.dumps(document).encode()
        path = save(text[: data.draw(st.integers(1, len(text) - 1))])
        with pytest.raises(InputError, match=str(path)):
            layouts(str(path))


def test_the_refusal_names_the_place(save: Save):
    path = save(b'[{"a": 1}, {"a": 2}, {"a": "cut')
    with pytest.raises(
        InputError, match=r"2 brackets deep, inside a string, after record 2 of the list that begins at byte 1"
    ):
        layouts(str(path))


@pytest.mark.parametrize("text", [b"[1] [2]", b'[{"a": 1}]]', b"{} x", b'[{"a": 1}}, {"b": 2}]'])
def test_what_follows_a_document_is_refused(save: Save, text: bytes):
    with pytest.raises(InputError, match="follows"):
        layouts(str(save(text)))


def test_a_selector_leaves_other_records_out(save: Save):
    path = save(b'[{"of": "a"}, {"of": "b"}, nope, {"of": "a"}]')
    (part,) = plan_ranges(str(path), path.name, the_layout(path, Container.JSON_ARRAY), 1 << 20)
    kept = read(str(path.parent), part, lambda value: value["of"] == "a")
    assert [record.origin.position for record in kept] == [0, 2, 3]


def test_a_file_that_changed_is_refused(save: Save):
    path = save(b'[{"a": 1}]')
    (part,) = plan_ranges(str(path), path.name, the_layout(path, Container.JSON_ARRAY), 1 << 20)
    path.write_bytes(b'[{"a": 1}, {"a": 2}]')
    with pytest.raises(InputError, match="20 bytes, planned were 10"):
        list(read(str(path.parent), part))
    path.write_bytes(b"[1,2,3,44]")
    with pytest.raises(InputError, match="records, planned"):
        list(read(str(path.parent), part))
    path.unlink()
    with pytest.raises(InputError, match="is gone"):
        list(read(str(path.parent), part))


def sections(names: Iterator[str]) -> bytes:
    return json.dumps({name: {"rows": [{"a": 1}]} for name in names}).encode()


def test_many_objects_side_by_side_are_records(save: Save):
    few, many = save(sections(iter("ab"))), save(sections(map(str, range(100))))
    assert [(one.container, one.at) for one in layouts(str(few))] == [
        (Container.JSON_KEYED, ""),
        (Container.JSON_ARRAY, "a.rows"),
        (Container.JSON_ARRAY, "b.rows"),
    ]
    assert [(one.container, one.at) for one in layouts(str(many))] == [(Container.JSON_KEYED, "")]


def test_numbers_side_by_side_are_records_and_a_header_is_one_at_most(save: Save):
    path = save(b'{"u0": 3, "u1": 1}')
    (found,) = layouts(str(path))
    assert (found.container, good(all_records(path, found, 1))) == (
        Container.JSON_KEYED,
        [{"_key": "u0", "value": 3}, {"_key": "u1", "value": 1}],
    )
    for header in (b'{"version": "1", "n": 2}', b'{"train": [1, 2], "val": [3]}', b'{"n": 2}'):
        assert [place.at for place in layouts(str(save(header)))] == [WHOLE]
