"""Pages that people look at: report, view, explain, label."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs import labels
from jobs.agreement import Agreement
from jobs.cli.context import open_tables, print_json, print_table
from jobs.progress import Progress
from jobs.report.explain import Explanation, UnknownRowError, render_explanation
from jobs.report.explain import explain as explain_row
from jobs.report.page import number, visible, write_page
from jobs.report.rejected import Rejected, find_rejected, render_rejected
from jobs.report.report import FOLDER, release_page, write_report
from jobs.report.show import rows_html
from jobs.run import Options
from jobs.tables import Tables
from schemas.errors import ConfigError, InputError
from udfs import files

Release = Annotated[int | None, typer.Option(help="Release by number; default: the newest.")]
Out = Annotated[
    str | None, typer.Option(metavar="FILE", help="Where to write, missing folders included; default: below ROOT.")
]
label = typer.Typer(help="Labels by people: a blinded page, and what comes back.", invoke_without_command=True)


def _write(options: Options, uri: str, text: str) -> None:
    _tell(options, {uri: write_page(uri, text)})


def _tell(options: Options, written: dict[str, int]) -> None:
    for uri, size in written.items():
        Progress(quiet=options.quiet).say(f"{uri}: {size:,} bytes")
        typer.echo(uri)


def report(
    ctx: typer.Context,
    release: Release = None,
    out: Out = None,
    compare_judges: Annotated[
        str | None, typer.Option(metavar="A,B", help="Two judges, by name or judge_id, on the same pairs.")
    ] = None,
) -> None:
    """Write what a release holds, cost and left out: one HTML page, and the same as Markdown."""
    judges = tuple(name.strip() for name in (compare_judges or "").split(",") if name.strip())
    if compare_judges is not None and (len(judges) != 2 or len(set(judges)) != 2):
        raise ConfigError(f"--compare-judges {compare_judges!r}", "give two judges, e.g. --compare-judges main,small")
    if out is not None and not out.endswith(".html"):
        raise ConfigError(f"--out {out!r} is no name of a page", "end it in .html; the Markdown is written beside it")
    from jobs.report.collect import collect  # scikit-learn takes its time

    options, tables = open_tables(ctx)
    facts = collect(tables, options, release, judges if len(judges) == 2 else None)
    page = out or release_page(tables, facts.release.release_id if facts.release else None)
    _tell(options, write_report(facts, page))


def view(
    ctx: typer.Context,
    where: Annotated[str, typer.Option(metavar="SQL", help="Which rows, e.g. \"verdict = 'no'\".")] = "true",
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many rows.")] = 200,
    release: Release = None,
    out: Out = None,
) -> None:
    """Write a page of rows with pictures, before and after, verdicts and lineage; with filters."""
    options, tables = open_tables(ctx)
    page = rows_html(tables, options.config, where, limit, release)
    _write(options, out or files.join(tables.root, FOLDER, "view.html"), page)


def explain(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="ID", help="Pair, sample, content, call or record hash; 8 letters do.")
    ],
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write a page with pictures.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Explain one row back to its verdicts, prompts, replies, sample, and the record in its source file.

    A record that was rejected is explained too, by its hash.
    """
    options, tables = open_tables(ctx)
    name = name.strip().lower()  # ids are hexadecimal, in small letters
    found: Explanation | Rejected
    try:
        found = explain_row(tables, options, name)
    except UnknownRowError:
        rejected = find_rejected(tables, options, name)
        if rejected is None:
            raise
        found = rejected
    if html is not None:
        _write(options, html, render_explanation(found) if isinstance(found, Explanation) else render_rejected(found))
    elif as_json:
        print_json(_without_bytes(asdict(found)))
    elif isinstance(found, Explanation):
        _print(found)
    else:
        print_rejected(found)


def _without_bytes(value: Any) -> Any:  # noqa: ANN401 - any tree
    if isinstance(value, dict):
        return {key: _without_bytes(item) for key, item in value.items() if not isinstance(item, bytes)}
    return [_without_bytes(item) for item in value] if isinstance(value, list | tuple) else value


def section(title: str, *lines: str) -> None:
    """Some text under a title, with whatever would move the cursor made visible."""
    typer.echo(f"\n{title}\n" + "\n".join(f"  {line}" for text in lines for line in visible(text).split("\n")))


def print_rejected(found: Rejected) -> None:
    """A rejected record as text."""
    again = "" if found.newest else "; its source was read again since"
    section(f"record {found.record_hash}", f"{found.source_id}, rejected by {found.stage} in run {found.run_id}{again}")
    section("reason", found.reason, found.detail, *([f"twin: {found.twin}"] if found.twin else []))
    section(
        "record",
        f"{found.record.uri}, position {found.position}",
        found.record.problem,
        found.record.text or found.excerpt,
    )


