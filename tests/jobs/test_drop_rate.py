"""One drop rate and one judge: what the gate judges, the report tells and views show of a release."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql import functions as f
from release_rows import PASSED, Rows, digest, make_pair, make_runs, make_verdict

from jobs.candidates import deciding_judge
from jobs.publish import publish
from jobs.release import latest
from jobs.report.collect import collect
from jobs.report.rows import overview
from jobs.run import Options
from jobs.tables import Tables
from jobs.views import register_views
from schemas.config import Config

RATE = 31 / 103
"""30 of 100 charts are below the threshold, one of three more cannot be read; two fail a check that is required."""


@pytest.mark.slow
def test_gate_report_and_view_tell_one_drop_rate(tables: Tables, configure: Callable[..., Config], samples: Rows):
    charts = [sample for sample in samples if sample["source_id"] == "charts"]
    failing = PASSED | {"gold_preserved": False}
    more = [make_pair(charts[n], pair_id=digest("more", n), position=n, checks=failing) for n in range(1, 4)]
    tables.append_rows("rewritten", more)
    tables.append_rows("judged", [make_verdict(pair, None if n == 0 else 0.95) for n, pair in enumerate(more)])
    logged = make_runs(samples, [{}] * tables.read("rewritten").count())[-2:]
    tables.append_rows("runs", [row | {"ended": row["ended"] + timedelta(hours=1)} for row in logged])
    config = configure("publishing.require_checks=[gold_preserved]")
    publish(tables, config, "run 1")

    gate = tables.read("gates").select(f.inline("expectations")).where("name = 'judged.drop_rate'").collect()[0]
    assert round(gate["value"], 9) == round(RATE, 9)
    (told,) = collect(tables, Options(config, {}), 1).judged
    assert (told.category, told.pairs, told.passed, told.unparsed) == ("Chart", 103, 72, 1)
    session = tables.spark.newSession()
    register_views(Tables(session, tables.storage))
    (seen,) = session.table("drop_rates").collect()
    assert (seen["release_id"], seen["judge_id"], seen["category"], seen["judged"]) == (1, "j1", "Chart", 103)
    assert seen["drop_rate"] == round(RATE, 4)
    (words,) = session.table("verdict_counts").collect()
    assert (words["judged"], words["yes"], words["no"], words["unparsed"]) == (103, 52, 50, 1)


@pytest.mark.slow
def test_a_release_keeps_the_judge_that_decided_it_and_nothing_is_doubled(
    tables: Tables, configure: Callable[..., Config], samples: Rows
):
    """Judge main was asked with another prompt since, says yes throughout, and scored differently."""
    pairs = [make_pair(sample) for sample in samples if sample["source_id"] == "charts"]
    later = [make_verdict(pair, 0.99, judge_id="j2", call_key=digest("again", n)) for n, pair in enumerate(pairs)]
    original = {"subject_kind": "original", "subject_id": pairs[0]["content_id"]}
    scored = [
        make_verdict(pairs[0], None, judge_id=name, verdict=None, content_score=score, **original)
        for name, score in (("j1", 2.0), ("j2", 5.0))
    ]
    calls = {
        "call_key": later[0]["call_key"],
        "purpose": "judge",
        "status": "ok",
        "at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    tables.append_rows("judged", [*later, *scored])
    tables.append_rows("calls", [calls])
    logged = [row | {"ended": row["ended"] + timedelta(hours=1)} for row in make_runs(samples, [{}] * 200)[-1:]]
    tables.append_rows("runs", logged)
    config = configure()
    assert deciding_judge(tables, config, None) == "j2"  # the newest, as long as no release says otherwise
    publish(tables, config, "run 1", "j1")

    release = latest(tables)
    assert release["judge_id"] == deciding_judge(tables, config, release) == "j1"
    facts = collect(tables, Options(config, {}), None)
    assert [(told.pairs, told.passed) for told in facts.judged] == [(100, 70)]
    assert [score.content_original for score in facts.scores] == [2.0]
    assert {card.opinions[0].judge_id for card in facts.cards if card.kind == "rewritten"} == {"j1"}
    assert overview(tables, config).where("kind = 'rewritten'").agg(f.count("*"), f.max("p_yes")).collect() == [
        (100, 0.99)
    ]
    session = tables.spark.newSession()
    register_views(Tables(session, tables.storage))
    assert session.table("deciding_judge").collect() == [("j1",)]
    beside = session.table("before_after").agg(f.count("*"), f.min("p_yes"), f.first("judge_id")).collect()
    assert beside == [(100, 0.0, "j1")]
    quality = session.table("source_quality").where("source_id = 'charts'").collect()[0]
    assert (quality["pairs"], quality["mean_p_yes"]) == (100, 0.495)
