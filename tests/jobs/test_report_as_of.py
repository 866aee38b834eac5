"""The report of an earlier release tells what was true then, and says so where that cannot be had."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import functions as f
from release_rows import Rows, digest, make_calls, make_pair, make_verdict

from jobs.publish import publish
from jobs.report.collect import collect
from jobs.run import Options
from jobs.tables import Tables
from schemas.config import Config

NOW = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.slow
def test_a_later_run_changes_no_report_of_an_earlier_release(
    tables: Tables, configure: Callable[..., Config], samples: Rows
):
    config = configure("engine.price.million_prompt_tokens=1")
    options = Options(config, {})
    publish(tables, config, "run 1")
    before = collect(tables, options, 1)
    assert before.today == frozenset()

    charts = [sample for sample in samples if sample["source_id"] == "charts"]
    more = [make_pair(sample, pair_id=digest("more", n), call_key=digest("m", n)) for n, sample in enumerate(charts)]
    tables.append_rows("rewritten", more)
    tables.append_rows("judged", [make_verdict(pair, 0.1, content_score=2.0) for pair in more])
    tables.append_rows("calls", make_calls(more))
    again = tables.read("judged").withColumn("judge_id", f.lit("j2")).localCheckpoint()
    tables.overwrite("judged", again)  # by another prompt: what judged before is gone
    run = {"run_id": "run 9", "source_id": "charts", "started": NOW, "ended": NOW, "facts": "{}", "records": 9}
    tables.append_rows("runs", [{**run, "stage": "normalise"}, {**run, "stage": "rewrite", "calls_new": 100}])
    after = collect(tables, options, 1)
    assert asdict(replace(after, made_at=before.made_at)) == asdict(before)
    assert sum(told.pairs for told in collect(tables, options, None).judged) == 100  # release 1 is the newest still

    # As VACUUM does with what no version holds that is younger than its retention.
    old = DeltaTable(tables.path("rewritten")).file_uris()
    tables.overwrite("rewritten", tables.read("rewritten").localCheckpoint())
    for file in old:
        Path(file).unlink()
    told = collect(tables, options, 1)
    assert told.today >= {"rewritten", "lengths", "map", "rows"}
    assert "judged" not in told.today  # publishing counted, and `runs` keeps it
    assert told.judged == before.judged
