"""What tests of several folders share: one Spark session, and folders for engine hosts that leave nothing behind."""

import json
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from corpora import Answered, answered
from engines import demo, replayed, tiny_model  # noqa: F401 - fixtures of real engines
from pyspark.sql import SparkSession
from xdist.scheduler import LoadScopeScheduling

from jobs.session import FEW_ROWS, spark_session
from schemas.config import Profile, load_config
from udfs.engine.control import list_hosts
from udfs.engine.processes import send, sweep
from udfs.engine.state import states


def pytest_configure(config: pytest.Config) -> None:
    # pyspark leaves the sockets of collect() to the garbage collector.
    config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")


# What is made once and takes minutes, longest first: the files that ask for it share a worker.
SHARED = ("demo: Demo", "replayed: Replay", "done: Answered")
SESSION = re.compile(r"\b(spark: SparkSession|[a-z]+: Tables)\b")
WORKERS, WORKER_GB = 2, 8


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: sessions of Spark side by side, as many as cores and memory are there for; none is plain pytest."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    workers = min(WORKERS, os.cpu_count() or 1, memory // WORKER_GB)
    return workers if workers > 1 else 0


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """A scheduler of xdist's own, with other scopes."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


class ByFile(LoadScopeScheduling):
    """Tests of a file stay together, and so do files that share something costly."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((shared for shared in SHARED if shared in _text(Path(self.config.rootpath, file))), file)


@cache
def _text(file: Path) -> str:
    return file.read_text("utf-8")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, so that workers end together."""

    def place(item: pytest.Item) -> int:
        text = _text(item.path)
        found = next((at for at, shared in enumerate(SHARED) if shared in text), None)
        return len(SHARED) + (SESSION.search(text) is None) if found is None else found

    items.sort(key=place)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    scratch = tmp_path_factory.mktemp("spark")
    settings = ["spark.master=local[4]", "spark.shuffle_partitions=1", f"storage.root={scratch}"]
    extra = {"spark.sql.warehouse.dir": str(scratch), **FEW_ROWS}
    session = spark_session(load_config(Profile.LAPTOP, None, [*settings, f"spark.extra={json.dumps(extra)}"]))
    yield session
    session.stop()


def _clean_hosts() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mv"))
    yield folder
    for host in list_hosts(str(folder)):
        send(host.pid, signal.SIGKILL)
    for _, host in states(folder):
        assert sweep(host.token) == []
    shutil.rmtree(folder)


@pytest.fixture
def hosts() -> Iterator[Path]:
    """HOST_DIR of a test: a short path, as sockets need it; whatever a test leaves there is ended."""
    yield from _clean_hosts()


@pytest.fixture(scope="module")
def module_hosts() -> Iterator[Path]:
    """The same for fixtures that a module shares."""
    yield from _clean_hosts()


@pytest.fixture(scope="session")
def session_hosts() -> Iterator[Path]:
    """The same for fixtures that all tests share."""
    yield from _clean_hosts()


@pytest.fixture(scope="session")
def done(spark: SparkSession, session_hosts: Path, tmp_path_factory: pytest.TempPathFactory) -> Answered:
    """Over 500 samples, normalised and rewritten on the stub; nobody may change its tables."""
    return answered(spark, tmp_path_factory.mktemp("answered"), session_hosts)
