"""One engine call: what is asked and what came back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.enums import CallStatus, Purpose


@dataclass(frozen=True, slots=True)
class Request:
    """A chat request, complete but for what only the engine knows (label token ids)."""

    call_key: str
    purpose: Purpose
    subject_id: str
    sample_id: str
    prompt_version: str
    body: bytes = field(repr=False)
    """OpenAI chat-completion request as JSON: model, messages (pictures as data URLs with uuid), sampling."""
    request_hash: str = ""
    """sha256 of the body with each picture's data replaced by its sha256."""
    pictures: tuple[str, ...] = ()
    """sha256 of the pictures in the body, in order."""
    labels: tuple[str, ...] = ()
    """Labels whose probabilities are wanted of the first token, e.g. Yes and No; empty: none."""
    text_evidence: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What the engine answered; `status` says whether `text` can be used."""

    status: CallStatus
    error: str | None = None
    text: str | None = None
    label_probs: Mapping[str, float] = field(default_factory=dict)
    """Probability of each label (all its spellings summed), not normalised."""
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    latency_s: float | None = None
    replayed: bool = False
    """Answered from the host's log: nothing was paid."""
    engine: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
