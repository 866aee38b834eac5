"""Seconds of the release gate per million rows, by measure; what Great Expectations takes is in the whole.

python benchmarks/gate.py [ROWS [defects]]      default 1,000,000; `defects` plants one for each rule as well

There is a picture for every second row; with defects 50 in all, so that the damaged one is decoded. Pictures are small,
as the gate reads no more of them than it decodes.
Start-up, that is a gate over a thousand rows in a new JVM, is not counted.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pyspark.sql import DataFrame

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "jobs"))

from gate_rows import DEFECTS, PLANTED, make_frames, plant, spoil, subject_of_rows

from jobs.gate.subject import Numbers, Outcome, Subject
from jobs.gate.verdict import MEASURES, Measure, judge_subject
from jobs.session import spark_session
from schemas.config import Config, Profile, load_config
from schemas.expectations import Suite
from schemas.tables import TABLES

T = TypeVar("T")
SETTINGS = ("spark.master=local[2]", "gate.licences=[MIT]", "gate.min_parsed_share=0.9")


def seconds(work: Callable[[], T]) -> tuple[float, T]:
    """How long it takes, and what it gives."""
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def timed(name: str, measure: Measure) -> Measure:
    """The measure, which prints how long it took beside the others."""

    def measured(subject: Subject, wanted: Mapping[str, Suite]) -> Numbers:
        took, numbers = seconds(lambda: measure(subject, wanted))
        print(f"{name:20} {took:8.2f} s", flush=True)
        return numbers

    return measured


def time_gate(subject: Subject, rows: int) -> tuple[Outcome, ...]:
    """Prints one line per measure; they run at once, so the whole is less than their sum."""
    measures = {name: timed(name, measure) for name, measure in MEASURES.items()}
    took, outcomes = seconds(lambda: judge_subject(subject, measures))
    print(f"gate {took:.1f} s for {rows:,} rows = {took / rows * 1e6:.1f} s per million, {len(outcomes)} expectations")
    return outcomes


def names(outcomes: Sequence[Outcome]) -> set[tuple[str, str]]:
    """The rules that failed."""
    return {(item.table, item.name.removeprefix(f"{item.table}.")) for item in outcomes if not item.success}


def main() -> None:
    """Makes the tables, then looks at them."""
    rows = int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 1_000_000
    pictures = 50 if "defects" in sys.argv else max(50, rows // 2)
    with tempfile.TemporaryDirectory() as root:
        config: Config = load_config(Profile.LAPTOP, None, [f"storage.root={root}", *SETTINGS])
        spark = spark_session(config)
        frames: dict[str, DataFrame] = {}
        for name, frame in make_frames(spark, rows, pictures).items():
            frame.write.partitionBy(*TABLES[name].partition_by).parquet(f"{root}/{name}")
            frames[name] = spark.read.parquet(f"{root}/{name}")
        released = rows * 9 // 10
        judge_subject(subject_of_rows({name: frame.limit(1000) for name, frame in frames.items()}, config, released))
        alarms = names(time_gate(subject_of_rows(frames, config, released), rows))
        print(f"false alarms: {len(alarms)} {sorted(alarms) or ''}")
        if "defects" in sys.argv:
            found = names(judge_subject(subject_of_rows(spoil(plant(frames, DEFECTS)), config, released)))
            print(f"planted {len(PLANTED)}, caught {len(found & PLANTED)}, false alarms {len(found - PLANTED)}")
            print(f"missed: {sorted(PLANTED - found)}; not planted: {sorted(found - PLANTED)}")


if __name__ == "__main__":
    main()
