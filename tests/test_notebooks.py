"""The notebooks run as they are, on tables that a run on the demo's corpus left."""

from pathlib import Path

import pytest
from corpora import run_here, stub_config
from pyspark.sql import SparkSession

from jobs.corpus.build import build_corpus
from jobs.demo import demo_sources
from jobs.run import Stage
from notebooks import Cell, read_cells, run_notebook

STAGES = [Stage.NORMALISE, Stage.REWRITE, Stage.JUDGE, Stage.PUBLISH]
FOLDER = Path(__file__).resolve().parents[1] / "notebooks"


@pytest.fixture(scope="session")
def demo_root(spark: SparkSession, session_hosts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a finished run over a few of the demo's sources, on the stub."""
    root = tmp_path_factory.mktemp("demo")
    build_corpus(root / "sources")
    chosen = [source for source in demo_sources() if source.source_id in ("demo_charts", "demo_problems", "demo_clips")]
    config = stub_config(root, session_hosts, {}, "rewriting.max_samples=12", "publishing.rewritten_share=0.5")
    run_here(config, chosen, STAGES)
    return Path(config.storage.root)


def test_quickstart_shows_what_the_run_left(spark: SparkSession, demo_root: Path, hosts: Path):
    engine = f"engine.kind=stub storage.host_dir={hosts}"
    widgets = {"root": str(demo_root), "engine": engine}
    stages, rejects, pairs, verdicts, release, gates, asked = run_notebook(FOLDER / "01_quickstart.py", spark, widgets)
    assert [row["stage"] for row in stages] == STAGES
    assert sum(row["records"] or 0 for row in stages) > 12
    assert sum(row["rejected"] for row in rejects) == sum(row["rejected"] or 0 for row in stages[:1]) > 0
    assert all(row["example"] and row["file"] for row in rejects)
    assert len(pairs) == 5
    assert all(row["before"] and row["after"] and row["completion_tokens"] for row in pairs)
    assert sum(row["pairs"] for row in verdicts) >= 5
    assert {row["kind"] for row in release} == {"original", "rewritten"}
    assert sum(row["rows"] for row in release) == gates[0]["rows"]
    assert gates[0]["success"]
    assert [row["verdict"]["status"] for row in asked] == ["ok", "ok"]


def test_quickstart_asks_no_engine_unless_told(spark: SparkSession, demo_root: Path):
    assert len(run_notebook(FOLDER / "01_quickstart.py", spark, {"root": str(demo_root)})) == 6


def test_notebooks_keep_to_what_databricks_runs():
    for path in FOLDER.glob("*.py"):
        assert {cell.language for cell in read_cells(path)} <= {"python", "sql", "md", "pip"}, path


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
