"""The engine host's process: one engine, one gateway, and the reasons to end.

python -m udfs.engine.host SETTINGS_FILE OWNER_PID OWNER_START

Not yet here: a watchdog that restarts an engine which hangs, and the isolation of requests that kill it. Both belong
into `Host._supervise`: today an engine that ends fails its calls in flight with status `engine`, is started again after
1, 5 and 15 s, and at its fourth end within half an hour takes the host with it.
"""

import asyncio
import ctypes
import fcntl
import os
import signal
import socket
import sys
import time
from collections import deque
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import IO

import msgspec
import uvloop

from schemas.errors import EngineError, PipelineError
from udfs.engine import canary, labels, state
from udfs.engine.caller import EngineCaller
from udfs.engine.engine_process import EngineProcess
from udfs.engine.gateway import Gateway
from udfs.engine.guard import PR_SET_CHILD_SUBREAPER
from udfs.engine.processes import TOKEN, Owner, owner_of
from udfs.engine.protocol import Facts
from udfs.engine.response_log import ResponseLog
from udfs.engine.settings import EngineSettings
from udfs.engine.state import HostState, Phase
from udfs.engine.upstream import UPSTREAMS

RESTART_PAUSES_S = (1.0, 5.0, 15.0)
_RESTARTS_WITHIN_S = 1800.0
_WATCH_S = 0.25
_STATUS_S = 5.0
_LIFE_LOCK_S = 5.0


