"""An engine that somebody else runs: a server over TCP that wants a key."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from asking import ask_all
from asking import request as ask

from schemas.config import Engine
from schemas.enums import CallStatus, EngineKind, EngineRole
from schemas.errors import EngineError
from udfs.engine.processes import sweep
from udfs.engine.settings import EngineSettings, resolve
from udfs.engine.state import states
from udfs.engine.stub import Script, application
from udfs.machine import Finding, Wanted, look

KEY = "MAMMOTH_TEST_KEY"


@dataclass
class Server:
    """An address, and how often each request came."""

    url: str
    seen: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The scripted server on a port of loopback, behind a key that this process's environment holds."""
    monkeypatch.setenv(KEY, "secret")
    listening = socket.create_server(("127.0.0.1", 0))
    found = Server(f"http://127.0.0.1:{listening.getsockname()[1]}/v1")
    loop = asyncio.new_event_loop()

    @web.middleware
    async def guard(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]):
        if request.headers.get("Authorization") != "Bearer secret":
            return web.json_response({"error": {"message": "no such key"}}, status=401)
        found.seen[request.headers.get("X-Request-Id", request.path)] += 1
        return await handler(request)

    app = application(Script())
    app.middlewares.append(guard)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.SockSite(runner, listening).start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield found
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(runner.cleanup())
    loop.close()


def endpoint(url: str, host_dir: Path, **more: object) -> EngineSettings:
    engine = Engine(
        name="main", kind=EngineKind.ENDPOINT, model="stub", base_url=url, revision="one", api_key_env=KEY,
        roles=(EngineRole.VISION,), vision=True, **{"ready_timeout_s": 20.0, **more},
    )  # fmt: skip
    return resolve(engine, str(host_dir))


def test_an_endpoint_is_asked_once_for_each_key(server: Server, host_dir: Path):
    settings = endpoint(server.url, host_dir)
    keys = [f"k{number}" for number in range(12)]
    first = ask_all(settings, [ask(key) for key in keys])
    again = ask_all(settings, [ask(key) for key in keys])
    assert {reply.status for reply in (*first, *again)} == {CallStatus.OK}
    assert [reply.text for reply in again] == [reply.text for reply in first]
    assert all(server.seen[key] == 1 for key in keys)


def looked(settings: EngineSettings) -> Finding:
    """What doctor finds out about the engine."""
    wanted = Wanted(root="", marker="", python="3.11.0", code="", sources_root="", engines=(settings,))
    return next(finding for finding in look(wanted, ()) if finding.check == "engine main")


def test_doctor_asks_the_endpoint(server: Server, host_dir: Path, monkeypatch: pytest.MonkeyPatch):
    settings = endpoint(server.url, host_dir)
    assert looked(settings).found == f"{server.url}/models answers 200"
    monkeypatch.setenv(KEY, "wrong")
    refused = looked(settings)
    assert not refused.ok
    assert "401" in refused.found
    assert KEY in refused.next_step
    monkeypatch.delenv(KEY)
    assert "spark.executorEnv" in looked(settings).next_step


def test_a_wrong_key_is_told(server: Server, host_dir: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(KEY, "wrong")
    with pytest.raises(EngineError, match="401"):
        ask_all(endpoint(server.url, host_dir, ready_timeout_s=1.0), [ask("k")])
    assert server.seen["k"] == 0


def test_nobody_at_the_address_is_told(host_dir: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(KEY, "secret")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    settings = endpoint(url, host_dir, ready_timeout_s=2.0)
    assert "base_url" in looked(settings).next_step
    with pytest.raises(EngineError, match=r"127\.0\.0\.1"):
        ask_all(settings, [ask("k")])
    assert [sweep(host.token) for _, host in states(host_dir)] in ([], [[]])
