"""The first request to a new engine: one that answers /v1/models may still be unable to generate."""

import base64
import hashlib
import io
import json
from typing import Any

from PIL import Image

from schemas.config import Engine
from schemas.enums import CallStatus
from schemas.errors import EngineError
from udfs.engine.caller import EngineCaller

KEY = "canary"
_SIDE = 224


def _picture() -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.new("RGB", (_SIDE, _SIDE), "teal").save(buffer, "PNG")
    data = buffer.getvalue()
    url = "data:image/png;base64," + base64.b64encode(data).decode()
    return {"type": "image_url", "image_url": {"url": url}, "uuid": hashlib.sha256(data).hexdigest()}


async def check(caller: EngineCaller, engine: Engine, timeout_s: float) -> None:
    """Asks for one token, about a picture where the engine is said to see; EngineError when none comes."""
    parts: list[dict[str, Any]] = [{"type": "text", "text": "Say yes."}]
    if engine.vision:
        parts.insert(0, _picture())
    content: Any = parts if engine.vision else "Say yes."
    request = {"model": engine.model, "messages": [{"role": "user", "content": content}], "max_tokens": 1}
    reply = await caller.ask(KEY, json.dumps({**request, "temperature": 0}).encode(), (), timeout_s)
    if reply.status in (CallStatus.OK, CallStatus.LENGTH):
        return
    blind = engine.vision and reply.status is CallStatus.INVALID
    raise EngineError(
        f"engine {engine.name}: the first request failed ({reply.status.value}): {reply.error}",
        f"set engines.{engine.name}.vision=false if the model reads no pictures" if blind else "read the engine's log",
    )
