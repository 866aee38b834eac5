"""Photographs that packages ship, with captions, short answers and conversations about them."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from jobs.corpus.drawing import jpeg, packaged
from jobs.corpus.item import File, Item


@cache
def _photographs() -> tuple[Mapping[str, Any], ...]:
    return tuple(yaml.safe_load(files("jobs.corpus").joinpath("photographs.yaml").read_text("utf-8")))


@cache
def _file(package: str, name: str, stem: str) -> File:
    return File(f"{stem}.jpg", jpeg(packaged(package, name)))


def picture(photograph: Mapping[str, Any], stem: str = "") -> File:
    """A photograph as a file of its own."""
    return _file(photograph["package"], photograph["file"], stem or photograph["id"])


def talks() -> list[Item]:
    """One conversation about each photograph."""
    return [
        Item(p["id"], tuple(map(tuple, p["talk"])), (picture(p),), " ".join(p["captions"]), {"source": p["package"]})
        for p in _photographs()
    ]


ASKED: Sequence[tuple[str, str]] = (
    ("Describe this photograph in one sentence.", "And how would you put it differently?"),
    ("What can you see here?", "Say it once more in other words, please."),
    ("Write a caption for this picture.", "Suggest a second caption."),
    ("Sum up what the picture shows.", "What else would you tell somebody who cannot see it?"),
)


def descriptions() -> list[Item]:
    """A short dialogue that describes each photograph twice."""
    items = []
    for at, p in enumerate(_photographs()):
        pairs = tuple(zip(ASKED[at % len(ASKED)], p["captions"], strict=True))
        items.append(Item(f"d_{p['id']}", pairs, (picture(p),)))
    return items


def short_answers() -> list[Item]:
    """All short questions of a photograph; pictures are named by number, as a challenge does."""
    return [
        Item(str(number), tuple(map(tuple, p["short"])), (picture(p, f"demo_{number:012d}"),), " ".join(p["captions"]))
        for number, p in enumerate(_photographs(), start=101)
    ]


def captions() -> list[Item]:
    """Captions of a photograph, as answers without a question."""
    return [
        Item(str(number), tuple(("", text) for text in p["captions"]), (picture(p, f"{number:012d}"),))
        for number, p in enumerate(_photographs(), start=1)
    ]


TEXTURES = {"brick.png": "bricks", "grass.png": "grass", "gravel.png": "stones", "clock_motion.png": "a blur"}


def textures() -> list[Item]:
    """Pictures with answers too poor to keep: what a dropped source looks like."""
    items = []
    for name, thing in TEXTURES.items():
        stem = name.split(".")[0]
        for at, pair in enumerate((("What is it?", thing), ("Describe it.", f"it is {thing} i think"))):
            items.append(Item(f"{stem}_{at}", (pair,), (_file("skimage.data", name, stem),)))
    return items
