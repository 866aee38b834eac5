"""Records that hold a conversation already: LLaVA and what descends from it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from schemas.enums import DropReason, MediaKind
from schemas.errors import Drop
from schemas.source import Source
from udfs.adapters.evidence import KEYS, evidence
from udfs.adapters.family import Family, Shape
from udfs.adapters.fields import dotted, first, items, record_of, text
from udfs.adapters.media import patterned, refs
from udfs.adapters.shapes import ARRAY, PARQUET
from udfs.adapters.turns import MARK, PLACEHOLDER, Media, dialogue, place
from udfs.sample import Draft, MediaRef, Record

CONVERSATION = ("conversations", "messages", "conversation")
MEDIA = (("video", MediaKind.VIDEO), ("image", MediaKind.IMAGE), ("images", MediaKind.IMAGE))
IDS = ("id", "sample_id", "question_id", "uuid", "conversation_id")


PARTS = {
    "text": None, "image": MediaKind.IMAGE, "image_url": MediaKind.IMAGE,
    "video": MediaKind.VIDEO, "video_url": MediaKind.VIDEO,
}  # fmt: skip
"""Parts of a content list by type, as OpenAI's chat and its descendants write them."""


def adapt(record: Record, source: Source) -> Draft:
    """Turns as they stand; the k-th placeholder stands for the k-th medium."""
    said = [(speaker, *_written(content, name)) for name, speaker, content in _said(record)]
    own = [medium for _, _, media in said for medium in media]
    media = _merged(own, shown(record, source)) if any(own) else shown(record, source)
    turns, media = place(dialogue((speaker, content) for speaker, content, _ in said), media)
    named = first(record.value, IDS)
    return Draft(
        turns=turns,
        media=media,
        evidence=evidence(record.value, KEYS),
        original_id=text(named[1], named[0]) if named else record.origin.original_id,
    )


def shown(record: Record, source: Source) -> Media:
    """The media of a record: of the first of its media fields that holds something."""
    pattern = source.reading.media_pattern if source.reading else ""
    for name, kind in MEDIA:
        media = refs(dotted(record.value, name), name, kind)
        if media:
            return patterned(media, (pattern,), record) if len(media) == 1 else media
    return ()


def _written(content: object, name: str) -> tuple[object, list[MediaRef | None]]:
    """Content as text, and for each placeholder in it the medium that stands there itself, or None."""
    if not isinstance(content, list | tuple):
        return content, [None] * len(MARK.findall(content)) if isinstance(content, str) else []
    lines, media = [], list[MediaRef | None]()
    for at, value in enumerate(content):
        part = record_of(value, f"{name}.{at}")
        line, held = _part(part, f"{name}.{at}")
        lines.append(line)
        media += held
    return "\n".join(lines), media


def _part(part: Mapping[str, Any], name: str) -> tuple[str, list[MediaRef | None]]:
    """One part of a content list, likewise."""
    sort = str(part.get("type"))
    if sort not in PARTS:
        raise Drop(DropReason.WRONG_SHAPE, f"{name} is of type {sort}; allowed: {', '.join(PARTS)}")
    kind = PARTS[sort]
    if kind is None:
        line = text(part.get(sort), name)
        return line, [None] * len(MARK.findall(line))
    _, held = first(part, (f"{sort}.url", sort, "url", "path")) or ("", None)
    return PLACEHOLDER[kind], [*refs(held, f"{name}.{sort}", kind)] or [None]


def _merged(own: Iterable[MediaRef | None], beside: Media) -> Media:
    """Media in the order of their placeholders: the turns' own ones, else the next one beside the turns."""
    rest = iter(beside)
    placed = [medium or next(rest, None) for medium in own]
    return (*(medium for medium in placed if medium), *rest)


def _said(record: Record) -> Iterator[tuple[str, object, object]]:
    found = first(record.value, CONVERSATION)
    if found is None:
        there = sorted(map(str, record.value))[:20]
        raise Drop(DropReason.MISSING_FIELD, f"no conversation; fields: {there}; allowed: {', '.join(CONVERSATION)}")
    name, turns = found
    for at, turn in enumerate(items(turns, name)):
        said = record_of(turn, f"{name}.{at}")
        yield f"{name}.{at}", said.get("from", said.get("role")), said.get("value", said.get("content"))


TURNS = {"question": CONVERSATION}
SHOWN = frozenset({"image", "images", "video"})

CONVERSATIONS: Mapping[str, Family] = {
    family.name: family
    for family in (
        Family("llava_json", (Shape(ARRAY, frozenset(), usual=SHOWN, one_of=TURNS),), adapt),
        Family("llava_jsonl", (Shape(ARRAY, frozenset(), usual=SHOWN, one_of=TURNS),), adapt),
        Family("ov_parquet", (Shape(PARQUET, frozenset(), usual=SHOWN, one_of=TURNS),), adapt),
        Family("m4_json", (Shape(ARRAY, frozenset({"image", "metadata"}), one_of=TURNS),), adapt),
        Family("llava_video_json", (Shape(ARRAY, frozenset({"video"}), one_of=TURNS),), adapt),
    )
}
