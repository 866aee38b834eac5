"""Large picture rows through the job: 1,000 pictures of 600 KB in one parquet row group under a small heap.

    python -m benchmarks.picture_rows [--rows 1000] [--kilobytes 600] [--heap 2g] [--json]

Normalises and rewrites (on the stub engine, pictures included) a LLaVA-OneVision parquet file that it makes, in a
process of its own, and reads the same file with plain pyarrow: seconds, and the peak memory of the whole process tree,
engine host included (PSS: shared pages count once). Run it from the repository root.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from udfs.engine.guard import descendants
from udfs.engine.processes import carrying
from udfs.engine.state import states

ROOT = Path(__file__).resolve().parents[1]
SOURCE = """
source_id: noise
name: Noise
group: B
category: Chart
modality: image
family: ov_parquet
collection: noise
licence: {spdx: CC0-1.0}
reading: {files: ["*.parquet"]}
"""
RUN = "from jobs.cli.app import main; main()"
READ = "import pyarrow.parquet as q, sys; print(sum(b.num_rows for b in q.ParquetFile(sys.argv[1]).iter_batches(16)))"


@dataclass(frozen=True)
class Figures:
    """What one way of reading cost."""

    what: str
    rows: int
    megabytes: float
    seconds: float
    peak_mb: float


def picture(number: int, noise: np.ndarray, kilobytes: int) -> bytes:
    """A JPEG of noise of about this size; no two are equal."""
    rows = max(224, round(kilobytes * 1024 / 0.98 / noise.shape[1]))
    stream = io.BytesIO()
    Image.fromarray(np.roll(noise[:rows], (number // 800, number), axis=(0, 1))).save(stream, "JPEG", quality=92)
    return stream.getvalue()


def write_file(folder: Path, rows: int, kilobytes: int) -> Path:
    """All rows in one row group."""
    noise = np.random.default_rng(7).integers(0, 256, (2000, 800, 3), dtype=np.uint8)
    turns = [{"from": "human", "value": "<image>\nWhat is this?"}, {"from": "gpt", "value": "Noise."}]
    made = [
        {"id": str(n), "image": {"bytes": picture(n, noise, kilobytes), "path": f"{n}.jpg"}, "conversations": turns}
        for n in range(rows)
    ]
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(made), folder / "noise.parquet", row_group_size=rows, compression="none")
    return folder / "noise.parquet"


def memory_kb(pids: list[int]) -> int:
    """PSS of processes that may be ending."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def measure(command: list[str], hosts: Path) -> tuple[str, float, float]:
    """Output, seconds and peak MB of a command with all that it starts."""
    peak, began = 0, time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    output: list[str] = []
    reader = threading.Thread(target=lambda: output.append(process.communicate()[0]))
    reader.start()
    while reader.is_alive():
        engines = [pid for _, host in states(hosts) for pid in carrying(host.token)] if hosts.exists() else []
        peak = max(peak, memory_kb([process.pid, *descendants(process.pid), *engines]))
        reader.join(0.25)
    if process.returncode:
        raise SystemExit(f"{command[:3]} ended with {process.returncode}")
    return output[0], time.monotonic() - began, peak / 1024


def job(root: Path, hosts: Path, heap: str) -> list[str]:
    """The command line: normalise and rewrite on the stub."""
    settings = [
        f"storage.root={root / 'out'}", f"storage.sources_root={root / 'sources'}", f"storage.host_dir={hosts}",
        f"spark.driver_memory={heap}", "engine.kind=stub", "engine.model=stub", "engine.vision=true",
        "engine.max_num_seqs=16", "judging.score_share=0",
    ]  # fmt: skip
    options = [part for setting in settings for part in ("--set", setting)]
    return [sys.executable, "-c", RUN, *options, "--catalogue", str(root), "run", "--until", "rewrite", "--json"]


def compare(rows: int, kilobytes: int, heap: str) -> tuple[Figures, Figures]:
    """The job, then plain pyarrow, on the same file."""
    with tempfile.TemporaryDirectory(prefix="rows") as name, tempfile.TemporaryDirectory(prefix="mv") as hosts:
        root = Path(name)
        (root / "noise.yaml").write_text(SOURCE)
        file = write_file(root / "sources" / "noise", rows, kilobytes)
        megabytes = file.stat().st_size / 2**20
        output, seconds, peak = measure(job(root, Path(hosts), heap), Path(hosts))
        outcome = json.loads(output)
        done = outcome["stages"][0]["rows_in"]
        ours = Figures(f"normalise and rewrite, heap {heap}", done, megabytes, seconds, peak)
        counted, seconds, peak = measure([sys.executable, "-c", READ, str(file)], Path(hosts))
        return ours, Figures("pyarrow reads the file", int(counted), megabytes, seconds, peak)


def main() -> None:
    """Prints both and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--kilobytes", type=int, default=600)
    parser.add_argument("--heap", default="2g")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    ours, plain = compare(chosen.rows, chosen.kilobytes, chosen.heap)
    if chosen.json:
        print(json.dumps([asdict(ours), asdict(plain)]))
        return
    for one in (ours, plain):
        print(
            f"{one.what}: {one.rows:,} rows, {one.megabytes:,.0f} MB, {one.seconds:.1f} s, peak {one.peak_mb:,.0f} MB"
        )
    print(f"memory {ours.peak_mb / plain.peak_mb:.1f} times, time {ours.seconds / plain.seconds:.1f} times pyarrow's")


if __name__ == "__main__":
    main()
