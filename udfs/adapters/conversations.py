"""Records that hold a conversation already: LLaVA and what descends from it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec

from schemas.enums import DropReason, MediaKind, Modality, Role
from schemas.errors import Drop
from schemas.source import Source
from udfs.adapters.evidence import KEYS, evidence
from udfs.adapters.family import Family, Shape
from udfs.adapters.fields import dotted, first, items, record_of, text
from udfs.adapters.gold import concluded
from udfs.adapters.media import HEAD, at_path, patterned, refs
from udfs.adapters.shapes import ARRAY, PARQUET
from udfs.adapters.turns import MARK, PLACEHOLDER, SYSTEM, Media, Turns, dialogue, escaped, once, place
from udfs.ids import clean
from udfs.sample import IMAGE, VIDEO, Draft, MediaRef, Record, Turn

CONVERSATION = ("conversations", "messages", "conversation")
MEDIA = (("video", MediaKind.VIDEO), ("image", MediaKind.IMAGE), ("images", MediaKind.IMAGE))
IDS = ("id", "sample_id", "question_id", "uuid", "conversation_id", "image_id")


_SPECIAL = frozenset({"video", "images", "system_instruction", *KEYS})
"""Fields that only `adapt` understands."""
_SPEAKERS = (("human", "user"), ("gpt", "assistant"))
_ROLES = (Role.USER, Role.ASSISTANT)
_TAG = re.compile(r"<img>\s*([^<>\n]+?)\s*</img>")
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
PARTS = {
    "text": None, "image": MediaKind.IMAGE, "image_url": MediaKind.IMAGE,
    "video": MediaKind.VIDEO, "video_url": MediaKind.VIDEO,
}  # fmt: skip
"""Parts of a content list by type, as OpenAI's chat and its descendants write them."""


def adapt(record: Record, source: Source) -> Draft:
    """Turns as they stand; the k-th placeholder stands for the k-th medium."""
    record = replace(record, value=_untopical(record.value))
    said = [(speaker, *_written(content, name)) for name, speaker, content in _said(record)]
    own = [medium for _, _, media in said for medium in media]
    media = _merged(own, shown(record, source)) if any(own) else shown(record, source)
    turns = dialogue((speaker, content) for speaker, content, _ in said)
    if not media and source.modality is not Modality.TEXT:
        turns, media = _tagged(turns)
    alone = not media and source.modality is Modality.TEXT
    turns = once(turns) if len(media) == 1 and source.modality is Modality.IMAGE else turns
    turns, media = (escaped(turns), media) if alone else place(turns, media)
    named = first(record.value, IDS)
    return Draft(
        turns=turns,
        media=media,
        gold_answer=_gold(turns, media),
        evidence=evidence(record.value, KEYS),
        original_id=text(named[1], named[0]) if named else record.origin.original_id,
    )


def plain(record: Record, source: Source) -> Draft | None:
    """The checked draft of a record that needs nothing done to it, None for any other: what `adapt` makes, sooner.

    User and assistant alternate in clean text, and there is one picture or none, with a placeholder or none.
    """
    value = record.value
    talk = value.get("conversations")
    talk = value.get("messages") if talk is None else talk
    if type(talk) is not list or len(talk) % 2 or not talk or not _SPECIAL.isdisjoint(value):
        return None
    turns, marks = list[Turn](), 0
    for at, said in enumerate(talk):
        words = _words(said, _SPEAKERS[at % 2])
        if words is None:
            return None
        if "<" in words or "{" in words:
            found = _placeholders(words, said_by_user=at % 2 == 0)
            if found is None:
                return None
            marks += found
        turns.append(Turn(_ROLES[at % 2], words))
    media, name = _picture(value.get("image"), source), value.get("id")
    if media is None or marks > len(media) or not (type(name) is int or (type(name) is str and _clean(name) and name)):
        return None
    if media and not marks:
        turns[0] = Turn(Role.USER, f"{IMAGE}\n{turns[0].text}")
    return Draft(tuple(turns), media, _gold(turns, media), original_id=str(name).strip())


def _tagged(turns: Turns) -> tuple[Turns, Media]:
    """Turns whose text names its pictures, as Qwen-VL's does, with placeholders in place of these names."""
    asked = [turn for turn in turns if turn.role is Role.USER]
    media = tuple(at_path(path, "img") for turn in asked for path in _TAG.findall(turn.text))
    return tuple(replace(turn, text=_TAG.sub(IMAGE, turn.text)) if turn in asked else turn for turn in turns), media


def interleaved(record: Record, source: Source) -> Draft:
    """Parts of a conversation in a row, of which one is a text or the place of a picture in a list beside them."""
    parts = [record_of(part, f"data.{at}") for at, part in enumerate(items(record.value.get("data"), "data"))]
    said = [{"role": part.get("role"), "content": _shown(part, at)} for at, part in enumerate(parts)]
    return adapt(replace(record, value={**record.value, "conversations": said}), source)


