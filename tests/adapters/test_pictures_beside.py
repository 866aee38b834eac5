"""Publishers' folders and archives with their pictures, which every sample has to find."""

import json
import pickle
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from normalised import encoded, staged
from publishing import picture

from schemas.config import Media, Storage
from schemas.source import packaged_sources

AI2D = {"Which?": {"abcLabel": False, "answerTexts": ["sun", "moon"], "correctAnswer": 0}}
FIGURE = {"question_string": "Is it?", "answer": 1, "image_index": 3, "color1_name": "Teal", "color2_name": "--None--"}
MAP = {"map_id": "map_0.png", "question": "Which?", "answer": "Ohio"}
SAID = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A hill."}]
BOX = '1,2,3,4,5,6,7,8,0,"x"\n'
REF = {"ref_id": 1, "ann_id": 5, "image_id": 1, "sentences": [{"sent": "the cat"}]}
OBJECTS = {
    "images": [{"id": 1, "file_name": "COCO_train2014_000000000001.jpg", "width": 200, "height": 100}],
    "annotations": [{"id": 5, "image_id": 1, "bbox": [20, 10, 40, 50], "category_id": 5}],
    "categories": [{"id": 5, "name": "cat"}],
}
PLACES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "a diagram's questions beside the pictures, in one zip": ("ai2d_gpt4v", {
        "ai2d.zip": {f"ai2d/questions/{at}.png.json": {"imageName": f"{at}.png", "questions": AI2D} for at in (1, 2)}
        | {f"ai2d/images/{at}.png": picture(at) for at in (1, 2)},
    }),
    "pictures below the questions, in one zip": ("figureqa_cauldron_llava_format", {
        "figureqa-train1-v1.zip": {"train1/qa_pairs.json": {"qa_pairs": [FIGURE]}, "train1/png/3.png": picture(1)},
    }),
    "three pictures of one name, in one zip": ("mapqa_mathv360k", {
        "MapQA.zip": {f"MapQA/MapQA_{part}/questions/train-QA.json": [MAP] for part in "RSU"}
        | {f"MapQA/MapQA_{part}/images/map_0.png": picture(at) for at, part in enumerate("RSU", 1)},
    }),
    "pictures in folders beside the labels, in one zip": ("orand_car_a", {"ORAND-CAR-2014.zip": {
        f"ORAND-CAR-2014/CAR-A/a_{split}_{file}": held for at, split in enumerate(("test", "train"), 1)
        for file, held in (("gt.txt", "a_car_1.png\t007\n"), ("images/a_car_1.png", picture(at)))
    }}),
    "a shared root's pictures in the own folder": ("svit_core", {
        "format/llava-v1.5/SVIT_core_150K.json": [
            {"id": folder, "image": f"vg/{folder}/1.jpg", "conversations": SAID} for folder in ("VG_100K", "VG_100K_2")
        ],
        "images.zip": {"VG_100K/1.jpg": picture(1)}, "VG_100K_2/1.jpg": picture(2),
    }),
    "pictures below the path that they were packed with": ("sharegpt4o", {
        "image_conversations/gpt-4o.jsonl": "\n".join(
            json.dumps({"image": f"{at}.jpg", "width": 9, "height": 9, "conversations": SAID}) for at in (1, 2)
        ),
        "images.zip": {"mnt/a/b/c/4o/image/1.jpg": picture(1)}, "images/mnt/a/b/c/4o/image/2.jpg": picture(2),
    }),
    "an archive whose name begins as the paths do": ("raven", {
        "m4_instruct_annotations.json": [
            {"sample_id": at, "image": [f"RAVEN/{at}.png"], "conversations": SAID, "metadata": {"dataset": "RAVEN"}}
            for at in (1, 2)
        ],
        "RAVEN_train_images.zip": {"1.png": picture(1), "RAVEN_train_images/2.png": picture(2)},
    }),
    "texts and pictures in two zips": ("rctw_17", {
        "train_gts.zip": {f"train_gts/image_{at}.txt": BOX for at in (1, 2)},
        "train_images.zip": {f"train_images/image_{at}.jpg": picture(at) for at in (1, 2)},
    }),
    "an archive to be unpacked into images": ("allava_vflan", {
        "allava_vflan/ALLaVA-Instruct-VFLAN-4V.json": [
            {"id": "1", "image": "allava_vflan/images/images_191task_1k/a+b.jpg", "conversations": SAID},
        ],
        "allava_vflan/image_191-task_1k.zip": {"images_191task_1k/a+b.jpg": picture(1)},
    }),
    "archives in a folder of their own": ("allava_laion", {
        "allava_laion/ALLaVA-Caption-LAION-4V.json": [
            {"id": "1", "image": "allava_laion/images/100.jpeg", "conversations": SAID},
        ],
        "allava_laion/image_chunks/images_0.zip": {"images/99.jpeg": picture(3)},
        "allava_laion/image_chunks/images_1.zip": {"images/100.jpeg": picture(1)},
    }),
    "archives of several splits": ("vizwiz", {
        "Annotations/val.json": [{"image": "VizWiz_1.jpg", "question": "What?", "answers": [{"answer": "a can"}]}],
        "train/images.zip": {"VizWiz_1.jpg": picture(2)}, "val/images.zip": {"VizWiz_1.jpg": picture(1)},
    }),
    "names that both splits and both parts have": ("orand_car_a", {
        f"CAR-{part.upper()}/{part}_{split}_gt.txt": f"{part}_car_1.png\t15\n{part}_car_2.png\t02\n"
        for part in "ab" for split in ("train", "test")
    } | {
        f"CAR-A/a_{split}_images/a_car_{at % 2 + 1}.png": picture(at + 1)
        for split, numbers in (("test", (0, 1)), ("train", (2, 3))) for at in numbers
    }),
    "pictures where a toolkit wants them": ("refcoco", {
        "refcoco/refs(unc).p": pickle.dumps([REF]), "refcoco/instances.json": OBJECTS,
        "images/mscoco/images/train2014/COCO_train2014_000000000001.jpg": picture(1),
    }),
    "COCO's pictures where its publisher's loader wants them": ("detgpt", {
        "dataset/coco/coco_task_annotation.json": [{"image_id": 7, "task": "Find food.", "answer": "A cake: [cake]"}],
        "dataset/coco/image/000000000007.jpg": picture(1),
    }),
    "COCO's and SAM's pictures as a README lays them": ("image_textualization_filtered", {
        f"image-textualization-data/image-textualization-{part}.jsonl": json.dumps(
            {"image": name, "question": "What is there?", "description": "A hill."}
        ) for part, name in (("coco-50k-llava", "000000000007.jpg"), ("sam-65k", "sa_223750.jpg"))
    } | {"dataset/coco/train2017/000000000007.jpg": picture(1), "dataset/sam/images/sa_223750.jpg": picture(2)}),
}  # fmt: skip


@pytest.mark.parametrize(("name", "files"), PLACES.values(), ids=PLACES)
def test_every_sample_finds_its_own(tmp_path: Path, name: str, files: Mapping[str, Any]):
    for file, content in files.items():
        (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name / file).write_bytes(encoded(file, content))
    source = packaged_sources()[name]
    reading = source.reading and source.reading.model_copy(update={"splits": ("train", "val", "test")})
    source = source.model_copy(update={"reading": reading})
    found = staged(source, Storage(sources_root=str(tmp_path)), Media())
    assert [row["reject"] for row in found if row.get("reject")] == []
    shown = [row["sample"]["media"] for row in found if row.get("sample")]
    assert shown == [[sha256(picture(at)).hexdigest()] for at in range(1, len(shown) + 1)]
    assert shown
