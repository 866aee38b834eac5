"""What is written in a picture, in a file of its own beside it, becomes evidence of each question about the picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from normalised import Row, normalised


def document(number: int, image: str, **more: object) -> Row:
    asked = {"questionId": number, "question": f"What is {number}?", "image": f"documents/{image}.png"}
    return {**asked, "ucsf_document_id": "x", "answers": ["a"], "data_split": "train", **more}


def infographic(number: int, image: str) -> Row:
    asked = {"questionId": number, "question": f"What is {number}?", "image_local_name": f"{image}.jpeg"}
    return {**asked, "ocr_output_file": f"{image}.json", "answers": ["a"]}


def page(*lines: str) -> Row:
    told = [{"boundingBox": [1, 2], "text": line, "words": [{"text": line}]} for line in lines]
    return {"status": "Succeeded", "recognitionResults": [{"page": 1, "lines": told}]}


def blocks(*lines: str) -> Row:
    return {"PAGE": [{}], "LINE": [{"Text": line} for line in lines], "WORD": [{"Text": "w"}]}


CHARTS = [{"imgname": f"two_col_{at}.png", "query": f"What is {at}?", "label": "4"} for at in (1, 2)]
CASES: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    "tables of ChartQA": ("chartqa_cauldron_llava_format", {
        "ChartQA Dataset/train/train_human.json": CHARTS, "ChartQA Dataset/train/train_augmented.json": CHARTS[:1],
        "ChartQA Dataset/train/tables/two_col_1.csv": "Year,Sales\n2019,4\n",
        "ChartQA Dataset/train/tables/two_col_3.csv": "Year,Sales\n2020,5\n",
        **{f"ChartQA Dataset/train/png/two_col_{at}.png": b"" for at in (1, 2, 3)},
    }, "table: Year | Sales\n2019 | 4"),
    "what Microsoft reads in DocVQA": ("docvqa_llava", {
        "train/train_v1.0.json": {"data": [document(1, "p_1"), document(2, "p_2"), document(3, "p_1")]},
        "train/ocr_results/p_1.json": page("Dear Sir,", "Yours"), "train/ocr_results/p_3.json": page("x"),
        **{f"train/documents/p_{at}.png": b"" for at in (1, 2, 3)},
    }, "ocr: Dear Sir,\nYours"),
    "what Amazon reads in InfographicVQA": ("infographicvqa", {
        "infographicsVQA_train_v1.0.json": {"data": [infographic(1, "7"), infographic(2, "8"), infographic(3, "7")]},
        "infographicsVQA_ocr/7.json": blocks("Sales", "rise"), "infographicsVQA_ocr/9.json": blocks("x"),
        **{f"infographicsVQA_images/{at}.jpeg": b"" for at in (7, 8, 9)},
    }, "ocr: Sales\nrise"),
}  # fmt: skip


@pytest.mark.parametrize("opened", [1, 500])
@pytest.mark.parametrize("name", CASES)
def test_questions_find_it_and_what_nobody_asks_about_is_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, opened: int
):
    monkeypatch.setattr("jobs.normalise.survey._OPENED", opened)  # folders of more files are read as they look
    source, files, told = CASES[name]
    rows = normalised(tmp_path, source, files)
    assert [row["reject"] for row in rows if row["reject"]] == []
    samples = [row["sample"] for row in rows if row["sample"]]
    assert sorted(
        (sample["conversation"][0]["text"][-2:-1] != "2", f"{sample['evidence_kind']}: {sample['evidence']}")
        for sample in samples
    ) == [(False, "None: None"), (True, told), (True, told)]
