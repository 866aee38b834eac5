"""What source files do wrong, one test a kind, through the whole pass: the bad record costs itself only.

Archives, pickles, arrays, XML, pictures, videos and paths have tests beside their modules.
"""

import datetime as dt
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from normalised import Row, staged

from schemas.config import Profile, Storage, load_config
from schemas.enums import Category, Group, Modality
from schemas.errors import ConfigError, InputError
from schemas.source import Licence, Reading, Source, load_sources

GOOD: dict[str, Any] = {
    "id": "1",
    "conversations": [{"from": "human", "value": "How many?"}, {"from": "gpt", "value": "Two of them."}],
}


def said(answer: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a publisher writes
    return {"id": "2", "conversations": [GOOD["conversations"][0], {"from": "gpt", "value": answer}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bad").mkdir()
    return tmp_path / "bad"


def normalised(folder: Path, name: str, content: bytes, family: str = "llava_json") -> list[Row]:
    (folder / name).write_bytes(content)
    return passed(folder, family)


def passed(folder: Path, family: str) -> list[Row]:
    source = Source(
        source_id="bad", name="Bad", group=Group.B, category=Category.GENERAL, modality=Modality.TEXT, family=family,
        licence=Licence(spdx="CC0-1.0"), reading=Reading(files=("*.*",)),
    )  # fmt: skip
    return staged(source, Storage(sources_root=str(folder.parent)))


def lines(*records: bytes | dict[str, Any]) -> bytes:
    return b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in records)


def outcomes(found: list[Row]) -> Counter[str]:
    made = [row for row in found if row["sample"] or row["reject"]]
    return Counter("sample" if row["sample"] else row["reject"]["drop_reason"] for row in made)


def answers(found: list[Row]) -> list[str]:
    return [row["sample"]["conversation"][-1]["text"] for row in found if row["sample"]]


def details(found: list[Row]) -> str:
    return " ".join(row["reject"]["detail"] for row in found if row["reject"])


def test_long_strings_are_kept(folder: Path):
    found = normalised(folder, "a.jsonl", lines(GOOD, said("x" * 25_000_000), GOOD))
    assert [len(answer) for answer in answers(found)] == [12, 25_000_000, 12]


@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        (b'{"id": ' + b"[" * 3000 + b"]" * 3000 + b"}", "nested deeper than"),
        (b'{"id": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"id": "1", "conv', "Unterminated string"),
        (b'{"id": "1"} {"id": "2"}', "Extra data"),
        (b'[{"id": "1"}]', "must be an object"),
        (b'{"id": "\xff\xfe"}', "can't decode byte"),
        (b'{"id": "a\0b"}', "control character"),
    ],
    ids=["depth", "digits", "cut", "glued", "array", "latin", "nul"],
)
def test_broken_lines_cost_themselves(folder: Path, bad: bytes, detail: str):
    found = normalised(folder, "a.jsonl", lines(GOOD, bad, GOOD))
    assert outcomes(found) == {"sample": 2, "wrong_shape" if "object" in detail else "malformed_record": 1}
    assert detail in details(found).replace("invalid control", "control")


def test_of_equal_keys_the_last_counts(folder: Path):
    twice = json.dumps(said("no"))[:-1] + ", " + json.dumps(said("yes"))[1:]
    assert answers(normalised(folder, "a.jsonl", lines(GOOD, twice.encode()))) == ["Two of them.", "yes"]


def test_nan_is_no_answer(folder: Path):
    bad = json.dumps(said(float("nan"))).encode()
    assert b"NaN" in bad
    assert outcomes(normalised(folder, "a.jsonl", lines(GOOD, bad))) == {"sample": 1, "no_answer": 1}


def test_a_byte_order_mark_is_no_text(folder: Path):
    assert outcomes(normalised(folder, "a.jsonl", b"\xef\xbb\xbf" + lines(GOOD, GOOD))) == {"sample": 2}


