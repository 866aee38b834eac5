"""A small measurement of a configured engine: N requests through its host, all of them new."""

import asyncio
import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

from schemas.enums import CallStatus, Purpose
from schemas.errors import EngineError
from udfs.engine.client import EngineClient
from udfs.engine.processes import Owner
from udfs.engine.settings import EngineSettings
from udfs.request import Reply, Request

TEXT = (
    "A farmer has {number} sheep and buys {more} more. Then a third of the flock is sold. Explain step by step how "
    "many sheep are left, and check the result."
)


@dataclass(frozen=True)
class Bench:
    """What came of it; tokens per second are those of the whole run, so short ones are pessimistic."""

    engine: str
    model: str
    requests: int
    ok: int
    seconds: float
    ready_s: float
    """Until the host answered; most of it loads the model where none was running."""
    window: int
    prompt_tokens: int
    completion_tokens: int
    completion_tokens_per_s: float
    prompt_tokens_per_s: float
    latency_p50_s: float
    latency_p95_s: float
    errors: tuple[str, ...]


def bench(settings: EngineSettings, requests: int, max_tokens: int, owner: Owner) -> Bench:
    """Asks text alone, of about 50 tokens each, with as many at once as the gateway's window takes."""
    return asyncio.run(_bench(settings, requests, max_tokens, owner))


async def _bench(settings: EngineSettings, requests: int, max_tokens: int, owner: Owner) -> Bench:
    began = time.monotonic()
    async with EngineClient.connect(settings, owner) as client:
        ready = time.monotonic()
        run = uuid.uuid4().hex
        asked = [_request(run, number, settings.engine.model, max_tokens) for number in range(requests)]
        replies = await asyncio.gather(*(client.ask(request) for request in asked))
        seconds = time.monotonic() - ready
        return _sum(settings, replies, seconds, ready - began, client.facts.window)


def _request(run: str, number: int, model: str, max_tokens: int) -> Request:
    text = TEXT.format(number=12 + number, more=3 * number + 6)
    body = {"model": model, "messages": [{"role": "user", "content": text}], "temperature": 0, "max_tokens": max_tokens}
    return Request(f"bench-{run}-{number}", Purpose.REWRITE, "bench", "bench", "bench", json.dumps(body).encode())


def _sum(settings: EngineSettings, replies: Sequence[Reply], seconds: float, ready_s: float, window: int) -> Bench:
    ok = [reply for reply in replies if reply.status in (CallStatus.OK, CallStatus.LENGTH)]
    errors = sorted({reply.error or reply.status.value for reply in replies if reply not in ok})
    if not ok:
        raise EngineError(
            f"engine {settings.engine.name} answered none of {len(replies)} requests: {errors[0]}",
            "read its log: mammoth-vl engine logs",
        )
    latencies = [reply.latency_s or 0.0 for reply in ok]
    at = quantiles(latencies, n=20, method="inclusive") if len(latencies) > 1 else latencies * 19
    prompt, completion = (
        sum(getattr(reply, f"{kind}_tokens") or 0 for reply in ok) for kind in ("prompt", "completion")
    )
    return Bench(
        engine=settings.engine.name,
        model=settings.engine.model,
        requests=len(replies),
        ok=len(ok),
        seconds=round(seconds, 3),
        ready_s=round(ready_s, 3),
        window=window,
        prompt_tokens=prompt,
        completion_tokens=completion,
        completion_tokens_per_s=round(completion / seconds, 2),
        prompt_tokens_per_s=round(prompt / seconds, 2),
        latency_p50_s=round(at[9], 3),
        latency_p95_s=round(at[18], 3),
        errors=tuple(errors[:5]),
    )
