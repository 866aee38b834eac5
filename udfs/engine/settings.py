"""What an engine host needs to know, and what makes two of them the same host."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from schemas.config import Engine
from schemas.enums import EngineKind
from schemas.errors import EngineError
from udfs.engine.protocol import VERSION

_IDENTITY = ("kind", "model", "base_url", "python", "args", "env", "max_num_seqs", "max_model_len", "gpus_per_engine")
_MAX_SOCKET_PATH = 100  # the kernel's limit is 108 bytes, the terminating NUL included


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """One engine of the configuration, resolved on this machine; pickles, so that Spark can ship it."""

    engine: Engine
    revision: str
    host_dir: str
    """As configured where only the machine of a task knows it; `on_this_machine` makes it a folder."""
    model_path: str = ""
    """Absolute folder, or the name as configured where there is no such folder."""
    gpus: tuple[str, ...] = ()
    status_dir: str = ""
    """Local folder for `<host>.json`, written every 5 s; empty: none."""
    max_sql_calls: int = 1000
    """New keys that one query session may cause."""

    @property
    def identity(self) -> str:
        """Hash of model, revision, arguments, environment and GPUs: equal identities share one host."""
        chosen = self.engine.model_dump(mode="json", include={*_IDENTITY, "stub", "vision"})
        facts = [chosen, self.revision, self.model_path, list(self.gpus), VERSION]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

    def path(self, suffix: str) -> Path:
        """This host's file of a kind: sock, engine.sock, json, lock, log, ..."""
        return Path(self.host_dir) / f"{self.identity}.{suffix}"

    @property
    def response_log(self) -> Path:
        """One log for all engines of a machine; a stub's replies never stand in for real ones."""
        stub = self.engine.kind is EngineKind.STUB
        return Path(self.host_dir) / ("responses-stub.db" if stub else "responses.db")

    def to_json(self) -> str:
        """For the host's command line."""
        return json.dumps({**asdict(self), "engine": self.engine.model_dump(mode="json")})

    @classmethod
    def from_json(cls, text: str) -> "EngineSettings":
        """The other way round."""
        tree: dict[str, Any] = json.loads(text)
        return cls(**{**tree, "engine": Engine.model_validate(tree["engine"]), "gpus": tuple(tree["gpus"])})


def resolve(engine: Engine, host_dir: str = "", status_dir: str = "", max_sql_calls: int = 1000) -> EngineSettings:
    """Settings for an engine of the configuration; its model folder, where it is one, is read for the revision."""
    named = engine.path or engine.model
    path = Path(named).resolve() if Path(named).is_dir() else None
    return EngineSettings(
        engine=engine,
        revision=model_revision(engine),
        host_dir=host_dir if "$" in host_dir or not host_dir else host_folder(host_dir),
        model_path=str(path or named),
        status_dir=status_dir,
        max_sql_calls=max_sql_calls,
    )


def host_folder(configured: str) -> str:
    """HOST_DIR on this machine: as configured, $VARIABLES filled in, else a folder of the user's own below /tmp."""
    folder = os.path.expandvars(configured)
    if "$" in folder:
        raise EngineError(
            f"storage.host_dir is {configured!r}, but that variable is not set here",
            "export it where Spark's executors start (spark.executorEnv.<NAME>), or name a plain folder",
        )
    folder = folder or f"/tmp/mammoth-vl-{os.getuid()}"  # noqa: S108 - 0700 and checked for its owner
    return str(Path(folder).absolute())


def model_revision(engine: Engine) -> str:
    """The revision that is part of every call key: as configured, or a hash of the model folder."""
    if engine.revision:
        return engine.revision
    folder = Path(engine.path or engine.model)
    if engine.kind is EngineKind.STUB:
        return "stub"
    if not (folder / "config.json").is_file():
        raise EngineError(
            f"engine {engine.name}: model {engine.path or engine.model!r} is no model folder (no config.json in it), "
            "and a hub model needs a revision",
            f"set engines.{engine.name}.model to a folder, or engines.{engine.name}.revision to the hub's commit hash; "
            "`make demo` unpacks a small model into .demo/models/smollm2-135m",
        )
    weights = sorted((file.name, file.stat().st_size) for file in folder.iterdir() if file.is_file())
    facts = (folder / "config.json").read_bytes() + json.dumps(weights).encode()
    return hashlib.sha256(facts).hexdigest()[:16]


def on_this_machine(settings: EngineSettings, addresses: tuple[str, ...] = ()) -> EngineSettings:
    """Adds what only the machine knows: interpreter and GPU group (from the addresses that Spark gave the task).

    What it returns is the identity's base; a second time it changes nothing.
    """
    settings = replace(settings, host_dir=host_folder(settings.host_dir))
    if settings.engine.kind is EngineKind.VLLM and not settings.engine.python:
        settings = replace(settings, engine=settings.engine.model_copy(update={"python": engine_python()}))
    wanted = settings.engine.gpus_per_engine
    if len(os.fsencode(settings.path("engine.sock"))) > _MAX_SOCKET_PATH:
        raise EngineError(
            f"host_dir {settings.host_dir!r} is too long for a socket", "set storage.host_dir to a short path"
        )
    if not wanted or settings.gpus or settings.engine.kind is EngineKind.ENDPOINT:
        return settings
    visible = _gpu_uuids()
    first = min((int(a) for a in addresses if a.isdigit()), default=0) // wanted * wanted
    group = tuple(visible) if len(visible) == wanted else tuple(visible[first : first + wanted])
    if len(group) < wanted:
        raise EngineError(
            f"engine {settings.engine.name} wants {wanted} GPUs, this machine shows {len(visible)}",
            "set gpus_per_engine to what an executor has; 0 runs on the CPU",
        )
    return replace(settings, gpus=group)


def _gpu_uuids() -> list[str]:
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    found = subprocess.run(query, capture_output=True, text=True, check=False, timeout=60)
    return found.stdout.split()


def engine_python() -> str:
    """The interpreter that has vLLM: the checkout's .venv-engine, else the one of Spark."""
    checkout = Path(__file__).absolute().parents[2] / ".venv-engine" / "bin" / "python"
    here = Path.cwd() / ".venv-engine" / "bin" / "python"
    return next((str(path) for path in (checkout, here) if path.exists()), sys.executable)
