"""Commands over the tables and the packages: sql, bundle."""

import re
from collections.abc import Sequence
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated
from zipfile import ZIP_DEFLATED, ZipFile

import typer
from py4j.java_gateway import is_instance_of  # type: ignore[import-untyped]  # py4j ships no types
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession

from jobs.cli.context import as_json, print_csv, print_json, print_table, read_options
from jobs.engines import load_engines
from jobs.progress import Progress
from jobs.session import DELTA_PACKAGE, spark_session, told_by
from jobs.tables import Tables
from jobs.views import packaged_views, register_views
from schemas.errors import ConfigError, InputError
from schemas.tables import TABLES
from udfs.code import code_digest, packaged_files

_QUOTED = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`", re.DOTALL)
_ASKS = re.compile(r"(select|with|from|values|table|show|desc|describe|explain)\b", re.IGNORECASE)
_TOLD = re.compile(r"(show|desc|describe|explain)\b", re.IGNORECASE)
"""Commands that change nothing."""
_COMMAND = "org.apache.spark.sql.catalyst.plans.logical.Command"
_UDFS = re.compile(r"\bvl_(rewrite|judge)\b", re.IGNORECASE)


class Output(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def sql(
    ctx: typer.Context,
    query: Annotated[str | None, typer.Argument(help="e.g. 'SELECT * FROM runs'")] = None,
    file: Annotated[Path | None, typer.Option("-f", "--file", help="Read the query from a file.")] = None,
    output: Annotated[Output, typer.Option("-o", "--output", help="How to print the rows.")] = Output.TABLE,
    rows: Annotated[int, typer.Option(help="At most so many rows.", min=1)] = 1000,
) -> None:
    """Ask tables and views in SQL, each under its own name; docs/sql.md answers twenty questions."""
    if (query is None) == (file is None):
        raise ConfigError("sql takes a query or -f FILE, one of them", "mammoth-vl sql 'SELECT * FROM runs'")
    text = query if query is not None else _read_query(Path(str(file)))
    plain = _QUOTED.sub(" ", text).strip().lstrip("(").lstrip()
    _check_that_it_asks(plain)
    options = read_options(ctx)
    tables = Tables(spark_session(options.config), options.config.storage)
    if not tables.exists("samples"):
        Progress(quiet=False).say(f"there are no tables below {tables.root}: all of them are empty")
    register_views(tables)
    if _UDFS.search(plain):  # only then is an engine's model looked at
        from jobs.queries import register  # pandas takes its time

        register(tables, load_engines(options.config, options.prompts, tables.root))
    try:
        if not _TOLD.match(plain):
            _check_that_it_reads(tables.spark, text)
        found = tables.spark.sql(text).limit(rows + 1)
        cells = [[as_json(cell, strict=output is Output.JSON) for cell in row] for row in found.collect()]
    except AnalysisException as error:
        known = ", ".join([*TABLES, *packaged_views()])
        raise ConfigError(f"the query cannot be understood: {told_by(error)}", f"tables and views: {known}") from error
    except PySparkException as error:
        raise ConfigError(f"the query failed: {told_by(error)}", "see docs/sql.md for queries that work") from error
    if len(cells) > rows:
        Progress(quiet=False).say(f"only the first {rows:,} rows are shown; --rows shows more")
        cells.pop()
    if output is Output.JSON:
        _check_names(found.columns)
        print_json([dict(zip(found.columns, row, strict=True)) for row in cells])
    elif output is Output.CSV:
        print_csv(found.columns, cells)
    else:
        print_table("", found.columns, cells)


def _check_that_it_asks(plain: str) -> None:
    if not _ASKS.match(plain):
        raise _refusal(plain.split(maxsplit=1)[0] if plain else "nothing")


def _check_that_it_reads(spark: SparkSession, text: str) -> None:
    """Behind WITH and FROM may stand changes; Spark's own parser tells which."""
    plans = [spark._jsparkSession.sessionState().sqlParser().parsePlan(text)]
    while plans:
        plan = plans.pop()
        name = plan.nodeName()
        if name.startswith("Insert") or is_instance_of(spark.sparkContext._gateway, plan, _COMMAND):
            raise _refusal(name)
        inner = plan.children()
        plans += [inner.apply(at) for at in range(inner.size())]


def _refusal(what: str) -> ConfigError:
    return ConfigError(
        f"{what}: `sql` asks and changes nothing",
        "begin with SELECT, WITH, FROM, VALUES, TABLE, SHOW, DESCRIBE or EXPLAIN",
    )


def _check_names(columns: Sequence[str]) -> None:
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise ConfigError(
            f"two columns are called {', '.join(twice)}", "name them apart with AS; JSON has one of a name"
        )


def _read_query(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"query file {file} cannot be read: {error}", "give -f a text file with one query") from error


def bundle(
    ctx: typer.Context,
    target: Annotated[Path, typer.Argument(help="Zip file to write.")] = Path("mammoth_vl.zip"),
) -> None:
    """Write the packages as one zip for `spark-submit --py-files`, and say how to submit it."""
    count = write_bundle(target)
    progress = Progress(quiet=read_options(ctx).quiet)
    progress.say(f"{target}: {count} files, code {code_digest()}")
    progress.say(
        f"spark-submit --packages {DELTA_PACKAGE} --py-files {target} {files('jobs').joinpath('main.py')} "
        "--profile cluster --config my.yaml run"
    )


def write_bundle(target: Path) -> int:
    """The packages as one zip; returns the number of files."""
    packed = list(packaged_files())
    try:
        with ZipFile(target, "w", ZIP_DEFLATED) as archive:
            for path, content in packed:
                archive.writestr(path, content)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error}", "name a zip file in a folder that exists") from error
    return len(packed)
