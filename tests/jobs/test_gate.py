"""The gate: each rule notices what it is for and nothing else, and nothing passes because nothing was looked at."""

import errno
import math
import shutil
from collections.abc import Callable, Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from gate_rows import DEFECTS, PLANTED, make_frames, plant, spoil, subject_of_rows
from PIL import Image
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from jobs.candidates import Intake
from jobs.dedup.kept import SAMPLES_MARK
from jobs.gate import verdict as verdicts
from jobs.gate.counted import count_media, count_stages
from jobs.gate.decoding import count_undecodable
from jobs.gate.subject import Candidate, Counted, Outcome
from jobs.gate.validate import validate
from jobs.gate.verdict import Verdict, judge_subject, refuse, run_gate
from jobs.release import STAGED, stage
from jobs.tables import Tables
from schemas.config import Config, Profile, load_config
from schemas.errors import GateError
from schemas.expectations import LENGTH, OCTETS, PICTURED, PLACED, WORDS
from schemas.suites import Expected, suites

Configure = Callable[..., Config]
Frames = Mapping[str, DataFrame]
NOTHING = Intake([], {})
ROWS = 1000
RELEASED = ROWS * 9 // 10
PARTS = ("media", "parts_stored")
BASE = (
    "gate.licences=[MIT]", "gate.max_tokens=250", "gate.min_parsed_share=0.9", "gate.min_kappa=0.5",
    "gate.category_bands={Chart: [0.5, 0.9]}",
)  # fmt: skip
TIGHT = (
    "gate.mean_words=[2, 100]", "gate.category_bands={Chart: [0.95, 1]}", "gate.min_rows=1000000",
    "gate.max_drop_rate=0.1", "gate.max_reject_rate=0.01", "gate.max_source_reject_rate=0.01",
    "gate.max_near_duplicates=0.01", "gate.max_contaminated=0", "gate.min_kappa=0.8",
)  # fmt: skip
LENIENT = ("gate.min_drop_rate=0.4", "gate.max_drop_rate=0.95")
BANDS = {
    ("samples", "mean_words"), ("samples", "language_filled"), ("rejects", "reject_rate"),
    ("rejects", "source_reject_rate"), ("twins", "near_duplicates"), ("twins", "contaminated"),
    ("rewritten", "replies_parsed"), ("judged", "verdicts_parsed"), ("judged", "drop_rate"),
    ("judged", "agrees_with_people"), ("instruct", "min_rows"), ("instruct", "rows_chosen"),
    ("instruct", "mean_words"), ("instruct", "language_filled"), ("instruct", "share_of_Chart"),
}  # fmt: skip


def config_of(*more: str) -> Config:
    return load_config(Profile.LAPTOP, None, [*BASE, *more])


def failed(outcomes: tuple[Outcome, ...]) -> dict[tuple[str, str], Outcome]:
    return {(item.table, item.name.removeprefix(f"{item.table}.")): item for item in outcomes if not item.success}


