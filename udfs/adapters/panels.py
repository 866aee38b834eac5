"""RAVEN as its authors ship it, sixteen panels in an array and rules in XML beside it, or both in a row of a table.

Sources of several pictures get every panel as a picture of its own, so that the model has to relate pictures, which
is the task there, and no panel is shrunk. Sources of one picture get the puzzle as people see it: the matrix with
its gap, and below it the candidates with their letters.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from PIL import Image, ImageDraw

from schemas.enums import DropReason, Modality
from schemas.errors import Drop
from schemas.source import Source
from udfs.adapters.family import Container, Family, Shape
from udfs.adapters.fields import items, kind, text
from udfs.adapters.flat import Recipe, flat
from udfs.adapters.joins import ANNOTATIONS, QUESTIONS, orphan
from udfs.adapters.media import PATH, refs
from udfs.adapters.shapes import PARQUET, fields, rows
from udfs.ids import digest, field
from udfs.markup import tree_of
from udfs.sample import Draft, Part, Record

Value = Mapping[str, Any]
LETTERS = "ABCDEFGH"
_COUNT = 16
_SIDE = 1024
"""Pixels; RAVEN's panels have 160."""
_GAP = 24
SEVERAL = (
    "The first eight pictures fill a matrix of three rows and three columns from left to right and from top to bottom; "
    "its last cell is empty. The other eight pictures are the candidates A to H in this order. Which candidate belongs "
    "into the empty cell? Answer with its letter."
)
COMPOSED = (
    "The matrix at the top lacks its last panel. Which of the candidates A to H below it belongs there? Answer with "
    "its letter."
)
_ATTRIBUTES = ("Type", "Size", "Color", "Angle")


