"""The gateway in this process, between real sockets and a caller that the test holds in its hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from schemas.enums import CallStatus
from udfs.engine.client import Channel
from udfs.engine.gateway import Gateway
from udfs.engine.protocol import Ask, Facts, Frame, Op, decode_reply, encode
from udfs.request import Reply

WINDOW = 4


@dataclass
class FakeLog:
    kept: dict[str, bytes] = field(default_factory=dict)
    may_commit: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None

    def get(self, call_key: str) -> bytes | None:
        return self.kept.get(call_key)

    async def put(self, call_key: str, reply: bytes) -> None:
        await self.may_commit.wait()
        if self.error is not None:
            raise self.error
        self.kept[call_key] = reply


@dataclass
class FakeCaller:
    asked: list[str] = field(default_factory=list)
    answers: dict[str, asyncio.Future[Reply]] = field(default_factory=dict)

    async def ask(self, call_key: str, *_: object) -> Reply:
        self.asked.append(call_key)
        self.answers[call_key] = asyncio.get_running_loop().create_future()
        return await self.answers[call_key]

    def answer(self, key: str, status: CallStatus = CallStatus.OK) -> None:
        self.answers[key].set_result(Reply(status, text=f"reply to {key}"))


@dataclass
class Scene:
    gateway: Gateway
    caller: FakeCaller
    log: FakeLog
    path: str
    channels: list[Channel] = field(default_factory=list)

    async def channel(self) -> Channel:
        self.channels.append(await Channel.open(self.path))
        return self.channels[-1]

    async def close(self) -> None:
        for channel in self.channels:
            channel.connection.close()
        await until(lambda: all(channel.connection.lost for channel in self.channels))
        await asyncio.sleep(0.01)  # the gateway's ends


Play = Callable[[Callable[[Scene], Awaitable[None]]], None]


def ask(channel: Channel, key: str, session: str = "") -> asyncio.Task[Frame]:
    return asyncio.create_task(channel.exchange(Op.ASK, key, encode(Ask(session=session)), b"{}"))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Runs a scene against a gateway that listens."""

    @asynccontextmanager
    async def scene() -> AsyncIterator[Scene]:
        log, caller = FakeLog(), FakeCaller()
        log.may_commit.set()
        facts = Facts("id", "main", "stub", "stub", "r", WINDOW, 100, 1)
        gateway = Gateway(facts, log, caller, timeout_s=5, max_sql_calls=3)
        server = await asyncio.get_running_loop().create_unix_server(gateway.connection, tmp_path / "s")
        prepared = Scene(gateway, caller, log, str(tmp_path / "s"))
        try:
            yield prepared
        finally:
            server.close()
            await prepared.close()

    def run(act: Callable[[Scene], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with scene() as prepared:
                await act(prepared)

        asyncio.run(whole())

    return run


def test_one_key_is_asked_once_for_all_who_want_it(play: Play):
    async def act(scene: Scene) -> None:
        one, two = await scene.channel(), await scene.channel()
        asks = [ask(one, "k"), ask(one, "k"), ask(two, "k")]
        await until(lambda: scene.caller.asked)
        await until(lambda: sum(len(call.waiters) for call in scene.gateway._calls.values()) == 3)
        scene.caller.answer("k")
        frames = await asyncio.gather(*asks)
        assert scene.caller.asked == ["k"]
        assert {frame.body for frame in frames} == {frames[0].body}
        assert sorted(frame.op for frame in frames) == [Op.REPLY, Op.REPLAY, Op.REPLAY]  # paid once
        assert (await ask(two, "k")).op is Op.REPLAY
        assert scene.gateway.stats()["calls_new"] == 1
        assert scene.gateway.stats()["calls_replayed"] == 3

    play(act)


def test_the_window_is_full_but_never_exceeded_and_replies_come_out_of_order(play: Play):
    async def act(scene: Scene) -> None:
        channel = await scene.channel()
        asks = {key: ask(channel, key) for key in "abcdefgh"}
        await until(lambda: scene.gateway.stats()["queued"] == 4)
        assert scene.caller.asked == list("abcd")
        scene.caller.answer("c")
        assert (await asks["c"]).body
        assert not asks["a"].done()
        await until(lambda: len(scene.caller.asked) == 5)
        assert scene.caller.asked[-1] == "e"  # first in, first out
        for key in "abdefgh":
            assert scene.gateway.meter.in_flight == min(WINDOW, sum(not task.done() for task in asks.values()))
            await until(lambda key=key: key in scene.caller.answers)
            scene.caller.answer(key)
            await asks[key]

    play(act)


def test_nobody_is_answered_before_the_commit_but_the_slot_is_free(play: Play):
    async def act(scene: Scene) -> None:
        scene.log.may_commit.clear()
        channel = await scene.channel()
        first = ask(channel, "a")
        await until(lambda: scene.caller.asked)
        scene.caller.answer("a")
        await until(lambda: scene.gateway.meter.in_flight == 0)
        late = ask(channel, "a")
        await asyncio.sleep(0.02)
        assert not first.done()
        assert not late.done()
        scene.log.may_commit.set()
        assert decode_reply((await first).body).text == "reply to a"
        assert (await late).op is Op.REPLAY
        assert scene.caller.asked == ["a"]

    play(act)


def test_a_log_that_cannot_be_written_reaches_the_caller(play: Play):
    async def act(scene: Scene) -> None:
        scene.log.error = OSError("disk full")
        channel = await scene.channel()
        answer = ask(channel, "a")
        await until(lambda: scene.caller.asked)
        scene.caller.answer("a")
        reply = decode_reply((await answer).body)
        assert (reply.status, "disk full" in str(reply.error)) == (CallStatus.ENGINE, True)

    play(act)


@pytest.mark.parametrize("status", [status for status in CallStatus if status not in ("ok", "length")])
def test_what_is_no_reply_is_not_kept(play: Play, status: CallStatus):
    async def act(scene: Scene) -> None:
        channel = await scene.channel()
        answer = ask(channel, "a")
        await until(lambda: scene.caller.asked)
        scene.caller.answer("a", status)
        assert decode_reply((await answer).body).status is status
        assert scene.log.kept == {}
        again = ask(channel, "a")
        await until(lambda: len(scene.caller.asked) == 2)
        scene.caller.answer("a")
        assert decode_reply((await again).body).status is CallStatus.OK

    play(act)


def test_who_leaves_takes_the_queued_calls_that_nobody_else_wants(play: Play):
    async def act(scene: Scene) -> None:
        leaving, staying = await scene.channel(), await scene.channel()
        gone = [ask(leaving, key) for key in "abcdef"]  # four in the engine, two queued
        await until(lambda: scene.gateway.stats()["queued"] == 2)
        kept = ask(staying, "f")
        await until(lambda: len(scene.gateway._calls["f"].waiters) == 2)
        leaving.connection.close()
        await until(lambda: scene.gateway.stats()["queued"] == 1)
        for key in "abcd":
            scene.caller.answer(key)
        await until(lambda: "f" in scene.caller.answers)
        scene.caller.answer("f")
        assert (await kept).op is Op.REPLY  # now it is the one who pays
        assert scene.caller.asked == list("abcdf")
        assert sorted(scene.log.kept) == list("abcdf")  # what the engine had is kept
        results = await asyncio.gather(*gone, return_exceptions=True)
        assert {type(result) for result in results} == {ConnectionResetError}

    play(act)


def test_a_query_session_has_a_cap_on_new_keys(play: Play):
    async def act(scene: Scene) -> None:
        channel = await scene.channel()
        asks = [ask(channel, key, "q1") for key in "abcd"]
        await until(lambda: len(scene.caller.asked) == 3)
        assert decode_reply((await asks[3]).body).status is CallStatus.BUDGET
        for key in "abc":
            scene.caller.answer(key)
        await asyncio.gather(*asks[:3])
        assert (await ask(channel, "a", "q1")).op is Op.REPLAY  # answered before: free
        other = ask(channel, "d", "q2")
        await until(lambda: "d" in scene.caller.answers)
        scene.caller.answer("d")
        assert decode_reply((await other).body).status is CallStatus.OK

    play(act)


def test_a_paused_gateway_waits_and_a_dead_engine_fails_the_queue(play: Play):
    async def act(scene: Scene) -> None:
        scene.gateway.paused = True
        channel = await scene.channel()
        answer = ask(channel, "a")
        await until(lambda: scene.gateway.stats()["queued"] == 1)
        assert scene.caller.asked == []
        scene.gateway.fail_queued("gone for good")
        assert decode_reply((await answer).body).error == "gone for good"

    play(act)


def test_a_stopping_gateway_refuses_and_drains(play: Play):
    async def act(scene: Scene) -> None:
        channel = await scene.channel()
        running = ask(channel, "a")
        await until(lambda: scene.caller.asked)
        await channel.exchange(Op.STOP)
        drained = asyncio.create_task(scene.gateway.drain())
        assert decode_reply((await ask(channel, "b")).body).status is CallStatus.ENGINE
        assert (await channel.exchange(Op.HELLO)).body == b"null"
        assert not drained.done()
        scene.caller.answer("a")
        await running
        await asyncio.wait_for(drained, 1)

    play(act)
