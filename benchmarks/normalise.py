"""One huge JSON array to validated rows: this project against others; and pictures out of parquet through the stage.

    python benchmarks/normalise.py [--gigabytes 0.5 1.5 4.5] [--pictures 300 1200] [--systems ours duckdb]

Every system reads the same generated LLaVA array and writes the same rows as snappy parquet: id, image, turns, and the
sha256 of image and turns, of records that pass the same checks; number, text and hashes of the rows are compared.
`stage` does more: the whole normalise stage with hashes of raw records, language, duplicates, conservation, a staging
folder and the Delta tables. Each runs in a process of its own. Seconds and CPU are of the work, the start of Python and
Spark left out; memory is the peak PSS of the process tree, start included. What takes over `--memory-gb` is ended.
"""

import argparse
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from json_systems import SYSTEMS, Work
from PIL import Image

ROOT = Path(__file__).parents[1]
SAMPLE_S = 0.3
WORDS = (
    "the a of in on with and is are to from this that picture image shows man woman child dog cat car street "
    "table chart red blue green white black left right above below near behind large small two three standing "
    "sitting wearing holding shirt hat building tree window water sky road number value year percent total "
    "because therefore answer question what where how many color it there which can be seen has been likely some "
    "people background looks its while"
)


def generate(path: Path, gigabytes: float) -> None:
    """A LLaVA array of records of about 1.7 KB; one in a thousand breaks a rule."""
    rng = random.Random(7)
    texts = [[" ".join(rng.choices(WORDS.split(), k=length)) for length in (14, 150, 14, 130)] for _ in range(3000)]
    number, written = 0, 0
    with path.open("w", encoding="utf-8") as out:
        out.write("[")
        while written < gigabytes * 1e9:
            said = [f'{number}: "{text}"' + "\n–é" * (number % 20 == 0) for text in texts[number % 3000]]
            said[0] = f"<image>\n{said[0]}"
            said[-1] = "" if number % 1000 == 999 else said[-1]
            talk = [{"from": ("human", "gpt")[at % 2], "value": text} for at, text in enumerate(said)]
            record = {"id": f"r{number}", "image": f"images/{number}.jpg", "conversations": talk}
            written += out.write(",\n " * (number > 0) + json.dumps(record, ensure_ascii=number % 2 == 0))
            number += 1
        out.write("]")


