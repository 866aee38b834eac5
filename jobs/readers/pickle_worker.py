"""The process in which pickles and arrays are read: a file in, one JSON line a record out; `pickles` starts it.

Arrays are numpy's .npy, whose Python objects are a pickle, or MATLAB's .mat. A pickle is a program. Here it may build
containers and arrays only: every other name is refused before anything of it is looked up, and the process has no
memory, time, files, sockets or children beyond its own.
"""

import base64
import collections
import io
import pickle
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import msgspec
import numpy as np

from jobs.readers.arrays import LARGEST_LIST, Array, plain, png
from jobs.readers.pieces import LARGEST
from udfs.adapters.media import KEY, MAGIC
from udfs.confined import confine
from udfs.npy import array_of, header_of

MEMORY_BYTES = 4 << 30
CPU_S = 120
DEEPEST = 100
MOST = 250_000
"""Values of one record, of text each begun 256 letters; what is shared counts wherever it stands."""
_LETTERS = 256
_CONTAINERS = ("set", "frozenset", "list", "dict", "tuple", "bytearray", "complex", "int", "float", "str", "bool")


class TooMany(Exception):  # noqa: N818 - a verdict on the record
    """The record holds more values than one may."""


class Refused(Exception):  # noqa: N818 - a verdict on the file
    """The pickle asks for something that is not on the list."""


def _reconstruct(kind: type, shape: tuple[int, ...], _letter: bytes) -> Array:
    """numpy's own, for arrays proper only; their state, which follows, brings shape and type."""
    if kind is not np.ndarray or shape != (0,):
        raise Refused("an array that is none")
    return np.ndarray(shape, np.dtype(np.uint8))


def _scalar(kind: "np.dtype[Any]", data: bytes) -> object:
    if kind.hasobject:
        raise Refused("a scalar that is a Python object")
    return np.frombuffer(data.encode("latin-1") if isinstance(data, str) else data, kind)[0]


def _frombuffer(data: bytes, kind: "np.dtype[Any]", shape: tuple[int, ...], order: Literal["C", "F"]) -> Array:
    """An array as protocol 5 writes it."""
    if kind.hasobject:
        raise Refused("an array of Python objects in a buffer")
    return np.frombuffer(data, kind).reshape(shape, order=order)


