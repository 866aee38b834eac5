"""Spending: asked once, in waves, within a budget, and never paid twice."""

import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from corpora import SHAPES, Answered, asked, counted, run_here, stub_config, watched, write_json, write_pictures
from pyspark.sql import SparkSession

from jobs.run import Stage
from jobs.session import jvm_pid
from jobs.stages import StageCount
from jobs.tables import Tables
from jobs.wanted import answers
from jobs.waves import Waves, assign
from schemas.config import Config
from schemas.errors import BudgetError, ConfigError, ConservationError
from udfs.engine.control import list_hosts
from udfs.engine.guard import descendants
from udfs.engine.processes import send

Again = Callable[..., Config]


@pytest.fixture
def again(done: Answered, tmp_path: Path, hosts: Path) -> Again:
    """Configurations on a copy of the samples; another revision makes every call new."""
    shutil.copytree(done.tables.path("samples"), tmp_path / "out" / "tables" / "samples")
    for name in ("media", "media_bytes"):
        shutil.copytree(done.tables.path(name), tmp_path / "out" / "tables" / name)

    def make(*more: str, **script: object) -> Config:
        own = ["spending.wave_s=0.001", "spending.tasks_per_wave=1", "judging.score_share=0", "storage.media_buckets=3"]
        return stub_config(tmp_path, hosts, script, *own, *more)

    return make


def rewrite(config: Config) -> tuple[StageCount, Tables]:
    outcome, tables = run_here(config, [], [Stage.REWRITE])
    return outcome.stages[0], tables


def keys_of(tables: Tables) -> list[str]:
    return [row[0] for row in tables.read("calls").select("call_key").collect()]


def test_each_request_is_written_once_and_answered_once(done: Answered):
    requests = [row[0] for row in done.tables.read("requests").select("call_key").collect()]
    keys = keys_of(done.tables)
    assert len(requests) == len(set(requests)) == done.records
    assert len(keys) == len(set(keys)) >= 2 * done.records  # each rewrite is judged in the same visit
    served = [line["key"] for line in counted(done.hosts)]
    assert sorted(served) == sorted(keys)
    assert done.outcome.stages[0].calls_new == len(keys)


def test_waves_run_once_and_two_at_a_time(done: Answered):
    waves = [wave for _, wave, _, _ in done.waves]
    assert sorted(waves) == list(range(len(waves)))  # none failed: their commits do not conflict
    assert len(waves) >= 4
    at_once = [sum(a < moment < b for _, _, a, b in done.waves) for _, _, moment, _ in done.waves]
    assert max(at_once) + 1 == done.config.spending.waves_in_flight == 2


def test_a_second_run_asks_nothing_and_starts_no_engine(done: Answered):
    before = len(counted(done.hosts))
    count, tables = rewrite(done.config)
    assert (count.wanted, count.calls_new, count.calls_reused, count.calls_failed) == (530, 0, 530, 0)
    assert count.rows_in == count.rows_out == 530
    assert len(counted(done.hosts)) == before
    assert tables.read("requests").select("run_id").distinct().count() == 1
    assert list_hosts(str(done.hosts)) == []


def test_a_budget_stops_new_waves_and_the_next_run_goes_on(again: Again):
    few = "rewriting.max_samples=250"
    with pytest.raises(BudgetError, match=r"spending\.max_calls is 400") as caught:
        rewrite(again(few, "spending.max_calls=400"))
    assert caught.value.exit_code == 6
    config = again(few)
    paid = len(counted(Path(config.storage.host_dir)))
    assert 0 < paid <= 400
    count, tables = rewrite(config)
    keys = keys_of(tables)
    assert (count.rows_out, len(keys), len(set(keys))) == (250, 500, 500)
    assert count.calls_new == 500 - paid
    assert len(counted(Path(config.storage.host_dir))) == 500