def generate_pictures(path: Path, rows: int) -> None:
    """OneVision-like parquet: a talk and a JPEG of some 600 KB a row, in row groups of 100."""
    rng = random.Random(rows)
    base = Image.frombytes("RGB", (900, 700), rng.randbytes(900 * 700 * 3))
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    talk = pa.list_(pa.struct([("from", pa.string()), ("value", pa.string())]))
    schema = pa.schema([("id", pa.string()), ("image", image), ("conversations", talk)])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, 100):
            made = []
            for number in range(start, min(start + 100, rows)):
                base.paste((number % 256, number // 256, 0), (0, 0, 40, 40))
                base.save(data := io.BytesIO(), "JPEG", quality=85)
                said = [("human", f"<image>\nWhat is number {number}?"), ("gpt", "Noise with a square in its corner.")]
                turns = [{"from": who, "value": text} for who, text in said]
                made.append({"id": str(number), "image": {"bytes": data.getvalue()}, "conversations": turns})
            writer.write_table(pa.Table.from_pylist(made, schema=schema))


@dataclass(frozen=True)
class Measured:
    """One system on one file."""

    system: str
    size_mb: float
    rows: int = 0
    check: str = ""
    work: Work | None = None
    peak_mb: float = 0.0
    died: str = ""


def measure(system: str, source: Path, memory_gb: float) -> Measured:
    """Runs a system in its own process, watches its tree, and looks at the rows that it wrote."""
    size = source.stat().st_size / 1e6
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryFile("w+") as said:
        command = [sys.executable, __file__, "--side", system, "--file", str(source), "--out", out]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process:
            peak = watch(psutil.Process(process.pid), memory_gb * 1e3)
            printed = process.stdout.read() if process.stdout else ""
        if process.returncode or not printed:
            said.seek(0)
            last = (said.read().strip().splitlines() or ["no message"])[-1][:120]
            return Measured(
                system, size, peak_mb=peak, died=f"over {memory_gb:g} GB" if peak > memory_gb * 1e3 else last
            )
        rows, check = fingerprint(Path(out))
        return Measured(system, size, rows, check, Work(*json.loads(printed.splitlines()[-1])), peak)


def watch(root: psutil.Process, most_mb: float) -> float:
    """Peak PSS in MB of a process and its descendants until it ends, or is ended because it takes too much."""
    peak = 0.0
    while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
        memory = 0
        tree = [root, *root.children(recursive=True)]
        for process in tree:
            with suppress(psutil.Error):
                memory += process.memory_full_info().pss
        peak = max(peak, memory / 1e6)
        if peak > most_mb:
            for process in tree:
                with suppress(psutil.Error):
                    process.kill()
        time.sleep(SAMPLE_S)
    return peak


def fingerprint(out: Path) -> tuple[int, str]:
    """Number of rows and, of the compared ones, a hash that does not depend on their order."""
    rows, text, total = 0, 0, 0
    for path in [path for path in out.rglob("*.parquet") if "_delta_log" not in path.parts]:
        if "tables" in path.parts:
            rows += pq.read_metadata(path).num_rows if "samples" in path.parts else 0
            continue
        for batch in pq.ParquetFile(path).iter_batches(columns=["id", "sha", "turns"]):
            rows += len(batch)
            text += pc.sum(pc.binary_length(pc.list_flatten(batch["turns"]).field("text"))).as_py() or 0
            pairs = zip(batch["id"].to_pylist(), batch["sha"].to_pylist(), strict=True)
            total += sum(int(hashlib.sha256(f"{one}{sha}".encode()).hexdigest()[:16], 16) for one, sha in pairs)
    return rows, f"{rows} {text} {total % 2**64:016x}" if total else ""


def show_rows(found: list[Measured]) -> None:
    """Markdown table of all systems and sizes; growth is peak memory at the largest size over that at the smallest."""
    print("| system | MB | MB/s | CPU s a million rows | peak MB | growth | same rows |\n|---|---|---|---|---|---|---|")
    wanted = {one.size_mb: one.check for one in found if one.check and one.system != "stage"}
    for one in found:
        if one.work is None:
            print(f"| {one.system} | {one.size_mb:.0f} | {one.died} | - | {one.peak_mb:.0f} | - | - |")
            continue
        least = min((other for other in found if other.system == one.system), key=lambda other: other.size_mb)
        same = "more columns" if not one.check else "yes" if one.check == wanted[one.size_mb] else f"no: {one.check}"
        speed, cpu = one.size_mb / one.work.seconds, one.work.cpu_s / one.rows * 1e6
        peak, growth = one.peak_mb, one.peak_mb / least.peak_mb
        print(f"| {one.system} | {one.size_mb:.0f} | {speed:.1f} | {cpu:.0f} | {peak:.0f} | {growth:.2f} | {same} |")


def show_pictures(found: list[Measured]) -> None:
    """Markdown table of the stage on parquet with pictures."""
    print("| pictures | MB | pictures a CPU second | MB/s | peak heap MB | peak MB |\n|---|---|---|---|---|---|")
    for one in found:
        if one.work is None:
            print(f"| {one.died} | {one.size_mb:.0f} | - | - | - | {one.peak_mb:.0f} |")
        else:
            print(
                f"| {one.rows} | {one.size_mb:.0f} | {one.rows / one.work.cpu_s:.1f} "
                f"| {one.size_mb / one.work.seconds:.1f} | {one.work.heap_mb:.0f} | {one.peak_mb:.0f} |"
            )


def main() -> None:
    """Compares all systems at all sizes, or runs one when called by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, nargs="*", default=[0.5, 1.5], help="sizes of the array, up to 4.5")
    parser.add_argument("--pictures", type=int, nargs="*", default=[300, 1200], help="numbers of pictures")
    parser.add_argument(
        "--systems", nargs="+", choices=SYSTEMS, default=[name for name in SYSTEMS if name != "pictures"]
    )
    parser.add_argument("--memory-gb", type=float, default=12, help="a system that takes more is ended")
    for hidden in ("--side", "--file", "--out"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        sys.path.insert(0, str(ROOT))
        os.environ["PYTHONPATH"] = f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}"
        work: Work = SYSTEMS[asked.side](Path(asked.file), Path(asked.out))
        print(json.dumps([work.seconds, work.cpu_s, work.heap_mb]))
        return
    print(f"{psutil.cpu_count()} cores, load {psutil.getloadavg()[0]:.1f} before the start\n")
    found = []
    for gigabytes in asked.gigabytes:
        with tempfile.TemporaryDirectory() as scratch:
            (path := Path(scratch) / "talks" / "talks.json").parent.mkdir()
            generate(path, gigabytes)
            found += [measure(system, path, asked.memory_gb) for system in asked.systems]
    if found:
        show_rows(found)
    shown = []
    for rows in asked.pictures:
        with tempfile.TemporaryDirectory() as scratch:
            (path := Path(scratch) / "talks" / "talks.parquet").parent.mkdir()
            generate_pictures(path, rows)
            shown.append(measure("pictures", path, asked.memory_gb))
    if shown:
        show_pictures(shown)


if __name__ == "__main__":
    main()
