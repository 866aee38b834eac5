"""Submitting jobs of ours to a cluster, and what they leave on its machines."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpora import counted, stub_settings
from standalone import HOST_DIR, ROOT, WORKERS, Cluster, Submitted

from udfs.engine.processes import carrying
from udfs.engine.state import HostState, states

RECORDS, PICTURES = 24, 8
SCRIPT = {"latency_s": 0.05}


@dataclass(frozen=True)
class Jobs:
    """Submits jobs of ours to a cluster; each test that writes has a root of its own."""

    cluster: Cluster
    bundle: Path

    def options(self, root: str, script: Mapping[str, object], *more: str) -> list[str]:
        """Options of the command line: the stub on pretended GPUs, one engine to each."""
        folder = self.cluster.folder
        counts = {"counts": str(folder / root / "counts"), **script}
        kept = [one for one in stub_settings(folder, folder, counts) if not one.startswith(("storage.", "spark."))]
        (folder / root).mkdir(exist_ok=True)
        settings = [
            *kept, f"storage.root={folder / root / 'out'}", f"storage.sources_root={folder / 'sources'}",
            f"storage.host_dir={HOST_DIR}", "engine.gpus_per_engine=1", "spark.shuffle_partitions=2", *more,
        ]  # fmt: skip
        return [*(part for one in settings for part in ("--set", one)), "--catalogue", str(folder / "catalogue")]

    def submit(
        self, root: str, *arguments: str, more: tuple[str, ...] = (), script: Mapping[str, Any] = SCRIPT
    ) -> Submitted:
        """spark-submit of a command from the checkout, with the bundle for the executors."""
        options = self.options(root, script, *more)
        return self.cluster.submit(
            ["--py-files", str(self.bundle)], str(ROOT / "jobs" / "main.py"), *options, *arguments
        )

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
