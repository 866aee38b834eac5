"""One row explained: release, gate, verdicts, replies, prompts as they were sent, sample, record, file."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import Column, Row
from pyspark.sql import functions as f

from jobs.candidates import ACCEPTED, candidates, deciding_judge
from jobs.corpus import catalogue_folder
from jobs.release import as_of, as_published, latest, manifest
from jobs.report.calls import Call, calls_about
from jobs.report.card import Card
from jobs.report.origin import Place, SourceRecord, reread
from jobs.report.page import render_page
from jobs.report.rows import cards_of, overview
from jobs.run import Options
from jobs.session import SPARK_ERRORS
from jobs.tables import Tables
from schemas.enums import PairKind
from schemas.errors import ConfigError
from schemas.source import load_sources
from udfs import files

IDS = ("id", "sample_id", "content_id", "pair_id", "call_key", "record_hash")
LEAST = 8
"""Letters that an abbreviated id needs."""
MOST = 1_000
"""Rows that an id is looked for in: a whole file may be one record."""
SIDE = 1024
EARLIER = 20
"""Releases, the newest first, that a row is looked for in."""
PUBLISHED = ("id", "lineage.sample_id", "lineage.call_key", "lineage.origin.record_hash")


class UnknownRowError(ConfigError):
    """No row has this id."""


@dataclass(frozen=True)
class Explanation:
    """Everything that is known about one row."""

    card: Card
    release: Mapping[str, str]
    reason: str
    """What publishing says of the row: accepted, or what speaks against it."""
    calls: tuple[Call, ...]
    record: SourceRecord
    siblings: tuple[str, ...] = field(default=())
    """Other rows made from the same sample."""


def explain(tables: Tables, options: Options, name: str) -> Explanation:
    """Finds a row by pair, sample, content, call or record hash, also abbreviated, and everything behind it.

    A published row is explained by the tables as they were when its release was made, as long as they can be read.
    UnknownRowError where there is none.
    """
    matching = _matches(name, IDS)
    release = _release_of(tables, name)
    for then, at in ((as_of(tables, release), release), (tables, None)) if release else ((tables, None),):
        facts = _find(_hits(then, options, at, matching), name)
        if facts is not None:
            return _explained(then, options, facts, at or latest(tables))
    raise UnknownRowError(
        f"no row has the id {name!r}{_about(tables, name)}", "`mammoth-vl view --where SQL` and `sql` show ids"
    )


def _hits(tables: Tables, options: Options, release: Row | None, matching: Column) -> list[dict[str, Any]]:
    """Rows that match, of a release's tables those that it published; none where its files have been removed."""
    rows = overview(tables, options.config, int(release["release_id"]) if release else None).where(matching)
    rows = rows.where("release_id IS NOT NULL") if release else rows
    try:
        found = [row.asDict(recursive=True) for row in rows.limit(MOST).collect()]
    except SPARK_ERRORS:
        if release is None:
            raise
        return []
    return list({(row["id"], row["sample_id"], row["call_key"]): row for row in found}.values())


def _explained(tables: Tables, options: Options, facts: dict[str, Any], release: Row | None) -> Explanation:
    (card,) = cards_of(tables, [facts], SIDE)
    key = f.col("id").eqNullSafe(facts["id"]) & (f.col("sample_id") == facts["sample_id"])
    config = as_published(options.config, release)
    pool = candidates(tables, config, deciding_judge(tables, config, release))
    reasons = pool.where(key).select("reason").limit(1).collect()
    reason = reasons[0]["reason"] if reasons else _dropped(tables, facts["sample_id"])
    if reason == ACCEPTED and release is None and latest(tables) is not None:
        reason += "; the newest release was mixed without it (publishing.total_rows, shares and quotas)"
    siblings = tables.read("rewritten").where(f.col("sample_id") == facts["sample_id"]).select("pair_id").collect()
    place = Place(facts["file"], facts["position"], facts["record_hash"])
    return Explanation(
        card=card,
        release=_release(tables, facts),
        reason=reason,
        calls=tuple(calls_about(tables, options, facts)),
        record=record_at(tables, options, facts["source_id"], place),
        siblings=tuple(sorted({s["pair_id"] for s in siblings} - {facts["id"]})),
    )


