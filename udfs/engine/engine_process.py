"""The engine's process under its guard: start, readiness, end."""

import asyncio
import os
import re
import sys
import time
from pathlib import Path

from schemas.errors import EngineError
from udfs.engine.caller import EngineCaller
from udfs.engine.processes import TOKEN, sweep
from udfs.engine.upstream import Upstream

_POLL_S = 0.1
_CAUSE = re.compile(r"\b\w*(?:Error|Exception): .*")
_STOP_S = 15.0
_ENDPOINT_S = 60.0
"""An endpoint is there already, or somebody has to start it."""
_TAIL_LINES = 15

_HINTS = (
    (("out of memory", "cannot allocate", "kv cache", "available memory"), "lower max_model_len or max_num_seqs"),
    (("no module named",), "set engines.<name>.python to the interpreter that has vLLM"),
    (("unrecognized arguments",), "correct engines.<name>.args"),
    (("address already in use",), "end the process that holds the address, or choose another host_dir"),
)
"""What to do about the ends of logs, in lower case; the first that fits."""


class EngineProcess:
    """One run of the engine; for an endpoint there is no process, and it never ends."""

    def __init__(self, upstream: Upstream, token: str, log: Path) -> None:
        self._upstream, self._token, self._log = upstream, token, log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts the guard, which starts the engine."""
        if not self._upstream.command:
            return
        if self._upstream.socket:
            Path(self._upstream.socket).unlink(missing_ok=True)
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        env |= {**self._upstream.env, TOKEN: self._token}
        guard = str(Path(__file__).with_name("guard.py"))
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, guard, *self._upstream.command,
                stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log, env=env,
            )  # fmt: skip

    async def ended(self) -> str:
        """Returns when the process has ended, with a sentence about it."""
        if self._process is None:
            await asyncio.Event().wait()
            raise AssertionError("an endpoint does not end")
        status = await self._process.wait()
        return f"the engine process ended with status {status}"

    async def stop(self) -> None:
        """Ends the engine and everything that it started."""
        if self._process is None:
            return
        if self._process.returncode is None and self._process.stdin is not None:
            self._process.stdin.close()
            try:
                await asyncio.wait_for(self._process.wait(), _STOP_S)
            except TimeoutError:
                self._process.kill()
        await asyncio.to_thread(sweep, self._token)

    async def wait_ready(self, caller: EngineCaller, timeout_s: float) -> None:
        """Returns when the engine answers for its model; EngineError when it ends before, or is too late."""
        if not self._upstream.command:
            timeout_s = min(timeout_s, _ENDPOINT_S)
        deadline = time.monotonic() + timeout_s
        ended = asyncio.create_task(self.ended())
        try:
            while trouble := await caller.trouble():
                if ended.done():
                    raise self._failure(f"{ended.result()} before it was ready")
                if time.monotonic() > deadline:
                    raise self._failure(f"the engine was not ready within {timeout_s:g} s; {trouble}")
                await asyncio.wait([ended], timeout=_POLL_S)
        finally:
            ended.cancel()

    def _failure(self, what: str) -> EngineError:
        text = self._log.read_text(errors="replace") if self._upstream.command else ""
        # Servers log the cause first, and then page after page of what followed from it.
        cause = _CAUSE.search(text)
        end = "\n".join([f"{cause[0]}\n..." if cause else "", *text.splitlines()[-_TAIL_LINES:]]).strip()
        low = end.lower()
        step = next((step for words, step in _HINTS if any(word in low for word in words)), f"read {self._log}")
        where = " ".join(self._upstream.command[:4]) or self._upstream.root
        return EngineError(f"{what} ({where} ...):\n{end}", step)
