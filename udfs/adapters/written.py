"""Pictures of text with what is written there in the same row, as hubs publish them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from schemas.enums import DropReason
from schemas.errors import Drop
from udfs.adapters.arrays import READ as READ_WORD
from udfs.adapters.family import Family
from udfs.adapters.fields import items, kind, record_of, text
from udfs.adapters.flat import Recipe
from udfs.adapters.media import CLASSES
from udfs.adapters.paired import KEYS, READ, RECEIPT, keys_of
from udfs.adapters.shapes import ARRAY, PARQUET, TABLE, family, fields, rows

Value = Mapping[str, Any]
_SPREAD = ("company", "address")


def in_words(value: Value) -> Value:
    """A label is what is written; a number stands for a class, whose name the row does not tell."""
    label = value.get("label")
    if label is not None and not isinstance(label, str):
        raise Drop(DropReason.WRONG_SHAPE, f"label is {kind(label)}; allowed: text")
    return value


def boxed_words(value: Value) -> Value:
    """SROIE: the words of a receipt line by line, and its keys where the tags beside them have names."""
    words = [text(word, "words") for word in items(value.get("words") or [], "words")]
    boxes = [items(box, "bboxes") for box in items(value.get("bboxes") or [], "bboxes")]
    if len(words) != len(boxes) or any(len(box) != 4 for box in boxes):
        detail = f"{len(words)} words and {len(boxes)} bboxes; allowed: one of left, top, right and bottom for each"
        raise Drop(DropReason.WRONG_SHAPE, detail)
    told = {READ: "\n".join(filter(None, _lines(words, boxes)))}
    if known := _tagged(words, value):
        told[RECEIPT] = keys_of(known)
    return {**value, "pairs": [{"question": asked, "answer": reply} for asked, reply in told.items()]}


def _tagged(words: Sequence[str], value: Value) -> dict[str, str]:
    """The keys of a receipt; a name and an address may stand in several places, and of others the first one counts."""
    names = dict(enumerate(record_of(value.get(CLASSES) or {}, CLASSES).get("ner_tags", ())))
    found: dict[str, list[str]] = {}
    last = ""
    for word, tag in zip(words, items(value.get("ner_tags") or [], "ner_tags"), strict=False):
        begins, _, key = str(names.get(tag, tag) if isinstance(tag, int) else tag).lower().partition("-")
        if key in KEYS and word:
            places = found.setdefault(key, [])
            if key == last and begins != "b":
                places[-1] = f"{places[-1]} {word}"
            else:
                places.append(word)
        last = key
    return {key: " ".join(dict.fromkeys(places) if key in _SPREAD else places[:1]) for key, places in found.items()}


def _lines(words: Sequence[str], boxes: Sequence[Sequence[float]]) -> Iterator[str]:
    """Words in their order; the next one stands on the same line if it stands right of the last one and as high."""
    line: list[str] = []
    last: Sequence[float] = ()
    for word, box in zip(words, boxes, strict=True):
        if last and not _goes_on(last, box):
            yield " ".join(line)
            line = []
        line += [word] if word else []
        last = box
    yield " ".join(line)


def _goes_on(last: Sequence[float], box: Sequence[float]) -> bool:
    shared = min(last[3], box[3]) - max(last[1], box[1])
    return box[0] >= last[0] and 2 * shared > min(last[3] - last[1], box[3] - box[1])


def parsed(value: Value) -> Value:
    """SROIE as Donut is trained on it: the keys of a receipt as `gt_parse` of the JSON in a field."""
    try:
        held = msgspec.json.decode(text(value.get("ground_truth"), "ground_truth"))
    except msgspec.DecodeError as error:
        raise Drop(DropReason.MALFORMED, f"ground_truth is no JSON: {error}") from None
    return {**value, "keys": keys_of(record_of(record_of(held, "ground_truth").get("gt_parse"), "gt_parse"))}


def rendered(value: Value) -> Value:
    """RenderedText: the lines of a picture, in the JSON beside it; the hub's tables hold that in a column."""
    told = record_of(record_of(value.get("json", value), "json").get("ocr_annotation"), "ocr_annotation").get("text")
    lines = [told] if isinstance(told, str) else items(told, "ocr_annotation.text")
    return {**value, "transcript": "\n".join(text(line, "ocr_annotation.text") for line in lines)}


WRITTEN: Mapping[str, Family] = {
    made.name: replace(made, named=True)
    for made in (
        family(
            "label_parquet",
            Recipe(
                fields(question=(), answer=("label",), media=("image", "file_name")), prepare=in_words, ask=READ_WORD
            ),
            rows(PARQUET, "image", "label"),
            rows(ARRAY | TABLE, "file_name", "label"),
        ),
        family(
            "mmocr_json",
            Recipe(fields(question=(), answer=("instances.0.text",), media=("img_path",)), ask=READ_WORD),
            rows(ARRAY, "img_path", "instances", at="data_list"),
        ),
        family(
            "rendered_text",
            Recipe(
                fields(question=(), answer=("transcript",), media=("image", "png"), context=()),
                prepare=rendered,
                ask=READ,
                free=True,
            ),
            rows(PARQUET, "image", "ocr_annotation"),
            rows(PARQUET, "png", "json"),
        ),
        family(
            "donut_receipt",
            Recipe(
                fields(question=(), answer=("keys",), media=("image", "file_name")),
                prepare=parsed,
                ask=RECEIPT,
                free=True,
            ),
            rows(PARQUET, "image", "ground_truth"),
            rows(ARRAY | TABLE, "file_name", "ground_truth"),
        ),
        family(
            "tagged_receipt_parquet",
            Recipe(fields(media=("image",)), prepare=boxed_words, pairs="pairs", free=True),
            rows(PARQUET, "image", "words", "bboxes", "ner_tags"),
        ),
    )
}
"""Read for sources that name them, as labels and words mean something else elsewhere."""
