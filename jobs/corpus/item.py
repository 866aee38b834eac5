"""What the modules of content hand to the writers of native formats."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.enums import DropReason


@dataclass(frozen=True, slots=True)
class File:
    """A picture or video with the name that it gets below its source's folder."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of content, before it takes a publisher's form."""

    id: str
    turns: tuple[tuple[str, str], ...]
    """Questions with their answers."""
    media: tuple[File, ...] = ()
    evidence: str = ""
    """Text that says what the picture shows; its kind is the field that a source writes it to."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the native record, e.g. options or a worked solution."""


@dataclass(frozen=True, slots=True)
class Defect:
    """A record that is broken on purpose: `record` is appended to a file, or `twin_of` one is repeated."""

    kind: str
    reason: DropReason
    record: Mapping[str, Any] | str | None = None
    """As the native file would hold it; text is written as it stands."""
    twin_of: int | None = None
    side: str = ""
    """List of a joined format that takes the record."""
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Planted:
    """How many records of one source are broken in one way, and what has to become of them."""

    source_id: str
    kind: str
    reason: DropReason
    count: int


@dataclass(frozen=True, slots=True)
class Probe:
    """A question, evidence and answer whose correctness is known: does a judge tell right from wrong?"""

    category: str
    question: str
    evidence: str
    answer: str
    right: bool


@dataclass(frozen=True, slots=True)
class CorpusFacts:
    """What a corpus holds."""

    version: str
    records: Mapping[str, int]
    """Records per source, broken ones included."""
    planted: tuple[Planted, ...]
