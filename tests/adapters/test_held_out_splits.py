"""Rows that a publisher keeps for tests are not trained on, unless the catalogue takes them."""

import json
import pickle
from pathlib import Path

import pytest
from normalised import Row, normalised, staged

from jobs.normalise.plan import OTHER_SPLIT, plan_sources
from schemas.config import Storage
from schemas.errors import InputError
from schemas.source import Source, packaged_sources

PROBLEM = {
    "question": "How many?", "choices": ["1", "2"], "answer": 1, "hint": "", "image": None, "lecture": "",
    "solution": "",
}  # fmt: skip
TALLY = {"image": "VG_100K/1.jpg", "question": "How many?", "answer": 2, "image_id": 1, "question_id": 1}


def wanting(name: str, *splits: str) -> Source:
    source = packaged_sources()[name]
    assert source.reading
    return source.model_copy(update={"reading": source.reading.model_copy(update={"splits": splits})})


def outcomes(rows: list[Row]) -> list[str]:
    made = [row for row in rows if row["sample"] or row["reject"]]
    return [row["reject"]["drop_reason"] if row["reject"] else "sample" for row in made]


def test_records_that_say_so_are_rejects(tmp_path: Path):
    splits = ("train", "test", "val")
    held = {str(at): {**PROBLEM, "split": split} for at, split in enumerate(splits)}
    rows = normalised(tmp_path, "scienceqa_nona_context", {"problems.json": held})
    assert outcomes(rows) == ["sample", "unwanted_split", "sample"]
    (reject,) = (row["reject"] for row in rows if row["reject"])
    assert (
        reject["detail"] == "its split is 'test'; reading.splits of a catalogue file takes it, as in [train, val, test]"
    )
    storage = Storage(sources_root=str(tmp_path))
    assert outcomes(staged(wanting("scienceqa_nona_context", *splits), storage)) == ["sample"] * 3
    alone = outcomes(staged(wanting("scienceqa_nona_context", "train"), storage))
    assert alone == ["sample", "unwanted_split", "unwanted_split"]


def test_splits_may_be_told_as_codes(tmp_path: Path):
    books = {str(code): {"questions": ["Who?"], "answers": ["She"], "split": code} for code in (1, 2, 3)}
    rows = normalised(tmp_path, "ocr_vqa", {"dataset.json": books})
    assert outcomes(rows) == ["sample", "sample", "unwanted_split"]
    (detail,) = (row["reject"]["detail"] for row in rows if row["reject"])
    assert detail.startswith("its split is 'test'; reading.splits")


def test_the_public_file_of_vqa_rad_tells_its_tests_by_their_phrase_types(tmp_path: Path):
    kinds = ("freeform", "para", "test_freeform", "test_para")
    asked = [
        {"phrase_type": kind, "image_name": "a.jpg", "question": f"How many {kind}?", "answer": 3} for kind in kinds
    ]
    rows = normalised(tmp_path, "vqa_rad_cauldron_llava_format", {"VQA_RAD Dataset Public.json": asked})
    assert outcomes(rows) == ["sample", "sample", "unwanted_split", "unwanted_split"]


def test_a_folder_above_that_names_all_splits_tells_none(tmp_path: Path):
    name = "tallyqa_cauldron_llava_format"
    files = {f"tally_train_val_test/{split}/questions.json": [TALLY] for split in ("train", "val", "test")}
    assert outcomes(normalised(tmp_path, name, files)) == ["sample", "sample"]
    unread = plan_sources([packaged_sources()[name]], Storage(sources_root=str(tmp_path))).unread[name]
    assert unread == {"tally_train_val_test/test/questions.json": OTHER_SPLIT}


def test_files_beside_others_stay_unread(tmp_path: Path):
    files = {"train.json": [TALLY], "test.json": [{**TALLY, "question": "How many then?"}] * 2}
    name = "tallyqa_cauldron_llava_format"
    assert outcomes(normalised(tmp_path, name, files)) == ["sample"]
    storage = Storage(sources_root=str(tmp_path))
    assert plan_sources([packaged_sources()[name]], storage).unread == {name: {"test.json": OTHER_SPLIT}}
    assert outcomes(staged(wanting(name, "train", "test"), storage)) == ["sample"] * 3


QA = {"question": "Where?", "answer": "Here", "image": {"bytes": b"\x89PNG", "path": None}}
VIQUAE = {"image": "a.jpg", "input": "Who is this?", "output": {"original_answer": "She"}, "kilt_id": "k"}
PLOTTED = {"qa_pairs": [{"image_index": 1, "question_string": "How many?", "answer": 2, "qid": "a"}]}
COUNTED = {
    "pathvqa": ([f"data/{split}-00000-of-00001.parquet" for split in ("train", "validation", "test")], [QA]),
    "viquae": ([f"{split}.jsonl" for split in ("train", "validation", "test")], json.dumps(VIQUAE)),
    "plotqa": ([f"{split}/qa_pairs_V1.json" for split in ("train", "val", "test")], PLOTTED),
}


@pytest.mark.parametrize(("name", "files", "content"), [(name, *held) for name, held in COUNTED.items()])
def test_rows_that_count_the_test_split_are_told_as_such(tmp_path: Path, name: str, files: list[str], content: object):
    assert outcomes(normalised(tmp_path, name, dict.fromkeys(files, content))) == ["sample"] * 2
    source = packaged_sources()[name]
    assert plan_sources([source], Storage(sources_root=str(tmp_path))).unread[name] == {files[2]: OTHER_SPLIT}
    assert any("published rows count all three splits" in caveat for caveat in source.caveats)
    assert (
        outcomes(staged(wanting(name, "train", "val", "test"), Storage(sources_root=str(tmp_path)))).count("sample")
        == 3
    )


