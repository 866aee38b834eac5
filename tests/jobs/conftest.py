"""A small set of tables as normalise, rewrite and judge would leave them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from release_rows import (
    GROUPS,
    HOSTILE,
    VIDEO,
    Rows,
    make_calls,
    make_media,
    make_pair,
    make_runs,
    make_sample,
    make_verdict,
    settings,
)

from jobs.candidates import candidates, count, released, take, verdicts
from jobs.mix import mix
from jobs.release import commit, fingerprint
from jobs.tables import Tables
from schemas.config import Config


@pytest.fixture(scope="session")
def samples() -> Rows:
    return [make_sample(made, n) for made in GROUPS for n in range(made.rows)]


@pytest.fixture(scope="session")
def filled(spark: SparkSession, samples: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of tables nobody may change: 100 charts with one rewrite each, P(yes) from 0.00 to 0.99."""
    root = tmp_path_factory.mktemp("filled")
    tables = Tables(spark, settings(root).storage)
    pairs = [make_pair(sample) for sample in samples if sample["source_id"] == "charts"]
    media, parts = make_media()
    rows = {
        "samples": samples, "media": media, "media_bytes": parts, "rewritten": pairs, "calls": make_calls(pairs) * 2,
        "judged": [make_verdict(pair, n / 100) for n, pair in enumerate(pairs)],
        "runs": make_runs(samples, pairs),
    }  # fmt: skip
    for name, made in rows.items():
        tables.append_rows(name, made)
    for name in ("instruct", "gates", "releases"):
        tables.ensure(name)
    return root


@pytest.fixture(scope="session")
def good_rows(spark: SparkSession, filled: Path, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """What publishing would stage of the filled tables, as release 1."""
    config = settings(filled)
    tables = Tables(spark, config.storage)
    pool = candidates(tables, config, "j1")
    taken = take(pool, mix(count(pool).strata, config.publishing, config.rewriting.groups).quotas, 0.9)
    path = str(tmp_path_factory.mktemp("good") / "rows")
    released(tables, taken, verdicts(tables, config, "j1"), 1).coalesce(1).write.parquet(path)
    return spark.read.parquet(path)


@pytest.fixture(scope="session")
def published(
    spark: SparkSession, filled: Path, good_rows: DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Tables:
    """Release 1: the good rows and two that LLaVA's trainer has no form for; nobody may change it."""
    root = tmp_path_factory.mktemp("published") / "root"
    shutil.copytree(filled, root)
    tables = Tables(spark, settings(root).storage)
    clip = good_rows.where("modality = 'video'").orderBy("id").limit(1)
    two = clip.withColumn("media", f.array_repeat(f.lit(VIDEO), 2)).withColumn("id", f.lit("two"))
    text = good_rows.where("modality = 'text'").orderBy("id").limit(1).withColumn("id", f.lit("long"))
    long = text.withColumn(
        "conversation", f.expr("transform(conversation, t -> struct(t.role, repeat('so ', 5000) AS text))")
    )
    long = long.withColumn("source_id", f.lit(HOSTILE)).withColumn(
        "licence",
        f.struct(f.lit(HOSTILE).alias("spdx"), f.lit("no").alias("commercial"), f.lit("no").alias("redistribution")),
    )
    rows = good_rows.unionByName(two).unionByName(long)
    whole = fingerprint(rows)
    facts = {"release_id": 1, "counts": "{}", "gate_id": "g", "run_id": "r", "config": "{}"}
    commit(tables, rows, {**facts, "rows": whole.rows, "content_hash": whole.content_hash})
    return tables


@pytest.fixture
def tables(spark: SparkSession, filled: Path, tmp_path: Path) -> Tables:
    """A copy of the filled tables to change at will."""
    shutil.copytree(filled, tmp_path / "root")
    return Tables(spark, settings(tmp_path / "root").storage)


Configure = Callable[..., Config]


@pytest.fixture
def configure(tables: Tables) -> Configure:
    """A configuration for the tables, with further settings."""
    return lambda *more: settings(Path(tables.root), *more)
