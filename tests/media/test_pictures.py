import os
import struct
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from schemas.config import Media
from schemas.enums import DropReason, MediaKind
from schemas.errors import Drop
from udfs.media.pictures import Size, fit_size, standardise

LIMITS = Media()
SAMPLES = Path(os.environ.get("MAMMOTH_REAL_SAMPLES", Path(__file__).parents[3] / "shared" / "real_samples"))
ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp"}


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def dropped(data: bytes, limits: Media = LIMITS) -> Drop:
    with pytest.raises(Drop) as caught:
        standardise(data, limits)
    return caught.value


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def test_a_plain_picture_keeps_its_bytes(encoded: Callable[..., bytes], photo: Image.Image):
    data = encoded(photo, "JPEG", quality=80)
    item = standardise(data, LIMITS)
    (part,) = item.parts
    assert part.data == data
    assert part.sha256 == item.media_id
    facts = item.facts
    assert (facts.kind, facts.format, facts.bytes, facts.width, facts.height) == (
        MediaKind.IMAGE, "JPEG", len(data), 640, 480,
    )  # fmt: skip
    assert (facts.frames, facts.parts, facts.notes, len(facts.phash)) == (1, 1, None, 16)
    assert (part.format, part.at_s, item.repeated) == ("jpeg", None, False)


def test_what_only_some_readers_honour_is_written_out(encoded: Callable[..., bytes], photo: Image.Image):
    for options in ({"icc_profile": b"not a profile"}, {"exif": exif(1)}):
        data = encoded(photo, "JPEG", **options)
        part = standardise(data, LIMITS).parts[0]
        assert part.data != data
        assert not opened(part.data).info.get("exif")
        assert not opened(part.data).info.get("icc_profile")


def test_charts_become_png_and_photographs_jpeg(encoded: Callable[..., bytes], photo: Image.Image, chart: Image.Image):
    drawn, taken = (
        standardise(encoded(chart, "BMP"), LIMITS).parts[0],
        standardise(encoded(photo, "BMP"), LIMITS).parts[0],
    )
    assert (drawn.format, taken.format) == ("png", "jpeg")
    assert opened(drawn.data).tobytes() == chart.tobytes()
    assert standardise(encoded(chart, "WEBP", lossless=True), LIMITS).facts.format == "WEBP"


def test_the_same_bytes_give_the_same_bytes(encoded: Callable[..., bytes], photo: Image.Image, chart: Image.Image):
    for data in (encoded(photo.resize((2400, 1800)), "JPEG"), encoded(chart, "GIF"), encoded(photo, "TIFF")):
        assert standardise(data, LIMITS) == standardise(data, LIMITS)


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def test_exif_rotation_is_applied(encoded: Callable[..., bytes], photo: Image.Image):
    facts, part = (item := standardise(encoded(photo, "JPEG", exif=exif(6)), LIMITS)).facts, item.parts[0]
    assert (facts.width, facts.height, facts.notes) == (480, 640, "rotated")
    image = opened(part.data)
    assert image.size == (480, 640)
    # The dark left edge of the picture is its upper edge after a quarter turn to the right.
    assert image.getpixel((240, 5))[0] < 60 < 180 < image.getpixel((240, 635))[0]


def test_rotation_and_decoding_at_half_size_go_together(encoded: Callable[..., bytes], photo: Image.Image):
    item = standardise(encoded(photo.resize((4000, 3000)), "JPEG", exif=exif(8)), LIMITS)
    assert (item.facts.width, item.facts.height, item.facts.notes) == (3000, 4000, "resized, rotated")
    assert opened(item.parts[0].data).size == fit_size((3000, 4000), LIMITS).canvas
    assert item.parts[0].width * item.parts[0].height > 0.99 * LIMITS.model_max_pixels


