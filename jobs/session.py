"""The Spark session: an existing one as it is, or a new one with Delta."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import as_file, files
from pathlib import Path

import pyspark
from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # py4j ships no types
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from jobs.java import java_major
from schemas.config import Config
from schemas.errors import ConfigError, InputError
from udfs.engine.settings import host_folder
from udfs.engine.state import private_folder

DELTA_PACKAGE = "io.delta:delta-spark_4.1_2.13:4.4.0"
"""Maven coordinates of Delta for Spark 4.1; also the value for `spark-submit --packages`."""
SPARK_ERRORS = (PySparkException, Py4JError)
"""A task that fails while a table is written comes as py4j's own error."""

BYTES_SETTINGS: Mapping[str, str] = {
    # Rows that carry pictures: small batches, or Spark's readers hold thousands of them at once.
    "spark.sql.parquet.columnarReaderBatchSize": "32",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "256",
    "spark.sql.execution.arrow.maxBytesPerBatch": "8388608",
    "spark.hadoop.parquet.block.size": str(16 << 20),
    "spark.hadoop.parquet.page.size.row.check.min": "10",
    "spark.hadoop.parquet.page.size.row.check.max": "10",
}
SESSION_SETTINGS: Mapping[str, str] = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # Delta reads its log with 50 tasks unless told otherwise: seconds for each look at a small table.
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.speculation": "false",
}
LOCAL_SETTINGS: Mapping[str, str] = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.python.daemon.module": "jobs.worker_daemon",
}
"""For a session within one process: on a cluster, executors must find the driver, and people its UI."""
FEW_ROWS: Mapping[str, str] = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
"""For a session whose tables are small: plans of few rows run sooner than they compile."""


def told_by(error: Exception) -> str:
    """What an error of Spark says in one line; py4j's own first line only says that there was a call."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    causes = [line for line in lines if line.startswith("Caused by: ")]
    if not lines[0].startswith("An error occurred while calling"):
        return lines[0]
    return (causes[-1] if causes else lines[min(1, len(lines) - 1)]).removeprefix("Caused by: ").removeprefix(": ")


def jar_cache() -> Path:
    """Folder of Delta's jars for local sessions, shared by all checkouts of a user."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "mammoth-vl" / DELTA_PACKAGE.rpartition(":")[2]


def delta_jars() -> list[str]:
    """Local paths of Delta's jars, resolved once by Spark's own package resolution.

    Jars given as `spark.jars` are not put on every Python worker's path, which `spark.jars.packages` would do.
    """
    cache = jar_cache()
    done = cache / "complete"
    if not done.exists():
        _resolve_jars(cache)
        done.touch()
    shipped = {path.name for path in (Path(pyspark.__file__).parent / "jars").glob("*.jar")}
    # Resolved jars are named group_artifact-version.jar; Spark brings most of what Delta depends on.
    return sorted(str(p) for p in (cache / "jars").glob("*.jar") if p.name.partition("_")[2] not in shipped)


def _resolve_jars(cache: Path) -> None:
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    cache.mkdir(parents=True, exist_ok=True)
    nothing = cache / "nothing.py"
    nothing.write_text("")
    with as_file(files("jobs").joinpath("ivysettings.xml")) as settings:
        command = [
            *(str(submit), "--master", "local[1]", "--packages", DELTA_PACKAGE),
            *("--conf", f"spark.jars.ivySettings={settings}", "--conf", f"spark.jars.ivy={cache}", str(nothing)),
        ]
        environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
        ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if ran.returncode != 0 or not list((cache / "jars").glob("io.delta_delta-spark*.jar")):
        tail = "\n".join((ran.stdout + ran.stderr).strip().splitlines()[-5:])
        raise InputError(
            f"Delta's jars ({DELTA_PACKAGE}) could not be fetched: {tail}",
            "check that Maven Central can be reached, or start Spark with --packages and a mirror",
        )


