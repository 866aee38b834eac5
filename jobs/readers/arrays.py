"""Arrays as JSON values: pictures become PNG in base64, small arrays lists."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

LARGEST_LIST = 4096
"""Numbers; larger arrays that are no pictures are left out with their shape told."""
_SIDE = 16
"""Pixels; what is smaller is a table of numbers."""
_MOST = 256
"""Pictures in one array."""

Array = np.ndarray[Any, np.dtype[Any]]


def plain(array: Array) -> Any:  # noqa: ANN401 - any JSON value
    """An array as a JSON value; ValueError for arrays of Python objects."""
    if array.dtype.hasobject:
        raise ValueError(f"an array of Python objects, shape {array.shape}")
    array = _as_pixels(array)
    if _is_picture(array.shape, array.dtype):
        return png(array)
    if array.ndim >= 3 and array.shape[0] <= _MOST and _is_picture(array.shape[1:], array.dtype):
        return [png(panel) for panel in array]
    if array.size > LARGEST_LIST:
        return {"shape": list(array.shape), "dtype": str(array.dtype)}
    return _words(array.tolist())


def _as_pixels(array: Array) -> Array:
    """A picture whose pixels are whole numbers up to 255 in another type, as pixels; any other array as it is."""
    if array.dtype.kind not in "iuf" or array.size <= LARGEST_LIST or not _is_picture(array.shape, np.dtype(np.uint8)):
        return array
    whole = bool(np.all((array >= 0) & (array <= np.iinfo(np.uint8).max) & (array == np.floor(array))))
    return array.astype(np.uint8) if whole and array.max() > 1 else array


def png(pixels: Array) -> str:
    """A picture as PNG in base64."""
    held = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels).save(held, "PNG")
    return base64.b64encode(held.getvalue()).decode()


def _is_picture(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    flat = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))
    return dtype == np.uint8 and flat and min(shape[:2]) >= _SIDE


def _words(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, list):
        return [_words(part) for part in value]
    return value.decode("latin-1") if isinstance(value, bytes) else value
