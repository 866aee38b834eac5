"""Answers that a record lists, each of which makes a sample of its own."""

from pathlib import Path

from normalised import normalised

from jobs.normalise.choose import chosen_of, owners_of
from jobs.normalise.plan import plan_sources
from schemas.config import Storage
from schemas.source import packaged_sources
from udfs.adapters.entries import each_answer
from udfs.sample import Origin, Record

SAID = ["A cat.", "A dog.", "", "A cat.", None, "A cow."]
ROWS = [{"question": "Say.", "file_name": f"{at}.jpg", "image": f"{at}.jpg", "answer": SAID} for at in range(4)]


def test_each_answer_once(tmp_path: Path):
    rows = normalised(tmp_path, "coco_caption_val", {"data/val.json": ROWS})
    said = [row["sample"]["conversation"][1]["text"] for row in rows if row["sample"]]
    assert sorted(said) == sorted(["A cat.", "A dog.", "A cow."] * len(ROWS))
    assert [row["reject"] for row in rows if row["reject"]] == []
    assert sum(row["span"]["records"] for row in rows if row["span"]) == len(said)
    assert len({row["sample"]["origin"]["record_hash"] for row in rows if row["sample"]}) == len(said)


def test_a_record_without_a_list_stays_as_it_is():
    for value in ({"answer": "A cat."}, {"answer": ["A cat."]}, {"answer": ["A cat.", "", None]}, {"answer": None}, {}):
        record = Record(value, Origin("a", 0, record_hash="f"))
        assert each_answer(record, "answer") == (record,)


def test_a_limit_counts_answers_and_a_larger_one_contains_the_smaller(tmp_path: Path):
    normalised(tmp_path, "coco_caption_val", {"data/val.json": ROWS})
    source = packaged_sources()["coco_caption_val"]
    (item,) = plan_sources([source], Storage(sources_root=str(tmp_path))).items
    few, more = (chosen_of(item, owners_of(item, [source]), limit) or {} for limit in (2, 5))
    assert (len(few["coco_caption_val"]), len(more["coco_caption_val"])) == (2, 5)
    assert few["coco_caption_val"] < more["coco_caption_val"]
