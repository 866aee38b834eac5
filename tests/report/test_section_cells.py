"""Every section of a report by value, cell by cell; the numbers of `distinct` differ, so none stands for another."""

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape

import pytest
from distinct import FACTS, RELEASE

from jobs.report.facts import Facts
from jobs.report.grid import Section
from jobs.report.plots import Bars, Dots, Lines
from jobs.report.production import gate, rejects, twins
from jobs.report.report import report_html, report_markdown
from jobs.report.sections import MAKERS, sections, tiles

MADE = {section.anchor: section for section in sections(FACTS)}


def shown(anchor: str, grid: int = 0) -> list[str]:
    """A table as lines: caption, columns, rows; = marks rows that sum up or stand beside."""
    found = MADE[anchor].grids[grid]
    lines = [" | ".join(row) for row in (found.columns, *found.rows)]
    first = len(lines) - found.sums
    return [found.caption, *lines[:first], *(f"= {line}" for line in lines[first:])]


def drawn(anchor: str) -> list[tuple[str, ...]]:
    """Bars as text: title and names, then label, ours and theirs."""
    (plot,) = MADE[anchor].plots
    assert isinstance(plot, Bars)
    rows = [(r.label, *("" if bar is None else bar.text for bar in (r.ours, r.theirs))) for r in plot.rows]
    return [(plot.title, *plot.names), *rows]


def test_all_sections_stand_in_reading_order():
    assert [(anchor, section.title) for anchor, section in MADE.items()] == [
        ("intake", "What came in"), ("rejects", "What was rejected, and why"), ("rewritten", "What was rewritten"),
        ("judged", "What the judge dropped"), ("compared", "Judges main and second compared"),
        ("agreement", "Judges and people"), ("candidates", "What did not enter the release"),
        ("scores", "Scores before and after"), ("lengths", "Lengths before and after"),
        ("map", "Map of instructions"), ("shares", "Shares of the categories"),
        ("twins", "Duplicates and contamination"), ("cost", "What it cost"), ("gate", "The gate"),
    ]  # fmt: skip
    assert len(MADE) == len(MAKERS) == 14


def test_nothing_known_leaves_only_that_nobody_looked_for_twins():
    (only,) = sections(Facts("r", "m", "j", "t"))
    text = ("Nobody looked for near duplicates or for benchmark items in these tables.",)
    assert only == Section("twins", "Duplicates and contamination", text)


def test_columns_of_words_are_told_from_those_of_numbers():
    words = {(s.anchor, at): sorted(g.words) for s in MADE.values() for at, g in enumerate(s.grids)}
    assert {place: columns for place, columns in words.items() if columns != [0]} == {
        ("intake", 0): [0, 1, 2], ("rejects", 0): [0, 3, 4], ("cost", 0): [0, 1], ("cost", 1): [0, 1],
        ("gate", 0): [0, 1, 2, 3],
    }  # fmt: skip


def test_tiles():
    assert tiles(FACTS) == {
        "Rows in the release": "2,000",
        "Records read": "1,987",
        "Samples": "1,560",
        "Rewritten pairs": "606",
        "Kept by the judge": "78.1 %",  # 703 of 900
        "Calls paid for": "1,064",
        "Calls reused": "1,520",
    }
    nothing = tiles(Facts("r", "m", "j", "t"))
    assert (nothing["Rows in the release"], nothing["Kept by the judge"], nothing["Samples"]) == ("none yet", "–", "0")


def test_what_came_in():
    assert shown("intake") == [
        "Records by source",
        "Source | Category | Group | Records | Units | Samples | Duplicates | Rejected",
        "charts | Chart | B | 1,900 | 2,310 | 1,500 | 170 | 230",
        "signs | OCR | A | 87 | 95 | 60 | 11 | 16",
        "= All |  |  | 1,987 | 2,405 | 1,560 | 181 | 246",
    ]
    *_, tests = MADE["intake"].text
    assert tests == "Test sets among them, which measure no model that was trained on this release: signs, plans."


def test_what_was_rejected():
    cut = f"{'x' * 133}\n[... 100 characters left out ...]\n{'x' * 67}"
    assert shown("rejects") == [
        "Reasons",
        "Reason | Records | Sources | For example | Where",
        "no answer | 140 | 3 | nobody answers | charts a.json 7",
        f"too long | 19 | 2 | {cut} | signs b.json 8",
    ]
    assert rejects(replace(FACTS, reasons=())) is None


