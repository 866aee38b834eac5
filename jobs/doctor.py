"""What a cluster offers to a run: every executor is looked at by one task."""

import platform
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial

import pyarrow as pa
from pyspark.sql import SparkSession

from jobs.ask import gpu_addresses
from jobs.engines import load_engines
from jobs.run import Options
from jobs.session import DELTA_PACKAGE, SPARK_ERRORS, cancel_jobs, executor_count, spark_session
from jobs.tables import Tables
from schemas.errors import PipelineError
from udfs import files
from udfs.code import code_digest
from udfs.engine.settings import EngineSettings
from udfs.machine import Finding, Wanted, look

COLUMNS = "executor string, check string, ok boolean, found string, next_step string"
DRIVER = "driver"
ROUNDS = 3
SETTLE_S, SETTLE_LIMIT_S = 2.0, 20.0
"""Executors that register one after the other are waited for so long."""
NONE_STEP = (
    "look at the cluster's page: no worker may have the cores, memory or GPUs that an executor is to have "
    "(spark.executor.*), or executors may come later than --wait"
)


def examine(options: Options, wait_s: int) -> list[Finding]:
    """Findings about the driver and every executor; the first executor is waited for `wait_s`."""
    config = options.config
    root = Tables(None, config.storage).root  # type: ignore[arg-type]  # only names are asked of it
    engines: tuple[EngineSettings, ...] = ()
    amiss: list[Finding] = []
    try:
        engines = tuple(load_engines(config, options.prompts, root).settings.values())
    except PipelineError as error:
        amiss.append(Finding(DRIVER, "engines", False, str(error.args[0]), error.next_step))
    spark = spark_session(config)
    folder = files.join(root, "doctor", uuid.uuid4().hex[:12])
    wanted = Wanted(
        root=root,
        marker=files.join(folder, "driver"),
        python=platform.python_version(),
        code=code_digest(),
        sources_root=_sources_root(config.storage.sources_root),
        engines=engines,
        host_dir=config.storage.host_dir,
    )
    found = [*amiss, *_driver(spark, wanted)]
    try:
        unreached = _unreached(spark, wait_s)
        if unreached:
            return [*found, unreached]
        return [*found, _delta(spark, files.join(folder, "delta")), *_executors(spark, wanted)]
    finally:
        with suppress(PipelineError, OSError):
            files.remove(folder)


def _unreached(spark: SparkSession, wait_s: int) -> Finding | None:
    """Why no task was run, if none was; asked by a job, since with dynamic allocation no executor comes unasked."""
    timer = threading.Timer(wait_s, cancel_jobs, [spark])
    began = time.monotonic()
    timer.start()
    try:
        spark.range(1).collect()
    except SPARK_ERRORS as error:
        late = time.monotonic() - began >= wait_s
        return (
            Finding(DRIVER, "executors", False, f"none took a task in {wait_s} s", NONE_STEP)
            if late
            else _broken(error)
        )
    finally:
        timer.cancel()
    return None


def _sources_root(configured: str) -> str:
    """The folder as executors are to see it; they have working folders of their own."""
    local = files.local_path(configured)
    place = local or configured
    return place if files.exists(place) else ""


def _driver(spark: SparkSession, wanted: Wanted) -> Iterator[Finding]:
    yield Finding(DRIVER, "Spark", True, f"{spark.version}, Python {wanted.python}, code {wanted.code}")
    try:
        files.write_bytes(wanted.marker, b"mammoth-vl doctor")
        yield Finding(DRIVER, "ROOT", True, f"writes {wanted.root}")
    except (OSError, PipelineError) as error:
        step = f"storage.root must be a place that Spark can write; it is {wanted.root}"
        yield Finding(DRIVER, "ROOT", False, f"cannot be written from Python: {error}", step)


def _delta(spark: SparkSession, table: str) -> Finding:
    try:
        spark.range(1).write.format("delta").save(table)
        spark.read.format("delta").load(table).collect()
    except Exception as error:  # noqa: BLE001 - py4j and pyspark raise what the JVM raised
        words = str(error).splitlines()[0]
        missing = "Failed to find the data source: delta" in words or "io.delta" in words
        step = (
            f"give spark-submit --packages {DELTA_PACKAGE}"
            if missing
            else "look at storage.root, then run doctor again"
        )
        return Finding(DRIVER, "Delta", False, words[:300], step)
    return Finding(DRIVER, "Delta", True, "a table was written and read below ROOT")


def _executors(spark: SparkSession, wanted: Wanted) -> list[Finding]:
    """As many tasks as there are slots, so that none is left out; one answer per executor is kept."""
    found: dict[str, dict[str, Finding]] = {}
    known = _settled(spark)
    for _ in range(ROUNDS):
        try:
            for finding in _round(spark, partial(look_rows, wanted=wanted)):
                found.setdefault(finding.executor, {})[finding.check] = finding
        except SPARK_ERRORS as error:
            return [_broken(error)]
        known = executor_count(spark)
        if len(found) >= known:
            break
        time.sleep(SETTLE_S)
    rows = [finding for name in sorted(found) for finding in found[name].values()]
    if len(found) < known:
        step = "look at the cluster's page: an executor whose slots are all taken runs no task"
        rows.append(Finding(DRIVER, "executors", False, f"{len(found)} of {known} executors answered", step))
    else:
        rows.append(Finding(DRIVER, "executors", True, f"{known} registered, all answered"))
    return rows


def _settled(spark: SparkSession) -> int:
    began = changed = time.monotonic()
    known = executor_count(spark)
    while time.monotonic() - changed < SETTLE_S and time.monotonic() - began < SETTLE_LIMIT_S:
        time.sleep(0.2)
        now = executor_count(spark)
        if now != known or not known:
            known, changed = now, time.monotonic()
    return known


def _round(spark: SparkSession, work: "partial[Iterator[pa.RecordBatch]]") -> Iterator[Finding]:
    tasks = max(2, spark.sparkContext.defaultParallelism)
    rows = spark.range(0, tasks, 1, tasks).mapInArrow(work, COLUMNS).collect()
    return (Finding(**row.asDict()) for row in rows)


def _broken(error: Exception) -> Finding:
    lines = [line for line in str(error).splitlines() if line and not line.startswith((" ", "\t"))]
    told = next((line for line in lines if "Error" in line and "Exception" not in line), lines[0] if lines else "")
    if "ModuleNotFoundError" in told:
        step = (
            "give --py-files the zip that `mammoth-vl bundle` writes, and ship requirements/spark.txt as an environment"
        )
    else:
        step = "read the log of the executors"
    return Finding(DRIVER, "executors", False, told[:300], step)


def look_rows(batches: Iterable[pa.RecordBatch], wanted: Wanted) -> Iterator[pa.RecordBatch]:
    """Findings of one task; several of one executor say the same."""
    for _ in batches:
        pass
    yield pa.RecordBatch.from_pylist([asdict(finding) for finding in look(wanted, gpu_addresses())])


def failed(findings: Sequence[Finding]) -> bool:
    """Whether anything is amiss."""
    return not all(finding.ok for finding in findings)
