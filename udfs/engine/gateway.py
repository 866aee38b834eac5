"""The queue in front of an engine: one window, single flight and replay by call key, cancel on disconnect."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from schemas.enums import CallStatus
from udfs.engine.meter import Meter
from udfs.engine.processes import Owner
from udfs.engine.protocol import Ask, Facts, Frame, FrameConnection, Hello, Op, encode
from udfs.request import Reply

KEPT = (CallStatus.OK, CallStatus.LENGTH)
"""What is logged and replayed: the engine did its work."""


class Log(Protocol):
    """Where paid replies are kept."""

    def get(self, call_key: str) -> bytes | None:
        """The committed reply to a key."""

    async def put(self, call_key: str, reply: bytes) -> None:
        """Returns after the commit."""


class Caller(Protocol):
    """What asks the engine."""

    def ask(self, call_key: str, body: bytes, labels: tuple[str, ...], timeout_s: float) -> Awaitable[Reply]:
        """A reply in any case."""


@dataclass(slots=True, eq=False)
class _Call:
    """One key on its way; everybody who wants it waits here."""

    key: str
    body: bytes
    ask: Ask
    waiters: list[tuple[FrameConnection, int]]
    started: bool = False


@dataclass(slots=True)
class Gateway:
    """Frames in, frames out; all state lives on one event loop."""

    facts: Facts
    log: Log
    caller: Caller
    timeout_s: float
    max_sql_calls: int
    leases: set[FrameConnection] = field(default_factory=set)
    owners: set[Owner] = field(default_factory=set)
    status_paths: set[str] = field(default_factory=set)
    stop_wanted: asyncio.Event = field(default_factory=asyncio.Event)
    paused: bool = False
    """The engine is being restarted: queued calls wait."""
    meter: Meter = field(init=False)
    _calls: dict[str, _Call] = field(default_factory=dict)
    _queue: deque[_Call] = field(default_factory=deque)
    _sessions: Counter[str] = field(default_factory=Counter)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.meter = Meter(self.facts.window)

    def connection(self) -> FrameConnection:
        """Protocol factory of the server."""
        return FrameConnection(self._on_frame, self._on_lost)

    def _on_frame(self, connection: FrameConnection, frame: Frame) -> None:
        if frame.op is Op.ASK:
            self._ask(connection, frame)
            return
        answer = _CONTROLS[frame.op](self, connection, frame)
        connection.send(Frame(Op.REPLY, frame.request, body=encode(answer)))

    # Calls

    def _ask(self, connection: FrameConnection, frame: Frame) -> None:
        waiter = (connection, frame.request)
        call = self._calls.get(frame.key)
        if call is not None:
            call.waiters.append(waiter)
            return
        kept = self.log.get(frame.key)
        if kept is not None:
            self.meter.replayed += 1
            connection.send(Frame(Op.REPLAY, frame.request, body=kept))
            return
        ask = msgspec.json.decode(frame.head, type=Ask)
        refusal = self._refusal(ask)
        if refusal is not None:
            connection.send(Frame(Op.REPLY, frame.request, body=encode(refusal)))
            return
        call = _Call(frame.key, frame.body, ask, [waiter])
        self._calls[call.key] = call
        self._queue.append(call)
        self.pump()

    def _refusal(self, ask: Ask) -> Reply | None:
        if self.stop_wanted.is_set():
            return Reply(CallStatus.ENGINE, "the engine host is stopping")
        if ask.session:
            if self._sessions[ask.session] >= self.max_sql_calls:
                return Reply(CallStatus.BUDGET, f"a query session may cause {self.max_sql_calls} calls: sql.max_calls")
            self._sessions[ask.session] += 1
        return None

    def pump(self) -> None:
        """Fills the window from the queue."""
        while self._queue and not self.paused and self.meter.in_flight < self.facts.window:
            call = self._queue.popleft()
            call.started = True
            self.meter.change(+1)
            task = asyncio.create_task(self._run(call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, call: _Call) -> None:
        try:
            timeout_s = call.ask.timeout_s or self.timeout_s
            reply = await self.caller.ask(call.key, call.body, call.ask.labels, timeout_s)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
            reply = Reply(CallStatus.ENGINE, f"the engine host failed: {error!r}")
        finally:
            self.meter.change(-1)
            self.pump()  # the engine need not wait for our disk
        self.meter.paid(reply)
        data = encode(reply)
        if reply.status in KEPT:
            try:
                await self.log.put(call.key, data)
            except Exception as error:  # noqa: BLE001 - a full disk must reach the rows, not end the host
                data = encode(Reply(CallStatus.ENGINE, f"the response log cannot be written: {error}"))
        self._answer(call, data)

    def _answer(self, call: _Call, data: bytes) -> None:
        del self._calls[call.key]
        for position, (connection, request) in enumerate(call.waiters):
            # Who joined a call that another pays for is served like from the log.
            connection.send(Frame(Op.REPLAY if position else Op.REPLY, request, body=data))
        self.meter.replayed += max(0, len(call.waiters) - 1)

    def _on_lost(self, connection: FrameConnection) -> None:
        self.leases.discard(connection)
        for call in list(self._calls.values()):
            call.waiters = [waiter for waiter in call.waiters if waiter[0] is not connection]
            if not call.waiters and not call.started:
                del self._calls[call.key]
                self._queue.remove(call)

    def fail_queued(self, error: str) -> None:
        """Answers everything that has not started; the engine will not come back."""
        data = encode(Reply(CallStatus.ENGINE, error))
        while self._queue:
            self._answer(self._queue.popleft(), data)

    def close(self) -> None:
        """Ends what is left: calls in the engine, and connections, whose clients look for the next host."""
        for task in self._tasks:
            task.cancel()
        for connection in list(self.leases):
            connection.close()

    async def drain(self) -> None:
        """Returns when every call has been answered."""
        while self._calls:
            await asyncio.sleep(0.02)

    # Controls

    def _hello(self, connection: FrameConnection, frame: Frame) -> Facts | None:
        if self.stop_wanted.is_set():
            return None
        hello = msgspec.json.decode(frame.head, type=Hello)
        self.leases.add(connection)
        self.owners.add(Owner(*hello.owner))
        if hello.status_path:
            self.status_paths.add(hello.status_path)
        return self.facts

    def stats(self) -> dict[str, Any]:
        """What the gateway is doing."""
        return {**self.meter.snapshot(), "queued": len(self._queue), "connections": len(self.leases)}

    def _stats(self, _: FrameConnection, __: Frame) -> dict[str, Any]:
        return {**msgspec.to_builtins(self.facts), **self.stats()}

    def _stop(self, _: FrameConnection, __: Frame) -> bool:
        self.stop_wanted.set()
        return True

    def _release(self, _: FrameConnection, frame: Frame) -> bool:
        """The owner needs the host no more; it ends when nobody else does."""
        hello = msgspec.json.decode(frame.head, type=Hello)
        self.owners.discard(Owner(*hello.owner))
        if not self.leases and not any(owner.alive() for owner in self.owners):
            self.stop_wanted.set()
        return self.stop_wanted.is_set()


_CONTROLS: dict[Op, Callable[[Gateway, FrameConnection, Frame], Any]] = {
    Op.HELLO: Gateway._hello,
    Op.STATS: Gateway._stats,
    Op.STOP: Gateway._stop,
    Op.RELEASE: Gateway._release,
}
