"""Tables and views of a catalog: what a table says of itself outlives every commit, and no release is lost."""

from collections.abc import Iterator

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from jobs.release import commit, fingerprint, latest, read_release, repair
from jobs.tables import Tables
from jobs.views import create_views, packaged_views
from schemas.config import Storage
from schemas.tables import TABLES


@pytest.fixture
def catalog(spark: SparkSession) -> Iterator[Tables]:
    spark.sql("CREATE DATABASE vl")
    yield Tables(spark, Storage(catalog="spark_catalog.vl"))
    spark.sql("DROP DATABASE vl CASCADE")


def publish(tables: Tables, rows: DataFrame, release_id: int) -> None:
    rows = rows.withColumn("release_id", f.lit(release_id).cast("long"))
    whole = fingerprint(rows)
    facts = {"release_id": release_id, "counts": "{}", "gate_id": "g", "run_id": "r", "config": "{}"}
    commit(tables, rows, {**facts, "rows": whole.rows, "content_hash": whole.content_hash})


def said(tables: Tables, name: str) -> tuple[object, ...]:
    """What a table says of itself: comments, what may be NULL, constraints, retention."""
    fields = tables.spark.table(tables.sql_name(name)).schema.fields
    detail = tables.spark.sql(f"DESCRIBE DETAIL {tables.sql_name(name)}").collect()[0]
    return (
        [(field.name, field.nullable, field.metadata.get("comment")) for field in fields],
        detail["description"],
        detail["properties"],
    )


@pytest.mark.slow
def test_releases_and_views_of_a_catalog(catalog: Tables, good_rows: DataFrame):
    publish(catalog, good_rows, 1)
    before = said(catalog, "instruct")
    publish(catalog, good_rows.limit(20), 2)
    assert said(catalog, "instruct") == before
    assert (read_release(catalog, 1).count(), read_release(catalog, 2).count()) == (good_rows.count(), 20)

    catalog.overwrite("releases", catalog.read("releases").where("release_id = 1"))
    assert repair(catalog) == 2, "a crash between commit and manifest"
    assert repair(catalog) is None
    newest = latest(catalog)
    assert newest is not None
    assert (newest["release_id"], newest["rows"]) == (2, 20)

    names = create_views(catalog)
    assert names == [f"spark_catalog.vl.{name}" for name in packaged_views()]
    assert {name: catalog.spark.table(name).count() for name in names if name.endswith((".lineage", ".before_after"))}
    assert catalog.spark.table("spark_catalog.vl.lineage").count() == 20
    for name, table in TABLES.items():
        columns, comment, _ = said(catalog, name)
        assert comment == table.comment
        assert all(told for _, _, told in columns), name  # type: ignore[attr-defined]
