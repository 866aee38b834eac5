"""Numbers that no pass over a single table gives: against the logs, and between tables."""

import json
from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as f

from jobs.dedup.kept import SAMPLES_MARK, Looked, looked, looked_for
from jobs.gate.subject import EXAMPLES, Counted, Numbers, Subject, examples_of, key_hash, union
from schemas.enums import CallStatus, PairKind


def count_sources(subject: Subject) -> Numbers:
    """Samples and rejects of each source against what its latest run logged; a few numbers for each source."""
    frames = subject.frames
    runs = frames["runs"].where("stage = 'normalise' AND source_id IS NOT NULL").groupBy("source_id")
    log = runs.agg(f.max_by(f.struct("run_id", "records", "rows_out", "rejected"), "ended").alias("log"))
    samples = frames["samples"].groupBy("source_id").agg(f.count("*").alias("samples"))
    dropped = frames["rejects"].where("stage = 'normalise'").groupBy("source_id", "run_id")
    rejects = dropped.agg(f.count("*").alias("rejects"))
    whole = log.select("source_id", "log.*").join(samples, "source_id", "full")
    rows = whole.join(rejects, ["source_id", "run_id"], "left").orderBy("source_id").collect()
    # NULL is no row, which is as good as none: every comparison below is of numbers.
    found = [{key: value or 0 for key, value in row.asDict().items()} for row in rows]
    records = sum(row["records"] for row in found)
    rates = {row["source_id"]: row["rejects"] / row["records"] for row in found if row["records"]}
    worst = sorted(rates, key=lambda name: -rates[name])[:EXAMPLES]
    return {
        ("samples", "counts_match_log"): _differing(found, "samples", "rows_out"),
        ("rejects", "counts_match_log"): _differing(found, "rejects", "rejected"),
        ("samples", "records_add_up"): _differing(
            [row | {"settled": row["samples"] + row["rejects"]} for row in found], "settled", "records"
        ),
        ("rejects", "reject_rate"): Counted(_share(sum(row["rejects"] for row in found), records)),
        ("rejects", "source_reject_rate"): Counted(
            max(rates.values(), default=None), tuple(f"{name}: {rates[name]:.4g}" for name in worst)
        ),
    }


def _differing(rows: list[dict[str, Any]], have: str, logged: str) -> Counted:
    wrong = [row for row in rows if row[have] != row[logged]]
    shown = tuple(f"{row['source_id']}: {row[have]:,} {have}, {row[logged]:,} {logged}" for row in wrong[:EXAMPLES])
    return Counted(len(wrong), shown)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def count_stages(subject: Subject) -> Numbers:
    """What dedup, rewrite and judge left against what their latest runs logged."""
    frames = subject.frames
    log = {row["stage"]: row for row in _latest(frames["runs"])}
    parts = {
        "samples": frames["samples"].agg(f.array(f.count("*"), f.expr(SAMPLES_MARK))),
        "twins": frames["twins"].agg(f.array(f.count("*"))),
        "rewritten": frames["rewritten"].agg(
            f.array(
                f.count_if(f.col("position") >= 0),
                f.count_distinct("call_key"),
                f.count_distinct(f.when(f.col("parse_status") == "ok", f.col("call_key"))),
            )
        ),
        "judged": frames["judged"].agg(f.array(f.count("verdict"))),
    }
    rows = union([part.toDF("n").select(f.lit(name).alias("table"), "n") for name, part in parts.items()]).collect()
    seen = {row["table"]: row["n"] for row in rows}
    twins = log.get("dedup")
    told = sum(n for name, n in _findings(twins).items() if name.endswith((" dropped", " flagged")))
    _, replies, parsed = seen["rewritten"]
    intake, unjudged = subject.intake, ("nothing was judged",)
    numbers = {
        ("twins", "counts_match_log"): Counted(abs(seen["twins"][0] - told)),
        ("twins", "samples_unchanged"): _unchanged(seen["samples"], twins),
        ("rewritten", "counts_match_log"): _against(seen["rewritten"][0], log.get("rewrite")),
        ("judged", "counts_match_log"): _against(seen["judged"][0], log.get("judge")),
        # Where nothing was asked nothing was lost: that it was to be asked is for the counts above to say.
        ("rewritten", "replies_parsed"): Counted(parsed / replies)
        if replies
        else Counted(1, ("nothing was rewritten",)),
        ("judged", "verdicts_parsed"): Counted(intake.parsed / intake.judged)
        if intake.judged
        else Counted(1, unjudged),
        ("judged", "drop_rate"): Counted(intake.drop_rate, () if intake.judged else unjudged),
    }
    if subject.kappa is not None:
        numbers["judged", "agrees_with_people"] = subject.kappa
    return numbers


def _latest(runs: DataFrame) -> list[Row]:
    whole = runs.where("stage IN ('dedup', 'rewrite', 'judge')").groupBy("stage")
    latest = whole.agg(f.max_by(f.struct("rows_in", "rows_out", "facts"), "ended").alias("log"))
    return latest.select("stage", "log.*").collect()


def _findings(row: Row | None) -> dict[str, int]:
    facts = json.loads(row["facts"]) if row else {}
    return {name: number for name, number in facts.items() if isinstance(number, int)}


def _against(rows: int, log: Row | None) -> Counted:
    logged = log["rows_out"] if log else 0
    return Counted(abs(rows - logged), (f"{rows:,} rows, {logged:,} logged",) if rows != logged else ())


