"""What the engine host costs: CPU per call, and busy slots against a bare client with the same requests.

    python -m benchmarks.gateway [CALLS]

Both sides ask the same pretended engine, in turn, in the same run; each line ends in the ratio to the bare client.
"""

import asyncio
import base64
import hashlib
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

from schemas.config import Engine
from schemas.enums import EngineKind, EngineRole, Purpose
from udfs.engine.client import EngineClient
from udfs.engine.control import list_hosts, release_hosts
from udfs.engine.processes import owner_of
from udfs.engine.settings import EngineSettings, resolve
from udfs.request import Request

WINDOW_SEQS, LATENCY_S, AHEAD = 56, 0.5, 4
"""Sequences of the engine; seconds per call; windows that the client reads ahead."""


@dataclass(frozen=True)
class Measured:
    """One side's pass over the requests."""

    wall_s: float
    busy: float
    """Slots in use, on average."""
    cpu_ms: float
    """CPU of this process per call."""
    host_cpu_ms: float = 0.0


def requests(count: int, picture: bytes | None, tag: str) -> list[Request]:
    """Chat requests of about 2 KB of text each, with one picture or none."""
    parts: list[dict[str, Any]] = [{"type": "text", "text": "Explain the chart. " * 100}]
    if picture is not None:
        url = "data:image/jpeg;base64," + base64.b64encode(picture).decode()
        uuid = hashlib.sha256(picture).hexdigest()
        parts.insert(0, {"type": "image_url", "image_url": {"url": url}, "uuid": uuid})
    body = json.dumps({"model": "stub", "messages": [{"role": "user", "content": parts}], "max_tokens": 64}).encode()
    return [Request(f"{tag}{i}", Purpose.REWRITE, "s", "s", "p", body) for i in range(count)]


def photograph() -> bytes:
    """Noise, as a JPEG of some 280 KB."""
    buffer = io.BytesIO()
    Image.frombytes("RGB", (512, 512), os.urandom(512 * 512 * 3)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def bare(socket: str, work: list[Request], window: int) -> list[float]:
    """Posts straight to the engine, `window` at a time; returns latencies."""
    slots = asyncio.Semaphore(window)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket, limit=0)) as session:

        async def post(one: Request) -> float:
            async with slots:
                began = time.perf_counter()
                headers = {"Content-Type": "application/json", "X-Request-Id": one.call_key}
                url = "http://engine/v1/chat/completions"
                async with session.post(url, data=one.body, headers=headers) as response:
                    await response.json()
                return time.perf_counter() - began

        return await asyncio.gather(*(post(one) for one in work))


async def through_host(settings: EngineSettings, work: list[Request]) -> list[float]:
    """Asks the host, a few windows ahead as the stages do; returns the engine's latencies."""
    ahead = asyncio.Semaphore(AHEAD * settings.engine.window)
    async with EngineClient.connect(settings, owner_of(os.getpid())) as client:

        async def ask(one: Request) -> float:
            async with ahead:
                return (await client.ask(one)).latency_s or 0.0

        return await asyncio.gather(*(ask(one) for one in work))


def measure(ask: Callable[[], Coroutine[Any, Any, list[float]]], calls: int, host: int | None = None) -> Measured:
    """Runs one side."""
    cpu, wall, host_cpu = time.process_time(), time.perf_counter(), cpu_s(host) if host else 0.0
    latencies = asyncio.run(ask())
    took = time.perf_counter() - wall
    used = (time.process_time() - cpu) * 1000 / calls
    host_used = (cpu_s(host) - host_cpu) * 1000 / calls if host else 0.0
    return Measured(took, sum(latencies) / took, used, host_used)


def compare(calls: int, picture: bytes | None, label: str) -> None:
    """One kind of request, both ways."""
    with tempfile.TemporaryDirectory(prefix="mv") as folder:
        engine = Engine(
            name="main", kind=EngineKind.STUB, model="stub", roles=(EngineRole.VISION,), max_num_seqs=WINDOW_SEQS,
            stub={"latency_s": LATENCY_S},
        )  # fmt: skip
        settings, me = resolve(engine, folder), owner_of(os.getpid())
        asyncio.run(through_host(settings, requests(10, picture, "warm")))
        host = list_hosts(folder)[0].pid
        socket = str(settings.path("engine.sock"))
        direct = measure(lambda: bare(socket, requests(calls, picture, "bare"), engine.window), calls)
        hosted = measure(lambda: through_host(settings, requests(calls, picture, "host")), calls, host)
        release_hosts(folder, me)
    print(
        f"{label:8} {calls} calls, window {engine.window}: busy slots {hosted.busy:.1f} against {direct.busy:.1f} bare"
        f" (ratio {hosted.busy / direct.busy:.3f}); wall {hosted.wall_s:.2f} s against {direct.wall_s:.2f} s"
        f" (ratio {hosted.wall_s / direct.wall_s:.3f}); CPU a call: host {hosted.host_cpu_ms:.2f} ms,"
        f" client {hosted.cpu_ms:.2f} ms against {direct.cpu_ms:.2f} ms bare"
    )


if __name__ == "__main__":
    COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    compare(COUNT, None, "text")
    compare(COUNT, photograph(), "picture")
