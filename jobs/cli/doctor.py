"""doctor: what a run needs, on this machine or on every executor."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.context import print_json, print_table, read_options
from jobs.doctor import DRIVER, examine, failed
from jobs.engines import load_engines
from jobs.java import java_major
from jobs.run import Options
from jobs.session import delta_jars
from schemas.config import Storage
from schemas.errors import ConfigError, PipelineError
from udfs.engine.settings import host_folder
from udfs.machine import Finding


def doctor(
    ctx: typer.Context,
    executors: Annotated[
        bool, typer.Option("--executors", help="Start Spark and look at every executor of the cluster.")
    ] = False,
    wait: Annotated[int, typer.Option(min=1, metavar="SECONDS", help="How long the first executor may take.")] = 120,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout instead of a table.")] = False,
) -> None:
    """Look at what a run needs: JDK, Delta, disk, engines; with --executors also what each machine offers."""
    options = read_options(ctx)
    findings = examine(options, wait) if executors else list(_here(options))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        rows = [(one.executor, one.check, "ok" if one.ok else "amiss", _words(one)) for one in findings]
        print_table("", ("where", "what", "state", "found"), rows)
    if failed(findings):
        raise typer.Exit(ConfigError.exit_code)


def _words(finding: Finding) -> str:
    return f"{finding.found}\n  next: {finding.next_step}" if finding.next_step else finding.found


def _here(options: Options) -> Iterator[Finding]:
    checks: Mapping[str, Callable[[], str]] = {
        "Java": lambda: f"Java {java_major()}",
        "Delta": lambda: f"{len(delta_jars())} jars",
        "disk": partial(_disk, options.config.storage),
        "engines": partial(_engines, options),
    }
    for name, look in checks.items():
        try:
            yield Finding(DRIVER, name, True, look())
        except PipelineError as error:
            yield Finding(DRIVER, name, False, str(error.args[0]), error.next_step)


def _disk(storage: Storage) -> str:
    root = "" if "://" in storage.root or storage.catalog else storage.root
    named = [Path(folder).absolute() for folder in (root, host_folder(storage.host_dir)) if folder]
    there = {folder: next(path for path in (folder, *folder.parents) if path.exists()) for folder in named}
    return ", ".join(f"{shutil.disk_usage(path).free >> 30} GiB free for {folder}" for folder, path in there.items())


def _engines(options: Options) -> str:
    engines = load_engines(options.config, options.prompts, options.config.storage.root)
    return ", ".join(f"{name}: {s.engine.model} ({s.revision})" for name, s in engines.settings.items())
