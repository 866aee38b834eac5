"""Gaps in publishers' records that another of their fields, or another place, closes."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from drafting import draft_of, reason_of
from normalised import normalised, staged
from publishing import picture

from schemas.config import Media, Storage
from schemas.enums import DropReason
from schemas.source import packaged_sources

LINES = [{"BlockType": "LINE", "Text": "Hello world", "Confidence": 99.1}, {"BlockType": "LINE", "Text": "2 of 3"}]
PAGE = {"PAGE": [{"BlockType": "PAGE"}], "LINE": LINES, "WORD": [{"Text": "Hello"}]}


@pytest.mark.parametrize("ocr", [PAGE, json.dumps(PAGE), [json.dumps(PAGE)], json.dumps([json.dumps(PAGE)])])
def test_pages_as_textract_writes_them_are_read_line_by_line(ocr: object):
    draft = draft_of("flat_qa_json", {"image": "a.jpg", "question": "What?", "answer": "x", "ocr": ocr})
    assert draft.evidence
    assert (draft.evidence.kind, draft.evidence.text) == ("ocr", "Hello world\n2 of 3")


@pytest.mark.parametrize("ocr", ["LINE 1 of a text", '{"LINE": 5}', '{"LINE": broken'])
def test_other_texts_stay_as_they_are(ocr: str):
    draft = draft_of("flat_qa_json", {"image": "a.jpg", "question": "What?", "answer": "x", "ocr": ocr})
    assert draft.evidence
    assert draft.evidence.text == ocr


@pytest.mark.parametrize(
    "report",
    [
        {"pre_text": [], "post_text": None, "table": None, "qa": {"question": "How much?", "answer": "1"}},
        {"pre_text": ["."], "post_text": [], "table": [], "qa": {"question": "How much?", "answer": "1"}},
    ],
)
def test_reports_that_say_nothing_are_rejects(report: dict[str, Any]):
    assert reason_of("finqa_json", report) is DropReason.MISSING_FIELD
    asked = {"table": {"table": []}, "paragraphs": [], "questions": [{"question": "How much?", "answer": "1"}]}
    assert reason_of("tatqa_json", asked) is DropReason.MISSING_FIELD


def test_an_answer_in_other_words_where_the_original_is_empty(tmp_path: Path):
    output = {"original_answer": "", "answer": ["Rush Hour", "rush hour (film)"], "provenance": []}
    asked = {"image": "a.jpg", "input": "In which film?", "output": output}
    found = normalised(tmp_path, "viquae", {"train.jsonl": json.dumps(asked)})
    assert [row["sample"]["gold_answer"] for row in found if row["sample"]] == ["Rush Hour"]


@pytest.mark.parametrize("folder", ["images/", ""])
def test_pictures_of_scienceqa_lie_by_split_and_number(tmp_path: Path, folder: str):
    asked = {"question": "How many?", "choices": ["1", "2"], "answer": 1, "hint": "", "image": "image.png"}
    problem = {**asked, "lecture": "", "solution": "", "split": "train"}
    pictures = {f"{folder}{place}/image.png": picture(at) for at, place in enumerate(("val/7", "train/6", "train/7"))}
    normalised(tmp_path, "scienceqa_nona_context", {"problems.json": {"7": problem}, **pictures})
    source = packaged_sources()["scienceqa_nona_context"]
    found = staged(source, Storage(sources_root=str(tmp_path)), Media())
    shown = [medium for row in found if row["sample"] for medium in row["sample"]["media"]]
    assert shown == [sha256(picture(2)).hexdigest()]


@pytest.mark.parametrize("nothing", [None, "None"])
def test_two_wordings_in_the_hubs_copy_of_videochatgpt(tmp_path: Path, nothing: str | None):
    named = {"video_name": "v_1", "answer": "A boy."}
    rows = {
        "Generic/test-0.parquet": {"question": "Who?", "question_1": nothing, "question_2": nothing},
        "Consistency/test-0.parquet": {"question": nothing, "question_1": "Who is it?", "question_2": "Who dances?"},
    }
    found = normalised(tmp_path, "videochatgpt", {file: [{**named, **row}] for file, row in rows.items()})
    assert not any(row["reject"] for row in found)
    said = {s["origin"]["file"]: [turn["text"] for turn in s["conversation"]] for r in found if (s := r["sample"])}
    assert said == {
        "Generic/test-0.parquet": ["<video>\nWho?", "A boy."],
        "Consistency/test-0.parquet": ["<video>\nWho is it?", "A boy.", "Who dances?", "A boy."],
    }


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        (["<no answer>", "<no answer>"], None),
        (["<no answer>", "<no answer>", "At 5 pm."], None),
        (["<no answer>", "At 5 pm."], "At 5 pm."),
        (["No, it is not."], "No, it is not."),
    ],
)
@pytest.mark.parametrize("short", [False, True])
def test_screens_that_hold_no_answer(tmp_path: Path, said: list[str], taken: str | None, short: bool):
    truth = said if short else [{"full_answer": one, "ui_elements": []} for one in said]
    asked = {"image_id": "7", "image_width": 9, "image_height": 9, "question": "When?", "ground_truth": truth}
    file = "short_answers/train.json" if short else "answers_and_bboxes/train.json"
    found = normalised(tmp_path, "screenqa", {file: [asked]})
    samples, rejects = ([row[name] for row in found if row[name]] for name in ("sample", "reject"))
    assert [sample["conversation"][1]["text"] for sample in samples] == ([taken] if taken else [])
    assert [reject["drop_reason"] for reject in rejects] == ([] if taken else ["no_answer"])
