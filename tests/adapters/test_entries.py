"""Entries of several records: Karpathy's pictures with their sentences, IAM's forms with their lines."""

from pathlib import Path
from typing import Any

import pytest
from normalised import normalised

from jobs.normalise.plan import OTHER_SPLIT, plan_sources
from schemas.config import Storage
from schemas.source import packaged_sources

ASKED = "<image>\nDescribe this picture."


def entry(split: str, number: int, *said: object, **more: object) -> dict[str, Any]:
    told = [{"raw": raw, "tokens": str(raw).split(), "imgid": number, "sentid": 10 * number + at}
            for at, raw in enumerate(said)]  # fmt: skip
    return {
        "filepath": "val2014", "filename": f"COCO_val2014_{number:012d}.jpg", "imgid": number, "cocoid": number,
        "sentids": [line["sentid"] for line in told], "split": split, "sentences": told, **more,
    }  # fmt: skip


def outcome(root: Path, source_id: str, *images: dict[str, Any]) -> tuple[list[Any], list[tuple[str, str]]]:
    """Answer, picture and id of each sample; reason and detail of each reject."""
    rows = normalised(root, source_id, {"dataset_coco.json": {"dataset": "coco", "images": images}})
    samples = [row["sample"] for row in rows if row["sample"]]
    assert all(sample["conversation"][0]["text"] == ASKED for sample in samples)
    made = [(s["conversation"][1]["text"], s["media"], s["origin"]["original_id"]) for s in samples]
    return made, [(row["reject"]["drop_reason"], row["reject"]["detail"]) for row in rows if row["reject"]]


@pytest.mark.parametrize(
    ("source_id", "mine"), [("coco_caption_train", {"train", "restval"}), ("coco_caption_val", {"val", "test"})]
)
def test_each_source_reads_its_splits(tmp_path: Path, source_id: str, mine: set[str]):
    splits = ("train", "restval", "val", "test")
    held = [entry(split, at, f"A {split}.", "A hill.") for at, split in enumerate(splits, 1)]
    made, rejects = outcome(tmp_path, source_id, *held)
    assert sorted(made) == sorted(
        (said, [f"absent:val2014/COCO_val2014_{at:012d}.jpg"], str(10 * at + place))
        for at, split in enumerate(splits, 1)
        if split in mine
        for place, said in enumerate((f"A {split}.", "A hill."))
    )
    assert [reason for reason, _ in rejects] == ["unwanted_split"] * 4


def test_pictures_of_flickr_lie_in_no_folder(tmp_path: Path):
    image = entry("train", 1, "Two hills.", filename="1000092795.jpg")
    del image["filepath"], image["cocoid"]
    assert outcome(tmp_path, "coco_caption_train", image) == ([("Two hills.", ["absent:1000092795.jpg"], "10")], [])


def test_a_bad_sentence_costs_itself(tmp_path: Path):
    held = [
        entry("train", 1, "A hill.", None), entry("train", 2), entry("train", 3, sentences="A hill."),
        entry("train", 4, sentences=["A plain one."]),
    ]  # fmt: skip
    made, rejects = outcome(tmp_path, "coco_caption_train", *held)
    assert sorted(said for said, _, _ in made) == ["A hill.", "A plain one."]
    assert sorted(rejects)[0][0] == "no_answer"
    assert sorted(rejects)[1:] == [
        ("orphan_question", "no sentence describes COCO_val2014_000000000002.jpg"),
        ("wrong_shape", "its parts do not come together: sentences is text ('A hill.'); allowed: a list"),
    ]


def test_test_files_of_refcoco_stay_unread(tmp_path: Path):
    ref = [{"ref_id": 1, "ann_id": 5, "image_id": 9, "sentences": [{"sent": "the cup"}]}]
    normalised(tmp_path, "refcoco", {f"{name}.json": ref for name in ("train", "testA", "testB")})
    unread = plan_sources([packaged_sources()["refcoco"]], Storage(sources_root=str(tmp_path))).unread["refcoco"]
    assert unread == {"testA.json": OTHER_SPLIT, "testB.json": OTHER_SPLIT}