def test_a_wave_whose_workers_are_killed_is_asked_again_and_paid_once(again: Again, spark: SparkSession):
    config = again("rewriting.max_samples=60", latency_s=0.1)
    killer = threading.Thread(target=kill_workers_after, args=(20, Path(config.storage.host_dir), jvm_pid(spark)))
    killer.start()
    with watched() as waves:
        count, tables = rewrite(config)
    killer.join()
    assert len(waves) > len({wave for _, wave, _, _ in waves}), "no wave was tried again"
    assert count.rows_out == 60
    assert answers(tables).count() == 120
    served = [line["key"] for line in counted(Path(config.storage.host_dir))]
    assert len(served) == len(set(served)) == 120


@pytest.mark.slow
def test_a_pilots_calls_are_reused_by_the_full_run(tmp_path: Path, hosts: Path, spark: SparkSession):
    write_pictures(tmp_path / "sources" / "shapes", range(5))
    write_json(tmp_path / "sources" / "shapes" / "a.json", [asked([f"p{n % 5}.png"], n) for n in range(20)])
    config, stages = stub_config(tmp_path, hosts, {}, "judging.score_share=0"), [Stage.NORMALISE, Stage.REWRITE]
    pilot, _ = run_here(config, [SHAPES], stages, limit=6)
    full, tables = run_here(config, [SHAPES], stages)
    assert [outcome.stages[0].calls_new for outcome in (pilot, full)] == [12, 28]
    assert sorted(line["key"] for line in counted(hosts)) == sorted(set(keys_of(tables)))


def test_another_number_of_buckets_is_refused(again: Again):
    with pytest.raises(ConfigError, match=r"storage\.media_buckets is 5"):
        rewrite(again("storage.media_buckets=5"))


def test_a_request_that_no_wave_asked_is_noticed(again: Again, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Waves, "_append", lambda *_: None)
    with pytest.raises(ConservationError, match="stage rewrite: 5 requests were never asked"):
        rewrite(again("rewriting.max_samples=5"))


def kill_workers_after(calls: int, hosts: Path, jvm: int) -> None:
    """Ends the Python processes of Spark in mid-wave, as a machine that is out of memory would."""
    deadline = time.monotonic() + 120
    while len(counted(hosts)) < calls and time.monotonic() < deadline:
        time.sleep(0.02)
    for daemon in descendants(jvm):
        command = Path(f"/proc/{daemon}/cmdline")
        if command.exists() and b"worker_daemon" in command.read_bytes():
            for worker in descendants(daemon):
                send(worker, signal.SIGKILL)


def test_failed_calls_are_rows_and_the_next_run_asks_only_those(again: Again):
    cap = ("rewriting.max_samples=40", "spending.wave_s=1")
    count, tables = rewrite(again(*cap, faults={"invalid": 0.2}))
    failed = [row[0] for row in tables.read("calls").where("status = 'invalid'").select("call_key").collect()]
    assert count.calls_failed == len(failed) > 0
    assert count.calls_new == len(counted(Path(again().storage.host_dir)))
    outcome, tables = run_here(again(*cap), [], [Stage.REWRITE, Stage.JUDGE])  # a verdict that failed is the judge's
    repeated = tables.read("calls").groupBy("call_key").count().where("count > 1").collect()
    assert {row[0] for row in repeated} <= set(failed)
    assert answers(tables).count() == 80
    assert sum(stage.calls_new for stage in outcome.stages) == 80 - count.calls_new
    assert outcome.stages[0].rows_out == outcome.stages[1].rows_out == 40


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({0: 10, 1: 10, 2: 10}, {0: (0, 1), 1: (0, 1), 2: (1, 1)}),
        ({0: 45, 1: 5}, {0: (0, 2), 1: (2, 1)}),
        ({5: 20}, {5: (0, 1)}),
        ({}, {}),
    ],
)
def test_small_buckets_share_a_wave_and_large_ones_are_cut(sizes: dict[int, int], expected: object):
    assert assign(sizes, 20) == expected
