"""Prompts tried on a few samples of one source: before and after. No release, no table but the logs.

Replies enter `calls` under the keys that the stages use, so that a run with the same prompt asks none of them again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from jobs.ask import subject_of
from jobs.derive import reply_of
from jobs.plan import PlannedCalls, planned_calls
from jobs.stages import Run, StageCount
from jobs.wanted import ANSWERED, SUBJECT, Ask, answers, present_samples, request, requests_for, scoring_judge
from jobs.waves import Waves
from schemas.columns import STRING
from schemas.columns import SUBJECT as SUBJECT_TYPE
from schemas.enums import Category, ParseStatus, Purpose, Role, Verdict
from schemas.errors import ConfigError, InputError
from udfs.checks import run_checks
from udfs.parse import parse_rewrite, parse_verdict
from udfs.prompts import Prompt
from udfs.sample import Subject, Turn
from udfs.visit import pair_subject

STAGE = "try"
PAIR_SUBJECT = pa.schema([("subject_id", STRING), ("sample_id", STRING), *SUBJECT_TYPE])
RECORDS = (
    "prompt string, sample_id string, status string, question_before string, answer_before string, "
    "question_after string, answer_after string, task_type string, verdict string, p_yes double, "
    "failed_checks array<string>, detail string, call_key string"
)
"""What `Trial.records` become in a DataFrame."""


@dataclass(frozen=True)
class TriedPair:
    """One pair of a reply, with what judge and checks say."""

    pair_id: str
    task_type: str | None
    turns: tuple[Turn, ...]
    checks: Mapping[str, bool | None]
    verdict: Verdict | None = None
    p_yes: float | None = None
    label_mass: float | None = None


@dataclass(frozen=True)
class Tried:
    """What one prompt made of one sample."""

    prompt: str
    prompt_version: str
    subject: Subject
    call_key: str
    status: str
    """A parse status, or the call's own where there is no reply."""
    detail: str
    reply: str
    pairs: tuple[TriedPair, ...] = ()


@dataclass(frozen=True)
class Trial:
    """All prompts on all samples; samples in order of their hash, prompts as they were named."""

    source_id: str
    prompts: tuple[Prompt, ...]
    rows: tuple[Tried, ...]
    count: StageCount

    def records(self) -> list[dict[str, Any]]:
        """Flat: one record for each pair, and one for each reply without any; columns as in RECORDS."""
        return [record for row in self.rows for record in _records(row)]

    def summary(self) -> list[dict[str, Any]]:
        """One row per prompt."""
        return [self._sum(prompt) for prompt in self.prompts]

    def _sum(self, prompt: Prompt) -> dict[str, Any]:
        rows = [row for row in self.rows if row.prompt_version == prompt.version]
        pairs = [pair for row in rows for pair in row.pairs]
        told = [pair.p_yes for pair in pairs if pair.p_yes is not None]
        words = [len(turn.text.split()) for pair in pairs for turn in pair.turns if turn.role is Role.ASSISTANT]
        return {
            "prompt": prompt.name,
            "samples": len(rows),
            "parsed": sum(row.status == ParseStatus.OK for row in rows),
            "pairs": len(pairs),
            "checks_failed": sum(any(held is False for held in pair.checks.values()) for pair in pairs),
            "judged_yes": sum(pair.verdict is Verdict.YES for pair in pairs),
            "mean_p_yes": round(sum(told) / len(told), 3) if told else None,
            "words_after": round(sum(words) / len(words), 1) if words else None,
        }


