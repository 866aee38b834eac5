"""The verdict: every rule of every suite, judged on one pinned version; our own row in `gates` decides."""

import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pyspark.sql import functions as f

from jobs.candidates import Intake
from jobs.gate.counted import count_lineage, count_media, count_sources, count_stages
from jobs.gate.decoding import count_undecodable
from jobs.gate.measure import measure_columns, measure_keys, measure_rows
from jobs.gate.subject import Candidate, Counted, Numbers, Outcome, Subject, shorten, subject_of
from jobs.gate.validate import load_library, validate
from jobs.tables import Tables
from jobs.together import ask_together
from schemas.config import Config, ThresholdKind
from schemas.errors import GateError
from schemas.expectations import Suite
from schemas.suites import Expected, suites

Measure = Callable[[Subject, Mapping[str, Suite]], Numbers]

MEASURES: Mapping[str, Measure] = {
    "columns": measure_columns,
    "rows": measure_rows,
    "keys": measure_keys,
    "sources": lambda subject, _: count_sources(subject),
    "stages": lambda subject, _: count_stages(subject),
    "lineage": lambda subject, _: count_lineage(subject),
    "media": lambda subject, _: count_media(subject),
    "decoding": lambda subject, _: count_undecodable(subject),
}


@dataclass(frozen=True)
class Verdict:
    """What the gate says about a candidate."""

    gate_id: str
    success: bool
    outcomes: tuple[Outcome, ...]


def judge_subject(subject: Subject, measures: Mapping[str, Measure] = MEASURES) -> tuple[Outcome, ...]:
    """An outcome for each rule; what raises has failed, and so have the rules that it should have counted for."""
    candidate = subject.candidate
    least = subject.config.publishing.threshold
    threshold = least.value if least.kind is ThresholdKind.ABSOLUTE else 0.0
    expected = Expected(candidate.release_id, candidate.rows, subject.kappa is not None, threshold)
    wanted = suites(subject.config.gate, expected)
    numbers: dict[tuple[str, str], Counted] = {}
    outcomes = []

    def counted(name: str, measure: Measure) -> Numbers | Outcome:
        try:
            return measure(subject, wanted)
        except Exception as error:  # noqa: BLE001 - whatever stops a measure must stop the release
            return _raised(name, error)

    questions: dict[str, Callable[[], Numbers | Outcome]] = {"library": _loaded}
    questions |= {name: partial(counted, name, measure) for name, measure in measures.items()}
    for found in ask_together(subject.frames["instruct"].sparkSession, questions).values():
        if isinstance(found, Outcome):
            outcomes.append(found)
        else:
            numbers |= found
    try:
        outcomes += validate(wanted, numbers)
    except Exception as error:  # noqa: BLE001 - the same
        outcomes.append(_raised("validation", error))
    return tuple(outcomes)


def _loaded() -> Numbers:
    with suppress(Exception):  # validate meets it too, and tells
        load_library()
    return {}


def _raised(name: str, error: Exception) -> Outcome:
    said = f"{type(error).__name__}: {shorten(error)}"
    return Outcome(name, False, f"raised {said}", "a measure that ends", next_step="mend what it names, publish again")


def run_gate(tables: Tables, candidate: Candidate, config: Config, intake: Intake) -> Verdict:
    """Judges the candidate and appends the verdict to `gates`; GateError when it cannot be stored and read back."""
    outcomes = judge_subject(subject_of(tables, candidate, config, intake))
    success = bool(outcomes) and all(outcome.success for outcome in outcomes)
    verdict = Verdict(uuid.uuid4().hex, success, outcomes)
    try:
        _store(tables, candidate, verdict)
    except Exception as error:
        raise GateError(
            f"the verdict on {candidate.table} version {candidate.version} could not be stored: {shorten(error)}",
            "make table gates writable and publish again; the previous release stands",
        ) from error
    return verdict


def _store(tables: Tables, candidate: Candidate, verdict: Verdict) -> None:
    row: dict[str, Any] = {
        "gate_id": verdict.gate_id,
        "run_id": candidate.run_id,
        "table": candidate.table,
        "table_version": candidate.version,
        "success": verdict.success,
        "rows": candidate.rows,
        "expectations": [{**asdict(outcome), "examples": list(outcome.examples)} for outcome in verdict.outcomes],
        "at": datetime.now(UTC),
    }
    tables.append_rows("gates", [row])
    kept = tables.read("gates").where(f.col("gate_id") == verdict.gate_id).select("success").collect()
    if [item["success"] for item in kept] != [verdict.success]:
        raise GateError(f"table gates gives back {kept} for verdict {verdict.gate_id}")


def refuse(verdict: Verdict) -> None:
    """Raises GateError that names each failed rule, what was found, the band and the next step, unless all held."""
    failed = [outcome for outcome in verdict.outcomes if not outcome.success]
    if verdict.success and not failed:
        return
    lines = [
        f"{outcome.name}: saw {outcome.observed}; allowed {outcome.allowed}"
        + "".join(f"\n      e.g. {example}" for example in outcome.examples)
        + (f"\n      next: {outcome.next_step}" if outcome.next_step else "")
        for outcome in failed
    ]
    raise GateError(
        f"the gate refused the release; nothing was published (verdict {verdict.gate_id}):\n    "
        + "\n    ".join(lines),
        "docs/gates.md explains each rule; `mammoth-vl sql` of view gate_results shows all; the candidate stays in"
        " table _staged_instruct",
    )
