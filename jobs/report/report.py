"""A report: facts to one HTML page and the same in Markdown."""

from dataclasses import replace
from typing import Any

from jobs.report.card import shorten
from jobs.report.facts import Facts
from jobs.report.page import render_page, render_text, write_page
from jobs.report.sections import sections, tiles
from jobs.tables import Tables
from udfs import files

FOLDER = "reports"


def _told(facts: Facts) -> dict[str, Any]:
    title = f"Release {facts.release.release_id}" if facts.release else "Run without a release"
    facts = replace(facts, cards=tuple(shorten(card) for card in facts.cards))
    return {"title": title, "facts": facts, "tiles": tiles(facts), "sections": sections(facts)}


def report_html(facts: Facts) -> str:
    """One self-contained page."""
    return render_page("report.html", **_told(facts))


def report_markdown(facts: Facts) -> str:
    """The same without charts and pictures."""
    return render_text("report.md", **_told(facts))


def release_page(tables: Tables, release_id: int | None) -> str:
    """Where the page of a release lies, or that of tables without one."""
    return files.join(tables.root, FOLDER, f"{f'release-{release_id}' if release_id else 'no-release'}.html")


def write_report(facts: Facts, uri: str) -> dict[str, int]:
    """The page at `uri` and the Markdown beside it; bytes by address."""
    pages = {uri: report_html(facts), uri.removesuffix(".html") + ".md": report_markdown(facts)}
    return {address: write_page(address, text) for address, text in pages.items()}
