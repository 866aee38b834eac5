"""Writes docs/notebooks: the notebooks as Jupyter reads them, with what they showed when they ran on a demo's root.

    cd FOLDER_OF_.demo; python tests/notebook_pages.py [NN ...]

Pages of `displayHTML` become pictures, taken by Chromium: no viewer of notebooks would show their style, and GitHub
none of their pictures. Paths are shown relative to that folder and to the checkout. `make notebooks` does all of it.
"""

import json
import re
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from browsers import ARGS, chromium
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from notebooks import Cell, Shown, read_cells, run_notebook

ROOT = Path(__file__).resolve().parents[1]
SOURCES, PAGES = ROOT / "notebooks", ROOT / "docs" / "notebooks"
MODEL = "engine.path=.demo/models/smollm2-135m"
WIDGETS: Mapping[str, Mapping[str, str]] = {"01": {"engine": MODEL}, "03": {"engine": MODEL, "n": "6"}}
"""The demo's engine, and few rows, as it is slow."""
WIDTH, LIMIT_CHARS, LIMIT_ROWS = 900, 400, 20
MAX_HEIGHT = 3600
Photograph = Callable[[str], bytes]


def page_path(source: Path) -> Path:
    """Where the Jupyter form of a notebook lies."""
    return PAGES / f"{source.stem}.ipynb"


def code_of(cell: Cell) -> str:
    """A cell's text as Databricks itself exports it: magic words stay."""
    return cell.text if cell.language in ("python", "md") else f"%{cell.language}\n{cell.text}"


def cells_of(page: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - nbformat has no types
    """Kind and text of each cell, to compare."""
    return [(cell.cell_type, cell.source) for cell in page.cells]


def expected_cells(source: Path) -> list[tuple[str, str]]:
    """What the page's cells should be."""
    return [("markdown" if cell.language == "md" else "code", code_of(cell)) for cell in read_cells(source)]


def page_of(source: Path, shown: list[Shown], photograph: Photograph) -> Any:  # noqa: ANN401 - nbformat has no types
    """The notebook with outputs."""
    page = new_notebook(metadata={"language_info": {"name": "python"}})
    for at, (kind, text) in enumerate(expected_cells(source)):
        if kind == "markdown":
            cell = new_markdown_cell(text)
        else:
            cell = new_code_cell(text, outputs=[_output(one, photograph) for one in shown if one.cell == at])
        cell["id"] = f"cell-{at}"
        page.cells.append(cell)
    nbformat.validate(page)
    return page


def _output(one: Shown, photograph: Photograph) -> Any:  # noqa: ANN401 - nbformat has no types
    if one.text:
        return new_output("stream", name="stdout", text=_local(one.text))
    if one.html:
        picture = b64encode(photograph(_local(one.html))).decode()
        title = re.search(r"<h1>(.*?)</h1>", one.html, re.DOTALL)
        words = re.sub(r"<[^>]+>", "", title[1]).strip() if title else ""
        return new_output("display_data", {"image/jpeg": picture, "text/plain": f"a page: {' '.join(words.split())}"})
    return new_output("display_data", {"text/html": _table(one), "text/plain": f"{len(one.rows)} rows"})


def _table(one: Shown) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in one.columns)
    body = "".join(f"<tr>{''.join(_cell(row[name]) for name in one.columns)}</tr>\n" for row in one.rows[:LIMIT_ROWS])
    more = len(one.rows) - LIMIT_ROWS
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>" + (
        f"\n<p>{more} more rows</p>" if more > 0 else ""
    )


def _cell(value: object) -> str:
    if value is None:
        return "<td></td>"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'<td align="right">{value}</td>'
    text = json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    text = _local(text)
    short = text if len(text) <= LIMIT_CHARS else text[:LIMIT_CHARS] + " ..."
    return f'<td align="left">{escape(short).replace(chr(10), "<br>")}</td>'


def _local(text: str) -> str:
    for folder, name in ((f"{Path('.demo').resolve()}/", ".demo/"), (f"{Path.cwd()}/", ""), (f"{ROOT}/", "")):
        text = text.replace(folder, name)
    return text


def photograph_with(browser: Any, html: str) -> bytes:  # noqa: ANN401 - playwright is optional
    """The page as JPEG, not taller than MAX_HEIGHT."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 600}, color_scheme="light")
    page.set_content(html)
    height = min(MAX_HEIGHT, int(page.evaluate("document.documentElement.scrollHeight")))
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": height}
    picture: bytes = page.screenshot(type="jpeg", quality=80, full_page=True, clip=clip)
    page.close()
    return picture


def main(names: list[str]) -> None:
    """Runs the notebooks whose number is named, or all, in the current folder, and writes their pages."""
    from playwright.sync_api import sync_playwright

    from jobs.session import spark_session
    from schemas.config import Profile, load_config

    spark = spark_session(load_config(Profile.LAPTOP, None, ["storage.root=.demo"]))
    chosen = [path for path in sorted(SOURCES.glob("[0-9]*.py")) if not names or path.stem[:2] in names]
    shown = {path: run_notebook(path, spark, WIDGETS.get(path.stem[:2], {})) for path in chosen}
    spark.stop()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGS))
        for source in chosen:
            page = page_of(source, shown[source], partial(photograph_with, browser))
            page_path(source).write_text(nbformat.writes(page) + "\n", "utf-8")
            sys.stderr.write(f"{page_path(source).name}: {page_path(source).stat().st_size:,} bytes\n")
        browser.close()


if __name__ == "__main__":
    sys.path.insert(1, str(ROOT))
    main(sys.argv[1:])
