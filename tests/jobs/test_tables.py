"""Tables: created from their schemas, readable by anybody, and closed to rows that break a contract."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import ArrayType, StringType, StructType
from release_rows import GROUPS, make_pair, make_sample

from jobs.session import SPARK_ERRORS
from jobs.tables import PROPERTIES, Tables, conform, spark_schema
from schemas.config import Storage
from schemas.errors import InputError, PipelineError
from schemas.tables import CALLS, SAMPLES, TABLES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CHART, PHOTO = make_sample(GROUPS[0], 1), make_sample(GROUPS[1], 1)


@pytest.fixture
def own(spark: SparkSession, tmp_path: Path) -> Tables:
    return Tables(spark, Storage(root=str(tmp_path)))


@pytest.mark.parametrize("name", ["samples", "media_bytes", "calls"])
def test_other_readers_can_read_a_table(own: Tables, name: str):
    own.ensure(name)
    detail = own.spark.sql(f"DESCRIBE DETAIL {own.sql_name(name)}").collect()[0]
    assert detail["minReaderVersion"] == 1
    assert {key: detail["properties"].get(key) for key in PROPERTIES} == PROPERTIES
    assert tuple(detail["partitionColumns"]) == TABLES[name].partition_by
    checks = {key.removeprefix("delta.constraints.") for key in detail["properties"] if "constraints" in key}
    assert checks == set(TABLES[name].checks)


def test_an_unwritten_table_is_empty_and_has_its_schema(own: Tables):
    assert not own.exists("judged")
    assert own.read("judged").count() == 0
    assert own.read("judged").columns == [column.name for column in TABLES["judged"].columns]
    assert own.exists("judged")


def test_a_root_with_a_backtick(spark: SparkSession, tmp_path: Path):
    tables = Tables(spark, Storage(root=str(tmp_path / "a`b")))
    tables.ensure("gates")
    assert tables.version("gates") == 0


@pytest.mark.parametrize(
    "damage", [lambda log: log.write_text("{"), lambda log: log.rename(log.with_stem("1".zfill(20)))]
)
def test_a_damaged_log_is_told_in_a_sentence(own: Tables, damage: Callable[[Path], object]):
    own.ensure("gates")
    (log,) = Path(own.path("gates"), "_delta_log").glob("*.json")
    damage(log)
    log.with_suffix(".crc").unlink(missing_ok=True)
    (log.parent / f".{log.name}.crc").unlink(missing_ok=True)
    assert own.spark._jvm is not None
    own.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()  # as a new process finds it
    with pytest.raises(
        InputError, match=rf"table gates at {own.path('gates')} cannot be read: .*\n  next: look whether storage.root"
    ):
        Tables(own.spark, own.storage).read("gates")


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        ("samples", {**CHART, "media_status": None}, "media_status"),
        ("samples", {**CHART, "conversation": CHART["conversation"][:1]}, "samples_turns"),
        ("samples", {**CHART, "media": []}, "samples_media"),
        ("rewritten", {**make_pair(CHART), "pair_id": None}, "pair_id"),
    ],
)
def test_a_row_that_breaks_a_contract_is_refused(own: Tables, name: str, row: dict[str, Any], said: str):
    schema = StructType([type(field)(field.name, field.dataType, True) for field in spark_schema(TABLES[name]).fields])
    frame = own.spark.createDataFrame([tuple(row.get(field.name) for field in schema.fields)], schema)
    with pytest.raises(SPARK_ERRORS, match=said):
        own.append(name, frame)
    assert own.read(name).count() == 0


def test_whatever_an_engine_says_can_be_kept(own: Tables):
    own.append_rows("calls", [{"call_key": "k"}])
    assert own.read("calls").count() == 1
    assert [column.name for column in CALLS.columns if column.required] == ["call_key"]


def test_replacing_one_partition_leaves_the_others_and_old_versions_stay_readable(own: Tables):
    own.append_rows("samples", [CHART, PHOTO])
    version = own.version("samples")
    charts = own.read("samples", version).where("source_id = 'charts'")
    own.overwrite("samples", charts.withColumn("sample_id", f.lit("new")), "source_id IN ('charts')")
    found = {row[0] for row in own.read("samples").select("sample_id").collect()}
    assert found == {"new", PHOTO["sample_id"]}
    before = {row[0] for row in own.read("samples", version).select("sample_id").collect()}
    assert before == {CHART["sample_id"], PHOTO["sample_id"]}


def test_a_frame_that_differs_is_refused_by_name(own: Tables):
    frame = own.spark.createDataFrame([], spark_schema(SAMPLES))
    wrong = frame.drop("language").withColumn("group", frame["group"].cast("binary")).withColumn("extra", f.lit("x"))
    with pytest.raises(PipelineError, match="table samples") as caught:
        conform(wrong, SAMPLES)
    words = ["group: binary instead of string", "language: missing instead of string", "extra: not in the schema"]
    assert [word for word in words if word not in str(caught.value)] == []


def test_nullability_and_order_do_not_matter(own: Tables):
    frame = own.spark.createDataFrame([], spark_schema(SAMPLES))
    turned = frame.select(*reversed(frame.columns))
    assert conform(turned, SAMPLES).columns == frame.columns
    assert isinstance(spark_schema(SAMPLES)["media"].dataType, ArrayType)
    assert spark_schema(SAMPLES)["media"].dataType.elementType == StringType()


def test_times_are_kept_to_the_microsecond(own: Tables):
    now = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    own.append_rows("runs", [{"run_id": "r", "stage": "s", "started": now, "ended": now, "facts": "{}"}])
    assert own.read("runs").collect()[0]["started"].replace(tzinfo=UTC) == now


def test_paths_are_absolute_and_uris_as_they_are(spark: SparkSession):
    assert Tables(spark, Storage(root="here")).root == str(Path("here").absolute())
    assert Tables(spark, Storage(root="s3://bucket/x/")).path("calls") == "s3://bucket/x/tables/calls"
    assert Tables(spark, Storage(catalog="main.vl")).sql_name("calls") == "main.vl.calls"


def test_a_table_of_an_earlier_version_grows_when_it_is_written(own: Tables):
    row = {"stage": "normalise", "run_id": "r", "started": NOW, "ended": NOW, "facts": "{}", "rows_in": 3}
    own.append_rows("runs", [row])
    older = own.spark.read.format("delta").load(own.path("runs")).drop("calls_reused")
    older.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(own.path("runs"))
    assert [tuple(found) for found in own.read("runs").select("rows_in", "calls_reused").collect()] == [(3, None)]
    own.append_rows("runs", [row | {"calls_reused": 7}])
    assert sorted(found[0] or 0 for found in own.read("runs").select("calls_reused").collect()) == [0, 7]
