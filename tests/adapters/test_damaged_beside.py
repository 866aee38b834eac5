"""A declared file that cannot be read is named with its reason while others are read; alone it is an error."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from normalised import normalised

from jobs.normalise.plan import Plan, plan_sources
from jobs.normalise.survey import Looker
from schemas.config import Storage
from schemas.errors import InputError
from schemas.source import packaged_sources
from udfs.adapters.family import Layout

TURNS = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A hill."}]
SHARD = [{"id": "1", "image": {"bytes": b"", "path": "1.jpg"}, "conversations": TURNS, "data_source": "x"}]
TASK = '{"image_str": "QQ==", "instruction": "I", "inputs": "Q", "outputs": "A"}\n'
TOLD = '{"dataset_id": "mscoco_train2017", "image_id": "1", "annotator_id": 9, "caption": "I.", "timed_caption": []}\n'
LISTED = "sharegpt4v_instruct_gpt4-vision_cap100k.json"
QUESTIONS, ANSWERS = "v2_OpenEnded_mscoco_train2014_questions.json", "v2_mscoco_train2014_annotations.json"


def planned(root: Path, *names: str, lenient: bool = False) -> Plan:
    return plan_sources([packaged_sources()[name] for name in names], Storage(sources_root=str(root)), lenient)


@pytest.mark.parametrize(
    ("source", "good", "content", "bad"),
    [
        ("m3it_plusflan", "data/vqa/a/train.jsonl", TASK, "data/vqa/b/train.jsonl"),
        ("geo3k", "geo3k/train-0-of-2.parquet", SHARD, "geo3k/train-1-of-2.parquet"),
        (
            "localizednarratives", "coco_train_localized_narratives-00000-of-00004.jsonl", TOLD,
            "coco_train_localized_narratives-00001-of-00004.jsonl",
        ),
    ],
)  # fmt: skip
def test_one_empty_file_stops_no_other(tmp_path: Path, source: str, good: str, content: Any, bad: str):  # noqa: ANN401
    rows = normalised(tmp_path, source, {good: content, bad: b""})
    assert sum(bool(row["sample"]) for row in rows) == 1
    plan = planned(tmp_path, source)
    assert "is empty (0 bytes)" in plan.unread[source][bad]
    assert [told.startswith(f"{source}: ") and bad in told for told in plan.broken] == [True]


def test_the_reason_is_told_to_each_source_that_shares_the_file(tmp_path: Path):
    (tmp_path / "a.jsonl").touch()
    looked: dict[str, list[Layout] | InputError] = {}
    for looker in (Looker(str(tmp_path), True, looked), Looker(str(tmp_path), True, looked)):
        assert not looker.look("a.jsonl")
        assert [str(error.args[0]).endswith("is empty (0 bytes)") for error in looker.broken] == [True]


@pytest.mark.parametrize("bad", [QUESTIONS, ANSWERS])
def test_a_side_that_is_wanted_stops_the_source(tmp_path: Path, bad: str):
    asked = {"questions": [{"image_id": 1, "question": "Q?", "question_id": 10}]}
    told = {"annotations": [{"image_id": 1, "question_id": 10, "multiple_choice_answer": "a", "answers": []}]}
    with pytest.raises(InputError, match="is empty"):
        normalised(tmp_path, "vqav2", {QUESTIONS: asked, ANSWERS: told, bad: b""})


def test_a_test_set_takes_no_damaged_files_place(tmp_path: Path):
    with pytest.raises(InputError, match=r"train\.jsonl is empty"):
        normalised(tmp_path, "m3it_plusflan", {"data/vqa/a/test.jsonl": TASK, "data/vqa/a/train.jsonl": b""})


@pytest.mark.parametrize(
    ("source", "file", "content"),
    [
        ("sharegpt4v", LISTED, b"[]"),
        ("sharegpt4v", LISTED, b" [ ] "),
        ("mathvision", "test.json.gz", gzip.compress(b"[]", mtime=0)),
    ],
    ids=("bare", "spaced", "packed"),
)
def test_a_list_of_nothing_holds_no_record(tmp_path: Path, source: str, file: str, content: bytes):
    with pytest.raises(InputError, match=f"{file} holds no record") as error:
        normalised(tmp_path, source, {file: content})
    assert "download the file again" in error.value.next_step


def test_a_list_of_nothing_is_refused_alone(tmp_path: Path):
    normalised(tmp_path, "geo3k", {"geo3k/train-0-of-2.parquet": SHARD})
    (tmp_path / "sharegpt4v").mkdir()
    (tmp_path / "sharegpt4v" / LISTED).write_text("[]")
    plan = planned(tmp_path, "sharegpt4v", "geo3k", lenient=True)
    assert (set(plan.refused), {name for item in plan.items for name in item.sources}) == ({"sharegpt4v"}, {"geo3k"})
