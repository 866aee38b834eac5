"""Delta tables by name: created from their schemas, written only through here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import ArrayType, DataType, MapType, StructField, StructType

from jobs.session import SPARK_ERRORS, told_by
from schemas.columns import Table
from schemas.config import Storage
from schemas.errors import InputError, PipelineError
from schemas.tables import TABLES

PROPERTIES = {
    # What keeps a table readable by delta-rs, DuckDB, Polars and Trino, wherever it was made.
    "delta.enableDeletionVectors": "false",
    "delta.columnMapping.mode": "none",
    "delta.checkpointPolicy": "classic",
    "delta.autoOptimize.optimizeWrite": "false",
    "delta.autoOptimize.autoCompact": "false",
}

_ABSENT = {"DELTA_PATH_DOES_NOT_EXIST", "DELTA_TABLE_NOT_FOUND", "DELTA_MISSING_DELTA_TABLE", "PATH_NOT_FOUND"}
"""What Spark says of a path at which there is no table yet."""


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def no_tables(root: str) -> InputError:
    """A mistyped root is an empty one."""
    return InputError(f"there are no tables below {root}", "give --root or --profile as in the run")


def spark_schema(table: Table) -> StructType:
    """The table's schema in Spark's terms."""
    schema: StructType = from_arrow_schema(table.arrow)
    return schema


def _plain(kind: DataType) -> DataType:
    """The type without nullability, which engines change at will."""
    if isinstance(kind, ArrayType):
        return ArrayType(_plain(kind.elementType))
    if isinstance(kind, MapType):
        return MapType(_plain(kind.keyType), _plain(kind.valueType))
    if isinstance(kind, StructType):
        plain = StructType()
        for field in kind.fields:
            plain = plain.add(field.name, _plain(field.dataType))
        return plain
    return kind


def conform(df: DataFrame, table: Table) -> DataFrame:
    """The frame in the table's column order, or an error that lists what differs."""
    wanted = spark_schema(table)
    have = {field.name: field.dataType for field in df.schema.fields}
    wrong = [
        f"{field.name}: {have[field.name].simpleString() if field.name in have else 'missing'}"
        f" instead of {field.dataType.simpleString()}"
        for field in wanted.fields
        if field.name not in have or _plain(have[field.name]) != _plain(field.dataType)
    ]
    extra = sorted(set(have) - set(wanted.fieldNames()))
    if wrong or extra:
        raise PipelineError(
            f"table {table.name}: {'; '.join(wrong + [f'{name}: not in the schema' for name in extra])}",
            "this is a defect: the stage and schemas/tables.py disagree",
        )
    return df.select(*wanted.fieldNames())


def _lacking(rows: DataFrame, name: str) -> list[StructField]:
    """Columns of the schema that a table made by an earlier version does not have."""
    return [field for field in spark_schema(TABLES[name]).fields if field.name not in rows.columns]


