"""A run writes the report of its release once: when the release is new, or where the page is gone."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pyspark.sql import SparkSession

from jobs.progress import Progress
from jobs.release import Release
from jobs.run import Outcome, Stage, Work, run_stage
from jobs.stages import Run
from jobs.tables import Tables
from schemas.config import Profile, load_config


@pytest.mark.parametrize(("is_new", "lies", "written"), [(True, True, 1), (False, True, 0), (False, False, 1)])
def test_a_report_is_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_new: bool, lies: bool, written: int
):
    page = tmp_path / "reports" / "release-3.html"
    page.parent.mkdir()
    if lies:
        page.touch()
    pages: list[tuple[Any, ...]] = []
    monkeypatch.setattr("jobs.report.collect.collect", lambda *told: told[2])
    monkeypatch.setattr("jobs.report.report.write_report", lambda *told: pages.append(told))
    config = load_config(Profile.LAPTOP, None, [f"storage.root={tmp_path}"])
    run = SimpleNamespace(
        tables=Tables(cast(SparkSession, None), config.storage), config=config, progress=Progress(quiet=True),
        stage_clock=nullcontext,
    )  # fmt: skip
    monkeypatch.setattr(Progress, "tasks", lambda *_: nullcontext())
    outcome = Outcome("r", str(tmp_path), release=Release(3, 0, 1, {}, "", "", is_new))
    run_stage(cast(Run, run), Stage.REPORT, outcome, Work())
    assert pages == [(3, str(page))] * written
    assert outcome.report == str(page)
