"""What is made of replies: rows with a status, several judges, and new rows without an engine."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from corpora import SHAPES, asked, counted, run_here, stub_config, stub_settings, write_json, write_pictures
from pyspark.sql import SparkSession

from jobs.rewrite import derive_rewritten
from jobs.run import Options, Outcome, Stage, open_run
from jobs.stages import StageCount
from jobs.tables import Tables
from schemas.config import Config, Profile, load_config
from udfs.prompts import Parser

RECORDS = 60


def write_corpus(folder: Path) -> None:
    """Questions about 20 pictures; every third one is asked twice, with another answer by the source."""
    write_pictures(folder, range(20))
    once = [asked([f"p{n % 20}.png"], n) for n in range(RECORDS * 3 // 4)]
    twice = [asked([f"p{n % 20}.png"], n, "five") for n in range(RECORDS // 4)]
    write_json(folder / "a.json", once + twice)


def two_engines(root: Path, hosts: Path) -> Config:
    """One engine that rewrites, at times badly, and judges; one that only judges, and doubts everything."""
    settings = stub_settings(root, hosts, {"faults": {"unparsable": 0.2, "length": 0.2}})
    laptop = stub_config(root, hosts).model_dump(mode="json")["engines"][0]
    main = {**laptop, "stub": {}}
    other = {**laptop, "name": "other", "model": "doubter", "roles": ["judge"], "stub": {"p_yes": 0.2}}
    judges = [{"name": "main", "engine": "main"}, {"name": "doubter", "engine": "other"}]
    file = root / "own.yaml"
    file.write_text(yaml.safe_dump({"engines": [main, other], "judging": {"judges": judges, "score_share": 0.5}}))
    return load_config(Profile.LAPTOP, file, settings)


@dataclass(frozen=True)
class Judged:
    """A finished run."""

    config: Config
    tables: Tables
    outcome: Outcome
    hosts: Path

    @property
    def rewriting(self) -> StageCount:
        return self.outcome.stages[0]


@pytest.fixture(scope="module")
def judged(spark: SparkSession, module_hosts: Path, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    root = tmp_path_factory.mktemp("judged")
    write_corpus(root / "sources" / "shapes")
    config = two_engines(root, module_hosts)
    outcome, tables = run_here(config, [SHAPES], [Stage.NORMALISE, Stage.REWRITE, Stage.JUDGE])
    return Judged(config, tables, outcome, module_hosts)


def rewritten(tables: Tables) -> list[tuple[str, str, int]]:
    rows = tables.read("rewritten").select("pair_id", "parse_status", "position").collect()
    return sorted((row[0], row[1], row[2]) for row in rows)


def test_replies_that_give_no_pair_are_rows_with_a_status(judged: Judged):
    calls = judged.tables.read("calls").where("purpose = 'rewrite'").collect()
    nothing = {
        "truncated": sum(call["status"] == "length" for call in calls),
        "unparsed": sum(call["status"] == "ok" and call["reply"].startswith("???") for call in calls),
    }
    assert len(calls) == RECORDS
    assert all(nothing.values())
    rows = judged.tables.read("rewritten").where("position < 0").groupBy("parse_status").count().collect()
    assert {row[0]: row[1] for row in rows} == nothing
    rejects = dict(judged.rewriting.rejects)
    assert {status: rejects[status] for status in nothing} == nothing


def test_replies_add_up_and_a_pair_that_two_replies_hold_is_a_duplicate(judged: Judged):
    count = judged.rewriting
    assert count.rejects["duplicate"] > 0
    assert count.rows_in == RECORDS == count.rows_out + sum(count.rejects.values())
    pairs = judged.tables.read("rewritten").where("position >= 0")
    assert count.rows_out == pairs.count() == pairs.select("pair_id").distinct().count()


def test_judges_stand_side_by_side(judged: Judged):
    pairs = {row[0] for row in judged.tables.read("rewritten").where("position >= 0").select("pair_id").collect()}
    rows = judged.tables.read("judged").where("verdict IS NOT NULL").collect()
    by_judge = {name: {row["subject_id"]: row for row in rows if row["judge"] == name} for name in ("main", "doubter")}
    assert by_judge["main"].keys() == by_judge["doubter"].keys() == pairs
    assert len({row["judge_id"] for row in rows}) == 2
    assert {row["verdict"] for row in by_judge["main"].values()} == {"yes", "no"}
    assert {row["verdict"] for row in by_judge["doubter"].values()} == {"no"}
    assert {round(row["p_yes"], 3) for row in by_judge["doubter"].values()} == {0.2}
    assert all((row["p_yes"] >= 0.5) == (row["verdict"] == "yes") for row in rows)


def test_scores_of_pairs_and_originals_are_given_by_the_deciding_judge(judged: Judged):
    rows = judged.tables.read("judged").where("content_score IS NOT NULL").collect()
    assert {row["judge"] for row in rows} == {"main"}
    assert {row["subject_kind"] for row in rows} == {"original", "rewritten"}
    assert all(1 <= row["content_score"] <= 5 and 1 <= row["relevance_score"] <= 5 for row in rows)
    assert all(int(row["subject_id"][:8], 16) < 2**31 for row in rows)  # half of all subjects, by hash
    keys = judged.tables.read("judged").groupBy("subject_id", "judge_id").count().where("count > 1")
    assert keys.count() == 0


def test_without_enough_label_mass_a_verdict_is_unparsed_and_never_a_no(judged: Judged):
    strict = judged.config.model_copy(
        update={"judging": judged.config.judging.model_copy(update={"min_label_mass": 0.95})}
    )
    before = len(counted(judged.hosts))
    outcome, tables = run_here(strict, [], [Stage.JUDGE], engine=False)
    rows = tables.read("judged").where("verdict IS NOT NULL").collect()
    assert {(row["verdict"], row["p_yes"], round(row["label_mass"], 2)) for row in rows} == {("unparsed", None, 0.9)}
    assert outcome.stages[0].facts["verdicts"] == {"unparsed": len(rows)}
    assert len(counted(judged.hosts)) == before


def test_without_an_engine_what_nobody_answered_is_told(judged: Judged):
    sampling = judged.config.rewriting.sampling.model_copy(update={"max_tokens": 77})
    other = judged.config.model_copy(
        update={"rewriting": judged.config.rewriting.model_copy(update={"sampling": sampling})}
    )
    for config, answered in ((other, 0), (judged.config, RECORDS)):
        (count,) = run_here(config, [], [Stage.REWRITE], engine=False)[0].stages
        assert (count.wanted, count.calls_reused, count.unanswered) == (answered, answered, RECORDS - answered)


def test_another_parser_derives_other_rows_without_an_engine(judged: Judged):
    before, calls = rewritten(judged.tables), len(counted(judged.hosts))
    with open_run(Options(judged.config, {}, quiet=True)) as run:
        prompt = run.engines.prompt("rationale")
        pairs = prompt.model_copy(update={"parser": Parser.PAIRS, "keeps_question": False})
        run.engines.__dict__["by_version"] = {**run.engines.by_version, prompt.version: pairs}
        assert derive_rewritten(run) == RECORDS
    assert {position for _, _, position in rewritten(judged.tables)} == {-1}
    outcome, tables = run_here(judged.config, [], [Stage.REWRITE], engine=False)
    assert rewritten(tables) == before
    assert outcome.stages[0].rejects == judged.rewriting.rejects
    assert (outcome.stages[0].calls_new, len(counted(judged.hosts))) == (0, calls)
