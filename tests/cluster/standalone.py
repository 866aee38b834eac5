"""A Spark Standalone cluster for tests: a master and two workers as processes on loopback, from pip's pyspark."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar
from urllib.request import urlopen

import pyspark

from jobs.session import delta_jars
from udfs.engine.guard import descendants

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
SPARK_HOME = Path(pyspark.__file__).parent
WORKERS = 2
GPUS = 2
"""Pretended ones of each worker."""
QUICK = "-XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=4 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC"
"""JVMs of a minute end before Java's second compiler pays."""
HOST_DIR = "$MAMMOTH_TEST_HOST_DIR"
"""What the configuration says; each worker fills in its own, as machines with different disks do."""

DISCOVERY = """#!/bin/sh
echo '{"name": "gpu", "addresses": ["0", "1"]}'
"""
NVIDIA_SMI = """#!/bin/sh
case "$1" in
  --query-gpu=uuid) for gpu in 0 1; do echo "GPU-$MAMMOTH_TEST_WORKER-$gpu"; done ;;
  *) for gpu in 0 1; do echo "GPU-$MAMMOTH_TEST_WORKER-$gpu, Pretended, 81920 MiB, 580.0"; done ;;
esac
"""


@dataclass(frozen=True)
class Submitted:
    """What spark-submit said and took."""

    code: int
    out: str
    err: str
    seconds: float

    def told(self) -> str:
        """The end of both, for a test that fails."""
        return f"{self.out[-2000:]}\n{self.err[-2000:]}"


@dataclass(frozen=True)
class Job:
    """A spark-submit at work."""

    process: "subprocess.Popen[bytes]"
    out: IO[str]
    err: IO[str]

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def interrupt(self) -> None:
        """Ctrl-C, as a terminal sends it to all processes of the job."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self, limit_s: float = 900) -> Submitted:
        """What it said until it ended; one that takes longer is killed."""
        began = time.monotonic()
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        said = []
        for stream in (self.out, self.err):
            with stream:
                stream.seek(0)
                said.append(stream.read())
        return Submitted(code, *said, time.monotonic() - began)


@dataclass
class Cluster:
    """A running cluster, and what is needed to submit to it."""

    folder: Path
    master: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def worker_folder(self, number: int) -> Path:
        """HOST_DIR of a worker."""
        return self.folder / f"h{number}"

    def command(self, options: Sequence[str], *arguments: str) -> list[str]:
        """spark-submit with small executors, two GPUs each."""
        settings = {
            "spark.executor.memory": "512m",
            "spark.driver.memory": "768m",
            "spark.executor.cores": "2",
            "spark.executor.resource.gpu.amount": str(GPUS),
            "spark.task.resource.gpu.amount": "1",
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.executor.extraJavaOptions": QUICK,
        }
        conf = [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
        submit = [str(SPARK_HOME / "bin" / "spark-submit"), "--master", self.master, "--jars", ",".join(delta_jars())]
        return [*submit, *conf, *options, *arguments]

    def start(self, options: Sequence[str], *arguments: str) -> "Job":
        """spark-submit in a process group of its own; `options` are Spark's, `arguments` begin with the script."""
        # Files: a pipe that nobody empties stops who writes into it.
        out, err = (tempfile.TemporaryFile("w+", dir=self.folder) for _ in range(2))  # noqa: SIM115 - `end` closes them
        process = subprocess.Popen(
            self.command(options, *arguments), stdout=out, stderr=err, cwd=self.folder, start_new_session=True,
            env=plain_environment(PYSPARK_PYTHON=sys.executable),
        )  # fmt: skip
        return Job(process, out, err)

    def lose_worker(self, number: int) -> None:
        """Kills a worker and its executors, as a machine does that loses its power."""
        lost = self.processes[1 + number]
        for pid in [lost.pid, *descendants(lost.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        lost.wait()

    def log(self) -> str:
        """The end of what master and workers wrote."""
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in sorted(self.folder.glob("*.log")))


def plain_environment(**more: str) -> dict[str, str]:
    """The environment without what a Spark of this process has put there."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYSPARK_", "SPARK_", "PYTHON"))}
    quick = {"SPARK_SUBMIT_OPTS": QUICK, "SPARK_DAEMON_JAVA_OPTS": QUICK}
    return {**kept, **quick, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_NO_DAEMONIZE": "1", **more}


def _executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def _start(cluster: Cluster, name: str, arguments: Sequence[str], **env: str) -> None:
    log = (cluster.folder / f"{name}.log").open("wb")
    command = [str(SPARK_HOME / "bin" / "spark-class"), *arguments]
    environment = plain_environment(SPARK_DAEMON_MEMORY="256m", **env)
    cluster.processes.append(
        subprocess.Popen(command, stdout=log, stderr=log, cwd=cluster.folder, env=environment, start_new_session=True)
    )


def _state(port: int) -> str:
    try:
        with urlopen(f"http://127.0.0.1:{port}/json/", timeout=5) as page:
            return page.read().decode()
    except OSError:
        return ""


def _ports(log: Path) -> tuple[int, int] | None:
    """The ports that a master chose: for workers, for people."""
    text = log.read_text(errors="replace")
    if "Starting Spark master at" not in text or "Bound MasterWebUI to" not in text:
        return None
    service = text.split("Starting Spark master at spark://127.0.0.1:")[1].split()[0]
    page = text.split("Bound MasterWebUI to")[1].split("http://")[1].split(":")[1].split()[0]
    return int(service), int(page)


@contextmanager
def standalone(folder: Path) -> Iterator[Cluster]:
    """Master and workers, up and registered; none of their processes outlives the body."""
    cluster = Cluster(folder)
    discovery = _executable(folder / "gpus.sh", DISCOVERY)
    smi = _executable(folder / "bin" / "nvidia-smi", NVIDIA_SMI)
    resource = f"-Dspark.worker.resource.gpu.amount={GPUS} -Dspark.worker.resource.gpu.discoveryScript={discovery}"
    try:
        place = ("--host", "127.0.0.1", "--webui-port", "0")
        _start(cluster, "master", ("org.apache.spark.deploy.master.Master", *place, "--port", "0"))
        ports = _wait(lambda: _ports(folder / "master.log"), cluster)
        cluster.master = f"spark://127.0.0.1:{ports[0]}"
        for number in range(WORKERS):
            _start(
                cluster, f"worker{number}",
                ("org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--cores", "2", "--memory", "1g",
                 "--webui-port", "0", "--work-dir", str(folder / f"work{number}"), cluster.master),
                SPARK_WORKER_OPTS=resource, MAMMOTH_TEST_WORKER=str(number),
                MAMMOTH_TEST_HOST_DIR=str(cluster.worker_folder(number)),
                PATH=f"{smi.parent}{os.pathsep}{os.environ['PATH']}",
            )  # fmt: skip
        _wait(lambda: _state(ports[1]).count('"state" : "ALIVE"') >= WORKERS, cluster)
        yield cluster
    finally:
        for process in reversed(cluster.processes):
            with suppress(ProcessLookupError):  # one that a test has lost
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(condition: Callable[[], T], cluster: Cluster, limit_s: float = 90.0) -> T:
    deadline = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < deadline, cluster.log()
        assert all(process.poll() is None for process in cluster.processes), cluster.log()
        time.sleep(0.1)
    return found