def test_a_unwanted_split_that_is_all_there_is_was_asked_for(tmp_path: Path):
    files = {"test.json": [{**TALLY, "split": "test"}]}
    assert outcomes(normalised(tmp_path, "tallyqa_cauldron_llava_format", files)) == ["sample"]


def test_test_sets_are_read_whole(tmp_path: Path):
    held = [{"question": "How?", "answer": "1", "image": "a.jpg", "id": str(at), "split": "test"} for at in (1, 2)]
    files = {"test.jsonl": held[:1], "testmini.jsonl": held[1:]}
    assert outcomes(normalised(tmp_path, "mathvision", files)) == ["sample"] * 2


@pytest.mark.parametrize(("other", "split"), [("refcoco/refs(google).p", "val"), ("refcocog/refs(umd).p", "train")])
def test_a_test_in_one_set_of_splits_is_none_to_train_on_in_the_other(tmp_path: Path, other: str, split: str):
    ref = {"ref_id": 1, "ann_id": 5, "image_id": 9, "sentences": [{"sent": "the cup"}]}
    images = [{"id": 9, "file_name": "COCO_train2014_000000000009.jpg", "width": 100, "height": 100}]
    boxes = [{"id": 5, "image_id": 9, "bbox": [1, 1, 50, 50], "category_id": 1}]
    told = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cup"}]}
    files = {
        "refcoco/refs(unc).p": pickle.dumps([{**ref, "split": "testA"}]),
        other: pickle.dumps([{**ref, "split": split}]),
        **{f"{folder}/instances.json": told for folder in ("refcoco", other.split("/")[0])},
    }  # fmt: skip
    assert outcomes(normalised(tmp_path, "refcoco", files)) == ["unwanted_split"] * 2


def test_a_publishers_list_tells_the_tests(tmp_path: Path):
    asked = {"questions": {"What is A?": {"answerTexts": ["x", "y"], "correctAnswer": 1, "questionId": "1-0"}}}
    files = {f"ai2d/questions/{at}.png.json": {**asked, "imageName": f"{at}.png"} for at in (0, 1, 10)}
    assert outcomes(normalised(tmp_path, "ai2d_gpt4v", files)) == ["sample"] * 3
    # A list that comes later is read by the next pass, in the same process too.
    rows = normalised(tmp_path, "ai2d_gpt4v", files | {"ai2d/ai2d_test_ids.csv": "1\r\n2\r\n"})
    assert outcomes(rows) == ["sample", "unwanted_split", "sample"]
    (reject,) = (row["reject"] for row in rows if row["reject"])
    assert reject["detail"].startswith("1 is in a list of test records; reading.splits")
    storage = Storage(sources_root=str(tmp_path))
    assert outcomes(staged(wanting("ai2d_gpt4v", "train", "val", "test"), storage)) == ["sample"] * 3
    assert plan_sources([packaged_sources()["ai2d_gpt4v"]], storage).unread["ai2d_gpt4v"] == {}


def test_screens_are_listed_by_split(tmp_path: Path):
    summaries = "screenId,summary\n54137,page of tips\n2,list of options\n54137,tips for a game\n"
    files = {"screen_summaries.csv": summaries, "split/test_screens.txt": "54137\n", "split/train_screens.txt": "2\n"}
    outcome = outcomes(normalised(tmp_path, "screen2words_cauldron", files))
    assert outcome == ["unwanted_split", "sample", "unwanted_split"]


def test_charts_are_listed_in_each_release(tmp_path: Path):
    files: dict[str, str] = {}
    for release in ("statista_dataset", "pew_dataset"):
        for part in ("dataset", "dataset/multiColumn"):
            files |= {f"{release}/{part}/{side}/7.txt": f"{side} of {part}" for side in ("captions", "titles")}
            files |= {f"{release}/{part}/data/7.{'csv' if release[0] == 's' else 'txt'}": "Year,Value\n2019,4\n"}
    lists = {"statista_dataset/dataset/dataset_split/test_index_mapping.csv": "File_No\ntwo_col-7.txt\n"}
    rows = normalised(tmp_path, "chart2text_cauldron", files | lists)
    held = [row["reject"]["origin"]["file"] for row in rows if row["reject"]]
    assert outcomes(rows).count("sample") == 3
    assert held == ["statista_dataset/dataset/captions/7.txt"]


def test_a_story_is_of_the_split_of_its_first_clip(tmp_path: Path):
    clips = [f"s_01_e_01_shot_00000{at}_00000{at}" for at in range(6)]
    told = [{"globalID": clip, "description": "Fred runs."} for clip in clips]
    files = {
        "flintstones_annotations_v1-0.json": told,
        "train-val-test_split.json": {"train": clips[1:], "val": [], "test": clips[:1]},
    }
    assert outcomes(normalised(tmp_path, "flintstonessv", files)) == ["unwanted_split", "sample"]
    with pytest.raises(InputError, match="lists names by split"):
        normalised(tmp_path, "flintstonessv", files | {"train-val-test_split.json": clips})


def test_numbers_of_pictures_tell_the_tests(tmp_path: Path):
    def asked(number: int) -> dict[str, object]:
        name = f"superCLEVR_new_{number:06d}.png"
        return {"image_filename": name, "image_index": number, "question": "What is it?", "answer": "suv"}

    files = {"superCLEVR_questions_30k.json": {"questions": [asked(at) for at in (19999, 24999, 25000, 29999)]}}
    name = "super_clevr_mathv360k"
    assert outcomes(normalised(tmp_path, name, files)) == ["sample", "sample", "unwanted_split", "unwanted_split"]
    alone = staged(wanting(name, "train"), Storage(sources_root=str(tmp_path)))
    assert outcomes(alone) == ["sample", *["unwanted_split"] * 3]
