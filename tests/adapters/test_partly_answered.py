"""Publishers' ids under the names that they go by, and records of which a question lacks its answer."""

from typing import Any

import pytest
from drafting import draft_of, fields, reason_of, said

from schemas.enums import DropReason

PAGE = {"table": {"uid": "t", "table": [["a", "1"]]}, "paragraphs": []}
NAMED: dict[str, tuple[str, dict[str, Any], str]] = {
    "viquae": ("flat_qa_json", {"image": "a.jpg", "question": "?", "answer": "x", "meerqat_id": "a3"}, "a3"),
    "clevr": ("clevr_json", {"image_filename": "a.png", "question": "?", "answer": "x", "question_index": 17}, "17"),
    "textcaps": ("textcaps_json", {"image_id": "0a", "caption_str": "A.", "caption_id": 4}, "4"),
    "ai2d": ("ai2d_json", {"_path": "q/0.png.json", "imageName": "0.png", "questions": {
        "What?": {"answerTexts": ["x", "y"], "correctAnswer": 1},
    }}, "0.png"),
    "ai2d, a question a record": (
        "ai2d_json", {"_key": "What?", "answerTexts": ["x", "y"], "correctAnswer": 1, "questionId": "0-0"}, "0-0"
    ),
    "pmc-vqa": ("pmcvqa_csv", {"index": "0", "Figure_path": "a.jpg", "Question": "?", "Answer": "x"}, "0"),
    "screen2words": ("screen2words_csv", {"screenId": "6", "summary": "a menu"}, "6"),
    "no id but something under its name": ("flat_qa_json", {
        "image": "a.jpg", "question": "?", "answer": "x", "id": {"$oid": "1"}, "qid": 5.0,
    }, "5"),
}  # fmt: skip


@pytest.mark.parametrize(("family", "record", "named"), NAMED.values(), ids=NAMED)
def test_ids_of_publishers(family: str, record: dict[str, Any], named: str):
    assert draft_of(family, record).original_id == named


def test_a_source_names_its_ids():
    record = {"image": "a.jpg", "question": "?", "answers": ["x"]}
    assert draft_of("flat_qa_json", record, reading=fields(id=("question_id", "image"))).original_id == "a.jpg"


def test_questions_without_answers_are_left_out_and_noted():
    asked = [{"question": "One?", "answer": ""}, {"question": "Two?", "answer": "5"}]
    draft = draft_of("tatqa_json", {**PAGE, "questions": asked})
    assert said(draft) == ["a | 1\n\nTwo?", "5"]
    assert draft.gold_answer == "5"
    assert draft.notes
    assert draft.notes.startswith("left out: 1 of 2 questions, no_answer: ")
    seen = [
        {"question": "One?", "answer": "Green."},
        {"question": "Two?", "answer": ""},
        {"question": "", "answer": "a"},
    ]
    draft = draft_of("visual_genome_json", {"id": 1, "qas": seen})
    assert said(draft) == ["<image>\nOne?", "Green."]
    assert (draft.notes or "").startswith("left out: 2 of 3 questions")


@pytest.mark.parametrize("asked", [[{"question": "One?", "answer": ""}], [{"question": "One?", "answer": None}] * 2])
def test_a_record_without_any_answer_is_a_reject(asked: list[dict[str, Any]]):
    assert reason_of("tatqa_json", {**PAGE, "questions": asked}) is DropReason.NO_ANSWER
