"""Entries that hold several records each: the sentences about a picture, the lines of a form."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from html import unescape
from typing import Any

from schemas.enums import DropReason
from udfs.adapters.family import Container, Family, Shape
from udfs.adapters.fields import items, record_of, text
from udfs.adapters.flat import Recipe
from udfs.adapters.joins import key_of, orphan
from udfs.adapters.media import KEY, PICTURE
from udfs.adapters.paired import READ
from udfs.adapters.shapes import DESCRIBE, PARQUET, family, fields, rows, side
from udfs.ids import digest, field
from udfs.sample import Origin, Part, Record

Value = Mapping[str, Any]
SENTENCES, FORMS = "sentences", "forms"
HANDWRITTEN = "handwritten-part"


def each_sentence(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """Karpathy's splits: every sentence of a picture with the picture's entry."""
    for part in parts:
        told = items(part.value.get(SENTENCES), SENTENCES)
        for at, sentence in enumerate(told):
            own = sentence if isinstance(sentence, Mapping) else {"raw": sentence}
            value = {**part.value, "caption": own.get("raw"), "sentid": own.get("sentid")}
            yield Record(value, _numbered(part, at))
        if not told:
            yield orphan(part, DropReason.ORPHAN_QUESTION, f"no sentence describes {part.value.get('filename')}")


def each_answer(record: Record, path: str) -> tuple[Record, ...]:
    """A record for each of the answers listed in a field; the record alone where it lists no two."""
    listed = record.value.get(path) if path and not record.problem else None
    several = list(dict.fromkeys(filter(_is_text, listed))) if isinstance(listed, list | tuple) else []
    if len(several) < 2:
        return (record,)
    return tuple(
        replace(record, value={**record.value, path: one}, origin=_numbered(record, at))
        for at, one in enumerate(several)
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def each_line(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """IAM: a form as a whole where its picture lies there, else each of its lines, whose pictures have their names."""
    for part in parts:
        written = items(part.value.get(HANDWRITTEN), HANDWRITTEN)
        lines = [line for block in written for line in items(record_of(block, HANDWRITTEN).get("line", []), "line")]
        told = [(str(line.get("@id")), unescape(text(line.get("@text", ""), "line.text"))) for line in lines]
        if part.value.get(PICTURE):
            whole = "\n".join(said for _, said in told if said)
            yield Record({"id": part.value[KEY], "image": part.value[PICTURE], "answer": whole}, part.origin)
            continue
        for at, (name, said) in enumerate(told):
            page, form = (*name.split("-"), "")[:2]
            yield Record(
                {"id": name, "image": f"lines/{page}/{page}-{form}/{name}.png", "answer": said}, _numbered(part, at)
            )
        if not told:
            yield orphan(part, DropReason.ORPHAN_QUESTION, f"{HANDWRITTEN} holds no line")


def _numbered(part: Part | Record, at: int) -> Origin:
    return replace(part.origin, record_hash=digest([field(part.origin.record_hash), field(str(at))]))


ENTRIES: Mapping[str, Family] = {
    made.name: made
    for made in (
        family(
            "karpathy_json",
            Recipe(
                fields(id=("sentid",), question=(), answer=("caption",), media=("filename",), context=("caption",)),
                media=("{filepath}/{filename}",),
                ask=DESCRIBE,
                free=True,
            ),
            side(SENTENCES, "filename", SENTENCES, "split", at="images"),
            joiner=each_sentence,
        ),
        family(
            "coco_sentence_parquet",
            Recipe(
                fields(
                    id=("sentences.sentid",),
                    question=(),
                    answer=("sentences.raw", "sentences.*.raw"),
                    media=("image",),
                    context=(),
                ),
                ask=DESCRIBE,
                free=True,
            ),
            rows(PARQUET, "image", SENTENCES, "cocoid"),
        ),
        family(
            "iam_xml",
            Recipe(fields(question=(), answer=("answer",), context=()), ask=READ, free=True, general=True),
            Shape(frozenset({Container.FILES}), frozenset({HANDWRITTEN}), "xml", FORMS, key_of(KEY)),
            joiner=each_line,
        ),
    )
}
"""What is told by entry."""
