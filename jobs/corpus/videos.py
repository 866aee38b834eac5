"""Short videos: moving shapes, counters and colour changes."""

from collections.abc import Callable, Iterator, Sequence
from io import BytesIO

import av
import numpy as np
from PIL import Image, ImageDraw

from jobs.corpus.drawing import INK, PAPER, font
from jobs.corpus.item import File, Item
from jobs.corpus.scenes import COLOURS, draw_shape

WIDTH, HEIGHT, RATE = 320, 240, 8


def mp4(frames: Sequence[Image.Image]) -> bytes:
    """Frames as MPEG-4, the same bytes on every run (x264's differ now and then): one thread, no encoder tags."""
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        options = {"threads": "1", "flags": "+bitexact", "qmin": "3", "qmax": "5"}
        stream = container.add_stream("mpeg4", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(frame), format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def _page() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    page = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    return page, ImageDraw.Draw(page)


def _moving(colour: str, shape: str, path: Callable[[float], tuple[float, float]], count: int) -> Iterator[Image.Image]:
    for at in range(count):
        page, draw = _page()
        draw_shape(draw, shape, colour, path(at / (count - 1)), 28)
        yield page


def _counting(numbers: Sequence[int], hold: int) -> Iterator[Image.Image]:
    for number in numbers:
        page, draw = _page()
        draw.text((WIDTH / 2, HEIGHT / 2), str(number), INK, font(110), anchor="mm")
        yield from [page] * hold


def _signals(colours: Sequence[str], hold: int) -> Iterator[Image.Image]:
    for colour in colours:
        page, draw = _page()
        draw_shape(draw, "circle", colour, (WIDTH / 2, HEIGHT / 2), 80)
        yield from [page] * hold


def _piling(count: int, hold: int) -> Iterator[Image.Image]:
    for shown in range(1, count + 1):
        page, draw = _page()
        for at in range(shown):
            colour = list(COLOURS)[at % len(COLOURS)]
            draw_shape(draw, "square", colour, (40 + 60 * (at % 5), 60 + 90 * (at // 5)), 22)
        yield from [page] * hold


PATHS: dict[str, Callable[[float], tuple[float, float]]] = {
    "from left to right": lambda t: (40 + 240 * t, 120),
    "from right to left": lambda t: (280 - 240 * t, 120),
    "upwards": lambda t: (160, 200 - 160 * t),
    "downwards": lambda t: (160, 40 + 160 * t),
}


def _clip(name: str, frames: Iterator[Image.Image], text: str, *pairs: tuple[str, str]) -> Item:
    return Item(name, pairs, (File(f"{name}.mp4", mp4(list(frames))),), text)


def movements() -> list[Item]:
    """A shape crosses the picture."""
    cast = (
        ("red", "circle"),
        ("blue", "square"),
        ("green", "star"),
        ("purple", "triangle"),
        ("yellow", "star"),
        ("blue", "circle"),
    )
    items = []
    for at, (colour, shape) in enumerate(cast):
        way = list(PATHS)[at % len(PATHS)]
        text = f"A {colour} {shape} moves {way} across the picture."
        asked = (
            (f"In which direction does the {shape} move?", way),
            ("What moves through the picture?", f"a {colour} {shape}"),
            (f"Does the {shape} change its colour while it moves?", "no"),
        )
        pairs = (asked[at % 3], asked[(at + 1) % 3]) if at % 2 else (asked[at % 3],)
        items.append(_clip(f"move_{at}", _moving(colour, shape, PATHS[way], 16), text, *pairs))
    for at, order in enumerate(
        (("red", "yellow", "green"), ("blue", "purple", "red", "green"), ("green", "red", "green"))
    ):
        text = f"A circle lights up in the colours {', '.join(order)}, one after the other."
        asked = (
            ("Which colour does the circle have at the end?", order[-1]),
            ("List the colours in the order in which they appear.", ", ".join(order)),
            ("How many different colours does the circle take?", str(len(set(order)))),
        )
        items.append(_clip(f"signal_{at}", _signals(order, 6), text, asked[at]))
    for at, count in enumerate((4, 7, 9)):
        text = f"Squares appear one after the other until there are {count} squares."
        asked = (
            ("How many squares are there in the end?", str(count)),
            ("Do the squares become more or fewer during the video?", "more"),
            ("How many squares were added after the first one?", str(count - 1)),
        )
        items.append(_clip(f"pile_{at}", _piling(count, 3), text, asked[at]))
    return items


def counters() -> list[Item]:
    """A number counts up or down."""
    items = []
    rows = (
        range(1, 6),
        range(9, 3, -1),
        range(2, 14, 2),
        range(50, 0, -10),
        range(5, 35, 5),
        range(3, 8),
        (1, 2, 4, 8, 16),
        range(8, 2, -1),
    )
    for at, numbers in enumerate(map(list, rows)):
        text = "The numbers " + ", ".join(map(str, numbers)) + " appear one after the other."
        rising = numbers[-1] > numbers[0]
        asked = (
            ("Does the counter go up or down?", f"The counter goes {'up' if rising else 'down'}."),
            ("Which number is shown last?", f"The last number is {numbers[-1]}."),
            ("Which number comes right after the first one?", f"After {numbers[0]} comes {numbers[1]}."),
            ("How many numbers are shown in all?", f"The video shows {len(numbers)} numbers."),
            ("What would be a natural next number?", f"{_following(numbers)} would come next."),
        )
        items.append(_clip(f"v_count{at}", _counting(numbers, 4), text, asked[at % 5]))
    return items


def _following(numbers: Sequence[int]) -> int:
    (first, second, *_), last = numbers, numbers[-1]
    return last * 2 if second == 2 * first and numbers[2] == 2 * second else last + second - first