def solved(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """The arrays of a puzzle with its rules."""
    arrays, rules = list[Part](), list[Part]()
    for part in parts:
        (arrays if part.side == QUESTIONS else rules).append(part)
    for array, rule in zip(arrays, rules, strict=False):
        hashes = (field(part.origin.record_hash) for part in (array, rule))
        yield Record({**array.value, "rules": rule.value}, replace(array.origin, record_hash=digest(hashes)))
    for left in arrays[len(rules) :]:
        yield orphan(left, DropReason.ORPHAN_QUESTION, "no .xml file has this name")
    for left in rules[len(arrays) :]:
        yield orphan(left, DropReason.ORPHAN_ANNOTATION, "no .npz file has this name")


def puzzle(value: Value) -> Value:
    """Panels, the letter of the right candidate, and the panels in words."""
    panels, target = items(value.get("image"), "image"), value.get("target")
    if len(panels) != _COUNT:
        raise Drop(DropReason.WRONG_SHAPE, f"{len(panels)} panels; allowed: {_COUNT}")
    if not isinstance(target, int) or not 0 <= target < len(LETTERS):
        raise Drop(DropReason.NO_ANSWER, f"target is {kind(target)}; allowed: 0 to {len(LETTERS) - 1}")
    words = described(value.get("rules") or {})
    return {"images": panels, "answer": LETTERS[target], "context": words, "id": value.get(PATH, value.get("id"))}


def in_the_row(value: Value) -> Value:
    """A row of the hub's copy: the panels in two columns, the XML as text."""
    panels = [*items(value.get("panels"), "panels"), *items(value.get("choices"), "choices")]
    told = value.get("metadata")
    return {**value, "image": panels, "rules": tree_of(text(told, "metadata")) if told else {}}


def described(rules: Value) -> str:
    """The panels and rules of the XML in words: levels of the attributes of each figure, in the order of the panels."""
    lines = []
    for at, panel in enumerate(_under([rules], "Panels", "Panel")):
        figures = _under([panel], "Struct", "Component", "Layout", "Entity")
        shown = [", ".join(f"{name.lower()} {figure.get(f'@{name}')}" for name in _ATTRIBUTES) for figure in figures]
        name = f"Panel {at + 1}" if at < len(LETTERS) else f"Candidate {LETTERS[at - len(LETTERS)]}"
        lines.append(f"{name}: {'; '.join(shown)}")
    given = _under([rules], "Rules", "Rule_Group", "Rule")
    lines += [f"{rule.get('@attr')}: {rule.get('@name')}" for rule in given]
    return "\n".join(lines)


def _under(nodes: Sequence[Value], *tags: str) -> Sequence[Value]:
    for tag in tags:
        nodes = [child for node in nodes for child in node.get(tag, ()) if isinstance(child, Mapping)]
    return nodes


def composed(panels: Sequence[object]) -> bytes:
    """One picture (PNG) of the matrix with a question mark in its gap and of the lettered candidates."""
    drawn = [_drawn(panel, f"panel {at}") for at, panel in enumerate(panels)]
    wide, high = drawn[0].size
    step, row = wide + _GAP, high + _GAP
    sheet = Image.new("L", (4 * step + _GAP, 5 * row + 2 * _GAP), 255)
    pen = ImageDraw.Draw(sheet)
    left = (sheet.width - 3 * step + _GAP) // 2
    for at in range(9):
        place = (left + at % 3 * step, _GAP + at // 3 * row)
        if at < len(LETTERS):
            sheet.paste(drawn[at], place)
        else:
            pen.text((place[0] + wide // 2, place[1] + high // 2), "?", fill=0, font_size=high // 3, anchor="mm")
        pen.rectangle((place[0] - 1, place[1] - 1, place[0] + wide, place[1] + high), outline=0)
    for at, letter in enumerate(LETTERS):
        place = (_GAP + at % 4 * step, 2 * _GAP + (3 + at // 4) * row)
        sheet.paste(drawn[len(LETTERS) + at], place)
        pen.rectangle((place[0] - 1, place[1] - 1, place[0] + wide, place[1] + high), outline=0)
        pen.text((place[0] + wide // 2, place[1] - _GAP // 2), letter, fill=0, font_size=_GAP - 6, anchor="mm")
    held = io.BytesIO()
    sheet.save(held, "PNG")
    return held.getvalue()


def _drawn(panel: object, name: str) -> Image.Image:
    held = refs(panel, name)
    if not held or held[0].data is None:
        raise Drop(DropReason.MISSING_MEDIA, f"{name} is {kind(panel)}; allowed: the bytes of a picture")
    picture = Image.open(io.BytesIO(held[0].data))
    if max(picture.size) > _SIDE:
        raise Drop(DropReason.MEDIA_TOO_LARGE, f"{name} has {picture.size} pixels; at most {_SIDE} a side are drawn")
    return picture.convert("L")


_FIELDS = fields(question=(), answer=("answer",), media=("images",), context=("context",))
_SEVERAL = flat(Recipe(_FIELDS, ask=SEVERAL), "raven_npz_xml")
_COMPOSED = flat(Recipe(_FIELDS, ask=COMPOSED), "raven_npz_xml")


def adapt(record: Record, source: Source) -> Draft:
    """A puzzle as the source's modality wants it shown."""
    value = puzzle(in_the_row(record.value) if "panels" in record.value else record.value)
    if source.modality is Modality.MULTI_IMAGE:
        return _SEVERAL(replace(record, value=value), source)
    return _COMPOSED(replace(record, value={**value, "images": composed(value["images"])}), source)


def by_path(value: Value) -> str:
    """Both files of a puzzle lie side by side."""
    return str(value[PATH])


_FILES = frozenset({Container.FILES})
PANELS: Mapping[str, Family] = {
    "raven_npz_xml": Family(
        "raven_npz_xml",
        (
            Shape(_FILES, frozenset({"image", "target"}), "npz", QUESTIONS, by_path),
            Shape(_FILES, frozenset({"Panels", "Rules"}), "xml", ANNOTATIONS, by_path),
        ),
        adapt,
        solved,
    ),
    "raven_parquet": Family("raven_parquet", (rows(PARQUET, "panels", "choices", "target"),), adapt),
}