def try_prompts(run: Run, prompts: Sequence[Prompt], source_id: str, n: int) -> Trial:
    """Asks each prompt about the same `n` samples, and the deciding judge about what comes back."""
    run = _prepared(run, prompts)
    with run.stage(STAGE) as count:
        wanted = trial_requests(run, prompts, source_id, n)
        rows = wanted.select("call_key", "prompt_version", "subject_id", "sample_id", "subject").collect()
        run.record_prompts(wanted)
        _spend(run, STAGE, wanted)
        replies = _replies(run, [row["call_key"] for row in rows])
        by_version = run.engines.by_version
        tried = [_read(row.asDict(recursive=True), by_version, replies[row["call_key"]]) for row in rows]
        tried = _judged(run, tried)
        count.rows_in, count.rows_out = len(rows), sum(len(row.pairs) for row in tried)
        count.wanted = count.rows_in + len({pair.pair_id for row in tried for pair in row.pairs})
        bad = [row.status for row in tried if row.status != ParseStatus.OK]
        count.rejects = {status: bad.count(status) for status in sorted(set(bad))}
        count.count_calls(run)
    order = {prompt.version: at for at, prompt in enumerate(prompts)}
    tried.sort(key=lambda row: (row.subject.subject_id, order[row.prompt_version]))
    return Trial(source_id, tuple(prompts), tuple(tried), count)


def plan_trial(run: Run, prompts: Sequence[Prompt], source_id: str, n: int) -> list[PlannedCalls]:
    """The rewrites that a trial would ask for; each pair that comes back costs a verdict more."""
    run = _prepared(run, prompts)
    return planned_calls(run, trial_requests(run, prompts, source_id, n))


def trial_requests(run: Run, prompts: Sequence[Prompt], source_id: str, n: int) -> DataFrame:
    """Rewrites of the `n` samples of lowest hash: those that a run with `rewriting.max_samples` begins with."""
    subjects = present_samples(run.tables).where(f.col("source_id") == source_id)
    subjects = subjects.orderBy("content_id").limit(n).localCheckpoint()
    first = subjects.select("category").first()
    if first is None:
        names = run.tables.read("samples").select("source_id").distinct().collect()
        there = ", ".join(sorted(row[0] for row in names)) or "none"
        raise InputError(
            f"no sample of source {source_id!r} with its pictures at hand in {run.tables.sql_name('samples')}",
            f"`mammoth-vl normalise --sources {source_id}` reads it; sources there: {there}",
        )
    engine = run.engines.rewriter(Category(first[0])).name
    asked = [request(Ask(Purpose.REWRITE, engine, prompt), run.engines) for prompt in prompts]
    return requests_for(subjects, asked, run.engines).dropDuplicates(["call_key"])


def _prepared(run: Run, prompts: Sequence[Prompt]) -> Run:
    """The run with the tried prompts at hand, and without scores, which nobody looks at here."""
    for prompt in prompts:
        if prompt.purpose is not Purpose.REWRITE:
            usable = [name for name, one in run.engines.prompts.items() if one.purpose is Purpose.REWRITE]
            raise ConfigError(
                f"prompt {prompt.name!r} is of purpose {prompt.purpose.value}; only rewrites can be tried",
                f"prompts: {', '.join(sorted(usable))}",
            )
    # By version: a prompt that is being tuned may still carry the name of the one that it was made from.
    known = {**run.engines.prompts, **{prompt.version: prompt for prompt in prompts}}
    judging = run.config.judging.model_copy(update={"score_share": 0.0})
    config = run.config.model_copy(update={"judging": judging})
    return replace(run, config=config, engines=replace(run.engines, config=config, prompts=known))


def _spend(run: Run, stage: str, wanted: DataFrame) -> None:
    Waves(run.tables, run.engines, run.run_id, stage, run.progress, at_once=True).spend(wanted)


