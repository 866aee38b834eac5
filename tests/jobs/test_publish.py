"""Publishing: who gets in and in which proportion, and what readers see whatever goes wrong."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as f
from release_rows import FREE, Rows, digest, make_pair, make_verdict

from jobs.candidates import candidates, count, take, the_judge, verdicts
from jobs.mix import mix
from jobs.publish import publish
from jobs.release import commit, fingerprint, latest, read_release, repair, unfinished
from jobs.tables import Tables
from schemas.config import Config
from schemas.errors import ConfigError, GateError, PipelineError

Configure = Callable[..., Config]


def chosen(tables: Tables, config: Config) -> DataFrame:
    """What publishing would stage, without the gate."""
    pool = candidates(tables, config, the_judge(tables, config, None))
    quotas = mix(count(pool).strata, config.publishing, config.rewriting.groups).quotas
    return take(pool, quotas, config.publishing.si_share)


def ids(rows: DataFrame) -> set[str]:
    return {row["id"] for row in rows.select("id").collect()}


def turns(asked: str, answer: str) -> Rows:
    return [{"role": "user", "text": asked}, {"role": "assistant", "text": answer}]


def facts(tables: Tables) -> dict[str, Any]:
    rows = tables.read("runs").where("stage = 'publish'").orderBy("ended").collect()
    return {**json.loads(rows[-1]["facts"]), "rows_in": rows[-1]["rows_in"], "rejected": rows[-1]["rejected"]}


def test_a_release_and_what_readers_see_of_it(tables: Tables, configure: Configure):
    first = publish(tables, configure(), "run 1")
    # 70 of 100 charts reach P(yes) 0.3: 70 rewrites to 30 originals; A and text pass; C and absent media do not.
    assert first.counts["kind"] == {"original": 70, "rewritten": 70}
    assert first.counts["source_id"] == {"albums": 6, "charts": 100, "clips": 4, "photos": 20, "words": 10}
    # About 90 of 100 charts and photos, by hash, and all text; the rest, albums and clips are OV.
    assert first.counts["split"] == {"ov": 17, "si": 123}
    told = facts(tables)
    assert told["candidates"]["rewritten"] == {"accepted": 70, "below_threshold": 30}
    assert told["candidates"]["original"] == {"accepted": 140, "group": 3, "absent_media": 2}
    assert told["left_out"] == {"ratio": 70}
    assert told["rows_in"] == 245
    assert told["rejected"] == 105
    row = read_release(tables).where("kind = 'rewritten'").orderBy("id").first()
    assert row is not None
    assert row["quality"]["p_yes"] >= 0.3
    assert row["lineage"].asDict(recursive=True) | {"origin": None} == {
        "sample_id": row["lineage"]["sample_id"], "pair_id": row["id"], "call_key": row["lineage"]["call_key"],
        "judge_id": "j1", "prompt_version": "p1", "model": "small", "revision": "r1", "origin": None,
    }  # fmt: skip

    again = publish(tables, configure(), "run 2")
    assert (again.release_id, again.is_new) == (1, False)

    with pytest.raises(GateError, match=r"instruct\.min_rows: saw 50; allowed 1000 or more; set by gate\.min_rows"):
        publish(tables, configure("publishing.total_rows=50", "gate.min_rows=1000"), "run 3")
    assert latest(tables)["release_id"] == 1
    assert tables.version("instruct") == first.table_version
    assert [row["success"] for row in tables.read("gates").orderBy("at").collect()] == [True, True, False]
    assert facts(tables)["failed"][0]["name"] == "instruct.min_rows"


def test_reasons_and_ties(tables: Tables, configure: Configure, samples: Rows):
    charts = [sample for sample in samples if sample["source_id"] == "charts"]
    failing = {
        "gold_preserved": False,
        "arithmetic_holds": None,
        "no_refusal": True,
        "no_template": True,
        "no_repetition": True,
    }
    pairs = [
        make_pair(charts[0], parse_status="refused", pair_id=digest("refused")),
        make_pair(charts[1], checks=failing, pair_id=digest("wrong")),
        make_pair(charts[2], pair_id=digest("unread")),
        make_pair(charts[3], pair_id=digest("unasked")),
        make_pair(charts[4] | {"sample_id": "lost"}, pair_id=digest("lost")),
        make_pair(charts[5], position=1),
        make_pair(charts[6], pair_id=digest("stray"), conversation=turns("which?", "<image>")),
        make_pair(charts[7], pair_id=digest("long"), conversation=turns("<image> go", "on " * 300)),
        make_pair(charts[8], pair_id=digest("cjk"), conversation=turns("<image> go", "\u597d" * 300)),
    ]  # fmt: skip
    told = [make_verdict(pair, None if n == 2 else 0.95) for n, pair in enumerate(pairs) if n not in (3, 5)]
    tables.append_rows("rewritten", pairs)
    tables.append_rows("judged", told)
    config = configure("publishing.require_checks=[gold_preserved]", "gate.max_tokens=200")
    intake = count(candidates(tables, config, "j1"))
    assert intake.reasons["rewritten"] == {
        "accepted": 70, "below_threshold": 30, "parse_refused": 1, "check_gold_preserved": 1, "unparsed": 1,
        "unjudged": 1, "no_sample": 1, "duplicate": 1, "placeholders": 1, "too_long": 2,
    }  # fmt: skip
    assert (intake.judged, intake.parsed, intake.accepted) == (105, 104, 70)
    assert intake.verdicts == {"Chart": {"judged": 105, "passed": 74, "unparsed": 1}}
    assert intake.drop_rate == pytest.approx(31 / 105)  # a check, a length or a stray placeholder is not the judge's


def test_licences_that_the_gate_refuses_are_left_out(tables: Tables, configure: Configure):
    every = count(candidates(tables, configure(), "j1")).reasons
    allowed, refused = (
        count(candidates(tables, configure(f"gate.licences=[{name}]"), "j1")).reasons
        for name in (FREE["spdx"], "CC-BY-NC-4.0")
    )
    assert allowed == every
    assert {kind: told["licence"] for kind, told in refused.items()} == {
        kind: told["accepted"] for kind, told in every.items()
    }


def test_the_upper_share_of_equal_verdicts_goes_by_id(tables: Tables, configure: Configure, samples: Rows):
    pairs = [make_pair(sample) for sample in samples if sample["source_id"] == "charts"]
    equal = [make_verdict(pair, 0.5 if n < 10 else None, judge="other") for n, pair in enumerate(pairs)]
    tables.append_rows("judged", equal)
    config = configure(
        "publishing.threshold={kind: top_share, value: 0.3}", "publishing.judge=other",
        "judging.judges=[{name: main, engine: main}, {name: other, engine: main}]",
    )  # fmt: skip
    passed = verdicts(tables, config, "j1").where("passes").collect()
    assert sorted(row["subject_id"] for row in passed) == sorted(row["subject_id"] for row in equal[:10])[:3]


def test_a_name_that_stands_for_two_judges_needs_a_choice(tables: Tables, configure: Configure, samples: Rows):
    pair = make_pair(samples[0])
    tables.append_rows("judged", [make_verdict(pair, 0.9, judge_id="j2")])
    with pytest.raises(ConfigError, match="j1, j2"):
        the_judge(tables, configure(), None)
    assert the_judge(tables, configure(), "j2") == "j2"
    with pytest.raises(ConfigError, match="no judge_id 'j3'"):
        the_judge(tables, configure(), "j3")


def test_a_larger_release_contains_the_smaller(tables: Tables, configure: Configure):
    few, more, all_of_them = (
        ids(chosen(tables, configure(*setting)))
        for setting in (["publishing.total_rows=40"], ["publishing.total_rows=41"], [])
    )
    assert few < more < all_of_them
    assert (len(few), len(more), len(all_of_them)) == (40, 41, 140)


@pytest.mark.slow
def test_a_crash_after_the_commit_loses_no_release(
    tables: Tables, configure: Configure, monkeypatch: pytest.MonkeyPatch
):
    """The driver dies between commit and manifest; the next publish names the release that readers already see."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("jobs.release._write_manifest", die)
        with pytest.raises(KeyboardInterrupt):
            publish(tables, configure(), "run 1")
    assert latest(tables) is None
    seen = fingerprint(tables.read("instruct"))
    assert unfinished(tables) is not None
    name = tables.sql_name("instruct")
    for n in range(21):  # what an administrator may do meanwhile
        tables.spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('touched' = '{n}')")
    assert repair(tables) == 1
    assert repair(tables) is None
    named = latest(tables)
    assert (named["rows"], named["content_hash"], named["run_id"]) == (seen.rows, seen.content_hash, "run 1")


