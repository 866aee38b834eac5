"""Drawn scenes of coloured shapes: counting, positions and relations that are known by construction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw

from jobs.corpus.drawing import PAPER, png
from jobs.corpus.item import File, Item

COLOURS = {"red": "#c8352b", "blue": "#2f6fb3", "green": "#3c8d4f", "yellow": "#f0c020", "purple": "#7a4b94"}
SHAPES: Sequence[str] = ("circle", "square", "triangle", "star")
ROWS, COLUMNS = ("upper", "middle", "lower"), ("left", "centre", "right")
SIDE = 130


@dataclass(frozen=True, slots=True)
class Thing:
    """A shape in one cell of a grid of three by three."""

    colour: str
    shape: str
    row: int
    column: int

    @property
    def name(self) -> str:
        """Colour and shape."""
        return f"{self.colour} {self.shape}"

    @property
    def place(self) -> str:
        """The cell in words."""
        return "centre" if (self.row, self.column) == (1, 1) else f"{ROWS[self.row]} {COLUMNS[self.column]}"


Scene = tuple[Thing, ...]


def make_scene(rng: np.random.Generator, count: int) -> Scene:
    """Shapes in different cells; colour and shape together are unique."""
    kinds = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    chosen = rng.choice(len(kinds), size=count, replace=False)
    cells = sorted(rng.choice(9, size=count, replace=False))
    placed = zip((kinds[kind] for kind in chosen), map(int, cells), strict=True)
    return tuple(Thing(colour, shape, cell // 3, cell % 3) for (colour, shape), cell in placed)


def draw_shape(draw: ImageDraw.ImageDraw, shape: str, colour: str, place: tuple[float, float], radius: float) -> None:
    """One shape around a centre."""
    (x, y), fill = place, COLOURS.get(colour, colour)
    if shape == "circle":
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill)
    elif shape == "square":
        draw.rectangle((x - radius, y - radius, x + radius, y + radius), fill)
    else:
        corners, inner = (3, radius) if shape == "triangle" else (10, radius * 0.45)
        reach = [radius if at % 2 == 0 or corners == 3 else inner for at in range(corners)]
        turns = [2 * pi * at / corners - pi / 2 for at in range(corners)]
        draw.polygon([(round(x + r * cos(t)), round(y + r * sin(t))) for r, t in zip(reach, turns, strict=True)], fill)


def draw_scene(scene: Scene) -> bytes:
    """The scene as PNG."""
    page = Image.new("RGB", (3 * SIDE, 3 * SIDE), PAPER)
    draw = ImageDraw.Draw(page)
    for thing in scene:
        nudge = (thing.row * 5 + thing.column * 7) % 13 - 6
        place = (SIDE * (thing.column + 0.5) + nudge, SIDE * (thing.row + 0.5) - nudge)
        draw_shape(draw, thing.shape, thing.colour, place, SIDE * (0.30 + 0.04 * (len(thing.shape) % 3)))
    return png(page)


def describe(scene: Scene) -> str:
    """The scene in words."""
    return "Shapes in the picture: " + "; ".join(f"a {thing.name} at the {thing.place}" for thing in scene) + "."


def _count_shape(scene: Scene) -> tuple[str, str]:
    shape = max(SHAPES, key=lambda name: sum(thing.shape == name for thing in scene))
    return f"How many {shape}s are in the picture?", str(sum(thing.shape == shape for thing in scene))


def _count_colour(scene: Scene) -> tuple[str, str]:
    colour = scene[0].colour
    return f"Count the {colour} shapes.", str(sum(thing.colour == colour for thing in scene))


def _where(scene: Scene) -> tuple[str, str]:
    thing = scene[len(scene) // 2]
    return f"In which part of the picture is the {thing.name}?", thing.place


def _left_of(scene: Scene) -> tuple[str, str]:
    left, right = min(scene, key=lambda t: t.column), max(scene, key=lambda t: t.column)
    if left.column == right.column:
        return _where(scene)
    one, two = (left, right) if scene[0].row % 2 == 0 else (right, left)
    return f"Is the {one.name} to the left of the {two.name}?", "yes" if one is left else "no"


def _what_is(scene: Scene) -> tuple[str, str]:
    thing = scene[-1]
    return f"What is at the {thing.place} of the picture?", f"a {thing.name}"


def _is_there(scene: Scene) -> tuple[str, str]:
    colour, shape = scene[0].colour, scene[-1].shape
    there = any(thing.name == f"{colour} {shape}" for thing in scene)
    return f"Does the picture contain a {colour} {shape}?", "yes" if there else "no"


def _difference(scene: Scene) -> tuple[str, str]:
    counts = {shape: sum(thing.shape == shape for thing in scene) for shape in SHAPES}
    most, least = max(SHAPES, key=counts.__getitem__), min(SHAPES, key=counts.__getitem__)
    return f"How many more {most}s than {least}s are there?", str(counts[most] - counts[least])


def _lowest(scene: Scene) -> tuple[str, str]:
    bottom = max(thing.row for thing in scene)
    names = [thing.shape for thing in scene if thing.row == bottom]
    question = f"Which shape is furthest to the right in the {ROWS[bottom]} row?"
    return question, names[-1]


QUESTIONS: Sequence[Callable[[Scene], tuple[str, str]]] = (
    _count_shape, _where, _left_of, _what_is, _is_there, _difference, _count_colour, _lowest,
)  # fmt: skip


def scenes() -> list[Item]:
    """Scenes of four to seven shapes; every third one has two questions."""
    rng, items = np.random.default_rng(1912), []
    for number in range(18):
        scene = make_scene(rng, 4 + number % 4)
        picture = File(f"s{2000 + number}.png", draw_scene(scene))
        for extra in range(2 if number % 3 == 0 else 1):
            pair = QUESTIONS[(number + 3 * extra) % len(QUESTIONS)](scene)
            items.append(Item(f"{number:02d}00{extra}7", (pair,), (picture,), describe(scene)))
    return items
