"""Tables and views by plain names for SQL: temporary over a root path, permanent in a catalog."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

from jobs.tables import Tables, quoted, spark_schema
from schemas.tables import TABLES

FIRST = "deciding_judge.sql"


def packaged_views() -> Mapping[str, str]:
    """SQL of each view by name; the first line is a comment that says what it shows. None calls a function of ours."""
    # Others ask the first one.
    entries = sorted(files("schemas").joinpath("views").iterdir(), key=lambda e: (e.name != FIRST, e.name))
    return {
        entry.name.removesuffix(".sql"): entry.read_text("utf-8") for entry in entries if entry.name.endswith(".sql")
    }


def comment_of(sql: str) -> str:
    """What a view shows."""
    return sql.partition("\n")[0].removeprefix("--").strip()


@cache
def _comments() -> Mapping[str, str]:
    """Of columns by name, or by view and name."""
    own: dict[str, str] = yaml.safe_load(files("schemas").joinpath("views/columns.yaml").read_text("utf-8"))
    return {column.name: column.comment for table in TABLES.values() for column in table.columns} | own


def _head(tables: Tables, name: str, sql: str) -> str:
    """What stands between a view's name and its query: columns and view with their comments."""
    told = _comments()
    columns = (
        f"`{column}` COMMENT {quoted(told.get(f'{name}.{column}', told.get(column, '')))}"
        for column in tables.spark.sql(sql).columns
    )
    return f"({', '.join(columns)}) COMMENT {quoted(comment_of(sql))} AS"


def register_views(tables: Tables) -> None:
    """Every table and view as a temporary view of the session; a table that was never written is empty."""
    spark = tables.spark
    for name, table in TABLES.items():
        rows = tables.read(name) if tables.exists(name) else spark.createDataFrame([], spark_schema(table))
        rows.createOrReplaceTempView(name)
    for name, sql in packaged_views().items():
        spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW {name} {_head(tables, name, sql)}\n{sql}")


def create_views(tables: Tables) -> list[str]:
    """The views for good, beside the tables in their catalog; their names."""
    spark, home = tables.spark, str(tables.storage.catalog)
    for name in TABLES:
        tables.ensure(name)
    names = []
    for name, sql in packaged_views().items():
        names.append(f"{home}.{name}")
        text = _qualified(sql, home)
        spark.sql(f"CREATE OR REPLACE VIEW {names[-1]} {_head(tables, name, text)}\n{text}")
    return names


def _qualified(sql: str, home: str) -> str:
    """Tables and views of a view under their full names, so that it means the same wherever it is asked."""
    known = "|".join((*TABLES, *packaged_views()))
    return re.sub(rf"\b(FROM|JOIN)(\s+)({known})\b", lambda found: f"{found[1]}{found[2]}{home}.{found[3]}", sql)
