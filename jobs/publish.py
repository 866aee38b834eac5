"""Publishing: choose rows, stage them, let the gate look, and put the release in place in one commit."""

import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame

from jobs import release as releases
from jobs.candidates import ACCEPTED, Intake, candidates, count, released, take, the_judge, verdicts
from jobs.gate.subject import Candidate
from jobs.gate.verdict import Verdict, refuse, run_gate
from jobs.mix import Mix, mix
from jobs.release import STAGED, Fingerprint, Release, commit, fingerprint, latest, repair, stage, staged, unstage
from jobs.tables import Tables
from schemas.config import Config
from schemas.errors import GateError


def publish(tables: Tables, config: Config, run_id: str, judge_id: str | None = None) -> Release:
    """The new release, or the last one where its content would be the same.

    `judge_id` decides where the configured judge's name stands for several. Whatever fails, readers keep the
    previous release whole, and publishing again goes on from there. Raises GateError, and says why in `runs` too.
    """
    started = datetime.now(UTC)
    repair(tables)
    judge = the_judge(tables, config, judge_id)
    pool, intake, chosen = choose(tables, config, judge)
    last = latest(tables)
    release_id = int(last["release_id"]) + 1 if last else 1
    taken = take(pool, chosen.quotas, config.publishing.si_share)
    version = stage(tables, released(tables, taken, verdicts(tables, config, judge), release_id))
    candidate = Candidate(STAGED, version, sum(chosen.quotas.values()), release_id, run_id, judge or "")
    verdict = run_gate(tables, candidate, config, intake)
    told = {"judge": config.publishing.judge, "judge_id": judge, "judged": intake.verdicts}
    _record(tables, (run_id, started), told, (intake, chosen, verdict))
    if not candidate.rows:
        raise _nothing_left(intake, chosen)
    refuse(verdict)
    whole = fingerprint(staged(tables, version))
    same = last is not None and (last["content_hash"], last["rows"]) == (whole.content_hash, whole.rows)
    if last is not None and same and releases.is_served(tables, last):
        release = _release(last.asDict(), is_new=False)
    else:
        facts = _facts(candidate, whole, verdict, config) | {"judge_id": judge, "versions": releases.versions(tables)}
        release = _release(commit(tables, staged(tables, version), facts).asDict(), is_new=True)
    unstage(tables)
    return release


def _nothing_left(intake: Intake, chosen: Mix) -> GateError:
    reasons = Counter(chosen.left_out)
    for tally in intake.reasons.values():
        reasons.update({reason: rows for reason, rows in tally.items() if reason != ACCEPTED})
    told = ", ".join(f"{reason} {rows:,}" for reason, rows in reasons.most_common())
    return GateError(
        f"no row is left to publish, so nothing was published: {told or 'there is no candidate'}",
        "`mammoth-vl publish --dry-run` with other settings (publishing, gate.licences) shows what would be chosen",
    )


def choose(tables: Tables, config: Config, judge: str | None) -> tuple[DataFrame, Intake, Mix]:
    """All candidates, what became of them, and how many of each source and kind a release takes."""
    pool = candidates(tables, config, judge)
    intake = count(pool)
    return pool, intake, mix(intake.strata, config.publishing, config.rewriting.groups)


def _facts(candidate: Candidate, whole: Fingerprint, verdict: Verdict, config: Config) -> dict[str, Any]:
    """The manifest, but for what only the commit knows."""
    return {
        "release_id": candidate.release_id,
        "rows": whole.rows,
        "counts": json.dumps(whole.counts),
        "content_hash": whole.content_hash,
        "gate_id": verdict.gate_id,
        "run_id": candidate.run_id,
        "config": config.model_dump_json(),
    }


def _release(row: dict[str, Any], *, is_new: bool) -> Release:
    names = ("release_id", "table_version", "rows", "content_hash", "gate_id")
    return Release(**{name: row[name] for name in names}, counts=json.loads(row["counts"]), is_new=is_new)


def _record(
    tables: Tables, run: tuple[str, datetime], judging: dict[str, Any], told: tuple[Intake, Mix, Verdict]
) -> None:
    """One row in `runs`: every candidate is either in the release or counted under its reason."""
    intake, chosen, verdict = told
    run_id, started = run
    rows_in = sum(sum(tally.values()) for tally in intake.reasons.values())
    rows_out = sum(chosen.quotas.values())
    facts = {
        **judging,
        "candidates": intake.reasons,
        "left_out": chosen.left_out,
        "shortfalls": chosen.shortfalls,
        "gate": {"gate_id": verdict.gate_id, "success": verdict.success},
        "failed": [asdict(outcome) for outcome in verdict.outcomes if not outcome.success],
    }
    row = {
        "run_id": run_id,
        "stage": "publish",
        "started": started,
        "ended": datetime.now(UTC),
        "rows_in": rows_in,
        "rows_out": rows_out,
        "rejected": rows_in - rows_out,
        "facts": json.dumps(facts),
    }
    tables.append_rows("runs", [row])
