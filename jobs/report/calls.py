"""Calls about a row: each reply as it came, and its request rendered again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from pyspark.sql import functions as f

from jobs.ask import subject_of
from jobs.run import Options
from jobs.tables import Tables
from jobs.wanted import answers
from schemas.config import Engine, Sampling
from schemas.enums import PairKind, Purpose
from schemas.errors import PipelineError
from udfs.prompts import Prompt, load_prompts
from udfs.render.keys import Target
from udfs.request import Request
from udfs.sample import Picture, Subject
from udfs.visit import render


@dataclass(frozen=True)
class Message:
    """One message of a request; pictures by their hash."""

    role: str
    text: str
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """One engine call about the row: the request rendered again, and the reply as it came."""

    purpose: str
    call_key: str
    status: str
    model: str
    prompt: str
    reply: str
    label_probs: Mapping[str, float]
    tokens: str
    messages: tuple[Message, ...] = ()
    rendering: str = ""
    """Whether the request rendered again is the one that was sent, or why it cannot be rendered."""


def calls_about(tables: Tables, options: Options, facts: Mapping[str, Any]) -> list[Call]:
    """Calls about the row in the order of the pipeline: rewrite, judge, score."""
    mine = f.col("subject_id") == facts["subject_id"]
    if facts["kind"] == PairKind.REWRITTEN.value:
        mine = mine | (f.col("call_key") == facts["call_key"])
    else:
        mine = mine & (f.col("purpose") != Purpose.REWRITE.value)
    mine = mine & f.col("purpose").isNotNull()
    rows = [row.asDict(recursive=True) for row in answers(tables).where(mine).collect()]
    rows.sort(key=lambda row: (list(Purpose).index(Purpose(row["purpose"])), row["call_key"]))
    if not rows:
        return []
    sample = tables.read("samples").where(f.col("sample_id") == facts["sample_id"]).collect()[0].asDict(recursive=True)
    pictures = _pictures(tables, sample["media"])
    return [_call(tables, options, row, _subject(row, sample, facts), pictures) for row in rows]


def _subject(row: Mapping[str, Any], sample: Mapping[str, Any], facts: Mapping[str, Any]) -> Subject:
    """What the call was about: the sample, or the pair made from it."""
    about = {**sample, "subject_id": row["subject_id"]}
    if row["subject_id"] == facts["pair_id"]:
        about["conversation"] = facts["after"]
    return subject_of(about)


def _pictures(tables: Tables, media: Sequence[str]) -> dict[str, list[Picture]]:
    stored = tables.read("media_bytes").where(f.col("media_id").isin(list(media)))
    found: dict[str, list[Picture]] = {}
    for row in stored.select("media_id", "sha256", "format", "data", "part").orderBy("media_id", "part").collect():
        found.setdefault(row["media_id"], []).append(Picture(row["sha256"], row["format"], bytes(row["data"])))
    return found


def _call(
    tables: Tables, options: Options, row: Mapping[str, Any], subject: Subject, pictures: Mapping[str, list[Picture]]
) -> Call:
    kinds = ("prompt_tokens", "cached_tokens", "completion_tokens")
    call = Call(
        *(row["purpose"], row["call_key"], row["status"], f"{row['model']} ({row['revision']})"),
        prompt=row["prompt_version"],
        reply=row["reply"] or "",
        label_probs={k: round(v, 6) for k, v in sorted(dict(row["label_probs"] or {}).items())},
        tokens=", ".join(f"{row[kind]:,} {kind.split('_')[0]}" for kind in kinds if row[kind] is not None),
    )
    prompt = _prompt(tables, options, row["prompt_version"])
    if prompt is None:
        return replace(call, rendering="the prompt's text is neither in the tables nor in the package")
    try:
        request = render(Purpose(row["purpose"]), subject, prompt, _target(options, row, subject), pictures)
    except (PipelineError, AssertionError, ValidationError, ValueError) as error:
        return replace(call, prompt=f"{prompt.name} {call.prompt}", rendering=f"it cannot be rendered again: {error}")
    same = request.request_hash == row["request_hash"]
    told = "rendered again: equal to what was sent, byte for byte" if same else (
        "rendered again, but not what was sent: the model's limits or the package's rendering differ from then"
    )  # fmt: skip
    return replace(call, prompt=f"{prompt.name} {call.prompt}", messages=_messages(request), rendering=told)


def _prompt(tables: Tables, options: Options, version: str) -> Prompt | None:
    kept = tables.read("prompts").where(f.col("prompt_version") == version).first()
    if kept is not None:
        return Prompt.model_validate_json(kept["text"])
    return next((p for p in load_prompts(options.prompts).values() if p.version == version), None)


def _target(options: Options, row: Mapping[str, Any], subject: Subject) -> Target:
    """The model as it was asked; its limits are the configuration's, since calls do not keep them."""
    sampling = {k: v for k, v in json.loads(row["sampling"] or "{}").items() if k != "labels"}
    default = Engine(name="unknown", model=row["model"], revision=row["revision"], roles=())
    engine = next((e for e in options.config.engines if e.model == row["model"]), default)
    media = options.config.media
    return Target(
        model=row["model"],
        revision=row["revision"],
        sampling=Sampling.model_validate(sampling),
        vision=bool(row["pictures"]) or (bool(subject.media) and not row["text_evidence"]),
        max_pictures=engine.max_pictures,
        max_model_len=engine.max_model_len,
        picture_recipe=f"px{media.model_max_pixels}-frames{media.video_frames}",
    )


def _messages(request: Request) -> tuple[Message, ...]:
    said = []
    for message in json.loads(request.body)["messages"]:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        texts = "\n".join(part["text"] for part in parts if part["type"] == "text")
        said.append(Message(message["role"], texts, tuple(p["uuid"] for p in parts if p["type"] == "image_url")))
    return tuple(said)
