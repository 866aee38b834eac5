"""Views over a few rows written by hand: every number worked out beside them, with runs that were repeated."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import Row, SparkSession

from jobs.views import packaged_views
from schemas.tables import TABLES

Seen = Callable[..., list[Row]]
Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def at(hour: int) -> datetime:
    return datetime(2026, 1, 1, hour, tzinfo=UTC)


def read(source: str, run: str, hour: int) -> dict[str, Any]:
    return {"run_id": run, "stage": "normalise", "source_id": source, "started": at(hour), "ended": at(hour)}


def reject(source: str, run: str, reason: str, units: int = 1, stage: str = "normalise") -> dict[str, Any]:
    origin = {"file": "a.json", "position": 0, "units": units}
    return {"stage": stage, "run_id": run, "source_id": source, "drop_reason": reason, "detail": "d", "origin": origin}


def call(key: str, run: str = "r1", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any column
    base = {"call_key": key, "run_id": run, "purpose": "rewrite", "model": "m", "status": "ok", "replayed": False}
    tokens = {"prompt_tokens": 100, "cached_tokens": 40, "completion_tokens": 10, "latency_s": 2.0, "at": at(1)}
    return {**base, **tokens, **more}


def turns(*texts: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[number % 2], "text": text} for number, text in enumerate(texts)]


@pytest.fixture
def seen(spark: SparkSession) -> Seen:
    """Rows of a view over tables that hold these rows and nothing else."""

    def ask(view: str, order: str, **rows: Sequence[Mapping[str, Any]]) -> list[Row]:
        session = spark.newSession()
        views = packaged_views()
        for name in (
            name
            for name in TABLES
            if re.search(rf"\b{name}\b", "".join(views[one] for one in (view, "deciding_judge", "current_rejects")))
        ):
            schema = pa.schema([field.with_nullable(True) for field in TABLES[name].arrow])
            held = session.createDataFrame(pa.Table.from_pylist(list(rows.get(name, ())), schema))
            held.createOrReplaceTempView(name)
        for name in ("deciding_judge", "current_rejects"):
            if name in views[view]:
                session.sql(views[name]).createOrReplaceTempView(name)
        return session.sql(f"SELECT * FROM ({views[view]}) ORDER BY {order}").collect()

    return ask


def test_cost_counts_each_call_once(seen: Seen):
    calls = [
        call("a"), call("b", status="length", latency_s=4.0), call("c", replayed=True), call("d", status="timeout"),
        call("a", at=at(2)), call("a", "r2", replayed=True, at=at(2)), call("e", "r2", purpose="judge", model="n"),
        call("f", "r2", purpose="judge", model="n", status="engine", replayed=None),
        call("g", "r2", purpose="judge", model="n", replayed=None),
    ]  # fmt: skip
    assert [tuple(row)[:2] + tuple(row)[4:] for row in seen("cost", "run_id, purpose DESC", calls=calls)] == [
        ("r1", "rewrite", 2, 1, 1, 200, 80, 20, 3.0),
        ("r2", "rewrite", 0, 1, 0, 0, 0, 0, None),
        ("r2", "judge", 2, 0, 1, 200, 80, 20, 2.0),
    ]


def test_rejects_of_the_newest_reading_alone_are_counted(seen: Seen):
    runs = [read("charts", "r1", 1), read("charts", "r2", 2), read("forms", "r1", 1)]
    rejects = [
        reject("charts", "r1", "no_answer"), reject("charts", "r1", "missing_media"),
        reject("charts", "r2", "no_answer", 3), reject("charts", "r2", "no_answer"),
        reject("forms", "r1", "duplicate"), reject("forms", "r9", "near_duplicate", stage="dedup"),
        reject("lost", "r0", "no_answer"),
    ]  # fmt: skip
    origin = {"file": "a.json", "position": 1, "units": 2}
    samples = [{"sample_id": name, "source_id": "charts", "origin": origin} for name in ("s", "t", "u")]
    twins = [
        {"sample_id": name, "kind": kind, "dropped": dropped, "twin": "twin"}
        for name, kind, dropped in (
            ("s", "near", True), ("s", "benchmark_text", True), ("t", "near", False), ("u", "exact", True),
            ("gone", "near", True),
        )
    ]  # fmt: skip
    counted = seen(
        "reject_counts", "source_id, stage, drop_reason", runs=runs, rejects=rejects, samples=samples, twins=twins
    )
    assert [tuple(row) for row in counted] == [
        ("charts", "dedup", "contaminated", 1, 2, "overlaps with an entry of a benchmark"),
        ("charts", "dedup", "duplicate", 1, 2, "same content as a sample of another source"),
        ("charts", "normalise", "no_answer", 2, 4, "d"),
        ("forms", "normalise", "duplicate", 1, 1, "d"),
        ("lost", "normalise", "no_answer", 1, 1, "d"),
    ]


def test_each_rule_of_each_verdict_is_a_row(seen: Seen):
    said = {"success": False, "observed": "0.8", "allowed": "0 to 0.7", "examples": ["a"], "value": 0.8, "low": 0.0}
    held = {"name": "samples.rows", "success": True, "table": "samples", "value": 9.0}
    broken = {"name": "judged.drop_rate", "table": "judged", "high": 0.7, "setting": "s", "next_step": "look", **said}
    gates = [{"gate_id": "g", "run_id": "r", "at": at(1), "success": False, "expectations": [held, broken]}]
    first, second = seen("gate_results", "rule DESC", gates=gates)
    assert (first["rule"], first["held"], first["gate_passed"], first["value"]) == ("samples.rows", True, False, 9.0)
    assert second.asDict() == {
        "gate_id": "g", "run_id": "r", "at": at(1).replace(tzinfo=None), "gate_passed": False, "table": "judged",
        "rule": "judged.drop_rate", "held": False, "value": 0.8, "low": 0.0, "high": 0.7, "observed": "0.8",
        "allowed": "0 to 0.7", "setting": "s", "examples": ["a"], "next_step": "look",
    }  # fmt: skip
    assert seen("gate_results", "rule", gates=[{**gates[0], "expectations": []}]) == []


RELEASED: dict[str, Any] = {
    "id": "pair", "release_id": 3, "conversation": turns("q", "a", "q2", "a2"), "media": ["x", "y"],
    "modality": "multi_image", "category": "Chart", "source_id": "charts", "group": "B", "kind": "rewritten",
    "split": "ov", "language": "en", "licence": {"spdx": "MIT", "commercial": "yes", "redistribution": "no"},
    "quality": {"p_yes": 0.9, "content": 4.5, "relevance": None},
    "lineage": {"sample_id": "s", "call_key": "k", "model": "m", "prompt_version": "p",
                "origin": {"file": "a.json", "position": 7, "record_hash": "h", "original_id": "o"}},
}  # fmt: skip


def test_a_released_row_lies_flat(seen: Seen):
    (row,) = seen("release_rows", "id", instruct=[RELEASED])
    assert tuple(row) == (
        "pair", 3, "charts", "Chart", "B", "rewritten", "ov", "multi_image", "en", "q", "a2", 2.0, 2, 0.9, 4.5, None,
        "MIT", "yes", "no", "s", "k", "p", "m", "a.json", 7, "o",
    )  # fmt: skip


def test_lineage_holds_one_row_a_published_row_however_often_its_call_was_stored(seen: Seen):
    calls = [call("k", "r1", reply="first", at=at(1)), call("k", "r2", reply="again", at=at(2), replayed=True),
             call("k", "r0", status="timeout", at=at(0)), call("j", reply="Yes", label_probs={"Yes": 0.9})]  # fmt: skip
    verdict = {"subject_id": "pair", "judge": "main", "p_yes": 0.9, "verdict": "yes", "subject_kind": "rewritten"}
    judged = [{**verdict, "judge_id": "j1", "call_key": "j"}, {**verdict, "judge_id": "j2", "call_key": "gone"},
              {**verdict, "judge_id": "j3", "verdict": None}]  # fmt: skip
    original = {**RELEASED, "id": "s", "kind": "original", "lineage": {"sample_id": "s", "origin": {"file": "a.json"}}}
    rows: Rows = {
        "instruct": [RELEASED, original], "calls": calls, "judged": judged,
        "samples": [{"sample_id": "s", "content_id": "c", "conversation": turns("old q", "old a")}],
        "prompts": [{"prompt_version": "p", "name": "rewrite", "text": "Do."}],
        "releases": [{"release_id": 3, "gate_id": "g", "run_id": "r3"}], "gates": [{"gate_id": "g", "success": True}],
    }  # fmt: skip
    rewritten, kept = seen("lineage", "kind DESC", **rows)
    assert (rewritten["reply"], rewritten["answered_at"], rewritten["content_id"]) == (
        "first", at(1).replace(tzinfo=None), "c",
    )  # fmt: skip
    assert [turn["text"] for turn in rewritten["before"]] == ["old q", "old a"]
    assert [turn["text"] for turn in rewritten["after"]] == ["q", "a", "q2", "a2"]
    assert [(told["judge_id"], told["reply"]) for told in rewritten["verdicts"]] == [("j1", "Yes"), ("j2", None)]
    assert (rewritten["gate_id"], rewritten["gate_passed"], rewritten["published_by"]) == ("g", True, "r3")
    assert (kept["id"], kept["reply"], kept["verdicts"], kept["position"]) == ("s", None, None, None)


def test_a_source_of_which_nothing_was_kept_is_no_gap(seen: Seen):
    runs = [read("charts", "r1", 1), read("empty", "r1", 1)]
    rewritten = [{"source_id": "charts", "parse_status": status} for status in ("ok", "ok", "truncated")]
    rows: Rows = {
        "runs": runs, "rewritten": rewritten,
        "rejects": [reject("empty", "r1", "no_answer"), reject("empty", "r1", "duplicate")],
        "samples": [{"sample_id": f"s{n}", "source_id": "charts", "category": "Chart", "group": "B"} for n in range(3)],
        "twins": [{"sample_id": "s2", "kind": kind, "dropped": True, "twin": "x"} for kind in ("near", "exact")],
        "instruct": [RELEASED],
        "judged": [
            {"source_id": "charts", "subject_kind": kind, "judge_id": judge, "p_yes": p_yes, "content_score": content,
             "relevance_score": 5.0, "subject_id": f"{kind} {content}"}
            for kind, judge, p_yes, content in (
                ("rewritten", "j1", 0.25, 2.0), ("rewritten", "j1", 0.5, 3.0), ("rewritten", "j2", 1.0, 1.0),
                ("original", "j1", 0.0, 1.0),
            )
        ],
        "releases": [{"release_id": 1, "judge_id": "j1"}],
    }  # fmt: skip
    assert [tuple(row) for row in seen("source_quality", "source_id", **rows)] == [
        ("charts", "Chart", "B", 2, 0, 1, 2, 0.375, 2.5, 5.0, 1, 1),
        ("empty", None, None, 0, 1, 1, 0, None, None, None, 0, 0),
    ]


def test_the_judge_of_a_release_counts_while_its_verdicts_are_there(seen: Seen):
    releases = [{"release_id": 1, "judge_id": "j0"}, {"release_id": 2, "judge_id": "j1"}]
    old, new = ({"subject_id": "p", "judge_id": name, "verdict": "yes"} for name in ("j1", "j2"))
    judging = {"run_id": "r", "stage": "judge", "ended": at(3), "facts": '{"judge_id": "j2"}'}
    assert seen("deciding_judge", "1", releases=releases, judged=[old, new], runs=[judging]) == [("j1",)]
    assert seen("deciding_judge", "1", releases=releases, judged=[new], runs=[judging]) == [("j2",)]
    assert seen("deciding_judge", "1", releases=releases, judged=[new]) == [("j2",)]
    assert seen("deciding_judge", "1") == []


def test_a_pair_stands_beside_what_it_was_made_from(seen: Seen):
    rows: Rows = {
        "samples": [{"sample_id": "s", "category": "Chart", "conversation": turns("old q", "old a", "q2", "a2")}],
        "rewritten": [
            {"pair_id": name, "sample_id": "s", "instruction": "new q", "response": "new a", "parse_status": status}
            for name, status in (("p", "ok"), ("broken", "truncated"))
        ],
        "judged": [
            {"subject_id": "p", "subject_kind": "rewritten", "judge_id": judge, "verdict": verdict, "p_yes": p_yes}
            for judge, verdict, p_yes in (("j1", "yes", 0.9), ("j2", "no", 0.1))
        ],
        "releases": [{"release_id": 1, "judge_id": "j1"}],
    }  # fmt: skip
    (row,) = seen("before_after", "1", **rows)
    said = (row["question_before"], row["answer_before"], row["question_after"], row["answer_after"])
    assert said == ("old q", "old a", "new q", "new a")
    assert (row["pair_id"], row["category"], row["verdict"], row["p_yes"]) == ("p", "Chart", "yes", 0.9)
