"""Spark, delta-rs, Polars and DuckDB read the same values out of every table of the demo; nothing else is needed."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from engines import Demo
from pyspark.sql import SparkSession

from jobs.tables import Tables
from schemas.config import Storage
from schemas.tables import TABLES

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]
Hashes = Mapping[str, str]
ALLOWED_FEATURES = {"appendOnly", "invariants", "checkConstraints"}
"""What a writer must know; a reader needs none of it."""
PARTITION_TYPES = {"source_id": "VARCHAR", "run_id": "VARCHAR", "bucket": "INTEGER"}


def plain(value: object) -> object:
    """A value as JSON: times in UTC, bytes by their hash, structs by field name."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value


def column_hashes(rows: list[dict[str, Any]], key: tuple[str, ...]) -> Hashes:
    """sha256 of each column over all rows, ordered by key; of tables without one by whole rows."""
    texts = [
        {name: json.dumps(plain(value), sort_keys=True, allow_nan=False) for name, value in row.items()} for row in rows
    ]
    texts.sort(key=lambda row: ([row[name] for name in key], sorted(row.items())))
    names = sorted({name for row in texts for name in row})
    return {name: hashlib.sha256("\n".join(row[name] for row in texts).encode()).hexdigest()[:16] for name in names}


def by_delta_rs(path: Path) -> pa.Table:
    return DeltaTable(path).to_pyarrow_table()


def by_polars(path: Path) -> pa.Table:
    return polars.scan_delta(str(path)).collect().to_arrow()


def by_duckdb(path: Path) -> pa.Table:
    """DuckDB's own reader of parquet over the files that the log calls active; a path holds the partition."""
    table = DeltaTable(path)
    active = table.file_uris()
    if not active:
        return pa.table({})
    types = ", ".join(f"{name}: {PARTITION_TYPES[name]}" for name in table.metadata().partition_columns)
    options = f", hive_partitioning = true, hive_types = {{{types}}}" if types else ""
    with duckdb.connect() as connection:
        return connection.sql(f"FROM read_parquet(?{options})", params=[active]).to_arrow_table()


def by_duckdb_over_arrow(path: Path) -> pa.Table:
    """DuckDB over delta-rs's dataset, as the demo prints it."""
    data = DeltaTable(path).to_pyarrow_dataset()
    with duckdb.connect() as connection:
        return connection.from_arrow(data).to_arrow_table()


READERS: Mapping[str, Callable[[Path], pa.Table]] = {
    "delta-rs": by_delta_rs,
    "polars": by_polars,
    "duckdb": by_duckdb,
    "duckdb over arrow": by_duckdb_over_arrow,
}


@pytest.fixture(scope="module")
def copied(spark: SparkSession, demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's tables below a path without a space, which Polars 2 cannot read, and a twin, of which it has none."""
    folder = tmp_path_factory.mktemp("read") / "tables"
    shutil.copytree(demo.root / "tables", folder)
    twin = {"source_id": "photos", "kind": "near", "twin": "b" * 64, "similarity": 0.9375, "dropped": False}
    tables = Tables(spark, Storage(root=str(folder.parent)))
    tables.append_rows(
        "twins", [twin | {"sample_id": "a" * 64, "distance": 3}, twin | {"sample_id": "c" * 64, "similarity": None}]
    )
    return folder


@pytest.fixture(scope="module")
def by_spark(spark: SparkSession, copied: Path) -> Mapping[str, Hashes]:
    """What Spark reads, by table."""
    read = spark.read.format("delta")
    return {
        name: column_hashes(read.load(str(copied / name)).toArrow().to_pylist(), table.key)
        for name, table in TABLES.items()
    }


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_sees_what_spark_sees(copied: Path, by_spark: Mapping[str, Hashes], reader: str):
    read = READERS[reader]
    for name, table in TABLES.items():
        assert column_hashes(read(copied / name).to_pylist(), table.key) == by_spark[name], name
        assert set(by_spark[name]) == {column.name for column in table.columns}, name


def test_the_hash_of_a_column_tells_any_change(copied: Path, by_spark: Mapping[str, Hashes]):
    rows = by_delta_rs(copied / "instruct").to_pylist()
    assert column_hashes(rows[::-1], ("id",)) == by_spark["instruct"]
    rows[7]["lineage"]["origin"]["position"] += 1
    rows[8]["quality"]["p_yes"] = None if rows[8]["quality"]["p_yes"] else 0.5
    found = column_hashes(rows, ("id",))
    assert {name for name in found if found[name] != by_spark["instruct"][name]} == {"lineage", "quality"}


@pytest.mark.parametrize("name", TABLES)
def test_the_log_asks_nothing_of_a_reader(copied: Path, name: str):
    log = copied / name / "_delta_log"
    actions = [json.loads(line) for commit in sorted(log.glob("*.json")) for line in commit.read_text().splitlines()]
    protocols = [action["protocol"] for action in actions if "protocol" in action]
    assert {protocol["minReaderVersion"] for protocol in protocols} == {1}
    assert not any(protocol.get("readerFeatures") for protocol in protocols)
    assert all(set(protocol.get("writerFeatures", ())) <= ALLOWED_FEATURES for protocol in protocols)
    assert all(protocol["minWriterVersion"] <= 4 or "writerFeatures" in protocol for protocol in protocols)
    changed = [action[kind] for action in actions for kind in ("add", "remove") if kind in action]
    assert not any(file.get("deletionVector") for file in changed)
    assert changed
    metadata = [action["metaData"] for action in actions if "metaData" in action]
    assert metadata
    assert not any("delta.columnMapping." in one["schemaString"] for one in metadata)
    assert not any("delta.typeChanges" in one["schemaString"] for one in metadata)
    assert {one["configuration"].get("delta.columnMapping.mode", "none") for one in metadata} == {"none"}
    assert {one["configuration"].get("delta.checkpointPolicy") for one in metadata} == {"classic"}
    files = [path.name for path in log.iterdir() if "checkpoint" in path.name and path.suffix != ".crc"]
    others = [file for file in files if file != "_last_checkpoint"]
    assert all(file[:20].isdigit() and file[20:] == ".checkpoint.parquet" for file in others), others
    assert not (log / "_sidecars").exists()
