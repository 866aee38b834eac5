"""Drawn problems of geometry and arithmetic with options and a worked solution."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np
from PIL import Image, ImageDraw

from jobs.corpus.drawing import INK, font, png
from jobs.corpus.item import File, Item

Point = tuple[float, float]
Labels = Sequence[tuple[Point, str]]
LETTERS = "ABCD"


def _figure(outlines: Sequence[Sequence[Point]], labels: Labels) -> bytes:
    """Polygons with text beside them, on 420 × 320 px."""
    page = Image.new("RGB", (420, 320), "white")
    draw = ImageDraw.Draw(page)
    for outline in outlines:
        draw.line([*outline, outline[0]], INK, 3, joint="curve")
    for place, text in labels:
        draw.text(place, text, "#1f4e79", font(22), anchor="mm")
    return png(page)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is drawn, what is asked, and how it is solved."""

    question: str
    given: str
    """The drawing in words."""
    right: int
    wrong: Sequence[int]
    """Near misses."""
    solution: str
    picture: bytes
    unit: str = ""


def _options(problem: Problem, rng: np.random.Generator) -> tuple[list[str], str]:
    values = list(dict.fromkeys([problem.right, *problem.wrong]))
    step = 1
    while len(values) < 4:  # near misses may coincide
        values = list(dict.fromkeys([*values, problem.right + step]))
        step += 1
    order = rng.permutation(4)
    shown = [f"{values[at]}{problem.unit}" for at in order]
    return shown, LETTERS[list(order).index(0)]


def _rectangle(rng: np.random.Generator) -> Problem:
    a, b = int(rng.integers(9, 16)), int(rng.integers(3, 9))
    picture = _figure([[(70, 80), (350, 80), (350, 240), (70, 240)]], [((210, 262), f"{a} cm"), ((34, 160), f"{b} cm")])
    solution = f"The area of a rectangle is length times width: {a} × {b} = {a * b} square centimetres."
    given, wrong = f"A rectangle, {a} cm long and {b} cm wide.", (a + b, 2 * (a + b), a * b + a)
    return Problem("What is the area of the rectangle?", given, a * b, wrong, solution, picture, " cm²")


def _perimeter(rng: np.random.Generator) -> Problem:
    a, b = int(rng.integers(6, 16)), int(rng.integers(3, 6))
    picture = _figure([[(60, 110), (360, 110), (360, 230), (60, 230)]], [((210, 90), f"{a} m"), ((386, 170), f"{b} m")])
    solution = f"A fence around the field needs two long and two short sides: 2 × {a} + 2 × {b} = {2 * (a + b)} metres."
    question = "How long is a fence around this rectangular field?"
    given, wrong = f"A rectangular field of {a} m by {b} m.", (a + b, a * b, 2 * a + b)
    return Problem(question, given, 2 * (a + b), wrong, solution, picture, " m")


def _angle(rng: np.random.Generator) -> Problem:
    one, two = int(rng.integers(35, 75)), int(rng.integers(40, 80))
    third = 180 - one - two
    picture = _figure(
        [[(60, 260), (360, 260), (190, 60)]], [((102, 240), f"{one}°"), ((312, 240), f"{two}°"), ((192, 100), "x")]
    )
    solution = f"The angles of a triangle add up to 180°, so x = 180° - {one}° - {two}° = {third}°."
    given, wrong = f"A triangle with the angles {one}°, {two}° and x.", (one + two, 100 - one, 180 - one)
    return Problem("Find the angle x.", given, third, wrong, solution, picture, "°")


def _hypotenuse(rng: np.random.Generator) -> Problem:
    a, b = ((3, 4), (6, 8), (5, 12), (8, 15), (9, 12))[int(rng.integers(5))]
    c = isqrt(a * a + b * b)
    picture = _figure(
        [[(90, 260), (330, 260), (90, 70)], [(90, 240), (110, 240), (110, 260), (90, 260)]],
        [((60, 165), str(a)), ((210, 284), str(b)), ((236, 148), "x")],
    )
    solution = f"By the theorem of Pythagoras x² = {a}² + {b}² = {a * a} + {b * b} = {c * c}, so x = {c}."
    given = f"A right triangle whose legs are {a} and {b}; the hypotenuse is x."
    question = "The triangle has a right angle. How long is the side x?"
    return Problem(question, given, c, (a + b, c + 1, b + 1), solution, picture)


