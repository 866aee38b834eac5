"""Processes apart for code that reads hostile files: what starts them, and the limits that they set themselves."""

import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress


def start(module: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """A Python process that runs a module of ours, with pipes to its input and from its output."""
    folders = [folder or os.getcwd() for folder in sys.path]  # noqa: PTH109 - a string is what the variable takes
    return subprocess.Popen(
        # -P: the current folder is no place to import from.
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # It imports what this process does, also from a zip that only sys.path names.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        start_new_session=True,  # Ctrl-C is for the parent; the process ends with its input
    )


def stop(worker: "subprocess.Popen[bytes]") -> None:
    """Ends such a process."""
    worker.kill()
    for pipe in (worker.stdin, worker.stdout):
        with suppress(BrokenPipeError):
            if pipe is not None:
                pipe.close()
    worker.wait()


def confine(memory_bytes: int, more: Mapping[int, int] | None = None) -> None:
    """Limits this process for good: its memory, files of no size, no core dumps, and `more` by RLIMIT number."""
    wanted = {resource.RLIMIT_AS: memory_bytes, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0, **(more or {})}
    for limit, value in wanted.items():
        hard = resource.getrlimit(limit)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (allowed, allowed))