def test_what_was_rewritten():
    assert shown("rewritten") == [
        "Replies and pairs",
        "Category | Replies | Pairs | No pair: refused | No pair: truncated | Pairs from text alone",
        "Chart | 211 | 523 | 13 | 29 | 37",
        "OCR | 71 | 83 | 0 | 5 | 41",
        "= All | 282 | 606 | 13 | 34 | 78",
    ]


def test_what_the_judge_dropped():
    assert shown("judged") == [
        "Before and after the judge",
        "Category | Judged | Kept | Unparsed | Dropped | Paper: before | Paper: after | Paper: dropped",
        "OCR | 250 | 175 | 4 | 30.0 % | 1,104,960 | 498,337 | 54.9 %",
        "Chart | 400 | 310 | 9 | 22.5 % | 7,326,189 | 3,782,029 | 48.4 %",
        "GeneralQA | 120 | 111 | 6 | 7.5 % | 1,726,180 | 1,584,308 | 8.2 %",
        "Caption | 0 | 0 | 0 | – | 244,874 | 199,853 | 18.4 %",
        "Math | 50 | 43 | 2 | 14.0 % | 590,894 | 518,393 | 12.3 %",
        "Other | 80 | 64 | 10 | 20.0 % | 1,315,039 | 1,178,275 | 10.4 %",
        "= All | 900 | 703 | 31 | 21.9 % | 12,308,136 | 7,761,195 | 36.9 %",
    ]
    assert drawn("judged") == [
        ("Pairs dropped by the judge", "this run", "paper"), ("OCR", "30.0 %", "54.9 %"), ("Chart", "22.5 %", "48.4 %"),
        ("GeneralQA", "7.5 %", "8.2 %"), ("Caption", "", "18.4 %"), ("Math", "14.0 %", "12.3 %"),
        ("Other", "20.0 %", "10.4 %"),
    ]  # fmt: skip
    assert MADE["judged"].text[0] == "Judge main, threshold p yes 0.55."
    assert "Table A2 of MAmmoTH-VL, arXiv 2412.05237" in MADE["judged"].text[-1]


def test_two_judges_compared():
    assert shown("compared") == [
        "Drop rates",
        "Category | Pairs | Dropped by main | Dropped by second | Paper: 76B judge | Paper: 7B, 8B judges",
        "OCR | 90 | 30.0 % | 40.0 % | 54.9 % | 59 to 61 %",
        "Chart | 200 | 25.0 % | 45.0 % | 48.4 % | 38 to 59 %",
        "Other | 40 | 12.5 % | 35.0 % | 10.4 % | 24 to 44 %",
    ]
    assert drawn("compared") == [
        ("Pairs dropped", "main", "second"), ("OCR", "30.0 %", "40.0 %"), ("Chart", "25.0 %", "45.0 %"),
        ("Other", "12.5 %", "35.0 %"),
    ]  # fmt: skip
    assert MADE["compared"].text == (
        "330 pairs that both judges judged; their kappa is 0.41 (0.32 to 0.53).",
        "Beside it stands Figure A2 of MAmmoTH-VL, arXiv 2412.05237.",
    )


def test_agreement_of_judges_and_people():
    assert shown("agreement") == [
        "Kappas",
        "Raters | Pairs | Equal | Kappa | 95 % interval",
        "main and ann | 61 | 88.1 % | 0.72 | 0.54 to 0.86",
        "main and bob | 59 | 84.2 % | 0.66 | 0.45 to 0.83",
        "main and eve | 57 | 79.3 % | 0.51 | 0.31 to 0.74",
        "second and ann | 55 | 75.4 % | 0.44 | 0.21 to 0.68",
        "second and bob | 53 | 70.5 % | 0.38 | 0.15 to 0.63",
        "second and eve | 49 | 65.6 % | 0.29 | 0.06 to 0.52",
        "ann and bob | 47 | 81.7 % | 0.58 | 0.34 to 0.79",
        "ann and eve | 43 | 76.8 % | 0.47 | 0.23 to 0.71",
        "bob and eve | 41 | 68.9 % | 0.33 | 0.09 to 0.57",
        "main and second | 97 | 91.3 % | 0.81 | 0.67 to 0.92",
        "main and ann, Chart | 13 | 92.7 % | 0.85 | 0.42 to 0.99",
        "ann and bob, OCR | 3 | 100.0 % | – | –",
    ]
    # Of main with people: the mean of 0.72, 0.66 and 0.51. Once it took the place of ann, bob and eve in turn: the mean
    # of 0.66, 0.51, 0.33; 0.72, 0.51, 0.47; 0.72, 0.66, 0.58.
    instead = "with the judge in place of one person, over every choice of that person"
    assert MADE["agreement"].text[:4] == (
        f"Judge main with people, on average: 0.63; {instead}: 0.57.",
        f"Judge second with people, on average: 0.37; {instead}: 0.40.",
        "People with each other, on average: 0.46.",
        (
            "The paper (Table A5, 60 items): model with people E1 0.73, E2 0.70, E3 0.63; people's average 0.55; "
            "with the model in place of one person 0.64."
        ),
    )


