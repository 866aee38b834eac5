"""One picture of any common format to the standard form that engines read."""

import math
import warnings
from dataclasses import dataclass, replace
from io import BytesIO

import imagehash
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from schemas.config import Media
from schemas.enums import DropReason, MediaKind
from schemas.errors import Drop
from udfs import npy
from udfs.media.item import MediaFacts, MediaItem, MediaPart, Note, join_notes, sha256

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""What is decoded, out of some forty formats that Pillow knows. Files of MPO (JPEGs of phones) open as JPEG."""

FOREIGN = {  # magic bytes among the first twelve
    b"<svg": "SVG",
    b"<?xml": "SVG or other XML",
    b"%PDF": "PDF",
    b"8BPS": "Photoshop",
    b"ftyp": "AVIF, HEIC or a video",
    b"\x1aE\xdf\xa3": "Matroska video",
}
DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
ORIENTATION_TAG = 0x0112
TURNED, SIDEWAYS = range(2, 9), range(5, 9)
"""Orientations that change something, and those that swap width and height."""
FEW_COLOURS = 2048

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Fit:
    """How large a picture is drawn (`content`) and on how large a canvas."""

    content: Size
    canvas: Size


def standardise(data: bytes, limits: Media) -> MediaItem:
    """The picture within `limits`, or `Drop`; the same bytes always give the same bytes.

    It is padded to the largest allowed aspect, never cropped: a question may be about what a crop removes. The
    original bytes are kept where nothing has to change. What was lossless and has few colours (charts, text) becomes
    PNG, everything else JPEG.
    """
    if not data:
        raise Drop(DropReason.UNDECODABLE_MEDIA, "empty: 0 bytes")
    if len(data) > limits.max_bytes:
        raise Drop(DropReason.MEDIA_TOO_LARGE, f"{len(data):,} bytes; at most {limits.max_bytes:,} are read")
    if data.startswith(npy.MAGIC):
        return replace(standardise(npy.picture_of(data), limits), media_id=sha256(data))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow warns of is either checked here or harmless
            return _standardise(data, limits)
    except Drop:
        raise
    except Image.DecompressionBombError as error:
        raise Drop(DropReason.MEDIA_TOO_LARGE, str(error)) from error
    except UnidentifiedImageError as error:
        raise _explain_foreign(data) from error
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise Drop(DropReason.UNDECODABLE_MEDIA, f"does not decode: {error or type(error).__name__}") from error


def fit_size(size: Size, limits: Media) -> Fit:
    """The canvas within all limits and the content scaled to it, enlarged only as far as `min_side` needs.

    Where limits contradict each other the upper ones hold.
    """
    width, height = size
    wide, high = max(width, height / limits.max_aspect), max(height, width / limits.max_aspect)
    scale = max(1.0, limits.min_side / min(wide, high))
    scale = min(scale, limits.max_side / max(wide, high), math.sqrt(limits.model_max_pixels / (wide * high)))
    canvas_w, canvas_h = (max(1, math.floor(side * scale + 1e-6)) for side in (wide, high))
    longest = max(1, math.floor(min(canvas_w, canvas_h) * limits.max_aspect))
    canvas = min(canvas_w, longest), min(canvas_h, longest)
    content = tuple(min(room, max(1, round(side * scale))) for side, room in zip((width, height), canvas, strict=True))
    return Fit((content[0], content[1]), canvas)


def draw(image: Image.Image, fit: Fit) -> Image.Image:
    """An RGB picture scaled and, on the right or below, padded with white; top-left coordinates stay true."""
    if image.size != fit.content:
        image = image.resize(fit.content, Image.Resampling.LANCZOS)
    if fit.content == fit.canvas:
        return image
    canvas = Image.new("RGB", fit.canvas, "white")
    canvas.paste(image)
    return canvas


def encode(image: Image.Image, lossless: bool, quality: int) -> MediaPart:
    """An RGB picture as PNG or JPEG."""
    buffer = BytesIO()
    if lossless:
        image.save(buffer, "PNG")
    else:
        image.save(buffer, "JPEG", quality=quality)
    return _as_part(buffer.getvalue(), "png" if lossless else "jpeg", image.size)


def _as_part(data: bytes, form: str, size: Size) -> MediaPart:
    return MediaPart(sha256(data), form, size[0], size[1], data)


def perceptual_hash(image: Image.Image) -> str:
    """64-bit pHash, hex."""
    return str(imagehash.phash(image))


def fit_notes(size: Size, fit: Fit) -> set[Note]:
    """What `draw` changes about a picture of this size."""
    changes = {Note.RESIZED: fit.content != size, Note.PADDED: fit.content != fit.canvas}
    return {note for note, applies in changes.items() if applies}


def check_pixels(size: Size, limits: Media) -> None:
    """Refuse a picture by its header, before it is decoded."""
    if size[0] * size[1] > limits.max_pixels:
        raise Drop(DropReason.MEDIA_TOO_LARGE, f"{size[0]} x {size[1]} px; at most {limits.max_pixels:,} are decoded")


def _standardise(data: bytes, limits: Media) -> MediaItem:
    with Image.open(BytesIO(data), formats=FORMATS) as image:
        check_pixels(image.size, limits)
        origin, size = str(image.format), image.size
        animated = origin != "MPO" and bool(getattr(image, "is_animated", False))
        if origin == "JPEG":
            # Decoding at 1/2, 1/4 or 1/8 costs a fraction and never goes below the size asked for.
            image.draft("RGB", fit_size(size, limits).content)
        image.load()
        # Not before: a PNG asked for its EXIF loads its pixels, and damage to them would go unnoticed.
        orientation = _orientation(image)
        if orientation in SIDEWAYS:
            size = size[1], size[0]
        fit = fit_size(size, limits)
        changes = {
            Note.ROTATED: orientation in TURNED,
            Note.MODE: image.mode != "RGB" or image.has_transparency_data,
            Note.ANIMATED: animated,
        }
        notes = fit_notes(size, fit) | {note for note, applies in changes.items() if applies}
        rgb = _to_rgb(ImageOps.exif_transpose(image) if orientation in TURNED else image, fit.content)
        kept = not notes and _is_plain(image)
        lossless = origin not in ("JPEG", "MPO") and _has_few_colours(rgb)
        standard = draw(rgb, fit)
    part = _as_part(data, origin.lower(), size) if kept else encode(standard, lossless, limits.jpeg_quality)
    facts = MediaFacts(
        kind=MediaKind.IMAGE,
        format=origin,
        bytes=len(data),
        width=size[0],
        height=size[1],
        frames=1,
        phash=perceptual_hash(standard),
        parts=1,
        standard_width=part.width,
        standard_height=part.height,
        notes=join_notes(notes),
    )
    return MediaItem(sha256(data), facts, (part,))


def _is_plain(image: Image.Image) -> bool:
    """Whether every reader sees the same in these bytes: no EXIF (rotation, places), no colour profile."""
    return image.format in ("JPEG", "PNG") and not image.info.get("exif") and not image.info.get("icc_profile")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001 - EXIF that cannot be read turns nothing; the pixels are still good
        return 1


def _to_rgb(image: Image.Image, content: Size) -> Image.Image:
    """RGB on white, in at most about twice the size of `content` where that saves memory."""
    if image.mode in DEEP_MODES:
        return _stretch(_reduce(image if image.mode in ("I", "F") else image.convert("I"), content)).convert("RGB")
    if image.has_transparency_data:
        layer = _reduce(image.convert("RGBA"), content)
        white = Image.new("RGBA", layer.size, "white")
        white.alpha_composite(layer)
        return white.convert("RGB")
    return _reduce(image if image.mode == "RGB" else image.convert("RGB"), content)


def _reduce(image: Image.Image, content: Size) -> Image.Image:
    factor = min(image.width // content[0], image.height // content[1]) // 2
    return image.reduce(factor) if factor > 1 else image


def _stretch(image: Image.Image) -> Image.Image:
    """More than 8 bits to 8: the darkest value becomes black, the lightest white, since 12-bit scans fill no range."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    low, high = float(values.min()), float(values.max())
    return Image.fromarray(((values - low) * (255 / max(high - low, 1e-9))).astype(np.uint8))


def _has_few_colours(image: Image.Image) -> bool:
    return image.resize((256, 256), Image.Resampling.NEAREST).getcolors(FEW_COLOURS) is not None


def _explain_foreign(data: bytes) -> Drop:
    start = data[:256].lstrip().removeprefix(b"\xef\xbb\xbf")
    if b"<html" in start.lower() or start.lower().startswith(b"<!doctype"):
        return Drop(DropReason.UNDECODABLE_MEDIA, "an HTML page stands in the picture's place")
    for magic, name in FOREIGN.items():
        if magic in start[:12]:
            return Drop(DropReason.MEDIA_UNSUPPORTED, f"{name}; pictures are read as {', '.join(FORMATS)}")
    return Drop(DropReason.UNDECODABLE_MEDIA, f"no picture starts with the bytes {data[:8].hex(' ')}")
