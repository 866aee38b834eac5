"""Hosts as processes: election, ends of every kind, replay across kills."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from asking import Make, ask_all, counted, request, survivors

from schemas.enums import CallStatus
from schemas.errors import EngineError
from udfs.engine.client import EngineClient
from udfs.engine.control import host_stats, list_hosts, release_hosts, stop_host
from udfs.engine.election import ensure_host
from udfs.engine.processes import Owner, owner_of, send
from udfs.engine.settings import EngineSettings
from udfs.engine.state import states

ROOT = Path(__file__).parents[2]
RACER = """
import sys
from udfs.engine.election import ensure_host
from udfs.engine.processes import Owner
from udfs.engine.settings import EngineSettings
owner = Owner(int(sys.argv[2]), int(sys.argv[3]))
print(ensure_host(EngineSettings.from_json(sys.argv[1]), owner).pid)
"""


def wait_until(condition: Callable[[], object], limit_s: float = 15.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def race(settings: EngineSettings, owner: Owner, count: int) -> list[subprocess.Popen]:
    command = [sys.executable, "-c", RACER, settings.to_json(), str(owner.pid), str(owner.start)]
    return [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(count)
    ]


def test_eight_processes_elect_one_host(stub_engine: Make, me: Owner, host_dir: Path):
    outputs = [racer.communicate() for racer in race(stub_engine(), me, 8)]
    assert len({out for out, _ in outputs}) == 1, outputs
    assert [host.pid for host in list_hosts(str(host_dir))] == [int(outputs[0][0])]


def test_a_failed_start_is_told_to_everybody_and_not_repeated(stub_engine: Make, me: Owner):
    settings = stub_engine({"fail_start": "ValueError: no such model"})
    errors = [racer.communicate()[1] for racer in race(settings, me, 3)]
    assert all("ValueError: no such model" in error for error in errors), errors
    began = time.monotonic()
    with pytest.raises(EngineError, match="ended with status 1 before it was ready") as caught:
        ensure_host(settings, me)
    assert time.monotonic() - began < 0.3  # told from the state, not tried again
    assert caught.value.next_step


def test_a_start_that_takes_too_long_ends(stub_engine: Make, me: Owner, host_dir: Path):
    with pytest.raises(EngineError, match=r"not ready within 0\.5 s"):
        ensure_host(stub_engine({"start_s": 60}, ready_timeout_s=0.5), me)
    wait_until(lambda: not survivors(host_dir))


def test_kill_of_the_host_takes_the_engine_with_it_and_replays_pay_nothing(stub_engine: Make, host_dir: Path):
    settings = stub_engine()
    requests = [request(f"k{i}") for i in range(50)]
    first = ask_all(settings, requests)
    (host,) = list_hosts(str(host_dir))
    assert survivors(host_dir)
    send(host.pid, signal.SIGKILL)
    wait_until(lambda: not survivors(host_dir))
    second = ask_all(settings, requests)
    assert [reply.text for reply in first] == [reply.text for reply in second]
    assert not any(reply.replayed for reply in first)
    assert all(reply.replayed for reply in second)
    assert set(counted(host_dir).values()) == {1}


def test_kill_in_mid_run_repays_at_most_what_was_in_flight(stub_engine: Make, host_dir: Path, me: Owner):
    settings = stub_engine({"latency_s": 0.05}, max_num_seqs=4)
    requests = [request(f"k{i}") for i in range(60)]

    async def run() -> None:
        async with EngineClient.connect(settings, me) as client:
            asks = [asyncio.create_task(client.ask(one)) for one in requests]
            done, _ = await asyncio.wait(asks, return_when=asyncio.FIRST_COMPLETED)
            while len(done) < 20:
                done, _ = await asyncio.wait(asks, timeout=0.01)
            (host,) = list_hosts(str(host_dir))
            send(host.pid, signal.SIGKILL)
            replies = await asyncio.gather(*asks)  # the client finds the next host by itself
            assert {reply.status for reply in replies} == {CallStatus.OK}

    asyncio.run(run())
    extra = sum(counted(host_dir).values()) - len(requests)
    assert len(counted(host_dir)) == len(requests)
    # A window in the engine, and one commit group: replies that had come and were not yet on the disk.
    assert 0 <= extra <= 2 * settings.engine.window


def test_kill_of_the_guard_leaves_nothing(stub_engine: Make, host_dir: Path):
    settings = stub_engine()
    ask_all(settings, [request("a")])
    guard = next(pid for pid in survivors(host_dir) if b"guard.py" in Path(f"/proc/{pid}/cmdline").read_bytes())
    engines = [pid for pid in survivors(host_dir) if b"udfs.engine.stub" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    engines = [pid for pid in engines if pid != guard]
    send(guard, signal.SIGKILL)
    wait_until(lambda: not set(engines) & set(survivors(host_dir)))
    assert [reply.status for reply in ask_all(settings, [request("b")])] == [CallStatus.OK]  # it was started again


def test_owner_gone_host_gone(stub_engine: Make, host_dir: Path):
    owner = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ensure_host(stub_engine(), owner_of(owner.pid))
    assert len(list_hosts(str(host_dir))) == 1
    owner.kill()
    owner.wait()
    assert owner.stdin is not None
    owner.stdin.close()
    wait_until(lambda: not list_hosts(str(host_dir)))
    assert survivors(host_dir) == []


def test_idle_host_leaves(stub_engine: Make, host_dir: Path):
    ask_all(stub_engine(idle_ttl_s=0.3), [request("a")])
    wait_until(lambda: not list_hosts(str(host_dir)))


def test_engine_that_dies_fails_its_calls_and_comes_back(stub_engine: Make, host_dir: Path):
    settings = stub_engine()
    (dead,) = ask_all(settings, [request("poison", "[[fault:exit]]")])
    assert dead.status is CallStatus.ENGINE
    (alive,) = ask_all(settings, [request("good")])
    assert (alive.status, alive.replayed) == (CallStatus.OK, False)
    assert counted(host_dir)["good"] == 1


def test_release_ends_only_what_nobody_else_needs(stub_engine: Make, host_dir: Path, me: Owner):
    settings = stub_engine()
    other = owner_of(os.getppid())

    async def run() -> list:
        async with EngineClient.connect(settings, other):
            return await asyncio.to_thread(release_hosts, str(host_dir), me, 0.2)

    assert len(asyncio.run(run())) == 1  # a connection is open
    assert len(release_hosts(str(host_dir), me, 0.2)) == 1  # the other owner lives
    assert release_hosts(str(host_dir), other, 10) == []
    assert survivors(host_dir) == []


def test_stop_drains(stub_engine: Make, host_dir: Path, me: Owner):
    settings = stub_engine({"latency_s": 0.3})

    async def run() -> None:
        async with EngineClient.connect(settings, me) as client:
            ask = asyncio.create_task(client.ask(request("a")))
            (host,) = list_hosts(str(host_dir))
            while not (await asyncio.to_thread(host_stats, host) or {}).get("in_flight"):
                await asyncio.sleep(0.01)
            stopping = asyncio.create_task(asyncio.to_thread(stop_host, host, 10))
            assert (await ask).status is CallStatus.OK
            assert await stopping

    asyncio.run(run())
    assert counted(host_dir) == {"a": 1}
    assert survivors(host_dir) == []


def test_a_killed_predecessor_is_reaped_before_a_start(stub_engine: Make, host_dir: Path, me: Owner):
    settings = stub_engine()
    ensure_host(settings, me)
    (host,) = list_hosts(str(host_dir))
    old = survivors(host_dir)
    for pid in old:
        send(pid, signal.SIGSTOP)  # a guard that cannot do its work
    send(host.pid, signal.SIGKILL)
    wait_until(lambda: not host.alive())
    address = ensure_host(settings, me)
    assert address.pid != host.pid
    assert not set(old) & set(survivors(host_dir))


def test_status_is_written(stub_engine: Make, host_dir: Path, me: Owner):
    settings = replace(stub_engine(), status_dir=str(host_dir / "status"))
    ask_all(settings, [request("a")])
    (host,) = list_hosts(str(host_dir))
    assert stop_host(host, 10)
    (path,) = (host_dir / "status").iterdir()
    status = json.loads(path.read_text())
    assert (status["phase"], status["calls_new"], status["model"]) == ("stopped", 1, "stub")


def test_foreign_host_dir_is_refused(stub_engine: Make, host_dir: Path, me: Owner):
    host_dir.chmod(0o777)
    with pytest.raises(EngineError, match="mode 777"):
        ensure_host(stub_engine(), me)
    assert list(states(host_dir)) == []
