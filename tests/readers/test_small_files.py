"""Files of which each is one record, good and hostile ones."""

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.readers.small_files import INFLATED, LARGEST, boxes, value_of
from schemas.enums import DropReason
from udfs.sample import Problem


def problem(data: bytes, suffix: str) -> Problem:
    found = value_of(data, suffix)
    assert isinstance(found, Problem), found
    return found


@pytest.mark.parametrize(
    ("line", "text", "ignored"),
    [
        ('390,902,1856,902,1856,1225,390,1225,0,"\u91d1\u6c0f,\u773c\u955c"', "\u91d1\u6c0f,\u773c\u955c", 0),
        ('1,2,3,4,5,6,7,8,1,"maybe"', "maybe", 1),
        ("72,25,326,25,326,64,72,64,NO.53 55,57 & 59, JALAN", "NO.53 55,57 & 59, JALAN", 0),
        ("1,2,3,4,5,6,7,8,###", "###", 1),
        ("1.5, 2, 3, 4, a b", "a b", 0),
        ("1,2,3,4,5,6,7,8,Latin,word, two", "word, two", 0),
        ("1,2,3,4,5,6,7,8,0,5 of", "0,5 of", 0),
    ],
)
def test_lines_of_the_icdar_challenges(line: str, text: str, ignored: int):
    (found,) = boxes(f"{line}\r\n\r\n".encode())["boxes"]
    assert (found["transcription"], found["ignore"]) == (text, ignored)


def test_byte_order_marks_go_and_other_lines_are_problems():
    assert value_of(b"\xef\xbb\xbf1,2,3,4,a", "txt") == boxes(b"1,2,3,4,a")
    assert "line 2 is no box" in problem(b"1,2,3,4,a\nhello", "txt").detail
    assert problem(b"1,2,3,4,\xff", "txt").reason is DropReason.MALFORMED


@given(st.binary(max_size=200), st.sampled_from(["txt", "csv", "xml", "html", "json", "npz"]))
def test_any_bytes_are_a_value_or_a_problem(data: bytes, suffix: str):
    assert isinstance(value_of(data, suffix), dict | Problem)


def test_xml():
    found = value_of(b"<a x='1'><b>t</b><b/></a>", "xml")
    assert found == {"_root": "a", "@x": "1", "b": [{"#text": "t"}, {}]}


BOMB = b"<!DOCTYPE a [<!ENTITY b 'x'><!ENTITY c '&b;&b;&b;'>]><a>&c;</a>"
OUTSIDE = b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"


@pytest.mark.parametrize(("data", "said"), [
    (BOMB, "Entit"), (OUTSIDE, "Entit"), (b"<a>", "not XML"), (b"<a>" * 300 + b"</a>" * 300, "nested deeper"),
])  # fmt: skip
def test_hostile_xml(data: bytes, said: str):
    found = problem(data, "xml")
    assert found.reason is DropReason.MALFORMED
    assert said in found.detail


def npz(**arrays: object) -> bytes:
    held = io.BytesIO()
    np.savez_compressed(held, **{name: np.asarray(array) for name, array in arrays.items()})
    return held.getvalue()


def zipped(name: str, data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return held.getvalue()


def test_arrays_become_pictures_and_lists():
    panels = np.zeros((3, 32, 20), np.uint8)
    found = value_of(npz(image=panels, target=np.int64(3), names=np.array([b"a", b"b"]), far=np.zeros(9999)), "npz")
    assert isinstance(found, dict)
    assert [panel[:8] for panel in found["image"]] == ["iVBORw0K"] * 3
    assert (found["target"], found["names"]) == (3, ["a", "b"])
    assert found["far"] == {"shape": [9999], "dtype": "float64"}


def test_hostile_arrays():
    assert "Python objects" in problem(npz(a=np.array([{}], object)), "npz").detail
    assert "take more than" in problem(zipped("a.npy", b"\0" * (INFLATED + 1)), "npz").detail
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)})
    assert "says 8,796,093,022,208 bytes and holds 0" in problem(zipped("a.npy", head.getvalue()), "npz").detail
    assert problem(b"PK\x03\x04 no zip", "npz").reason is DropReason.MALFORMED


def test_large_files_and_other_json():
    assert problem(b" " * (LARGEST + 1), "html").reason is DropReason.RECORD_TOO_LARGE
    assert problem(json.dumps([1]).encode(), "json").reason is DropReason.WRONG_SHAPE
    assert problem(b"  ", "html").reason is DropReason.NO_ANSWER
