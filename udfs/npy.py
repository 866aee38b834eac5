"""Arrays as numpy saves them, read without pickle: a header is believed only if the bytes for it are there."""

import io
from typing import Any

import numpy as np
from PIL import Image

from schemas.enums import DropReason
from schemas.errors import Drop

MAGIC = b"\x93NUMPY"
Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, ...]


def header_of(stream: Any, name: str) -> tuple[Shape, bool, "np.dtype[Any]"]:  # noqa: ANN401 - any binary file
    """Shape, order (whether Fortran's) and type of the array that follows; ValueError for another format."""
    version = np.lib.format.read_magic(stream)
    heads = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in heads:
        raise ValueError(f"{name} has array format {version}; read are 1.0 and 2.0")
    shape, fortran, dtype = heads[version](stream)
    return shape, fortran, dtype


def array_of(held: bytes, name: str) -> Array:
    """An array proper; ValueError for Python objects and for one that is not as long as its header says."""
    stream = io.BytesIO(held)
    shape, fortran, dtype = header_of(stream, name)
    if dtype.hasobject:
        raise ValueError(f"{name} is an array of Python objects, which only unpickling could read")
    count = 1
    for side in shape:
        count *= int(side)
    there = len(held) - stream.tell()
    if count * dtype.itemsize != there:
        raise ValueError(f"{name} says {count * dtype.itemsize:,} bytes and holds {there:,}")
    return np.frombuffer(held, dtype, count, stream.tell()).reshape(shape, order="F" if fortran else "C")


def picture_of(held: bytes) -> bytes:
    """A picture (height, width, colours) as PNG, of several the one in the middle; Drop for other arrays."""
    try:
        array = array_of(held, "the file")
    except (ValueError, EOFError, OverflowError) as error:
        raise Drop(DropReason.UNDECODABLE_MEDIA, f"no readable array: {error}"[:300]) from error
    frame = array[len(array) // 2] if array.ndim == 4 and len(array) else array
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
        detail = f"an array of {array.dtype}, shape {array.shape}; allowed: uint8, one or more (height, width, 3)"
        raise Drop(DropReason.MEDIA_UNSUPPORTED, detail)
    out = io.BytesIO()
    Image.fromarray(frame).save(out, "PNG")
    return out.getvalue()
