"""The command as a user runs it: interrupted, killed in mid-run, run again; it pays once and leaves no process."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from corpora import SHAPES, Answered, asked, counted, stub_settings, write_catalogue, write_json, write_pictures

from jobs.cli import app
from udfs.engine.control import list_hosts
from udfs.engine.guard import descendants
from udfs.engine.processes import carrying, start_time
from udfs.engine.state import states

ROOT = Path(__file__).parents[2]
MAIN = "from jobs.cli.app import main; main()"
SAMPLES, WINDOW = 100, 10
HELD = 60
"""Calls that an engine answers while it is held, so that no run is over before it is interrupted or killed."""
Start = Callable[..., subprocess.Popen[str]]


def slow_stub(root: Path, hosts: Path) -> list[str]:
    """Settings with a stub that takes its time, and can be held."""
    held = {"holds": str(hosts / "hold"), "held_after": HELD}
    settings = stub_settings(root, hosts, {"latency_s": 0.15, **held})
    return [*settings, "judging.score_share=0", "spending.tasks_per_wave=1"]


def as_options(chosen: Sequence[str]) -> list[str]:
    return [part for setting in chosen for part in ("--set", setting)]


@pytest.fixture
def start(tmp_path: Path, hosts: Path) -> Iterator[Start]:
    """Starts the command on a small corpus, in a process of its own; a pipe, no terminal."""
    write_pictures(tmp_path / "sources" / "shapes", range(20))
    write_json(tmp_path / "sources" / "shapes" / "a.json", [asked([f"p{n % 20}.png"], n) for n in range(SAMPLES)])
    catalogue = write_catalogue(tmp_path / "catalogue", [SHAPES])
    options = [*as_options(slow_stub(tmp_path, hosts)), "--catalogue", str(catalogue)]
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", MAIN, *options, *arguments]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        running.append(subprocess.Popen(command, cwd=tmp_path, env=env, start_new_session=True, **pipes))
        return running[-1]

    yield begin
    for process in running:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(condition: Callable[[], object], limit_s: float = 400.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def left(hosts: Path) -> list[int]:
    """Processes of engine hosts that still run: hosts, guards, engines."""
    return [pid for _, host in states(hosts) for pid in carrying(host.token)]


def command(*arguments: str) -> int:
    """The command in this process, on the shared session; its exit code."""
    with pytest.raises(SystemExit) as caught:
        app.main(arguments)
    return int(str(caught.value.code))


def assert_paid_once(hosts: Path) -> None:
    """Every sample was rewritten and judged, and at most one window was paid for twice."""
    served = [line["key"] for line in counted(hosts)]
    assert len(set(served)) == 2 * SAMPLES
    assert len(served) - len(set(served)) <= WINDOW


def test_interrupted_then_completed(done: Answered, tmp_path: Path, hosts: Path, capsys: pytest.CaptureFixture[str]):
    for table in ("samples", "media", "media_bytes"):
        shutil.copytree(done.tables.path(table), tmp_path / "out" / "tables" / table)
    buckets = f"storage.media_buckets={done.config.storage.media_buckets}"
    options = as_options([*slow_stub(tmp_path, hosts), buckets, f"rewriting.max_samples={SAMPLES}"])

    (hosts / "hold").touch()

    def interrupt() -> None:
        wait_for(lambda: len(counted(hosts)) >= 10)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    watcher = threading.Thread(target=interrupt)
    watcher.start()
    assert command(*options, "rewrite") == 130
    watcher.join()
    complaint = capsys.readouterr().err
    assert "run again to go on" in complaint
    assert "Traceback" not in complaint
    assert 10 <= len(counted(hosts)) <= HELD

    (hosts / "hold").unlink()
    assert command("--quiet", *options, "rewrite", "--json") == 0
    output, complaint = capsys.readouterr()
    assert complaint == ""
    assert [(stage["stage"], stage["rows_out"]) for stage in json.loads(output)["stages"]] == [("rewrite", SAMPLES)]
    assert_paid_once(hosts)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_interrupted_then_killed_then_completed(start: Start, hosts: Path):
    (hosts / "hold").touch()
    first = start("run", "--until", "rewrite")
    wait_for(lambda: len(counted(hosts)) >= 10 or first.poll() is not None)
    first.send_signal(signal.SIGINT)
    _, complaint = first.communicate(timeout=300)
    assert first.returncode == 130, complaint
    assert "run again to go on" in complaint
    assert "Traceback" not in complaint
    assert " ERROR " not in complaint  # what Spark says of tasks that were cancelled
    assert list_hosts(str(hosts)) == []
    assert left(hosts) == []

    interrupted = len(counted(hosts))
    second = start("run", "--until", "rewrite")
    wait_for(lambda: len(counted(hosts)) >= interrupted + 30 or second.poll() is not None)
    assert second.poll() is None, (interrupted, len(counted(hosts)), second.communicate())
    jvm = next(pid for pid in descendants(second.pid) if b"java" in Path(f"/proc/{pid}/cmdline").read_bytes()[:200])
    os.kill(second.pid, signal.SIGKILL)
    os.kill(jvm, signal.SIGKILL)
    second.communicate()
    wait_for(lambda: start_time(jvm) is None and not left(hosts), 60)

    assert len(counted(hosts)) <= 2 * HELD < 2 * SAMPLES
    (hosts / "hold").unlink()
    third = start("--quiet", "run", "--until", "judge", "--json")
    output, complaint = third.communicate(timeout=500)
    assert third.returncode == 0, complaint
    assert [line for line in complaint.splitlines() if "incubator" not in line] == []  # the JVM's own word
    assert [(stage["stage"], stage["rows_out"]) for stage in json.loads(output)["stages"]] == [
        ("dedup", SAMPLES), ("rewrite", SAMPLES), ("judge", SAMPLES)
    ]  # fmt: skip
    assert_paid_once(hosts)
    assert left(hosts) == []


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_pilots_calls_are_reused_by_the_full_run(start: Start, hosts: Path):
    pilot = start("run", "--limit", "20", "--until", "rewrite")
    _, progress = pilot.communicate(timeout=500)
    assert pilot.returncode == 0, progress
    paid = counted(hosts)
    assert len(paid) == 40
    full = start("run", "--until", "rewrite", "--json")
    output, progress = full.communicate(timeout=500)
    assert full.returncode == 0, progress
    stage = next(stage for stage in json.loads(output)["stages"] if stage["stage"] == "rewrite")
    assert (stage["rows_out"], stage["calls_new"]) == (SAMPLES, 2 * SAMPLES - 40)
    served = [line["key"] for line in counted(hosts)]
    assert len(served) == len(set(served)) == 2 * SAMPLES
