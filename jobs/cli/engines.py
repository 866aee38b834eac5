"""Commands about engine hosts of this machine: status, logs, stop."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.context import print_json, print_table, read_options
from udfs.engine import control
from udfs.engine.settings import host_folder
from udfs.engine.state import tail

app = typer.Typer(help="Engine hosts on this machine.", no_args_is_help=True)


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


def _folder(ctx: typer.Context) -> str:
    return host_folder(read_options(ctx).config.storage.host_dir)
