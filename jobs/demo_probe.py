"""Can the demo's judge tell right from wrong? Planted answers of both kinds, asked like all others."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean

from pyspark.sql import functions as f

from jobs.corpus.item import Probe
from jobs.corpus.judge_probe import probes
from jobs.demo_ledger import Ledger, replies
from jobs.stages import Run
from jobs.wanted import answers, scoring_judge
from schemas.enums import Modality, Purpose, Role, Verdict
from udfs.engine.client import EngineClient
from udfs.engine.settings import EngineSettings
from udfs.ids import pair_id
from udfs.parse import parse_verdict
from udfs.render import render_judge
from udfs.render.keys import LABEL_SAMPLING
from udfs.sample import Evidence, Subject, Turn
from udfs.visit import Asking, Row, Task, Visit, ask_visit


@dataclass(frozen=True)
class ProbeResult:
    """What the judge said of planted answers; equal means: it cannot tell right from wrong."""

    right: int
    wrong: int
    parsed: int
    p_yes_right: float
    p_yes_wrong: float
    calls: tuple[str, ...] = field(default=(), repr=False)
    """Keys of the calls that it took."""


def ask_probes(run: Run, ledger: Ledger | None = None) -> ProbeResult:
    """Planted right and wrong answers, judged by the judge that decides; replies are kept like all others."""
    judge = scoring_judge(run.engines)
    version = run.engines.prompt(judge.prompt).version
    target = run.engines.target(judge.engine, LABEL_SAMPLING)
    asking = Asking(run.run_id, run.engines.by_version, target)
    planted = probes()
    keys = [render_judge(_subject(probe), run.engines.by_version[version], target, {}).call_key for probe in planted]
    known = answers(run.tables).where(f.col("call_key").isin(keys)).select("call_key", "label_probs", "reply")
    rows = {row["call_key"]: row.asDict() for row in known.collect()}
    pairs = zip(keys, planted, strict=True)
    visits = [Visit({}, (Task(Purpose.JUDGE, version, _subject(one)),)) for key, one in pairs if key not in rows]
    if visits:
        engine = run.engines.settings[judge.engine]
        asked = replies(ledger, visits, asking) if ledger else asyncio.run(_ask(engine, visits, asking))
        run.tables.append_rows("calls", asked)
        rows |= {row["call_key"]: row for row in asked}
    least = run.config.judging.min_label_mass
    told = [
        (probe, parse_verdict(dict(rows[key]["label_probs"]), rows[key]["reply"], least))
        for key, probe in zip(keys, planted, strict=True)
        if key in rows
    ]

    def average(right: bool) -> float:
        values = [one.p_yes for probe, one in told if probe.right is right and one.p_yes is not None]
        return mean(values) if values else float("nan")

    parsed = sum(one.verdict is not Verdict.UNPARSED for _, one in told)
    right = sum(probe.right for probe in planted)
    return ProbeResult(right, len(planted) - right, parsed, average(True), average(False), tuple(keys))


async def _ask(settings: EngineSettings, visits: Sequence[Visit], asking: Asking) -> list[Row]:
    async with EngineClient.connect(settings) as client:
        done = await asyncio.gather(*(ask_visit(client, visit, asking) for visit in visits))
    return [row for rows in done for row in rows]


def _subject(probe: Probe) -> Subject:
    turns = (Turn(Role.USER, probe.question), Turn(Role.ASSISTANT, probe.answer))
    key = pair_id((), probe.question, probe.answer)
    evidence = Evidence("context", probe.evidence)
    return Subject(key, "probe", probe.category, Modality.TEXT.value, (), turns, None, evidence)