def test_utf_16_is_read_where_a_mark_says_so_else_refused_with_the_way_out(folder: Path):
    written = json.dumps([GOOD, GOOD])
    assert outcomes(normalised(folder, "a.json", written.encode("utf-16"))) == {"sample": 2}
    with pytest.raises(InputError, match="iconv -f UTF-16"):
        normalised(folder, "a.json", written.encode("utf-16-le"))


def test_lone_surrogates_end_the_same_everywhere(folder: Path):
    written = json.dumps(said("a\ud800b"))
    found = normalised(folder, "a.jsonl", written.encode())
    (folder / "a.jsonl").unlink()
    array = normalised(folder, "a.json", f"[{written}]".encode())
    assert answers(found) == answers(array) == ["a\ufffdb"]
    assert [row["sample"]["content_id"] for row in (found[0], array[0])] == [found[0]["sample"]["content_id"]] * 2


def test_nul_is_left_out_of_text(folder: Path):
    assert answers(normalised(folder, "a.jsonl", lines(said("a\0b")))) == ["ab"]


@pytest.mark.parametrize("odd", [7, True, ["a"], {"a": 1}, [{"type": "html", "html": "x"}]])
def test_answers_of_another_type_are_rejects_that_say_so(folder: Path, odd: object):
    found = normalised(folder, "a.jsonl", lines(GOOD, said(odd)))
    assert outcomes(found) == {"sample": 1, "wrong_shape": 1}


def test_an_array_in_a_lines_file_and_lines_in_an_array_file(folder: Path):
    assert outcomes(normalised(folder, "a.json", lines(GOOD, GOOD))) == {"sample": 2}
    (folder / "a.json").unlink()
    assert outcomes(normalised(folder, "a.jsonl", json.dumps([GOOD, GOOD]).encode())) == {"sample": 2}


def test_an_array_cut_short_is_refused_with_the_place(folder: Path):
    with pytest.raises(InputError, match=r"a\.json \(\d+ bytes\) is damaged"):
        normalised(folder, "a.json", json.dumps([GOOD, GOOD]).encode()[:-5])


def test_tables_with_quotes_newlines_and_ragged_rows(folder: Path):
    text = 'question,answer\n"Say ""yes""\nor no?",yes\nlost\n"a, b",c\n'
    found = normalised(folder, "a.csv", text.encode(), "flat_qa_json")
    assert outcomes(found) == {"sample": 2, "malformed_record": 1}
    assert "1 fields, the header has 2" in details(found)


def test_parquet_with_odd_columns(folder: Path):
    table = pa.table(
        {
            "question": ["Q1?", "Q2?"],
            "Question": ["other", "other"],
            "answer": ["one", "two"],
            "at": pa.array([dt.datetime(2024, 1, 1)] * 2, pa.timestamp("ns")),  # noqa: DTZ001 - as files hold it
            "score": pa.array([Decimal("1.5")] * 2, pa.decimal128(38, 10)),
        }
    )
    pq.write_table(table, folder / "a.parquet", use_deprecated_int96_timestamps=True)
    assert answers(passed(folder, "flat_qa_parquet")) == ["one", "two"]


def test_parquet_that_names_a_column_twice_is_refused_or_read_whole(folder: Path):
    table = pa.Table.from_arrays(
        [pa.array(["Q?"]), pa.array(["one"]), pa.array(["two"])], ["question", "answer", "answer"]
    )
    pq.write_table(table, folder / "a.parquet")
    with pytest.raises(InputError, match="answer"):
        passed(folder, "flat_qa_parquet")


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system ['touch {canary}']", "{{{{", "source_id: [1"])
def test_yaml_runs_nothing(tmp_path: Path, text: str):
    canary = tmp_path / "canary"
    (tmp_path / "x.yaml").write_text(text.format(canary=canary))
    with pytest.raises(ConfigError, match=r"x\.yaml"):
        load_sources(tmp_path)
    with pytest.raises(ConfigError):
        load_config(Profile.LAPTOP, tmp_path / "x.yaml")
    assert not canary.exists()