def own_settings(config: Config) -> dict[str, str]:
    """What only a JVM of our own takes: memory, Delta's jars by path, and for a local one a log of its own."""
    own = {"spark.driver.memory": config.spark.driver_memory, "spark.jars": ",".join(delta_jars())}
    if not is_local(config):
        return own
    folder = Path(host_folder(config.storage.host_dir))
    private_folder(folder)
    log = Path(str(files("jobs").joinpath("log4j2.properties")))
    options = f'-Dlog4j2.configurationFile={log.as_uri()} "-Dmammoth.log={folder / "spark.log"}"'
    return {**own, **LOCAL_SETTINGS, "spark.driver.extraJavaOptions": options}


def is_local(config: Config) -> bool:
    """Whether the configuration asks for driver and executors in one process; spark-submit's --master stands above."""
    return config.spark.master.startswith("local")


def given_settings() -> dict[str, str]:
    """What spark-submit was given by --conf, by its other options and by spark-defaults.conf."""
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return {}
    from pyspark import SparkConf, SparkContext  # a Spark Connect client, which imports this module, has neither

    SparkContext._ensure_initialized()
    return dict(SparkConf().getAll())


def settings_for(config: Config, given: Mapping[str, str], submitted: bool) -> dict[str, str]:
    """Settings of a new session; what spark-submit was given stands above ours, below `spark.extra`."""
    settings = {
        **SESSION_SETTINGS,
        **BYTES_SETTINGS,
        "spark.sql.shuffle.partitions": str(config.spark.shuffle_partitions),
        **({} if submitted else own_settings(config)),
        **given,
        **config.spark.extra,
    }
    if settings["spark.speculation"].lower() != "false":
        raise ConfigError(
            "spark.speculation is on: a speculated task asks an engine what another task is asking",
            "take it out of --conf, spark-defaults.conf and spark.extra",
        )
    return settings


def spark_session(config: Config, app: str = "mammoth-vl") -> SparkSession:
    """The active session untouched, else a new one with Delta and settings for rows that carry pictures."""
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if not submitted:
        java_major()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(app)
    if config.spark.master and not submitted:
        builder = builder.master(config.spark.master)
    if is_local(config) and not submitted:
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    for key, value in settings_for(config, given_settings(), submitted).items():
        builder = builder.config(key, value)
    try:
        session = builder.getOrCreate()
    except SPARK_ERRORS as error:
        words = next((line for line in reversed(str(error).splitlines()) if "Exception: " in line), str(error))
        raise ConfigError(
            f"Spark does not start: {words.strip(' :')[:300]}", "look at --master and at the lines of Spark's log above"
        ) from error
    if threading.current_thread() is threading.main_thread():
        # pyspark's own handler calls the JVM in the middle of another call, which ends in an error of its protocol.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return session


def local_jvm(spark: SparkSession) -> int | None:
    """Process id of the JVM whose executors are this process's own, which a run's end lets go of engine hosts by."""
    return jvm_pid(spark) if str(spark.conf.get("spark.master", "")).startswith("local") else None


def jvm_pid(spark: SparkSession) -> int:
    """Process id of the driver's JVM, which owns the engine hosts of a local run."""
    jvm = spark.sparkContext._jvm
    assert jvm is not None, "a classic session has a JVM"
    return int(jvm.java.lang.ProcessHandle.current().pid())


def executor_count(spark: SparkSession) -> int:
    """Executors that are registered now; a local session is its own."""
    jvm = spark.sparkContext._jsc
    assert jvm is not None, "a classic session has a JVM"
    return max(len(jvm.sc().statusTracker().getExecutorInfos()) - 1, int(local_jvm(spark) is not None))


def cancel_jobs(spark: SparkSession) -> None:
    """Ends the session's running jobs, so that Ctrl-C does not wait for a wave."""
    with suppress(*SPARK_ERRORS):
        spark.sparkContext.cancelAllJobs()
