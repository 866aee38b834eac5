"""Frames on the gateway's socket: a fixed head, the call key, a small JSON head, and a body that nobody parses.

    length u32 | request id u32 | op u8 | head length u32 | key length u16 | key | head | body

`length` counts what follows it. A reply repeats the request id; its body is JSON.
"""

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, cast

import msgspec

from udfs.request import Reply

VERSION = 1
_LENGTH = struct.Struct(">I")
_HEAD = struct.Struct(">IBIH")
MAX_FRAME = 1 << 30


class Op(IntEnum):
    """What a frame asks for or carries."""

    HELLO = 1
    ASK = 2
    STATS = 3
    STOP = 4
    RELEASE = 5
    REPLY = 16
    REPLAY = 17


class Hello(msgspec.Struct, frozen=True):
    """Opens a lease: while the connection lives, so does the host."""

    owner: tuple[int, int]
    status_path: str = ""


class Ask(msgspec.Struct, frozen=True):
    """What the gateway has to know about a call beside its body."""

    labels: tuple[str, ...] = ()
    session: str = ""
    """Query session whose new keys are capped; empty: a stage, not capped."""
    timeout_s: float | None = None


class Facts(msgspec.Struct, frozen=True):
    """What a host says about its engine."""

    engine_id: str
    name: str
    kind: str
    model: str
    revision: str
    window: int
    max_model_len: int
    pid: int
    label_ids: dict[str, list[int]] = {}
    """Single-token spellings of each label; empty where the engine cannot tokenize for us."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, decoded but for head and body."""

    op: Op
    request: int
    key: str = ""
    head: bytes = b""
    body: bytes = field(default=b"", repr=False)

    def encode(self) -> bytes:
        """As it travels."""
        key = self.key.encode()
        length = _HEAD.size + len(key) + len(self.head) + len(self.body)
        head = _HEAD.pack(self.request, self.op, len(self.head), len(key))
        return b"".join((_LENGTH.pack(length), head, key, self.head, self.body))


def _decode(data: memoryview) -> Frame:
    request, op, head_length, key_length = _HEAD.unpack_from(data)
    key_end = _HEAD.size + key_length
    head_end = key_end + head_length
    key = str(data[_HEAD.size : key_end], "utf-8")
    return Frame(Op(op), request, key, bytes(data[key_end:head_end]), bytes(data[head_end:]))


class FrameConnection(asyncio.Protocol):
    """One end of a connection; hands over whole frames, and tells when the other end is gone."""

    def __init__(
        self, on_frame: Callable[["FrameConnection", Frame], None], on_lost: Callable[["FrameConnection"], None]
    ) -> None:
        self.on_frame, self.on_lost = on_frame, on_lost
        self.transport: asyncio.Transport | None = None
        self.lost = False
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports do not inherit from it

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer)
            if length > MAX_FRAME or length < _HEAD.size:
                self.close()  # not one of ours
                return
            end = _LENGTH.size + length
            if len(buffer) < end:
                return
            with memoryview(buffer) as view:
                frame = _decode(view[_LENGTH.size : end])
            del buffer[:end]
            self.on_frame(self, frame)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the caller only needs to know that
        self.lost = True
        self.on_lost(self)

    def send(self, frame: Frame) -> None:
        """Queues a frame; silently nothing when the other end is gone."""
        if self.transport is not None and not self.lost:
            self.transport.write(frame.encode())

    def close(self) -> None:
        """Ends the connection after what was queued."""
        if self.transport is not None:
            self.transport.close()


def encode(value: Any) -> bytes:  # noqa: ANN401 - anything that msgspec can write
    """JSON."""
    return msgspec.json.encode(value)


def decode_reply(body: bytes) -> Reply:
    """A reply as the host logged it."""
    return msgspec.json.decode(body, type=Reply)
