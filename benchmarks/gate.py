"""Seconds of the release gate per million rows, beside a plain count(distinct id) of the same rows.

python benchmarks/gate.py [ROWS]      default 1,000,000
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

sys.path.insert(0, str(Path(__file__).parents[1]))

from jobs.audit import CHECKS, Candidate, Outcome, Subject
from jobs.candidates import Intake
from jobs.release import STAGED, stage, staged
from jobs.session import spark_session
from jobs.tables import Tables, spark_schema
from schemas.config import Profile, load_config
from schemas.tables import INSTRUCT


def generated(spark: SparkSession, rows: int) -> DataFrame:
    """Text rows of a release, with conversations of some 120 words."""
    words = "array_join(transform(sequence(1, {}), i -> substring(sha2(string(id * 100 + i), 256), 1, 6)), ' ')"
    columns = {
        "row": "sha2(string(id), 256)",
        "conversation": f"array(named_struct('role', 'user', 'text', {words.format(20)}),"
        f" named_struct('role', 'assistant', 'text', {words.format(100)}))",
        "media": "cast(array() AS array<string>)",
        "modality": "'text'",
        "category": "'Language'",
        "source_id": "concat('source_', id % 150)",
        "group": "'text'",
        "kind": "'original'",
        "split": "'si'",
        "language": "'en'",
        "licence": "named_struct('spdx', 'MIT', 'commercial', 'yes', 'redistribution', 'yes')",
        "origin": "named_struct('file', 'a.json', 'position', id, 'units', 1L, 'record_hash', '', 'original_id', '')",
    }
    frame = spark.range(rows).selectExpr(*(f"{value} AS `{name}`" for name, value in columns.items()))
    types = {field.name: field.dataType for field in spark_schema(INSTRUCT).fields}
    lineage = [
        (F.col({"sample_id": "row", "origin": "origin"}[n]) if n in ("sample_id", "origin") else F.lit(None)).alias(n)
        for n in types["lineage"].fieldNames()
    ]
    quality = [F.lit(None).alias(name) for name in types["quality"].fieldNames()]
    return frame.select(
        F.col("row").alias("id"),
        F.lit(1).cast("long").alias("release_id"),
        *(F.col(name).cast(types[name]) for name in types if name in frame.columns),
        F.struct(*quality).cast(types["quality"]).alias("quality"),
        F.struct(*lineage).cast(types["lineage"]).alias("lineage"),
    )


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Prints one line per check and the ratio to the scan."""
    rows = int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as root:
        config = load_config(Profile.LAPTOP, None, [f"storage.root={root}"])
        tables = Tables(spark_session(config), config.storage)
        version = stage(tables, generated(tables.spark, rows))
        release = staged(tables, version)
        known = release.select(F.col("id").alias("sample_id"))
        known.write.format("delta").save(tables.path("samples"))  # all that the gate reads of it
        subject = Subject(tables, release, Candidate(STAGED, version, rows, 1, "bench"), config, Intake([], {}))
        scan = min(seconds(lambda: release.agg(F.count_distinct("id")).collect()) for _ in range(2))
        total = 0.0
        for name, check in CHECKS.items():
            outcomes: list[Outcome] = []
            took = seconds(lambda check=check, outcomes=outcomes: outcomes.extend(check(subject)))  # type: ignore[misc]
            failed = [outcome.name for outcome in outcomes if not outcome.success]
            print(f"{name:10} {took:8.2f} s  {len(outcomes):3} expectations, {len(failed)} failed {failed or ''}")
            total += took
        per_million = total / rows * 1e6
        print(f"gate {total:.1f} s for {rows:,} rows = {per_million:.1f} s per million")
        print(f"count(distinct id) {scan:.1f} s; the gate takes {total / scan:.1f} x as long")


if __name__ == "__main__":
    main()
