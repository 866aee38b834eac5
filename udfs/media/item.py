"""What reading one picture or video gives: facts for `media`, parts for `media_bytes`."""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.enums import MediaKind


class Note(StrEnum):
    """What standardisation changed."""

    RESIZED = "resized"
    PADDED = "padded"
    ROTATED = "rotated"
    MODE = "mode"
    """Another colour mode than 8-bit RGB, or transparency, which becomes white."""
    ANIMATED = "animated"
    """Only the first of several frames is kept."""


@dataclass(frozen=True, slots=True)
class MediaPart:
    """One stored picture: the picture itself, or one frame of a video."""

    sha256: str
    format: str
    """jpeg or png."""
    width: int
    height: int
    data: bytes = field(repr=False)
    at_s: float | None = None


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """The columns of table `media` beside its key."""

    kind: MediaKind
    format: str
    """As decoded, e.g. JPEG; container and codec of a video, e.g. mp4/h264."""
    bytes: int
    width: int
    """Like `height` as shown, after the rotation that the file asks for."""
    height: int
    frames: int
    """1 for pictures, animated ones included."""
    phash: str
    parts: int
    standard_width: int
    standard_height: int
    fps: float | None = None
    duration_s: float | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True)
class MediaItem:
    """One medium as read."""

    media_id: str
    """sha256 of the original bytes."""
    facts: MediaFacts
    parts: tuple[MediaPart, ...]
    repeated: bool = False
    """Its parts were given out before by the same reader and are left out here."""


def sha256(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def join_notes(notes: set[Note]) -> str | None:
    """Notes in the order of their enum, or None."""
    return ", ".join(note for note in Note if note in notes) or None
