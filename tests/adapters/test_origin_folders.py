"""Origin formats from folder to staged rows: files that join by stem, line or id, and what finds no partner."""

import json
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from normalised import staged
from PIL import Image

from jobs.normalise.plan import plan_sources
from jobs.readers.folders import gather, plan_files
from schemas.config import Storage
from schemas.errors import InputError
from schemas.source import packaged_sources

Row = dict[str, Any]


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 32)).save(path)


def outcome(root: Path, name: str) -> tuple[list[Row], Counter[str], int]:
    """Samples, reasons of rejects, and units of all of them."""
    rows = staged(packaged_sources()[name], Storage(sources_root=str(root)))
    samples = [row["sample"] for row in rows if row["sample"]]
    rejects = [row["reject"] for row in rows if row["reject"]]
    units = sum(row["origin"]["units"] for row in (*samples, *rejects))
    assert units == sum(row["span"]["units"] for row in rows if row["span"])
    return samples, Counter(str(row["drop_reason"]) for row in rejects), units


def said(sample: Row) -> list[str]:
    return [turn["text"] for turn in sample["conversation"]]


def test_text_files_go_with_the_picture_of_their_stem(tmp_path: Path):
    legible = '\ufeff1,2,3,4,5,6,7,8,0,"a, b"\r\n1,2,3,4,5,6,7,8,1,"maybe"\r\n1,2,3,4,5,6,7,8,0,"c"\r\n'
    for at, text in enumerate((legible, "", '1,2,3,4,5,6,7,8,0,"###"\n', legible)):
        write(tmp_path / "rctw_17" / "train_gts" / f"image_{at}.txt", text)
    for at in (0, 1, 2, 9):
        picture(tmp_path / "rctw_17" / "train_images" / f"image_{at}.png")
    samples, reasons, _ = outcome(tmp_path, "rctw_17")
    assert sorted(sample["media"][0] for sample in samples) == [
        "absent:image_3.jpg", "absent:train_images/image_0.png",
    ]  # fmt: skip
    assert {said(sample)[1] for sample in samples} == {"a, b\nc"}
    assert reasons == {"no_answer": 2, "orphan_question": 1}
    assert {sample["origin"]["file"] for sample in samples} == {"train_gts/image_0.txt", "train_gts/image_3.txt"}


def test_pages_and_screenshots(tmp_path: Path):
    folder = tmp_path / "design2code" / "testset_final"
    for at in (1, 2):
        write(folder / f"{at}.html", f"<html>{at}</html>\n")
        picture(folder / f"{at}.png")
    for name in ("rick.jpg", "3.png"):
        picture(folder / name)
    samples, reasons, _ = outcome(tmp_path, "design2code")
    assert {said(s)[1]: s["media"][0] for s in samples} == {
        f"```html\n<html>{at}</html>\n```": f"absent:testset_final/{at}.png" for at in (1, 2)
    }
    assert reasons == {"orphan_question": 1}


def lines(folder: Path, **counts: int) -> None:
    for name, count in counts.items():
        write(folder / f"{name}.txt", "".join(f"{at + 1}\n" for at in range(count)))


def test_lines_join_by_number(tmp_path: Path):
    lines(tmp_path / "coco_qa" / "train", questions=3, answers=3, img_ids=3, types=3)
    samples, reasons, units = outcome(tmp_path, "coco_qa")
    assert {(said(s)[0], said(s)[1], s["media"][0]) for s in samples} == {
        (f"<image>\n{n}?", str(n), f"absent:train2014/COCO_train2014_{n:012d}.jpg") for n in (1, 2, 3)
    }
    assert (reasons, units) == ({}, 3)


@pytest.mark.parametrize("short", ["questions", "answers", "img_ids"])
def test_where_a_line_is_lost_nothing_is_shifted(tmp_path: Path, short: str):
    counts = dict.fromkeys(("questions", "answers", "img_ids", "types"), 4)
    lines(tmp_path / "coco_qa" / "train", **{**counts, short: 3})
    lines(tmp_path / "coco_qa" / "val", **counts)
    samples, reasons, _ = outcome(tmp_path, "coco_qa")
    assert {sample["origin"]["file"] for sample in samples} == {"val/questions.txt"}
    assert len(samples) == 4
    assert reasons == Counter(
        orphan_question=counts["questions"] - (short == "questions"), orphan_annotation=0
    ) + Counter(orphan_annotation=12 - (short != "questions"))


def coco(objects: list[Row]) -> Row:
    images = [{"id": at, "file_name": f"COCO_train2014_{at:012d}.jpg", "width": 200, "height": 100} for at in (1, 2)]
    return {"info": {}, "images": images, "annotations": objects, "categories": [{"id": 5, "name": "cat"}]}


def thing(number: int, image: int, **more: object) -> Row:
    return {"id": number, "image_id": image, "bbox": [20, 10, 40, 50], "category_id": 5, "iscrowd": 0, **more}