def test_unreadable_exif_turns_nothing(encoded: Callable[..., bytes], photo: Image.Image):
    data = encoded(photo, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    assert standardise(data, LIMITS).facts.notes is None


def test_transparency_becomes_white(encoded: Callable[..., bytes]):
    clear = Image.new("RGBA", (300, 300), (200, 0, 0, 0))
    clear.paste((0, 0, 200, 255), (0, 0, 150, 300))
    palette = Image.new("P", clear.size, 1)
    palette.putpalette([0, 0, 200, 200, 0, 0])
    palette.paste(0, (0, 0, 150, 300))
    for data in (
        encoded(clear, "PNG"),
        encoded(clear.convert("LA"), "PNG"),
        encoded(palette, "PNG", transparency=1),
        encoded(palette, "PNG", transparency=b"\xff\x00"),
        encoded(palette, "GIF", transparency=1),
    ):
        item = standardise(data, LIMITS)
        image = opened(item.parts[0].data)
        assert item.facts.notes == "mode"
        assert image.mode == "RGB"
        assert image.getpixel((290, 10)) == (255, 255, 255)
        assert image.getpixel((10, 10)) != (255, 255, 255)


@pytest.mark.parametrize(("mode", "form"), [("CMYK", "JPEG"), ("L", "JPEG"), ("1", "PNG"), ("P", "PNG"), ("1", "TIFF")])
def test_colour_modes_become_rgb(encoded: Callable[..., bytes], photo: Image.Image, mode: str, form: str):
    item = standardise(encoded(photo.convert(mode), form), LIMITS)
    image = opened(item.parts[0].data)
    assert (image.mode, item.facts.notes) == ("RGB", "mode")
    seen, wanted = (np.asarray(shown.convert("L").reduce(40), float) for shown in (image, photo))
    assert np.abs(seen - wanted).mean() < 30


@pytest.mark.parametrize("top", [4095, 65535])
def test_sixteen_bits_are_stretched(encoded: Callable[..., bytes], top: int):
    ramp = np.linspace(0, top, 256 * 256).reshape(256, 256)
    for data in (
        encoded(Image.fromarray(ramp.astype(np.uint16)), "PNG"),
        encoded(Image.fromarray(ramp.astype(np.float32)), "TIFF"),
    ):
        image = opened(standardise(data, LIMITS).parts[0].data)
        assert image.getpixel((0, 0)) == (0, 0, 0)
        assert image.getpixel((255, 255)) == (255, 255, 255)
        assert abs(image.getpixel((128, 128))[0] - 128) <= 2


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animations_give_their_first_frame(encoded: Callable[..., bytes], form: str):
    frames = [Image.new("RGB", (240, 240), colour) for colour in ("red", "green", "blue")]
    item = standardise(encoded(frames[0], form, save_all=True, append_images=frames[1:]), LIMITS)
    assert "animated" in item.facts.notes
    assert (item.facts.frames, len(item.parts)) == (1, 1)
    red, green, _ = opened(item.parts[0].data).getpixel((120, 120))
    assert red > 240
    assert green < 16


@pytest.mark.parametrize(("size", "canvas"), [
    ((1, 1), (224, 224)),
    ((100, 50), (448, 224)),
    ((10_000, 10), (3549, 507)),
    ((10, 10_000), (507, 3549)),
    ((640, 480), (640, 480)),
    ((700, 100), (1568, 224)),
    ((8000, 6000), (1551, 1163)),
])  # fmt: skip
def test_sizes(encoded: Callable[..., bytes], size: Size, canvas: Size):
    item = standardise(encoded(Image.new("RGB", size, "red"), "PNG"), LIMITS)
    image = opened(item.parts[0].data)
    assert image.size == canvas == (item.facts.standard_width, item.facts.standard_height)
    assert (item.facts.width, item.facts.height) == size
    assert ("padded" in (item.facts.notes or "")) == (max(size) > 7 * min(size))
    assert image.getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "1", "CMYK", "I;16", "I", "F"])
def test_huge_pictures_of_any_mode_are_averaged_down(encoded: Callable[..., bytes], mode: str):
    small = Image.linear_gradient("L").resize((3000, 2000))
    image = Image.fromarray(np.asarray(small).astype(np.uint16) * 257) if mode == "I;16" else small.convert(mode)
    tight = Media(min_side=32, model_max_pixels=300 * 200)
    item = standardise(encoded(image, "TIFF"), tight)
    shown = np.asarray(opened(item.parts[0].data).convert("L"), float)
    assert shown.shape == (200, 300)
    # The gradient runs from black above to white below, in every row alike.
    assert np.abs(shown.mean(axis=1) - np.linspace(0, 255, 200)).mean() < (8 if mode == "1" else 4)


def test_padding_is_white_and_below(encoded: Callable[..., bytes]):
    image = opened(standardise(encoded(Image.new("RGB", (2000, 100), "blue"), "PNG"), LIMITS).parts[0].data)
    assert image.getpixel((1000, 50)) == (0, 0, 255)
    assert image.getpixel((1000, image.height - 1)) == (255, 255, 255)


# No limit of these contradicts another: 300 x 9 <= 2,700 px a side, and 300 x 2,700 <= 900,000 px.
limits = st.builds(
    Media,
    min_side=st.integers(1, 300),
    max_side=st.integers(2700, 5000),
    max_aspect=st.floats(1, 9),
    model_max_pixels=st.integers(900_000, 5_000_000),
)


@given(st.integers(1, 6000), st.integers(1, 6000), limits)
@settings(max_examples=400)
def test_every_size_ends_within_the_limits(width: int, height: int, limits: Media):
    fit = fit_size((width, height), limits)
    long, short = max(fit.canvas), min(fit.canvas)
    assert short >= limits.min_side
    assert long <= limits.max_side
    assert long <= short * limits.max_aspect
    assert long * short <= limits.model_max_pixels
    assert all(1 <= drawn <= room for drawn, room in zip(fit.content, fit.canvas, strict=True))
    if min(width, height) >= limits.min_side:
        assert fit.content[0] <= width
        assert fit.content[1] <= height
    again = fit_size(fit.canvas, limits)
    assert again.content == again.canvas == fit.canvas