def form(name: str, *lines: str) -> str:
    told = "".join(
        f'<line id="{name}-{at:02d}" segmentation="ok" text="{line}"><word id="{name}-{at:02d}-00" text="A"/></line>'
        for at, line in enumerate(lines)
    )
    printed = '<machine-printed-part><machine-print-line text="A printed one."/></machine-printed-part>'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE form SYSTEM "form-metadata.dtd">\n'
        f'<form id="{name}" writer-id="000">{printed}<handwritten-part>{told}</handwritten-part></form>'
    )


TRANSCRIBED = form("a01-000u", "A &quot;MOVE&quot; to stop.", "Salt &amp;amp; more.")
ASCII = "# a comment\na01-000u-00 ok 154 19 408 746 1661 89 A|MOVE|to|stop|.\n"


@pytest.mark.parametrize(
    ("files", "made"),
    [
        (
            {"ascii/lines.txt": ASCII},
            [
                ('A "MOVE" to stop.', "lines/a01/a01-000u/a01-000u-00.png", "a01-000u-00"),
                ("Salt & more.", "lines/a01/a01-000u/a01-000u-01.png", "a01-000u-01"),
            ],
        ),
        (
            {"forms/a01-000u.png": "a picture"},
            [('A "MOVE" to stop.\nSalt & more.', "forms/a01-000u.png", "a01-000u")],
        ),
    ],
)
def test_forms_of_iam(tmp_path: Path, files: dict[str, str], made: list[tuple[str, str, str]]):
    rows = normalised(tmp_path, "iam_cauldron", {"xml/a01-000u.xml": TRANSCRIBED, **files})
    assert [row["reject"] for row in rows if row["reject"]] == []
    samples = [row["sample"] for row in rows if row["sample"]]
    assert [[turn["text"] for turn in sample["conversation"]] for sample in samples] == [
        ["<image>\nRead the handwriting in this picture.", said] for said, _, _ in made
    ]
    assert [(sample["media"], sample["origin"]["original_id"]) for sample in samples] == [
        ([f"absent:{path}"], name) for _, path, name in made
    ]


def test_comments_at_the_head_of_a_file_are_no_records(tmp_path: Path):
    told = f"#--- lines.txt ---#\n#\n{ASCII}#1 a01-000u-01\n"
    rows = normalised(tmp_path, "iam_cauldron", {"ascii/lines.txt": told})
    made = [(row["sample"] or row["reject"])["origin"]["position"] for row in rows if row["sample"] or row["reject"]]
    assert made == [3, 4]
    assert [row["sample"]["conversation"][1]["text"] for row in rows if row["sample"]] == ["A MOVE to stop ."]


def test_a_line_that_is_not_transcribed_says_no_number(tmp_path: Path):
    told = f"{ASCII}a01-000u-01 ok 154 19 408 746 1661 89\na01-000u-02 ok 154 19 408 746 1661 89 1961\n"
    rows = normalised(tmp_path, "iam_cauldron", {"ascii/lines.txt": told})
    assert [row["sample"]["conversation"][1]["text"] for row in rows if row["sample"]] == ["A MOVE to stop .", "1961"]
    rejects = [(row["reject"]["origin"]["position"], row["reject"]["drop_reason"]) for row in rows if row["reject"]]
    assert rejects == [(0, "no_answer"), (2, "wrong_shape")]


def test_forms_that_tell_nothing(tmp_path: Path):
    files = {
        "a01-000.xml": form("a01-000"), "a01-001.xml": form("a01-001", "", "A hill."),
        "a01-002.xml": TRANSCRIBED.replace("<line ", "<line"),
    }  # fmt: skip
    rows = normalised(tmp_path, "iam_cauldron", {f"xml/{name}": told for name, told in files.items()})
    assert [row["sample"]["conversation"][1]["text"] for row in rows if row["sample"]] == ["A hill."]
    rejects = {(row["reject"]["origin"]["file"][4:-4], row["reject"]["drop_reason"]) for row in rows if row["reject"]}
    assert rejects == {("a01-000", "orphan_question"), ("a01-001", "no_answer"), ("a01-002", "malformed_record")}