def test_boxes_are_shares_of_the_picture(tmp_path: Path):
    objects = [thing(1, 1), thing(2, 1, iscrowd=1), thing(3, 1, bbox=[150, 0, 90, 20]), thing(4, 7)]
    write(tmp_path / "mscoco" / "annotations" / "instances_train2017.json", json.dumps(coco(objects)))
    (sample,), reasons, units = outcome(tmp_path, "mscoco")
    assert said(sample)[1] == "cat: [0.100, 0.100, 0.300, 0.600]\ncat: [0.750, 0.000, 1.000, 0.200]"
    assert (reasons, units) == ({"orphan_question": 1, "orphan_annotation": 1}, 5)


def test_a_category_without_a_name_is_no_guess(tmp_path: Path):
    write(tmp_path / "mscoco" / "annotations" / "instances_x.json", json.dumps(coco([thing(1, 1, category_id=6)])))
    samples, reasons, _ = outcome(tmp_path, "mscoco")
    assert (samples, reasons) == ([], {"missing_field": 1, "orphan_question": 1})


def test_expressions_find_their_objects_folder_by_folder(tmp_path: Path):
    for at, name in enumerate(("refcoco", "refcoco+")):
        refs = [
            {"ref_id": n, "ann_id": n, "image_id": 1, "sentences": [{"sent": f"{name} {n}"}, {"sent": "it"}]}
            for n in (1, 9)
        ]
        write(tmp_path / "refcoco" / name / "refs(unc).p", pickle.dumps(refs, 2 * at))
        objects = [thing(1, 1, bbox=[100 * at, 0, 100, 100]), thing(2, 1)]
        write(tmp_path / "refcoco" / name / "instances.json", json.dumps(coco(objects)))
    samples, reasons, units = outcome(tmp_path, "refcoco")
    told = {said(sample)[0].rpartition("\n")[2]: said(sample)[1::2] for sample in samples}
    assert told == {
        "refcoco 1": ["[0.000, 0.000, 0.500, 1.000]"] * 2, "refcoco+ 1": ["[0.500, 0.000, 1.000, 1.000]"] * 2,
    }  # fmt: skip
    # Of each folder: one object and one picture that no expression means; a reference of two expressions to nothing.
    assert (reasons, units) == ({"orphan_question": 2, "orphan_annotation": 4}, 12)


def test_puzzles_join_arrays_with_their_rules(tmp_path: Path):
    panels = np.zeros((16, 40, 40), np.uint8)
    for folder in ("center_single", "distribute_four"):
        (tmp_path / "raven" / folder).mkdir(parents=True)
        np.savez_compressed(tmp_path / "raven" / folder / "RAVEN_0_train.npz", image=panels, target=np.int64(5))
    np.savez_compressed(tmp_path / "raven" / "center_single" / "RAVEN_1_train.npz", image=panels, target=np.int64(5))
    panel = '<Panel><Struct><Component><Layout><Entity Type="3" Size="1"/></Layout></Component></Struct></Panel>'
    rules = '<Rules><Rule_Group id="0"><Rule attr="Type" name="Constant"/></Rule_Group></Rules>'
    xml = f"<Data><Panels>{panel}</Panels>{rules}</Data>"
    for stem in ("center_single/RAVEN_0_train", "distribute_four/RAVEN_0_train", "center_single/RAVEN_2_train"):
        write(tmp_path / "raven" / f"{stem}.xml", xml)
    samples, reasons, _ = outcome(tmp_path, "raven")
    assert [(len(s["media"]), said(s)[1], s["gold_answer"]) for s in samples] == [(16, "F", "F")] * 2
    assert reasons == {"orphan_question": 1, "orphan_annotation": 1}
    (tmp_path / "raven").rename(tmp_path / "raven_cauldron")
    samples, _, _ = outcome(tmp_path, "raven_cauldron")
    assert [len(sample["media"]) for sample in samples] == [1, 1]


def test_many_files_are_few_ranges_of_which_three_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    names = [f"gt/{at:05d}.json" for at in range(2500)]
    write(tmp_path / "gt" / "one", json.dumps({"chars": [], "lines": []}))
    opened: list[str] = []

    def read_bytes(uri: str, limit: int | None = None) -> bytes:
        opened.append(uri)
        return (tmp_path / "gt" / "one").read_bytes()[:limit]

    monkeypatch.setattr("udfs.files.read_bytes", read_bytes)
    monkeypatch.setattr("udfs.files.size", lambda _: 30)
    found = gather(str(tmp_path), names)
    ranges = plan_files(str(tmp_path), "gt/*.json", found["gt/*.json"], 32 << 20)
    assert [name for part in ranges for name, _ in part.names] == names
    assert (len(opened), len(ranges)) == (3, 3)


def test_another_folder_is_told_what_was_found_and_what_is_nearest(tmp_path: Path):
    write(tmp_path / "rects" / "gt_unicode" / "a.json", json.dumps({"shapes": [{"label": "x"}]}))
    with pytest.raises(InputError, match=r"rects: no family reads these files\. Found: .*a\.json") as caught:
        plan_sources([packaged_sources()["rects"]], Storage(sources_root=str(tmp_path)))
    assert "the nearest family is" in caught.value.next_step
