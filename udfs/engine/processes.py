"""Processes as the kernel knows them: identity, ancestry, and the end of everything that an engine started."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TOKEN = "MAMMOTH_ENGINE_TOKEN"  # noqa: S105 - the name of a variable, no secret
"""Environment variable that every process of one engine host carries; the sweep goes by it, never by a name."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that cannot be confused with a later one of the same number."""

    pid: int
    start: int
    """Clock ticks after boot."""

    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return start_time(self.pid) == self.start


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the state on; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks after boot; None when it is gone or a zombie."""
    stat = _stat(pid)
    return None if not stat or stat[0] in "ZX" else int(stat[19])


def owner_of(pid: int) -> Owner:
    """This process as an owner."""
    return Owner(pid, start_time(pid) or 0)


def jvm_owner() -> Owner:
    """The JVM above this process (a Spark worker's grandparent, a driver's child), else the process itself."""
    pid = os.getpid()
    while pid:
        if _name(pid) == "java":
            return owner_of(pid)
        stat = _stat(pid)
        pid = int(stat[1]) if stat else 0
    return owner_of(os.getpid())


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())  # noqa: PTH208 - names, not paths


def carrying(token: str) -> list[int]:
    """Live processes that carry this token, except the caller."""
    wanted = f"{TOKEN}={token}".encode()
    found = []
    for pid in _pids():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue  # gone meanwhile, or another user's
        if wanted in environment and pid != os.getpid() and start_time(pid) is not None:
            found.append(pid)
    return found


def sweep(token: str, wait_s: float = 10.0) -> list[int]:
    """Kills every process that carries the token; returns those that are still there after `wait_s`."""
    deadline = time.monotonic() + wait_s
    while (left := carrying(token)) and time.monotonic() < deadline:
        for pid in left:
            send(pid, signal.SIGKILL)
        time.sleep(0.02)
    return left


def send(pid: int, number: signal.Signals) -> None:
    """Signals a process that may be gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
