"""What lies beside a source's records and says the same again, or something else: it stays unread with the reason."""

import io
import json
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from normalised import normalised
from publishing import picture

from jobs.normalise.plan import ARCHIVE, plan_sources
from schemas.config import Storage
from schemas.source import packaged_sources

Files = Mapping[str, Any]
PLACE = {"image_filename": "CLEVR_train_000000.png", "image_index": 0, "split": "train", "question_index": 0}
SUM = {"questions": [{**PLACE, "question": "Subtract all. How many?", "answer": 3}]}
SCENE = {"image_filename": "CLEVR_train_000000.png", "image_index": 0, "objects": []}
CLEVR_QUESTIONS = {"questions": [{**PLACE, "question": "Any?", "answer": "no"}]}
CLEVR = {
    "CLEVR_v1.0/images/train/CLEVR_train_000000.png": picture(1),
    "CLEVR_v1.0/questions/CLEVR_train_questions.json": CLEVR_QUESTIONS,
    "CLEVR_v1.0/scenes/CLEVR_train_scenes.json": {"scenes": [SCENE]},
}
LINE = "a01-000u-00 ok 154 19 408 746 1661 89 A|MOVE\n"
WORD = "a01-000u-00-00 ok 154 408 768 27 51 AT A\n"
ASKED = [{"image": "train_0422", "question": "Where are they?", "answer": "In the canals."}]
LABELLED = [{"img_id": "train_0422", "question_id": 1, "sent": "Where are they?", "label": {"in canals": 1}}]
PIXELS = {"bytes": b"\x89PNG\r\n\x1a\n", "path": None}
TWO = {"sentence": "Two dogs.", "left_url": "a", "right_url": "b", "label": "True", "identifier": "dev-1-0-0"}

BESIDE: Mapping[str, tuple[str, Files, str, dict[str, str]]] = {
    "pictures' own questions": (
        "clevr_math_mathv360k", {"clevr-math-train.json": SUM, **CLEVR}, "3",
        {"CLEVR_train_questions.json": "CLEVR's own questions", "CLEVR_train_scenes.json": "CLEVR's scenes"},
    ),
    "pictures' own questions, in archives": (
        "clevr_math_mathv360k",
        {"data/clevr-math.zip": {"clevr-math-train.json": SUM}, "CLEVR_v1.0.zip": CLEVR}, "3",
        {"CLEVR_train_questions.json": "CLEVR's own questions", "CLEVR_train_scenes.json": "CLEVR's scenes"},
    ),
    "a sample of the videos": (
        "llava_video_perceptiontest",
        {
            f"{file}.json": {"video_1": {"metadata": {"split": "train"}, "mc_question": [
                {"id": 0, "question": "Where is it?", "options": ["left", "right", "nowhere"], "answer_id": 1}
            ]}} for file in ("all_train", "sample")
        },
        "B. right", {"sample.json": "it repeats videos"},
    ),
    "words of lines": (
        "iam_cauldron", {"ascii/lines.txt": LINE, "ascii/words.txt": WORD}, "A MOVE", {"words.txt": "word by word"}
    ),
    "answers for a classifier": (
        "pathvqa", {"pvqa/qas/train/train_qa.pkl": ASKED, "pvqa/qas/train_vqa.pkl": LABELLED}, "In the canals.",
        {"train_vqa.pkl": "for a classifier"},
    ),
    "part of the questions once more": (
        "sketchyvqa",
        {
            "ood/sketchy-vqa/sketchy-vqa.json": [{"image": "cat/1.png", "question": "Is this a cat?", "answer": "yes"}],
            "gpt4v_challenging_set/sketchy-vqa-challenging.json": [{"image": "1.png", "question": "?", "answer": "no"}],
        },
        "yes", {"sketchy-vqa-challenging.json": "again"},
    ),
    "tests named by their year": (
        "chrome_writing",
        {f"data/{at}-0.parquet": [{"image": PIXELS, "label": said}] for at, said in (("train", "x"), ("2014", "y"))},
        "x", {"2014-0.parquet": "a test set of CROHME"},
    ),
    "sentences of a split once more": (
        "nlvr2", {"data/dev.json": json.dumps(TWO), "data/balanced/balanced_dev.json": json.dumps(TWO)}, "True",
        {"balanced_dev.json": "again"},
    ),
}  # fmt: skip

