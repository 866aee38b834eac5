"""Hosts of a test live in a folder of their own, and none outlives its test."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.config import Engine
from schemas.enums import EngineKind, EngineRole
from udfs.engine.control import list_hosts
from udfs.engine.processes import Owner, owner_of, send, sweep
from udfs.engine.settings import EngineSettings, resolve
from udfs.engine.state import states


@pytest.fixture
def host_dir() -> Iterator[Path]:
    """A short path, as sockets need it."""
    folder = Path(tempfile.mkdtemp(prefix="mv"))
    yield folder
    for host in list_hosts(str(folder)):
        send(host.pid, signal.SIGKILL)
    for _, host in states(folder):
        assert sweep(host.token) == []
    shutil.rmtree(folder)


@pytest.fixture
def stub_engine(host_dir: Path) -> Callable[..., EngineSettings]:
    """Settings of a stub with a script; its counts file is host_dir/counts."""

    def make(script: dict[str, Any] | None = None, max_sql_calls: int = 1000, **keys: object) -> EngineSettings:
        engine = Engine(
            name="main",
            kind=EngineKind.STUB,
            model="stub",
            roles=(EngineRole.VISION,),
            stub={"counts": str(host_dir / "counts"), **(script or {})},
            **{"ready_timeout_s": 30.0, **keys},
        )
        return resolve(engine, str(host_dir), max_sql_calls=max_sql_calls)

    return make


@pytest.fixture
def me() -> Owner:
    """This process, as the owner of hosts."""
    return owner_of(os.getpid())