@pytest.fixture(scope="module")
def clean(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Frames:
    return kept(spark, tmp_path_factory.mktemp("clean"), make_frames(spark, ROWS))


def kept(spark: SparkSession, folder: Path, made: Frames) -> Frames:
    frames = {}
    for name, frame in made.items():
        frame.coalesce(1).write.parquet(str(folder / name))
        frames[name] = spark.read.parquet(str(folder / name))
    return frames


def test_one_defect_for_each_rule_is_found_by_name_and_nothing_else(clean: Frames, spark: SparkSession, tmp_path: Path):
    assert failed(judge_subject(subject_of_rows(clean, config_of(), RELEASED))) == {}
    planted = kept(spark, tmp_path, spoil(plant(clean, DEFECTS)))
    found = failed(judge_subject(subject_of_rows(planted, config_of(), RELEASED)))
    assert set(found) == PLANTED
    assert found["judged", "verdict_known"].examples[0].endswith(": maybe")
    assert found["samples", "key_unique"].value == 1
    assert found["rewritten", "no_pair_is_empty"].observed == "1"
    assert "extra: not in the schema" in found["media", "columns"].examples[0]
    assert found["samples", "counts_match_log"].examples[0] == "source_3: 100 samples, 101 rows_out"


def test_another_picture_than_was_stored_is_noticed(clean: Frames):
    other = BytesIO()
    Image.new("RGB", (33, 31), (200, 128, 9)).save(other, "JPEG")
    swapped = f.when(f.col("n") == 16, f.lit(bytearray(other.getvalue()))).otherwise(f.col("data"))
    frames = {**clean, "media_bytes": clean["media_bytes"].withColumn("data", swapped)}
    found = count_undecodable(subject_of_rows(frames, config_of(), RELEASED))["media", "decodes"]
    assert found.value == 1
    assert found.examples[0].endswith("/0: another picture than its sha256 says")


def test_media_that_lack_parts_or_have_them_twice(clean: Frames):
    """A picture and a video are stored twice; a frame of another video twice, but its last one not; one nowhere."""
    numbers = f.expr("explode(sequence(0, IF(n IN (20, 21), 2, 0)))")
    frames = clean["media_bytes"].withColumn("part", numbers)
    known = {**clean, "media": clean["media"].withColumn("parts", f.expr("IF(n IN (20, 21), 3, parts)"))}
    assert count_media(subject_of_rows({**known, "media_bytes": frames}, config_of(), RELEASED)) == {PARTS: Counted(0)}
    spoilt = frames.unionByName(frames.where("n IN (16, 20)"))
    spoilt = spoilt.withColumn("part", f.expr("IF(n = 21, least(part, 1), part)")).where("n <> 23")
    found = count_media(subject_of_rows({**known, "media_bytes": spoilt}, config_of(), RELEASED))
    said = {16: "1 of 1 parts in 2 rows: stored twice", 20: "3 of 3 parts in 6 rows: stored twice",
            21: "2 of 3 parts in 3 rows: stored twice", 23: "null of 1 parts"}  # fmt: skip
    lines = sorted(f"{sha256(f'm{n}'.encode()).hexdigest()}: {text}" for n, text in said.items())
    assert found == {PARTS: Counted(4, tuple(lines[:3]))}


@pytest.mark.parametrize(
    ("asked", "answer", "media", "words", "placed"),
    [
        ("<image>\nwho is it?", "he", 1, 5, True),
        ("<image><video> a", "b", 2, 3, True),
        ("<image> a", "b", 2, 3, False),
        ("<vi<image>deo> a", "b", 2, 3, False),
        ("<vi<image>deo> a", "b", 1, 3, True),
        (" \n\t", " ", 0, 0, True),
        ("\n two  words ", "\u00a0", 0, 3, True),
        ("a", "<video>", 0, 2, False),
    ],
)
def test_words_and_placeholders(spark: SparkSession, asked: str, answer: str, media: int, words: int, placed: bool):
    turns = [("user", asked), ("assistant", answer)]
    schema = "conversation array<struct<role string, text string>>, media array<string>"
    row = spark.createDataFrame([(turns, ["m"] * media)], schema).selectExpr(WORDS, PLACED, PICTURED).first()
    assert row is not None
    assert tuple(row) == (words, placed, placed and "<video>" not in asked)


def test_letters_that_stand_without_blanks_are_counted(spark: SparkSession):
    turns = [("user", "two words"), ("assistant", "\u4f60\u597d, \u30a2\u3042 Seoul \uc11c\uc6b8\uc2dc")]
    schema = "conversation array<struct<role string, text string>>"
    row = spark.createDataFrame([(turns,)], schema).selectExpr(LENGTH, WORDS, f"{OCTETS} >= 2 * {LENGTH}").first()
    assert row is not None
    assert tuple(row) == (9, 6, True)


def test_what_nobody_looked_for_is_no_zero(clean: Frames):
    config = config_of("gate.max_contaminated=0.5", "gate.max_near_duplicates=0.5")

    def failing(looked_for: str) -> Mapping[tuple[str, str], Outcome]:
        told = f.expr(f"""replace(facts, '{{"near": true}}', '{looked_for}')""")
        frames = {**clean, "runs": clean["runs"].withColumn("facts", told)}
        return failed(judge_subject(subject_of_rows(frames, config, RELEASED)))

    found = failing('{"near": false}')
    assert set(found) == {("twins", "contaminated"), ("twins", "near_duplicates")}
    assert all("nobody looked" in outcome.examples[0] for outcome in found.values())
    mark = clean["samples"].selectExpr(SAMPLES_MARK).collect()[0][0]
    assert failing(f'{{"near": true, "benchmarks": ["held_out"], "samples_mark": {mark}}}') == {}
    others = failing(f'{{"near": true, "benchmarks": ["held_out"], "samples_mark": {mark + 1}}}')
    assert [(key, outcome.examples) for key, outcome in others.items()] == [
        (("twins", "samples_unchanged"), ("as many samples, but others",))
    ]


def test_numbers_outside_their_bands_and_a_column_of_nulls(clean: Frames):
    blank = f.lit(None).cast("string")
    frames = {
        **clean, "samples": clean["samples"].withColumn("language", blank),
        "instruct": clean["instruct"].withColumn("language", blank),
        "twins": clean["twins"].withColumn("kind", f.expr("IF(n % 40 = 3, 'benchmark_text', kind)")),
        "rewritten": clean["rewritten"].withColumn("parse_status", f.lit("truncated")),
    }  # fmt: skip
    unread = Intake([], {"rewritten": {"accepted": 70, "below_threshold": 10, "unparsed": 20, "parse_empty": 5}})
    config = config_of(*TIGHT)
    found = failed(judge_subject(subject_of_rows(frames, config, RELEASED + 1, unread)))
    assert set(found) == BANDS
    said = found["judged", "drop_rate"]
    assert (said.observed, said.allowed) == (
        "0.3", "0 to 0.1 (share of judged pairs dropped); set by gate.min_drop_rate and gate.max_drop_rate"
    )  # fmt: skip
    assert said.next_step == (
        "look at view drop_rates; where nothing was counted, run `mammoth-vl judge` first, or change "
        "gate.min_drop_rate and gate.max_drop_rate"
    )
    lenient = judge_subject(subject_of_rows(frames, config_of(*TIGHT, *LENIENT), RELEASED + 1, unread))
    assert failed(lenient)["judged", "drop_rate"].allowed.startswith("0.4 to 0.95 (share of judged pairs dropped)")
    every = {
        (name, rule.name) for name, suite in suites(config.gate, Expected(1, 1, True)).items() for rule in suite.rules
    }
    assert every == PLANTED | BANDS | {("samples", "rows"), ("runs", "rows")}


def test_a_rewrite_below_the_threshold_is_in_no_release(clean: Frames):
    low = f.when(f.col("n") == 71, f.col("quality").withField("p_yes", f.lit(0.3))).otherwise(f.col("quality"))
    frames = {**clean, "instruct": clean["instruct"].withColumn("quality", low)}
    for threshold, wanted in (
        ("{value: 0.5}", True),
        ("{value: 0.3}", False),
        ("{kind: top_share, value: 0.5}", False),
    ):
        asked = subject_of_rows(frames, config_of(f"publishing.threshold={threshold}"), RELEASED)
        assert (("instruct", "rewrites_are_judged") in failed(judge_subject(asked))) is wanted


def test_an_empty_table_does_not_pass(clean: Frames):
    others = set(clean) - {"instruct", "runs"}
    hollow = {name: frame.where("false") if name in others else frame for name, frame in clean.items()}
    found = failed(judge_subject(subject_of_rows(hollow, config_of(), RELEASED)))
    assert {table for table, _ in found} >= others - {"calls", "media_bytes"}
    assert {("instruct", "calls_known"), ("media", "decodes"), ("media", "parts_stored"), ("samples", "rows")} <= set(
        found
    )
    alone = failed(
        judge_subject(subject_of_rows({**clean, "instruct": clean["instruct"].where("false")}, config_of(), 0))
    )
    assert ("instruct", "min_rows") in alone


def test_what_passes_because_nothing_was_asked_says_so(clean: Frames):
    hollow = {**clean, "rewritten": clean["rewritten"].where("false")}
    seen = count_stages(subject_of_rows(hollow, config_of(), RELEASED, Intake([], {})))
    assert [seen[key] for key in (("judged", "verdicts_parsed"), ("judged", "drop_rate"))] == [
        Counted(1, ("nothing was judged",)),
        Counted(0, ("nothing was judged",)),
    ]
    assert seen["rewritten", "replies_parsed"] == Counted(1, ("nothing was rewritten",))


@pytest.mark.parametrize("value", [None, math.nan, -1.0, 1.0, math.inf])
def test_a_number_that_is_none_is_in_no_band(value: float | None):
    wanted = {"media": suites(config_of().gate, Expected(1, 1))["media"]}
    numbers = {("media", rule.name): Counted(0) for rule in wanted["media"].rules}
    assert failed(tuple(validate(wanted, numbers))) == {}
    assert set(failed(tuple(validate(wanted, numbers | {("media", "columns"): Counted(value)})))) == {
        ("media", "columns")
    }
    assert len(failed(tuple(validate(wanted, {})))) == len(numbers)


def test_what_raises_blocks(clean: Frames, monkeypatch: pytest.MonkeyPatch):
    def boom(*_: object) -> dict[tuple[str, str], Counted]:
        raise OSError("no space left on device")

    asked = subject_of_rows(clean, config_of(), RELEASED)
    found = failed(judge_subject(asked, {"rows": boom}))
    assert found["", "rows"].observed == "raised OSError: no space left on device"
    assert ("samples", "rows") in found
    assert not any(item.success for item in judge_subject(asked, {}))
    monkeypatch.setattr(verdicts, "validate", boom)
    assert list(failed(judge_subject(asked, {}))) == [("", "validation")]
    monkeypatch.setattr(verdicts, "validate", lambda *_: [])
    assert judge_subject(asked, {}) == ()


def test_a_verdict_that_cannot_be_stored_blocks(
    tables: Tables, configure: Configure, good_rows: DataFrame, monkeypatch: pytest.MonkeyPatch
):
    candidate = Candidate(STAGED, stage(tables, good_rows), 140, 1, "run")
    fine = Outcome("fine", True, "", "")
    monkeypatch.setattr(verdicts, "judge_subject", lambda _: (fine,))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for said, append in (("gives back", lambda *_: None), ("No space left", full)):
        with monkeypatch.context() as patch:
            patch.setattr(Tables, "append_rows", append)
            with pytest.raises(GateError, match=said):
                run_gate(tables, candidate, configure(), NOTHING)
    monkeypatch.setattr(verdicts, "judge_subject", lambda _: ())
    assert not run_gate(tables, candidate, configure(), NOTHING).success
    store = Path(tables.path("gates"))
    shutil.rmtree(store)
    store.write_text("a file where the table should be")
    with pytest.raises(GateError, match="could not be stored"):
        run_gate(tables, candidate, configure(), NOTHING)


def test_refusal_names_rule_value_band_and_next_step():
    outcomes = (
        Outcome("kept", True, "", ""), Outcome("a.broken", False, "2", "0", ("a: 1", "b: 2"), next_step="mend it")
    )  # fmt: skip
    with pytest.raises(GateError) as caught:
        refuse(Verdict("gate", False, outcomes))
    assert "a.broken: saw 2; allowed 0\n      e.g. a: 1\n      e.g. b: 2\n      next: mend it" in str(caught.value)
    assert "kept" not in str(caught.value)
    refuse(Verdict("good", True, outcomes[:1]))
    assert caught.value.exit_code == 3


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_defects_among_100_000_rows(spark: SparkSession, tmp_path: Path):
    frames = kept(spark, tmp_path, make_frames(spark, 100_000))
    assert failed(judge_subject(subject_of_rows(frames, config_of(), 90_000))) == {}
    found = failed(judge_subject(subject_of_rows(spoil(plant(frames, DEFECTS)), config_of(), 90_000)))
    assert set(found) == PLANTED
