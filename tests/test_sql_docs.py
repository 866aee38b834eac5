"""Every query of docs/sql.md runs over the tables of the demo's replay, and over tables that were never written."""

import re
from pathlib import Path

import pytest
from engines import Replay
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from jobs.tables import Tables
from jobs.views import comment_of, packaged_views, register_views
from schemas.config import Storage

PAGE = (Path(__file__).parents[1] / "docs" / "sql.md").read_text("utf-8")
QUERIES = re.findall(r"^## \d+\. (.+?)\n\n```sql\n(.+?)\n```", PAGE, re.DOTALL | re.MULTILINE)
NOTHING_IN_THE_DEMO = {"What do near-duplicates and overlap with benchmarks amount to?"}
"""Questions whose answer is that there are none, or depends on what the small model wrote."""
DEPENDS = {"Which rewrites lost the known answer?"}


@pytest.fixture(scope="module")
def views(spark: SparkSession, replayed: Replay) -> SparkSession:
    register_views(Tables(spark, Storage(root=str(replayed.root))))
    return spark


def test_there_are_twenty():
    assert len(QUERIES) == 20
    for name, sql in packaged_views().items():
        assert f"| `{name}` | {comment_of(sql)} |" in PAGE
        assert "vl_" not in sql


@pytest.mark.parametrize(("question", "query"), QUERIES, ids=[f"{n + 1}" for n in range(len(QUERIES))])
def test_answers(views: SparkSession, question: str, query: str):
    rows = views.sql(query).collect()
    assert rows or question in NOTHING_IN_THE_DEMO | DEPENDS


def test_every_rule_of_the_newest_verdict_is_shown(views: SparkSession):
    asked = dict(QUERIES)["What did the gate look at, and what did it see?"]
    rules = [row["rule"] for row in views.sql(asked).collect()]
    last = views.table("gates").orderBy(f.desc("at")).first()
    assert last is not None
    assert sorted(rules) == sorted(entry["name"] for entry in last["expectations"])
    assert {name.partition(".")[0] for name in rules} == {
        "samples", "media", "media_bytes", "rejects", "twins", "rewritten", "judged", "instruct", "calls", "runs",
    }  # fmt: skip


def test_tables_that_were_never_written_are_empty(spark: SparkSession, tmp_path: Path):
    session = spark.newSession()
    register_views(Tables(session, Storage(root=str(tmp_path))))
    for name in packaged_views():
        assert session.table(name).isEmpty()
        told = {field.name: field.metadata.get("comment") for field in session.table(name).schema}
        assert all(told.values()), f"{name} has columns without a comment: {told}"
    assert not list(tmp_path.iterdir())


def test_lineage_holds_every_published_row_once_with_what_was_said_of_it(views: SparkSession):
    lineage, published = views.table("lineage"), views.table("instruct")
    assert sorted(row[0] for row in lineage.select("id").collect()) == sorted(
        row[0] for row in published.select("id").collect()
    )
    row = lineage.where("kind = 'rewritten'").first()
    assert row is not None
    assert row["gate_passed"]
    assert row["prompt_text"]
    assert [told["p_yes"] for told in row["verdicts"]] == [row["p_yes"]]
    assert {entry["key"] for entry in row["verdicts"][0]["label_probs"]} >= {"Yes", "No"}
    assert row["before"][0]["role"] == row["after"][0]["role"] == "user"
