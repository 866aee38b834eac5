"""Facts put into words, tables and charts, once for HTML and Markdown alike."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from jobs.report import production, quality
from jobs.report.facts import Facts
from jobs.report.grid import Section
from jobs.report.page import number, percent

MAKERS: Sequence[Callable[[Facts], Section | None]] = (
    production.intake, production.rejects, production.rewritten,
    quality.judged, quality.compared, quality.agreement, production.candidates, quality.scores, quality.lengths,
    quality.instruction_map, quality.shares, production.twins, production.cost, production.gate,
)  # fmt: skip

TODAY = "This tells of the tables as they are now: how they were when the release was published is not kept."


def sections(facts: Facts) -> tuple[Section, ...]:
    """Every section that there are facts for, in reading order."""
    made = (section for make in MAKERS if (section := make(facts)) is not None)
    return tuple(replace(s, text=(TODAY, *s.text)) if s.anchor in facts.today else s for s in made)


def tiles(facts: Facts) -> dict[str, str]:
    """The numbers at the top."""
    judged, passed = sum(j.pairs for j in facts.judged), sum(j.passed for j in facts.judged)
    return {
        "Rows in the release": number(facts.release.rows) if facts.release else "none yet",
        "Records read": number(sum(i.records for i in facts.intake)),
        "Samples": number(sum(i.samples for i in facts.intake)),
        "Rewritten pairs": number(sum(r.pairs for r in facts.rewrites)),
        "Kept by the judge": percent(passed / judged if judged else None),
        "Calls paid for": number(sum(c.paid for c in facts.costs)),
        "Calls reused": number(sum(r.calls_reused for r in facts.reuse)),
    }
