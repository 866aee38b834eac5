"""GEOS's questions beside their diagrams, and NExT-QA's videos in the folders of VidOR, as their authors ship them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from normalised import Row, normalised, staged
from publishing import picture

from jobs.normalise.plan import plan_sources
from schemas.config import Media, Storage
from schemas.source import packaged_sources

HEXAGON = {
    "key": 1018, "text": "ABCDEF is a regular hexagon, and its center is O. What is x?", "sentence_words": {"0": {}},
    "diagram_path": "/var/folders/_n/T/tmp9dQ9w6/question-1423594230.png", "choice_words": {"1": {"0": "80"}},
    "answer": 2.00, "choices": {"1": "80", "2": "60", "3": "40", "4": "30", "5": "20"},
}  # fmt: skip
TRIANGLE = HEXAGON | {
    "key": 968,
    "text": "What is angle ABO?",
    "answer": "4",
    "choices": {"1": "4", "4": "60", "5": "2"},
}
OPEN = HEXAGON | {"key": 990, "text": "How long is AB?", "answer": 5.0, "choices": {}}
TOLD = {
    "1018": ("What is x?\nA. 80\nB. 60\nC. 40\nD. 30\nE. 20", "B. 60", "B"),
    "968": ("What is angle ABO?\nA. 4\nB. 60\nC. 2", "B. 60", "B"),
    "990": ("How long is AB?", "5", "5"),
}
QUESTIONS = (HEXAGON, TRIANGLE, OPEN)
DEMO: dict[str, Any] = {}
for _question in QUESTIONS:
    DEMO |= {
        f"assets/{_question['key']}/question.json": _question,
        f"assets/{_question['key']}/answer.json": {"answer": _question["answer"]},
        f"assets/{_question['key']}/text_parse.json": {"0": ["x"]},
        f"assets/{_question['key']}/diagram.png": picture(int(_question["key"])),
    }
PRACTICE = {f"practice/{question['key']}.json": question for question in QUESTIONS} | {
    f"practice/{question['key']}.png": picture(int(question["key"])) for question in QUESTIONS
}
LAYOUTS: Mapping[str, Mapping[str, Any]] = {
    "a folder a question": DEMO,
    "questions and diagrams by number": PRACTICE,
    "in an archive": {"practice.zip": PRACTICE},
    "all in one list": {
        "questions.json": [
            {**question, "diagram_path": f"/tmp/a/{question['key']}.png"} for question in QUESTIONS
        ],
        **{f"diagrams/{question['key']}.png": picture(int(question["key"])) for question in QUESTIONS},
    },
}  # fmt: skip


def outcome(root: Path, name: str, contents: Mapping[str, Any]) -> tuple[list[Row], list[Row]]:
    normalised(root, name, contents)
    rows = staged(packaged_sources()[name], Storage(sources_root=str(root)), Media())
    return [row["sample"] for row in rows if row["sample"]], [row["reject"] for row in rows if row["reject"]]


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_questions_beside_their_diagrams(tmp_path: Path, layout: Mapping[str, Any]):
    samples, rejects = outcome(tmp_path, "geos_mathv360k", layout)
    assert rejects == []
    assert {sample["origin"]["original_id"] for sample in samples} == set(TOLD)
    for sample in samples:
        name = sample["origin"]["original_id"]
        asks, answers, gold = TOLD[name]
        asked, answered = (turn["text"] for turn in sample["conversation"])
        assert (asked.startswith("<image>\n"), asked.endswith(asks), answered) == (True, True, answers)
        assert sample["gold_answer"] == gold
        assert sample["media"] == [hashlib.sha256(picture(int(name))).hexdigest()]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"answer": 60.0}, "no_answer"), ({"answer": ""}, "no_answer"), ({"answer": 6}, "no_answer"),
        ({"choices": ["80", "60"]}, "wrong_shape"), ({"text": ""}, "empty_turn"),
    ],
)  # fmt: skip
def test_an_answer_is_a_choices_number_or_none(tmp_path: Path, changed: dict[str, Any], reason: str):
    samples, (reject,) = outcome(tmp_path, "geos_mathv360k", PRACTICE | {"practice/1018.json": HEXAGON | changed})
    assert (len(samples), reject["drop_reason"]) == (2, reason)


def clip(shade: int, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 240, 240, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((240, 240, 3), shade, np.uint8))))
        container.mux(stream.encode())


HEAD = "video,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4\n"
ASKED = "what does the man do,1,6,CW,sit,run,jump,sing,cry\n"


@pytest.mark.parametrize("place", ["NExTVideo", "videos/NExTVideo"])
def test_videos_in_the_folders_of_vidor(tmp_path: Path, place: str):
    videos = ("4010069381", "2400171624", "3238737531")
    folder = tmp_path / "llava_video_next_qa"
    where = {video: f"{1100 + at}/{video}" for at, video in enumerate(videos)}
    for at, video in enumerate(videos[:2]):
        clip(40 + 90 * at, folder / place / f"{where[video]}.mp4")
    held = {
        "train.csv": HEAD + "".join(f"{video},3,240,240,{ASKED}" for video in videos),
        "map_vid_vidorID.json": where,
    }
    samples, (reject,) = outcome(tmp_path, "llava_video_next_qa", held)
    assert [[turn["text"] for turn in sample["conversation"]] for sample in samples] == [
        ["<video>\nwhat does the man do\nA. sit\nB. run\nC. jump\nD. sing\nE. cry", "B. run"]
    ] * 2
    held = [(folder / place / f"{where[video]}.mp4").read_bytes() for video in videos[:2]]
    assert [sample["media"] for sample in samples] == [[hashlib.sha256(data).hexdigest()] for data in held]
    assert (reject["drop_reason"], videos[2] in reject["detail"]) == ("missing_media", True)


def test_choices_and_open_questions_lie_in_two_folders_with_columns_of_their_own(tmp_path: Path):
    told = {"video": 4010069381, "frame_count": 3, "width": 240, "height": 240, "qid": 6, "type": "CW"}
    chosen = (
        told
        | {"question": "why", "answer": 1}
        | {f"a{at}": word for at, word in enumerate(("sit", "run", "a", "b", "c"))}
    )
    opened = told | {"question": "what is it", "answer": "a dog", "additional_ref_answer": "dog"}
    rows = normalised(
        tmp_path, "llava_video_next_qa",
        {"MC/train-00000-of-00001.parquet": [chosen], "OE/train-00000-of-00001.parquet": [opened]},
    )  # fmt: skip
    samples = [row["sample"] for row in rows if row["sample"]]
    assert [sample["conversation"][-1]["text"] for sample in samples] == ["B. run", "a dog"]
    assert {sample["origin"]["original_id"] for sample in samples} == {"4010069381_6"}


def test_a_stray_table_of_another_source_is_told_and_not_read(tmp_path: Path):
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A sign."}]
    held = {
        "llava_instruct.json": [{"id": "1", "image": "a.jpg", "conversations": turns}],
        "sub/val.csv": f"{HEAD}1,3,240,240,{ASKED}",
    }
    (row,) = (row for row in normalised(tmp_path, "llavar_gpt4_20k", held) if row["sample"] or row["reject"])
    assert row["sample"]["conversation"][-1]["text"] == "A sign."
    plan = plan_sources([packaged_sources()["llavar_gpt4_20k"]], Storage(sources_root=str(tmp_path)))
    assert plan.unread == {
        "llavar_gpt4_20k": {"sub/val.csv": "it holds nextqa_csv; this source's files hold llava_json"}
    }
