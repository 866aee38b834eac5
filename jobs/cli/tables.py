"""Commands over the tables and the installation: sql, doctor, bundle."""

import csv
import shutil
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated
from zipfile import ZIP_DEFLATED, ZipFile

import typer
from pyspark.errors import AnalysisException

from jobs.cli.context import print_json, print_table, read_options
from jobs.engines import load_engines
from jobs.java import java_major
from jobs.progress import Progress
from jobs.queries import register
from jobs.run import Options
from jobs.session import delta_jars, spark_session
from jobs.tables import Tables
from jobs.views import packaged_views, register_views
from schemas.errors import ConfigError, InputError, PipelineError
from schemas.tables import TABLES

PACKAGES = ("schemas", "udfs", "jobs", "prompts")


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
    options = read_options(ctx)
    tables = Tables(spark_session(options.config), options.config.storage)
    register_views(tables)
    if "vl_" in text.lower():  # only then is an engine's model looked at
        register(tables, load_engines(options.config, options.prompts, tables.root))
    try:
        found = tables.spark.sql(text).limit(rows)
    except AnalysisException as error:
        message = str(error).splitlines()[0]
        known = ", ".join([*TABLES, *packaged_views()])
        raise ConfigError(f"the query cannot be understood: {message}", f"tables and views: {known}") from error
    values = [row.asDict(recursive=True) for row in found.collect()]
    if output is Output.JSON:
        print_json(values)
    elif output is Output.CSV:
        writer = csv.writer(sys.stdout)
        writer.writerow(found.columns)
        writer.writerows([row[column] for column in found.columns] for row in values)
    else:
        print_table("", found.columns, [[row[column] for column in found.columns] for row in values])


def _read_query(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"query file {file} cannot be read: {error}", "give -f a text file with one query") from error


def doctor(ctx: typer.Context) -> None:
    """Look at what a run needs: JDK, Delta, memory, disk, engine environment, model folders."""
    options = read_options(ctx)
    checks: Mapping[str, Callable[[], str]] = {
        "Java": _java,
        "Delta": _delta,
        "disk": _disk,
        "engines": partial(_engines, options),
    }
    rows, failed = [], False
    for name, look in checks.items():
        try:
            rows.append((name, "ok", look()))
        except PipelineError as error:
            rows.append((name, "missing", str(error)))
            failed = True
    print_table("", ("what", "state", "found"), rows)
    if failed:
        raise typer.Exit(ConfigError.exit_code)


def _java() -> str:
    return f"Java {java_major()}"


def _delta() -> str:
    return f"{len(delta_jars())} jars"


def _disk() -> str:
    return f"{shutil.disk_usage(Path.cwd()).free >> 30} GiB free here"


def _engines(options: Options) -> str:
    engines = load_engines(options.config, options.prompts, options.config.storage.root)
    return ", ".join(f"{name}: {s.engine.model} ({s.revision})" for name, s in engines.settings.items())


def bundle(
    ctx: typer.Context,
    target: Annotated[Path, typer.Argument(help="Zip file to write.")] = Path("mammoth_vl.zip"),
) -> None:
    """Write the packages as one zip for `spark-submit --py-files`."""
    root = Path(__file__).resolve().parents[2]
    files = sorted(
        path for package in PACKAGES for path in (root / package).rglob("*") if path.is_file() and path.suffix != ".pyc"
    )
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(root))
    Progress(quiet=read_options(ctx).quiet).say(f"{target}: {len(files)} files")
