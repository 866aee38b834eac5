"""A real vLLM: label tokens, pictures, cached prefixes, and no process afterwards.

MAMMOTH_TEST_MODEL names a model folder (udfs/engine/demo_model.py makes one), MAMMOTH_TEST_VISION_MODEL one that reads
pictures (udfs/engine/tiny_model.py).
"""

import base64
import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from asking import ask_all, survivors
from PIL import Image

from schemas.config import Engine
from schemas.enums import CallStatus, EngineRole, Purpose
from udfs.engine.control import release_hosts
from udfs.engine.processes import Owner
from udfs.engine.settings import EngineSettings, resolve
from udfs.request import Request

pytestmark = [pytest.mark.engine, pytest.mark.slow]
ARGS = ("--dtype", "float32", "--enforce-eager", "--block-size", "32")


def settings_of(variable: str, host_dir: Path, vision: bool) -> EngineSettings:
    model = os.environ.get(variable)
    if not model:
        pytest.skip(f"{variable} names no model folder")
    engine = Engine(
        name="main", model=model, roles=(EngineRole.VISION,), vision=vision, max_num_seqs=4, max_model_len=2048,
        args=ARGS, ready_timeout_s=400,
    )  # fmt: skip
    return resolve(engine, str(host_dir))


def chat(settings: EngineSettings, key: str, content: object, labels: tuple[str, ...] = ()) -> Request:
    body: dict[str, Any] = {"model": settings.engine.model, "messages": [{"role": "user", "content": content}]}
    body |= {"max_tokens": 16, "temperature": 0}
    return Request(key, Purpose.JUDGE, "s", "s", "p", json.dumps(body).encode(), labels=labels)


def picture(size: tuple[int, int], colour: str) -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    data = buffer.getvalue()
    url = "data:image/jpeg;base64," + base64.b64encode(data).decode()
    return {"type": "image_url", "image_url": {"url": url}, "uuid": hashlib.sha256(data).hexdigest()}


def test_text_and_labels(host_dir: Path, me: Owner):
    settings = settings_of("MAMMOTH_TEST_MODEL", host_dir, vision=False)
    requests = [
        chat(settings, "text", "What is the capital of France?"),
        chat(settings, "judge", "Is Paris in France? Answer Yes or No.", ("Yes", "No")),
        chat(settings, "score", "Rate this from 1 to 5. Answer with one digit.", tuple("12345")),
        chat(settings, "long", "word " * 5000),
    ]
    text, judge, score, long = ask_all(settings, requests)
    assert "Paris" in str(text.text)
    assert judge.status is CallStatus.OK
    assert 0.1 < sum(judge.label_probs.values()) <= 1
    assert all(0 < p < 1 for p in score.label_probs.values())
    assert len(score.label_probs) == 5
    assert long.status is CallStatus.INVALID
    assert [reply.replayed for reply in ask_all(settings, requests[:3])] == [True] * 3
    assert release_hosts(str(host_dir), me, 30) == []
    assert survivors(host_dir) == []


def test_pictures(host_dir: Path, me: Owner):
    settings = settings_of("MAMMOTH_TEST_VISION_MODEL", host_dir, vision=True)
    small, large = picture((224, 224), "teal"), picture((448, 336), "red")
    question = {"type": "text", "text": "What is it?"}
    one, two = ask_all(
        settings, [chat(settings, "1", [small, question]), chat(settings, "2", [small, large, question])]
    )
    assert {one.status, two.status} <= {CallStatus.OK, CallStatus.LENGTH}
    # 224 px make 8 x 8 merged patches; 448 x 336 make 16 x 12.
    assert (two.prompt_tokens or 0) - (one.prompt_tokens or 0) == 16 * 12 + 2
    bad = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AAAA"}}
    (broken,) = ask_all(settings, [chat(settings, "3", [bad, question])])
    assert broken.status is CallStatus.INVALID
    (remote,) = ask_all(settings, [chat(settings, "4", [{**bad, "image_url": {"url": "http://127.0.0.1/a.png"}}])])
    assert remote.status is CallStatus.INVALID
    assert release_hosts(str(host_dir), me, 30) == []
    assert survivors(host_dir) == []
