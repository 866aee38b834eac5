"""One drop rate: what the gate judges, the report tells and the view shows."""

from collections.abc import Callable
from datetime import timedelta

from pyspark.sql import functions as f
from release_rows import PASSED, Rows, digest, make_pair, make_runs, make_verdict

from jobs.publish import publish
from jobs.report.collect import collect
from jobs.run import Options
from jobs.tables import Tables
from jobs.views import register_views
from schemas.config import Config

RATE = 31 / 103
"""30 of 100 charts are below the threshold, one of three more cannot be read; two fail a check that is required."""


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
