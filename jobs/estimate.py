"""What planned calls would take: tokens, GPU-hours and money, from what earlier calls of the same model took."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import functions as f

from jobs.plan import PlannedCalls
from jobs.stages import Run
from jobs.wanted import ANSWERED, scoring_judge
from schemas.config import Engine
from schemas.enums import EngineKind, Purpose

LABELS = (Purpose.JUDGE.value, Purpose.SCORE.value)


@dataclass(frozen=True)
class Rate:
    """Means over the paid calls of one model and purpose."""

    calls: int
    prompt_tokens: float
    completion_tokens: float
    latency_s: float


@dataclass(frozen=True)
class Estimate:
    """Calls of one purpose to one engine, and what they would take; None: not known yet."""

    engine: str
    model: str
    purpose: str
    wanted: int
    answered: int
    new: int
    """Known and not answered."""
    follow: int
    """Verdicts and scores of pairs that do not exist yet: one pair a rewrite, or as many as were measured."""
    prompt_tokens: int
    completion_tokens: int
    measured: int
    """Calls that the rates come from; 0: four characters a token, and replies as long as sampling allows."""
    gpu_hours: float | None
    """With the window full; none for an endpoint, whose GPUs are not ours."""
    cost: float | None


def estimate(run: Run, planned: Sequence[PlannedCalls]) -> list[Estimate]:
    """The planned calls with those that follow from them."""
    rates = _rates(run)
    calls = {(call.engine, call.purpose): call for call in planned}
    follow = _followers(run, planned)
    rows = []
    for engine, purpose in sorted({*calls, *follow}):
        call = calls.get((engine, purpose)) or PlannedCalls(engine, run.engines.engine(engine).model, purpose, 0, 0, 0)
        rows.append(_estimate(run, call, follow.get((engine, purpose), 0), rates.get((engine, purpose))))
    return rows


def _rates(run: Run) -> dict[tuple[str, str], Rate]:
    """By engine and purpose, over every paid call of the engine's model and revision."""
    paid = run.tables.read("calls").where(~f.col("replayed") & f.col("status").isin(*ANSWERED))
    means = (f.avg(column) for column in ("prompt_tokens", "completion_tokens", "latency_s"))
    rows = paid.groupBy("model", "revision", "purpose").agg(f.count("*"), *means).collect()
    found = {(row[0], row[1], row[2]): Rate(row[3], *(float(value or 0) for value in row[4:])) for row in rows}
    named = {name: (settings.engine.model, settings.revision) for name, settings in run.engines.settings.items()}
    return {
        (engine, purpose): found[model, revision, purpose]
        for engine, (model, revision) in named.items()
        for purpose in (item.value for item in Purpose)
        if (model, revision, purpose) in found
    }


def _followers(run: Run, planned: Sequence[PlannedCalls]) -> Mapping[tuple[str, str], int]:
    """Verdicts and scores that new rewrites will bring."""
    rewrites = sum(call.new for call in planned if call.purpose == Purpose.REWRITE.value)
    if not rewrites:
        return {}
    judging = run.config.judging
    pairs = rewrites * _pairs_per_rewrite(run)
    found: dict[tuple[str, str], int] = {}
    for judge in judging.judges:
        place = (judge.engine, Purpose.JUDGE.value)
        found[place] = found.get(place, 0) + math.ceil(pairs)
    scores = math.ceil(pairs * judging.score_share) * len(run.engines.score_prompts)
    return {**found, (scoring_judge(run.engines).engine, Purpose.SCORE.value): scores}


def _pairs_per_rewrite(run: Run) -> float:
    rewritten = run.tables.read("rewritten")
    row = rewritten.agg(f.count_if(f.col("position") >= 0), f.count_distinct("call_key")).collect()[0]
    return float(row[0]) / row[1] if row[1] else 1.0


def _estimate(run: Run, call: PlannedCalls, follow: int, rate: Rate | None) -> Estimate:
    engine = run.engines.engine(call.engine)
    calls = call.new + follow
    if rate is not None:
        prompt, completion = calls * rate.prompt_tokens, calls * rate.completion_tokens
    else:
        each = call.prompt_tokens / call.wanted if call.wanted else 0.0
        longest = 1 if call.purpose in LABELS else run.config.rewriting.sampling.max_tokens
        prompt, completion = calls * each, float(calls * longest)
    hours = gpu_hours(engine, calls * rate.latency_s) if rate else None
    return Estimate(
        call.engine, call.model, call.purpose, call.wanted, call.answered, call.new, follow,
        round(prompt), round(completion), rate.calls if rate else 0, hours, money(engine, prompt, completion, hours),
    )  # fmt: skip


def gpu_hours(engine: Engine, seconds: float) -> float | None:
    """Of calls that took so many seconds in all: each holds one place of the window, the engine all of its GPUs."""
    if engine.kind is EngineKind.ENDPOINT:
        return None
    return seconds / engine.window * engine.gpus_per_engine / 3600


def money(engine: Engine, prompt: float, completion: float, hours: float | None) -> float | None:
    """At the engine's price; None where none is set."""
    price = engine.price
    if price.gpu_hour is not None and hours is not None:
        return hours * price.gpu_hour
    if price.million_prompt_tokens is None or price.million_completion_tokens is None:
        return None
    return (prompt * price.million_prompt_tokens + completion * price.million_completion_tokens) / 1e6
