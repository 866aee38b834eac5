"""Stands between host and engine, so that no process of the engine outlives its host, however that one ends.

    python guard.py COMMAND...

Standard input is a pipe from the host: when it closes, the host is gone or wants the end. The guard adopts whatever
the engine leaves behind (an engine killed hard leaves its core process on the GPU). Imports nothing of ours.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GRACE_S = 5.0
LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def descendants(root: int) -> list[int]:
    """Every process below `root`, by parent links."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def bury() -> None:
    """Kills and reaps all descendants; orphans become children, so the loop ends when there is none."""
    while True:
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
            time.sleep(0.01)
        except ChildProcessError:
            return


def main(command: list[str]) -> int:
    """Runs the command until it ends or the pipe closes; returns its exit status, 1 when it was stopped."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: os.dup2(nothing, 0))  # as if the pipe had closed
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent)  # noqa: PLW1509 - no threads here
    ended = os.pidfd_open(child.pid)
    select.select([0, ended], [], [])
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_S)
    status = child.poll()
    bury()
    return 1 if status is None or status < 0 else status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
