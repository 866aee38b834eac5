"""The client of an engine host: asks, waits, and finds the host again when it was replaced."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from schemas.errors import EngineError
from udfs.engine.election import find_host
from udfs.engine.labels import label_body
from udfs.engine.processes import Owner, jvm_owner
from udfs.engine.protocol import Ask, Facts, Frame, FrameConnection, Hello, Op, decode_reply, encode
from udfs.engine.settings import EngineSettings, on_this_machine
from udfs.request import Reply, Request

_HELLO_TRIES = 5
_HELLO_S = 30.0


class Channel:
    """Requests and replies over one connection, in any order."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self.connection = FrameConnection(self._on_frame, self._on_lost)

    @classmethod
    async def open(cls, path: str) -> "Channel":
        """Connects; OSError when nobody listens."""
        channel = cls()
        await asyncio.get_running_loop().create_unix_connection(lambda: channel.connection, path)
        return channel

    def _on_frame(self, _: FrameConnection, frame: Frame) -> None:
        waiting = self._waiting.pop(frame.request, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(frame)

    def _on_lost(self, _: FrameConnection) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionResetError("the engine host is gone"))
        self._waiting.clear()

    async def exchange(self, op: Op, key: str = "", head: bytes = b"", body: bytes = b"") -> Frame:
        """Sends a frame and waits for its answer; ConnectionError when the host goes."""
        if self.connection.lost:
            raise ConnectionResetError("the engine host is gone")
        number = next(self._numbers)
        waiting: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        self.connection.send(Frame(op, number, key, head, body))
        try:
            return await waiting
        finally:
            self._waiting.pop(number, None)


class EngineClient:
    """A lease on an engine host; made by `connect`."""

    def __init__(self, settings: EngineSettings, owner: Owner, session: str) -> None:
        self._settings, self._owner, self._session = settings, owner, session
        self._lock = asyncio.Lock()
        self._channel: Channel | None = None
        self._facts: Facts | None = None

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, settings: EngineSettings, owner: Owner | None = None, session: str = ""
    ) -> AsyncIterator["EngineClient"]:
        """A client, with its host started if need be; `session` names a query session, whose new keys are capped."""
        client = cls(on_this_machine(settings), owner or jvm_owner(), session)
        await client._connected()
        try:
            yield client
        finally:
            if client._channel is not None:
                client._channel.connection.close()

    @property
    def facts(self) -> Facts:
        """What the host says about its engine."""
        assert self._facts is not None, "made by connect only"
        return self._facts

    async def ask(self, request: Request) -> Reply:
        """The reply, whatever its status; EngineError only when no host can be had."""
        for _ in range(2):
            channel = await self._connected()
            labels = request.labels
            body = label_body(request.body, labels, self.facts.label_ids) if labels else request.body
            head = encode(Ask(labels, self._session))
            try:
                frame = await channel.exchange(Op.ASK, request.call_key, head, body)
            except ConnectionError:
                continue
            return replace(decode_reply(frame.body), replayed=frame.op is Op.REPLAY)
        raise EngineError(
            f"the host of engine {self._settings.engine.name} was lost twice during one call",
            f"read {self._settings.path('host.log')}",
        )

    async def _connected(self) -> Channel:
        async with self._lock:
            if self._channel is None or self._channel.connection.lost:
                self._channel = await self._open()
            return self._channel

    async def _open(self) -> Channel:
        hello = encode(Hello((self._owner.pid, self._owner.start), self._status_path()))
        for _ in range(_HELLO_TRIES):
            address = await find_host(self._settings, self._owner)
            try:
                channel = await Channel.open(address.socket)
                frame = await asyncio.wait_for(channel.exchange(Op.HELLO, head=hello), _HELLO_S)
            except (OSError, TimeoutError):
                await asyncio.sleep(0.1)
                continue
            facts = msgspec.json.decode(frame.body, type=Facts | None)
            if facts is not None:
                self._facts = facts
                return channel
            channel.connection.close()  # it is about to leave
            await asyncio.sleep(0.1)
        raise EngineError(
            f"the host of engine {self._settings.engine.name} does not greet",
            f"read {self._settings.path('host.log')}",
        )

    def _status_path(self) -> str:
        if not self._settings.status_dir:
            return ""
        return str(Path(self._settings.status_dir) / f"{socket.gethostname()}-{self._settings.identity}.json")
