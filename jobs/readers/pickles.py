"""Pickles, and arrays of numpy and MATLAB, read in a process apart that allows data only."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import PurePosixPath
from subprocess import Popen
from typing import Any

import msgspec

from jobs.readers.pieces import LARGEST
from jobs.readers.ranges import Range
from jobs.readers.stream import blocks
from schemas.enums import DropReason
from schemas.errors import InputError
from udfs import files
from udfs.confined import start, stop
from udfs.sample import Origin, Problem, Record

SUFFIXES = frozenset({".p", ".pk", ".pkl", ".pickle", ".npy", ".mat"})
_KINDS = {".npy": "npy", ".mat": "mat"}
_CALLED = {"npy": "an array of numpy", "mat": "a MATLAB file", "pickle": "a pickle"}
TIMEOUT_S = 300
_EXCERPT = 200


def read_pickle(root: str, part: Range) -> Iterator[Record]:
    """Records of a pickle: items of its list, or values of its object with their keys; of an array its rows.

    InputError when it names anything but containers, numbers, text and arrays; none of it is executed.
    """
    uri = files.join(root, part.file)
    kind = _KINDS.get(PurePosixPath(part.file.lower()).suffix, "pickle")
    worker = start("jobs.readers.pickle_worker", kind)
    feeder = threading.Thread(target=_feed, args=(worker, uri), daemon=True)
    watch = threading.Timer(TIMEOUT_S, worker.kill)
    feeder.start()
    watch.start()
    try:
        assert worker.stdout is not None
        for position, line in enumerate(iter(partial(worker.stdout.readline, LARGEST + 2), b""), part.position):
            if len(line) > LARGEST + 1:
                raise InputError(
                    f"{uri}: the process that reads it answers more than {LARGEST} bytes at once", "leave this file out"
                )
            answer = msgspec.json.decode(line)
            origin = Origin(part.file, position, record_hash=hashlib.sha256(line).hexdigest())
            if "record" in answer:
                yield _record(answer["record"], origin)
            elif "too_large" in answer:
                yield Record({}, origin, Problem(DropReason.RECORD_TOO_LARGE, answer["too_large"]))
            else:
                _check(answer, uri, kind)
                return
        raise InputError(
            f"{uri}: the process that reads it ended with status {worker.wait()}",
            "it needs more memory or time than a pickle may; have its publisher's tool write JSON instead",
        )
    finally:
        watch.cancel()
        worker.kill()
        feeder.join()
        stop(worker)


def _feed(worker: "Popen[bytes]", uri: str) -> None:
    assert worker.stdin is not None
    with suppress(OSError, InputError, ValueError):
        for block in blocks(uri):
            worker.stdin.write(block)
    with suppress(OSError, ValueError):
        worker.stdin.close()


def _check(answer: dict[str, Any], uri: str, kind: str) -> None:
    if "refused" in answer:
        raise InputError(
            f"{uri} is refused: the pickle asks for {answer['refused']}; allowed are containers, numbers, text and "
            "numpy arrays. Nothing of it was executed",
            "if you trust the file, convert it to JSON with its publisher's own tool",
        )
    if "broken" in answer:
        again = "; one of version 7.3 is to be saved with -v7" if kind == "mat" else ""
        raise InputError(
            f"{uri} is not readable as {_CALLED[kind]}: {answer['broken']}", f"download the file again{again}"
        )


def _record(value: Any, origin: Origin) -> Record:  # noqa: ANN401 - any JSON value
    excerpt = msgspec.json.encode(value)[:_EXCERPT].decode("utf-8", "replace")
    if isinstance(value, dict):
        return Record(value, origin, None, excerpt)
    problem = Problem(DropReason.WRONG_SHAPE, f"a record must be an object, this is a {type(value).__name__}")
    return Record({}, origin, problem, excerpt)