def _dropped(tables: Tables, sample_id: str) -> str:
    """Why a sample is no candidate: dedup dropped it."""
    found = tables.read("twins").where((f.col("sample_id") == sample_id) & f.col("dropped")).orderBy("kind").collect()
    told = ", ".join(f"{row['kind']} twin of {row['twin']}" for row in found)
    return f"dropped by dedup: {told}" if told else "no candidate"


def record_at(tables: Tables, options: Options, source_id: str, place: Place) -> SourceRecord:
    """The record from the configured folder of source files, or from the one that a demo made below its root."""
    own = options.sources.get(source_id)
    if own is not None:
        return reread(own, place, options.config.storage)
    storage = options.config.storage.model_copy(update={"sources_root": files.join(tables.root, "sources")})
    return reread(load_sources(catalogue_folder()).get(source_id), place, storage)


def _matches(name: str, columns: Sequence[str]) -> Column:
    if len(name) < LEAST or not name.isalnum():
        raise ConfigError(f"{name!r} is no id", f"give at least {LEAST} letters of a pair, sample, call or record hash")
    found = f.lit(False)
    for column in columns:
        found = found | f.coalesce(f.col(column).startswith(name), f.lit(False))
    return found


def _find(rows: Sequence[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """The row that is meant: by its own id before its sample, its call or its record."""
    for column in IDS:
        hits = [row for row in rows if str(row[column] or "").startswith(name)]
        own = [row for row in hits if row["kind"] == PairKind.ORIGINAL.value] if column != "call_key" else []
        if len(hits) == 1 or own:
            return (own or hits)[0]
        if hits:
            many = ", ".join(sorted({row["id"][:16] for row in hits})[:10])
            raise ConfigError(f"{name!r} stands for {len(hits)} rows", f"name one of them: {many}")
    return None


def _about(tables: Tables, name: str) -> str:
    asked = tables.read("calls").where(f.col("call_key").startswith(name)).select("subject_id").distinct().collect()
    return f"; it is a call about subject {asked[0][0][:16]}, explain that" if asked and asked[0][0] else ""


def _release(tables: Tables, facts: Mapping[str, Any]) -> Mapping[str, str]:
    """The release that holds the row."""
    newest = latest(tables)
    if facts["release_id"] is None or newest is None:
        return {}
    release_id = int(facts["release_id"])
    row = manifest(tables, release_id)
    gate = tables.read("gates").where(f.col("gate_id") == row["gate_id"]).first()
    verdict = "not in the tables"
    if gate is not None:
        held = sum(e["success"] for e in gate["expectations"])
        verdict = (
            f"{'passed' if gate['success'] else 'failed'}, {held} of {len(gate['expectations'])} expectations held"
        )
    named = {"release": release_id, "published": row["at"], "rows": f"{row['rows']:,}", "gate": row["gate_id"]}
    return {k: str(v) for k, v in named.items()} | {
        "gate verdict": verdict,
        "run": row["run_id"],
        "content hash": row["content_hash"],
        **({"rows of": f"release {row['restored_from']}, put back"} if row["restored_from"] else {}),
        **({} if release_id == newest["release_id"] else {"since then": "the newest release does not hold it"}),
    }


def _release_of(tables: Tables, name: str) -> Row | None:
    """The newest of the last releases that holds a row of this id."""
    matching = _matches(name, PUBLISHED)
    for release in tables.read("releases").orderBy(f.desc("release_id")).limit(EARLIER).collect():
        with suppress(*SPARK_ERRORS):  # files of old releases may have been removed
            if not tables.read("instruct", int(release["table_version"])).where(matching).isEmpty():
                return release
    return None


def render_explanation(found: Explanation) -> str:
    """The whole page."""
    return render_page("explain.html", told=found)
