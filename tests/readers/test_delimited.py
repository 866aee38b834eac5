"""CSV and TSV: dialects, damaged rows, odd headers."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.readers import layouts, plan_ranges, read
from jobs.readers.delimited import Dialect, rows, table_of
from schemas.enums import DropReason
from schemas.errors import InputError
from udfs.sample import Record


def records(tmp_path: Path, content: bytes, name: str) -> list[Record]:
    path = tmp_path / name
    path.write_bytes(content)
    (layout,) = layouts(str(path))
    (part,) = plan_ranges(str(path), name, layout, 1)
    return list(read(str(tmp_path), part))


def table(tmp_path: Path, content: bytes, name: str) -> list[dict[str, str]]:
    found = records(tmp_path, content, name)
    assert [record.origin.position for record in found] == list(range(len(found)))
    assert not any(record.problem for record in found)
    return [dict(record.value) for record in found]


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"q,a\n1,2\n", "a.csv", [{"q": "1", "a": "2"}]),
        (b"\xef\xbb\xbfq,a\r\n1,2\r\n\r\n3,4", "a.csv", [{"q": "1", "a": "2"}, {"q": "3", "a": "4"}]),
        (b'q,a\n"1\n,""2""",3\n', "a.csv", [{"q": '1\n,"2"', "a": "3"}]),
        (b"q\ta, b\n1\t2\n", "a.csv", [{"q": "1", "a, b": "2"}]),
        (b"q;a\n1;2\n", "a.csv", [{"q": "1", "a": "2"}]),
        (b'q\ta\n"1\n2"\t3\n', "a.tsv", [{"q": "1\n2", "a": "3"}]),
        (b'q\ta\n"Up" is what?\ta film\n', "a.tsv", [{"q": '"Up" is what?', "a": "a film"}]),
        (b'q\ta\n$\\times$\t\\neg "x"\n', "a.tsv", [{"q": "$\\times$", "a": '\\neg "x"'}]),
        (b'q,a\n"a \\"b\\" c","2"\n', "a.csv", [{"q": 'a "b" c', "a": "2"}]),
        (b'q,a\n"a \\"b\\"","2 \\\\"\n', "a.csv", [{"q": 'a "b"', "a": "2 \\"}]),
        (b'q,a\n"\\"b\\" \\\\ \\neg","2"\n', "a.csv", [{"q": '"b" \\\\ \\neg', "a": "2"}]),
        (b'q,a\n"1 \\\\","2"\n', "a.csv", [{"q": "1 \\\\", "a": "2"}]),
        (b"q\n1\n2\n", "a.csv", [{"q": "1"}, {"q": "2"}]),
        (b"q,q,,\n1,2,3,4\n", "a.csv", [{"q": "1", "q_2": "2", "": "3", "_2": "4"}]),
        ("q,a\né,😀\n".encode(), "a.csv", [{"q": "é", "a": "😀"}]),
        (b"q,a\n", "a.csv", []),
    ],
)
def test_table(tmp_path: Path, content: bytes, name: str, expected: list[dict[str, str]]):
    assert table(tmp_path, content, name) == expected


@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        (b"1", "1 fields, the header has 2"),
        (b"1,2,3", "3 fields"),
        (b"\xff,2", "not UTF-8"),
        (b'"1,2', "unexpected end|expected after"),
        (b'"1"x,2', "expected after"),
    ],
)
def test_a_bad_row_costs_itself_only(tmp_path: Path, bad: bytes, detail: str):
    good = b'3,"4"\n' * 3
    found = records(tmp_path, b"q,a\n" + good + bad + b"\n" + good, "a.csv")
    assert [record.origin.position for record in found] == list(range(7))
    assert [bool(record.problem) for record in found] == [False] * 3 + [True] + [False] * 3
    problem = found[3].problem
    assert problem is not None
    assert problem.reason is DropReason.MALFORMED
    assert any(word in problem.detail for word in detail.split("|"))
    assert found[3].excerpt == bad.decode("ascii", "replace").replace("\ufffd", "?") + "\n"


def test_no_header(tmp_path: Path):
    with pytest.raises(InputError, match="no header row"):
        records(tmp_path, b'"a,b\n1,2\n', "a.csv")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'"Y","C"\n"1 \\\\","2"\n"a \\"q\\"","b"\n', [["Y", "C"], ["1 \\", "2"], ['a "q"', "b"]]),
        (b'"Y","C"\n"1 \\\\","\\\\ 2"\n', [["Y", "C"], ["1 \\", "\\ 2"]]),
        (b'"Y","C \\\\\\""\n"1\n2","\\\\\\\\"\n', [["Y", 'C \\"'], ["1\n2", "\\\\"]]),
        (b'"Y","C"\n"\\neg \\\\","2"\n', [["Y", "C"], ["\\neg \\\\", "2"]]),
        (b'"Y \\","C"\n"a ""q""","b"\n', [["Y \\", "C"], ['a "q"', "b"]]),
        (b"Y,C\n1 \\\\,2\n", [["Y", "C"], ["1 \\\\", "2"]]),
    ],
)
def test_backslashes_of_a_small_table(content: bytes, expected: list[list[str]]):
    assert table_of(content) == expected


FIELD = st.text(alphabet=st.sampled_from('ab",;\n\t é'), max_size=6)


@given(st.lists(st.lists(FIELD, min_size=3, max_size=3), min_size=1, max_size=6), st.sampled_from(",;\t"))
def test_what_the_csv_module_writes(wanted: list[list[str]], delimiter: str):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([["x", "y", "z"], *wanted])
    found = list(rows(text.getvalue().splitlines(keepends=True), Dialect(delimiter)))
    assert [(row.fields, row.problem) for row in found[1:]] == [(fields, None) for fields in wanted]


@given(st.text(alphabet=st.sampled_from('ab",\n\\'), max_size=80), st.booleans(), st.sampled_from(("", '"', '"\\')))
def test_any_text_ends_as_rows(text: str, quoted: bool, escaped: str):
    found = list(rows(text.splitlines(keepends=True), Dialect(",", quoted, escaped)))
    assert sum(row.text.count("\n") for row in found) <= text.count("\n")
    assert len({len(row.fields) for row in found if row.problem is None}) <= 1