@dataclass(frozen=True)
class Tables:
    """All tables below one root path or in one catalog.schema."""

    spark: SparkSession
    storage: Storage
    at: Mapping[str, int] = field(default_factory=dict)
    """Versions that reads are pinned to, by table."""
    _made: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    """Tables that were seen to exist: a look at a Delta log for each read is seconds in a stage."""

    @property
    def root(self) -> str:
        """Root with local paths made absolute, since Spark's workers have folders of their own."""
        root = self.storage.root.rstrip("/")
        return root if "://" in root else str(Path(root).absolute())

    def path(self, name: str) -> str:
        """Where a table's files lie when tables are addressed by path."""
        return f"{self.root}/tables/{name}"

    def sql_name(self, name: str) -> str:
        """How SQL names the table."""
        if self.storage.catalog:
            return f"{self.storage.catalog}.{name}"
        path = self.path(name).replace("`", "``")
        return f"delta.`{path}`"

    def exists(self, name: str) -> bool:
        """Whether the table was ever created."""
        if self.storage.catalog:
            return bool(self.spark.catalog.tableExists(self.sql_name(name)))
        try:
            # Asking for the schema analyses the path: at once in a classic session, by the server in a remote one.
            return bool(self.spark.read.format("delta").load(self.path(name)).schema)
        except SPARK_ERRORS as error:
            if isinstance(error, AnalysisException) and error.getCondition() in _ABSENT:
                return False
            raise InputError(
                f"table {name} at {self.path(name)} cannot be read: {told_by(error)[:300]}",
                "look whether storage.root can be opened at all: its address, its credentials, the classes of its file "
                "system; if it can, restore the table's files, _delta_log included, from a backup",
            ) from error

    def ensure(self, name: str) -> Table:
        """Creates the table with its comments and constraints unless it exists."""
        table = TABLES[name]
        if name in self._made or self.exists(name):
            self._made.add(name)
            return table
        # In SQL, since Delta's own builder needs a classic session, or a plugin in the server of a remote one.
        columns = ", ".join(
            f"`{field.name}` {field.dataType.simpleString()}{'' if field.nullable else ' NOT NULL'}"
            f" COMMENT {quoted(column.comment)}"
            for field, column in zip(spark_schema(table).fields, table.columns, strict=True)
        )
        # Constraints too, in one commit with the table: an end between two would leave a table that checks nothing.
        checks = {f"delta.constraints.{constraint}": condition for constraint, condition in table.checks.items()}
        properties = ", ".join(f"'{key}' = {quoted(value)}" for key, value in {**PROPERTIES, **checks}.items())
        partitions = f"PARTITIONED BY ({', '.join(table.partition_by)})" if table.partition_by else ""
        self.spark.sql(
            f"CREATE TABLE IF NOT EXISTS {self.sql_name(name)} ({columns}) USING delta {partitions}"
            f" COMMENT {quoted(table.comment)} TBLPROPERTIES ({properties})"
        )
        self._made.add(name)
        return table

    def read(self, name: str, version: int | None = None) -> DataFrame:
        """The table, empty with its schema when it was never written; `version` pins one, else `at` does.

        Columns that came into the schema after the table was made are NULL.
        """
        rows = self._stored(self.ensure(name), self.at.get(name) if version is None else version)
        new = {field.name: f.lit(None).cast(field.dataType) for field in _lacking(rows, name)}
        return rows.withColumns(new) if new else rows

    def _stored(self, table: Table, version: int | None = None) -> DataFrame:
        reader = self.spark.read
        if version is not None:
            reader = reader.option("versionAsOf", version)
        if self.storage.catalog:
            return reader.table(self.sql_name(table.name))
        return reader.format("delta").load(self.path(table.name))

    def append(self, name: str, df: DataFrame) -> None:
        """Adds rows in one commit."""
        self._write(name, df, "append", {})

    def overwrite(self, name: str, df: DataFrame, where: str | None = None, note: str | None = None) -> None:
        """Replaces all rows, or those of a condition on partition columns, in one commit, which can carry a note."""
        told = {"replaceWhere": where, "userMetadata": note}
        self._write(name, df, "overwrite", {option: value for option, value in told.items() if value})

    def _write(self, name: str, df: DataFrame, mode: str, options: dict[str, str]) -> None:
        table = self.ensure(name)
        # Fields within a column count too, which `_lacking` does not look at.
        grown = _plain(self._stored(table).schema) != _plain(spark_schema(table))
        writer = conform(df, table).write.format("delta").mode(mode).options(**options, mergeSchema=str(grown))
        if self.storage.catalog:
            writer.saveAsTable(self.sql_name(name))
        else:
            writer.save(self.path(name))

    def append_rows(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        """Adds a few rows made by the driver."""
        if rows:
            batch = pa.Table.from_pylist(list(rows), schema=TABLES[name].arrow)
            self.append(name, self.spark.createDataFrame(batch))

    def version(self, name: str) -> int:
        """The table's current version."""
        self.ensure(name)
        history = self.spark.sql(f"DESCRIBE HISTORY {self.sql_name(name)} LIMIT 1")
        return int(history.collect()[0]["version"])
