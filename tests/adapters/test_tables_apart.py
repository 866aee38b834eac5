"""Questions whose tables lie in files of their own, from publishers' folders to staged rows."""

import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from normalised import staged

from schemas.config import Storage
from schemas.source import packaged_sources

Row = dict[str, Any]
TOWNS = [["Town", "People", "Founded"], ["Stone", "1,200", "1204"], ["Ford", "900", "1310"], ["Mill", "900", "1450"]]
SHOWN = "Town | People | Founded\nStone | 1,200 | 1204\nFord | 900 | 1310\nMill | 900 | 1450"


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def as_csv(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue()


def as_tsv(rows: list[list[str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)


def as_lines(rows: list[Row]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def outcome(root: Path, name: str) -> tuple[list[Row], Counter[str]]:
    """Samples and reasons of rejects; records and units of both are those that were read."""
    rows = staged(packaged_sources()[name], Storage(sources_root=str(root)))
    samples = [row["sample"] for row in rows if row["sample"]]
    rejects = [row["reject"] for row in rows if row["reject"]]
    spans = [row["span"] for row in rows if row["span"]]
    assert len(samples) + len(rejects) == sum(span["records"] for span in spans)
    assert sum(row["origin"]["units"] for row in (*samples, *rejects)) == sum(span["units"] for span in spans)
    arrived = sum(span["read"] for span in spans if span["item"] < 0)
    assert arrived == sum(span["read"] for span in spans if span["item"] >= 0)
    return samples, Counter(str(row["drop_reason"]) for row in rejects)


def said(sample: Row) -> list[str]:
    return [turn["text"] for turn in sample["conversation"]]


def by_id(samples: list[Row]) -> dict[str, Row]:
    return {sample["origin"]["original_id"]: sample for sample in samples}


WTQ = [
    ["id", "utterance", "context", "targetValue"],
    ["nt-0", "which towns have 900 people?", "csv/204-csv/1.csv", "Ford|Mill"],
    ["nt-1", "which is the oldest?", "csv/203-csv/1.csv", "Stone"],
    ["nt-2", "which is lost?", "csv/204-csv/77.csv", "None of them"],
]


@pytest.mark.parametrize("top", ["", "WikiTableQuestions/"])
def test_wikitablequestions(tmp_path: Path, top: str):
    folder = tmp_path / "robut_wtq_cauldron_llava_format" / top
    write(folder / "data" / "training.tsv", as_tsv(WTQ))
    write(folder / "data" / "pristine-unseen-tables.tsv", as_tsv(WTQ))
    for number in ("203", "204"):
        for at, rows in enumerate(([["A", "B"], ["x", "y"]], TOWNS, [["A \\"], ['1, "2"']])):
            write(folder / "csv" / f"{number}-csv" / f"{at}.csv", as_csv(rows).replace("\r\n", "\n"))
            write(folder / "csv" / f"{number}-csv" / f"{at}.tsv", as_tsv(rows))
            write(folder / "csv" / f"{number}-csv" / f"{at}.html", "<table></table>")
    samples, reasons = outcome(tmp_path, "robut_wtq_cauldron_llava_format")
    assert reasons == {"orphan_question": 1}
    found = by_id(samples)
    assert said(found["nt-0"]) == [f"{SHOWN}\n\nwhich towns have 900 people?", "Ford, Mill"]
    assert (found["nt-0"]["evidence"], found["nt-1"]["gold_answer"]) == (SHOWN, "Stone")
    assert found["nt-1"]["origin"]["file"].endswith("data/training.tsv")


def test_a_table_with_a_crooked_row_costs_its_own_questions(tmp_path: Path):
    folder = tmp_path / "robut_wtq_cauldron_llava_format"
    write(folder / "data" / "training.tsv", as_tsv(WTQ[:3]))
    write(folder / "csv" / "204-csv" / "1.csv", as_csv([*TOWNS, ["short"]]))
    write(folder / "csv" / "203-csv" / "1.csv", as_csv(TOWNS))
    samples, reasons = outcome(tmp_path, "robut_wtq_cauldron_llava_format")
    assert list(by_id(samples)) == ["nt-1"]
    assert reasons == {"orphan_question": 1, "malformed_record": 1}


def test_quotes_and_backslashes_of_a_cell(tmp_path: Path):
    folder = tmp_path / "robut_wtq_cauldron_llava_format"
    write(folder / "data" / "training.tsv", as_tsv(WTQ[:3]))
    write(folder / "csv" / "204-csv" / "1.csv", '"Y","C"\n"1 \\\\","2"\n"a \\"q\\"","b"\n')
    write(folder / "csv" / "203-csv" / "1.csv", '"Y","C"\n"1 \\\\","2"\n')
    samples, reasons = outcome(tmp_path, "robut_wtq_cauldron_llava_format")
    assert not reasons
    shown = {name: sample["evidence"] for name, sample in by_id(samples).items()}
    assert shown == {"nt-0": 'Y | C\n1 \\ | 2\na "q" | b', "nt-1": "Y | C\n1 \\ | 2"}


def test_ends_of_lines_in_a_cell(tmp_path: Path):
    folder = tmp_path / "robut_wtq_cauldron_llava_format"
    write(folder / "data" / "training.tsv", as_tsv(WTQ[:2]))
    write(folder / "csv" / "204-csv" / "1.csv", '"Y","C"\n"a \\"q\\"","b\\nc"\n')
    (sample,), reasons = outcome(tmp_path, "robut_wtq_cauldron_llava_format")
    assert (sample["evidence"], reasons) == ('Y | C\na "q" | b c', Counter())


@pytest.mark.parametrize("content", ['"Y","C\n"1","2"\n', '"Y"\n"1","2"\n', b'"Y \xff"\n"1"\n', ""])
def test_the_only_table_cannot_be_read(tmp_path: Path, content: str | bytes):
    folder = tmp_path / "robut_wtq_cauldron_llava_format"
    write(folder / "data" / "training.tsv", as_tsv(WTQ[:3]))
    write(folder / "csv" / "204-csv" / "1.csv", content)
    rows = staged(packaged_sources()[folder.name], Storage(sources_root=str(tmp_path)))
    told = sorted((row["reject"]["drop_reason"], row["reject"]["detail"]) for row in rows if row["reject"])
    assert [reason for reason, _ in told] == ["malformed_record", "orphan_question", "orphan_question"]
    assert [detail for _, detail in told[1:]] == [
        "no table goes with it", "no table goes with it; csv/204-csv/1.csv cannot be read",
    ]  # fmt: skip


SQA = [
    ["id", "annotator", "position", "question", "table_file", "answer_coordinates", "answer_text"],
    ["nt-9", "0", "1", "and which of them is younger?", "table_csv/203_1.csv", "['(2, 0)']", "['Mill']"],
    ["nt-9", "0", "0", "which have 900 people?", "table_csv/203_1.csv", "['(1, 0)', '(2, 0)']", "['Ford', 'Mill']"],
    ["nt-9", "1", "0", "which is the oldest?", "table_csv/203_1.csv", "['(0, 0)']", "['Stone']"],
]


def test_sqa_keeps_its_questions_in_sequence(tmp_path: Path):
    folder = tmp_path / "robut_sqa_cauldron" / "SQA Release 1.0"
    write(folder / "train.tsv", as_tsv(SQA))
    write(folder / "test.tsv", as_tsv(SQA))
    for at in range(3):
        write(folder / "table_csv" / f"203_{at}.csv", as_csv(TOWNS))
    samples, reasons = outcome(tmp_path, "robut_sqa_cauldron")
    assert not reasons
    assert {name: said(sample) for name, sample in by_id(samples).items()} == {
        "nt-9:0": [f"{SHOWN}\n\nwhich have 900 people?", "Ford, Mill", "and which of them is younger?", "Mill"],
        "nt-9:1": [f"{SHOWN}\n\nwhich is the oldest?", "Stone"],
    }
    assert [sample["origin"]["units"] for sample in samples] == [2, 1]


HITAB = {
    "id": "a", "table_id": "1028", "table_source": "statcan", "sentence_id": "1", "sub_sentence_id": "1",
    "sub_sentence": "x", "question": "how many?", "answer": [139337], "aggregation": ["sum"], "linked_cells": {},
    "answer_formulas": ["=H17+H18"], "reference_cells_map": {},
}  # fmt: skip
GRID = {
    "title": "offenders", "top_root": {"row_index": -1, "children": []}, "left_root": {"row_index": -1, "children": []},
    "top_header_rows_num": 1, "left_header_columns_num": 1, "texts": [["", "all"], ["federal", "22895"]],
    "merged_regions": [],
}  # fmt: skip


def unpacked(folder: Path, tables: dict[str, str]) -> None:
    for name, content in tables.items():
        write(folder / name, content)


def packed(folder: Path, tables: dict[str, str]) -> None:
    with zipfile.ZipFile(folder / "tables.zip", "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in tables.items():
            out.writestr(name, content)


def both(folder: Path, tables: dict[str, str]) -> None:
    unpacked(folder, tables)
    packed(folder, tables)


@pytest.mark.parametrize("put", [unpacked, packed, both])
def test_hitab(tmp_path: Path, put: Callable[[Path, dict[str, str]], None]):
    folder = tmp_path / "hitab_cauldron_llava_format" / "data"
    lost = {**HITAB, "id": "b", "table_id": "none"}
    write(folder / "train_samples.jsonl", as_lines([HITAB, lost, {**HITAB, "id": "c", "question": "all?"}]))
    tables = {f"tables/raw/{at}.json": json.dumps(GRID) for at in (1027, 1028, 1029)}
    put(folder, {**tables, "tables/hmt/1028.json": json.dumps({"data": [], "top_root": {}})})
    samples, reasons = outcome(tmp_path, "hitab_cauldron_llava_format")
    assert reasons == {"orphan_question": 1}
    assert said(by_id(samples)["a"]) == ["offenders\n|  | all |\n| federal | 22895 |\n\nhow many?", "139337"]
    assert len(samples) == 2


TABLE = {
    "id": "1-1", "header": TOWNS[0], "types": ["text", "real", "real"], "page_title": "Towns", "caption": "Towns",
    "rows": [["Stone", "1,200", 1204], ["Ford", 900, 1310], ["Mill", 900, 1450]],
}  # fmt: skip
QUERIES = {
    "which have 900?": ({"sel": 0, "agg": 0, "conds": [[1, 0, 900]]}, "Ford, Mill"),
    "who is stone?": ({"sel": 1, "agg": 0, "conds": [[0, 0, "STONE"]]}, "1,200"),
    "how many are older than 1400?": ({"sel": 0, "agg": 3, "conds": [[2, 2, "1400"]]}, "2"),
    "how many are called Elm?": ({"sel": 0, "agg": 3, "conds": [[0, 0, "Elm"]]}, "0"),
    "people of all?": ({"sel": 1, "agg": 4, "conds": []}, "3000"),
    "the mean?": ({"sel": 1, "agg": 5, "conds": [[2, 1, 1300]]}, "900"),
    "the youngest?": ({"sel": 2, "agg": 1, "conds": [[1, 0, 900], [2, 1, 1310.0]]}, "1450"),
    "the least?": ({"sel": 2, "agg": 2, "conds": []}, "1204"),
}
WRONG = {
    "nobody?": ({"sel": 0, "agg": 0, "conds": [[0, 0, "Elm"]]}, "no_answer"),
    "the largest name?": ({"sel": 0, "agg": 1, "conds": []}, "no_answer"),
    "which column?": ({"sel": 9, "agg": 0, "conds": []}, "wrong_shape"),
    "which operator?": ({"sel": 0, "agg": 0, "conds": [[0, 3, "x"]]}, "wrong_shape"),
    "which sum?": ({"sel": 0, "agg": 6, "conds": []}, "wrong_shape"),
    "which condition?": ({"sel": 0, "agg": 0, "conds": [[0, 0]]}, "wrong_shape"),
}


def test_wikisql_is_answered_by_its_queries(tmp_path: Path):
    folder = tmp_path / "robut_wikisql_cauldron" / "data"
    asked = {name: query for name, (query, _) in {**QUERIES, **WRONG}.items()}
    rows = [{"phase": 1, "table_id": "1-1", "question": name, "sql": query} for name, query in asked.items()]
    write(folder / "train.jsonl", as_lines([*rows, {**rows[0], "table_id": "9-9"}]))
    write(folder / "train.tables.jsonl", as_lines([TABLE, {**TABLE, "id": "2-2"}]))
    write(folder / "dev.jsonl", as_lines(rows))
    samples, reasons = outcome(tmp_path, "robut_wikisql_cauldron")
    told = {said(sample)[0].rpartition("\n\n")[2]: said(sample)[1] for sample in samples}
    assert told == {name: answer for name, (_, answer) in QUERIES.items()}
    assert reasons == Counter([reason for _, reason in WRONG.values()] + ["orphan_question"])
    assert said(samples[0])[0].startswith(f"Towns\n{SHOWN}\n\n")


def test_wikisql_of_the_hub_holds_its_tables(tmp_path: Path):
    names = ("column_index", "operator_index", "condition")
    table = {**TABLE, "rows": [[str(cell) for cell in row] for row in TABLE["rows"]]}
    held = []
    for asked, (query, _) in QUERIES.items():
        conds = [[at, operator, str(wanted)] for at, operator, wanted in query["conds"]]
        columns = {name: [row[at] for row in conds] for at, name in enumerate(names)}
        held.append({"phase": 1, "question": asked, "table": table, "sql": {**query, "conds": columns}})
    write(tmp_path / "robut_wikisql_cauldron" / "train.jsonl", as_lines(held))
    rows = staged(packaged_sources()["robut_wikisql_cauldron"], Storage(sources_root=str(tmp_path)))
    samples = [row["sample"] for row in rows if row["sample"]]
    assert not any(row["reject"] for row in rows)
    assert {said(sample)[0].rpartition("\n\n")[2]: said(sample)[1] for sample in samples} == {
        asked: answer for asked, (_, answer) in QUERIES.items()
    }
    assert said(samples[0])[0].startswith(f"Towns\n{SHOWN}\n\n")


@pytest.mark.parametrize("top", ["dataset", "statista_dataset/dataset"])
def test_charts_with_their_text_in_folders(tmp_path: Path, top: str):
    folder = tmp_path / "chart2text_cauldron" / top
    for part in (folder, folder / "multiColumn"):
        for at in range(4):
            write(part / "captions" / f"{at}.txt", f"The caption of {at} in {part.name} .\n")
            write(part / "titles" / f"{at}.txt", f"Title {at}\n")
            write(part / "data" / f"{at}.csv", as_csv(TOWNS))
            write(part / "imgs" / f"{at}.png", b"\x89PNG")
    (folder / "captions" / "0.txt").unlink()
    (folder / "data" / "1.csv").unlink()
    write(folder / "captions" / "2.txt", " \n")
    samples, reasons = outcome(tmp_path, "chart2text_cauldron")
    assert len(samples) == 6
    assert reasons == {"orphan_annotation": 4, "no_answer": 1}
    shown = {sample["media"][0]: sample for sample in samples}
    assert said(shown[f"absent:{top}/multiColumn/imgs/3.png"])[1] == "The caption of 3 in multiColumn ."
    plain = shown[f"absent:{top}/imgs/3.png"]
    assert said(plain)[1] == "The caption of 3 in dataset ."
    assert plain["evidence"] == f"Title 3\n{SHOWN}"
    assert shown[f"absent:{top}/imgs/1.png"]["evidence"] == "Title 1"