def test_a_bomb_is_refused_by_its_header():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for size in ((50_000, 50_000), (14_000, 14_000)):
            drop = dropped(png_header(*size))
            assert drop.reason is DropReason.MEDIA_TOO_LARGE
            assert "pixels" in drop.detail or "px" in drop.detail
        # Between Pillow's warning and its error: allowed here, and no warning escapes.
        assert dropped(png_header(10_000, 10_000)).reason is DropReason.UNDECODABLE_MEDIA


def test_a_text_bomb_is_refused(encoded: Callable[..., bytes], photo: Image.Image):
    info = PngInfo()
    info.add_text("comment", "a" * (70 << 20), zip=True)
    assert dropped(encoded(photo, "PNG", pnginfo=info)).reason is DropReason.UNDECODABLE_MEDIA


def test_large_files_are_refused(encoded: Callable[..., bytes], photo: Image.Image):
    drop = dropped(encoded(photo, "BMP"), Media(max_bytes=1000))
    assert drop.reason is DropReason.MEDIA_TOO_LARGE
    assert "1,000" in drop.detail


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_truncated_pictures_are_refused(encoded: Callable[..., bytes], photo: Image.Image, form: str):
    data = encoded(photo, form)
    for share in (0.2, 0.5, 0.9):
        assert dropped(data[: int(len(data) * share)]).reason is DropReason.UNDECODABLE_MEDIA


def test_damaged_pixels_of_a_png_are_noticed(encoded: Callable[..., bytes], photo: Image.Image):
    data = bytearray(encoded(photo, "PNG"))
    start = data.index(b"IDAT") + 4
    data[start : start + 8] = bytes(8)
    assert dropped(bytes(data)).reason is DropReason.UNDECODABLE_MEDIA


@pytest.mark.parametrize(("data", "reason", "words"), [
    (b"", DropReason.UNDECODABLE_MEDIA, "empty"),
    (b"<!DOCTYPE html><html><body>404</body></html>", DropReason.UNDECODABLE_MEDIA, "HTML"),
    (b"\n <html>", DropReason.UNDECODABLE_MEDIA, "HTML"),
    (b'<svg xmlns="http://www.w3.org/2000/svg"/>', DropReason.MEDIA_UNSUPPORTED, "SVG"),
    (b'\xef\xbb\xbf<?xml version="1.0"?><svg/>', DropReason.MEDIA_UNSUPPORTED, "SVG"),
    (b"%PDF-1.7 ...", DropReason.MEDIA_UNSUPPORTED, "PDF"),
    (b"\x00\x00\x00\x1cftypavif", DropReason.MEDIA_UNSUPPORTED, "AVIF"),
    (b"plain words", DropReason.UNDECODABLE_MEDIA, "70 6c 61 69"),
    (b"\xff\xd8\xff\xe0", DropReason.UNDECODABLE_MEDIA, ""),
])  # fmt: skip
def test_what_is_no_picture_says_what_it_is(data: bytes, reason: DropReason, words: str):
    drop = dropped(data)
    assert drop.reason is reason
    assert words in drop.detail


def test_mpo_opens_as_its_first_picture(encoded: Callable[..., bytes], photo: Image.Image):
    item = standardise(encoded(photo, "MPO", save_all=True, append_images=[photo.rotate(180)]), LIMITS)
    assert (item.facts.format, item.facts.notes) == ("MPO", None)
    assert opened(item.parts[0].data).getpixel((5, 5))[0] < 60


def test_formats_outside_the_list_are_not_opened(encoded: Callable[..., bytes], photo: Image.Image):
    for form in ("PPM", "TGA", "PCX", "ICO", "JPEG2000"):
        assert dropped(encoded(photo, form)).reason in (DropReason.UNDECODABLE_MEDIA, DropReason.MEDIA_UNSUPPORTED)


@given(st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"]), st.data())
@settings(max_examples=150, deadline=None)
def test_damage_drops_or_decodes_and_never_crashes(form: str, data: st.DataObject):
    buffer = BytesIO()
    Image.linear_gradient("L").convert("RGB").save(buffer, form)
    good = bytearray(buffer.getvalue())
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(good) - 1), st.integers(0, 255)), max_size=6)):
        good[at] = value
    try:
        item = standardise(bytes(good[: data.draw(st.integers(0, len(good)))]), LIMITS)
    except Drop:
        return
    assert opened(item.parts[0].data).size == (item.parts[0].width, item.parts[0].height)


@pytest.mark.real
def test_publishers_pictures_are_read():
    if not SAMPLES.is_dir():
        pytest.skip(f"no real samples at {SAMPLES}; MAMMOTH_REAL_SAMPLES names their folder")
    paths = [path for path in sorted(SAMPLES.rglob("*")) if path.suffix.lower() in ENDINGS]
    assert paths
    for path in paths:
        part = standardise(path.read_bytes(), LIMITS).parts[0]
        assert min(part.width, part.height) >= LIMITS.min_side, path
        assert part.width * part.height <= LIMITS.model_max_pixels, path
