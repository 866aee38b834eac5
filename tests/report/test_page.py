from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from jobs.report.page import markdown, number, percent, render_text, visible

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=40)


@given(ANYTHING)
def test_visible_text_can_be_written_and_hides_nothing(text: str):
    shown = visible(text)
    shown.encode()
    assert not set(shown) & set("\x00\x07\x1b\u202a\u202e\u2066\u2069\u200b\u200e\ufeff\u2028")
    assert visible(shown) == shown


def test_plain_text_stays_as_it_is():
    text = "Zwölf\n\tपाठ 文 👩‍🚀 – ‘x’"
    assert visible(text) == text


@given(ANYTHING)
def test_markdown_is_one_line_without_markup(text: str):
    line = str(markdown(text))
    assert "\n" not in line
    assert not set(line.replace("\\|", "")) & set("<>|")
    assert str(escape(markdown(text))) == line


def test_addresses_become_no_links():
    assert str(markdown("see http://x.org www.x.org a@x.org [a](b) - 1. x")) == (
        r"see http\://x.org www\.x.org a\@x.org \[a\](b) - 1. x"
    )
    assert str(markdown("- item")) == r"\- item"
    assert str(markdown("1. item")) == r"1\. item"


def test_values_are_no_templates():
    text = render_text("report.md", title="{{7*7}}", facts=_Nothing(), tiles={"{{7*7}}": "{% x %}"}, sections=())
    assert "49" not in text
    assert r"\{\{7\*7\}\}" in text


class _Nothing:
    root, made_at, cards, release = "r", "m", (), None


def test_nothing_is_a_dash():
    assert (number(None), number(float("nan")), percent(None)) == ("–", "–", "–")
    assert (number(12345), number(1.234, 2), percent(0.1234)) == ("12,345", "1.23", "12.3 %")