def _bytes(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes for Python 2: `_codecs.encode(text, "latin1")`."""
    if encoding not in ("latin1", "latin-1"):
        raise Refused(f"an encoding {encoding!r}")
    return text.encode("latin-1")


def _counted(_kind: type | None = None) -> dict[object, object]:
    """A defaultdict whose default no longer matters."""
    return {}


_ALLOWED: Mapping[tuple[str, str], Callable[..., object]] = {
    **{("builtins", name): getattr(__import__("builtins"), name) for name in _CONTAINERS},
    **{("__builtin__", name): getattr(__import__("builtins"), name) for name in _CONTAINERS},
    ("__builtin__", "unicode"): str,
    ("__builtin__", "long"): int,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("collections", "defaultdict"): _counted,
    ("_codecs", "encode"): _bytes,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _frombuffer for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
}
# Constructors of builtins make objects of a size that a few bytes name: bytearray(1 << 40) ends at the memory limit.


class Unpickler(pickle.Unpickler):
    """Knows containers, numbers, text and arrays."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - as its base
        """What the name stands for, if it is on the list."""
        found = _ALLOWED.get((module, name))
        if found is None:
            raise Refused(f"{module}.{name}")
        return found

    def persistent_load(self, pid: object) -> Any:  # noqa: ANN401, ARG002 - as its base
        """Objects that lie elsewhere are refused too."""
        raise Refused("an object outside the file")


def serve(kind: str) -> None:
    """Reads a file from the input and answers; the last line says `end`, `refused` or `broken`."""
    png(np.zeros((16, 16), np.uint8))  # what is imported at first use must be there before no file can be opened
    "".encode("utf-16").decode("latin-1")
    load = _LOADERS[kind]()
    # No new descriptor means no file, no socket and no import; no new process means no child.
    confine(MEMORY_BYTES, {resource.RLIMIT_CPU: CPU_S, resource.RLIMIT_NOFILE: 3, resource.RLIMIT_NPROC: 0})
    try:
        for record in load(sys.stdin.buffer):
            _write(record)
        _write({"end": True})
    except Refused as error:
        _write({"refused": str(error)})
    except MemoryError:
        _write({"broken": f"needs more than {MEMORY_BYTES >> 30} GiB"})
    except Exception as error:  # noqa: BLE001 - a damaged pickle raises whatever it leads to
        _write({"broken": f"{type(error).__name__}: {error}"[:300]})


def _write(value: object) -> None:
    line = msgspec.json.encode(value)
    if len(line) > LARGEST:
        line = msgspec.json.encode({"too_large": f"{len(line)} bytes, at most {LARGEST} are read"})
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


Load = Callable[[BinaryIO], Iterator[dict[str, object]]]


def _pickled() -> Load:
    return lambda stream: _records(Unpickler(stream, encoding="latin-1").load())


def _saved() -> Load:
    """An array: one that holds a single object stands for that, others for their rows."""

    def load(stream: BinaryIO) -> Iterator[dict[str, object]]:
        held = stream.read()
        behind = io.BytesIO(held)
        if not header_of(behind, "the file")[2].hasobject:
            array = array_of(held, "the file")
        else:
            array = np.asarray(Unpickler(behind, encoding="latin-1").load())
        if array.ndim == 0:
            return _records(array.item())
        return (_record({"value": row}) for row in array)

    return load


def _matlab() -> Load:
    """The struct array of a file, field by field."""
    from scipy.io import loadmat, savemat  # no other file needs it

    tried = io.BytesIO()
    savemat(tried, {"a": np.zeros((1, 2), [("b", object)])})
    tried.seek(0)
    loadmat(tried, squeeze_me=True)  # imports the rest of itself

    def load(stream: BinaryIO) -> Iterator[dict[str, object]]:
        held = loadmat(io.BytesIO(stream.read()), squeeze_me=True)
        structs = [np.atleast_1d(array) for array in held.values() if getattr(array, "dtype", None) is not None]
        structs = [array for array in structs if array.dtype.names]
        if not structs:
            raise ValueError("it holds no array of structs")
        longest = max(structs, key=len)
        names = longest.dtype.names or ()
        return (_record({name: row[name] for name in names}) for row in longest)

    return load


_LOADERS: Mapping[str, Callable[[], Load]] = {"pickle": _pickled, "npy": _saved, "mat": _matlab}


def _records(found: object) -> Iterator[dict[str, object]]:
    if isinstance(found, Mapping) and not all(isinstance(part, Mapping) for part in found.values()):
        lists = [part for part in found.values() if isinstance(part, list | tuple)]
        found = lists[0] if len(lists) == 1 and len(found) > 1 else found
    if isinstance(found, Mapping):
        for key, part in found.items():
            yield _record(part if isinstance(part, Mapping) else {"value": part}, key)
    elif isinstance(found, list | tuple):
        for part in found:
            yield _record(part)
    else:
        raise ValueError(f"a {type(found).__name__}, not a list or an object of records")


def _record(held: object, key: object = None) -> dict[str, object]:
    try:
        value = Values().plain(held)
    except TooMany:
        return {"too_large": f"more than {MOST} values, what is shared counted wherever it stands"}
    return {"record": value if key is None else {**value, KEY: str(key)}}


@dataclass(slots=True)
class Values:
    """What turns one record into JSON values, and counts them."""

    left: int = MOST

    def plain(self, node: Any, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value
        """A value as JSON knows it; TooMany, or ValueError where it lies too deep."""
        if depth > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST}")
        self.count(1)
        if isinstance(node, Mapping):
            return {self.named(key): self.plain(part, depth + 1) for key, part in node.items()}
        if isinstance(node, np.ndarray):
            self.count((node.size if node.size <= LARGEST_LIST else 0) + node.nbytes // _LETTERS)
            if not node.dtype.hasobject:
                return plain(node)
            node = node.tolist()
        if isinstance(node, list | tuple | set | frozenset):
            return [self.plain(part, depth + 1) for part in node]
        if isinstance(node, np.generic):
            return self.plain(node.item(), depth + 1)
        if isinstance(node, str | bytes | bytearray):
            self.count(len(node) // _LETTERS)
        return _single(node)

    def named(self, key: object) -> str:
        """A key as text, which may be long or hold others too."""
        self.plain(key)
        return str(key)

    def count(self, more: int) -> None:
        """TooMany where these are too many."""
        self.left -= more
        if self.left < 0:
            raise TooMany


def _single(node: object) -> str | int | float | None:
    if isinstance(node, bytes | bytearray):
        shown = bytes(node)
        return base64.b64encode(shown).decode() if shown.startswith(MAGIC) else shown.decode("latin-1")
    if isinstance(node, float) and (node != node or node in (float("inf"), float("-inf"))):
        return None
    if isinstance(node, str):
        return node.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(node, int) and not -(1 << 63) <= node < 1 << 63:
        return str(node)
    return node if node is None or isinstance(node, int | float) else type(node).__name__


if __name__ == "__main__":
    serve(sys.argv[1])
