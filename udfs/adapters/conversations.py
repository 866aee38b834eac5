"""Records that hold a conversation already: LLaVA and what descends from it."""

from collections.abc import Iterator, Mapping

from schemas.enums import DropReason, MediaKind
from schemas.errors import Drop
from schemas.source import Source
from udfs.adapters.evidence import KEYS, evidence
from udfs.adapters.family import Family, Shape
from udfs.adapters.fields import dotted, first, items, record_of, text
from udfs.adapters.media import refs
from udfs.adapters.shapes import ARRAY, PARQUET
from udfs.adapters.turns import Media, dialogue, place
from udfs.sample import Draft, Record

CONVERSATION = ("conversations", "messages", "conversation")
MEDIA = (("video", MediaKind.VIDEO), ("image", MediaKind.IMAGE), ("images", MediaKind.IMAGE))
IDS = ("id", "sample_id", "question_id", "uuid", "conversation_id")


def adapt(record: Record, source: Source) -> Draft:  # noqa: ARG001 - the signature of every adapter
    """Turns as they stand; the k-th placeholder stands for the k-th medium."""
    turns, media = place(dialogue(_said(record)), shown(record))
    named = first(record.value, IDS)
    return Draft(
        turns=turns,
        media=media,
        evidence=evidence(record.value, KEYS),
        original_id=text(named[1], named[0]) if named else record.origin.original_id,
    )


def shown(record: Record) -> Media:
    """The media of a record: of the first of its media fields that holds something."""
    for name, kind in MEDIA:
        media = refs(dotted(record.value, name), name, kind)
        if media:
            return media
    return ()


def _said(record: Record) -> Iterator[tuple[object, object]]:
    found = first(record.value, CONVERSATION)
    if found is None:
        there = sorted(map(str, record.value))[:20]
        raise Drop(DropReason.MISSING_FIELD, f"no conversation; fields: {there}; allowed: {', '.join(CONVERSATION)}")
    name, turns = found
    for at, turn in enumerate(items(turns, name)):
        said = record_of(turn, f"{name}.{at}")
        yield said.get("from", said.get("role")), said.get("value", said.get("content"))


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
