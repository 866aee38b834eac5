"""Pages in a real browser: nothing that a source, a model or a person wrote runs, hides or breaks the page."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsers import ARGS, chromium
from planted import ATTACKS, card, explanation, facts, rejected

from jobs.labels import FORMAT, Sheet, parse_labels, render_sheet
from jobs.report.card import Gallery, render_gallery
from jobs.report.explain import render_explanation
from jobs.report.page import visible
from jobs.report.rejected import render_rejected
from jobs.report.report import report_html
from schemas.enums import Role
from udfs.sample import Turn

if TYPE_CHECKING:
    from playwright.sync_api import Browser

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = chromium()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (make browser installs one)")

PAGES: dict[str, Callable[[], str]] = {
    "report": lambda: report_html(facts()),
    "view": lambda: render_gallery(Gallery("Rows", ATTACKS[0], [card(), card(source_id="plain", category="OCR")])),
    "explain": lambda: render_explanation(explanation()),
    "rejected": lambda: render_rejected(rejected()),
    "label": lambda: render_sheet(Sheet("s0-n1", [card()])),
}


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pages")
    for name, make in PAGES.items():
        (folder / f"{name}.html").write_text(make(), "utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in PAGES}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_planted_runs_and_nothing_overflows(browser: "Browser", pages: dict[str, str], name: str, width: int):
    page = browser.new_page(viewport={"width": width, "height": 800})
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("dialog", lambda dialog: told.append(dialog.message))
    page.on(
        "request", lambda request: None if request.url.startswith(("data:", pages[name])) else told.append(request.url)
    )
    page.goto(pages[name])
    page.evaluate("for (const closed of document.querySelectorAll('details')) closed.open = true")
    assert told == []
    assert page.evaluate("typeof planted") == "undefined"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Our own elements and no others: one title, at most one script, no link out, pictures in the page itself.
    assert page.evaluate("document.querySelectorAll('h1').length") == 1
    assert page.evaluate("document.querySelectorAll('script').length") == (1 if name in ("view", "label") else 0)
    assert page.evaluate("document.querySelectorAll('iframe, base, object, embed, link').length") == 0
    assert page.evaluate("[...document.querySelectorAll('a')].every(a => a.getAttribute('href').startsWith('#'))")
    assert page.evaluate(
        "[...document.images].every(i => i.src.startsWith('data:image/jpeg') && i.naturalWidth && i.alt)"
    )
    assert page.evaluate(
        "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()).every(n => !/^(on|style$)/.test(n))"
    )
    page.close()


def test_labels_and_numbers_share_a_line_on_a_phone(browser: "Browser", pages: dict[str, str]):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(pages["report"])
    page.evaluate("for (const closed of document.querySelectorAll('details')) closed.open = true")
    cells = page.evaluate(
        "[...document.querySelectorAll('section[aria-labelledby=judged] td.num')].map(e => e.offsetHeight)"
    )
    assert len(cells) == 7 * 7
    assert max(cells) < 30
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_what_was_planted_can_be_read(browser: "Browser", pages: dict[str, str], name: str):
    page = browser.new_page()
    page.goto(pages[name])
    text = page.evaluate("document.body.textContent")
    for attack in ATTACKS:
        assert visible(attack) in text, attack
    assert "49" not in page.evaluate("[...document.querySelectorAll('.said')].map(e => e.textContent).join()")
    page.close()


def test_filters_hide_the_others(browser: "Browser", pages: dict[str, str]):
    page = browser.new_page()
    page.goto(pages["view"])
    page.select_option("select[name=category]", "OCR")
    assert page.evaluate("[...document.querySelectorAll('article')].map(a => a.hidden)") == [True, False]
    assert page.inner_text("#shown") == "1 of 2 rows"
    page.close()


def test_labels_are_saved_as_a_file_that_import_takes(browser: "Browser", tmp_path: Path):
    said = (Turn(Role.USER, "How many?"), Turn(Role.ASSISTANT, "Three."))
    cards = [card(id=letter * 64, after=said) for letter in "ab"]
    (tmp_path / "sheet.html").write_text(render_sheet(Sheet("s0-n2", cards)), "utf-8")
    page = browser.new_page(accept_downloads=True)
    downloads: list[object] = []
    page.on("download", lambda download: downloads.append(download.url))
    page.goto((tmp_path / "sheet.html").as_uri())
    page.fill("#labeller", "Zoë K.")
    page.click("button")  # saves nothing: import would refuse a file without labels
    assert page.inner_text("#progress").startswith("Nothing to save yet: choose good, bad or unsure")
    page.check("fieldset[data-id^=a] input[value=good]")
    page.check("fieldset[data-id^=b] input[value=unsure]")
    page.fill("fieldset[data-id^=b] input[type=text]", '<script>planted=1</script> "quoted"')
    assert page.inner_text("#progress") == "2 of 2 labelled"
    assert downloads == []
    with page.expect_download() as saved:
        page.click("button")
    found = parse_labels(Path(saved.value.path()).read_bytes(), "labels.json")
    assert (found.format, found.sheet, found.labeller) == (FORMAT, "s0-n2", "Zoë K.")
    assert [label.answer for label in found.labels] == ["good", "unsure"]
    assert found.labels[1].note == '<script>planted=1</script> "quoted"'
    assert found.answers == {"a" * 64: True}
    page.close()
