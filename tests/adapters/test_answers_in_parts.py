"""Lists that are one answer in parts: of questions about tables, also where parts repeat or are sentences."""

import json
from pathlib import Path
from typing import Any

import pytest
from normalised import normalised

LONG = ["Taxation", "Dividends received from associates and investments", "Interest received and paid"]
TOLD: dict[str, tuple[list[object], str]] = {
    "sentences": (LONG, ", ".join(LONG)), "repeats": (["men", "men", "women"], "men, men, women"),
    "numbers": ([2.0, 2.0, 1.0], "2, 2, 1"), "one": (["Stone"], "Stone"),
}  # fmt: skip


def tatqa(parts: list[object]) -> dict[str, Any]:
    question = {"uid": "q", "order": 1, "question": "Which?", "answer": parts, "derivation": "", "scale": ""}
    table = {"uid": "t", "table": [["Town", "People"], ["Stone", "1"]]}
    return {"tatqa_dataset_train.json": [{"table": table, "paragraphs": [], "questions": [question]}]}


def sqa(parts: list[object]) -> dict[str, Any]:
    head = "id\tannotator\tposition\tquestion\ttable_file\tanswer_coordinates\tanswer_text\n"
    row = f"nt-1\t0\t0\tWhich?\ttable_csv/203_1.csv\t['(0, 0)']\t{[str(part) for part in parts]!r}\n"
    return {"train.tsv": head + row, "table_csv/203_1.csv": "Town,People\nStone,1\n"}


def hitab(parts: list[object]) -> dict[str, Any]:
    asked = {"id": "q", "table_id": "7", "question": "Which?", "answer": parts, "table_source": "statcan"}
    table = {"texts": [["Town", "People"], ["Stone", "1"]], "title": "Towns"}
    return {"data/train_samples.jsonl": json.dumps(asked), "data/tables/raw/7.json": table}


@pytest.mark.parametrize("case", TOLD)
@pytest.mark.parametrize(
    ("source", "files"),
    [("tat_qa", tatqa), ("robut_sqa_cauldron", sqa), ("hitab_cauldron_llava_format", hitab)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_part_is_told(tmp_path: Path, case: str, source: str, files: Any):  # noqa: ANN401 - a function
    parts, told = TOLD[case]
    if source == "robut_sqa_cauldron" and case == "numbers":
        told = "2.0, 2.0, 1.0"  # SQA's cells are text
    (sample,) = (row["sample"] for row in normalised(tmp_path, source, files(parts)) if row["sample"])
    assert [turn["text"] for turn in sample["conversation"]][-1] == told
    assert sample["gold_answer"] == (None if case == "sentences" else told)  # more words than a gold answer has