class Host:
    """What the process holds from its start to its end."""

    def __init__(self, settings: EngineSettings, owner: Owner) -> None:
        self.settings, self.owner = settings, owner
        me = owner_of(os.getpid())
        self.state = HostState(
            engine_id=settings.identity,
            name=settings.engine.name,
            token=os.environ[TOKEN],
            pid=me.pid,
            start=me.start,
            owner=(owner.pid, owner.start),
            phase=Phase.STARTING,
            socket=str(settings.path("sock")),
        )
        self.upstream = UPSTREAMS[settings.engine.kind](settings)
        self.process = EngineProcess(self.upstream, self.state.token, settings.path("engine.log"))
        self.caller = EngineCaller(self.upstream, settings.identity)
        self.gateway: Gateway | None = None
        self.ending = asyncio.Event()
        """Set to end at once, without a drain."""

    def enter(self, phase: Phase, error: str = "", next_step: str = "") -> None:
        """Tells everybody, by the state file."""
        changed = msgspec.structs.replace(self.state, phase=phase, error=error, next_step=next_step)
        self.state = state.save(self.settings.path("state"), changed)

    async def run(self) -> None:
        """From start to end; a failed start is left in the state file for those who wait."""
        self.enter(Phase.STARTING)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.ending.set)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.process.stop)
            await stack.enter_async_context(self.caller)
            started = asyncio.create_task(self._start_engine())
            if not await self._unless_ending(started):
                return
            log = ResponseLog(self.settings.response_log)
            stack.callback(log.close)
            self.gateway = await self._open_gateway(log)
            await self._serve(self.gateway)

    async def _unless_ending(self, task: asyncio.Task[None]) -> bool:
        """Waits for a task; False when the end, or the owner's, comes first."""
        while not task.done():
            await asyncio.wait([task], timeout=_WATCH_S)
            if self.ending.is_set() or (self.gateway is None and not self.owner.alive()):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
                return False
        task.result()
        return True

    async def _start_engine(self) -> None:
        engine = self.settings.engine
        await self.process.start()
        await self.process.wait_ready(self.caller, engine.ready_timeout_s)
        await canary.check(self.caller, engine, engine.request_timeout_s)

    async def _open_gateway(self, log: ResponseLog) -> Gateway:
        settings, engine = self.settings, self.settings.engine
        facts = Facts(
            engine_id=settings.identity,
            name=engine.name,
            kind=engine.kind.value,
            model=engine.model,
            revision=settings.revision,
            window=engine.window,
            max_model_len=engine.max_model_len,
            pid=os.getpid(),
            label_ids=await labels.find_ids(self.caller.tokenize),
        )
        return Gateway(facts, log, self.caller, engine.request_timeout_s, settings.max_sql_calls, owners={self.owner})

    async def _serve(self, gateway: Gateway) -> None:
        path = Path(self.state.socket)
        path.unlink(missing_ok=True)
        server = await asyncio.get_running_loop().create_unix_server(gateway.connection, path)
        self.enter(Phase.READY)
        background = [asyncio.create_task(work) for work in (self._watch(gateway), self._supervise(gateway))]
        status = asyncio.create_task(self._report(gateway))
        wanted = [asyncio.create_task(event.wait()) for event in (gateway.stop_wanted, self.ending)]
        await asyncio.wait([*background, *wanted], return_when=asyncio.FIRST_COMPLETED)
        gateway.stop_wanted.set()
        self.enter(Phase.STOPPING)
        server.close()
        if not self.ending.is_set():
            drained = asyncio.create_task(gateway.drain())
            await asyncio.wait([drained, wanted[1]], return_when=asyncio.FIRST_COMPLETED)
        for task in [*background, *wanted, status]:
            task.cancel()
        gateway.close()
        path.unlink(missing_ok=True)
        for task in background:
            if task.done() and not task.cancelled():
                task.result()  # raises what ended the engine for good

    async def _watch(self, gateway: Gateway) -> None:
        """Ends when nobody needs the host: idle for long, or every owner gone and no connection open."""
        busy = time.monotonic()
        while True:
            await asyncio.sleep(_WATCH_S)
            if gateway.leases:
                busy = time.monotonic()
                continue
            needed = any(owner.alive() for owner in gateway.owners)
            if not needed or time.monotonic() - busy > self.settings.engine.idle_ttl_s:
                return

    async def _supervise(self, gateway: Gateway) -> None:
        """Restarts an engine that ended; raises when it ends too often. The place for watchdog and poison hunt."""
        ends: deque[float] = deque()
        while True:
            what = await self.process.ended()
            self.caller.down, gateway.paused = True, True
            now = time.monotonic()
            while ends and now - ends[0] > _RESTARTS_WITHIN_S:
                ends.popleft()
            if len(ends) >= len(RESTART_PAUSES_S):
                error = f"{what}, {len(ends) + 1} times within half an hour"
                gateway.fail_queued(error)
                raise EngineError(error, f"read {self.settings.path('engine.log')}")
            self.enter(Phase.RESTARTING, what)
            await self.process.stop()
            await asyncio.sleep(RESTART_PAUSES_S[len(ends)])
            ends.append(now)
            self.caller.down = False
            try:
                await self._start_engine()
            except EngineError as error:
                print(error, file=sys.stderr)  # noqa: T201 - the host's log
                await self.process.stop()
                continue
            gateway.paused = False
            self.enter(Phase.READY)
            gateway.pump()

    async def _report(self, gateway: Gateway) -> None:
        while True:
            gateway.meter.tick()
            self.write_status()
            await asyncio.sleep(_STATUS_S)

    def write_status(self) -> None:
        """Where its clients want it, for whoever looks on from elsewhere."""
        gateway = self.gateway
        if gateway is None:
            return
        status = {
            **msgspec.to_builtins(gateway.facts),
            "host": socket.gethostname(),
            "phase": self.state.phase,
            "error": self.state.error,
            "at": time.time(),
            **gateway.stats(),
        }
        for path in gateway.status_paths:
            with suppress(OSError):  # a status that cannot be written must not end the work
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                state.replace_file(Path(path), msgspec.json.encode(status))


def _only_one(path: Path) -> IO[str]:
    """Holds the identity for life, in case two callers believed that they had been elected."""
    file = path.open("w")
    deadline = time.monotonic() + _LIFE_LOCK_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise SystemExit("another host of this identity is alive") from None
            time.sleep(0.05)
        else:
            return file


async def _main(settings: EngineSettings, owner: Owner) -> int:
    try:
        host = Host(settings, owner)
    except EngineError as error:
        # Nothing runs yet: the caller reads the reason from the log.
        raise SystemExit(str(error)) from error
    try:
        await host.run()
    except PipelineError as error:
        host.enter(Phase.FAILED, str(error.args[0]), error.next_step)
        return error.exit_code
    except Exception as error:
        host.enter(Phase.FAILED, f"the engine host failed: {error!r}", f"read {settings.path('host.log')}")
        raise
    host.enter(Phase.STOPPED)
    host.write_status()
    return 0


def main(settings_file: str, owner: Owner) -> int:
    """Runs a host in this process."""
    os.closerange(3, 1024)  # whatever the worker that started us had open
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # adopt what a killed guard leaves, to sweep it
    settings = EngineSettings.from_json(Path(settings_file).read_text())
    with _only_one(settings.path("life")):
        return uvloop.run(_main(settings, owner))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Owner(int(sys.argv[2]), int(sys.argv[3]))))
