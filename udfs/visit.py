"""A visit: one picture (or ordered set, or one text sample) and everything that is asked about it at once."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from schemas.enums import CallStatus, Purpose
from udfs.ids import pair_id
from udfs.parse import Pair, parse_rewrite
from udfs.prompts import Prompt
from udfs.render import RENDER_VERSION, Pictures, Target, render_judge, render_rewrite, render_score, sampling_json
from udfs.render.keys import LABEL_SAMPLING
from udfs.request import Reply, Request
from udfs.sample import Subject

Row = dict[str, Any]


class Asker(Protocol):
    """Whatever answers requests: the engine client, or a test."""

    async def ask(self, request: Request) -> Reply:
        """One reply for one request; failures are replies too."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to ask about a subject."""

    purpose: Purpose
    prompt_version: str
    subject: Subject


@dataclass(frozen=True, slots=True)
class Visit:
    """Tasks that share their pictures."""

    pictures: Pictures
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Asking:
    """What a visit knows beside its tasks."""

    run_id: str
    prompts: Mapping[str, Prompt]
    """By version."""
    target: Target
    judge_prompts: tuple[str, ...] = ()
    """Versions of the judge prompts that are asked at once about every pair; empty: judging is another pass."""
    score_prompts: tuple[str, ...] = ()
    score_share: float = 0.0


def scored(subject_id: str, share: float) -> bool:
    """Whether a subject belongs to the share that gets scores; SQL computes the same from the id."""
    return int(subject_id[:8], 16) < share * 2**32


def pair_subject(subject: Subject, pair: Pair) -> Subject:
    """A pair as something that can be judged."""
    return Subject(
        subject_id=pair_id(subject.media, pair.instruction, pair.response),
        sample_id=subject.sample_id,
        category=subject.category,
        modality=subject.modality,
        media=subject.media,
        turns=pair.turns,
        gold_answer=subject.gold_answer,
        evidence=subject.evidence,
    )


async def ask_visit(asker: Asker, visit: Visit, asking: Asking) -> list[Row]:
    """All replies of a visit as rows of `calls`; a rewrite is judged and scored while its picture is cached."""
    done = await asyncio.gather(*(_ask_task(asker, task, visit.pictures, asking) for task in visit.tasks))
    return [row for rows in done for row in rows]


async def _ask_task(asker: Asker, task: Task, pictures: Pictures, asking: Asking) -> list[Row]:
    prompt = asking.prompts[task.prompt_version]
    request = render(task.purpose, task.subject, prompt, asking.target, pictures)
    reply = await asker.ask(request)
    rows = [call_row(request, reply, asking)]
    if task.purpose is Purpose.REWRITE and reply.status in (CallStatus.OK, CallStatus.LENGTH):
        subjects = [pair_subject(task.subject, pair) for pair in parse_rewrite(prompt, task.subject, reply).pairs]
        follow = [item for subject in subjects for item in follow_ups(subject, asking)]
        done = await asyncio.gather(*(_ask_task(asker, item, pictures, asking) for item in follow))
        rows += [row for more in done for row in more]
    return rows


def follow_ups(subject: Subject, asking: Asking) -> list[Task]:
    """What is asked about a pair right after it was written."""
    tasks = [Task(Purpose.JUDGE, version, subject) for version in asking.judge_prompts]
    if scored(subject.subject_id, asking.score_share):
        tasks += [Task(Purpose.SCORE, version, subject) for version in asking.score_prompts]
    return tasks


def render(purpose: Purpose, subject: Subject, prompt: Prompt, target: Target, pictures: Pictures) -> Request:
    """The request for a purpose."""
    renderers = {Purpose.REWRITE: render_rewrite, Purpose.JUDGE: render_judge, Purpose.SCORE: render_score}
    return renderers[purpose](subject, prompt, target, pictures)


def call_row(request: Request, reply: Reply, asking: Asking) -> Row:
    """One reply as `calls` keeps it."""
    labels = request.labels
    sampling = LABEL_SAMPLING if labels else asking.target.sampling
    return {
        "call_key": request.call_key,
        "attempt": 1,
        "purpose": request.purpose.value,
        "subject_id": request.subject_id,
        "sample_id": request.sample_id,
        "prompt_version": request.prompt_version,
        "render_version": RENDER_VERSION,
        "model": asking.target.model,
        "revision": asking.target.revision,
        "sampling": sampling_json(sampling, labels),
        "status": reply.status.value,
        "error": reply.error,
        "reply": reply.text,
        "label_probs": list(reply.label_probs.items()),
        "finish_reason": reply.finish_reason,
        "prompt_tokens": reply.prompt_tokens,
        "cached_tokens": reply.cached_tokens,
        "completion_tokens": reply.completion_tokens,
        "latency_s": reply.latency_s,
        "request_hash": request.request_hash,
        "pictures": list(request.pictures),
        "text_evidence": request.text_evidence,
        "replayed": reply.replayed,
        "engine": reply.engine,
        "run_id": asking.run_id,
        "at": datetime.now(UTC),
    }
