"""A pretended engine for tests of faults and speed: an OpenAI-compatible server that scripts its replies.

    python -m udfs.engine.stub SOCKET SCRIPT_JSON

It decodes every picture that it gets and names their sha256, in order, on the last line of its reply. A fault strikes a
share of the calls, chosen by call key, or a call whose text holds `[[fault:NAME]]`. Nothing it says is good for data.
"""

import asyncio
import base64
import binascii
import hashlib
import io
import math
import os
import re
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from PIL import Image, UnidentifiedImageError

from udfs.engine.canary import KEY as CANARY
from udfs.engine.labels import LABELS

_TOKENS = {spelling: number for number, spelling in enumerate((s for all_ in LABELS.values() for s in all_), 100)}
"""Pretended token ids of the labels' spellings."""

_REPLY = (
    "The question asks about what is shown.\nStep 1: look at what is given.\nStep 2: read the value that is asked for."
    "\nTherefore the answer follows from step 2."
)
_MARKER = re.compile(r"\[\[fault:(\w+)\]\]")


class Fault(StrEnum):
    """How a call can go wrong."""

    BUSY = "busy"
    """503, for the first `fault_tries` tries of a key."""
    RESET = "reset"
    """The connection closes without an answer, for the first `fault_tries` tries of a key."""
    INVALID = "invalid"
    BROKEN = "broken"
    HANG = "hang"
    MALFORMED = "malformed"
    LENGTH = "length"
    UNPARSABLE = "unparsable"
    EXIT = "exit"
    """The engine dies, as of a request that kills it."""


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keys of `engine.stub` in the configuration."""

    latency_s: float = 0.0
    latency_spread: float = 0.5
    """Latency varies by this share up and down, by call key."""
    start_s: float = 0.0
    """Seconds until the server listens."""
    fail_start: str = ""
    """The server ends at once with this message."""
    counts: str = ""
    """File that gets a line for every call that was served, fsynced before the call goes on."""
    holds: str = ""
    """While this file is there, calls past the first `held_after` of a server wait."""
    held_after: int = 0
    faults: dict[Fault, float] = {}
    fault_tries: int = 1
    replies: dict[str, str] = {}
    """Reply to requests whose text contains the key."""
    p_yes: float | None = None
    """Fixed P(yes); default: by call key."""


def _share(key: str, salt: str) -> float:
    """A number in [0, 1) that key and salt decide."""
    return int.from_bytes(hashlib.sha256(f"{salt}:{key}".encode()).digest()[:6], "big") / (1 << 48)


def _texts_and_pictures(messages: list[dict[str, Any]]) -> tuple[str, list[bytes]]:
    texts, pictures = [], []
    for message in messages:
        content = message["content"]
        if isinstance(content, str):
            texts.append(content)
            continue
        for part in content:
            if part["type"] == "text":
                texts.append(part["text"])
            else:
                data = base64.b64decode(part["image_url"]["url"].partition("base64,")[2], validate=True)
                if part.get("uuid", "") != hashlib.sha256(data).hexdigest():
                    raise ValueError("uuid is not the sha256 of the picture")
                pictures.append(data)
    return "\n".join(texts), pictures


def _decode(pictures: list[bytes]) -> list[str]:
    for data in pictures:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
    return [hashlib.sha256(data).hexdigest() for data in pictures]


@dataclass(slots=True)
class Stub:
    """The server's state."""

    script: Script
    in_flight: int = 0
    begun: int = 0
    tries: Counter[str] = field(default_factory=Counter)

    def _fault(self, key: str, text: str) -> Fault | None:
        marked = _MARKER.search(text)
        if marked:
            return Fault(marked[1])
        for fault, share in self.script.faults.items():
            if _share(key, fault) < share:
                return fault
        return None

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions."""
        key = request.headers.get("X-Request-Id", "")
        body = msgspec.json.decode(await request.read())
        try:
            text, pictures = _texts_and_pictures(body["messages"])
            hashes = await asyncio.to_thread(_decode, pictures) if pictures else []
        except (ValueError, binascii.Error, UnidentifiedImageError, OSError, KeyError) as error:
            return _error(400, f"bad picture: {error}")
        self.tries[key] += 1
        fault = self._fault(key, text)
        if fault in _BEFORE:
            early = await _BEFORE[fault](self, request, key)
            if early is not None:
                return early
        await self._wait()
        self.in_flight += 1
        try:
            self._count(key, hashes)
            spread = 1 + self.script.latency_spread * (2 * _share(key, "latency") - 1)
            await asyncio.sleep(self.script.latency_s * spread)
        finally:
            self.in_flight -= 1
        if fault is Fault.MALFORMED:
            return web.Response(text='{"choices": [', content_type="application/json")
        return _json(self._completion(key, body, (text, hashes), fault))

    async def _wait(self) -> None:
        self.begun += 1
        held = self.script.holds if self.begun > self.script.held_after else ""
        while held and Path(held).exists():
            await asyncio.sleep(0.05)

    def _count(self, key: str, hashes: list[str]) -> None:
        if self.script.counts and key != CANARY:
            line = msgspec.json.encode({"key": key, "pictures": hashes, "in_flight": self.in_flight}) + b"\n"
            with open(self.script.counts, "ab") as file:  # noqa: PTH123 - one write, so that lines never mix
                file.write(line)
                file.flush()
                os.fsync(file.fileno())

    def _completion(
        self, key: str, body: Mapping[str, Any], seen: tuple[str, list[str]], fault: Fault | None
    ) -> dict[str, Any]:
        text, hashes = seen
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
        if body.get("logprobs"):
            choice |= {"logprobs": {"content": [self._position(key, body)]}, "finish_reason": "length"}
            reply = choice["logprobs"]["content"][0]["token"]
        else:
            scripted = (answer for part, answer in self.script.replies.items() if part in text)
            reply = "???" if fault is Fault.UNPARSABLE else next(scripted, _REPLY)
            reply += f"\npictures: {','.join(hashes)}" if hashes else ""
        if fault is Fault.LENGTH:
            choice["finish_reason"] = "length"
        choice["message"] = {"role": "assistant", "content": reply}
        prompt, completion = len(text.split()) + 256 * len(hashes), len(reply.split())
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        return {"object": "chat.completion", "model": body["model"], "choices": [choice], "usage": usage}

    def _position(self, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
        p_yes = self.script.p_yes if self.script.p_yes is not None else _share(key, "judge")
        ids = body.get("logprob_token_ids")
        wanted = [text for text, number in _TOKENS.items() if ids is None or number in ids]
        grades = [text for text in wanted if text.isdigit()]
        if "Yes" in wanted:
            weights = {"Yes": 0.9 * p_yes, "No": 0.9 * (1 - p_yes)}
        else:
            weights = {grade: 0.9 / len(grades) for grade in grades}
        weights = {text: max(weights.get(text, 0.0), 1e-9) for text in wanted}
        top = [{"token": text, "logprob": math.log(weight)} for text, weight in weights.items()]
        best = max(top, key=lambda entry: float(str(entry["logprob"])))
        return {**best, "top_logprobs": top}

    async def busy(self, _: web.Request, key: str) -> web.StreamResponse | None:
        """503 for a while."""
        return _error(503, "try again") if self.tries[key] <= self.script.fault_tries else None

    async def reset(self, request: web.Request, key: str) -> web.StreamResponse | None:
        """A closed connection for a while."""
        if self.tries[key] > self.script.fault_tries:
            return None
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def invalid(self, _: web.Request, __: str) -> web.StreamResponse | None:
        """400 for ever."""
        return _error(400, "the prompt is longer than the model's window")

    async def broken(self, _: web.Request, __: str) -> web.StreamResponse | None:
        """500 for ever."""
        return _error(500, "internal error")

    async def hang(self, _: web.Request, __: str) -> web.StreamResponse | None:
        """No answer at all."""
        await asyncio.Event().wait()
        return None

    async def exit(self, _: web.Request, __: str) -> web.StreamResponse | None:
        """The end of the process."""
        os._exit(3)


_BEFORE = {
    Fault.BUSY: Stub.busy,
    Fault.RESET: Stub.reset,
    Fault.INVALID: Stub.invalid,
    Fault.BROKEN: Stub.broken,
    Fault.HANG: Stub.hang,
    Fault.EXIT: Stub.exit,
}
"""Faults that strike before a call counts as served."""


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json", status=status)


def _error(status: int, message: str) -> web.Response:
    return _json({"error": {"message": message, "code": status}}, status)


async def _models(_: web.Request) -> web.Response:
    return _json({"data": [{"id": "stub"}]})


async def _tokenize(request: web.Request) -> web.Response:
    prompt = msgspec.json.decode(await request.read())["prompt"]
    return _json({"tokens": [_TOKENS[prompt]] if prompt in _TOKENS else [1] * len(prompt)})


def application(script: Script) -> web.Application:
    """The server, for a socket or a port."""
    app = web.Application(client_max_size=1 << 30)
    app.add_routes(
        [
            web.get("/v1/models", _models),
            web.post("/v1/chat/completions", Stub(script).complete),
            web.post("/tokenize", _tokenize),
        ]
    )
    return app


async def serve(path: str, script: Script) -> None:
    """Serves until the process is ended."""
    if script.fail_start:
        sys.exit(script.fail_start)
    await asyncio.sleep(script.start_s)
    runner = web.AppRunner(application(script), access_log=None, shutdown_timeout=0.05)
    try:
        await runner.setup()
        await web.UnixSite(runner, path).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(sys.argv[1], msgspec.json.decode(sys.argv[2], type=Script)))
