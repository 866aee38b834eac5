"""Publishers' repositories copied whole into a source's folder: what the catalogue declares is found deeper."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from normalised import normalised

from jobs.normalise.plan import plan_sources
from schemas.config import Storage
from schemas.source import packaged_sources

HITAB = {"table_id": "9", "table_source": "x", "question": "How many?", "answer": [1], "id": "h"}
SCREEN = {"image_id": 1, "question": "How many?", "ground_truth": [{"full_answer": "There are three."}]}
FILED = {"pre_text": ["a"], "post_text": [], "table": [["x"]], "qa": {"question": "?", "answer": "1"}, "id": "f"}
ASKED = {"q_uid": "u0", "question": "Why?", **{f"option {at}": f"It is {at}." for at in range(5)}}
PROBLEM = {"question": "How many?", "choices": None, "answer": "3", "unit": None, "table": "a | b", "solution": "So."}
NAMES = {f"u{at}": f"https://x/{at}" for at in range(12)}

REPOSITORIES: Mapping[str, tuple[str, Mapping[str, Any], str, str]] = {
    "tables beside questions": (
        "hitab_cauldron_llava_format",
        {
            "HiTab/data/train_samples.jsonl": json.dumps(HITAB),
            "HiTab/data/tables/raw/9.json": {"title": "t", "texts": [["", "a"], ["b", "1"]]},
            "HiTab/data/tables/hmt/9.json": {"title": "t", "top_root": {}},
        },
        "HiTab/data/train_samples.jsonl", "1",
    ),
    "one of three sets of answers": (
        "screenqa",
        {
            "screen_qa/answers_and_bboxes/train.json": [SCREEN],
            "screen_qa/short_answers/test.json": [{**SCREEN, "ground_truth": ["3"]}],
        },
        "screen_qa/answers_and_bboxes/train.json", "There are three.",
    ),
    "predictions beside the data": (
        "finqa", {"FinQA/dataset/train.json": [FILED], "FinQA/code/p.json": [{"id": "x", "predicted": ["add("]}]},
        "FinQA/dataset/train.json", "1",
    ),
    "results of a model beside the problems": (
        "tabmwp_cauldron",
        {
            "PromptPG/data/tabmwp/problems_train.json": {"1": PROBLEM, "2": PROBLEM},
            "PromptPG/results/gpt3/exp1.json": {"acc": 57, "results": {"1": {"prompt": "?", "answer": "9"}}},
        },
        "PromptPG/data/tabmwp/problems_train.json", "So.\nAnswer: 3",
    ),
    "links beside the answers": (
        "egoschema",
        {"E/questions.json": [ASKED], "E/subset_answers.json": {"u0": 2, "u1": 0}, "E/uid_to_url.json": NAMES},
        "E/questions.json", "C. It is 2.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("folder", ["", "TAT-QA-master/"])
def test_copies_of_the_same_questions_are_told_and_not_read(tmp_path: Path, folder: str):
    asked = {"uid": "q", "order": 1, "question": "How much?", "answer": ["4"], "derivation": "", "scale": ""}
    report = {"table": {"uid": "t", "table": [["a", "4"]]}, "paragraphs": [], "questions": [asked]}
    mapped = {**report, "questions": [{**asked, "facts": ["4"], "mapping": {"table": [[0, 1]]}}]}
    copy = f"{folder}dataset_tagop/tatqa_dataset_train.json"
    found = normalised(tmp_path, "tat_qa", {f"{folder}dataset_raw/tatqa_dataset_train.json": [report], copy: [mapped]})
    (sample,) = [row["sample"] for row in found if row["sample"]]
    assert sample["origin"]["file"] == f"{folder}dataset_raw/tatqa_dataset_train.json"
    plan = plan_sources([packaged_sources()["tat_qa"]], Storage(sources_root=str(tmp_path)))
    assert plan.unread["tat_qa"] == {
        copy: "it holds the questions of dataset_raw again, with what the publisher's model needs"
    }


@pytest.mark.parametrize(
    ("file", "held", "told"),
    [
        (
            "cc_sbu_align/filter_cap.json",
            {"image_id": "12", "caption": "A dog."},
            "MiniGPT-4's and no tasks; a catalogue",
        ),
        ("train_2017_task_evaluation.json", {"image_id": 9, "bbox": [1, 1, 2, 2]}, "boxes for evaluation"),
    ],
)
@pytest.mark.parametrize("tasks", ["coco/coco_task_annotation.json", "coco/train_2017_task_tuning.json"])
def test_other_files_of_detgpt_say_what_they_are(tmp_path: Path, tasks: str, file: str, held: object, told: str):
    task = {"image_id": "000000000009", "task": "Find food.", "answer": "Therefore the answer is: [broccoli]"}
    found = normalised(tmp_path, "detgpt", {tasks: {"annotations": [task]}, file: {"annotations": [held]}})
    assert [row["sample"]["origin"]["file"] for row in found if row["sample"]] == [tasks]
    plan = plan_sources([packaged_sources()["detgpt"]], Storage(sources_root=str(tmp_path)))
    unread = dict(plan.unread["detgpt"])
    assert told in unread.pop(file)
    assert unread == {}


def test_other_splits_of_the_same_statements_are_told_and_not_read(tmp_path: Path):
    said = {"image": "000000000009.jpg", "image_link": "u", "caption": "It is so.", "label": 1, "relation": "in"}
    names = ["splits/zeroshot/train", "splits/random/train", "data_files/all_vsr_validated_data"]
    files = {f"visual-spatial-reasoning/data/{name}.jsonl": json.dumps(said) for name in names}
    name = "vsr_cauldron_llava_format"
    read = [row["sample"]["origin"]["file"] for row in normalised(tmp_path, name, files) if row["sample"]]
    assert read == ["visual-spatial-reasoning/data/splits/zeroshot/train.jsonl"]
    unread = plan_sources([packaged_sources()[name]], Storage(sources_root=str(tmp_path))).unread[name]
    assert [why.partition(" the statements")[0] for why in unread.values()] == ["it holds", "it splits"]


@pytest.mark.parametrize("name", ["coco_caption_train", "mscoco"])
def test_pictures_of_an_archive_that_holds_two_splits_are_of_their_own(tmp_path: Path, name: str):
    image = {"id": 9, "file_name": "000000000009.jpg", "width": 9, "height": 9}
    captions = {"images": [image], "annotations": [{"id": 1, "image_id": 9, "caption": "A cup."}]}
    box = {"id": 1, "image_id": 9, "bbox": [0, 0, 5, 5], "category_id": 1, "iscrowd": 0}
    boxes = {"images": [image], "annotations": [box], "categories": [{"id": 1, "name": "cup"}]}
    held = {"captions_train2017.json": captions, "instances_train2017.json": boxes, "instances_val2017.json": boxes}
    archive = {f"annotations/{file}": content for file, content in held.items()}
    found = normalised(tmp_path, name, {"annotations_trainval2017.zip": archive})
    shown = {place for row in found if row["sample"] for place in row["sample"]["media"]}
    splits = ("train2017",) if name == "coco_caption_train" else ("train2017", "val2017")
    assert shown == {f"absent:{split}/000000000009.jpg" for split in splits}


def test_questions_of_a_challenge_stay_unread(tmp_path: Path):
    asked = {"1": {"question": "Is it?", "imageId": "n9", "answer": "yes"}}
    blind = {"1": {"question": "Is it?", "imageId": "n9"}}
    files = {"train_balanced_questions.json": asked, "submission_all_questions.json": blind}
    found = normalised(tmp_path, "gqa", {"questions1.2.zip": files})
    assert [row["sample"]["gold_answer"] for row in found if row["sample"]] == ["yes"]
    assert not any(row["reject"] for row in found)


@pytest.mark.parametrize(
    ("name", "read"), [("lrv_chart", "chart_release_update"), ("lrv_normal_filtered", "filter_cap")]
)
def test_both_parts_of_lrv_lie_side_by_side(tmp_path: Path, name: str, read: str):
    asked = [{"image_id": "1", "question": "Is it?", "answer": "It is.", "task": "t"}]
    found = normalised(tmp_path, name, {"chart_release_update.json": asked, "filter_cap.json": asked})
    assert [row["sample"]["origin"]["file"] for row in found if row["sample"]] == [f"{read}.json"]


@pytest.mark.parametrize("split", ["train", "val"])
def test_coco_captions_of_both_years_are_read_once(tmp_path: Path, split: str):
    said = [{"image_id": 9, "id": 1, "caption": "A cat."}]
    names = {"2014": f"COCO_{split}2014_000000000009.jpg", "2017": "000000000009.jpg"}
    files = {
        f"annotations/captions_{split}{year}.json": {"images": [{"id": 9, "file_name": file}], "annotations": said}
        for year, file in names.items()
    }
    found = [row["sample"] for row in normalised(tmp_path, f"coco_caption_{split}", files) if row["sample"]]
    assert [sample["origin"]["file"] for sample in found] == [f"annotations/captions_{split}2017.json"]


def test_a_copy_that_lies_alone_is_read(tmp_path: Path):
    asked = {"uid": "q", "order": 1, "question": "How much?", "answer": ["4"], "derivation": "", "scale": ""}
    report = {"table": {"uid": "t", "table": [["a", "4"]]}, "paragraphs": [], "questions": [asked]}
    found = normalised(tmp_path, "tat_qa", {"dataset_tagop/tatqa_dataset_train.json": [report]})
    assert [row["sample"]["conversation"][-1]["text"] for row in found if row["sample"]] == ["4"]


@pytest.mark.parametrize(("name", "files", "file", "answer"), REPOSITORIES.values(), ids=REPOSITORIES)
def test_a_repository(tmp_path: Path, name: str, files: Mapping[str, Any], file: str, answer: str):
    found = normalised(tmp_path, name, files)
    told = {(at["origin"]["file"], at["conversation"][-1]["text"]) for row in found if (at := row["sample"])}
    assert told == {(file, answer)}
    assert {row["reject"]["drop_reason"] for row in found if row["reject"]} <= {"orphan_annotation"}
