"""Sections about the run itself: what came in, what was made of it, what it cost, what the gate saw."""

from jobs.report.facts import Facts
from jobs.report.grid import Grid, Section, cells, total
from jobs.report.page import number
from udfs.render.fence import cut

EXAMPLE = 200
"""Characters of an example; the middle of a longer one is left out."""


def intake(facts: Facts) -> Section | None:
    """Records by source."""
    if not facts.intake:
        return None
    rows = [
        (i.source_id, i.category, i.group, i.records, i.units, i.samples, i.duplicates, i.rejected)
        for i in facts.intake
    ]
    columns = ("Source", "Category", "Group", "Records", "Units", "Samples", "Duplicates", "Rejected")
    text = (
        "The newest reading of each source: records = samples + duplicates + rejected.",
        "Units are the publisher's own: questions, captions, lines.",
        *(
            (f"Test sets among them, which measure no model that was trained on this release: {named}.",)
            if (named := ", ".join(facts.benchmarks))
            else ()
        ),
    )
    grid = Grid("Records by source", columns, cells(*rows, total("All", rows, 3)), frozenset({0, 1, 2}), 1)
    return Section("intake", "What came in", text, (grid,))


def rejects(facts: Facts) -> Section | None:
    """Rejected records by reason."""
    if not facts.reasons:
        return None
    rows = cells(
        *((r.reason.replace("_", " "), r.rows, r.sources, cut(r.example, EXAMPLE), r.place) for r in facts.reasons)
    )
    columns = ("Reason", "Records", "Sources", "For example", "Where")
    text = ("Every record that did not become a sample is a row of the table rejects, with its file and position.",)
    return Section(
        "rejects", "What was rejected, and why", text, (Grid("Reasons", columns, rows, frozenset({0, 3, 4})),)
    )


def rewritten(facts: Facts) -> Section | None:
    """Replies and pairs by category."""
    if not facts.rewrites:
        return None
    statuses = sorted({status for r in facts.rewrites for status in r.lost})
    rows = [
        (r.category, r.replies, r.pairs, *(r.lost.get(status, 0) for status in statuses), r.text_evidence)
        for r in facts.rewrites
    ]
    columns = ("Category", "Replies", "Pairs", *(f"No pair: {status}" for status in statuses), "Pairs from text alone")
    text = (
        (
            "One reply may hold several pairs. Pairs from text alone were written from the source's own table, OCR or "
            "caption, because the model does not read pictures."
        ),
    )
    grid = Grid("Replies and pairs", columns, cells(*rows, total("All", rows, 1)), sums=1)
    return Section("rewritten", "What was rewritten", text, (grid,))


def candidates(facts: Facts) -> Section | None:
    """What publishing said of every sample and pair."""
    if not facts.candidates:
        return None
    found = {reason for tally in facts.candidates.values() for reason in tally}
    reasons = sorted(found, key=lambda reason: (reason != "accepted", reason))
    kinds = sorted(facts.candidates)
    rows = cells(*((r.replace("_", " "), *(facts.candidates[kind].get(r, 0) for kind in kinds)) for r in reasons))
    grids = [Grid("Candidates", ("What publishing says", *(kind.capitalize() for kind in kinds)), rows)]
    if facts.left_out:
        left = cells(*((rule.replace("_", " "), count) for rule, count in facts.left_out.items()))
        grids.append(Grid("Accepted, but left out by a rule of the mix", ("Rule", "Rows"), left))
    text = ("Each candidate is counted under the first thing that speaks against it.", *facts.shortfalls)
    return Section("candidates", "What did not enter the release", text, tuple(grids))


def twins(facts: Facts) -> Section:
    """Near duplicates and benchmark items."""
    title = "Duplicates and contamination"
    if facts.twins is None:
        return Section("twins", title, ("Nobody looked for near duplicates or for benchmark items in these tables.",))
    sought = f"Samples were compared with these benchmarks: {', '.join(facts.held_out)}."
    unsought = "Nobody looked for overlap with benchmarks: dedup.benchmarks names none."
    text = ("Samples that repeat another sample.", sought if facts.held_out else unsought)
    rows = cells(*((kind.replace("_", " "), found, left) for kind, (found, left) in facts.twins.items()))
    grid = Grid("Found", ("Kind", "Samples", "Left out of later stages"), rows)
    return Section("twins", title, text if rows else (*text, "None was found."), (grid,) if rows else ())


def cost(facts: Facts) -> Section | None:
    """Calls, tokens and what was not paid twice."""
    if not facts.costs:
        return None
    has_price = any(c.money is not None for c in facts.costs)
    columns = ("Purpose", "Model", "Paid", "From a log", "Failed", "Tokens in", "of them cached", "Tokens out")
    calls = [(c.purpose, c.model, c.paid, c.replayed, c.failed, c.prompt, c.cached, c.completion) for c in facts.costs]
    spending = [
        (c.purpose, c.model, number(c.seconds), number(c.gpu_hours, 2), number(c.money, 2) if has_price else "not set")
        for c in facts.costs
    ]
    grids = [
        Grid("Calls", columns, cells(*calls), frozenset({0, 1})),
        Grid(
            "Time and money", ("Purpose", "Model", "Engine seconds", "GPU-hours", "Money"), cells(*spending),
            frozenset({0, 1}),
        ),
    ]  # fmt: skip
    if facts.reuse:
        reuse = cells(*((r.stage, r.runs, r.calls_new, r.calls_reused) for r in facts.reuse))
        grids.append(Grid("Reuse over all runs", ("Stage", "Runs", "Calls paid for", "Calls reused"), reuse))
    hours, spent = ([getattr(c, name) for c in facts.costs] for name in ("gpu_hours", "money"))
    text = (
        "Tokens and seconds are those of paid calls; a key that was stored twice counts once.",
        "Engine seconds add up calls that ran side by side.",
        "Calls that try out an engine or a prompt belong to no stage: the table of reuse leaves them out.",
        f"GPU-hours: {number(_sum(hours), 2)}, engine seconds over the places of an engine's window, times its GPUs.",
        "None are told of endpoints, whose GPUs are not ours, nor of models that the configuration does not name.",
        f"Money: {number(_sum(spent), 2)}, at the price of each engine as configured now."
        if has_price
        else "Money: unknown, since no engine of the configuration has a price (engines.price).",
    )
    return Section("cost", "What it cost", text, tuple(grids))


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def gate(facts: Facts) -> Section | None:
    """Every expectation of the gate that let the release pass."""
    release = facts.release
    if release is None:
        return None
    rows = tuple((e.name, "held" if e.success else "failed", e.observed, e.allowed) for e in release.expectations)
    told = {True: "passed", False: "failed", None: "is not in the tables"}[release.success]
    back = release.restored_from
    text = (
        f"Gate {release.gate_id} {told}.",
        (
            f"Release {release.release_id} holds {release.rows:,} rows, was published at {release.at} by run "
            f"{release.run_id} and is version {release.table_version} of instruct; content hash {release.content_hash}."
        ),
        *((f"Its rows are those of release {back}, put back; run and gate are that release's.",) if back else ()),
    )
    grid = Grid("Expectations", ("Expectation", "Result", "Seen", "Allowed"), rows, frozenset(range(4)))
    return Section("gate", "The gate", text, (grid,) if rows else ())
