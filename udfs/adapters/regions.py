"""Families of boxes: COCO instances, referring expressions, clues. Boxes are shares of width and height.

A box is written as [left, top, right, bottom], each a share from 0 to 1 of the picture's width or height with three
decimals, as LLaVA and its descendants write them; the questions say so.
"""

import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import msgspec
from PIL import Image

from schemas.enums import DropReason
from schemas.errors import Drop
from udfs.adapters.family import Container, Family, Shape
from udfs.adapters.fields import dotted, items, kind, record_of, text
from udfs.adapters.flat import Recipe
from udfs.adapters.held_out import TOLD_IN
from udfs.adapters.joins import ANNOTATIONS, IMAGES, key_of, orphan
from udfs.adapters.shapes import ARRAY, PARQUET, family, fields, rows, side
from udfs.ids import digest, field
from udfs.media.splits import splits_said
from udfs.sample import Part, Record

Value = Mapping[str, Any]
REFS = "refs"
SCALE = "[left, top, right, bottom], as shares of the picture's width and height from 0 to 1"
FIND = f"Find every object in this picture. Write one a line as its name and its box {SCALE}."
LOCATE = f"Where is this in the picture? Answer with its box {SCALE}.\n"
INFER = f"Look at this region of the picture, given as {SCALE}: "
CONCLUDE = "What can be concluded from it?"


def box_of(value: object, width: object, height: object) -> str | None:
    """A box [x, y, width, height] in px as text; None for one without extent."""
    numbers = [*items(value, "bbox"), width, height]
    if len(numbers) != 6 or not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
        raise Drop(DropReason.WRONG_SHAPE, f"box {kind(value)} of a picture of {width} x {height}; allowed: 4 numbers")
    x, y, w, h, wide, high = numbers
    if wide <= 0 or high <= 0:
        raise Drop(DropReason.WRONG_SHAPE, f"a picture of {wide} x {high}")
    shares = (x / wide, y / high, (x + w) / wide, (y + h) / high)
    corners = [f"{min(max(share, 0.0), 1.0):.3f}" for share in shares]
    return f"[{', '.join(corners)}]" if corners[0] < corners[2] and corners[1] < corners[3] else None


