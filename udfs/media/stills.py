"""A video that its publisher ships as a folder of frames."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from schemas.config import Media
from schemas.enums import MediaKind
from udfs.ids import digest
from udfs.media.item import MediaItem
from udfs.media.pictures import standardise


def read_frames(frames: Sequence[Callable[[], bytes]], limits: Media) -> MediaItem:
    """At most `video_frames` of the frames, spread evenly; its id is made of theirs, for there is no file to hash."""
    count = min(len(frames), limits.video_frames)
    chosen = [round(at * (len(frames) - 1) / max(1, count - 1)) for at in range(count)]
    items = [standardise(frames[at](), limits) for at in chosen]
    facts = replace(
        items[0].facts,
        kind=MediaKind.VIDEO,
        format=f"frames/{items[0].facts.format.lower()}",
        bytes=sum(item.facts.bytes for item in items),
        frames=len(frames),
        parts=count,
    )
    parts = tuple(part for item in items for part in item.parts)
    return MediaItem(digest([str(len(frames)), *(item.media_id for item in items)]), facts, parts)
