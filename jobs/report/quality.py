"""Sections about quality, each beside what the paper reports."""

import math

from jobs.agreement import ALL, Kappa
from jobs.report.facts import Facts, InstructionMap
from jobs.report.grid import Grid, Section, cells
from jobs.report.page import number, percent
from jobs.report.paper import paper
from jobs.report.plots import Dots, bars, dots, steps
from schemas.enums import Category

COLOURS = {category.value: at for at, category in enumerate(Category)}

FEW = 100
"""Rows below which a mean or a map says little beside the paper's."""

Pairs = dict[str, tuple[float | None, float | None]]


def judged(facts: Facts) -> Section | None:
    """Pairs before and after the deciding judge, in the terms of Table A2."""
    if not facts.judged:
        return None
    ours = {name: [0, 0, 0] for name in paper().filtering}
    for j in facts.judged:
        for at, value in enumerate((j.pairs, j.passed, j.unparsed)):
            ours[paper().filtering_name(j.category)][at] += value
    drops: Pairs = {
        name: (1 - tally[1] / tally[0] if tally[0] else None, paper().filtering[name].dropped)
        for name, tally in ours.items()
    }
    rows = [
        (name, *ours[name], percent(drops[name][0]), p.before, p.after, percent(p.dropped))
        for name, p in paper().filtering.items()
    ]
    sums = [sum(tally[at] for tally in ours.values()) for at in range(3)]
    before, after = (sum(getattr(p, side) for p in paper().filtering.values()) for side in ("before", "after"))
    whole = ("All", *sums, percent(1 - sums[1] / sums[0] if sums[0] else None), before, after)
    columns = ("Category", "Judged", "Kept", "Unparsed", "Dropped", "Paper: before", "Paper: after", "Paper: dropped")
    text = (
        f"Judge {facts.judge}, threshold {facts.threshold}.",
        "Dropped are pairs below the threshold or with an unreadable verdict; checks and lengths come after the judge.",
        f"Beside it stands Table A2 of {paper().source}, in its terms: General is GeneralQA, Code&Math is Math.",
    )
    grid = Grid("Before and after the judge", columns, cells(*rows, (*whole, percent(1 - after / before))), sums=1)
    plot = bars("Pairs dropped by the judge", ("this run", "paper"), drops)
    return Section("judged", "What the judge dropped", text, (grid,), (plot,))


def scores(facts: Facts) -> Section | None:
    """Mean scores by source, in the terms of Table A6."""
    if not facts.scores:
        return None
    names = ("content_original", "relevance_original", "content_rewritten", "relevance_rewritten")

    def mean(name: str) -> float | None:
        weight = "originals" if name.endswith("original") else "rewrites"
        told = [(getattr(s, name), getattr(s, weight)) for s in facts.scores if getattr(s, name) is not None]
        return sum(value * n for value, n in told) / sum(n for _, n in told) if told else None

    rows: list[tuple[object, ...]] = []
    for s in facts.scores:
        rows.append((s.source_id, s.originals, s.rewrites, *(number(getattr(s, name), 2) for name in names)))
        if s.paper:
            rows.append((f"{s.source_id}, paper", "", "", *(number(s.paper.get(name), 1) for name in names)))
    counts = sum(s.originals for s in facts.scores), sum(s.rewrites for s in facts.scores)
    rows.append(("All", *counts, *(number(mean(name), 2) for name in names)))
    rows.append(("All, paper", 1000, 1000, *(number(paper().scores[name], 1) for name in names)))
    caption = f"Mean scores of {counts[0]:,} originals and {counts[1]:,} rewrites"
    if min(counts) < FEW:
        caption += ": too few to be set against the paper's means, which are of 1,000 each"
    columns = (
        "Source", "Originals", "Rewrites", "Content before", "Relevance before", "Content after", "Relevance after",
    )  # fmt: skip
    text = (
        (
            "Information content and relevance from 1 to 5: expected values over the judge's score tokens, for a "
            "share of rows taken by hash."
        ),
        f"Beside them stands Table A6 of {paper().source}.",
    )
    return Section("scores", "Scores before and after", text, (Grid(caption, columns, cells(*rows), sums=2),))


def lengths(facts: Facts) -> Section | None:
    """Two distributions of length, as in Figure 4."""
    before, after = facts.lengths
    if not before or not after:
        return None
    text = (
        (
            "Instruction and response together, of the originals that were rewritten and of what came of them, as in "
            "Figure 4 of the paper."
        ),
        "A token is a word, a CJK letter or a punctuation mark; a model's tokenizer counts more.",
    )
    plot = steps("Length in tokens", ("rewritten", "originals"), (after, before), "tokens")
    keys = sorted({*before, *after})
    rows = cells(
        *((f"{2 ** (k / 2):,.0f} to {2 ** ((k + 1) / 2):,.0f}", before.get(k, 0), after.get(k, 0)) for k in keys)
    )
    grid = Grid("Rows by length", ("Tokens", "Originals", "Rewritten"), rows)
    return Section("lengths", "Lengths before and after", text, (grid,), (plot,))


