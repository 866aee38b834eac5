"""Draft and media to rows of `samples`; anything else to rows of `rejects`."""

from dataclasses import replace

import pyarrow as pa
import pytest
from corpora import source

from schemas.enums import DropReason, MediaKind, MediaStatus, Role
from schemas.tables import REJECTS, SAMPLES
from udfs.assemble import excerpt, language_of, modality_of, reject_row, sample_row
from udfs.ids import content_id, sample_id
from udfs.sample import Draft, Evidence, MediaRef, Origin, Problem, Record, Turn

SOURCE = source("shapes", language="de")
RECORD = Record({"id": 7}, Origin("a.json", 3, 2, "hash", "from the reader"))
TURNS = (Turn(Role.USER, "<image>\nWie viele e\u0301 sind es?"), Turn(Role.ASSISTANT, "Zwei."))
DRAFT = Draft(TURNS, (MediaRef(path="a.png"),), "e\u0301", Evidence("ocr", "e\u0301"), "from the draft")


def test_a_sample_row_is_a_row_of_the_table():
    row = sample_row(RECORD, SOURCE, DRAFT, ["m1"], MediaStatus.PRESENT)
    assert pa.RecordBatch.from_pylist([row], schema=SAMPLES.arrow).to_pylist()[0].keys() == row.keys()
    assert (row["modality"], row["media"], row["media_status"]) == ("image", ["m1"], "present")
    assert row["origin"] == {
        "file": "a.json", "position": 3, "units": 2, "record_hash": "hash", "original_id": "from the draft",
        "notes": None,
    }  # fmt: skip
    assert (row["gold_answer"], row["evidence"], row["evidence_kind"]) == ("é", "é", "ocr")
    assert row["sample_id"] == sample_id("shapes", row["content_id"])


def test_notes_of_reader_and_adapter_stand_together():
    noted = replace(RECORD, origin=replace(RECORD.origin, notes="a key stands twice"))
    row = sample_row(noted, SOURCE, replace(DRAFT, notes="two questions left out"), ["m1"], MediaStatus.PRESENT)
    assert row["origin"]["notes"] == "a key stands twice; two questions left out"


def test_ids_are_those_of_what_the_row_holds():
    row = sample_row(RECORD, SOURCE, DRAFT, ["m1"], MediaStatus.PRESENT)
    turns = [Turn(Role(turn["role"]), turn["text"]) for turn in row["conversation"]]
    assert row["content_id"] == content_id(row["media"], turns, Evidence("ocr", row["evidence"]), row["gold_answer"])


def test_an_id_depends_on_what_is_shown_and_not_on_where_it_stood():
    moved = replace(RECORD, origin=Origin("b.json", 99, 1, "other"))
    here, there = (sample_row(record, SOURCE, DRAFT, ["m1"], MediaStatus.PRESENT) for record in (RECORD, moved))
    other = sample_row(RECORD, SOURCE, DRAFT, ["m2"], MediaStatus.PRESENT)
    elsewhere = sample_row(RECORD, source("circles"), DRAFT, ["m1"], MediaStatus.PRESENT)
    assert here["sample_id"] == there["sample_id"] != other["sample_id"]
    assert here["content_id"] == elsewhere["content_id"]
    assert here["sample_id"] != elsewhere["sample_id"]


@pytest.mark.parametrize(
    ("media", "modality"),
    [
        ((), "text"),
        ((MediaRef(path="a"),), "image"),
        ((MediaRef(path="a"), MediaRef(path="a")), "multi_image"),
        ((MediaRef(path="a"), MediaRef(MediaKind.VIDEO, "b")), "video"),
    ],
)
def test_modality(media: tuple[MediaRef, ...], modality: str):
    assert modality_of(media).value == modality


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The number of people who live in each of these towns.", "en"),
        ("WHAT IS THE COLOUR OF\nTHE CAR?\nWhite.", "en"),
        ("Wie viele Menschen sind auf dem Bild zu sehen?", "de"),
        ("Combien de personnes voit-on sur cette image ?", "fr"),
        ("Сколько человек на этой картинке?", "ru"),
        ("この写真には何人の人が写っていますか。三人です。", "ja"),
        ("这张图片里有多少人？请用一个词回答这个问题。", "zh"),
    ],
)
def test_language_is_detected(text: str, code: str):
    assert language_of([Turn(Role.USER, f"<image>\n{text}")], "xx") == code


@pytest.mark.parametrize(
    "text", ["<image>", "<image>\nHallo du", "1 2 3 4 5 6 7 8 9 10 11 12 13", "\n" * 40, "💥" * 40]
)
def test_texts_that_are_short_or_no_language_keep_what_is_declared(text: str):
    assert language_of([Turn(Role.USER, text)], "xx") == "xx"


def test_a_reject_row_is_a_row_of_the_table():
    problem = Problem(DropReason.UNKNOWN_ROLE, "oracle\0" * 900)
    row = reject_row(RECORD, "shapes", problem, "run1")
    assert pa.RecordBatch.from_pylist([row], schema=REJECTS.arrow).num_rows == 1
    assert (row["drop_reason"], row["source_id"], row["run_id"]) == ("unknown_role", "shapes", "run1")
    assert len(row["detail"]) == 1000
    assert "\0" not in row["detail"]


def test_an_excerpt_shows_the_record_without_its_bytes():
    value = {"image": {"bytes": b"\x89PNG" * 1000}, "question": "what? " * 100, "list": [b"x"] * 3}
    text = excerpt(Record(value, RECORD.origin))
    assert "<4000 bytes>" in text
    assert "PNG" not in text
    assert len(text) <= 200
    assert excerpt(Record({}, RECORD.origin, None, "line as it stood\ud800")) == "line as it stood\ufffd"
