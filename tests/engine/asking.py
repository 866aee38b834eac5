"""Requests and what is seen of them from outside, for tests of hosts."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from schemas.enums import Purpose
from udfs.engine.client import EngineClient
from udfs.engine.processes import carrying, owner_of
from udfs.engine.settings import EngineSettings
from udfs.engine.state import states
from udfs.request import Reply, Request

Make = Callable[..., EngineSettings]
"""The fixture `stub_engine`."""


def request(key: str, text: str = "hello", labels: tuple[str, ...] = ()) -> Request:
    """A small text request."""
    body = json.dumps({"model": "stub", "messages": [{"role": "user", "content": text}], "max_tokens": 16})
    return Request(key, Purpose.REWRITE, "subject", "sample", "prompt", body.encode(), labels=labels)


def ask_all(settings: EngineSettings, requests: Sequence[Request], session: str = "") -> list[Reply]:
    """All requests at once through one client."""

    async def ask() -> list[Reply]:
        async with EngineClient.connect(settings, owner_of(os.getpid()), session) as client:
            return await asyncio.gather(*(client.ask(one) for one in requests))

    return asyncio.run(ask())


def counted(host_dir: Path) -> Counter[str]:
    """How often each key was served by the stub."""
    path = host_dir / "counts"
    lines = path.read_text().splitlines() if path.exists() else []
    return Counter(json.loads(line)["key"] for line in lines)


def survivors(host_dir: Path) -> list[int]:
    """Processes of any host of the folder."""
    return [pid for _, host in states(host_dir) for pid in carrying(host.token)]