def _replies(run: Run, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Rows of `calls` by key: the answered one where there is one, else what this run was told."""
    mine = f.col("call_key").isin(list(keys))
    failed = run.tables.read("calls").where(mine & (f.col("run_id") == run.run_id))
    failed = failed.where(~f.col("status").isin(*ANSWERED))
    found = [*failed.collect(), *answers(run.tables).where(mine).collect()]
    return {row["call_key"]: row.asDict(recursive=True) for row in found}


def _read(row: dict[str, Any], prompts: Mapping[str, Prompt], call: dict[str, Any]) -> Tried:
    subject = subject_of(row["subject"] | {"subject_id": row["subject_id"], "sample_id": row["sample_id"]})
    prompt = prompts[row["prompt_version"]]
    head = (prompt.name, prompt.version, subject, row["call_key"])
    if call["status"] not in ANSWERED:
        return Tried(*head, call["status"], call["error"] or "", "")
    parsed = parse_rewrite(prompt, subject, reply_of(call))
    pairs = (
        TriedPair(
            pair_subject(subject, pair).subject_id, pair.task_type, pair.turns,
            asdict(run_checks(subject, pair, prompt)),
        )
        for pair in parsed.pairs
    )  # fmt: skip
    return Tried(*head, parsed.status.value, parsed.detail, call["reply"] or "", tuple(pairs))


def _judged(run: Run, tried: Sequence[Tried]) -> list[Tried]:
    """With verdicts; those that the same visit could not give (another engine judges) are asked now."""
    subjects = [_pair_row(row, pair) for row in tried for pair in row.pairs]
    if not subjects:
        return list(tried)
    judge = scoring_judge(run.engines)
    frame = run.tables.spark.createDataFrame(pa.Table.from_pylist(subjects, schema=PAIR_SUBJECT))
    ask = Ask(Purpose.JUDGE, judge.engine, run.engines.prompt(judge.prompt))
    wanted = requests_for(frame, [request(ask, run.engines)], run.engines).dropDuplicates(["call_key"])
    wanted = wanted.localCheckpoint()
    _spend(run, f"{STAGE} judge", wanted)
    keys = {row["subject_id"]: row["call_key"] for row in wanted.select("subject_id", "call_key").collect()}
    replies = _replies(run, list(keys.values()))
    least = run.config.judging.min_label_mass

    def told(pair: TriedPair) -> TriedPair:
        call = replies[keys[pair.pair_id]]
        if call["status"] not in ANSWERED:
            return pair
        reply = reply_of(call)
        found = parse_verdict(reply.label_probs, reply.text, least)
        return replace(pair, verdict=found.verdict, p_yes=found.p_yes, label_mass=found.label_mass)

    return [replace(row, pairs=tuple(map(told, row.pairs))) for row in tried]


def _pair_row(row: Tried, pair: TriedPair) -> dict[str, Any]:
    proof = row.subject.evidence
    values = {
        "category": row.subject.category,
        "modality": row.subject.modality,
        "media": list(row.subject.media),
        "conversation": [{"role": turn.role.value, "text": turn.text} for turn in pair.turns],
        "gold_answer": row.subject.gold_answer,
        "evidence": proof and proof.text,
        "evidence_kind": proof and proof.kind,
    }
    assert tuple(values) == SUBJECT
    return {"subject_id": pair.pair_id, "sample_id": row.subject.sample_id, **values}


def _records(row: Tried) -> Iterator[dict[str, Any]]:
    head = {
        "prompt": row.prompt,
        "sample_id": row.subject.sample_id,
        "status": row.status,
        "question_before": row.subject.turns[0].text,
        "answer_before": row.subject.turns[1].text,
        "detail": row.detail or None,
        "call_key": row.call_key,
    }
    nothing = dict.fromkeys(("question_after", "answer_after", "task_type", "verdict", "p_yes"))
    if not row.pairs:
        yield {**head, **nothing, "failed_checks": []}
    for pair in row.pairs:
        yield {
            **head,
            "question_after": pair.turns[0].text,
            "answer_after": "\n".join(turn.text for turn in pair.turns[1:]),
            "task_type": pair.task_type,
            "verdict": pair.verdict and pair.verdict.value,
            "p_yes": pair.p_yes,
            "failed_checks": [name for name, held in pair.checks.items() if held is False],
        }
