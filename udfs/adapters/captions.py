"""Captions as others publish them: all sentences of a picture in its entry."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from schemas.enums import DropReason
from udfs.adapters.family import Family
from udfs.adapters.fields import items
from udfs.adapters.flat import Recipe
from udfs.adapters.joins import orphan
from udfs.adapters.shapes import DESCRIBE, family, fields, side
from udfs.ids import digest, field
from udfs.sample import Part, Record

SENTENCES = "sentences"


def each_sentence(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """Karpathy's splits: every sentence of a picture with the picture's entry."""
    for part in parts:
        told = items(part.value.get(SENTENCES), SENTENCES)
        for at, sentence in enumerate(told):
            own = sentence if isinstance(sentence, Mapping) else {"raw": sentence}
            value = {**part.value, "caption": own.get("raw"), "sentid": own.get("sentid")}
            hashed = digest([field(part.origin.record_hash), field(str(at))])
            yield Record(value, replace(part.origin, record_hash=hashed))
        if not told:
            yield orphan(part, DropReason.ORPHAN_QUESTION, f"no sentence describes {part.value.get('filename')}")


CAPTIONS: Mapping[str, Family] = {
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
    )
}
"""What holds captions and no question."""
