"""spark-submit on a Standalone cluster of two workers: the way to a release, what doctor sees, and exit codes."""

import json
import time

import pytest
from standalone import WORKERS
from submitting import RECORDS, Jobs


def wait_until_gone(jobs: Jobs) -> None:
    """Engine hosts end with the executors that started them."""
    deadline = time.monotonic() + 30
    while left := jobs.left():
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.mark.timeout(600)
def test_a_release_on_two_machines(jobs: Jobs):
    refused = jobs.submit("a", "run", "--until", "publish", "--json", more=("gate.min_rows=1000",))
    assert refused.code == 3, refused.err[-3000:]
    assert "error: the gate" in refused.err
    outcome = json.loads(refused.out)
    assert [(stage["stage"], stage["rows_out"]) for stage in outcome["stages"]] == [
        ("dedup", RECORDS), ("rewrite", RECORDS), ("judge", RECORDS)
    ]  # fmt: skip
    assert f"run {outcome['run_id']}: rewrite is done" in refused.err
    for worker in range(WORKERS):  # both machines worked, on GPUs of their own that Spark had given out
        assert jobs.gpus(worker)
        assert jobs.gpus(worker) <= {f"GPU-{worker}-0", f"GPU-{worker}-1"}
    served = jobs.served("a")
    assert len(served) == len(set(served)) >= 2 * RECORDS

    published = jobs.submit("a", "publish", "--json")
    assert published.code == 0, published.err[-3000:]
    assert json.loads(published.out)["release"]["rows"] > 0
    assert len(jobs.served("a")) == len(served)
    wait_until_gone(jobs)


@pytest.mark.timeout(300)
def test_doctor_looks_at_every_executor(jobs: Jobs):
    looked = jobs.submit("b", "doctor", "--executors", "--json")
    findings = json.loads(looked.out)
    assert looked.code == 0, findings
    executors = {finding["executor"] for finding in findings} - {"driver"}
    assert len(executors) == WORKERS
    for executor in executors:
        found = {one["check"]: one["found"] for one in findings if one["executor"] == executor}
        assert "mammoth_vl.zip" in found["code"]  # the bundle, not the checkout
        assert "Pretended, 81920 MiB" in found["GPUs"]
        assert {"Python", "ROOT", "HOST_DIR", "/dev/shm", "engine main", "weights main", "sources"} <= set(found)
    folders = {one["found"].rpartition(" ")[2] for one in findings if one["check"] == "HOST_DIR"}
    assert folders == {str(jobs.cluster.worker_folder(worker)) for worker in range(WORKERS)}
    assert list((jobs.cluster.folder / "b" / "out" / "doctor").iterdir()) == []


WRONG = {
    2: (("--set", "spark.mastr=x", "config", "show"), "spark.mastr"),
    4: (("run", "--sources-root", "nowhere"), "folder nowhere does not exist"),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("code", WRONG)
def test_exit_codes_come_out_of_spark_submit(jobs: Jobs, code: int):
    arguments, words = WRONG[code]
    ran = jobs.submit("c", *arguments)
    assert ran.code == code, ran.err[-3000:]
    assert words in ran.err
    assert "Traceback" not in ran.err
