"""A part of one source file that one task reads."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from udfs.adapters.family import Container


@dataclass(frozen=True, slots=True)
class Range:
    """Records of one container of one file; the ranges of a container cover it without overlap."""

    file: str
    """Path below the source's folder."""
    container: Container
    at: str
    """Dotted path to the container inside a JSON document."""
    start: int
    end: int | None
    """[start, end): bytes of the (decompressed) content, or row groups of parquet; None: to the end."""
    position: int
    """Of the first record."""
    records: int | None
    """Records in the range where planning counts them; lines are not."""
    size: int
    """Bytes of the file when it was planned."""
    weight: int
    """Bytes that reading the range takes, roughly."""
    names: tuple[tuple[str, str], ...] = ()
    """Of a folder whose files are records: each file and the picture that goes with it, or one of both alone."""
    total: int | None = None
    """Lines of the whole file, for records that only their line number brings together with others."""
    words: Mapping[str, str] | None = None
    """Names of the categories that records of the range refer to by number."""
    drawn: tuple[str, ...] = ()
    """Instructions of which each record draws one, by its hash."""

    def files(self) -> tuple[str, ...]:
        """Files that the range reads from."""
        return tuple(name for name, _ in self.names if name) or (self.file,)


def to_text(part: Range) -> str:
    """The range as JSON, to travel in a table."""
    return msgspec.json.encode(part).decode()


def from_text(text: str) -> Range:
    """The range that `to_text` wrote."""
    return msgspec.json.decode(text, type=Range)
