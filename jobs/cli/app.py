"""The application: options that every command takes, and how errors become exit codes."""

import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from pyspark.logger import PySparkLogger

from jobs.cli import configuration, doctor, engines, pages, plans, releases, sources, stages, tables, try_prompts
from jobs.cli.foreign import refuse_foreign_packages
from jobs.run import Options
from schemas.config import Profile, load_config
from schemas.errors import PipelineError
from schemas.source import load_sources

INTERRUPTED = 130
app = typer.Typer(
    name="mammoth-vl",
    help="Turn multimodal datasets into step-by-step instruction data: PySpark, Delta Lake, vLLM.",
    epilog="Exit codes: 0 done, 1 unexpected, 2 usage or configuration, 3 a gate failed, 4 input missing, "
    "5 engine, 6 budget reached, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(sources.app, name="sources")
app.add_typer(configuration.app, name="config")
app.add_typer(engines.app, name="engine")
app.add_typer(pages.label, name="label")
app.add_typer(releases.releases, name="release")
COMMANDS: Sequence[Callable[..., None]] = (
    stages.demo,
    stages.run,
    *stages.STAGES,
    plans.plan,
    pages.report,
    pages.view,
    pages.explain,
    tables.sql,
    doctor.doctor,
    tables.bundle,
)
for command in COMMANDS:
    app.command()(command)
app.command("try")(try_prompts.try_)  # a word of Python's own


@app.callback()
def options(
    ctx: typer.Context,
    profile: Annotated[Profile, typer.Option(help="Starting point of the configuration.")] = Profile.LAPTOP,
    config: Annotated[Path | None, typer.Option(help="YAML file over the profile.", metavar="FILE")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting; may be repeated.")
    ] = None,
    root: Annotated[
        str | None, typer.Option(metavar="URI", help="Where tables and exports lie; anything that Spark can write.")
    ] = None,
    catalogue: Annotated[Path | None, typer.Option(metavar="DIR", help="Your own source files (YAML).")] = None,
    prompts: Annotated[Path | None, typer.Option(metavar="DIR", help="Your own prompts (YAML).")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Reads the configuration once, when a command asks for it."""
    chosen = [*(settings or []), *([f"storage.root={json.dumps(root)}"] if root else [])]

    def read(defaults: Sequence[str], own: Sequence[str]) -> Options:
        found = load_config(profile, config, [*defaults, *chosen, *own])
        return Options(found, load_sources(catalogue), prompts, quiet)

    ctx.obj = read


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits with its code; errors of ours are sentences, not tracebacks."""
    refuse_foreign_packages()
    # pyspark would print every error of a query as a page of JSON before we can say it in a sentence.
    PySparkLogger.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    logging.getLogger().setLevel(logging.CRITICAL)  # py4j logs the interrupt that ends it
    try:
        code = app(list(arguments) if arguments is not None else None, standalone_mode=False)
        if code == INTERRUPTED:  # typer makes this of Ctrl-C
            raise KeyboardInterrupt
    except PipelineError as error:
        sys.stderr.write(f"error: {error}\n")
        code = error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: what was done is kept, run again to go on\n")
        code = INTERRUPTED
    except Exception as error:
        if not hasattr(error, "exit_code"):
            raise
        # The command line's own complaint about arguments.
        error.show() if hasattr(error, "show") else sys.stderr.write(f"{error}\n")
        # Options of all commands stand in front of the command.
        everywhere = {name for parameter in typer.main.get_command(app).params for name in parameter.opts}
        if (option := getattr(error, "option_name", None)) in everywhere:
            sys.stderr.write(f"{option} goes before the command: mammoth-vl {option} ... COMMAND\n")
        code = error.exit_code
    sys.exit(code if isinstance(code, int) else 0)
