"""Visits in flight across batches: order, bounds, errors, cancellation, and nothing left behind."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from udfs.engine.visits import run_visits


@dataclass
class FakeClient:
    """Counts what is in flight; a visit waits until `more` others have come, or is let go."""

    opened: int = 0
    closed: int = 0
    in_flight: int = 0
    most: int = 0
    cancelled: int = 0
    gates: dict[int, asyncio.Event] = field(default_factory=dict)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["FakeClient"]:
        self.opened += 1
        try:
            yield self
        finally:
            self.closed += 1


async def quick(client: FakeClient, visit: int) -> list[tuple[int, str]]:
    client.in_flight += 1
    client.most = max(client.most, client.in_flight)
    try:
        await asyncio.sleep(0.001 * (visit % 3))
    finally:
        client.in_flight -= 1
    return [(visit, "a"), (visit, "b")]


async def forever(client: FakeClient, visit: int) -> list[int]:
    client.in_flight += 1
    try:
        if visit:
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        client.cancelled += 1
        raise
    return [visit]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_every_visit_yields_its_rows_and_no_more_than_ahead_are_in_flight():
    client = FakeClient()
    rows = list(run_visits(iter(range(200)), quick, client.connect, 8))
    assert sorted(rows) == [(visit, letter) for visit in range(200) for letter in "ab"]
    assert rows != sorted(rows)  # as they finish
    assert client.most == 8
    assert (client.opened, client.closed) == (1, 1)


def test_a_slow_visit_holds_up_nobody():
    async def work(client: FakeClient, visit: int) -> list[int]:
        gate = client.gates.setdefault(0, asyncio.Event())
        if visit == 0:
            await gate.wait()
        if visit == 99:
            gate.set()
        return [visit]

    rows = list(run_visits(iter(range(100)), work, FakeClient().connect, 4))
    assert rows.index(0) >= 96  # all the others passed it by
    assert sorted(rows) == list(range(100))


def test_an_empty_input_starts_no_engine():
    client = FakeClient()
    assert list(run_visits(iter(()), quick, client.connect, 4)) == []
    assert client.opened == 0


def test_an_error_of_the_input_stops_everything():
    def broken() -> Iterator[int]:
        yield from range(1, 4)
        raise RuntimeError("no more input")

    client = FakeClient()
    with pytest.raises(RuntimeError, match="no more input"):
        list(run_visits(broken(), forever, client.connect, 8))
    assert client.cancelled == client.in_flight


def test_an_error_of_the_work_stops_everything():
    async def work(client: FakeClient, visit: int) -> list[int]:
        if visit == 5:
            raise RuntimeError("bad visit")
        return await forever(client, visit)

    client = FakeClient()
    with pytest.raises(RuntimeError, match="bad visit"):
        list(run_visits(iter(range(100)), work, client.connect, 8))
    assert client.cancelled == client.in_flight - 1  # all that had begun, but for the visit that ended
    assert client.closed == 1


def test_an_error_of_the_client_is_raised():
    @asynccontextmanager
    async def refuse() -> AsyncIterator[FakeClient]:
        raise RuntimeError("no host")
        yield

    with pytest.raises(RuntimeError, match="no host"):
        list(run_visits(iter(range(100)), quick, refuse, 8))


def test_a_closed_generator_leaves_nothing():
    async def work(client: FakeClient, visit: int) -> list[int]:
        others = client.gates.setdefault(0, asyncio.Event())
        if visit:
            others.set()
        else:
            await others.wait()  # so that one is surely in flight when the first row is given out
        return await forever(client, visit)

    client = FakeClient()
    rows = run_visits(iter(range(100)), work, client.connect, 8)
    assert next(rows) == 0
    rows.close()  # type: ignore[attr-defined]
    assert client.cancelled == client.in_flight - 1 > 0
    assert client.closed == 1


def test_closing_ends_a_client_that_is_still_connecting():
    begun = threading.Event()
    ended = []

    @asynccontextmanager
    async def slow() -> AsyncIterator[FakeClient]:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        yield FakeClient()

    def visits() -> Iterator[int]:
        yield 1
        begun.wait(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_visits(visits(), quick, slow, 8))
    assert ended == [True]
