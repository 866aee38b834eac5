"""`mammoth-vl sql`: rows as a table, JSON and CSV; queries from a file; queries that fail."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from corpora import Answered

from jobs.cli import app

Ask = Callable[..., tuple[int, str, str]]
ODD = "SELECT 'a, \"b\"\n[red]c' AS text, 1234 AS number, true AS yes, NULL AS nothing, array('x', 'y') AS list, "
ODD += "X'00FF' AS bytes, DATE'2026-01-02' AS day"


@pytest.fixture
def ask(done: Answered, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs the command over tables that are there."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            app.main(("--root", done.config.storage.root, "sql", *arguments))
        return (int(str(caught.value.code)), *capsys.readouterr())

    return run


def test_json_holds_what_was_asked(ask: Ask):
    code, out, _ = ask(ODD, "-o", "json")
    assert code == 0
    row = {"text": 'a, "b"\n[red]c', "number": 1234, "yes": True, "nothing": None, "list": ["x", "y"]}
    assert json.loads(out) == [{**row, "bytes": "AP8=", "day": "2026-01-02"}]


def test_csv_reads_back(ask: Ask):
    _, out, _ = ask(ODD, "-o", "csv")
    head, row = csv.reader(io.StringIO(out))
    assert head == ["text", "number", "yes", "nothing", "list", "bytes", "day"]
    assert row == ['a, "b"\n[red]c', "1234", "true", "", '["x", "y"]', "AP8=", "2026-01-02"]


def test_columns_of_one_name_keep_their_values(ask: Ask):
    assert ask("SELECT 1 AS a, 2 AS a", "-o", "csv")[1].splitlines() == ["a,a", "1,2"]
    code, out, error = ask("SELECT 1 AS a, 2 AS a", "-o", "json")
    assert (code, out) == (2, "")
    assert "two columns are called a" in error


def test_rows_that_are_left_out_are_told(ask: Ask):
    _, out, error = ask("SELECT explode(sequence(1, 9))", "--rows", "4", "-o", "csv")
    assert out.split() == ["col", "1", "2", "3", "4"]
    assert "only the first 4 rows" in error
    assert ask("SELECT explode(sequence(1, 4))", "--rows", "4", "-o", "csv")[2] == ""


def test_json_has_no_nan(ask: Ask):
    assert json.loads(ask("SELECT double('NaN') AS a, named_struct('b', 1) AS c", "-o", "json")[1]) == [
        {"a": None, "c": {"b": 1}}
    ]


def test_people_see_what_is_no_number(ask: Ask):
    query = "SELECT double('NaN') AS a, double('-inf') AS b, CAST(NULL AS DOUBLE) AS c, struct(float('NaN') d) e"
    assert ask(query, "-o", "csv")[1].splitlines() == ["a,b,c,e", 'NaN,-Infinity,,"{""d"": NaN}"']
    assert ask(query)[1].split()[-4:] == ["–", "-inf", "{'d':", "nan}"]


def test_a_table_for_people(ask: Ask):
    _, out, _ = ask(ODD)
    assert "1,234" in out
    assert "[red]c" in out


def test_a_query_from_a_file_sees_tables_and_views(ask: Ask, done: Answered, tmp_path: Path):
    query = tmp_path / "my query.sql"
    query.write_text("-- per source\nSELECT source_id, count(*) AS n FROM samples GROUP BY ALL ORDER BY 1\n")
    code, out, _ = ask("-f", str(query), "-o", "json")
    counted = {row["source_id"]: row["n"] for row in json.loads(out)}
    assert (code, sum(counted.values())) == (0, done.tables.read("samples").count())
    assert ask("SELECT * FROM source_quality", "--rows", "1", "-o", "csv")[1].count("\n") == 2


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT nonsense FROM samples", "cannot be understood"),
        ("SELECT FROM WHERE", "cannot be understood"),
        ("SELECT * FROM nowhere", "tables and views: samples"),
        ("SELECT 1 / (size(media) - size(media)) FROM samples", "the query failed: [DIVIDE_BY_ZERO]"),
    ],
)
def test_a_query_that_fails_says_why(ask: Ask, query: str, told: str):
    code, out, error = ask(query)
    assert (code, out) == (2, "")
    assert told in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM samples",
        "/* SELECT */ UPDATE samples SET language = 'en'",
        "DROP TABLE delta.`x`",
        "WITH few AS (SELECT * FROM samples) INSERT INTO samples SELECT * FROM few",
        "WITH few AS (SELECT 1) DELETE FROM samples WHERE language = 'en'",
        "with few as (select 1) update samples set language = 'en'",
        "WITH few AS (SELECT * FROM samples) MERGE INTO samples USING few ON false WHEN MATCHED THEN DELETE",
        r"WITH few AS (SELECT r'\' AS a, ' ' AS b) DELETE FROM samples -- '",
        "FROM samples insert  overwrite samples SELECT *",
        "SELEC 1",
        "",
    ],
)
def test_nothing_is_changed(ask: Ask, query: str):
    code, out, error = ask(query)
    assert (code, out) == (2, "")
    assert "asks and changes nothing" in error


def test_words_of_change_may_be_asked_for(ask: Ask):
    query = "(SELECT 'INSERT INTO x -- ' AS `delete from`) -- insert into y"
    assert json.loads(ask(query, "-o", "json")[1]) == [{"delete from": "INSERT INTO x -- "}]
    assert "sample_id" in ask("DESCRIBE samples")[1]
    assert json.loads(ask("SELECT 'internvl_sa' AS vl_", "-o", "json")[1]) == [{"vl_": "internvl_sa"}]


def test_a_file_that_is_no_text(ask: Ask, tmp_path: Path):
    (tmp_path / "q.sql").write_bytes(b"\xff\xfe\x00")
    code, _, error = ask("-f", str(tmp_path / "q.sql"))
    assert code == 4
    assert "cannot be read" in error