def test_what_did_not_enter_the_release():
    assert shown("candidates") == [
        "Candidates",
        "What publishing says | Original | Rewritten",
        "accepted | 1,200 | 640",
        "below threshold | 0 | 197",
        "too long | 31 | 8",
    ]
    assert shown("candidates", 1) == [
        "Accepted, but left out by a rule of the mix", "Rule | Rows", "max per source | 53", "share rewritten | 22",
    ]  # fmt: skip
    assert MADE["candidates"].text[-1] == "Video lacks 12 rows."


def test_scores_before_and_after():
    assert shown("scores") == [
        "Mean scores of 400 originals and 250 rewrites",
        "Source | Originals | Rewrites | Content before | Relevance before | Content after | Relevance after",
        "charts | 300 | 200 | 3.00 | 4.00 | 3.60 | 4.50",
        "charts, paper |  |  | 3.3 | 4.1 | 3.7 | 4.3",
        "signs | 100 | 50 | 2.20 | 3.20 | 2.60 | –",
        "= All | 400 | 250 | 2.80 | 3.80 | 3.40 | 4.50",
        "= All, paper | 1,000 | 1,000 | 3.5 | 4.2 | 3.8 | 4.4",
    ]


def test_lengths_before_and_after():
    assert shown("lengths") == [
        "Rows by length", "Tokens | Originals | Rewritten",
        "8 to 11 | 3 | 0", "16 to 23 | 5 | 1", "23 to 32 | 2 | 7", "32 to 45 | 0 | 4",
    ]  # fmt: skip
    (plot,) = MADE["lengths"].plots
    assert isinstance(plot, Lines)
    assert plot.names == ("rewritten", "originals")
    assert (plot.title, plot.x_label, plot.tallest) == ("Length in tokens", "tokens (logarithmic)", "58 %")
    assert plot.alt.endswith("medians: rewritten about 27 and originals about 19.")
    # Rows of each bin from 8 to 64 tokens, read off the line, whose highest step is 7 rewritten ones of 12.
    steps = [[(205 - float(y)) / 190 * 7 / 12 for y in re.findall(r"V([\d.]+)", path)] for path in plot.paths]
    assert [round(12 * share, 1) for share in steps[0]] == [0, 0, 1, 7, 4, 0]
    assert [round(10 * share, 1) for share in steps[1]] == [3, 0, 5, 2, 0, 0]


def test_map_before_and_after():
    section, plots = MADE["map"], MADE["map"].plots
    assert "0.125 before, 0.375 after" in section.text[-1]
    assert section.text[0].endswith("those that mean alike lie together. Method: by hand.")
    assert section.legend == {"OCR": 1, "Chart": 2, "Video": 9}
    few = "instructions, too few to be set against the paper's 80,000"
    assert [plot.title for plot in plots] == [f"Before: 2 {few}", f"After: 3 {few}"]
    assert [plot.alt.split(" By category: ")[1] for plot in plots] == ["Chart 1, OCR 1.", "OCR 2, Video 1."]
    assert [plot.points for plot in plots if isinstance(plot, Dots)] == [
        ((55.6, 360.8, 2), (142.8, 273.6, 1)),
        ((230.0, 186.4, 1), (317.2, 99.2, 9), (404.4, 339.0, 1)),
    ]


def test_shares_of_the_categories():
    assert shown("shares") == [
        "Rows by category",
        "Category | Rows | Share | Paper, Figure 3",
        "General | 300 | 15.0 % | 15.4 %",
        "OCR | 480 | 24.0 % | 13.7 %",
        "Chart | 620 | 31.0 % | 15.4 %",
        "Caption | 60 | 3.0 % | 10.9 %",
        "Domain-specific | 40 | 2.0 % | 8.9 %",
        "Code&Math | 90 | 4.5 % | 8.3 %",
        "Language | 180 | 9.0 % | 16.0 %",
        "Detection | 120 | 6.0 % | 3.2 %",
        "Multi-Image | 30 | 1.5 % | 5.8 %",
        "Video | 80 | 4.0 % | 2.5 %",
    ]
    bars = drawn("shares")
    assert bars[0] == ("Share of the release", "this release", "paper")
    assert (bars[1], bars[-1]) == (("General", "15.0 %", "15.4 %"), ("Video", "4.0 %", "2.5 %"))


