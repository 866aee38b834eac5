"""A subject becomes a chat request.

Order of every request: system text (the same in all packaged prompts), pictures, data block (evidence, questions and
answers), task. Whatever is asked about one subject thus shares its beginning, which the engine's prefix cache serves.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from schemas.config import Sampling
from schemas.enums import Role
from schemas.errors import InputError
from udfs.prompts import Prompt
from udfs.render.fence import cut, fence, name_placeholders, neutralise, placeholders
from udfs.render.keys import (
    LABEL_SAMPLING,
    RENDER_VERSION,
    TEXT_RECIPE,
    CallFields,
    Target,
    call_key,
    sampling_json,
)  # fmt: skip
from udfs.request import Request
from udfs.sample import VIDEO, Picture, Subject

__all__ = [
    "LABEL_SAMPLING", "RENDER_VERSION", "TEXT_RECIPE", "CallFields", "Pictures", "Target", "call_key",
    "render_judge", "render_rewrite", "render_score", "sampling_json",
]  # fmt: skip

Pictures = Mapping[str, Sequence[Picture]]
"""Standardised pictures by media id: one for an image, the frames in order for a video."""

CHARS_PER_TOKEN = 4
MIN_ROOM = 2000
"""Characters that a subject's text gets at least, however short the model's context is."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """Pictures that go along, and what is said about them."""

    pictures: tuple[Picture, ...]
    note: str


def _evenly(total: int, limit: int) -> list[int]:
    """At most `limit` of 0..total-1, first and last among them."""
    if total <= limit:
        return list(range(total))
    return [0] if limit == 1 else [round(k * (total - 1) / (limit - 1)) for k in range(limit)]


def _show(subject: Subject, pictures: Pictures, limit: int) -> _Shown:
    """All pictures of the subject, or `limit` of them taken evenly."""
    kinds = placeholders([turn.text for turn in subject.turns])
    named: list[tuple[str, Picture]] = []
    for at, media_id in enumerate(subject.media):
        parts = pictures.get(media_id, ())
        if not parts:
            raise InputError(
                f"sample {subject.sample_id}: the picture of medium {media_id} is missing",
                "run normalise with media.mode=read, or leave samples without their pictures out",
            )
        video = len(parts) > 1 or kinds[at : at + 1] == [VIDEO]
        named += [(f"{'video' if video else 'image'} {at + 1}", part) for part in parts]
    taken = [named[k] for k in _evenly(len(named), limit)]
    names = [name for name, _ in taken]
    frames = any(name.startswith("video") for name in names)
    note = ""
    if frames:
        note = f"Pictures in order: {', '.join(f'{names.count(name)} x {name}' for name in dict.fromkeys(names))}. "
        note += "The pictures of a video are its frames in order of time."
    elif len(named) > 1:
        note = f"Pictures in order: {', '.join(names)}."
    return _Shown(tuple(picture for _, picture in taken), note)


def _data_block(subject: Subject, shown: _Shown | None, room: int) -> str:
    """Evidence, then the conversation; `room` in characters. With pictures only context is added to them."""
    evidence = subject.evidence
    if evidence is not None and shown is not None and evidence.kind != "context":
        evidence = None
    lines = [shown.note] if shown is not None and shown.note else []
    texts = name_placeholders([turn.text for turn in subject.turns])
    share = max(200, (room // 2 if evidence else room) // max(1, len(texts)))
    said = [
        fence("question" if turn.role is Role.USER else "answer", cut(neutralise(text), share))
        for turn, text in zip(subject.turns, texts, strict=True)
    ]
    if evidence is not None:
        left = max(200, room - sum(map(len, said)))
        title = "Context" if evidence.kind == "context" or not subject.media else "What the picture shows, as text"
        lines += [f"{title} ({evidence.kind}):", fence("evidence", cut(neutralise(evidence.text), left))]
    elif subject.media and shown is None:
        lines.append("The picture is not at hand: rely on question and answer alone.")
    return "\n".join([*lines, *said])


def _known_answer(subject: Subject) -> str:
    """The gold answer, where the conversation does not say it already."""
    gold = (subject.gold_answer or "").strip()
    if not gold or any(gold in turn.text for turn in subject.turns if turn.role is Role.ASSISTANT):
        return ""
    return "\n" + fence("known_answer", cut(neutralise(gold), 1000))


def _image_part(picture: Picture, url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}, "uuid": picture.sha256}


def _body(head: Mapping[str, Any], system: str, user: str, images: Sequence[Mapping[str, Any]]) -> bytes:
    content: Any = [*images, {"type": "text", "text": user}] if images else user
    messages = [{"role": "system", "content": system}, {"role": "user", "content": content}]
    return msgspec.json.encode({**head, "messages": messages})


def _head(model: str, sampling: Sampling, labels: Sequence[str]) -> dict[str, Any]:
    head: dict[str, Any] = {
        "model": model,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
    }
    if sampling.repetition_penalty != 1.0:  # an extension of vLLM that other endpoints refuse
        head["repetition_penalty"] = sampling.repetition_penalty
    if labels:
        head |= {"logprobs": True, "top_logprobs": 20}
    return head


def _render(subject: Subject, prompt: Prompt, target: Target, pictures: Pictures, sampling: Sampling) -> Request:
    shown = _show(subject, pictures, target.max_pictures) if target.vision and subject.media else None
    images = shown.pictures if shown else ()
    tokens = target.max_model_len - sampling.max_tokens - 64
    # What a picture costs is the model's secret: half of the context is left to pictures.
    room = tokens * CHARS_PER_TOKEN // (2 if images else 1) - len(prompt.system) - len(prompt.task)
    data = _data_block(subject, shown, max(MIN_ROOM, room))
    known = "" if prompt.labels else _known_answer(subject)
    user = f"{data}{known}\n\n{prompt.task}"
    head = _head(target.model, sampling, prompt.labels)
    urls = [f"data:image/{picture.format};base64,{b64encode(picture.data).decode()}" for picture in images]
    parts = [_image_part(picture, url) for picture, url in zip(images, urls, strict=True)]
    _assert_pictures(subject, parts, target, pictures)
    hashed = [_image_part(picture, picture.sha256) for picture in images]
    call = CallFields(
        prompt.purpose, subject.subject_id, prompt.version, RENDER_VERSION,
        target.recipe(bool(subject.media)), target.model, target.revision, sampling_json(sampling, prompt.labels),
    )  # fmt: skip
    return Request(
        call_key=call_key(call),
        purpose=prompt.purpose,
        subject_id=subject.subject_id,
        sample_id=subject.sample_id,
        prompt_version=prompt.version,
        body=_body(head, prompt.system, user, parts),
        request_hash=sha256(_body(head, prompt.system, user, hashed)).hexdigest(),
        pictures=tuple(picture.sha256 for picture in images),
        labels=prompt.labels,
        text_evidence=bool(subject.media) and not images,
    )


def _assert_pictures(subject: Subject, parts: Sequence[object], target: Target, pictures: Pictures) -> None:
    """A wrong number of pictures ends a whole engine, so it never leaves this process."""
    owned = sum(len(pictures[media_id]) for media_id in subject.media) if target.vision else 0
    if len(parts) != min(owned, target.max_pictures):
        raise AssertionError(f"sample {subject.sample_id}: {len(parts)} pictures rendered of {owned}")


def render_rewrite(subject: Subject, prompt: Prompt, target: Target, pictures: Pictures) -> Request:
    """Ask for a rewrite of a sample, with its pictures where the model reads them, else with its text evidence."""
    return _render(subject, prompt, target, pictures, target.sampling)


def render_judge(subject: Subject, prompt: Prompt, target: Target, pictures: Pictures) -> Request:
    """Ask for a verdict on a pair or an original; sampling is `LABEL_SAMPLING`, the labels are the prompt's."""
    return _render(subject, prompt, target, pictures, LABEL_SAMPLING)


def render_score(subject: Subject, prompt: Prompt, target: Target, pictures: Pictures) -> Request:
    """Ask for one of the 1-5 scores of a pair or an original; otherwise like `render_judge`."""
    return _render(subject, prompt, target, pictures, LABEL_SAMPLING)
