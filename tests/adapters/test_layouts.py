"""Publishers' folders as their own loaders read them, made small, through the whole pass."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from normalised import normalised, places

from schemas.source import Selector
from udfs.adapters.fields import belongs

PIXELS = {"bytes": b"\x89PNG\r\n\x1a\n", "path": None}
Files = Mapping[str, Any]


def lines(*records: Mapping[str, Any]) -> str:
    return "\n".join(json.dumps(record) for record in records)


FIGUREQA = {
    "question_string": "Is Teal the maximum?", "answer": 1, "color1_id": 2, "color1_name": "Teal", "color2_id": -1,
    "color2_name": "--None--", "image_index": 3, "question_id": 0,
}  # fmt: skip
PLOTQA = {"image_index": 0, "qid": "7", "question_string": "How high?", "answer": 12.5, "template": "reasoning"}
PLOT = {"image_index": 0, "type": "line", "models": [], "general_figure_info": {}}
STVQA = {
    "file_path": "coco-text/a.jpg", "file_name": "a.jpg", "question": "What does it say?", "question_id": 1,
    "answers": ["stop"], "dataset": "coco-text", "set_name": "train",
}  # fmt: skip
TEXTCAPS = {
    "image_id": "ab", "image_name": "ab", "image_path": "train/ab.jpg", "caption_str": "a red book", "caption_id": 1,
    "image_classes": ["Book"], "set_name": "train", "reference_strs": ["a red book", "a book"],
}  # fmt: skip
AI2D = {"abcLabel": False, "answerTexts": ["sun", "moon"], "correctAnswer": 1, "questionId": "0.png-0"}
EGO = {"google_drive_id": "g", "question": "Why?", **{f"option {at}": f"C does {at}." for at in range(5)}}
ASKED = [{"q_uid": f"u{at}", **EGO} for at in range(10)]
CGD = {"instruction": "What differs?", "answer": "A dog.", "image_ids": ["CGD_IMG_1", "CGD_IMG_2"], "rel_ins_ids": []}
SCREEN = {"image_id": 7, "question": "Which year?"}
GEOMVERSE = {"image_path": "images/0.jpeg", "question": "How long is AB?", "cot": "It is 2.", "label": 2.5, "tikz": "x"}
OODCV = {
    "image": "phase-1/car.jpg", "question": "Is there a car?", "answer": "A", "text_answer": "yes", "situation": "rain",
    "options": ["(A) yes", "(B) no"],
}  # fmt: skip

GEOQA = {
    "image": "g.png", "English_problem": "AB is N_0, AC is N_1.", "numbers": [3, 4.5], "choices": ["3", "4"],
    "choice_nums": [3, 4], "label": 1, "subject": "A",
}  # fmt: skip

Layouts = Mapping[str, tuple[str, Files, list[str], list[str]]]
LAYOUTS: Layouts = {
    "figureqa": (
        "figureqa_mathv360k",
        {
            "train1/qa_pairs.json": {"qa_pairs": [FIGUREQA, {**FIGUREQA, "answer": 0}]},
            "train1/annotations.json": [PLOT],
        },
        ["train1/png/3.png"] * 2, ["Yes", "No"],
    ),
    "plotqa, with a capital V": (
        "plotqa", {"train/qa_pairs_V1.json": {"qa_pairs": [PLOTQA]}, "train/annotations.json": [PLOT]},
        ["train/png/0.png"], ["12.5"],
    ),
    "st-vqa": ("st_vqa_cauldron_llava_format", {"train_task_3.json": {"data": [STVQA]}}, ["coco-text/a.jpg"], ["stop"]),
    "textcaps": (
        "textcaps", {"TextCaps_0.1_train.json": {"data": [TEXTCAPS]}}, ["train_images/ab.jpg"], ["a red book"],
    ),
    "ai2d, a file": (
        "ai2d_gpt4v", {"questions/0.png.json": {"imageName": "0.png", "questions": {"Which one?": AI2D}}},
        ["images/0.png"], ["B. moon"],
    ),
    "ai2d, a folder": (
        "ai2d_gpt4v",
        {
            f"ai2d/questions/{at}.png.json": {"imageName": f"{at}.png", "questions": {"Which one?": AI2D, "And?": AI2D}}
            for at in range(3)
        },
        [f"ai2d/images/{at}.png" for at in range(3)], ["B. moon"] * 3,
    ),
    "hateful memes": (
        "hatefulmemes_cauldron_llava_format",
        {"train.jsonl": lines({"id": 1, "img": "img/1.png", "label": 1, "text": "a"})}, ["img/1.png"], ["Yes"],
    ),
    "screen2words": (
        "screen2words_cauldron", {"screen_summaries.csv": 'screenId,summary\n5,"login, first step"\n'},
        ["combined/5.jpg"], ["login, first step"],
    ),
    "screenqa": (
        "screenqa", {"answers_and_bboxes/train.json": [{**SCREEN, "ground_truth": [{"full_answer": "It is 2016."}]}]},
        ["combined/7.jpg"], ["It is 2016."],
    ),
    "screenqa, short": (
        "screenqa", {"short_answers/test.json": [{**SCREEN, "ground_truth": ["2016", "in 2016"]}]},
        ["combined/7.jpg"], ["2016"],
    ),
    "diagrams": (
        "diagram_image_to_text_cauldron", {"data/train.parquet": [{"image": PIXELS, "text": "A --> B"}]},
        ["embedded"], ["A --> B"],
    ),
    "descriptions": (
        "image_textualization_filtered",
        {"image-textualization-data/image-textualization-coco-50k-llava.jsonl": lines(
            {"image": "a.jpg", "question": "What is there?", "description": "A long one."},
            {"image": "b.jpg", "description": "Another one."},
        )},
        ["a.jpg", "b.jpg"], ["A long one.", "Another one."],
    ),
    "egoschema": (
        "egoschema", {"questions.json": ASKED, "subset_answers.json": {f"u{at}": at % 5 for at in range(10)}},
        [f"u{at}.mp4" for at in range(10)], [f"{'ABCDE'[at % 5]}. C does {at % 5}." for at in range(10)],
    ),
    "mimic-it, with its list of shots": (
        "mimic_cgd",
        {"CGD_instructions.json": {"meta": {}, "data": {"I0": CGD, "I1": CGD}}, "CGD_train.json": {"I0": []}},
        ["CGD_IMG_1", "CGD_IMG_2"] * 2, ["A dog."] * 2,
    ),
    "geomverse": (
        "geomverse_cauldron", {"D2/data.jsonl": lines(GEOMVERSE)}, ["images/0.jpeg"], ["It is 2.\nAnswer: 2.5"],
    ),
    "macaw": (
        "macaw_llm",
        {"data/generated_examples_coco.json": {"data": [{"id": "c.jpg", "instruction": "Q?", "response": "A"}]}},
        ["c.jpg"], ["A"],
    ),
    "macaw, with its pictures named": (
        "macaw_llm",
        {"data/generated_examples_coco.json": {"data": [
            {"id": 7, "image": "train2014/c.jpg", "instruction": "Q?", "response": "A"},
            {"id": "d.jpg", "image": None, "instruction": "Q?", "response": "B"},
        ]}},
        ["train2014/c.jpg", "d.jpg"], ["A", "B"],
    ),
    "textcaps, the hub's": (
        "textcaps",
        {"data/train.parquet": [{"question": "Q", "image": PIXELS, "image_id": "ab", "caption_str": ["a book", "b"]}]},
        ["embedded"] * 2, ["a book", "b"],
    ),
    "screen2words, the hub's": (
        "screen2words_cauldron", {"data/test.parquet": [{"screenId": 5, "image": PIXELS, "captions": ["login", "b"]}]},
        ["embedded"] * 2, ["login", "b"],
    ),
    "ocr-vqa, the hub's": (
        "ocr_vqa",
        {"data/train.parquet": [{"image": PIXELS, "questions": ["Who?", "When?"], "answers": ["He", "1999"]}]},
        ["embedded"], ["1999"],
    ),
    "chart-to-text, the hub's": (
        "chart2text_cauldron",
        {"data/train.parquet": [{"title": "T", "image": PIXELS, "caption": "One. Two.", "first_caption": "One."}]},
        ["embedded"], ["One."],
    ),
    "geoqa": (
        "geoqa_plus_mathv360k",
        {"train.json": [GEOQA, {**GEOQA, "English_problem": "AB is N_0, not N_3.", "answer": "It follows."}]},
        ["g.png"] * 2, ["B. 4", "B. 4"],
    ),
    "pathvqa, scored": (
        "pathvqa", {"qas/train_vqa.pkl": [{"img_id": "train_04", "sent": "Where?", "label": {"here": 1}}]},
        ["images/train/train_04.jpg"], ["here"],
    ),
    "ood-cv": ("oodvqa", {"ood/oodcv-vqa/oodcv-vqa.json": [OODCV]}, ["phase-1/car.jpg"], ["A. yes"]),
}  # fmt: skip


@pytest.mark.parametrize(("name", "files", "media", "answers"), LAYOUTS.values(), ids=LAYOUTS)
def test_a_publishers_folder(tmp_path: Path, name: str, files: Files, media: list[str], answers: list[str]):
    found = normalised(tmp_path, name, files)
    assert [row["reject"] for row in found if row["reject"]] == []
    samples = [row["sample"] for row in found if row["sample"]]
    assert [sample["conversation"][-1]["text"] for sample in samples] == answers
    assert [place for sample in samples for place in places(sample["media"])] == media


def test_the_numbers_of_a_problem_go_into_its_text(tmp_path: Path):
    found = normalised(tmp_path, "geoqa_plus_mathv360k", LAYOUTS["geoqa"][1])
    asked = [row["sample"]["conversation"][0]["text"].split("\n")[1] for row in found if row["sample"]]
    assert asked == ["AB is 3, AC is 4.5.", "AB is 3, not N_3."]


@pytest.mark.parametrize("count", [1, 3, 10])
@pytest.mark.parametrize("named", [True, False])
def test_questions_by_q_uid(tmp_path: Path, count: int, named: bool):
    asked = {one["q_uid"]: one if named else EGO for one in ASKED[:count]}
    answers = {one["q_uid"]: at % 5 for at, one in enumerate(ASKED)}
    told = {name: {**one, "truth": answers[name]} for name, one in asked.items()}
    two, one = {"questions.json": asked, "subset_answers.json": answers}, {"subset_anno.json": told}
    for at, files in enumerate((two, one)):
        found = normalised(tmp_path / str(at), "egoschema", files)
        shown = [(sample["media"], sample["gold_answer"]) for row in found if (sample := row["sample"])]
        assert sorted(shown) == sorted(
            ([f"absent:{name}.mp4"], "ABCDE"[right]) for name, right in [*answers.items()][:count]
        )


def test_questions_whose_answers_are_not_public_say_so(tmp_path: Path):
    files = {"questions.json": ASKED, "subset_answers.json": {f"u{at}": 0 for at in range(1, 11)}}
    found = [row["reject"] for row in normalised(tmp_path, "egoschema", files) if row["reject"]]
    assert {(one["drop_reason"], one["detail"].rpartition(" ")[2]) for one in found} == {
        ("orphan_question", "u0"), ("orphan_annotation", "u10"),
    }  # fmt: skip


@pytest.mark.parametrize(("written", "named"), [
    ("RAVEN", "raven"), ("hq_edit", "HQ-Edit"), ("co-instruct", "coinstruct"), ("IconQA", "iconqa"),
])  # fmt: skip
def test_members_of_a_collection_are_found_in_any_spelling(written: str, named: str):
    select = Selector(field="metadata.dataset", values=(named,))
    assert belongs({"metadata": {"dataset": written}}, select)
    assert not belongs({"metadata": {"dataset": f"{written}2"}}, select)
