"""The file in HOST_DIR in which each host says who it is and how it fares; replaced whole, so never half read."""

import os
import stat
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from schemas.errors import EngineError
from udfs.engine.processes import Owner


class Phase(StrEnum):
    """Where a host is in its life."""

    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class HostState(msgspec.Struct, frozen=True):
    """One engine host, alive or dead."""

    engine_id: str
    name: str
    token: str
    pid: int
    start: int
    owner: tuple[int, int]
    phase: Phase
    socket: str
    error: str = ""
    next_step: str = ""
    at: float = 0.0
    """Unix time of the last change."""

    def alive(self) -> bool:
        """Whether the host's process runs."""
        return Owner(self.pid, self.start).alive()


def replace_file(path: Path, data: bytes) -> None:
    """Readers see the old content or the new, never a part."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_bytes(data)
    scratch.replace(path)


def save(path: Path, state: HostState) -> HostState:
    """Writes and returns the state, stamped."""
    stamped = msgspec.structs.replace(state, at=time.time())
    replace_file(path, msgspec.json.encode(stamped))
    return stamped


def load(path: Path) -> HostState | None:
    """The state in a file; None where there is none, or none that this version can read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=HostState)
    except (OSError, msgspec.MsgspecError):
        return None


def states(host_dir: Path) -> Iterator[tuple[Path, HostState]]:
    """Every host that left a state."""
    for path in sorted(host_dir.glob("*.state")):
        state = load(path)
        if state is not None:
            yield path, state


def private_folder(host_dir: Path) -> None:
    """Makes HOST_DIR, and refuses one that others could write to."""
    host_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = host_dir.stat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise EngineError(
            f"host_dir {host_dir} belongs to uid {found.st_uid} with mode {stat.S_IMODE(found.st_mode):o}; "
            f"wanted: uid {os.getuid()}, mode 700",
            f"chmod 700 {host_dir}, or set storage.host_dir to a folder of your own",
        )


def tail(path: Path, lines: int = 25) -> str:
    """The end of a log."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 20_000))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
