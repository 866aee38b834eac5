"""Authors' own trees, pictures read: SVIT's topics, narratives of four data sets, both halves of UniGeo, charts."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from normalised import Row, normalised, staged
from publishing import picture

from schemas.config import Media, Storage
from schemas.source import packaged_sources

VG = picture(3)


def shown(root: Path, name: str, contents: Mapping[str, Any], **roots: Path) -> tuple[list[Row], list[Row]]:
    """Samples and rejects with pictures read."""
    normalised(root, name, contents)
    storage = Storage(sources_root=str(root), media_roots={key: str(path) for key, path in roots.items()})
    rows = staged(packaged_sources()[name], storage, Media())
    return [row["sample"] for row in rows if row["sample"]], [row["reject"] for row in rows if row["reject"]]


def said(sample: Row) -> list[str]:
    return [turn["text"] for turn in sample["conversation"]]


def of(data: bytes) -> list[str]:
    return [hashlib.sha256(data).hexdigest()]


def turns(*words: str, spoken: bool = True) -> dict[str, Any]:
    speakers = ("user", "gpt") * len(words)
    return {
        "content": [
            {"from": speaker, "value": word} if spoken else {"value": word}
            for speaker, word in zip(speakers, words, strict=False)
        ]
    }


TOPICS = [
    {"image_id": 2372979, "conversations": [turns("What?", "A dog."), turns("Where?", "Here.", "Why?", "So.")]},
    {"image_id": 2372979, "conversations": [turns("Who?", "He.", spoken=False)]},
    {"image_id": 2372979, "conversations": [turns("Who?", "He.", "What?", spoken=False)]},
    {"image_id": 2372979, "conversations": []},
]


@pytest.mark.parametrize("file", ["raw/conversation.json", "complex_reasoning.zip"])
@pytest.mark.parametrize("place", ["elsewhere/VG_100K_2", "svit_core/vg/VG_100K", "svit_core/VG_100K"])
def test_topics_of_svit(tmp_path: Path, file: str, place: str):
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "2372979.jpg").write_bytes(VG)
    content = {"complex_reasoning.json": TOPICS} if file.endswith(".zip") else TOPICS
    roots = {"vg": tmp_path / "elsewhere"} if place.startswith("elsewhere") else {}
    samples, rejects = shown(tmp_path, "svit_core", {file: content}, **roots)
    assert [said(sample) for sample in samples] == [
        ["<image>\nWhat?", "A dog.", "Where?", "Here.", "Why?", "So."], ["<image>\nWho?", "He."],
    ]  # fmt: skip
    assert [(sample["media"], sample["origin"]["original_id"]) for sample in samples] == [(of(VG), "2372979")] * 2
    assert [reject["drop_reason"] for reject in rejects] == ["turn_order", "empty_conversation"]


ADE, OPEN = "ADE_train_00000001", "0a1b2c3d4e5f6a7b"
NARRATIVES = "{}_localized_narratives.jsonl"
PLACES = {
    ("ADE20k_train", "ade20k_train", ADE): (
        f"ADEChallengeData2016/images/training/{ADE}.jpg", f"images/ADE/training/{ADE}.jpg",
        f"ADE20K_2021_17_01/images/ADE/training/urban/street/{ADE}.jpg", f"ade20k/{ADE}.jpg", f"{ADE}.jpg",
    ),
    ("ADE20k_train", "ade20k_train", "1"): (f"ADEChallengeData2016/images/training/{ADE}.jpg",),
    ("ADE20k_validation", "ade20k_validation", "ADE_val_00000001"): (
        "ADEChallengeData2016/images/validation/ADE_val_00000001.jpg",
    ),
    ("Flickr30k_train", "flickr30k_train", "1000092795"): ("flickr30k-images/1000092795.jpg", "1000092795.jpg"),
    ("open_images_train", "open_images_train_v6", OPEN): (f"train/{OPEN}.jpg", f"images/train/{OPEN}.jpg"),
    ("mscoco_train2017", "coco_train", "42"): ("train2017/000000000042.jpg", "coco/train2017/000000000042.jpg"),
}  # fmt: skip


@pytest.mark.parametrize(("told", "place"), [(told, place) for told, places in PLACES.items() for place in places])
def test_pictures_of_narratives(tmp_path: Path, told: tuple[str, str, str], place: str):
    data_set, file, image = told
    record = {"dataset_id": data_set, "image_id": image, "annotator_id": 1, "caption": "There is a street."}
    decoy = {"ADEChallengeData2016/annotations/training/ADE_train_00000001.png": picture(5)}
    (sample,), rejects = shown(
        tmp_path, "localizednarratives", {NARRATIVES.format(file): json.dumps(record), place: VG, **decoy}
    )
    assert (sample["media"], said(sample)[1], rejects) == (of(VG), "There is a street.", [])


@pytest.mark.parametrize(
    "places", [(f"a/deep/er/{ADE}.jpg", f"b/deep/er/{ADE}.jpg"), (f"ADE/images/validation/x/{ADE}.jpg/{ADE}.png",)]
)
def test_a_picture_that_may_be_another_is_none(tmp_path: Path, places: tuple[str, ...]):
    record = {"dataset_id": "ADE20k_train", "image_id": ADE, "annotator_id": 1, "caption": "There is a street."}
    files = {NARRATIVES.format("ade20k_train"): json.dumps(record), **dict.fromkeys(places, VG)}
    samples, (reject,) = shown(tmp_path, "localizednarratives", files)
    assert (samples, reject["drop_reason"]) == ([], "missing_media")


PIXELS = np.random.default_rng(0).integers(0, 256, (80, 96, 3), np.uint8)
SOLVED = {
    "id": 7, "English_problem": "AB is N_0, how long is AC?", "numbers": [3], "choice_nums": [1.0, 2.0, 3.0, 4.0],
    "label": 2, "manual_program": ["g_equal", "N_0"], "image": PIXELS[:, :, 0],
}  # fmt: skip
PROVED = {
    "id": 8, "input_text": "Given that U is the midpoint of TV, prove that TU = UV.", "problem_type": "congruent",
    "problem_form": "proving", "target_text": "", "proving_sequence": ["Midpoint", "TU", "=", "UV"], "img": PIXELS,
}  # fmt: skip
PROOF = "Write the proof as a row of reasons, each followed by what it gives."


@pytest.mark.parametrize("pixels", [PIXELS, PIXELS.astype(np.float64), PIXELS.astype(np.int64)])
def test_both_halves_of_unigeo(tmp_path: Path, pixels: "np.ndarray[Any, Any]"):
    held = {"calculation_train.pk": [SOLVED], "proving_train.pk": [PROVED | {"img": pixels}]}
    samples, rejects = shown(tmp_path, "unigeo_mathv360k", held)
    assert rejects == []
    assert {sample["origin"]["file"]: (said(sample), sample["gold_answer"]) for sample in samples} == {
        "calculation_train.pk": (["<image>\nAB is 3, how long is AC?\nA. 1\nB. 2\nC. 3\nD. 4", "C. 3"], "C"),
        "proving_train.pk": ([f"<image>\n{PROVED['input_text']}\n{PROOF}", "Midpoint TU = UV"], None),
    }


def test_a_proof_needs_its_steps_and_its_picture(tmp_path: Path):
    broken = [PROVED | {"proving_sequence": None}, PROVED | {"img": PIXELS / 255}, PROVED | {"proving_sequence": []}]
    samples, rejects = shown(tmp_path, "unigeo_mathv360k", {"proving_train.pk": [PROVED, *broken]})
    assert [said(sample)[1] for sample in samples] == ["Midpoint TU = UV"]
    assert [reject["drop_reason"] for reject in rejects] == ["wrong_shape", "missing_media", "no_answer"]


def test_charts_with_their_captions(tmp_path: Path):
    trees = ("statista_dataset/dataset", "statista_dataset/dataset/multiColumn", "pew_dataset/dataset")
    tree: dict[str, Any] = {}
    for number, top in enumerate(trees):
        for at in range(1, 6):
            data = "Year , 2019\n4 : 5" if top.startswith("pew") else "Year,Value\n2019,4\n"
            suffix = "txt" if top.startswith("pew") else "csv"
            tree |= {
                f"{top}/captions/{at}.txt": f"Caption {at} of {top}.", f"{top}/titles/{at}.txt": f"Title {at} of {top}",
                f"{top}/data/{at}.{suffix}": data, f"{top}/imgs/{at}.png": picture(10 * number + at),
                f"{top}/bboxes/{at}.json": {"words": []},
            }  # fmt: skip
        tree[f"{top}/dataset_splits/train.csv"] = "image\n1.png\n"
        tree[f"{top}/metadata.csv"] = "id,title\n1,Title\n"
    del tree["pew_dataset/dataset/captions/3.txt"]
    samples, rejects = shown(tmp_path, "chart2text_cauldron", tree)
    assert {said(sample)[1]: (sample["media"], sample["evidence"]) for sample in samples} == {
        f"Caption {at} of {top}.": (
            of(picture(10 * number + at)),
            f"Title {at} of {top}\n" + ("Year , 2019\n4 : 5" if top.startswith("pew") else "Year | Value\n2019 | 4"),
        )
        for number, top in enumerate(trees) for at in range(1, 6) if (top, at) != (trees[2], 3)
    }  # fmt: skip
    assert {(reject["origin"]["file"], reject["drop_reason"]) for reject in rejects} == {
        (f"pew_dataset/dataset/{name}/3.txt", "orphan_annotation") for name in ("titles", "data")
    }
