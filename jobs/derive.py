"""Row code that derives `rewritten` and `judged` from replies; a parser fix re-derives them without an engine."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from jobs.ask import subject_of
from jobs.normalise.staged import Batches
from schemas.columns import CHECKS, DOUBLE, STRING
from schemas.enums import CallStatus, Purpose
from schemas.tables import REWRITTEN
from udfs.checks import run_checks
from udfs.ids import clean, digest, field, judge_id
from udfs.parse import Pair, parse_rewrite, parse_score, parse_verdict
from udfs.prompts import Prompt
from udfs.request import Reply
from udfs.sample import Subject
from udfs.visit import pair_subject

Row = dict[str, Any]

READ = pa.schema(
    [
        ("subject_id", STRING),
        ("sample_id", STRING),
        ("source_id", STRING),
        ("subject_kind", STRING),
        ("purpose", STRING),
        ("prompt_version", STRING),
        ("judge_id", STRING),
        ("call_key", STRING),
        ("p_yes", DOUBLE),
        ("label_mass", DOUBLE),
        ("verdict", STRING),
        ("score", DOUBLE),
        ("checks", CHECKS),
    ]
)
"""Verdicts and scores, one row per reply, before they are put together by subject."""


def reply_of(row: Row) -> Reply:
    """The stored reply as parsers want it."""
    return Reply(
        status=CallStatus(row["status"]),
        text=row["reply"],
        label_probs=dict(row["label_probs"] or []),
        finish_reason=row["finish_reason"],
    )


def parse_replies(batches: Iterable[pa.RecordBatch], prompts: Mapping[str, Prompt]) -> Iterator[pa.RecordBatch]:
    """Rewrite replies with their subjects to rows of `rewritten`."""
    out = Batches(REWRITTEN.arrow)
    for row in (row for batch in batches for row in batch.to_pylist()):
        subject = subject_of(row["subject"] | {"subject_id": row["subject_id"], "sample_id": row["sample_id"]})
        prompt = prompts[row["prompt_version"]]
        parsed = parse_rewrite(prompt, subject, reply_of(row))
        head = {
            "sample_id": row["sample_id"],
            "content_id": row["subject_id"],
            "source_id": row["source_id"],
            "call_key": row["call_key"],
            "parse_status": parsed.status.value,
            "text_evidence": bool(row["text_evidence"]),
        }
        for position, pair in enumerate(parsed.pairs):
            yield from out.add(head | {"position": position} | _pair_row(subject, pair, prompt))
        if not parsed.pairs:
            nothing = {"pair_id": digest([field("no pair"), field(row["call_key"])]), "position": -1, "task_type": None}
            empty = {"instruction": "", "response": "", "conversation": [], "checks": dict.fromkeys(CHECK_NAMES)}
            yield from out.add(head | nothing | empty)
    yield from out.flush()


CHECK_NAMES = tuple(column.name for column in CHECKS)


def _pair_row(subject: Subject, pair: Pair, prompt: Prompt) -> Row:
    return {
        "pair_id": pair_subject(subject, pair).subject_id,
        "task_type": pair.task_type,
        "instruction": clean(pair.instruction),
        "response": clean(pair.response),
        "conversation": [{"role": turn.role.value, "text": turn.text} for turn in pair.turns],
        "checks": asdict(run_checks(subject, pair, prompt)),
    }


def read_labels(batches: Iterable[pa.RecordBatch], min_label_mass: float) -> Iterator[pa.RecordBatch]:
    """Judge and score replies with their subjects to rows of READ."""
    out = Batches(READ)
    for row in (row for batch in batches for row in batch.to_pylist()):
        subject = subject_of(row["subject"] | {"subject_id": row["subject_id"], "sample_id": row["sample_id"]})
        reply = reply_of(row)
        read = {name: row[name] for name in ("subject_id", "sample_id", "source_id", "subject_kind", "call_key")}
        read |= {"purpose": row["purpose"], "prompt_version": row["prompt_version"], "score": None}
        read |= {"p_yes": None, "label_mass": None, "verdict": None}
        if row["purpose"] == Purpose.JUDGE.value:
            found = parse_verdict(reply.label_probs, reply.text, min_label_mass)
            read |= {"p_yes": found.p_yes, "label_mass": found.label_mass, "verdict": found.verdict.value}
        else:
            read["score"] = parse_score(reply.label_probs, reply.text)
        read["judge_id"] = judge_id(row["prompt_version"], row["model"], row["revision"], row["sampling"])
        read["checks"] = row["checks"] or asdict(run_checks(subject, subject, None))
        yield from out.add(read)
    yield from out.flush()
