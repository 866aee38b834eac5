"""The release gate: every expectation is evaluated on one pinned version, and our own row in `gates` decides."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import functions as F  # noqa: N812 - the name that every Spark user knows

from jobs.audit import CHECKS, Candidate, Check, Outcome, Subject, shorten
from jobs.candidates import Intake
from jobs.release import staged
from jobs.tables import Tables
from schemas.config import Config
from schemas.errors import GateError


@dataclass(frozen=True)
class Verdict:
    """What the gate says about a candidate."""

    gate_id: str
    success: bool
    outcomes: tuple[Outcome, ...]


def _run_check(name: str, check: Check, subject: Subject) -> list[Outcome]:
    """A check that raises or that says nothing has failed."""
    try:
        outcomes = list(check(subject))
    except Exception as error:  # noqa: BLE001 - whatever stops a check must stop the release
        return [Outcome(name, False, f"raised {type(error).__name__}: {shorten(error)}", "a check that ends")]
    return outcomes or [Outcome(name, False, "no outcome", "at least one expectation")]


def run_gate(
    tables: Tables, candidate: Candidate, config: Config, intake: Intake, checks: Mapping[str, Check] = CHECKS
) -> Verdict:
    """Evaluates all checks and appends the verdict to `gates`; GateError when it cannot be stored and read back."""
    rows = staged(tables, candidate.version)
    subject = Subject(tables, rows, candidate, config, intake)
    outcomes = tuple(outcome for name, check in checks.items() for outcome in _run_check(name, check, subject))
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
    kept = tables.read("gates").where(F.col("gate_id") == verdict.gate_id).select("success").collect()
    if [item["success"] for item in kept] != [verdict.success]:
        raise GateError(f"table gates gives back {kept} for verdict {verdict.gate_id}")


def refuse(verdict: Verdict) -> None:
    """Raises GateError that names each failed expectation, unless all held."""
    failed = [outcome for outcome in verdict.outcomes if not outcome.success]
    if verdict.success and not failed:
        return
    lines = [
        f"{outcome.name}: saw {outcome.observed}; allowed {outcome.allowed}"
        + "".join(f"\n      e.g. {example}" for example in outcome.examples)
        for outcome in failed
    ]
    raise GateError(
        f"gate {verdict.gate_id} refused the release; nothing was published:\n    " + "\n    ".join(lines),
        "mend the rows or change gate.* in the configuration; the candidate stays in table _staged_instruct",
    )
