"""What flows through row code: a record becomes a draft, a draft with its pictures a sample."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from schemas.enums import DropReason, MediaKind, Role
from schemas.source import Source

IMAGE, VIDEO = "<image>", "<video>"
"""Placeholders of the unified conversation: the k-th one stands for the k-th medium of the sample."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record stands in its publisher's files."""

    file: str
    """Path below the source's folder."""
    position: int
    """Record, line or row number in the file, from 0."""
    units: int = 1
    """Publisher's own units (questions, captions, lines) that the record covers."""
    record_hash: str = ""
    """sha256 of the record's raw bytes, or of its canonical JSON where a container has no bytes of its own."""
    original_id: str | None = None
    notes: str | None = None
    """What its reader had to decide: a key that stands twice, a number that is none; or its adapter."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot be used."""

    reason: DropReason
    detail: str


@dataclass(frozen=True, slots=True)
class Record:
    """What a reader yields: one sample candidate, or a problem in its place."""

    value: Mapping[str, Any]
    origin: Origin
    problem: Problem | None = None
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance; `text` holds the placeholders of media that belong to it."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class MediaRef:
    """A medium as the record names it: embedded bytes, or a path below a root."""

    kind: MediaKind = MediaKind.IMAGE
    path: str | None = None
    """POSIX path below the media root, as the source writes it (untrusted)."""
    data: bytes | None = None

    @property
    def absent(self) -> str:
        """Stands for a medium that is not read: the path, or the hash of bytes, which paths beside them seldom tell."""
        return f"absent:{self.path if self.data is None else sha256(self.data).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Text of the source that can stand for its picture."""

    kind: str
    """table, ocr, caption, context or formula."""
    text: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A sample before its media are read; made by an adapter from one record."""

    turns: tuple[Turn, ...]
    media: tuple[MediaRef, ...] = ()
    gold_answer: str | None = None
    evidence: Evidence | None = None
    original_id: str | None = None
    notes: str | None = None
    """What its adapter left out or had to decide."""


Adapter = Callable[[Record, Source], Draft]
"""Turns one record into one draft, or raises `schemas.errors.Drop`."""


@dataclass(frozen=True, slots=True)
class Part:
    """One publisher's unit of a joined family (a question, an annotation, an image entry)."""

    side: str
    """Name of the side it stands on, e.g. questions or annotations."""
    value: Mapping[str, Any]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Subject:
    """What an engine is asked about: a sample, or a pair made from one."""

    subject_id: str
    """content_id of a sample, pair_id of a pair."""
    sample_id: str
    category: str
    modality: str
    media: tuple[str, ...]
    turns: tuple[Turn, ...]
    gold_answer: str | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A standardised picture as it is sent."""

    sha256: str
    """Of `data`; travels as the engine's cache key."""
    format: str
    """jpeg or png."""
    data: bytes = field(repr=False)
