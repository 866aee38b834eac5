"""Views, stage code and functions of ours from a client without a JVM: a real Spark Connect server, a real client."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark
import pytest
from corpora import Answered, counted, stub_settings
from pyspark.sql import SparkSession

from jobs.session import delta_jars
from jobs.tables import Tables
from jobs.views import packaged_views, register_views
from schemas.config import Storage

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / ".venv-connect" / "bin" / "python"
(EXAMPLE,) = re.findall(
    r"```python\n(.+?)```", (ROOT / "docs" / "sql.md").read_text("utf-8").partition("Spark Connect")[2], re.DOTALL
)
LINES = (
    'SparkSession.builder.remote("sc://127.0.0.1:15002")',
    'addArtifacts("mammoth_vl.zip", pyfile=True)',
    '["storage.root=.demo", "engine.path=.demo/models/smollm2-135m"]',
)
REPORT = """
from jobs.rewrite import derive_rewritten
from jobs.stages import Run
from jobs.progress import Progress
from jobs.views import packaged_views
import json
engines = load_engines(config, None, tables.root)
counts = {name: spark.table(name).count() for name in packaged_views()}
again = [row.again.asDict() for row in spark.sql(
    "SELECT vl_rewrite(category, q, a, NULL, NULL) AS again FROM pairs").collect()]
judged = spark.sql("SELECT vl_judge('q', 'a', NULL, 'e') AS v").first().v.asDict()
derived = derive_rewritten(Run("remote", config, tables, engines, Progress(quiet=True)))
print(json.dumps({"client": type(spark).__module__, "counts": counts, "again": again, "judged": judged,
                  "derived": derived, "created": tables.ensure("gates").name}))
"""


@dataclass(frozen=True)
class Server:
    """A Spark Connect server on loopback; `root` is a copy that may be written to."""

    port: int
    log: Path

    def ask(self, example: str, settings: Sequence[str], bundle: Path) -> dict[str, Any]:
        """Runs the documented example with other places, and a report after it, as a client."""
        ours = (f'SparkSession.builder.remote("sc://127.0.0.1:{self.port}")', f'addArtifacts("{bundle}", pyfile=True)')
        for line, own in zip(LINES, (*ours, json.dumps(list(settings))), strict=True):
            assert line in example
            example = example.replace(line, own)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYSPARK_", "SPARK_"))}
        environment["PYTHONPATH"] = str(ROOT)
        done = subprocess.run(
            [CLIENT, "-c", example + REPORT], capture_output=True, text=True, check=False, env=environment, timeout=240
        )
        assert done.returncode == 0, done.stderr[-4000:] + self.log.read_text()[-2000:]
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("connect")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.shuffle.partitions": "1",
        "spark.ui.enabled": "false",
        "spark.sql.warehouse.dir": str(folder),
    }
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    command = [str(submit), "--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    command += ["--master", "local[2]", "--driver-memory", "1g", "--jars", ",".join(delta_jars())]
    command += [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    environment.pop("PYTHONPATH", None)
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "spark-internal"], stdout=out, stderr=out, env=environment, cwd=folder, stdin=subprocess.DEVNULL
        )
    try:
        _wait(process, port, log)
        yield Server(port, log)
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(log.read_text()[-3000:])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("bundle") / "mammoth_vl.zip"
    command = [str(Path(sys.executable).parent / "mammoth-vl"), "bundle", str(target)]
    subprocess.run(command, check=True, capture_output=True)
    return target


@pytest.mark.slow
def test_a_client_without_a_jvm(
    spark: SparkSession, done: Answered, server: Server, bundle: Path, hosts: Path, tmp_path: Path
):
    shutil.copytree(Path(done.tables.root), tmp_path / "out")
    small = ["engine.max_pictures=4", "storage.media_buckets=3"]  # as the run was made
    told = server.ask(EXAMPLE, [*stub_settings(tmp_path, hosts), *small], bundle)
    assert told["client"] == "pyspark.sql.connect.session"

    here = spark.newSession()
    register_views(Tables(here, done.tables.storage))
    assert told["counts"] == {name: here.table(name).count() for name in packaged_views()}
    assert told["counts"]["before_after"] > 100

    assert [row["status"] for row in told["again"]] == ["ok", "ok"]
    assert told["judged"]["status"] == "ok"
    assert len(counted(hosts)) >= 2  # by a stub that the server's workers started

    copy = Tables(spark, Storage(root=str(tmp_path / "out")))
    before, after = (sorted(tables.read("rewritten").toJSON().collect()) for tables in (done.tables, copy))
    assert before == after
    assert told["derived"] > 100
    assert copy.version("rewritten") == done.tables.version("rewritten") + 1
    assert copy.exists(told["created"])