def instruction_map(facts: Facts) -> Section | None:
    """Two maps of instructions, as in Figure 5."""
    found, title = facts.map, "Map of instructions"
    if found is None:
        few = Section("map", title, ("Too few instructions on one side to draw a map of them.",))
        return few if facts.rewrites else None
    text = (
        f"Each dot is one instruction; those that {found.alike} lie together. Method: {found.method}.",
        "It stands for Figure 5 of the paper, which used a neural embedding. Both panels share their axes.",
        (
            f"Mean cosine distance of two instructions: {found.spread_before:.3f} before, {found.spread_after:.3f} "
            "after; more is more varied."
        ),
    )
    names = sorted({*found.categories_before, *found.categories_after}, key=lambda name: COLOURS.get(name, 0))
    plots = (_panel("Before", found, before=True), _panel("After", found, before=False))
    return Section("map", title, text, (), plots, {name: COLOURS.get(name, 0) for name in names})


def _panel(title: str, found: InstructionMap, *, before: bool) -> Dots:
    places, categories = (
        (found.before, found.categories_before) if before else (found.after, found.categories_after)
    )  # fmt: skip
    counts = ", ".join(f"{name} {categories.count(name)}" for name in sorted(set(categories)))
    alt = f"{title}: {len(places)} instructions placed by what they say. By category: {counts}."
    few = ", too few to be set against the paper's 80,000" if len(places) < FEW else ""
    return dots(
        f"{title}: {len(places):,} instructions{few}", alt, places, [COLOURS.get(name, 0) for name in categories]
    )


def shares(facts: Facts) -> Section | None:
    """Categories of the release beside Figure 3."""
    if facts.release is None:
        return None
    counts = facts.release.counts.get("category", {})
    whole = sum(counts.values())
    found: Pairs = {
        category.value: (counts.get(category.value, 0) / whole if whole else None, theirs)
        for category, theirs in paper().category_shares.items()
    }
    rows = cells(
        *((name, counts.get(name, 0), percent(ours), percent(theirs)) for name, (ours, theirs) in found.items())
    )
    grid = Grid("Rows by category", ("Category", "Rows", "Share", "Paper, Figure 3"), rows)
    plot = bars("Share of the release", ("this release", "paper"), found)
    text = (f"Rows of the release by category; beside them stands Figure 3 of {paper().source}.",)
    return Section("shares", "Shares of the categories", text, (grid,), (plot,))


def agreement(facts: Facts) -> Section | None:
    """Kappa of judges and people, as in Table A5."""
    found, theirs = facts.agreement, paper().kappa
    if found is None:
        return None
    model = ", ".join(f"{name} {value:.2f}" for name, value in theirs.model_people.items())
    text = (
        *(() if found.kappas else (f"Labels of {', '.join(found.people)} are there; no pair was answered by two.",)),
        *(
            f"Judge {judge} with people, on average: {number(found.with_people(judge), 2)}; with the judge in place of "
            f"one person, over every choice of that person: {number(found.in_place_of_one(judge), 2)}."
            for judge in found.judges
        ),
        f"People with each other, on average: {number(found.among_people(), 2)}.",
        (
            f"The paper (Table A5, 60 items): model with people {model}; people's average {theirs.people_average:.2f}; "
            f"with the model in place of one person {theirs.model_in_place_of_one:.2f}."
        ),
        (
            "Intervals are percentile bootstraps over the pairs. A sheet is even over category and what the threshold "
            "keeps, so these are kappas of such a sample, not of all pairs."
        ),
    )
    columns = ("Raters", "Pairs", "Equal", "Kappa", "95 % interval")
    return Section("agreement", "Judges and people", text, (Grid("Kappas", columns, tuple(map(_kappa, found.kappas))),))


def _kappa(k: Kappa) -> tuple[str, ...]:
    where = "" if k.category == ALL else f", {k.category}"
    span = "–" if math.isnan(k.low) else f"{k.low:.2f} to {k.high:.2f}"
    return f"{k.a} and {k.b}{where}", number(k.items), percent(k.agreed), number(k.kappa, 2), span


def compared(facts: Facts) -> Section | None:
    """Drop rates of two judges, as in Figure A2."""
    found = facts.compared
    if found is None:
        return None
    a, b = found.names
    ours: dict[str, list[int]] = {}
    for category, *tally in found.rows:
        name = paper().filtering_name(category)
        ours[name] = [x + y for x, y in zip(ours.get(name, [0, 0, 0]), tally, strict=True)]
    drops: Pairs = {name: (1 - t[1] / t[0], 1 - t[2] / t[0]) for name, t in ours.items()}
    small = {name: f"{100 * low:.0f} to {100 * high:.0f} %" for name, (low, high) in paper().small_judges.items()}
    rows = cells(
        *(
            (name, t[0], *map(percent, drops[name]), percent(paper().filtering[name].dropped), small[name])
            for name, t in ours.items()
        )
    )
    columns = ("Category", "Pairs", f"Dropped by {a}", f"Dropped by {b}", "Paper: 76B judge", "Paper: 7B, 8B judges")
    k = found.kappa
    text = (
        (
            f"{k.items:,} pairs that both judges judged; their kappa is {number(k.kappa, 2)} "
            f"({number(k.low, 2)} to {number(k.high, 2)})."
        ),
        f"Beside it stands Figure A2 of {paper().source}.",
    )
    plots = (bars("Pairs dropped", (a, b), drops),) if drops else ()
    return Section("compared", f"Judges {a} and {b} compared", text, (Grid("Drop rates", columns, rows),), plots)
