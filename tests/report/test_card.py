from dataclasses import replace

import pytest
from planted import EVIL, card, facts

from jobs.labels import Sheet, render_sheet
from jobs.report.card import MAX_CHARS, Opinion, render_card, shorten
from jobs.report.report import report_markdown
from jobs.report.rows import shrink
from schemas.enums import Role
from udfs.sample import Turn


def test_a_card_alone_is_a_fragment_for_notebooks():
    fragment = render_card(card())
    assert fragment.strip().startswith("<article")
    assert "<script" not in fragment
    assert "&lt;script&gt;planted" in fragment


def test_a_card_shows_verdict_checks_scores_and_lineage():
    opinion = Opinion("main", "j1", "no", 0.25, 0.9, 2.0, 4.5)
    text = render_card(card(opinions=(opinion,), checks={"gold_preserved": False}, lineage=(("file", "a.json"),)))
    for said in ("P(yes) 0.250", "label mass 0.900", "content 2.0", "relevance 4.5", "gold preserved: fails", "a.json"):
        assert said in text
    assert card(opinions=(opinion,)).verdict == "no"
    assert card(opinions=()).verdict == "not judged"


def test_a_reply_without_a_pair_is_said():
    assert "The reply gave no pair: truncated." in render_card(card(after=(), parse_status="truncated"))


def test_long_turns_are_cut_in_the_middle():
    long = Turn(Role.USER, "x" * (3 * MAX_CHARS))
    short = shorten(card(before=(long,)))
    assert len(short.before[0].text) < MAX_CHARS + 100
    assert "characters left out" in short.before[0].text


@pytest.mark.parametrize(
    "change",
    [
        {"opinions": (Opinion("main", "j1", "no", 0.1, 0.9),)},
        {"checks": {"no_refusal": False}},
        {"source_id": "other", "lineage": (("release", "1"),)},
    ],
    ids=str,
)
def test_a_sheet_tells_nothing_of_judge_checks_and_source(change: dict[str, object]):
    one = card(id="a" * 64, opinions=(Opinion("main", "j1", "yes", 0.9, 0.9),))
    assert render_sheet(Sheet("s", [one])) == render_sheet(Sheet("s", [replace(one, **change)]))


def test_a_damaged_picture_is_no_picture():
    assert shrink(b"\xff\xd8 nothing", 100) == {"data": b"", "width": 0, "height": 0}


def test_pictures_are_bounded():
    made = shrink(card().shots[0].data, 64)
    assert (made["width"], made["height"]) == (64, 40)
    assert made["data"].startswith(b"\xff\xd8")


def test_markdown_takes_nothing_for_markup():
    text = report_markdown(facts())
    assert "<script" not in text
    assert "[x](" not in text
    assert "\u202e" not in text
    assert "\x00" not in text
    widths = {
        len(line.replace("\\|", "").split("|")) for line in text.splitlines() if line.startswith("| ") and EVIL[:3]
    }
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert rows
    assert all(line.rstrip().endswith("|") for line in rows)
    assert widths
