"""The gate: each expectation notices what it is for, and nothing passes because nothing was looked at."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812
from release_rows import PICTURES, VIDEO, digest

from jobs.audit import (
    Candidate,
    Outcome,
    Subject,
    check_columns,
    check_decoding,
    check_intake,
    check_lineage,
    check_media,
    check_rows,
)
from jobs.candidates import Intake
from jobs.gate import Verdict, refuse, run_gate
from jobs.release import STAGED, stage
from jobs.tables import Tables
from schemas.columns import LINEAGE, QUALITY
from schemas.config import Config
from schemas.errors import GateError

Configure = Callable[..., Config]
NOTHING = Intake([], {})


@pytest.fixture
def subject(tables: Tables, configure: Configure) -> Callable[..., Subject]:
    """A candidate of any rows, as checks see it."""

    def make(rows: DataFrame, *settings: str, chosen: int = 140, intake: Intake = NOTHING) -> Subject:
        return Subject(tables, rows, Candidate(STAGED, 0, chosen, 1, "run"), configure(*settings), intake)

    return make


def failed(outcomes: Iterator[Outcome]) -> dict[str, Outcome]:
    return {outcome.name: outcome for outcome in outcomes if not outcome.success}


def texts(value: str) -> str:
    return f"transform(conversation, (t, i) -> struct(t.role, {value} AS text))"


def replaced(column: str, field: str, value: str = "NULL") -> str:
    """SQL of a struct column with one field replaced."""
    fields = {"quality": QUALITY, "lineage": LINEAGE}[column]
    pairs = [f"'{f.name}', {value if f.name == field else f'{column}.{f.name}'}" for f in fields]
    return f"named_struct({', '.join(pairs)})"


# One defect per row: the rule that must notice it, the column, and what is put there.
DEFECTS = [
    ("release_id", "release_id", "2"),
    ("nothing_missing", "media", "NULL"),
    ("conversation_alternates", "conversation", "reverse(conversation)"),
    ("conversation_alternates", "conversation", "slice(conversation, 1, 1)"),
    ("no_empty_turn", "conversation", texts("IF(i = 1, ' ', t.text)")),
    ("placeholders_match_media", "media", "array_append(media, 'another')"),
    ("placeholders_match_media", "conversation", texts("t.text || '<image>'")),
    ("modality_matches_media", "modality", "'text'"),
    ("conversation_length", "conversation", texts("t.text || repeat(' so', 99)")),
    ("licence_allowed", "licence", "struct('CC-BY-NC-4.0' AS spdx, 'no' AS commercial, 'yes' AS redistribution)"),
    ("rewrites_are_judged", "quality", replaced("quality", "p_yes", "double('NaN')")),
    ("rewrites_are_judged", "quality", replaced("quality", "p_yes", "double(NULL)")),
    ("lineage_complete", "lineage", replaced("lineage", "call_key", "string(NULL)")),
    ("split_matches_modality", "modality", "'video'"),
]
STRICT = ("gate.licences=[CC-BY-4.0]", "gate.max_tokens=150")


def test_every_rule_of_rows_names_the_rows_that_break_it(subject: Callable[..., Subject], good_rows: DataFrame):
    rewrites = good_rows.where("kind = 'rewritten' AND split = 'si'")
    rows = rewrites.withColumn("n", F.row_number().over(Window.orderBy("id"))).where(F.col("n") <= len(DEFECTS)).cache()
    names = {row["n"]: row["id"] for row in rows.select("n", "id").collect()}
    for n, (_, column, value) in enumerate(DEFECTS, 1):
        rows = rows.withColumn(column, F.when(F.col("n") == n, F.expr(value)).otherwise(F.col(column)))
    found = failed(check_rows(subject(rows.drop("n"), *STRICT, chosen=len(DEFECTS))))
    for n, (rule, _, _) in enumerate(DEFECTS, 1):
        assert any(example.startswith(names[n]) for example in found[rule].examples), (n, rule)
    assert set(found) == {rule for rule, _, _ in DEFECTS}


def test_good_rows_break_nothing(subject: Callable[..., Subject], good_rows: DataFrame):
    bands = "gate.category_bands={Chart: [0.7, 0.8]}"
    assert failed(check_rows(subject(good_rows, *STRICT, bands))) == {}


@pytest.mark.parametrize(
    ("rows", "settings", "names"),
    [
        ("false", (), {"rows_chosen", "min_rows", "languages_known", "no_empty_turn", "lineage_complete"}),
        ("id > '8'", (), {"rows_chosen"}),
        ("true", ("gate.category_bands={Chart: [0, 0.5], OCR: [0.1, 1]}",), {"share_of_Chart", "share_of_OCR"}),
        ("true", ("gate.min_rows=141",), {"min_rows"}),
    ],
)
def test_numbers_outside_their_bands(
    subject: Callable[..., Subject], good_rows: DataFrame, rows: str, settings: tuple[str, ...], names: set[str]
):
    assert set(failed(check_rows(subject(good_rows.where(rows), *settings)))) >= names


def test_a_column_of_nulls_does_not_pass(subject: Callable[..., Subject], good_rows: DataFrame):
    empty = good_rows.withColumn("language", F.lit(None).cast("string"))
    assert set(failed(check_rows(subject(empty)))) == {"languages_known"}


def test_great_expectations_look_at_columns(subject: Callable[..., Subject], good_rows: DataFrame):
    twice = good_rows.orderBy("id").limit(1)
    odd = twice.withColumn("category", F.lit("Nonsense")).withColumn("source_id", F.lit(None).cast("string"))
    found = failed(check_columns(subject(good_rows.unionByName(odd).withColumn("release_id", F.lit("1")))))
    assert set(found) == {
        "table_row_count_to_equal", "column_values_to_be_of_type:release_id", "column_values_to_not_be_null:source_id",
        "column_values_to_be_in_set:category", "column_values_to_be_unique:id",
    }  # fmt: skip
    assert found["table_row_count_to_equal"].observed == "141"
    assert found["column_values_to_be_in_set:category"].examples == ("Nonsense",)
    assert good_rows.where(F.col("id") == found["column_values_to_be_unique:id"].examples[0]).count() == 1


def test_an_empty_table_does_not_pass_great_expectations(subject: Callable[..., Subject], good_rows: DataFrame):
    assert "table_row_count_to_equal" in failed(check_columns(subject(good_rows.where("false"))))


def test_media_must_be_there_whole_and_decode(subject: Callable[..., Subject], tables: Tables, good_rows: DataFrame):
    asked = subject(good_rows)
    assert failed(check_media(asked)) == failed(check_decoding(asked)) == {}
    bytes_of = tables.sql_name("media_bytes")
    tables.spark.sql(f"DELETE FROM {bytes_of} WHERE media_id = '{VIDEO}' AND part = 1")
    tables.spark.sql(f"DELETE FROM {tables.sql_name('media')} WHERE media_id = '{PICTURES[1]}'")
    tables.spark.sql(f"UPDATE {bytes_of} SET data = substring(data, 1, 300) WHERE media_id = '{PICTURES[2]}'")
    lacking = failed(check_media(asked))["media_stored"]
    assert lacking.examples == tuple(sorted([f"{VIDEO}: 2 of 3 parts", f"{PICTURES[1]}: 1 of null parts"]))
    damaged = failed(check_decoding(asked))["media_decode"]
    assert [example.partition(": ")[0] for example in damaged.examples] == [f"{PICTURES[2]}/0"]


def test_no_media_stored_is_no_proof_of_decoding(subject: Callable[..., Subject], tables: Tables, good_rows: DataFrame):
    tables.spark.sql(f"DELETE FROM {tables.sql_name('media_bytes')}")
    assert set(failed(check_decoding(subject(good_rows)))) == {"media_decode"}
    assert failed(check_decoding(subject(good_rows.where("modality = 'text'")))) == {}


def test_rows_must_lead_back(subject: Callable[..., Subject], tables: Tables, good_rows: DataFrame):
    lost = good_rows.where("kind = 'rewritten'").orderBy("id").first()
    assert lost is not None
    tables.spark.sql(f"DELETE FROM {tables.sql_name('calls')} WHERE call_key = '{lost['lineage']['call_key']}'")
    found = failed(check_lineage(subject(good_rows)))
    assert found["calls_known"].examples == (f"{lost['id']}: {lost['lineage']['call_key']}",)
    assert set(found) == {"calls_known"}


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("gate.max_drop_rate=0.29", "drop_rate"),
        ("gate.min_parsed_share=0.95", "verdicts_parsed"),
        ("gate.max_drop_rate=0.3", None),
    ],
)
def test_intake_bands(subject: Callable[..., Subject], good_rows: DataFrame, setting: str, name: str | None):
    intake = Intake([], {"rewritten": {"accepted": 70, "below_threshold": 20, "unparsed": 10, "parse_empty": 5}})
    assert set(failed(check_intake(subject(good_rows, setting, intake=intake)))) == ({name} if name else set())


def boom(_: Subject) -> Iterator[Outcome]:
    yield Outcome("fine so far", True, "", "")
    raise OSError("no space left on device")


def quiet(_: Subject) -> Iterator[Outcome]:
    yield from ()


def fine(_: Subject) -> Iterator[Outcome]:
    yield Outcome("fine", True, "", "")


def test_a_validator_that_raises_or_says_nothing_blocks(tables: Tables, configure: Configure, good_rows: DataFrame):
    candidate = Candidate(STAGED, stage(tables, good_rows), 140, 1, "run")
    verdict = run_gate(tables, candidate, configure(), NOTHING, {"boom": boom, "quiet": quiet, "fine": fine})
    assert [(item.name, item.success) for item in verdict.outcomes] == [
        ("boom", False),
        ("quiet", False),
        ("fine", True),
    ]
    with pytest.raises(GateError, match=r"boom: saw raised OSError: no space left on device"):
        refuse(verdict)
    assert not run_gate(tables, candidate, configure(), NOTHING, {}).success
    kept = tables.read("gates").orderBy("at").collect()
    assert [(row["success"], row["table_version"]) for row in kept] == [(False, candidate.version)] * 2


def test_a_verdict_that_cannot_be_stored_blocks(
    tables: Tables, configure: Configure, good_rows: DataFrame, monkeypatch: pytest.MonkeyPatch
):
    candidate = Candidate(STAGED, stage(tables, good_rows), 140, 1, "run")
    with monkeypatch.context() as patch:
        patch.setattr(Tables, "append_rows", lambda *_: None)
        with pytest.raises(GateError, match="gives back"):
            run_gate(tables, candidate, configure(), NOTHING, {"fine": fine})
    store = Path(tables.path("gates"))
    shutil.rmtree(store)
    store.write_text("a file where the table should be")
    with pytest.raises(GateError, match="could not be stored"):
        run_gate(tables, candidate, configure(), NOTHING, {"fine": fine})


def test_refusal_names_expectations_with_examples():
    outcomes = (Outcome("kept", True, "", ""), Outcome("broken", False, "2 rows", "none", ("a: 1", "b: 2")))
    with pytest.raises(GateError) as caught:
        refuse(Verdict(digest("gate"), False, outcomes))
    assert "broken: saw 2 rows; allowed none\n      e.g. a: 1\n      e.g. b: 2" in str(caught.value)
    assert "kept" not in str(caught.value)
    refuse(Verdict("good", True, outcomes[:1]))