def _untopical(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """SVIT as first published: a Visual Genome picture, and conversations about it by topic, whose turns are told in a
    row; some do not say who speaks, which then is the user first and in turns."""
    topics = value.get("conversations")
    if "image_id" not in value or not isinstance(topics, list) or not all(map(_is_topic, topics)):
        return value
    said = [
        {"from": turn.get("from", _SPEAKERS[at % 2][0]), "value": turn.get("value")}
        for topic in topics
        for at, turn in enumerate(_whole_topic(topic["content"]))
    ]
    return {**value, "conversations": said, "image": f"{text(value['image_id'], 'image_id')}.jpg"}


def _is_topic(topic: object) -> bool:
    return isinstance(topic, Mapping) and isinstance(topic.get("content"), list) and not {"from", "role"} & set(topic)


def _whole_topic(content: Sequence[Any]) -> list[Mapping[str, Any]]:
    turns = [record_of(turn, "content") for turn in content]
    if len(turns) % 2 and not all("from" in turn for turn in turns):
        detail = f"{len(turns)} turns that do not all say who speaks; allowed: a question and an answer in turns"
        raise Drop(DropReason.TURN_ORDER, detail)
    return turns


def _shown(part: Mapping[str, Any], at: int) -> object:
    if part.get("modality") == "text":
        return part.get("data")
    number = text(part.get("data"), f"data.{at}.data")
    if part.get("modality") != "image" or not number.isdecimal():
        detail = f"data.{at} is {number!r} of modality {part.get('modality')}; allowed: text, image with its number"
        raise Drop(DropReason.WRONG_SHAPE, detail)
    return f"<image_{int(number) + 1}>"


def _gold(turns: Sequence[Turn], media: Media) -> str | None:
    return concluded(turns[0].text, turns[1].text, shows=bool(media)) if len(turns) == 2 else None


def _clean(words: str) -> bool:
    return "\0" not in words if words.isascii() else clean(words) == words


def _words(said: object, speakers: tuple[str, str]) -> str | None:
    if type(said) is not dict or said.get("from", said.get("role")) not in speakers:
        return None
    words = said.get("value", said.get("content"))
    return (words.strip() or None) if type(words) is str and _clean(words) else None


def _placeholders(words: str, *, said_by_user: bool) -> int | None:
    """How many pictures a turn of this text refers to; None where that is not plain."""
    found = words.count(IMAGE)
    if not said_by_user:
        return None if found or VIDEO in words else 0
    odd = (
        words.lower().count("<image") != found
        or "<video" in words
        or "<|" in words
        or "<img>" in words
        or "{image#" in words
        or "{table#" in words
    )
    return None if odd else found


def _picture(value: object, source: Source) -> Media | None:
    """The medium of a plain record, if any: a short path that ends as pictures do, or bytes."""
    if value is None:
        return ()
    if type(value) is dict and type(value.get("bytes")) is bytes:
        return (MediaRef(MediaKind.IMAGE, data=value["bytes"]),)
    if type(value) is not str or len(value) > HEAD or not value.isascii() or not value.endswith(_SUFFIXES):
        return None
    if value.startswith("data:") or (source.reading and source.reading.media_pattern):
        return None
    return (MediaRef(MediaKind.IMAGE, path=value),)


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
    told = record.value.get("system_instruction")
    if told := told[0] if isinstance(told, list | tuple) and told else told:  # UReader's loader draws one of several
        yield "system_instruction", SYSTEM, told
    for at, turn in enumerate(items(_parsed(turns), name)):
        said = record_of(turn, f"{name}.{at}")
        yield f"{name}.{at}", said.get("from", said.get("role")), said.get("value", said.get("content"))


def _parsed(turns: object) -> object:
    """Turns that a table holds as JSON in a text."""
    if not isinstance(turns, str) or not turns.lstrip().startswith("["):
        return turns
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(turns)
    return turns


TURNS = {"question": CONVERSATION}
SHOWN = frozenset({"image", "images", "video"})

CONVERSATIONS: Mapping[str, Family] = {
    family.name: family
    for family in (
        Family("llava_json", (Shape(ARRAY, frozenset(), usual=SHOWN, one_of=TURNS),), adapt),
        Family("llava_jsonl", (Shape(ARRAY, frozenset(), usual=SHOWN, one_of=TURNS),), adapt),
        Family("ov_parquet", (Shape(PARQUET, frozenset(), usual=SHOWN, one_of=TURNS),), adapt),
        Family("interleaved_parquet", (Shape(PARQUET, frozenset({"data", "images"})),), interleaved),
        Family("m4_json", (Shape(ARRAY, frozenset({"image", "metadata"}), one_of=TURNS),), adapt),
        Family("llava_video_json", (Shape(ARRAY, frozenset({"video"}), one_of=TURNS),), adapt),
    )
}
