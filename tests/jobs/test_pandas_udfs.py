"""The pandas UDFs on the stub engine: what limits calls, what a row says, and which pictures a request carries."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from release_rows import PICTURES, VIDEO, settings

from jobs.engines import load_engines
from jobs.queries import Functions, register
from jobs.session import jvm_pid
from jobs.tables import Tables
from schemas.enums import Category, Purpose
from udfs.engine.control import release_hosts
from udfs.engine.processes import owner_of
from udfs.ids import content_id
from udfs.prompts import load_prompts
from udfs.render.keys import RENDER_VERSION, CallFields, call_key, sampling_json
from udfs.sample import Evidence, Role, Turn

ROWS = 4000
JUDGE = "vl_judge(instruction, response, media, evidence)"


@dataclass(frozen=True)
class Asked:
    """Registered functions, and what the stub counted since."""

    functions: Functions
    counts: Path

    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.counts.read_text().splitlines()] if self.counts.exists() else []


Register = Callable[..., Asked]


@pytest.fixture(scope="module")
def hosts(spark: SparkSession) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mv"))  # short, as sockets need it
    yield folder
    release_hosts(str(folder), owner_of(jvm_pid(spark)))
    shutil.rmtree(folder)


@pytest.fixture
def asked(spark: SparkSession, filled: Path, hosts: Path, tmp_path: Path) -> Register:
    """Functions on a fresh stub, whose host has its own folder and so an empty log."""
    folder = Path(tempfile.mkdtemp(dir=hosts))

    def make(*more: str, script: dict[str, Any] | None = None, root: Path = filled) -> Asked:
        stub = {"counts": str(tmp_path / "counts"), **(script or {})}
        own = ("engine.kind=stub", f"engine.stub={json.dumps(stub)}", f"storage.host_dir={folder}")
        config = settings(root, *own, *more)
        engines = load_engines(config, None, str(root))
        return Asked(register(Tables(spark, config.storage), engines), tmp_path / "counts")

    return make


@pytest.fixture(scope="module")
def questions(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """4,000 rows in a file, as filters on a range would be folded away."""
    path = str(tmp_path_factory.mktemp("questions") / "rows")
    rows = spark.range(ROWS).select(
        "id",
        f.concat(f.lit("question "), "id").alias("instruction"),
        f.concat(f.lit("answer "), "id").alias("response"),
        f.array().cast("array<string>").alias("media"),
        f.concat(f.lit("fact "), "id").alias("evidence"),
        f.lit("General").alias("category"),
    )
    rows.coalesce(2).write.parquet(path)
    spark.read.parquet(path).createOrReplaceTempView("questions")
    return spark.table("questions")


QUERIES = {
    "where": f"SELECT id, {JUDGE} AS v FROM questions WHERE id < 10",
    "where above": f"SELECT * FROM (SELECT id, {JUDGE} AS v FROM questions) WHERE id < 10",
    "limit": f"SELECT id, {JUDGE} AS v FROM questions LIMIT 10",
    "limit above": f"SELECT * FROM (SELECT id, {JUDGE} AS v FROM questions) LIMIT 10",
    "cte": f"WITH rows AS (SELECT id, {JUDGE} AS v FROM questions) SELECT * FROM rows WHERE id BETWEEN 20 AND 29",
    "two uses": f"SELECT id, {JUDGE} AS v, {JUDGE}.p_yes AS p FROM questions WHERE id < 10",
    "filter on the answer": f"SELECT * FROM (SELECT id, {JUDGE} AS v FROM questions) WHERE v.p_yes >= 0 AND id < 10",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_queries_send_as_many_calls_as_they_show_rows(
    spark: SparkSession, questions: DataFrame, asked: Register, query: str
):
    functions = asked()
    rows = spark.sql(query).collect()
    assert len(rows) == len({row["id"] for row in rows}) == 10
    assert {row["v"]["status"] for row in rows} == {"ok"}
    assert len(functions.calls()) == 10


def test_a_view_sends_calls_for_the_rows_that_are_taken(spark: SparkSession, questions: DataFrame, asked: Register):
    functions = asked()
    spark.sql(f"CREATE OR REPLACE TEMP VIEW verdicts AS SELECT id, {JUDGE} AS v FROM questions")
    assert functions.calls() == []
    assert spark.table("verdicts").where("id < 10").count() == 10  # nothing is asked for a count
    assert functions.calls() == []
    assert len(spark.sql("SELECT v.p_yes FROM verdicts WHERE id < 10").collect()) == 10
    assert len(functions.calls()) == 10
    spark.sql("SELECT v.p_yes FROM verdicts WHERE id < 12").collect()  # ten of them are in the log
    assert len(functions.calls()) == 12


def test_rows_keep_their_order_across_batches_and_errors(spark: SparkSession, questions: DataFrame, asked: Register):
    functions = asked("engine.max_num_seqs=4", script={"latency_s": 0.005, "faults": {"invalid": 0.2}}).functions
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "7")
    try:
        rewrite = functions.vl_rewrite("category", "instruction", "response", "media", "evidence")
        rows = questions.where("id < 100").select("id", "instruction", rewrite.alias("r")).collect()
    finally:
        spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "256")
    assert len(rows) == 100
    assert {row["r"]["status"] for row in rows} == {"ok", "invalid"}
    for row in rows:
        good = row["r"]["status"] == "ok"
        assert row["r"]["instruction"] == (row["instruction"] if good else None)
        assert bool(row["r"]["response"]) is good
        assert bool(row["r"]["error"]) is not good
        assert row["r"]["call_key"] == rewrite_key(row["id"])


def rewrite_key(n: int) -> str:
    """What the stage would compute for a sample that says the same."""
    prompt = load_prompts()["rationale"]
    turns = (Turn(Role.USER, f"question {n}"), Turn(Role.ASSISTANT, f"answer {n}"))
    subject = content_id((), turns, Evidence("context", f"fact {n}"), None)
    sampling = settings(Path("x")).rewriting.sampling
    return call_key(
        CallFields(
            Purpose.REWRITE,
            subject,
            prompt.version,
            RENDER_VERSION,
            "text",
            "smollm2-135m",
            "stub",
            sampling_json(sampling, ()),
        )
    )


def test_other_evidence_is_another_call(spark: SparkSession, asked: Register):
    functions = asked()
    row = spark.sql(
        "SELECT vl_judge('q', 'a', NULL, 'one') AS one, vl_judge('q', 'a', array(), 'two') AS two, "
        "vl_judge('q', 'a', NULL, NULL) AS none"
    ).first()
    assert row is not None
    assert len({row[name]["call_key"] for name in ("one", "two", "none")}) == len(functions.calls()) == 3


def test_null_arguments_cost_nothing(spark: SparkSession, asked: Register):
    functions = asked()
    rows = spark.createDataFrame(
        [(None, "a", "General"), ("q", None, "General"), ("q", "a", None), ("q", "a", "Nonsense")],
        "instruction string, response string, category string",
    )
    nothing = f.lit(None).cast("array<string>"), f.lit(None).cast("string")
    found = rows.select(
        functions.functions.vl_rewrite("category", "instruction", "response", *nothing).alias("r"),
    ).collect()
    assert [row["r"]["status"] for row in found] == ["invalid"] * 4
    assert all(row["r"]["call_key"] is None and row["r"]["response"] is None for row in found)
    told = [row["r"]["error"] for row in found]
    assert "instruction is NULL" in told[0]
    assert "response is NULL" in told[1]
    assert "category None" in told[2]
    assert "'Nonsense'" in told[3]
    assert Category.GENERAL.value in told[3]
    assert functions.calls() == []


def test_past_the_cap_rows_say_budget_and_known_keys_go_on(spark: SparkSession, questions: DataFrame, asked: Register):
    functions = asked("sql.max_calls=5")
    first = questions.where("id < 8").select(
        functions.functions.vl_judge("instruction", "response", "media", "evidence").alias("v")
    )
    rows = first.collect()
    assert sorted(row["v"]["status"] for row in rows) == ["budget"] * 3 + ["ok"] * 5
    assert all("sql.max_calls" in row["v"]["error"] for row in rows if row["v"]["status"] == "budget")
    again = first.collect()
    assert [row["v"]["status"] for row in again] == [row["v"]["status"] for row in rows]
    assert len(functions.calls()) == 5


def test_an_unreadable_verdict_is_unparsed(spark: SparkSession, questions: DataFrame, asked: Register):
    asked("judging.min_label_mass=0.95")  # the stub gives 0.9
    row = spark.sql(f"SELECT {JUDGE} AS v FROM questions WHERE id = 1").first()
    assert row is not None
    assert (row["v"]["status"], row["v"]["p_yes"]) == ("unparsed", None)
    assert row["v"]["label_mass"] == pytest.approx(0.9)


def test_pictures_are_read_by_the_workers(spark: SparkSession, filled: Path, asked: Register, tmp_path: Path):
    root = tmp_path / "a root with 100% blanks"
    shutil.copytree(filled, root)
    functions = asked("engine.vision=true", root=root)
    stored = Tables(spark, settings(root).storage).read("media_bytes").orderBy("part").collect()
    known = {name: [row["sha256"] for row in stored if row["media_id"] == name] for name in (*PICTURES, VIDEO)}
    sets = [[PICTURES[1]], [PICTURES[2], PICTURES[0]], [VIDEO], [PICTURES[2], PICTURES[2]], [], ["0" * 64]]
    rows = spark.createDataFrame([(n, media) for n, media in enumerate(sets)], "n int, media array<string>")
    judge = functions.functions.vl_judge(f.concat(f.lit("q "), "n"), f.lit("a"), "media", f.lit(None).cast("string"))
    found = [row["v"] for row in rows.coalesce(1).select(judge.alias("v")).orderBy("n").collect()]
    assert [one["status"] for one in found] == ["ok"] * 5 + ["invalid"]
    assert "0" * 64 in found[-1]["error"]
    sent = {call["key"]: call["pictures"] for call in functions.calls()}
    wanted = [[part for name in media for part in known[name]] for media in sets[:-1]]
    assert [sent[one["call_key"]] for one in found[:-1]] == wanted


def test_without_rows_no_engine_starts(questions: DataFrame, asked: Register):
    functions = asked(script={"fail_start": "must not be started"})
    judge = functions.functions.vl_judge("instruction", "response", "media", "evidence")
    assert questions.where("id < 0").select(judge.alias("v")).collect() == []


DOCS = Path(__file__).resolve().parents[2] / "docs" / "udfs.md"
SETTINGS = '"storage.root=.demo", "engine.path=.demo/models/smollm2-135m"'


def test_the_documented_example_runs(spark: SparkSession, filled: Path, hosts: Path, tmp_path: Path):
    (example,) = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert SETTINGS in example
    stub = json.dumps({"counts": str(tmp_path / "counts")})
    folder = tempfile.mkdtemp(dir=hosts)
    own = [f"storage.root={filled}", "engine.kind=stub", f"engine.stub={stub}", f"storage.host_dir={folder}"]
    exec(example.replace(SETTINGS, ", ".join(map(repr, own))), {})
    lines = (tmp_path / "counts").read_text().splitlines()
    assert len(lines) == 5 + 2
