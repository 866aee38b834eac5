"""The notebooks run as they are on the demo's tables, and their pages show what they are."""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import nbformat
import pytest
from engines import Replay
from notebook_pages import PAGES, cells_of, expected_cells, page_path
from pyspark.sql import SparkSession

from jobs.run import Stage
from notebooks import Cell, Shown, read_cells, run_notebook, tables_of

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
BOOKS = sorted(FOLDER.glob("[0-9]*.py"))
SHOWS = re.compile(r"\bdisplay(?:HTML)?\(|\bprint\(")
Book = Callable[..., list[Shown]]


@pytest.fixture(scope="module")
def demo_root(replayed: Replay, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo's tables, as a notebook that tries prompts adds calls; source files stay where they are."""
    assert replayed.done.code == 0, replayed.done.err[-3000:]
    return shutil.copytree(replayed.root, tmp_path_factory.mktemp("notebooks") / "demo")


@pytest.fixture
def book(spark: SparkSession, demo_root: Path, hosts: Path) -> Book:
    """Runs the notebook of a number; every cell that can show something has to."""
    stub = f"engine.kind=stub engine.model=stub storage.host_dir={hosts}"

    def run(number: str, **widgets: str) -> list[Shown]:
        path = next(path for path in BOOKS if path.stem.startswith(number))
        given: Mapping[str, str] = {"root": str(demo_root), "engine": stub, **widgets}
        shown = run_notebook(path, spark, given)
        able = {at for at, cell in enumerate(read_cells(path)) if can_show(cell)}
        assert {one.cell for one in shown} == able
        return shown

    return run


@pytest.fixture
def catalog(spark: SparkSession, demo_root: Path) -> Iterator[str]:
    """The demo's tables under names of a catalog, as on Databricks."""
    spark.sql("CREATE SCHEMA book")
    for path in (demo_root / "tables").iterdir():
        spark.sql(f"CREATE TABLE book.{path.name} USING delta LOCATION '{path}'")
    yield "book"
    spark.sql("DROP SCHEMA book CASCADE")


def can_show(cell: Cell) -> bool:
    return cell.language == "sql" or (cell.language == "python" and SHOWS.search(cell.text) is not None)


def page_of(shown: list[Shown]) -> str:
    (page,) = [one.html for one in shown if one.html]
    return page


def test_01_shows_what_a_run_left(book: Book):
    stages, rejects, pairs, verdicts, release, gates, asked = tables_of(book("01"))
    assert [row["stage"] for row in stages] == [stage for stage in Stage if stage is not Stage.REPORT]
    assert sum(row["rejected"] for row in rejects) == stages[0]["rejected"] > 0
    assert all(row["example"] and row["file"] for row in rejects)
    assert len(pairs) == 5
    assert all(row["before"] and row["after"] and row["completion_tokens"] for row in pairs)
    assert sum(row["pairs"] for row in verdicts) >= 5
    assert {row["kind"] for row in release} == {"original", "rewritten"}
    assert sum(row["rows"] for row in release) == gates[0]["rows"]
    assert gates[0]["success"]
    assert [row["verdict"]["status"] for row in asked] == ["ok", "ok"]


def test_02_leads_from_files_to_samples(book: Book):
    shown = book("02")
    known, files, beside, rejects, advice, counts = tables_of(shown)
    assert {"key": "source_id", "value": '"demo_charts"'} in known
    assert all(row["family"] and row["bytes"] for row in files)
    assert len(beside) == 5
    assert all(row["record"] and (row["sample"] or row["reject"]) for row in beside)
    assert page_of(shown).count("<img") >= 2
    assert [row["drop_reason"] for row in rejects] == [row["drop_reason"] for row in advice]
    assert all(row["what_to_do"] for row in advice)
    assert sum(row["records"] for row in rejects) == counts[0]["rejected"] > 0
    assert counts[0]["adds_up"]


def test_03_sets_two_prompts_side_by_side(book: Book):
    shown = book("03")
    planned, summary, rows = tables_of(shown)
    assert sum(row["new"] for row in planned) == 2 * 20
    assert [(row["prompt"], row["samples"]) for row in summary] == [("rationale", 20), ("rationale_read_first", 20)]
    assert all(row["answer_before"] for row in rows)
    assert sum(bool(row["answer_after"] and row["verdict"]) for row in rows) >= 10
    assert "calls: 0 new" not in (texts := "".join(one.text for one in shown))
    assert "name: rationale_read_first" in texts
    assert page_of(shown).count("<img") >= 2


def test_04_reviews_rewrites_verdicts_and_pictures(book: Book):
    shown = book("04")
    replies, verdicts, checks, doubted = tables_of(shown)
    assert sum(row["pairs"] for row in replies) == sum(row["pairs"] for row in checks)
    assert sum(row["pairs"] for row in verdicts) >= 20
    assert {row["verdict"] for row in verdicts} <= {"yes", "no", "unparsed"}
    assert [row["p_yes"] for row in doubted] == sorted((row["p_yes"] for row in doubted), reverse=True)
    cards, explained = (one.html for one in shown if one.html)
    assert cards.count("<img") >= 2
    assert "demo_" in explained
    assert "differs" not in explained


def test_05_mixes_a_release_that_lies_in_a_catalog(book: Book, catalog: str):
    release, terms, thresholds, variants, mixes, releases = tables_of(book("05", root="/none", catalog=catalog))
    total = sum(row["rows"] for row in release)
    assert total == sum(row["rows"] for row in terms) == releases[-1]["rows"] == variants[0]["rows"]
    accepted = [row["accepted"] for row in thresholds]
    assert accepted == sorted(accepted, reverse=True)
    assert len(accepted) == 9
    assert variants[2]["accepted"] < variants[0]["accepted"]
    half, capped, hundred = mixes
    assert half["original"] > variants[0]["original"]
    assert capped["rows"] < total
    assert hundred["rows"] <= 100


def test_06_looks_at_a_cluster_before_it_is_paid_for(book: Book):
    shown = book("06", settings="engine.kind=stub engine.model=stub")
    engines, settings, findings, costs = tables_of(shown)
    assert {row["engine"] for row in engines} == {"main", "text"}
    assert all(row["ok"] for row in settings)
    assert len(findings) > 5
    assert {row["purpose"] for row in costs} >= {"rewrite", "judge"}
    assert [one.text.split(":")[0] for one in shown if one.text] == ["gpus is off"] * 2


def test_no_engine_is_asked_unless_told(spark: SparkSession, demo_root: Path):
    shown = run_notebook(FOLDER / "03_tune_a_prompt.py", spark, {"root": str(demo_root)})
    assert any(one.text.startswith("The engine is off: nothing is asked") for one in shown)


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_notebooks_keep_to_what_databricks_runs(path: Path):
    for cell in read_cells(path):
        assert cell.language in {"python", "sql", "md", "pip"}
        assert set(re.findall(r"\bdbutils\.(\w+)", cell.text)) <= {"widgets"}
        if cell.language == "pip":
            assert (FOLDER / cell.text.split()[-1]).resolve() == ROOT / "requirements" / "databricks.txt"


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_pages_are_those_of_the_notebooks(path: Path):
    page = nbformat.read(page_path(path), as_version=4)
    nbformat.validate(page)
    assert cells_of(page) == expected_cells(path), "run `make notebooks`"
    for cell, code in zip(read_cells(path), page.cells, strict=True):
        if can_show(cell):
            assert code.outputs, f"nothing is shown by: {cell.text}"
    text = page_path(path).read_text("utf-8")
    assert str(ROOT) not in text
    assert "/home/" not in text


def test_pages_are_small_and_say_what_is_only_parsed():
    assert {path.stem for path in PAGES.glob("*.ipynb")} == {path.stem for path in BOOKS}
    assert sum(path.stat().st_size for path in PAGES.glob("*.ipynb")) < 1_500_000
    told = (PAGES / "README.md").read_text("utf-8")
    assert all(f"({path.stem}.ipynb)" in told for path in BOOKS)


def test_cells_are_read_as_databricks_writes_them(tmp_path: Path):
    path = tmp_path / "book.py"
    path.write_text(
        "# Databricks notebook source\n# MAGIC %md\n# MAGIC # Title\n# MAGIC\n# MAGIC text\n\n# COMMAND ----------\n\n"
        "x = 1\n\n# COMMAND ----------\n\n# MAGIC %sql SELECT 1\n"
    )
    assert read_cells(path) == [Cell("md", "# Title\n\ntext"), Cell("python", "x = 1"), Cell("sql", "SELECT 1")]


def test_an_error_names_its_cell(spark: SparkSession, tmp_path: Path):
    path = tmp_path / "book.py"
    path.write_text("# Databricks notebook source\nx = 1\n\n# COMMAND ----------\n\nx / 0\n")
    with pytest.raises(ZeroDivisionError) as raised:
        run_notebook(path, spark, {})
    assert raised.value.__notes__ == ["in cell 2 of book.py"]
