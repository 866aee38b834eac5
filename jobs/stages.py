"""A run: what all stages share, and how each is counted into `runs`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from jobs.candidates import ACCEPTED
from jobs.engines import Engines
from jobs.progress import Progress
from jobs.tables import Tables
from jobs.wanted import ANSWERED, answers
from schemas.config import Config
from schemas.enums import Purpose

OWN_PURPOSES = {
    "rewrite": (Purpose.REWRITE.value,),
    "judge": (Purpose.JUDGE.value, Purpose.SCORE.value),
    "try": (Purpose.REWRITE.value, Purpose.JUDGE.value),
}
"""Purposes of the calls that a stage wants; a rewrite's visit asks others on the way."""


@dataclass
class StageCount:
    """What one stage took, gave and paid."""

    stage: str
    started: datetime
    ended: datetime | None = None
    wanted: int = 0
    rows_in: int = 0
    rows_out: int = 0
    rejects: dict[str, int] = field(default_factory=dict)
    calls_new: int = 0
    calls_reused: int = 0
    calls_failed: int = 0
    unanswered: int = 0
    """Calls that an engine would have been asked, had there been one."""
    tokens: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return ((self.ended or datetime.now(UTC)) - self.started).total_seconds()

    def count_wanted(self, run: "Run", wanted: DataFrame, asked: bool) -> None:
        """Calls that this stage wants; where no engine is asked, those that nobody answered are told apart."""
        if asked:
            self.wanted = wanted.count()
            return
        known = answers(run.tables).select("call_key", f.lit(True).alias("answered"))
        found = wanted.join(known, "call_key", "left").agg(f.count("answered"), f.count_if(f.col("answered").isNull()))
        self.wanted, self.unanswered = found.collect()[0]

    def count_calls(self, run: "Run") -> None:
        """Calls that this stage paid for since it began, and those that it did not have to pay for."""
        mine = run.tables.read("calls").where((f.col("run_id") == run.run_id) & (f.col("at") >= f.lit(self.started)))
        paid = ~f.col("replayed")
        row = mine.agg(
            f.count_if(paid & f.col("status").isin(*ANSWERED)),
            f.count_if(f.col("replayed")),
            f.count_if(~f.col("status").isin(*ANSWERED)),
            *(f.sum(f.when(paid, f.col(f"{kind}_tokens"))) for kind in ("prompt", "cached", "completion")),
        ).collect()[0]
        self.calls_new, replayed, self.calls_failed = row[0], row[1], row[2]
        asked = mine.where(f.col("purpose").isin(*OWN_PURPOSES[self.stage])).select("call_key").distinct().count()
        self.calls_reused = replayed + max(0, self.wanted - asked)
        self.tokens = dict(zip(("prompt", "cached", "completion"), (int(n or 0) for n in row[3:]), strict=True))

    def take(self, tables: Tables, run_id: str) -> None:
        """Numbers of a stage that writes its own row in `runs`."""
        mine = (f.col("run_id") == run_id) & (f.col("stage") == self.stage)
        row = tables.read("runs").where(mine).orderBy(f.desc("ended")).first()
        if row is not None:
            self.rows_in, self.rows_out = row["rows_in"], row["rows_out"]
            self.facts = json.loads(row["facts"])
            for kind, reasons in self.facts["candidates"].items():
                self.rejects |= {f"{kind} {why}": number for why, number in reasons.items() if why != ACCEPTED}
            self.rejects |= {f"over {rule}": number for rule, number in self.facts["left_out"].items()}

    def row(self, run_id: str) -> dict[str, Any]:
        """As `runs` keeps it."""
        calls = {"tokens": self.tokens, "failed": self.calls_failed, "unanswered": self.unanswered}
        facts = {"rejects": self.rejects, **calls, **self.facts}
        return {
            "run_id": run_id,
            "stage": self.stage,
            "started": self.started,
            "ended": datetime.now(UTC),
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "rejected": sum(self.rejects.values()),
            "calls_new": self.calls_new,
            "calls_reused": self.calls_reused,
            "facts": json.dumps(facts, default=str),
        }


@dataclass(frozen=True)
class Run:
    """One execution of one or more stages."""

    run_id: str
    config: Config
    tables: Tables
    engines: Engines
    progress: Progress

    @contextmanager
    def stage(self, name: str) -> Iterator[StageCount]:
        """Counts a stage; its row in `runs` is written when the body ends without an error."""
        count = StageCount(name, datetime.now(UTC))
        yield count
        count.ended = datetime.now(UTC)
        self.tables.append_rows("runs", [count.row(self.run_id)])

    @contextmanager
    def stage_clock(self, name: str) -> Iterator[StageCount]:
        """Times a stage that writes its own row."""
        count = StageCount(name, datetime.now(UTC))
        yield count
        count.ended = datetime.now(UTC)

    def record_prompts(self, wanted: DataFrame) -> None:
        """Keeps the text of every prompt that a run is about to use for the first time."""
        versions = {row[0] for row in wanted.select("prompt_version").distinct().collect()}
        if self.config.judging.judges:
            versions |= {self.engines.prompt(judge.prompt).version for judge in self.config.judging.judges}
            versions |= {prompt.version for prompt in self.engines.score_prompts}
        known = {row[0] for row in self.tables.read("prompts").select("prompt_version").collect()}
        now = datetime.now(UTC)
        prompts = [self.engines.by_version[version] for version in sorted(versions - known)]
        self.tables.append_rows(
            "prompts",
            [
                {
                    "prompt_version": prompt.version,
                    "name": prompt.name,
                    "purpose": prompt.purpose.value,
                    "text": prompt.text,
                    "first_used": now,
                    "run_id": self.run_id,
                }
                for prompt in prompts
            ],
        )
