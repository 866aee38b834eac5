"""Questions whose rows hold their table, with the columns of the hub's copies."""

from pathlib import Path
from typing import Any

import pytest
from normalised import normalised

FILE = "data/train-00000-of-00001.parquet"
GRID = {"header": ["Year", "Host"], "rows": [["2004", "Athens"], ["2008", "Beijing"]], "name": "csv/204-csv/590.csv"}
TABLE = "Year | Host\n2004 | Athens\n2008 | Beijing"
ASKED = {"id": "nt-0", "question": "which cities?", "answers": ["Athens", "Beijing"], "table": GRID}


@pytest.mark.parametrize(
    ("answers", "reply", "reason"),
    [
        (["Athens", "Beijing"], "Athens, Beijing", None),
        (["2004"], "2004", None),
        (["yes", "yes", "no"], "yes, yes, no", None),
        ([], None, "no_answer"),
    ],
)
def test_all_answers_of_wikitablequestions_count(tmp_path: Path, answers: list[str], reply: str, reason: str | None):
    held = [{**ASKED, "id": "nt-1"}, {**ASKED, "answers": answers}]
    rows = normalised(tmp_path, "robut_wtq_cauldron_llava_format", {FILE: held})
    samples = {row["sample"]["origin"]["original_id"]: row["sample"] for row in rows if row["sample"]}
    assert [row["reject"]["drop_reason"] for row in rows if row["reject"]] == ([reason] if reason else [])
    if reply:
        told = [turn["text"] for turn in samples["nt-0"]["conversation"]]
        assert told == [f"{TABLE}\n\nwhich cities?", reply]
        assert (samples["nt-0"]["gold_answer"], samples["nt-0"]["evidence"]) == (reply, TABLE)


def row(name: str, annotator: int, position: int, question: str, *answers: str) -> dict[str, Any]:
    return {
        "id": name, "annotator": annotator, "position": position, "question": question, "table_file": "table_csv/1.csv",
        "question_and_history": [question], "table_header": GRID["header"], "table_data": GRID["rows"],
        "answer_coordinates": {"row_index": [0], "column_index": [0]}, "answer_text": list(answers),
    }  # fmt: skip


def test_questions_of_a_sequence_come_together(tmp_path: Path):
    held = [
        row("nt-1", 0, 1, "And when?", "2004"), row("nt-1", 1, 0, "Who else?", "Athens", "Beijing"),
        row("nt-1", 0, 0, "Who was first?", "Athens"), row("nt-2", 0, 0, "When?", "2008"),
    ]  # fmt: skip
    rows = normalised(tmp_path, "robut_sqa_cauldron", {FILE: held})
    assert [row["reject"] for row in rows if row["reject"]] == []
    samples = [row["sample"] for row in rows if row["sample"]]
    assert {
        sample["origin"]["original_id"]: [turn["text"] for turn in sample["conversation"]] for sample in samples
    } == {
        "nt-1:0": [f"{TABLE}\n\nWho was first?", "Athens", "And when?", "2004"],
        "nt-1:1": [f"{TABLE}\n\nWho else?", "Athens, Beijing"],
        "nt-2:0": [f"{TABLE}\n\nWhen?", "2008"],
    }
    assert sum(sample["origin"]["units"] for sample in samples) == len(held)


def test_rows_without_their_table_are_rejects(tmp_path: Path):
    held = [{**row("nt-1", 0, 0, "Who?", "Athens"), "table_header": None, "table_data": None}]
    (reject,) = (
        found["reject"] for found in normalised(tmp_path, "robut_sqa_cauldron", {FILE: held}) if found["reject"]
    )
    assert reject["drop_reason"] == "wrong_shape"
    assert "header is null" in reject["detail"]


ROBUT = {"id": "nt-0-r", "original_id": "nt-0", "perturbation_type": "row", "table": GRID}


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        (
            "robut_sqa_cauldron",
            {**ROBUT, "question": "['who?', 'and?']", "answers": ["['Athens']", "['2004', '2008']"]},
            [f"{TABLE}\n\nwho?", "Athens", "and?", "2004, 2008"],
        ),
        (
            "robut_sqa_cauldron",
            {**ROBUT, "question": ["who?"], "answers": [["Athens"]]}, [f"{TABLE}\n\nwho?", "Athens"],
        ),
        (
            "robut_wikisql_cauldron",
            {**ROBUT, "question": "who?", "answers": ["Athens", "Beijing"]}, [f"{TABLE}\n\nwho?", "Athens, Beijing"],
        ),
    ],
)  # fmt: skip
def test_robut_holds_its_tables(tmp_path: Path, name: str, row: dict[str, Any], said: list[str]):
    (sample,) = [found["sample"] for found in normalised(tmp_path, name, {"robut.json": [row]}) if found["sample"]]
    assert [turn["text"] for turn in sample["conversation"]] == said


def test_robuts_questions_need_an_answer_each(tmp_path: Path):
    row = {**ROBUT, "question": "['who?', 'and?']", "answers": ["['Athens']"]}
    (reject,) = [
        found["reject"] for found in normalised(tmp_path, "robut_sqa_cauldron", {"r.json": [row]}) if found["reject"]
    ]
    assert (reject["drop_reason"], reject["detail"][:27]) == ("no_answer", "2 questions and 1 answers; ")


def test_the_word_none_in_a_cell_is_an_answer(tmp_path: Path):
    row = {**ASKED, "answers": ["None"]}
    made = normalised(tmp_path, "robut_wtq_cauldron_llava_format", {FILE: [row]})
    (sample,) = [found["sample"] for found in made if found["sample"]]
    assert sample["conversation"][-1]["text"] == "None"