ALONE: Mapping[str, tuple[str, Files, str]] = {
    "words": ("iam_cauldron", {"ascii/words.txt": WORD}, "A"),
    "answers for a classifier": (
        "pathvqa", {"qas/train_vqa.pkl": LABELLED, "qas/trainval_ans2label.pkl": {"in canals": 0}}, "in canals"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "files", "answer", "unread"), BESIDE.values(), ids=BESIDE)
def test_beside(tmp_path: Path, name: str, files: Files, answer: str, unread: dict[str, str]):
    found = normalised(tmp_path, name, files)
    assert [row["sample"]["conversation"][-1]["text"] for row in found if row["sample"]] == [answer]
    assert not any(row["reject"] for row in found)
    told = plan_sources([packaged_sources()[name]], Storage(sources_root=str(tmp_path))).unread[name]
    assert all(any(part in why for file, why in told.items() if file.endswith(end)) for end, part in unread.items())


@pytest.mark.parametrize(("name", "files", "answer"), ALONE.values(), ids=ALONE)
def test_alone(tmp_path: Path, name: str, files: Files, answer: str):
    found = normalised(tmp_path, name, files)
    assert [row["sample"]["conversation"][-1]["text"] for row in found if row["sample"]] == [answer]


def test_archives_are_told_as_places_of_media(tmp_path: Path):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n"
    archives = {"images.zip": {"images/CLEVR_train_000000.png": picture(1)}, "more.zip": pointer, "last.tar": b"broken"}
    found = normalised(tmp_path, "clevr", {"CLEVR_train_questions.json": CLEVR_QUESTIONS, **archives})
    assert [row["sample"]["gold_answer"] for row in found if row["sample"]] == ["no"]
    told = plan_sources([packaged_sources()["clevr"]], Storage(sources_root=str(tmp_path))).unread["clevr"]
    assert told["images.zip"] == ARCHIVE
    assert told["more.zip"].endswith("is a pointer of Git LFS and no archive; run `git lfs pull` in its repository")
    assert "last.tar cannot be read" in told["last.tar"]


def test_a_file_whose_name_is_no_utf_8_is_told(tmp_path: Path):
    said = {
        "id": "1",
        "image": "a.jpg",
        "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}],
    }
    folder = tmp_path / "cap2qa"
    folder.mkdir()
    odd = folder / os.fsdecode(b"caf\xe9.json")
    odd.write_text(json.dumps([said]))
    normalised(tmp_path, "cap2qa", {"mine.json": [said]})
    plan = plan_sources([packaged_sources()["cap2qa"]], Storage(sources_root=str(tmp_path)))
    ((file, why),) = plan.unread["cap2qa"].items()
    assert (file, why) == (odd.name, f"{folder}/caf\\udce9.json is not named in UTF-8")
    assert {item.range.file for item in plan.items} == {"mine.json"}


def test_pages_of_models_and_a_picture_of_all_pages_are_no_records(tmp_path: Path):
    files = {
        "testset_final/1.html": "<html>a page</html>", "testset_final/1.png": picture(1),
        "testset_final/rick.jpg": picture(2), "predictions_final/gpt4v/1.html": "<html>a guess</html>",
        "predictions_final/gpt4v/1.png": picture(3), "testset_final/1_marker.html": "<html>[1]</html>",
        "testset_final/1_marker.png": picture(4),
    }  # fmt: skip
    rows = normalised(tmp_path, "design2code", files)
    assert [row["reject"] for row in rows if row["reject"]] == []
    (sample,) = (row["sample"] for row in rows if row["sample"])
    assert "a page" in sample["conversation"][1]["text"]
    assert sample["media"] == ["absent:testset_final/1.png"]


def test_tars_of_pictures_with_their_masks_are_no_records(tmp_path: Path):
    told = {"image": "sa_223750.jpg", "question": "What is there?", "description": "A hill."}
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, content in (("sa_223750.jpg", picture(1)), ("sa_223750.json", b'{"image": {}, "annotations": []}')):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    files = {"data/image-textualization-sam-65k.jsonl": json.dumps(told), "sam/sa_000000.tar": held.getvalue()}
    made = [row for row in normalised(tmp_path, "image_textualization_filtered", files) if not row["span"]]
    assert [bool(row["sample"]) for row in made] == [True]
