"""Rows a second and memory of the dedup stage, at two sizes, beside a plain count(distinct content_id).

python benchmarks/dedup.py [ROWS...]      default 10,000 100,000

Half of the rows are text, half show a picture; 1% of each are exact and 1% near copies, and a third of the pictures'
questions are one and the same. Text is of words by frequency, as language has them.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as f

sys.path.insert(0, str(Path(__file__).parents[1]))

from jobs.dedup.stage import dedup
from jobs.engines import Engines
from jobs.progress import Progress
from jobs.session import jvm_pid, spark_session
from jobs.stages import Run
from jobs.tables import Tables
from schemas.config import Config, Profile, load_config
from schemas.tables import MEDIA, SAMPLES
from udfs.ids import digest, field

WORDS = np.array([f"{'aeiou'[n % 5]}{'bcdfghklmnprst'[n % 14]}{n:x}z" for n in range(50_000)])
BATCH = 5_000
TERMS = {"spdx": "MIT", "commercial": "yes", "redistribution": "yes"}


def row(n: int, text: str, media: str | None, source: str) -> dict[str, object]:
    """A sample; its content_id follows from what it says and shows."""
    content = digest([field(text), field(media)])
    turns = [{"role": "user", "text": text}, {"role": "assistant", "text": text[: len(text) // 2]}]
    shown = {"modality": "image" if media else "text", "media_status": "present" if media else "none"}
    return shown | {
        "sample_id": digest([field(source), field(content)]), "content_id": content, "source_id": source, "group": "B",
        "category": "Chart", "media": [media] if media else [], "conversation": turns, "licence": TERMS,
        "origin": {"file": "a", "position": n, "units": 1, "record_hash": ""},
    }  # fmt: skip


def generated(rows: int, seed: int = 7) -> Iterator[tuple[list[dict[str, object]], list[dict[str, object]]]]:
    """Samples and media in batches."""
    random = np.random.default_rng(seed)
    for start in range(0, rows, BATCH):
        samples, media = list[dict[str, object]](), list[dict[str, object]]()
        for n in range(start, min(start + BATCH, rows)):
            words = WORDS[np.minimum(random.zipf(1.3, 60 if n % 2 else 20), len(WORDS)) - 1]
            text = "what does this picture show" if n % 6 == 0 else " ".join(words)
            picture = None if n % 2 else digest([field(f"picture {n}")])
            if picture:
                facts = dict.fromkeys(("bytes", "width", "height", "frames", "parts"), 1)
                facts |= {"standard_width": 1, "standard_height": 1}
                phash = f"{random.integers(0, 2**64, dtype=np.uint64):016x}"
                media.append({"media_id": picture, "kind": "image", "format": "PNG", "phash": phash, **facts})
            samples.append(row(n, text, picture, f"source_{n % 40}"))
            if n % 100 < 2:
                samples.append(row(n, text, picture, "copies"))
            elif n % 100 in (3, 4):
                samples.append(row(n, f"{text} indeed", picture, "near"))
        yield samples, media


def measure(config: Config, rows: int) -> tuple[float, float, int]:
    """Seconds of the stage, of the plain count, and rows."""
    tables = Tables(spark_session(config), config.storage)
    for samples, media in generated(rows):
        for name, made, table in (("samples", samples, SAMPLES), ("media", media, MEDIA)):
            frame = tables.spark.createDataFrame(pa.Table.from_pylist(made, schema=table.arrow))
            tables.append(name, frame.coalesce(1))
    found = tables.read("samples").count()
    started = time.perf_counter()
    tables.read("samples").agg(f.count_distinct("content_id")).collect()
    plain = time.perf_counter() - started
    started = time.perf_counter()
    count = dedup(Run("bench", config, tables, Engines(config, {}, {}), Progress(quiet=True)))
    seconds = time.perf_counter() - started
    print(f"{found:,} samples: {count.rejects}, {count.facts}")
    return seconds, plain, found


def peak(pid: int) -> float:
    """Most memory that a process had, MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def main() -> None:
    """Prints one line per size, the exact pass alone first."""
    sizes = [int(text.replace(",", "")) for text in sys.argv[1:]] or [10_000, 100_000]
    for near in ("off", "flag"):
        for rows in sizes:
            with tempfile.TemporaryDirectory() as root:
                config = load_config(Profile.LAPTOP, None, [f"storage.root={root}", f"dedup.near={near}"])
                seconds, plain, found = measure(config, rows)
                load = Path("/proc/loadavg").read_text().split()[0]
                jvm = peak(jvm_pid(spark_session(config)))
                own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(
                    f"near={near}: {seconds:.1f} s, {found / seconds:,.0f} samples a second, {seconds / plain:.0f} x a"
                    f" plain count; peak of JVM {jvm:,.0f} MB, driver {own:,.0f} MB; load {load}"
                )


if __name__ == "__main__":
    main()