def _print(found: Explanation) -> None:
    card = found.card
    section(
        f"row {card.id}",
        f"{card.kind}, {card.source_id}, {card.category}, {card.modality}",
        f"publishing: {found.reason}",
    )
    section("release", *([f"{name}: {value}" for name, value in found.release.items()] or ["in none"]))
    for one in card.opinions:
        numbers = {
            "P(yes)": one.p_yes,
            "label mass": one.label_mass,
            "content": one.content,
            "relevance": one.relevance,
        }
        told = ", ".join(f"{name} {value:.3f}" for name, value in numbers.items() if value is not None)
        section(f"judge {one.judge}", f"{one.verdict or 'no verdict'}: {told}")
    section("checks", *(f"{name}: {'-' if held is None else held}" for name, held in card.checks.items()))
    for title, said in (("before", card.before), ("after", card.after)):
        section(title, *(f"{turn.role}: {turn.text}" for turn in said))
    for call in found.calls:
        section(
            f"{call.purpose} call {call.call_key}",
            f"{call.model}, {call.status}, {call.tokens}",
            f"prompt {call.prompt}",
            call.rendering,
        )
        for message in call.messages:
            pictures = [f"picture {sha}" for sha in message.pictures]
            section(f"{call.purpose}: {message.role}", *pictures, message.text)
        section(f"{call.purpose}: reply", call.reply, *(f"{name} {value}" for name, value in call.label_probs.items()))
    section("lineage", *(f"{name}: {value}" for name, value in card.lineage))
    section("record", found.record.uri, *([found.record.problem] if found.record.problem else []), found.record.text)
    if found.siblings:
        section("other rows of this sample", *found.siblings)


@label.callback()
def label_page(
    ctx: typer.Context,
    release: Release = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=2000, help="Pairs on the page.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other pairs.")] = 0,
    out: Out = None,
) -> None:
    """Write a page on which a person labels pairs without seeing what a judge said."""
    if ctx.invoked_subcommand is not None:
        return
    options, tables = open_tables(ctx)
    sheet = labels.draw_sheet(tables, options.config, n, seed, release)
    if len(sheet.cards) < n:
        Progress(quiet=options.quiet).say(f"only {len(sheet.cards)} pairs were judged")
    target = out or files.join(tables.root, FOLDER, f"labels-{sheet.name}.html")
    _write(options, target, labels.render_sheet(sheet))


@label.command("import")
def label_import(ctx: typer.Context, file: Annotated[Path, typer.Argument(help="JSON that the page saved.")]) -> None:
    """Take a person's labels into ROOT/labels, and say how far judges agree with them."""
    options, tables = open_tables(ctx)
    found, target = labels.import_labels(tables, str(file))
    typer.echo(f"{target}: {len(found.labels):,} labels of {found.labeller}")
    _print_agreement(options, tables, as_json=False)


@label.command("agreement")
def label_agreement(
    ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False
) -> None:
    """Cohen's kappa of judges and people, with intervals, overall and by category."""
    _print_agreement(*open_tables(ctx), as_json)


def _print_agreement(options: Options, tables: Tables, as_json: bool) -> None:
    found = labels.agreement(tables, options.config)
    if found is None:
        raise InputError(
            f"no labels in {tables.root}/{labels.FOLDER}",
            "`mammoth-vl label` makes a page, `label import` takes its file",
        )
    if as_json:
        print_json(asdict(found))
        return
    columns = ("a", "b", "category", "pairs", "equal", "kappa", "low", "high")
    rows = [
        (k.a, k.b, k.category, k.items, *(round(v, 3) for v in (k.agreed, k.kappa, k.low, k.high)))
        for k in found.kappas
    ]
    if not rows:
        people = ", ".join(found.people)
        typer.echo(f"labels of {people} are there; none says good or bad of a pair that a judge judged")
        return
    print_table("agreement (95 % bootstrap intervals)", columns, rows)
    for judge in found.judges:
        typer.echo(judge_line(found, judge))


def judge_line(found: Agreement, judge: str) -> str:
    """A judge's mean kappa with people, and of how few labels it is."""
    labels = [k.items for k in found.beside_people(judge)]
    n = f"n = {sum(labels):,} labels of {len(labels):,} people"
    return f"judge {judge} with people, on average: {number(found.with_people(judge), 3)} ({n})"
