"""Real engines for the whole test session: the demo, run once, its replay, and a tiny model that reads pictures."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from udfs.engine.control import list_hosts, stop_host
from udfs.engine.settings import engine_python
from udfs.engine.state import HostState, states

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Command:
    """What a command of ours said and took."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass(frozen=True)
class Demo:
    """A finished `mammoth-vl demo`."""

    root: Path
    hosts: Path
    first: Command
    started: tuple[HostState, ...]
    """Engine hosts that it left word of."""

    def run(self, *arguments: str) -> Command:
        """Another command on the same root."""
        return run_command(self.root, self.hosts, *arguments)


def run_command(root: Path, hosts: Path, *arguments: str) -> Command:
    """`mammoth-vl` as a user runs it: its own process, somewhere else, with a plain environment."""
    began = time.monotonic()
    command = [str(BIN / "mammoth-vl"), "--root", str(root), "--set", f"storage.host_dir={hosts}", *arguments]
    own = ("PYSPARK_", "SPARK_", "PYTHON")
    env = {name: value for name, value in os.environ.items() if name == "SPARK_SUBMIT_OPTS" or not name.startswith(own)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root.parent, env=env)
    return Command(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


def vllm_python() -> str:
    """The engine's interpreter; skips where `make engine` was not run."""
    python = engine_python()
    if not (Path(python).parents[1] / "lib").is_dir() or not list(
        Path(python).parents[1].glob("lib/*/site-packages/vllm")
    ):
        pytest.skip(f"no vLLM beside {python}: run `make engine`")
    return python


@contextmanager
def engine_folder() -> Iterator[Path]:
    """HOST_DIR with a short path, as sockets need it; no host outlives it."""
    folder = Path(tempfile.mkdtemp(prefix="mv"))
    yield folder
    for host in list_hosts(str(folder)):
        stop_host(host, wait_s=10)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo as it comes, once per session; its root has a space in its path."""
    vllm_python()
    root = tmp_path_factory.mktemp("demo") / "my root"
    with engine_folder() as hosts:
        first = run_command(root, hosts, "demo")
        yield Demo(root, hosts, first, tuple(host for _, host in states(hosts)))


@dataclass(frozen=True)
class Replay:
    """A finished `mammoth-vl demo --replay`: the demo's tables where there is no engine."""

    root: Path
    done: Command
    hosts: int
    """Engine hosts that it started."""


@pytest.fixture(scope="session")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replay:
    """`demo --replay` where there is no engine, no model folder and no checkout around, once per session."""
    root = tmp_path_factory.mktemp("replay") / "my root"
    with engine_folder() as hosts:
        done = run_command(root, hosts, "--set", "engine.python=/nowhere/python", "demo", "--replay")
        return Replay(root, done, len(list(states(hosts))))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights that reads pictures: MAMMOTH_TEST_VISION_MODEL, else made in about half a minute."""
    python, made = vllm_python(), os.environ.get("MAMMOTH_TEST_VISION_MODEL")
    folder = Path(made) if made else tmp_path_factory.mktemp("tiny") / "tinyvl"
    script = ROOT / "udfs" / "engine" / "tiny_model.py"
    done = subprocess.run([python, str(script), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder
