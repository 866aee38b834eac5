"""Pictures a second on one core, against the least that any pipeline does: open, convert, resize.

Run from the repository root: `python -m benchmarks.media`.
"""

import resource
import time
from collections.abc import Callable
from functools import partial
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw

from schemas.config import Media
from udfs.media.pictures import fit_size, standardise

SECONDS = 3.0
ROUNDS = 3
LIMITS = Media()


def photograph(width: int, height: int) -> bytes:
    """A JPEG with the detail of a photograph: about 600 KB at 2,000 x 1,500."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)).resize((width, height))
    grain = rng.integers(-9, 9, (height, width, 3))
    pixels = (np.asarray(coarse).astype(np.int16) + grain).clip(0, 255).astype(np.uint8)
    return encoded(Image.fromarray(pixels), "JPEG", quality=86)


def chart() -> bytes:
    """A PNG of bars and labels, 1,600 x 1,200."""
    image = Image.new("RGB", (1600, 1200), "white")
    pen = ImageDraw.Draw(image)
    for at in range(40):
        pen.rectangle((at * 40, 1200 - at * 25, at * 40 + 30, 1200), fill=(at * 5, 100, 200))
        pen.text((at * 40, 1180 - at * 25), f"{at * 2.5}%", fill="black")
    return encoded(image, "PNG")


def encoded(image: Image.Image, form: str, **options: int) -> bytes:
    """The picture as bytes."""
    buffer = BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def plain(data: bytes) -> Image.Image:
    """The yardstick: no checks, no hash, no encoding."""
    with Image.open(BytesIO(data)) as image:
        return image.convert("RGB").resize(fit_size(image.size, LIMITS).canvas)


def rate(work: Callable[[], object]) -> float:
    """Calls a second of processor time."""
    calls, start = 0, time.process_time()
    while time.process_time() - start < SECONDS / ROUNDS:
        work()
        calls += 1
    return calls / (time.process_time() - start)


def main() -> None:
    """Print a line per kind of picture and the peak memory."""
    pictures = {
        "JPEG, scaled down": photograph(2000, 1500),
        "JPEG, kept": photograph(1400, 1200),
        "PNG chart, scaled down": chart(),
    }
    print(f"{'picture':<24}{'KB':>6}{'ours/s':>9}{'plain/s':>9}{'ratio':>7}")
    for name, data in pictures.items():
        # Taken in turns, so that a busy machine slows both alike; the best round counts.
        rounds = [(rate(partial(standardise, data, LIMITS)), rate(partial(plain, data))) for _ in range(ROUNDS)]
        ours, theirs = (max(side) for side in zip(*rounds, strict=True))
        print(f"{name:<24}{len(data) / 1000:>6.0f}{ours:>9.1f}{theirs:>9.1f}{ours / theirs:>7.2f}")
    print(f"peak resident memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
