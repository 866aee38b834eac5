"""A document scanned in parts, in any order, against the scan from its beginning."""

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from jobs.normalise.spread import tasks_of
from jobs.readers import layouts, parallel_scan, plan_ranges, read, stream
from jobs.readers.documents import _outline
from jobs.readers.outline import CutShort, Outline, outline
from jobs.readers.parallel_scan import Found, Stretch, ahead_of, spread_over
from jobs.readers.stream import blocks
from schemas.errors import InputError
from udfs.adapters.family import Container, Layout

TEXT = st.text(alphabet=st.sampled_from('[]{}",\\ :aé\n😀'), max_size=12) | st.integers(0, 9).map("\\".__mul__)
VALUE = st.recursive(
    TEXT | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXT, inner, max_size=6),
    max_leaves=40,
)
DOCUMENT = st.lists(VALUE, max_size=9) | st.dictionaries(TEXT, VALUE, max_size=70)
BROKEN = st.text(alphabet=st.sampled_from('[]{}",\\ :a'), max_size=60).map(lambda text: "[" + text)
STYLE = st.fixed_dictionaries({"indent": st.sampled_from([None, 0, 1]), "ensure_ascii": st.booleans()})
SIZE = st.integers(1, 9) | st.integers(1, 1000)


def backwards(work: Callable[[Stretch], Found], parts: Sequence[Stretch]) -> list[Found]:
    """The last stretch first."""
    return [work(part) for part in reversed(parts)][::-1]


@pytest.fixture(scope="module")
def save(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], str]:
    folder, numbers = tmp_path_factory.mktemp("scan"), count()

    def write(content: bytes) -> str:
        path = folder / f"{next(numbers)}.json"
        path.write_bytes(content)
        return str(path)

    return write


@pytest.fixture(scope="module", autouse=True)
def all_are_large():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel_scan, "LARGE", 0)
        patch.setattr(parallel_scan, "STRETCH_BYTES", 20)
        patch.setattr(parallel_scan, "_LOOK_BACK", 2)
        yield


def found(uri: str, size: int, *, ahead: bool) -> Outline | str:
    try:
        with spread_over(backwards):
            length = Path(uri).stat().st_size
            return outline(blocks(uri, 0, None, size), 0, ahead_of(uri, length, size) if ahead else None)
    except CutShort as error:
        return str(error)


@given(DOCUMENT, STYLE, SIZE)
@example([{"a": "\\" * 100 + '"'}, {}], {"indent": None}, 1)
@example({"info": {}, "annotations": [{"id": 1}] * 9, "more": [{"b": "],"}] * 9}, {"indent": None}, 3)
def test_the_outline_of_any_document_is_the_same(
    save: Callable[[bytes], str], document: object, style: dict[str, object], size: int
):
    uri = save(json.dumps(document, **style).encode())
    expected = found(uri, size, ahead=False)
    assert isinstance(expected, Outline)
    assert found(uri, size, ahead=True) == expected
    if isinstance(document, list) and document:
        assert [(span.container, span.records) for span in expected.spans] == [(Container.JSON_ARRAY, len(document))]


@given(BROKEN | DOCUMENT.map(json.dumps).map(lambda text: text[:-1]), SIZE)
def test_what_is_refused_is_refused_at_the_same_place(save: Callable[[bytes], str], text: str, size: int):
    uri = save(text.encode())
    assert found(uri, size, ahead=True) == found(uri, size, ahead=False)


def test_most_blocks_are_passed_unread(save: Callable[[bytes], str]):
    uri = save(json.dumps({"a": [{"b": number} for number in range(1000)], "c": 1}).encode())
    read: list[int] = []
    with spread_over(backwards):
        ahead = ahead_of(uri, Path(uri).stat().st_size, 10)
    assert ahead is not None
    counted = (read.append(len(block)) or block for block in blocks(uri, 0, None, 10))
    assert outline(counted, 0, ahead).spans[0].records == 1000
    assert len(read) <= 2


def test_spark_tasks_scan_what_the_planner_would(save: Callable[[bytes], str], spark: SparkSession):
    uri = save(json.dumps([{"a": number} for number in range(20)]).encode())
    (layout,) = layouts(uri)
    expected = plan_ranges(uri, "a.json", layout, 50)
    _outline.cache_clear()
    with spread_over(tasks_of(spark)):
        assert plan_ranges(uri, "a.json", layout, 50) == expected
    lines, target = save(b'{"a": 1}\n' * 30), 50
    expected = plan_ranges(lines, "a.jsonl", Layout(Container.JSON_LINES), target)
    with spread_over(tasks_of(spark)):
        assert plan_ranges(lines, "a.jsonl", Layout(Container.JSON_LINES), target) == expected
    assert len(expected) > 3
    cut = save(b'[{"a": 1}, {"a": 2}, {"a": "cut')
    with spread_over(tasks_of(spark)), pytest.raises(InputError, match=r"inside a string, after record 2 of the list"):
        plan_ranges(cut, "a.json", layout, 5)


TEXT_LINES = st.lists(st.sampled_from([b"", b'{"a": 1}', b'{"a": "' + b"x" * 30 + b'"}', b"\r", b"[]"]), max_size=30)


@given(TEXT_LINES, st.booleans(), st.integers(1, 60))
@example([b"1"] * 30, True, 7)
def test_lines_are_cut_in_the_same_places(save: Callable[[bytes], str], rows: list[bytes], ended: bool, target: int):
    uri = save(b"\n".join(rows) + (b"\n" if ended else b""))
    for kind in (Container.JSON_LINES, Container.LINES):
        layout = Layout(kind, "")
        expected = plan_ranges(uri, "a.txt", layout, target)
        with spread_over(backwards):
            assert plan_ranges(uri, "a.txt", layout, target) == expected
        found = [
            record for part in expected for record in read(str(Path(uri).parent), replace(part, file=Path(uri).name))
        ]
        every = Path(uri).read_bytes().split(b"\n")
        every = every[: len(every) - (not every[-1])]
        kept = [at for at, row in enumerate(every) if kind is Container.LINES or row.strip()]
        assert [record.origin.position for record in found] == kept


def test_looking_at_the_first_lines_reads_no_more(save: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch):
    uri = save(b'{"a": 1}\n' * 1_000_000)
    read_bytes: list[int] = []
    real = stream._read

    def counted(uri: str, opened: pa.NativeFile, size: int) -> bytes:
        data = real(uri, opened, size)
        read_bytes.append(len(data))
        return data

    monkeypatch.setattr(stream, "_read", counted)
    (layout,) = layouts(str(Path(uri).rename(f"{uri}l")))
    assert layout.first == {"a": 1}
    assert sum(read_bytes) < 3 << 20


def test_a_compressed_document_is_scanned_from_its_beginning(save: Callable[[bytes], str]):
    text = json.dumps([{"a": "word " * 9}] * 9).encode()
    with spread_over(backwards):
        assert ahead_of(save(gzip.compress(text)), len(text), 10) is None
        assert ahead_of(save(text), len(text), 10) is not None
