"""Families that lie in numpy and MATLAB files: stories told by frames, and words with their pictures."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from schemas.enums import DropReason
from udfs.adapters.family import Container, Family, Shape
from udfs.adapters.fields import text
from udfs.adapters.flat import Recipe
from udfs.adapters.joins import orphan
from udfs.adapters.media import KEY
from udfs.adapters.shapes import ARRAY, family, fields, rows
from udfs.ids import digest, field
from udfs.sample import IMAGE, Part, Record

Value = Mapping[str, Any]
PICKLE = frozenset({Container.PICKLE})
FRAMES, FOLLOWING, DESCRIPTIONS, CLIPS = "frames", "following", "descriptions", "clips"
LENGTH = 5
"""Pictures of a story."""
TELL_ON = (
    "These pictures tell a story. Below each of them but the last one stands what happens in it. Say in one sentence "
    "what happens in the last one."
)
READ = "What is written in this picture? Answer with the text alone."
_EPISODE = re.compile(r"(s_\d+_e_\d+)_")
_PRINTED = re.compile(r"b(['\"])(.*)\1", re.DOTALL)


def frame(value: object) -> str:
    """The path of a frame without its suffix; some arrays hold bytes as they are printed."""
    said = str(value)
    printed = _PRINTED.fullmatch(said)
    return (printed[2] if printed else said).strip().lstrip("/").removesuffix(".png")


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)


def by_first(value: Value) -> str:
    return _folder(frame(value["value"]))


def by_next(value: Value) -> str:
    return _folder(frame(value["value"][0]))


def by_name(value: Value) -> str:
    return _folder(frame(value[KEY]))


def by_episode(value: Value) -> str:
    """Season and episode of a clip; one whose name tells none stands alone."""
    found = _EPISODE.match(str(value["globalID"]))
    return found[1] if found else str(value["globalID"])


def continued(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """PororoSV: a frame and those that follow it, which stand on the same row of two files, with their descriptions."""
    sides: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        sides[part.side].append(part)
    told = {frame(part.value[KEY]): part for part in sides[DESCRIPTIONS]}
    after = {part.origin.position: part for part in sides[FOLLOWING]}
    for first in sides[FRAMES]:
        behind = after.pop(first.origin.position, None)
        if behind is None:
            yield orphan(first, DropReason.ORPHAN_QUESTION, "the same row of the other file names no frames after it")
            continue
        frames = [frame(first.value["value"]), *map(frame, behind.value["value"])]
        mute = [name for name in frames if name not in told]
        if mute:
            yield orphan(first, DropReason.ORPHAN_QUESTION, f"frame {mute[0]} has no description")
            continue
        hashes = digest(field(part.origin.record_hash) for part in (first, behind, *(told[name] for name in frames)))
        captions = [_first(told[name].value.get("value")) for name in frames]
        value = _story(frames[0], [f"{name}.png" for name in frames], captions)
        yield Record(value, replace(first.origin, record_hash=hashes))
    for left in after.values():
        yield orphan(left, DropReason.ORPHAN_ANNOTATION, "the same row of the other file names no frame before these")


def _first(captions: object) -> object:
    return captions[0] if isinstance(captions, list) and captions else captions


def in_episode(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """FlintstonesSV: every clip with the four after it; the last ones of an episode begin no story of their own."""
    clips = sorted(parts, key=lambda part: str(part.value["globalID"]))
    if len(clips) < LENGTH:
        for left in clips:
            yield orphan(left, DropReason.ORPHAN_QUESTION, f"{len(clips)} clips of its episode; a story takes {LENGTH}")
        return
    for at in range(len(clips) - LENGTH + 1):
        held = clips[at : at + LENGTH]
        names = [str(part.value["globalID"]) for part in held]
        shown = [f"video_frames_sampled/{name}.npy" for name in names]
        hashes = digest(field(part.origin.record_hash) for part in held)
        value = _story(names[0], shown, [part.value.get("description") for part in held])
        yield Record(value, replace(held[0].origin, record_hash=hashes))


def _story(name: str, shown: Sequence[str], captions: Sequence[object]) -> Value:
    told = [text(caption, "description") if caption else "" for caption in captions]
    lines = [line for caption in told[:-1] for line in (IMAGE, caption) if line]
    return {"id": name, "images": list(shown), "question": "\n".join([TELL_ON, *lines, IMAGE]), "answer": told[-1]}


_STORY = Recipe(fields(media=("images",), context=()), free=True)
ARRAYS: Mapping[str, Family] = {
    made.name: made
    for made in (
        family(
            "pororo_npy",
            _STORY,
            Shape(PICKLE, frozenset({"value"}), "img_cache4", FRAMES, by_first),
            Shape(PICKLE, frozenset({"value"}), "following_cache4", FOLLOWING, by_next),
            Shape(PICKLE, frozenset({KEY, "value"}), "descriptions", DESCRIPTIONS, by_name),
            joiner=continued,
        ),
        family(
            "flintstones_json_npy",
            _STORY,
            Shape(ARRAY, frozenset({"globalID", "description"}), None, CLIPS, by_episode),
            joiner=in_episode,
        ),
        family(
            "iiit5k_mat",
            Recipe(
                fields(question=(), answer=("GroundTruth",), media=("ImgName",), id=("ImgName",), context=()), ask=READ
            ),
            rows(PICKLE, "ImgName", "GroundTruth"),
        ),
    )
}
"""Families of arrays."""