def facts_of(rows: DataFrame, more: int = 0) -> dict[str, object]:
    whole = fingerprint(rows)
    return {
        "release_id": 1, "rows": whole.rows + more, "counts": "{}", "content_hash": whole.content_hash, "gate_id": "g",
        "run_id": "r", "config": "{}",
    }  # fmt: skip


@pytest.mark.parametrize("dies", [False, True], ids=["at once", "by the next publish"])
def test_what_was_written_wrongly_is_taken_back(
    tables: Tables, good_rows: DataFrame, monkeypatch: pytest.MonkeyPatch, dies: bool
):
    def die(*_: object) -> None:
        raise PipelineError("was restored: not so, the driver died")

    with monkeypatch.context() as patch:
        if dies:
            patch.setattr("jobs.release._restore", die)
        with pytest.raises(PipelineError, match="was restored"):
            commit(tables, good_rows, facts_of(good_rows, more=1))
    assert tables.read("instruct").isEmpty() is not dies
    assert repair(tables) is None, "what was taken back is no release"
    assert tables.read("instruct").isEmpty()
    assert latest(tables) is None


def test_a_release_goes_into_a_table_of_an_earlier_version(tables: Tables, good_rows: DataFrame):
    tables.ensure("instruct")
    older = tables.read("instruct").drop("language")
    older.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(tables.path("instruct"))
    assert commit(tables, good_rows, facts_of(good_rows))["release_id"] == 1
    assert fingerprint(read_release(tables)).content_hash == fingerprint(good_rows).content_hash


def test_the_hash_tells_one_check_from_another(good_rows: DataFrame):
    one = good_rows.where("kind = 'rewritten'").orderBy("id").limit(1)

    def hashed(gold: bool | None, refusal: bool | None) -> str:
        quality = f.col("quality").withField("checks.gold_preserved", f.lit(gold).cast("boolean"))
        quality = quality.withField("checks.no_refusal", f.lit(refusal).cast("boolean"))
        return fingerprint(one.withColumn("quality", quality)).content_hash

    assert hashed(True, None) != hashed(None, True)
    assert hashed(True, None) == hashed(True, None)
    si, ov = (fingerprint(one.withColumn("split", f.lit(split))).content_hash for split in ("si", "ov"))
    assert si != ov