def _triangle_area(rng: np.random.Generator) -> Problem:
    base, height = 2 * int(rng.integers(3, 9)), int(rng.integers(4, 11))
    picture = _figure(
        [[(60, 250), (360, 250), (240, 70)], [(240, 70), (240, 250)]],
        [((200, 276), f"base {base}"), ((192, 218), f"h = {height}")],
    )
    area = base * height // 2
    solution = f"Half of base times height gives the area: {base} × {height} / 2 = {area}."
    given, wrong = f"A triangle with base {base} and height {height}.", (base * height, base + height, area + height)
    return Problem("Compute the area of the triangle.", given, area, wrong, solution, picture)


def _l_shape(rng: np.random.Generator) -> Problem:
    a, b, c = int(rng.integers(9, 14)), int(rng.integers(6, 9)), int(rng.integers(2, 5))
    area = a * b - c * c
    outline = [(70, 50), (270, 50), (270, 130), (350, 130), (350, 270), (70, 270)]
    labels = [((210, 292), str(a)), ((46, 160), str(b)), ((310, 112), str(c)), ((290, 88), str(c))]
    solution = (
        f"The full rectangle has {a} × {b} = {a * b}. The missing corner has {c} × {c} = {c * c}. "
        f"The rest is {a * b} - {c * c} = {area}."
    )
    question = "A square corner was cut from a rectangle. What area is left?"
    given, wrong = f"A rectangle of {a} by {b} without a square corner of side {c}.", (a * b, a * b + c * c, area - c)
    return Problem(question, given, area, wrong, solution, _figure([outline], labels))


def _number_wall(rng: np.random.Generator) -> Problem:
    a, b, c = (int(value) for value in rng.integers(2, 12, 3))
    boxes, labels = [], []
    for x, y, text in (
        (75, 210, a),
        (165, 210, b),
        (255, 210, c),
        (120, 140, a + b),
        (210, 140, b + c),
        (165, 70, "?"),
    ):
        boxes.append([(x, y), (x + 90, y), (x + 90, y + 70), (x, y + 70)])
        labels.append(((x + 45, y + 35), str(text)))
    top = a + 2 * b + c
    solution = f"The middle row holds {a + b} and {b + c}, so the top is {a + b} + {b + c} = {top}."
    question = "Each stone of the wall is the sum of the two stones below it. Which number belongs on top?"
    given, wrong = (
        f"A wall of numbers. Bottom row: {a}, {b}, {c}. Middle row: {a + b}, {b + c}.",
        (a + b + c, top + 1, top - b),
    )
    return Problem(question, given, top, wrong, solution, _figure(boxes, labels))


def _balance(rng: np.random.Generator) -> Problem:
    x, left = int(rng.integers(3, 12)), int(rng.integers(2, 9))
    right = 2 * x + left
    pans = [[(50, 190), (180, 190), (180, 230), (50, 230)], [(240, 190), (370, 190), (370, 230), (240, 230)]]
    beam = [[(60, 150), (360, 150)], [(210, 150), (210, 280)], [(150, 280), (270, 280)]]
    ropes = [[(115, 150), (115, 190)], [(305, 150), (305, 190)]]
    picture = _figure([*pans, *beam, *ropes], [((115, 210), f"x + x + {left}"), ((305, 210), str(right))])
    solution = f"The scale balances, so 2x + {left} = {right}. Then 2x = {right - left} and x = {x}."
    given = f"A balanced scale. Left pan: x + x + {left} kg. Right pan: {right} kg."
    question, wrong = "The scale is balanced. What is the weight x?", (right - left, x + 1, x + left)
    return Problem(question, given, x, wrong, solution, picture, " kg")


MAKERS: Sequence[Callable[[np.random.Generator], Problem]] = (
    _rectangle, _angle, _hypotenuse, _number_wall, _triangle_area, _balance, _perimeter, _l_shape,
)  # fmt: skip


def geometry() -> list[Item]:
    """Problems with four options each; the answer is the letter."""
    rng, items = np.random.default_rng(300), []
    for number in range(22):
        problem = MAKERS[number % len(MAKERS)](rng)
        options, letter = _options(problem, rng)
        extra = {"options": options, "solution": problem.solution, "level": 1 + number % 3}
        picture = File(f"g{number:03d}.png", problem.picture)
        items.append(Item(f"g{number:03d}", ((problem.question, letter),), (picture,), problem.given, extra))
    return items
