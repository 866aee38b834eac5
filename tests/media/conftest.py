"""Pictures and clips that the tests of this folder make for themselves."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw

Encoder = Callable[..., bytes]


@pytest.fixture(scope="session")
def encoded() -> Encoder:
    """A picture as bytes in a format."""

    def encode(image: Image.Image, form: str, **options: object) -> bytes:
        buffer = BytesIO()
        image.save(buffer, form, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    """Noise over a gradient: many colours, as a photograph has."""
    rng = np.random.default_rng(7)
    ramp = np.linspace(0, 200, 640)[None, :, None] + np.linspace(0, 40, 480)[:, None, None]
    return Image.fromarray((ramp + rng.integers(0, 16, (480, 640, 3))).astype(np.uint8))


@pytest.fixture(scope="session")
def chart() -> Image.Image:
    """Bars on white: few colours."""
    image = Image.new("RGB", (800, 600), "white")
    pen = ImageDraw.Draw(image)
    for at in range(10):
        pen.rectangle((at * 80, 600 - at * 50, at * 80 + 50, 600), fill=(at * 20, 80, 160))
    return image


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of grey that brightens by one step a frame: the n-th of 100 frames has the value 2n."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=20, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.gop_size = 30
        for at in range(100):
            frame = av.VideoFrame.from_ndarray(np.full((240, 320, 3), at * 2, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
