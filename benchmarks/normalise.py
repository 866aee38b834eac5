"""The normalise stage against a plain loop over the same files: rows and MB a second, CPU, peak memory, at two sizes.

    python benchmarks/normalise.py [--text 5000 20000] [--pictures 300 1200]

The plain loop is what a single-process script would do: json.load, decode each picture with Pillow, write one parquet
file. It keeps no hashes, ids, rejects or standardised pictures, and holds the whole array in memory. Each side runs in
a process of its own; seconds are of the work itself, without the start of Python and Spark; CPU and memory are of the
whole process tree, start included. Memory is PSS, so that shared pages count once.
"""

import argparse
import io
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

ROOT = Path(__file__).parents[1]
SAMPLE_S = 0.3


def generate(folder: Path, rows: int, pictures: bool) -> None:
    """A LLaVA array of two-turn talks, some 1.1 KB each, with a JPEG of some 90 KB each if wanted."""
    rng = random.Random(rows)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(5000)]
    texts = [[" ".join(rng.choices(words, k=length)) for length in (12, 80, 12, 80)] for _ in range(rows)]
    records = []
    coarse = [Image.frombytes("RGB", (64, 48), rng.randbytes(64 * 48 * 3)).resize((640, 480)) for _ in range(8)]
    (folder / "images").mkdir(parents=True)
    for number, (first, *rest) in enumerate(texts):
        said = [f"<image>\n{first}" if pictures else first, *rest]
        talk = [{"from": ("human", "gpt")[at % 2], "value": text} for at, text in enumerate(said)]
        records.append({"id": str(number), "conversations": talk} | ({"image": f"{number}.jpg"} if pictures else {}))
        if pictures:
            picture = coarse[number % 8].copy()
            picture.paste((number % 256, number // 256, 0), (0, 0, 40, 40))
            picture.save(folder / "images" / f"{number}.jpg", quality=90)
    (folder / "talks.json").write_text(json.dumps(records))


def plain(folder: Path, out: Path) -> float:
    """The yardstick."""
    began = time.perf_counter()
    with (folder / "talks.json").open() as stream:
        records = json.load(stream)
    schema = pa.schema([("id", pa.string()), ("talk", pa.string()), ("picture", pa.binary())])
    with pq.ParquetWriter(out / "plain.parquet", schema) as writer:
        for start in range(0, len(records), 256):
            rows = [_plain_row(record, folder) for record in records[start : start + 256]]
            writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=schema))
    return time.perf_counter() - began


def _plain_row(record: dict[str, str], folder: Path) -> dict[str, str | bytes | None]:
    picture = None
    if "image" in record:
        picture = (folder / "images" / record["image"]).read_bytes()
        with Image.open(io.BytesIO(picture)) as image:
            image.convert("RGB")
    return {"id": record["id"], "talk": json.dumps(record["conversations"]), "picture": picture}


def staged(folder: Path, out: Path) -> float:
    """The stage as `mammoth-vl normalise` runs it; Spark is warmed up on a handful of records."""
    sys.path.insert(0, str(ROOT))
    from jobs.run import Options, Stage, open_run, run_stages
    from schemas.config import Profile, load_config
    from schemas.enums import Category, Group, Modality
    from schemas.source import Licence, Reading, Source

    source = Source(
        source_id="talks", name="Talks", family="llava_json", licence=Licence(spdx="CC0-1.0"), collection="talks",
        reading=Reading(files=("*.json",)), group=Group.B, category=Category.GENERAL, modality=Modality.IMAGE,
    )  # fmt: skip
    generate(out / "warm" / "talks", 20, pictures=True)
    for sources, root in ((out / "warm", out / "warmed"), (folder.parent, out / "tables")):
        settings = [f"storage.root={root}", f"storage.sources_root={sources}", "engine.kind=stub"]
        with open_run(Options(load_config(Profile.LAPTOP, None, settings), {}, quiet=True)) as run:
            began = time.perf_counter()
            run_stages(run, [source], [Stage.NORMALISE])
            took = time.perf_counter() - began
    return took


SIDES = {"plain": plain, "stage": staged}


@dataclass(frozen=True)
class Measured:
    """One side on one corpus."""

    seconds: float
    cpu_s: float
    peak_mb: float


def measure(side: str, folder: Path) -> Measured:
    """Runs a side in its own process and watches its tree."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, __file__, "--side", side, "--folder", str(folder), "--out", out]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            cpu, peak = watch(psutil.Process(process.pid))
            printed = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"{side} failed: run {' '.join(command)}")
    return Measured(float(printed.split()[-1]), cpu, peak)


def watch(root: psutil.Process) -> tuple[float, float]:
    """CPU seconds of a process and its descendants, and the peak of their memory in MB, until it ends."""
    cpu: dict[int, float] = {}
    peak = 0.0
    while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
        memory = 0
        for process in [root, *root.children(recursive=True)]:
            try:
                times = process.cpu_times()
                memory += process.memory_full_info().pss
            except psutil.Error:
                continue
            cpu[process.pid] = times.user + times.system
        peak = max(peak, memory / 1e6)
        time.sleep(SAMPLE_S)
    return sum(cpu.values()), peak


def compare(rows: int, pictures: bool) -> None:
    """One corpus, both sides."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "talks"
        generate(folder, rows, pictures)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
        found = {side: measure(side, folder) for side in SIDES}
    for side, one in found.items():
        print(
            f"{'pictures' if pictures else 'text':<9}{rows:>7} rows {size:>7.1f} MB  {side:<6}{one.seconds:>7.1f} s"
            f"{rows / one.seconds:>9.0f} rows/s{size / one.seconds:>8.1f} MB/s"
            f"{one.cpu_s:>7.0f} s CPU{one.peak_mb:>7.0f} MB peak"
        )
    ratio = found["plain"].seconds / found["stage"].seconds
    print(f"{'':9}the stage runs at {ratio:.2f} times the speed of the plain loop")


def main() -> None:
    """Compares all sizes, or runs one side when called by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=int, nargs="*", default=[5000, 20000], help="numbers of rows")
    parser.add_argument("--pictures", type=int, nargs="*", default=[300, 1200], help="numbers of rows with a picture")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        print(SIDES[asked.side](asked.folder, asked.out))
        return
    print(f"{psutil.cpu_count()} cores, load {psutil.getloadavg()[0]:.1f} before the start")
    for rows in asked.text:
        compare(rows, pictures=False)
    for rows in asked.pictures:
        compare(rows, pictures=True)


if __name__ == "__main__":
    main()