def test_duplicates_and_contamination():
    assert shown("twins") == [
        "Found", "Kind | Samples | Left out of later stages", "near text | 45 | 26", "benchmark | 7 | 6",
    ]  # fmt: skip
    assert MADE["twins"].text[-1] == "Samples were compared with these benchmarks: chartqa_test, docvqa_test."
    assert twins(replace(FACTS, held_out=())).text[-1].startswith("Nobody looked for overlap with benchmarks")
    nothing = twins(replace(FACTS, twins={}))
    assert (nothing.text[-1], nothing.grids) == ("None was found.", ())


def test_what_it_cost():
    assert shown("cost") == [
        "Calls",
        "Purpose | Model | Paid | From a log | Failed | Tokens in | of them cached | Tokens out",
        "judge | small | 430 | 12 | 5 | 61,000 | 8,800 | 1,700",
        "rewrite | big | 610 | 42 | 17 | 90,100 | 33,300 | 25,500",
        "score | far | 24 | 9 | 0 | 2,400 | 310 | 75",
    ]
    assert shown("cost", 1) == [
        "Time and money",
        "Purpose | Model | Engine seconds | GPU-hours | Money",
        "judge | small | 940 | 0.50 | 1.10",
        "rewrite | big | 7,250 | 1.25 | 3.50",
        "score | far | 66 | – | –",
    ]
    assert shown("cost", 2) == [
        "Reuse over all runs", "Stage | Runs | Calls paid for | Calls reused",
        "rewrite | 3 | 601 | 1,442", "judge | 2 | 433 | 78",
    ]  # fmt: skip
    text = MADE["cost"].text
    assert text[3].startswith("GPU-hours: 1.75, engine seconds")
    assert text[-1] == "Money: 4.60, at the price of each engine as configured now."


@pytest.mark.parametrize(
    ("success", "told"), [(True, "passed"), (False, "failed"), (None, "is not in the tables")], ids=str
)
def test_the_gate(success: bool | None, told: str):
    section = gate(replace(FACTS, release=replace(RELEASE, success=success)))
    assert section is not None
    assert section.text == (
        f"Gate g3 {told}.",
        (
            "Release 4 holds 2,000 rows, was published at 2026-03-05 07:08 UTC by run r6 and is version 19 of "
            "instruct; content hash c0ffee."
        ),
    )
    back = gate(replace(FACTS, release=replace(RELEASE, restored_from=2)))
    assert back is not None
    assert back.text[2] == "Its rows are those of release 2, put back; run and gate are that release's."
    assert shown("gate") == [
        "Expectations", "Expectation | Result | Seen | Allowed",
        "drop_rate | held | 0.219 | 0.05 to 0.8", "max_contaminated | failed | 7 rows | at most 2",
    ]  # fmt: skip


def rows_of(told: Callable[[str], str]) -> list[list[str]]:
    """Every row of every table, cells as a page writes them."""
    grids = [grid for section in MADE.values() for grid in section.grids]
    return [[told(cell) for cell in row] for grid in grids for row in (grid.columns, *grid.rows)]


def test_the_page_shows_every_cell_in_its_place():
    def cells(text: str, tags: str) -> list[str]:
        return [
            unescape(re.sub("<[^>]+>", "", cell)) for cell in re.findall(rf"<(?:{tags})\b.*?</(?:{tags})>", text, re.S)
        ]

    page = report_html(FACTS)
    assert [cells(row, "th|td") for row in re.findall(r"<tr\b.*?</tr>", page, re.S)] == rows_of(str)
    assert cells(page, "dt|dd") == [text for tile in tiles(FACTS).items() for text in tile]


def test_the_markdown_shows_every_cell_in_its_place():
    lines = [line for line in report_markdown(FACTS).splitlines() if line.startswith("| ")]
    found = [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in line[1:].split("|")[:-1]] for line in lines]

    def told(cell: str) -> str:
        return " ".join(cell.split()).replace("&", "&amp;")

    assert found == rows_of(told)
