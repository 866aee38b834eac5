"""spark-submit on a Standalone cluster of two workers: the way to a release, what doctor sees, and exit codes."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from standalone import WORKERS
from submitting import RECORDS, Form, Jobs, from_checkout, from_wheel, json_of

from jobs.run import Stage


def wait_until_gone(jobs: Jobs) -> None:
    """Engine hosts end with the executors that started them."""
    deadline = time.monotonic() + 30
    while left := jobs.left():
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_release_on_two_machines(jobs: Jobs):
    refused = jobs.submit("a", "run", "--until", "publish", "--json", more=("gate.min_rows=1000",))
    assert refused.code == 3, refused.told()
    assert "\nerror: the gate" in refused.out
    outcome = json_of(refused)
    assert [(stage["stage"], stage["rows_out"]) for stage in outcome["stages"]] == [
        ("dedup", RECORDS), ("rewrite", RECORDS), ("judge", RECORDS)
    ]  # fmt: skip
    assert f"run {outcome['run_id']}: rewrite is done" in refused.out
    for worker in range(WORKERS):  # both machines worked, on GPUs of their own that Spark had given out
        assert jobs.gpus(worker)
        assert jobs.gpus(worker) <= {f"GPU-{worker}-0", f"GPU-{worker}-1"}
    served = jobs.served("a")
    assert len(served) == len(set(served)) >= 2 * RECORDS

    published = jobs.submit("a", "publish", "--json")
    assert published.code == 0, published.told()
    assert json_of(published)["release"]["rows"] > 0
    assert len(jobs.served("a")) == len(served)
    wait_until_gone(jobs)


@pytest.mark.slow
@pytest.mark.timeout(5400)
@pytest.mark.parametrize("form", [from_checkout, from_wheel])
def test_every_stage_is_a_job_of_its_own(jobs: Jobs, form: Callable[[Path], Form], tmp_path: Path):
    root, own = form.__name__, Jobs(jobs.cluster, form(tmp_path))
    fresh = (
        f"engine.revision={root}",
    )  # machines keep replies: of another run's model they would answer without a call
    for stage in Stage:
        ran = own.submit(root, stage, *(["--json"] if stage is not Stage.REPORT else []), more=fresh)
        assert ran.code == 0, ran.told()
        if stage is Stage.REPORT:
            assert Path(ran.out.splitlines()[-1]).stat().st_size > 10_000
        else:
            assert f": {stage} is done" in ran.out
    served = own.served(root)
    assert len(served) == len(set(served)) >= 2 * RECORDS
    whole = own.submit(root, "run", "--json", more=fresh)
    assert whole.code == 0, whole.told()
    assert json_of(whole)["release"]["is_new"] is False
    assert own.served(root) == served


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_environment_is_shipped(jobs: Jobs, tmp_path: Path):
    looked = Jobs(jobs.cluster, from_wheel(tmp_path)).submit("d", "doctor", "--executors", "--json")
    assert looked.code == 0, looked.told()
    found = {(one["executor"], one["check"]): one["found"] for one in json_of(looked)}
    executors = {executor for executor, _ in found} - {"driver"}
    assert len(executors) == WORKERS
    for executor in executors:  # from the archive that Spark unpacked there, the code as well
        assert found[executor, "Python"].endswith("environment/bin/python")
        assert "environment/lib/python" in found[executor, "code"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_doctor_looks_at_every_executor(jobs: Jobs):
    looked = jobs.submit("b", "doctor", "--executors", "--json")
    findings = json_of(looked)
    assert looked.code == 0, looked.told()
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


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_doctor_says_what_is_amiss_and_what_to_do(jobs: Jobs):
    more = ("storage.host_dir=$MAMMOTH_NOWHERE", "engine.kind=vllm", "engine.model=/nowhere", "engine.revision=x",
            "engine.python=/nowhere/python", "engine.vision=true")  # fmt: skip
    looked = jobs.submit("b", "doctor", "--executors", "--json", more=more)
    assert looked.code == 2, looked.told()
    amiss = [one for one in json_of(looked) if not one["ok"]]
    assert all(one["next_step"] for one in amiss)
    told = {(one["executor"], one["check"]): one["next_step"] for one in amiss}
    assert len({executor for executor, _ in told}) == WORKERS
    steps = {check: step for (_, check), step in told.items()}
    assert "spark.executorEnv" in steps["HOST_DIR"]
    assert "mammoth-vl engine install --prefix DIR" in steps["engine main"]
    assert {"HOST_DIR", "engine main"} <= set(steps)
    assert "Python" not in steps


WRONG = {
    2: ("spark.mastr=x", ("config", "show"), "spark.mastr"),
    4: ("storage.sources_root=nowhere", ("run",), "folder nowhere does not exist"),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("code", WRONG)
def test_exit_codes_come_out_of_spark_submit(jobs: Jobs, code: int):
    setting, arguments, words = WRONG[code]
    ran = jobs.submit("c", *arguments, more=(setting,))
    assert ran.code == code, ran.told()
    assert words in ran.out
    assert "Traceback" not in ran.out
