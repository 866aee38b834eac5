"""Submitting jobs of ours to a cluster, and what they leave on its machines."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpora import counted, stub_settings
from standalone import HOST_DIR, ROOT, WORKERS, Cluster, Job, Submitted

from udfs.engine.processes import carrying
from udfs.engine.state import HostState, states

RECORDS, PICTURES = 24, 8
SCRIPT = {"latency_s": 0.05, "p_yes": 0.9}


def json_of(ran: Submitted) -> Any:  # noqa: ANN401 - JSON
    """The document on stdout, to which spark-submit writes both streams of a Python job; an error may follow it."""
    found = re.search(r"^[\[{]", ran.out, re.MULTILINE)
    assert found, ran.told()
    return json.JSONDecoder().raw_decode(ran.out, found.start())[0]


@dataclass(frozen=True)
class Form:
    """How the code comes to driver and executors: options of spark-submit, and the script."""

    options: Sequence[str]
    script: Path


def from_checkout(folder: Path) -> Form:
    """The checkout's script, and the bundle that `mammoth-vl bundle` writes for the executors."""
    bundle = folder / "mammoth_vl.zip"
    subprocess.run([sys.executable, str(ROOT / "jobs" / "main.py"), "--quiet", "bundle", str(bundle)], check=True)
    return Form(["--py-files", str(bundle)], ROOT / "jobs" / "main.py")


def from_wheel(folder: Path) -> Form:
    """The wheel in an environment that is shipped as an archive, as docs/platforms.md has it.

    Libraries are linked from this process's environment: copies would be a gigabyte.
    """
    checkout, env = folder / "copy", folder / "env"
    for package in ("schemas", "udfs", "jobs", "prompts", "requirements"):
        shutil.copytree(ROOT / package, checkout / package, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    build = ["--quiet", "--wheel", "--offline", "--no-build-isolation", "--python", sys.executable, "-o", str(folder)]
    subprocess.run([sys.executable, "-m", "uv", "build", *build, str(checkout)], check=True)
    (wheel,) = folder.glob("mammoth_vl-*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(env)], check=True)
    install = ["--quiet", "--offline", "--no-deps", "--python", str(env / "bin" / "python"), str(wheel)]
    subprocess.run([sys.executable, "-m", "uv", "pip", "install", *install], check=True)
    (packages,) = env.glob("lib/python*/site-packages")
    (packages / "linked.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    archive = folder / "environment.tar.gz"
    subprocess.run(["tar", "-C", str(env), "-czf", str(archive), "."], check=True)
    python = {"": "./environment/bin/python", "driver.": str(env / "bin" / "python")}
    conf = [part for which, path in python.items() for part in ("--conf", f"spark.pyspark.{which}python={path}")]
    return Form(["--archives", f"{archive}#environment", *conf], packages / "jobs" / "main.py")


@dataclass(frozen=True)
class Jobs:
    """Submits jobs of ours to a cluster; each test that writes has a root of its own."""

    cluster: Cluster
    form: Form

    def options(self, root: str, script: Mapping[str, object], *more: str) -> list[str]:
        """Options of the command line: the stub on pretended GPUs, one engine to each."""
        folder = self.cluster.folder
        counts = {"counts": str(folder / root / "counts"), **script}
        kept = [one for one in stub_settings(folder, folder, counts) if not one.startswith(("storage.", "spark."))]
        (folder / root).mkdir(exist_ok=True)
        settings = [
            *kept, f"storage.root={folder / root / 'out'}", f"storage.sources_root={folder / 'sources'}",
            f"storage.host_dir={HOST_DIR}", "engine.gpus_per_engine=1", "spark.shuffle_partitions=2",
            "publishing.require_checks=[]", *more,  # the stub knows no answers
        ]  # fmt: skip
        return [*(part for one in settings for part in ("--set", one)), "--catalogue", str(folder / "catalogue")]

    def submit(
        self, root: str, *arguments: str, more: tuple[str, ...] = (), script: Mapping[str, Any] = SCRIPT
    ) -> Submitted:
        """spark-submit of a command, to its end."""
        return self.start(root, *arguments, more=more, script=script).end()

    def start(self, root: str, *arguments: str, more: tuple[str, ...] = (), script: Mapping[str, Any] = SCRIPT) -> Job:
        """spark-submit of a command."""
        options = self.options(root, script, *more)
        return self.cluster.start(self.form.options, str(self.form.script), *options, *arguments)

    def served(self, root: str) -> list[str]:
        """Keys that the stubs of all hosts served, each fsynced before its call went on."""
        return [line["key"] for line in counted(self.cluster.folder / root)]

    def hosts(self, worker: int) -> list[HostState]:
        """Engine hosts that left word on a worker's machine."""
        return [state for _, state in states(self.cluster.worker_folder(worker))]

    def gpus(self, worker: int) -> set[str]:
        """GPUs that engine hosts of a worker's machine were started on."""
        found = self.cluster.worker_folder(worker).glob("*.settings")
        return {gpu for path in found for gpu in json.loads(path.read_text())["gpus"]}

    def left(self) -> list[int]:
        """Processes of engine hosts that still run."""
        return [pid for worker in range(WORKERS) for host in self.hosts(worker) for pid in carrying(host.token)]
