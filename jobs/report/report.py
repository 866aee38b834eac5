"""A report: facts to one HTML page and the same in Markdown."""

from dataclasses import replace
from typing import Any

from jobs.report.card import shorten
from jobs.report.facts import Facts
from jobs.report.page import render_page, render_text
from jobs.report.sections import sections, tiles


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
