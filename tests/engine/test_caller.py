"""Every way in which a call can end, against the stub's server."""

import asyncio
import base64
import hashlib
import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from schemas.enums import CallStatus
from udfs.engine import caller as caller_module
from udfs.engine import stub
from udfs.engine.caller import EngineCaller, read_completion
from udfs.engine.labels import label_body
from udfs.engine.upstream import Upstream
from udfs.request import Reply

LABEL_IDS = {"Yes": [100, 103], "No": [106, 109], **{str(n): [110 + 2 * n] for n in range(1, 6)}}


def body(text: str, *pictures: bytes, uuid: str = "") -> bytes:
    parts: list[dict[str, Any]] = [
        {
            "type": "image_url",
            "image_url": {"url": "data:image/png;base64," + base64.b64encode(data).decode()},
            "uuid": uuid or hashlib.sha256(data).hexdigest(),
        }
        for data in pictures
    ]
    content = [*parts, {"type": "text", "text": text}]
    return json.dumps({"model": "stub", "messages": [{"role": "user", "content": content}], "max_tokens": 9}).encode()


def picture(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), shade).save(buffer, "PNG")
    return buffer.getvalue()


Ask = Callable[..., list[Reply]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Asks a stub of this script, one call after the other under one key."""
    monkeypatch.setattr(caller_module, "_FIRST_PAUSE_S", 0.001)

    def run(*bodies: bytes, labels: tuple[str, ...] = (), timeout_s: float = 60.0, **script: Any) -> list[Reply]:  # noqa: ANN401
        async def act() -> list[Reply]:
            path = str(tmp_path / "s")
            server = asyncio.create_task(stub.serve(path, msgspec.convert(script, stub.Script)))
            async with EngineCaller(Upstream("stub", socket=path), "engine") as caller:
                while await caller.trouble():
                    await asyncio.sleep(0.001)
                replies = [await caller.ask(f"k{i}", one, labels, timeout_s) for i, one in enumerate(bodies)]
            server.cancel()
            await asyncio.wait([server])
            return replies

        return asyncio.run(act())

    return run


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ("busy", CallStatus.OK, None),
        ("reset", CallStatus.OK, None),
        ("invalid", CallStatus.INVALID, "longer than the model's window"),
        ("broken", CallStatus.ENGINE, "HTTP 500"),
        ("malformed", CallStatus.ENGINE, "malformed reply"),
        ("length", CallStatus.LENGTH, None),
        ("hang", CallStatus.TIMEOUT, r"no reply within 0\.2 s"),
        ("unparsable", CallStatus.OK, None),
    ],
)
def test_faults_become_statuses(ask: Ask, fault: str, status: CallStatus, error: str | None):
    (reply,) = ask(body(f"[[fault:{fault}]]"), timeout_s=0.2 if fault == "hang" else 60)
    assert reply.status is status
    assert reply.engine == "engine"
    assert reply.latency_s is not None
    if error is None:
        assert reply.error is None
    else:
        assert re.search(error, str(reply.error))


@pytest.mark.parametrize("fault", ["busy", "reset"])
def test_retries_end(ask: Ask, fault: str):
    (reply,) = ask(body(f"[[fault:{fault}]]"), fault_tries=99)
    assert reply.status is CallStatus.ENGINE
    assert "4 tries" in str(reply.error)


@pytest.mark.parametrize("status", [429, 503])
def test_an_engine_that_says_come_back_later_is_asked_again(monkeypatch: pytest.MonkeyPatch, status: int):
    answers = iter([(status, b"full"), (200, completion(finish_reason="stop"))])

    async def post(*_: object) -> tuple[int, bytes]:
        return next(answers)

    monkeypatch.setattr(caller_module, "_FIRST_PAUSE_S", 0)
    monkeypatch.setattr(EngineCaller, "post", post)
    reply = asyncio.run(EngineCaller(Upstream("stub"), "engine").ask("k", b"", (), 60))
    assert (reply.status, reply.text) == (CallStatus.OK, "x")


def test_invalid_is_not_retried(ask: Ask, tmp_path: Path):
    ask(body("[[fault:invalid]]"), counts=str(tmp_path / "counts"))
    assert not (tmp_path / "counts").exists()


def test_pictures_are_named_in_their_order(ask: Ask):
    one, two = picture(1), picture(2)
    replies = ask(body("?", one, two), body("?", two, one, two))
    names = [hashlib.sha256(data).hexdigest() for data in (one, two)]
    assert str(replies[0].text).splitlines()[-1] == f"pictures: {names[0]},{names[1]}"
    assert str(replies[1].text).splitlines()[-1] == f"pictures: {names[1]},{names[0]},{names[1]}"


@pytest.mark.parametrize("bad", [body("?", b"no picture"), body("?", picture(1), uuid="0" * 64)])
def test_a_picture_that_is_none_or_not_its_name_is_refused(ask: Ask, bad: bytes):
    (reply,) = ask(bad)
    assert reply.status is CallStatus.INVALID


@pytest.mark.parametrize("ids", [LABEL_IDS, {}])
def test_labels_have_probabilities_that_are_no_truncation(ask: Ask, ids: dict[str, list[int]]):
    (reply,) = ask(label_body(body("?"), ("Yes", "No"), ids), labels=("Yes", "No"), p_yes=0.75)
    assert reply.status is CallStatus.OK
    assert reply.label_probs == pytest.approx({"Yes": 0.675, "No": 0.225}, abs=1e-6)


def test_scores(ask: Ask):
    labels = tuple("12345")
    (reply,) = ask(label_body(body("?"), labels, LABEL_IDS), labels=labels)
    assert sum(reply.label_probs.values()) == pytest.approx(0.9, abs=1e-6)


def test_scripted_replies(ask: Ask):
    replies = ask(body("what is a cat"), body("a dog"), replies={"cat": "a pet"})
    assert replies[0].text == "a pet"
    assert str(replies[1].text).startswith("The question asks")


def completion(**choice: Any) -> bytes:  # noqa: ANN401
    return json.dumps({"choices": [{"message": {"content": "x"}, "finish_reason": "stop", **choice}]}).encode()


def test_what_a_completion_means():
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
    data = json.dumps({**json.loads(completion()), "usage": usage}).encode()
    reply = read_completion(data, ())
    assert (reply.prompt_tokens, reply.cached_tokens, reply.completion_tokens) == (7, 4, 3)
    assert read_completion(completion(finish_reason="abort"), ()).status is CallStatus.ENGINE
    assert read_completion(completion(finish_reason="repetition"), ()).status is CallStatus.LENGTH
    assert read_completion(completion(), ("Yes",)).status is CallStatus.ENGINE
    assert read_completion(b'{"choices": []}', ()).status is CallStatus.ENGINE
    top = [{"token": "Yes", "logprob": math.log(0.5)}]
    data = completion(logprobs={"content": [{"top_logprobs": top}]}, finish_reason="length")
    judged = read_completion(data, ("Yes",))
    assert (judged.status, judged.label_probs["Yes"]) == (CallStatus.OK, pytest.approx(0.5))
