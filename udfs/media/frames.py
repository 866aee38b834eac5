"""A video as evenly spread frames; runs in the worker process of `udfs.media.video` only."""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av

from schemas.config import Media
from schemas.enums import DropReason, MediaKind
from schemas.errors import Drop
from udfs.media.item import MediaFacts, MediaItem, MediaPart, Note, join_notes
from udfs.media.pictures import check_pixels, draw, encode, fit_notes, fit_size, perceptual_hash

OPTIONS = {
    "protocol_whitelist": "file",
    # Playlists (HLS, DASH, concat) are left out: they name further files.
    "format_whitelist": "mov,matroska,avi,gif,mpegts,mpeg,flv,asf,ogg",
}
INDEXED = ("mp4", "matroska")
"""Containers in which a seek finds the key that was asked for."""
WHOLE_SHARE = 0.8
"""A file that holds less than this share of the time it declares was cut off. Not 1: audio may run longer."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """When the frames of a stream are shown, found without decoding any."""

    times: Sequence[int]
    """In units of `unit` seconds, sorted."""
    keys: Sequence[int]
    """Those of them at which decoding can start."""
    unit: Fraction

    def seconds(self, time: int) -> float:
        """Seconds after the first frame."""
        return round(float((time - self.times[0]) * self.unit), 3)

    @property
    def duration_s(self) -> float:
        """Until the end of the last frame, taken to last as long as the average one."""
        shown = self.seconds(self.times[-1])
        return round(shown + shown / max(1, len(self.times) - 1), 3)

    def spread(self, wanted: int) -> list[int]:
        """At most `wanted` times at equal distances, the first and the last among them; one: the middle."""
        total = len(self.times)
        count = min(total, wanted)
        if count == 1:
            return [self.times[(total - 1) // 2]]
        return [self.times[round(at * (total - 1) / (count - 1))] for at in range(count)]


@dataclass(frozen=True, slots=True)
class Standard:
    """Sampled frames in standard form, with what holds for all of them."""

    size: tuple[int, int]
    phash: str
    notes: set[Note]
    parts: tuple[MediaPart, ...]


def read_video(path: Path, limits: Media) -> MediaItem:
    """Sampled frames and facts of one video, or `Drop`."""
    with path.open("rb") as file:
        media_id = hashlib.file_digest(file, "sha256").hexdigest()
    with av.open(str(path.absolute()), options=OPTIONS) as container:
        if not container.streams.video:
            raise Drop(DropReason.UNDECODABLE_MEDIA, "no video stream")
        stream = container.streams.video[0]
        check_pixels((stream.codec_context.width, stream.codec_context.height), limits)
        stream.codec_context.thread_count = 1  # memory and cores belong to the tasks beside this one
        timeline = _timeline(container, stream)
        _check_whole(container, stream, timeline)
        standard = _standardise(_decode(container, stream, timeline, limits.video_frames), timeline, limits)
        facts = MediaFacts(
            kind=MediaKind.VIDEO,
            format=f"{_container_name(container)}/{stream.codec_context.name}",
            bytes=path.stat().st_size,
            width=standard.size[0],
            height=standard.size[1],
            frames=len(timeline.times),
            fps=float(stream.average_rate) if stream.average_rate else None,
            duration_s=timeline.duration_s,
            phash=standard.phash,
            parts=len(standard.parts),
            standard_width=standard.parts[0].width,
            standard_height=standard.parts[0].height,
            notes=join_notes(standard.notes),
        )
    return MediaItem(media_id, facts, standard.parts)


def _container_name(container: "av.container.InputContainer") -> str:
    names = container.format.name.split(",")
    return "mp4" if "mp4" in names else str(names[0])


def _timeline(container: "av.container.InputContainer", stream: "av.VideoStream") -> Timeline:
    times: list[int] = []
    keys: list[int] = []
    for packet in container.demux(stream):
        time = packet.dts if packet.pts is None else packet.pts
        if not packet.size or packet.is_discard or time is None:
            continue
        if packet.is_corrupt:
            raise Drop(DropReason.UNDECODABLE_MEDIA, f"cut off or damaged after {len(times)} frames")
        times.append(time)
        if packet.is_keyframe:
            keys.append(time)
    if not times:
        raise Drop(DropReason.UNDECODABLE_MEDIA, "no frames")
    return Timeline(sorted(times), sorted(keys) or [min(times)], stream.time_base or Fraction(1, av.time_base))


def _check_whole(container: "av.container.InputContainer", stream: "av.VideoStream", timeline: Timeline) -> None:
    whole = stream.duration * timeline.unit if stream.duration else Fraction(container.duration or 0, av.time_base)
    if _container_name(container) == "matroska":  # counts from zero, also where the first frame is shown later
        whole -= max(0, timeline.times[0]) * timeline.unit
    # A single frame has no known duration.
    if len(timeline.times) > 1 and timeline.duration_s < whole * WHOLE_SHARE:
        raise Drop(DropReason.UNDECODABLE_MEDIA, f"cut off: {timeline.duration_s} of {float(whole):.3f} s are there")


def _decode(
    container: "av.container.InputContainer", stream: "av.VideoStream", timeline: Timeline, wanted: int
) -> Iterator[tuple[int, "av.VideoFrame"]]:
    """Frames at spread times, each with its time; no frame is decoded twice."""
    targets = timeline.spread(wanted)
    sought = _by_seeking if _container_name(container) in INDEXED else _in_order
    for target, frame in zip(targets, sought(container, stream, timeline, targets), strict=True):
        if frame is None or frame.is_corrupt:
            raise Drop(DropReason.UNDECODABLE_MEDIA, f"no whole frame at {timeline.seconds(target)} s")
        yield target, frame


def _by_seeking(
    container: "av.container.InputContainer", stream: "av.VideoStream", timeline: Timeline, targets: Sequence[int]
) -> Iterator["av.VideoFrame | None"]:
    """Each decoded from the last key before it, or from an earlier one where decoding starts too late."""
    frames: Iterator[av.VideoFrame] = iter(())
    frame: av.VideoFrame | None = None
    for target in targets:
        at = max(0, bisect_right(timeline.keys, target) - 1)
        if frame is None or _shown(frame) < timeline.keys[at]:
            frame = None
            while (frame is None or _shown(frame) > target) and at >= 0:
                container.seek(timeline.keys[at], stream=stream)
                frames = container.decode(stream)
                frame = next(frames, None)
                at -= 1
        while frame is not None and _shown(frame) < target:
            frame = next(frames, None)
        yield frame


def _in_order(
    container: "av.container.InputContainer", stream: "av.VideoStream", timeline: Timeline, targets: Sequence[int]
) -> Iterator["av.VideoFrame | None"]:
    """Each found by its place among all frames: without an index a seek lands anywhere, and times may be missing."""
    container.seek(0)
    frames = enumerate(container.decode(stream))
    at, frame = -1, None
    for target in targets:
        place = bisect_left(timeline.times, target)
        while at < place:
            following = next(frames, None)
            if following is None:
                frame = frame if place == len(timeline.times) - 1 else None  # the last one may be held back
                break
            at, frame = following
        yield frame


def _shown(frame: "av.VideoFrame") -> int:
    return frame.pts or 0


def _standardise(frames: Iterable[tuple[int, "av.VideoFrame"]], timeline: Timeline, limits: Media) -> Standard:
    notes: set[Note] = set()
    parts: list[MediaPart] = []
    for time, frame in frames:
        check_pixels((frame.width, frame.height), limits)
        raw = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV annotates all but its return value
        image = raw.rotate(frame.rotation, expand=True)
        fit = fit_size(image.size, limits)
        notes |= fit_notes(image.size, fit) | ({Note.ROTATED} if frame.rotation else set())
        standard = draw(image, fit)
        if not parts:
            size, phash = image.size, perceptual_hash(standard)
        part = encode(standard, lossless=False, quality=limits.jpeg_quality)
        parts.append(replace(part, at_s=timeline.seconds(time)))
    return Standard(size, phash, notes, tuple(parts))
