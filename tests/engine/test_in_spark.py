"""Under Spark's own workers: kill -9 of the driver leaves no process, and the next run pays for no reply again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from asking import Make, counted, survivors

from udfs.engine.control import list_hosts

ROOT = Path(__file__).parents[2]
CALLS = 300
DRIVER = """
import json, sys
import pyarrow as pa
from pyspark.sql import SparkSession
from schemas.enums import Purpose
from udfs.engine.client import EngineClient
from udfs.engine.settings import EngineSettings
from udfs.engine.visits import run_visits
from udfs.request import Request

settings = EngineSettings.from_json(sys.argv[1])
builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
spark = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()

def ask_all(batches):
    async def ask(client, number):
        body = {"model": "stub", "messages": [{"role": "user", "content": f"hello {number}"}]}
        request = Request(f"k{number}", Purpose.REWRITE, "s", "s", "p", json.dumps(body).encode())
        return [(await client.ask(request)).status.value]
    numbers = (number for batch in batches for number in batch.column(0).to_pylist())
    for status in run_visits(numbers, ask, lambda: EngineClient.connect(settings), 16):
        yield pa.RecordBatch.from_pydict({"status": [status]})

frame = spark.range(0, int(sys.argv[2]), 1, 2).mapInArrow(ask_all, "status string")
print(frame.where("status = 'ok'").count())
"""


def drive(settings_json: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable}
    command = [sys.executable, "-c", DRIVER, settings_json, str(CALLS)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


@pytest.mark.slow
def test_kill_of_the_driver(stub_engine: Make, host_dir: Path):
    settings = stub_engine({"latency_s": 0.1}, max_num_seqs=8)
    driver = drive(settings.to_json())
    deadline = time.monotonic() + 120
    while len(counted(host_dir)) < 40:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate()
    deadline = time.monotonic() + 15
    while list_hosts(str(host_dir)) or survivors(host_dir):
        assert time.monotonic() < deadline, "a host outlived its JVM"
        time.sleep(0.05)
    output, _ = drive(settings.to_json()).communicate(timeout=180)
    assert output.strip() == str(CALLS)
    extra = sum(counted(host_dir).values()) - CALLS
    assert len(counted(host_dir)) == CALLS
    assert 0 <= extra <= settings.engine.window
