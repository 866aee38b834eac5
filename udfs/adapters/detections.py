"""Objects of a picture in its own row, as hubs publish COCO for detectors."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from schemas.enums import DropReason
from schemas.errors import Drop
from udfs.adapters.family import Family
from udfs.adapters.fields import items, kind, record_of, text
from udfs.adapters.flat import Recipe
from udfs.adapters.regions import FIND, found
from udfs.adapters.shapes import PARQUET, family, fields, rows

COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
"""COCO's 80 categories in their order, as tables number them from 0."""


def found_in_row(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Name and box of each object; boxes are corners where all of them can be, else corner, width and height."""
    things = [record_of(thing, "objects") for thing in items(value.get("objects"), "objects")]
    boxes = [items(thing.get("bbox"), "bbox") for thing in things]
    corners = all(len(box) == 4 and box[0] <= box[2] and box[1] <= box[3] for box in boxes)
    sides = [[box[0], box[1], box[2] - box[0], box[3] - box[1]] if corners else box for box in boxes]
    named = [{"category": _named(thing.get("category")), "bbox": box} for thing, box in zip(things, sides, strict=True)]
    return {**value, "found": found({"image": value, "objects": named})["found"]}


def _named(category: object) -> str:
    if isinstance(category, int) and not 0 <= category < len(COCO):
        raise Drop(DropReason.WRONG_SHAPE, f"category is {kind(category)}; allowed: 0 to {len(COCO) - 1} or a name")
    return COCO[category] if isinstance(category, int) else text(category, "category")


DETECTIONS: Mapping[str, Family] = {
    "coco_objects_parquet": replace(family(
        "coco_objects_parquet",
        Recipe(
            fields(id=("image_id",), question=(), answer=("found",), media=("image",), context=()),
            prepare=found_in_row, ask=FIND, free=True,
        ),
        rows(PARQUET, "image", "objects", "width", "height"),
    ), named=True)
}  # fmt: skip
"""Read for COCO alone, whose numbers these are."""
