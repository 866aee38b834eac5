"""What identifies a call before anything is rendered; SQL computes the same from the same columns."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.config import Sampling
from schemas.enums import Purpose
from udfs.ids import digest, field

RENDER_VERSION = "1"
"""Raised whenever the same prompt and subject would become different messages."""

TEXT_RECIPE = "text"
"""Picture recipe of a request that carries no picture."""

LABEL_SAMPLING = Sampling(temperature=0.0, top_p=1.0, max_tokens=1, repetition_penalty=1.0)
"""Judges and scores read one token off, whatever the engine's own sampling is."""


@dataclass(frozen=True, slots=True)
class Target:
    """The model that a request is written for."""

    model: str
    revision: str
    sampling: Sampling
    vision: bool
    max_pictures: int = 8
    max_model_len: int = 8192
    """Tokens; long texts are cut to fit. Not part of the call key: it touches few requests, and no reply is wrong."""
    picture_recipe: str = "standard"
    """How the stored pictures were made."""

    def recipe(self, has_media: bool) -> str:
        """The call key's picture recipe; constant per target for subjects with media, and for those without."""
        return f"{self.picture_recipe}/{self.max_pictures}" if self.vision and has_media else TEXT_RECIPE


@dataclass(frozen=True, slots=True)
class CallFields:
    """Everything that a call key covers, in the order in which it is hashed."""

    purpose: Purpose
    subject_id: str
    prompt_version: str
    render_version: str
    picture_recipe: str
    model: str
    revision: str
    sampling: str


def call_key(call: CallFields) -> str:
    """sha256, hex, of eight length-prefixed fields: purpose, subject_id, prompt_version, render_version,
    picture_recipe, model, revision, sampling.

    In SQL: `sha2(concat(f(purpose), f(subject_id), ...), 256)` where `f(x)` is
    `coalesce(concat(octet_length(x), ':', x, ';'), '-;')`.
    """
    values = (
        call.purpose.value, call.subject_id, call.prompt_version, call.render_version,
        call.picture_recipe, call.model, call.revision, call.sampling,
    )  # fmt: skip
    return digest(field(value) for value in values)


def sampling_json(sampling: Sampling, labels: Sequence[str] = ()) -> str:
    """Sampling and labels as canonical JSON; the column `sampling` of `calls` and a field of the call key."""
    values = {**sampling.model_dump(mode="json"), "labels": list(labels)}
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