def _unchanged(seen: list[int], log: Row | None) -> Counted:
    """Whether the samples are those that dedup looked at: as many, and the same."""
    if log is None:
        return Counted(0)
    if seen[0] == log["rows_in"] and looked(log["facts"]).samples_mark not in (None, seen[1]):
        return Counted(1, ("as many samples, but others",))
    return Counted(abs(seen[0] - log["rows_in"]))


def _flagged(subject: Subject, flagged: Sequence[int]) -> Numbers:
    """Shares that dedup has flagged; no number where a share is asked for and nobody looked."""
    gate, rows = subject.config.gate, subject.candidate.rows
    asked = min(gate.max_near_duplicates, gate.max_contaminated) < 1
    sought = looked_for(subject.frames["runs"]) if asked else Looked()
    near, contaminated = (Counted(_share(number, rows)) for number in flagged)
    if gate.max_near_duplicates < 1 and not sought.near:
        near = Counted(None, ("dedup has not run, or with dedup.near=off, so nobody looked",))
    if gate.max_contaminated < 1 and not sought.benchmarks:
        contaminated = Counted(None, ("dedup.benchmarks names none, so nobody looked",))
    return {("twins", "near_duplicates"): near, ("twins", "contaminated"): contaminated}


OF_SAMPLE = ("source_id", "group", "category", "licence.spdx")
"""What a released row has from its sample."""


def count_lineage(subject: Subject) -> Numbers:
    """Released rows that are not what sample, pair, reply and verdict say, and the shares that dedup has flagged."""
    frames = subject.frames
    rows = frames["instruct"]
    rewrites = rows.where(f.col("kind") == PairKind.REWRITTEN.value)
    replies = frames["calls"].where(f.col("status").isin(CallStatus.OK.value, CallStatus.LENGTH.value))
    lost = {
        "samples_known": _missing(
            rows, ("lineage.sample_id", *OF_SAMPLE), frames["samples"], ("sample_id", *OF_SAMPLE)
        ),
        "pairs_known": _missing(
            rewrites, ("id", "lineage.sample_id", "lineage.call_key", "conversation"),
            frames["rewritten"], ("pair_id", "sample_id", "call_key", "conversation"),
        ),
        "calls_known": _missing(rewrites, ("lineage.call_key",), replies, ("call_key",)),
        "verdicts_known": _missing(
            rewrites, ("id", "lineage.judge_id", "quality.p_yes"), frames["judged"], ("subject_id", "judge_id", "p_yes")
        ),
    }  # fmt: skip
    twins = (
        frames["twins"]
        .groupBy("sample_id")
        .agg(
            f.max(f.col("kind") == "near").alias("near"),
            f.max(f.col("kind").startswith("benchmark")).alias("benchmark"),
            f.max("dropped").alias("dropped"),
        )
    )
    flagged = rows.selectExpr("lineage.sample_id").join(twins, "sample_id")
    told = flagged.agg(f.array(f.count_if("near"), f.count_if("benchmark"), f.count_if("dropped")))
    parts = [told.toDF("n").select(f.lit("twins").alias("name"), "n")]
    parts += [
        gone.agg(f.array(f.count("*"))).toDF("n").select(f.lit(name).alias("name"), "n") for name, gone in lost.items()
    ]
    seen = {row["name"]: row["n"] for row in union(parts).collect()}
    known = {
        ("instruct", name): Counted(seen[name][0], examples_of(frame) if seen[name][0] else ())
        for name, frame in lost.items()
    }
    near, contaminated, dropped = seen["twins"]
    return {**known, ("instruct", "dropped_stay_out"): Counted(dropped), **_flagged(subject, (near, contaminated))}


def _missing(rows: DataFrame, asked: Sequence[str], table: DataFrame, known: Sequence[str]) -> DataFrame:
    """Rows whose values no row of a table has."""
    have = table.select(key_hash(*known).alias("hash"))
    told = f.to_json(f.struct(*(name for name in asked if name not in ("id", "conversation"))))
    wanted = rows.select("id", told.alias("value"), key_hash(*asked).alias("hash"))
    return wanted.join(have, "hash", "left_anti").select("id", "value")


def count_media(subject: Subject) -> Numbers:
    """Media of the release that are unknown or whose parts are not all stored, each once."""
    wrong = not_stored(used_media(subject), subject.frames["media"], subject.frames["media_bytes"])
    count = wrong.count()
    counts = f.format_string("%s of %s parts", f.col("stored").cast("string"), f.col("parts").cast("string"))
    twice = f.when(f.col("rows") > f.col("stored"), f.format_string(" in %d rows: stored twice", f.col("rows")))
    shown = f.concat(counts, f.coalesce(twice, f.lit("")))
    examples = examples_of(wrong.select(f.col("media_id").alias("id"), shown.alias("value"))) if count else ()
    return {("media", "parts_stored"): Counted(count, examples)}


def not_stored(used: DataFrame, media: DataFrame, media_bytes: DataFrame) -> DataFrame:
    """Media that are unknown, or whose parts are not all stored once: media_id, parts, stored and rows."""
    kept = media_bytes.groupBy("media_id").agg(f.count_distinct("part").alias("stored"), f.count("*").alias("rows"))
    joined = used.join(media.select("media_id", "parts"), "media_id", "left").join(kept, "media_id", "left")
    return joined.where("parts IS NULL OR stored IS NULL OR parts <> stored OR rows <> stored")


def used_media(subject: Subject) -> DataFrame:
    """Ids of the media that released rows show."""
    return subject.frames["instruct"].select(f.explode("media").alias("media_id")).distinct()
