"""Commands about the configuration: show, schema."""

from typing import Annotated

import typer
import yaml

from jobs.cli.context import print_json, read_options
from schemas.config import Config

app = typer.Typer(help="What is configured, and what can be.", no_args_is_help=True)


@app.command()
def show(
    ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="JSON instead of YAML.")] = False
) -> None:
    """The configuration as profile, file and --set make it."""
    tree = read_options(ctx).config.model_dump(mode="json")
    if as_json:
        print_json(tree)
    else:
        typer.echo(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))


@app.command()
def schema() -> None:
    """JSON schema of the configuration file."""
    print_json(Config.model_json_schema())
