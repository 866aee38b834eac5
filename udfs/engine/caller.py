"""One HTTP call to the engine, its retries, and what its answer means."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import aiohttp
import msgspec

from schemas.enums import CallStatus
from udfs.engine import labels as label_tokens
from udfs.engine.labels import TokenLogprob
from udfs.engine.upstream import Upstream
from udfs.request import Reply

TRIES = 4
_FIRST_PAUSE_S = 0.2
_COME_BACK_LATER = (429, 503)
_FINISHED = {"stop": CallStatus.OK, "length": CallStatus.LENGTH, "repetition": CallStatus.LENGTH}


class _Choice(msgspec.Struct, frozen=True):
    message: "_Message"
    finish_reason: str | None = None
    logprobs: "_Logprobs | None" = None


class _Message(msgspec.Struct, frozen=True):
    content: str | None = None


class _Position(msgspec.Struct, frozen=True):
    top_logprobs: list[TokenLogprob] = []


class _Logprobs(msgspec.Struct, frozen=True):
    content: list[_Position] | None = None


class _Cached(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Cached | None = None


class _Completion(msgspec.Struct, frozen=True):
    choices: list[_Choice]
    usage: _Usage = _Usage()


_COMPLETION = msgspec.json.Decoder(_Completion)


def read_completion(data: bytes, labels: Sequence[str]) -> Reply:
    """A reply from an OpenAI chat completion; status `engine` when it is none."""
    try:
        completion = _COMPLETION.decode(data)
        choice = completion.choices[0]
    except (msgspec.MsgspecError, IndexError, UnicodeDecodeError) as error:
        return Reply(CallStatus.ENGINE, f"malformed reply: {error}: {data[:200]!r}")
    positions = (choice.logprobs.content if choice.logprobs else None) or []
    cached = completion.usage.prompt_tokens_details
    reply = Reply(
        status=_FINISHED.get(choice.finish_reason or "", CallStatus.ENGINE),
        text=choice.message.content or "",
        label_probs=label_tokens.probabilities(positions[0].top_logprobs, labels) if positions and labels else {},
        finish_reason=choice.finish_reason,
        prompt_tokens=completion.usage.prompt_tokens,
        cached_tokens=cached.cached_tokens if cached else None,
        completion_tokens=completion.usage.completion_tokens,
    )
    if reply.status is CallStatus.ENGINE:
        return replace(reply, error=f"finish_reason {choice.finish_reason!r}")
    if labels and not reply.label_probs:
        return replace(reply, status=CallStatus.ENGINE, error="the engine sent no logprobs")
    # One token was asked for and came: that is no truncation.
    return replace(reply, status=CallStatus.OK) if labels else reply


class EngineCaller:
    """HTTP client of one engine; `down` stops retries while its process is being restarted."""

    def __init__(self, upstream: Upstream, engine_id: str) -> None:
        self._upstream, self._engine_id = upstream, engine_id
        self._session: aiohttp.ClientSession | None = None
        self.down = False

    async def __aenter__(self) -> Self:
        path = self._upstream.socket
        connector = aiohttp.UnixConnector(path, limit=0) if path else aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector, headers=dict(self._upstream.headers), timeout=aiohttp.ClientTimeout(None)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, path: str, body: bytes, call_key: str = "") -> tuple[int, bytes]:
        """Status and body of one POST below the engine's root."""
        assert self._session is not None
        headers = {"Content-Type": "application/json", "X-Request-Id": call_key}
        async with self._session.post(self._upstream.root + path, data=body, headers=headers) as response:
            return response.status, await response.read()

    async def trouble(self) -> str:
        """Why the engine does not answer for its model; empty when it does."""
        assert self._session is not None
        try:
            async with self._session.get(f"{self._upstream.root}/v1/models") as response:
                return "" if response.status < 400 else f"HTTP {response.status}: {await response.text()}"
        except (aiohttp.ClientError, OSError) as error:
            return f"{type(error).__name__}: {error}"

    async def tokenize(self, text: str) -> list[int] | None:
        """Token ids, where the server has vLLM's /tokenize."""
        request = {"model": self._upstream.model, "prompt": text, "add_special_tokens": False}
        status, data = await self.post("/tokenize", msgspec.json.encode(request))
        if status >= 400:
            return None
        try:
            return list(msgspec.json.decode(data)["tokens"])
        except (msgspec.MsgspecError, KeyError, TypeError):
            return None

    async def ask(self, call_key: str, body: bytes, labels: Sequence[str], timeout_s: float) -> Reply:
        """A reply in any case; what went wrong is its status."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                reply = await self._try(call_key, body, labels)
        except TimeoutError:
            reply = Reply(CallStatus.TIMEOUT, f"no reply within {timeout_s:g} s")
        return replace(reply, latency_s=round(time.monotonic() - started, 6), engine=self._engine_id)

    async def _try(self, call_key: str, body: bytes, labels: Sequence[str]) -> Reply:
        problem = ""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(_FIRST_PAUSE_S * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
            if self.down:
                return Reply(CallStatus.ENGINE, f"the engine process ended: {problem}")
            try:
                status, data = await self.post("/v1/chat/completions", body, call_key)
            except (aiohttp.ClientError, OSError) as error:
                problem = f"{type(error).__name__}: {error}"
                continue
            if status in _COME_BACK_LATER:
                problem = f"HTTP {status}: {_message(data)}"
                continue
            return _read(status, data, labels)
        return Reply(CallStatus.ENGINE, f"{problem} ({TRIES} tries)")


def _read(status: int, data: bytes, labels: Sequence[str]) -> Reply:
    if status < 400:
        return read_completion(data, labels)
    kind = CallStatus.INVALID if status < 500 else CallStatus.ENGINE
    return Reply(kind, f"HTTP {status}: {_message(data)}")


def _message(data: bytes) -> str:
    return data[:2000].decode(errors="replace")
