"""`sources screen`: looks at a folder that no catalogue file declares, and writes one."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml

from jobs.cli.context import print_json, print_table, read_options
from schemas.errors import ConfigError
from schemas.source import Source

if TYPE_CHECKING:
    from jobs.screen import Finding, Found, Measured


def screen(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with the files of one dataset.")],
    source_id: Annotated[str, typer.Option("--id", help="Id of the source; default: the folder's name.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Records that are measured, by hash.")] = 1000,
    score: Annotated[bool, typer.Option("--score", help="Ask the engine for 1-5 scores of a few samples.")] = False,
    write: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the catalogue file there; default: print it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of tables.")] = False,
) -> None:
    """Find out how a folder's files read, measure a sample of them, and suggest a group."""
    from jobs.look import look
    from jobs.screen import find_source, measure, suggest

    options = read_options(ctx)
    found = find_source(folder, options.config, source_id)
    measured = measure(look(found.source, found.plan, found.config, limit))
    if score:
        from jobs.screen.scores import score as ask

        measured.asked, measured.scores = True, ask(options, found)
    group, findings = suggest(measured)
    source = found.source.model_copy(update={"group": group})
    text = catalogue_text(source)
    path = None if write is None else _write(write, source, text)
    if as_json:
        facts = {"tried": found.tried, "measured": vars(measured), "rules": [asdict(finding) for finding in findings]}
        print_json(facts | {"source": source.model_dump(mode="json"), "catalogue_file": text, "written": path})
        return
    _print(found, measured, findings, source)
    typer.echo(f"{text}" if path is None else f"written: {path}")
    typer.echo(f"next: {next_command(source, folder, write)}")


def catalogue_text(source: Source) -> str:
    """The source as a catalogue file."""
    tree = source.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=110)


def next_command(source: Source, folder: Path, written: Path | None) -> str:
    """What runs the source now."""
    if written is None:
        return "--write FOLDER writes this file; look at category and licence, which nothing here can know"
    parent = folder.resolve().parent
    return f"mammoth-vl --catalogue {written} run --sources-root {parent} --sources {source.source_id}"


def _write(folder: Path, source: Source, text: str) -> Path:
    path = folder / f"{source.source_id}.yaml"
    if path.exists():
        raise ConfigError(f"{path} exists already", "remove it, or give another --id or --write FOLDER")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def _print(found: "Found", measured: "Measured", findings: Sequence["Finding"], source: Source) -> None:
    print_table("tried", ("what", "value", "effect"), found.tried)
    print_table(f"measured on {measured.records:,} records by hash", ("what", "found"), list(_lines(measured)))
    rules = [(finding.rule, finding.measured, finding.says) for finding in findings]
    print_table(f"suggested group: {source.group.value}", ("rule", "measured", "speaks for"), rules)


def _lines(found: "Measured") -> Iterator[tuple[str, str]]:
    from jobs.screen.measure import RATIONALE

    spread = "{:.0f} / {:.0f} / {:.0f}"
    yield "samples", f"{found.samples:,}"
    yield "duplicates", f"{found.duplicates:,}"
    yield from ((f"rejected: {reason}", f"{number:,}") for reason, number in found.rejects.most_common())
    yield "words of an answer, 10% / 50% / 90%", spread.format(*found.words) if found.words else "no answers"
    yield f"answers with a rationale ({RATIONALE})", f"{found.rationales:.0%}"
    yield "different answers", f"{found.distinct:,}"
    yield (
        "shorter side of a picture in px, 10% / 50% / 90%",
        spread.format(*found.sides) if found.sides else "no pictures",
    )
    yield "languages", ", ".join(f"{name} {number:,}" for name, number in found.languages.most_common(5))
    scores = "information {:.1f}, relevance {:.1f}".format(*found.scores) if len(found.scores) == 2 else ""
    yield "scores, 1-5", scores or ("no reply could be read" if found.asked else "not run: needs --score")
    for path, values in found.splits.items():
        told = ", ".join(f"{value} {number:,}" for value, number in values.most_common(8))
        yield f"values of {path} (reading.select takes some of them)", told
