"""Publishers' units that stand on two sides come together; what finds no partner is a record with a problem."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from schemas.enums import DropReason
from schemas.errors import Drop
from udfs.adapters.family import Joiner
from udfs.adapters.fields import dotted, shorten
from udfs.ids import clean, digest, field
from udfs.sample import Part, Problem, Record

QUESTIONS, ANNOTATIONS, IMAGES = "questions", "annotations", "images"
ORPHANS = (DropReason.ORPHAN_ANNOTATION, DropReason.ORPHAN_QUESTION)


def key_of(*names: str) -> Callable[[Mapping[str, Any]], str]:
    """A join key: the first of these fields that a record has, as text; records without any share the key None."""

    def key(value: Mapping[str, Any]) -> str:
        return str(next((value[name] for name in names if name in value), None))

    return key


def bring_together(joiner: Joiner, key: str, parts: list[Part]) -> list[Record]:
    """Records of the parts of one key; where they cannot be made, each part is a problem: none may end a run."""
    try:
        return list(joiner(key, parts))
    except Drop as drop:
        reason, detail = drop.reason, drop.detail
    except Exception as error:  # noqa: BLE001 - as in `adapt`
        reason, detail = DropReason.WRONG_SHAPE, f"{type(error).__name__}: {shorten(str(error), 200)}"
    return [orphan(part, reason, clean(f"its parts do not come together: {detail}")) for part in parts]


def told(records: Iterable[Record], broken: Sequence[str]) -> Iterator[Record]:
    """The records; those without a partner say which files of their key cannot be read."""
    for record in records:
        if broken and record.problem and record.problem.reason in ORPHANS:
            detail = f"{record.problem.detail}; {', '.join(broken[:3])} cannot be read"
            record = replace(record, problem=replace(record.problem, detail=detail))  # noqa: PLW2901
        yield record


def answered(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """Questions with their annotations by question_id; all pairs of one join key become one record."""
    questions, waiting = [], defaultdict[str, deque[Part]](deque)
    for part in parts:
        if part.side == QUESTIONS:
            questions.append(part)
        else:
            waiting[str(part.value.get("question_id"))].append(part)
    pairs = []
    for question in questions:
        named = question.value.get("question_id")
        if named is None:
            yield orphan(question, DropReason.MISSING_FIELD, "question_id is missing")
        elif waiting[str(named)]:
            pairs.append((question, waiting[str(named)].popleft()))
        else:
            yield orphan(question, DropReason.ORPHAN_QUESTION, f"no annotation has question_id {shorten(named)}")
    for left in (part for queue in waiting.values() for part in queue):
        named = left.value.get("question_id")
        yield orphan(left, DropReason.ORPHAN_ANNOTATION, f"no question has question_id {shorten(named)}")
    if pairs:
        yield _pairs(pairs)


def _pairs(pairs: list[tuple[Part, Part]]) -> Record:
    question = pairs[0][0]
    hashes = (field(part.origin.record_hash) for pair in pairs for part in pair)
    return Record(
        value={**question.value, "pairs": [{"question": q.value, "annotation": a.value} for q, a in pairs]},
        origin=replace(question.origin, units=len(pairs), record_hash=digest(hashes)),
    )


def captioned(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """Each caption with its image entry."""
    image, captions = None, []
    for part in parts:
        if part.side != IMAGES:
            captions.append(part)
        elif image is None:
            image = part
        else:
            yield orphan(part, DropReason.ORPHAN_QUESTION, f"a second image entry with id {part.value.get('id')}")
    for caption in captions:
        if image is None:
            yield orphan(caption, DropReason.ORPHAN_ANNOTATION, f"no image has id {caption.value.get('image_id')}")
        else:
            hashes = (field(part.origin.record_hash) for part in (image, caption))
            value = {"image": image.value, "annotation": caption.value}
            yield Record(value, replace(caption.origin, record_hash=digest(hashes)))
    if image is not None and not captions:
        yield orphan(image, DropReason.ORPHAN_QUESTION, f"no caption has image_id {image.value.get('id')}")


def named_after(*names: str) -> Callable[[Mapping[str, Any]], str]:
    """A join key: the stem of the file that the first of these fields names."""
    named = key_of(*names)
    return lambda value: PurePosixPath(named(value)).name.partition(".")[0]


def beside(main: str, fields: Mapping[str, str], *, spare: bool = False) -> Joiner:
    """A joiner of records with what stands of their picture elsewhere: fields, each with the path of its value there.

    spare: what no record is about is none itself, as files are that lie beside every picture.
    """

    def joined(_: str, parts: Iterable[Part]) -> Iterator[Record]:
        held = list(parts)
        asked, others = ([part for part in held if (part.side == main) is wanted] for wanted in (True, False))
        told = {name: value for part in others for name, path in fields.items() if (value := dotted(part.value, path))}
        hashes = [field(part.origin.record_hash) for part in others]
        for part in asked:
            made = digest([field(part.origin.record_hash), *hashes]) if hashes else part.origin.record_hash
            yield Record({**told, **part.value}, replace(part.origin, record_hash=made))
        for part in () if asked or spare else others:
            yield orphan(part, DropReason.ORPHAN_ANNOTATION, "no record is about this picture")

    return joined


def orphan(part: Part, reason: DropReason, detail: str) -> Record:
    """A unit that finds no partner."""
    return Record(part.value, part.origin, Problem(reason, detail), shorten(dict(part.value), 300))
