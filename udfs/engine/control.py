"""Looking after hosts from outside: list them, stop one, let go of those of an owner."""

import asyncio
import signal
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from udfs.engine import state
from udfs.engine.client import Channel
from udfs.engine.processes import Owner, send, sweep
from udfs.engine.protocol import Hello, Op, encode
from udfs.engine.state import HostState

_ANSWER_S = 10.0
_POLL_S = 0.05


def list_hosts(host_dir: str) -> list[HostState]:
    """The hosts of this machine that are alive."""
    return [found for _, found in state.states(Path(host_dir)) if found.alive()]


def host_stats(host: HostState) -> dict[str, Any] | None:
    """What its gateway is doing; None when it does not answer."""
    body = _answer(_command(host, Op.STATS))
    return None if body is None else msgspec.json.decode(body, type=dict[str, Any])


def stop_host(host: HostState, wait_s: float = 60.0) -> bool:
    """Lets a host answer what it has and end; after `wait_s` ends it hard. False when it is still there."""
    _answer(_command(host, Op.STOP))
    if _gone([host], wait_s):
        send(host.pid, signal.SIGTERM)
        if _gone([host], _ANSWER_S):
            send(host.pid, signal.SIGKILL)
            sweep(host.token)
    return not host.alive()


def release_hosts(host_dir: str, owner: Owner, wait_s: float = 60.0) -> list[HostState]:
    """Tells every host that `owner` needs it no more; returns those that are still there after `wait_s`.

    A host that others use, or that has a connection open, stays.
    """
    head = encode(Hello((owner.pid, owner.start)))
    leaving = []
    for host in list_hosts(host_dir):
        body = _answer(_command(host, Op.RELEASE, head))
        if body is None or msgspec.json.decode(body, type=bool):
            leaving.append(host)
    _gone(leaving, wait_s)
    return list_hosts(host_dir)


def _answer(asking: Coroutine[object, object, bytes | None]) -> bytes | None:
    """Asks in a thread of its own, since a notebook's cells run inside an event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asking).result()


def _gone(hosts: list[HostState], wait_s: float) -> list[HostState]:
    """Waits for hosts to end; returns those that did not."""
    deadline = time.monotonic() + wait_s
    while (left := [host for host in hosts if host.alive()]) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return left


async def _command(host: HostState, op: Op, head: bytes = b"") -> bytes | None:
    try:
        async with asyncio.timeout(_ANSWER_S):
            channel = await Channel.open(host.socket)
            try:
                return (await channel.exchange(op, head=head)).body
            finally:
                channel.connection.close()
    except (OSError, TimeoutError):
        return None
