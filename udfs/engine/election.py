"""One engine host per identity and machine: whoever gets the lock starts it, everybody else waits for it."""

import asyncio
import fcntl
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import EngineError
from udfs.engine import own_code, state
from udfs.engine.processes import TOKEN, Owner, send, start_time, sweep
from udfs.engine.settings import EngineSettings, on_this_machine
from udfs.engine.state import HostState, Phase

_POLL_S = 0.05
_SLACK_S = 30.0
"""What the host needs beyond the engine's own time to be ready."""
_FAILURE_HOLDS_S = 60.0
"""A start that failed is not tried again so soon: the retries of a Spark task would only fail as slowly."""
_SCRUBBED = re.compile(r"OMP_|MKL_|KMP_|PYTHON|PYSPARK_|SPARK_")


@dataclass(frozen=True, slots=True)
class HostAddress:
    """Where a host that is ready listens."""

    socket: str
    engine_id: str
    pid: int


def ensure_host(settings: EngineSettings, owner: Owner) -> HostAddress:
    """The host of this engine, started if need be; EngineError with the end of its log when it cannot be had."""
    return asyncio.run(find_host(settings, owner))


async def find_host(settings: EngineSettings, owner: Owner) -> HostAddress:
    """Like `ensure_host`, for a running loop; may be cancelled while it waits."""
    settings = on_this_machine(settings)
    state.private_folder(Path(settings.host_dir))
    deadline = time.monotonic() + settings.engine.ready_timeout_s + _SLACK_S
    address = _ready(state.load(settings.path("state")))
    if address is not None:
        return address
    async with _elected(settings.path("lock"), deadline):
        found = state.load(settings.path("state"))
        while found is not None and found.alive():
            if (address := _ready(found)) is not None:
                return address
            await _wait(deadline, settings)
            found = state.load(settings.path("state"))
        _refuse_repeat(found, owner)
        await _reap(Path(settings.host_dir))
        return await _start(settings, owner, deadline)


def _ready(found: HostState | None) -> HostAddress | None:
    if found is None or found.phase not in (Phase.READY, Phase.RESTARTING) or not found.alive():
        return None
    return HostAddress(found.socket, found.engine_id, found.pid)


@asynccontextmanager
async def _elected(path: Path, deadline: float) -> AsyncIterator[None]:
    """Holds the lock; the kernel gives it back when its holder is killed."""
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EngineError(
                        f"another process has been starting this engine for too long ({path})",
                        "look at the engine's log beside that file, or raise the engine's ready_timeout_s",
                    ) from None
                await asyncio.sleep(_POLL_S)
        yield


def _refuse_repeat(found: HostState | None, owner: Owner) -> None:
    if found is None or found.phase is not Phase.FAILED or found.owner != (owner.pid, owner.start):
        return
    if time.time() - found.at < _FAILURE_HOLDS_S:
        raise EngineError(found.error, found.next_step)


async def _reap(host_dir: Path) -> None:
    """Ends what killed hosts have left, of any engine: their GPU memory is ours to take."""
    for path, found in list(state.states(host_dir)):
        if not found.alive() and found.phase not in (Phase.STOPPED, Phase.FAILED):
            left = await asyncio.to_thread(sweep, found.token)
            if left:
                raise EngineError(f"processes {left} of a killed engine host do not end", "end them, or reboot")
            path.unlink(missing_ok=True)


async def _start(settings: EngineSettings, owner: Owner, deadline: float) -> HostAddress:
    token = f"{settings.identity}-{uuid.uuid4().hex}"
    pid = _spawn(settings, owner, token)
    started = start_time(pid)
    while True:
        found = state.load(settings.path("state"))
        if found is not None and found.token == token:
            if (address := _ready(found)) is not None:
                return address
            if found.phase is Phase.FAILED:
                raise EngineError(found.error, found.next_step)
        if started is None or start_time(pid) != started:
            found = state.load(settings.path("state"))  # it may have written a last word
            if found is None or found.token != token or found.phase is not Phase.FAILED:
                raise EngineError(f"the engine host ended at once:\n{_host_log(settings)}", "see the lines above")
        try:
            await _wait(deadline, settings)
        except EngineError:
            send(pid, signal.SIGTERM)
            raise


async def _wait(deadline: float, settings: EngineSettings) -> None:
    if time.monotonic() > deadline:
        raise EngineError(
            f"engine {settings.engine.name} was not ready in time:\n{state.tail(settings.path('engine.log'))}",
            "raise the engine's ready_timeout_s if it was only slow",
        )
    await asyncio.sleep(_POLL_S)


def _host_log(settings: EngineSettings) -> str:
    return state.tail(settings.path("host.log"))


def _spawn(settings: EngineSettings, owner: Owner, token: str) -> int:
    """Starts the host so that nothing of the caller holds it: new session, no descriptors, no parent."""
    folder = own_code.install(Path(settings.host_dir))
    state.replace_file(settings.path("settings"), settings.to_json().encode())
    env = {name: value for name, value in os.environ.items() if not _SCRUBBED.match(name)}
    env |= {TOKEN: token, "PYTHONPATH": str(folder), "PYTHONUNBUFFERED": "1"}
    host = [sys.executable, "-m", "udfs.engine.host", str(settings.path("settings")), str(owner.pid), str(owner.start)]
    # The shell ends at once, so that init is the host's parent and no worker has to reap it.
    script = 'log=$1; shift; "$@" >"$log" 2>&1 </dev/null & echo $!'
    shell = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(settings.path("host.log")), *host],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        cwd=settings.host_dir,
        env=env,
        check=True,
    )
    return int(shell.stdout)
