"""A machine of the cluster is lost, a job is interrupted: the run goes on, or goes on from there."""

import time
from collections import Counter
from collections.abc import Callable

import pytest
from deltalake import DeltaTable
from submitting import RECORDS, Jobs, json_of

SLOW = {"latency_s": 1.5, "p_yes": 0.9}
WINDOW = 10
"""Calls that an engine has in flight, as `stub_settings` has it."""


def wait_for(condition: Callable[[], object], limit_s: float = 900) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_an_interrupted_job_says_so_and_leaves_nothing(jobs: Jobs):
    job = jobs.start("i", "run", "--until", "judge", script=SLOW)
    wait_for(lambda: len(jobs.served("i")) >= 4 or job.is_over())
    assert not job.is_over(), job.end().told()
    job.interrupt()
    ended = job.end()
    assert ended.code == 130, ended.told()
    assert "run again to go on" in ended.out
    assert "Traceback" not in ended.out
    wait_for(lambda: not jobs.left(), 60)

    before = jobs.served("i")
    assert len(before) < 2 * RECORDS
    again = jobs.submit("i", "run", "--until", "judge", "--json")
    assert again.code == 0, again.told()
    served = jobs.served("i")
    assert len(set(served)) >= 2 * RECORDS
    assert len(served) - len(set(served)) <= 2 * WINDOW


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_lost_machine_costs_its_calls_in_flight_at_most(jobs: Jobs):
    """The last test of the module: it leaves one worker."""
    job = jobs.start("l", "run", "--until", "judge", "--json", script=SLOW)
    wait_for(lambda: len(jobs.served("l")) >= 6 or job.is_over())
    assert not job.is_over(), job.end().told()
    jobs.cluster.lose_worker(1)
    ended = job.end()
    assert ended.code == 0, ended.told()
    done = {stage["stage"]: stage["rows_out"] for stage in json_of(ended)["stages"]}
    assert done == {"dedup": RECORDS, "rewrite": RECORDS, "judge": RECORDS}
    calls = DeltaTable(jobs.cluster.folder / "l" / "out" / "tables" / "calls").to_pyarrow_table().to_pylist()
    told = Counter((call["purpose"], call["status"]) for call in calls)
    assert (told["rewrite", "ok"], told["judge", "ok"]) == (RECORDS, RECORDS), told
    assert {status for _, status in told} == {"ok"}, told
    served = jobs.served("l")  # fewer than calls: what the job before this one was answered stands in the hosts' logs
    assert len(served) - len(set(served)) <= 2 * WINDOW  # two GPUs, an engine on each
    wait_for(lambda: not jobs.left(), 60)