def boxed(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """The objects of a picture with its entry, file by file."""
    files: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        files[part.origin.file].append(part)
    for held in files.values():
        images = [part for part in held if part.side == IMAGES]
        objects = [part for part in held if part.side != IMAGES]
        if images and objects:
            value = {"image": images[0].value, "objects": [part.value for part in objects]}
            yield Record(value, replace(images[0].origin, units=len(objects), record_hash=_hash(held)))
        for image in images[1:] if objects else images:
            yield orphan(image, DropReason.ORPHAN_QUESTION, f"no object has image_id {image.value.get('id')}")
        for left in () if images else objects:
            yield orphan(left, DropReason.ORPHAN_ANNOTATION, f"no image has id {left.value.get('image_id')}")


def found(value: Value) -> Value:
    """COCO instances: name and box of each object; crowds and boxes without extent are no objects to find."""
    image = record_of(value.get("image"), "image")
    lines = []
    for at, part in enumerate(items(value.get("objects"), "objects")):
        thing = record_of(part, f"objects.{at}")
        box = box_of(thing.get("bbox"), image.get("width"), image.get("height"))
        if thing.get("iscrowd") or box is None:
            continue
        if "category" not in thing:
            raise Drop(DropReason.MISSING_FIELD, f"category {thing.get('category_id')} has no name in this file")
        lines.append(f"{text(thing['category'], 'category')}: {box}")
    if not lines:
        raise Drop(DropReason.NO_ANSWER, f"none of {len(value['objects'])} objects is a single one with a box")
    return {**value, "found": "\n".join(lines)}


def referred(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """Expressions with the box of the object that they mean; each folder has annotations of its own.

    Sets of splits (unc, google) lie side by side, and folders (RefCOCO, RefCOCOg) show the same objects: what is a test
    in one of them is none to train on in any. Other objects of its picture stay where their publisher put them.
    """
    folders: dict[PurePosixPath, list[Part]] = defaultdict(list)
    tests: dict[str, str] = {}
    for part in parts:
        folders[PurePosixPath(part.origin.file).parent].append(part)
        if part.side == REFS and splits_said(part.value.get("split")) == {"test"}:
            tests.setdefault(str(part.value.get("ann_id")), part.origin.file)
    for held in folders.values():
        yield from _in_folder(held, tests)


def _in_folder(held: Sequence[Part], tests: Mapping[str, str]) -> Iterator[Record]:
    things = {str(part.value.get("id")): part for part in reversed(held) if part.side == ANNOTATIONS}
    images = [part for part in held if part.side == IMAGES]
    refs = [part for part in held if part.side == REFS]
    used: set[int] = set()
    for ref in refs:
        thing = things.get(str(ref.value.get("ann_id")))
        if thing is None or not images:
            lacks = f"no image has id {ref.value.get('image_id')}"
            lacks = f"no object has id {ref.value.get('ann_id')}" if thing is None else lacks
            yield orphan(replace(ref, origin=replace(ref.origin, units=_units(ref))), DropReason.ORPHAN_QUESTION, lacks)
            continue
        used |= {id(thing), id(images[0])}
        test = tests.get(str(ref.value.get("ann_id")))
        held_out = {"split": "test", TOLD_IN: test} if test else {}
        value = {**ref.value, **held_out, "object": thing.value, "image": images[0].value}
        yield Record(value, replace(ref.origin, units=_units(ref), record_hash=_hash((ref, thing, images[0]))))
    for left in held:
        if left.side != REFS and id(left) not in used:
            detail = f"no expression means {'this picture' if left.side == IMAGES else 'this object'}"
            yield orphan(left, DropReason.ORPHAN_ANNOTATION, detail)


def _units(ref: Part) -> int:
    said = ref.value.get("sentences")
    return max(1, len(said)) if isinstance(said, list) else 1


def located(value: Value) -> Value:
    """RefCOCO and its kin: every expression of an object is a question of its own."""
    image, thing = record_of(value.get("image"), "image"), record_of(value.get("object"), "object")
    box = box_of(thing.get("bbox"), image.get("width"), image.get("height"))
    if box is None:
        raise Drop(DropReason.NO_ANSWER, f"box {kind(thing.get('bbox'))} has no extent")
    said = [record_of(part, f"sentences.{at}") for at, part in enumerate(items(value.get("sentences"), "sentences"))]
    told = [text(part.get("sent", part.get("raw")), "sentences.sent") for part in said]
    name = text(image.get("file_name"), "image.file_name")
    subset = re.search(r"(?:train|val|test)20\d\d", name)
    pairs = [{"question": f"{LOCATE}{sentence}", "answer": box} for sentence in dict.fromkeys(told) if sentence]
    return {"ref_id": value.get("ref_id"), "pairs": pairs, "image": f"{subset[0]}/{name}" if subset else name}


def captioned(value: Value) -> Value:
    """MDETR's form of RefCOCO: a picture's entry once for each expression, which is its caption, with one box."""
    image, objects = record_of(value.get("image"), "image"), items(value.get("objects"), "objects")
    if len(objects) != 1:
        raise Drop(DropReason.WRONG_SHAPE, f"{len(objects)} boxes for one caption; allowed: 1")
    return located({"image": image, "object": objects[0], "sentences": [{"sent": image.get("caption")}]})


def in_the_row(value: Value) -> Value:
    """Tables of RefCOCO: lmms-lab's hold the picture and give the expressions as the answer to a question that shows no
    box; jxu124's hold the object and the picture's entry as JSON."""
    if "raw_anns" in value:
        entries = {"object": _parsed(value, "raw_anns"), "image": _parsed(value, "raw_image_info")}
        return {**located({**value, **entries}), "id": value.get("ref_id")}
    shown = record_of(value.get("image"), "image")
    if not isinstance(shown.get("bytes"), bytes):
        raise Drop(
            DropReason.MISSING_MEDIA, f"image is {kind(shown)}; allowed: bytes, whose width and height are needed"
        )
    with Image.open(io.BytesIO(shown["bytes"])) as picture:
        width, height = picture.size
    said = [{"sent": sentence} for sentence in items(value.get("answer"), "answer")]
    image = {"file_name": "", "width": width, "height": height}
    thing = {"bbox": value.get("bbox")}
    return {
        **located({"image": image, "object": thing, "sentences": said}),
        "id": value.get("question_id"),
        "image": shown,
    }


def in_a_line(value: Value) -> Value:
    """Qwen-VL's form of RefCOCO: one expression a line, its box by two corners; paths begin where its authors' did."""
    corners = items(value.get("bbox"), "bbox")
    if len(corners) != 4 or not all(isinstance(n, int | float) and not isinstance(n, bool) for n in corners):
        raise Drop(DropReason.WRONG_SHAPE, f"bbox is {kind(corners)}; allowed: left, top, right and bottom")
    left, top, right, bottom = corners
    path = text(value.get("image"), "image")
    name = PurePosixPath(path).name
    image = {"file_name": name, "width": value.get("width"), "height": value.get("height")}
    thing = {"bbox": [left, top, right - left, bottom - top]}
    told = located({"image": image, "object": thing, "sentences": [{"sent": value.get("sent")}]})
    return {**told, "image": path} if told["image"] == name else told


def _parsed(value: Value, name: str) -> Value:
    try:
        return record_of(msgspec.json.decode(text(value.get(name), name)), name)
    except msgspec.DecodeError as error:
        raise Drop(DropReason.MALFORMED, f"{name} is no JSON: {error}") from None


def concluded(value: Value) -> Value:
    """Sherlock: regions, a clue and what follows from it; leaderboards tell no clue. Pictures are named by links."""
    asked = record_of(value.get("inputs", value), "inputs")
    image = record_of(asked.get("image"), "image")
    regions = items(asked.get("bboxes", asked.get("region")), "bboxes")
    boxes = [_corner_box(record_of(region, "bboxes"), image) for region in regions]
    if not any(boxes):
        raise Drop(DropReason.MISSING_FIELD, f"{len(boxes)} regions, none of them with an extent")
    shown = f" It shows: {text(asked['clue'], 'clue').rstrip('. ')}." if asked.get("clue") else ""
    path = PurePosixPath(urlsplit(text(image.get("url"), "image.url")).path)
    steps = 3 if "vcr1images" in path.parts else 2
    return {
        "id": value.get("instance_id", value.get("test_id")),
        "image": "/".join(path.parts[-steps:]),
        "question": f"{INFER}{', '.join(box for box in boxes if box)}.{shown} {CONCLUDE}",
        "inference": dotted(value, "targets.inference") or value.get("inference"),
    }


def _corner_box(region: Value, image: Value) -> str | None:
    sides = [region.get(name) for name in ("left", "top", "width", "height")]
    return box_of(sides, image.get("width"), image.get("height"))


def _hash(parts: Iterable[Part]) -> str:
    return digest(field(part.origin.record_hash) for part in parts)


_REFS = frozenset({Container.PICKLE}) | ARRAY
_BOXES = Shape(
    ARRAY, frozenset({"image_id", "bbox", "category_id"}), "annotations", ANNOTATIONS, key_of("image_id"),
    words="categories",
)  # fmt: skip
REGIONS: Mapping[str, Family] = {
    made.name: made
    for made in (
        family(
            "coco_instances_json",
            Recipe(
                fields(id=("image.id",), question=(), answer=("found",), media=("image.file_name",), context=()),
                prepare=found,
                media=("{subset}/{image.file_name}",),
                ask=FIND,
                free=True,
            ),
            side(IMAGES, "id", "file_name", "width", "height", at="images"),
            _BOXES,
            joiner=boxed,
        ),
        family(
            "ref_pickle",
            Recipe(fields(id=("ref_id",), media=("image",)), prepare=located, pairs="pairs", free=True),
            Shape(_REFS, frozenset({"ref_id", "ann_id", "sentences"}), None, REFS, key_of("image_id")),
            side(IMAGES, "id", "file_name", "width", "height", at="images"),
            replace(_BOXES, words=""),
            joiner=referred,
        ),
        family(
            "mdetr_json",
            Recipe(fields(id=("ref_id",), media=("image",)), prepare=captioned, pairs="pairs", free=True),
            side(IMAGES, "id", "file_name", "width", "height", "caption", at="images"),
            replace(_BOXES, keys=_BOXES.keys | {"tokens_positive"}, words=""),
            joiner=boxed,
        ),
        family(
            "ref_jsonl",
            Recipe(fields(media=("image",)), prepare=in_a_line, pairs="pairs", free=True),
            rows(ARRAY, "image", "sent", "bbox", "height", "width"),
        ),
        family(
            "ref_parquet",
            Recipe(fields(id=("id",), media=("image",)), prepare=in_the_row, pairs="pairs", free=True),
            rows(PARQUET, "image", "question", "answer", "bbox", "segmentation"),
            rows(PARQUET, "ref_id", "sentences", "raw_anns", "raw_image_info"),
        ),
        family(
            "sherlock_json",
            Recipe(
                fields(answer=("inference",), media=("image",), context=()),
                prepare=concluded,
                free=True,
            ),
            rows(ARRAY, "inputs", "targets", "instance_id"),
            rows(ARRAY, "image", "region", "inference"),
        ),
    )
}
