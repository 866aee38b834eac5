"""Commands about engines on this machine: status, logs, stop of their hosts; install, bench."""

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.context import print_json, print_table, read_options
from jobs.engines import load_engines
from schemas.errors import ConfigError
from udfs.engine import control
from udfs.engine.bench import bench as measure
from udfs.engine.install import Build, find_build, install_engine
from udfs.engine.processes import owner_of
from udfs.engine.settings import host_folder
from udfs.engine.state import tail

app = typer.Typer(help="Engines on this machine: their environment and their hosts.", no_args_is_help=True)


@app.command()
def status(ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="JSON.")] = False) -> None:
    """What each engine host is doing."""
    rows = []
    for host in control.list_hosts(_folder(ctx)):
        stats = control.host_stats(host) or {}
        rows.append({"engine": host.name, "id": host.engine_id, "pid": host.pid, "phase": host.phase.value, **stats})
    if as_json:
        print_json(rows)
        return
    columns = ("engine", "id", "pid", "phase", "model", "calls_new", "calls_replayed", "in_flight", "tokens_out")
    print_table("", columns, [[row.get(column) for column in columns] for row in rows])


@app.command()
def logs(ctx: typer.Context, lines: Annotated[int, typer.Option(help="Lines from the end.")] = 40) -> None:
    """The end of each engine's log, also of engines that ended."""
    for path in sorted(Path(_folder(ctx)).glob("*.log")):
        typer.echo(f"==> {path} <==\n{tail(path, lines)}\n")


@app.command()
def stop(ctx: typer.Context) -> None:
    """Let every engine host answer what it has, and end it."""
    for host in control.list_hosts(_folder(ctx)):
        ended = control.stop_host(host)
        typer.echo(f"{host.name} (pid {host.pid}): {'ended' if ended else 'still there'}")


@app.command()
def install(
    prefix: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the environment; new, empty, or an earlier one.")
    ],
    build: Annotated[Build | None, typer.Option(help="Default: gpu where nvidia-smi is found.")] = None,
) -> None:
    """Lay vLLM's environment from pinned, hash-checked requirements; images and init scripts call this."""
    chosen = build or find_build()
    python, new = install_engine(prefix.absolute(), chosen)
    typer.echo(f"{chosen} build {'installed' if new else 'is there'}: set engines.<name>.python={python}")


@app.command()
def bench(
    ctx: typer.Context,
    engine: Annotated[str | None, typer.Option(help="Name in the configuration; default: the first.")] = None,
    requests: Annotated[int, typer.Option("--requests", "-n", min=1, help="Requests, all of them new.")] = 64,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest reply.")] = 64,
    as_json: Annotated[bool, typer.Option("--json", help="JSON.")] = False,
) -> None:
    """Ask a configured engine N short questions and say how many tokens a second it gives."""
    options = read_options(ctx)
    engines = load_engines(options.config, options.prompts, options.config.storage.root)
    name = engine or options.config.engines[0].name
    if name not in engines.settings:
        raise ConfigError(f"no engine {name!r}", f"engines: {', '.join(engines.settings)}")
    owner = owner_of(os.getpid())
    try:
        found = measure(replace(engines.settings[name], status_dir=""), requests, max_tokens, owner)
    finally:
        control.release_hosts(_folder(ctx), owner)
    facts = asdict(found)
    print_json(facts) if as_json else print_table("", ("what", "measured"), list(facts.items()))


def _folder(ctx: typer.Context) -> str:
    return host_folder(read_options(ctx).config.storage.host_dir)
