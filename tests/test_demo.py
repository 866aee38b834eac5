"""The main job as a newcomer runs it: `mammoth-vl demo`, once, and everything that it promises."""

import json
import re
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import polars
import pytest
from deltalake import DeltaTable
from engines import Command, Demo

from jobs.demo import MAX_SAMPLES
from jobs.export.contract import check_export
from schemas.enums import Category, Verdict
from schemas.tables import TABLES
from udfs.engine.control import list_hosts
from udfs.engine.processes import carrying
from udfs.engine.state import states

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]
Rows = list[dict[str, Any]]


def rows(demo: Demo, table: str, *columns: str) -> Rows:
    return DeltaTable(demo.root / "tables" / table).to_pyarrow_table(columns=list(columns) or None).to_pylist()


@pytest.fixture(scope="module")
def again(demo: Demo) -> Command:
    """The same command once more, with JSON."""
    return demo.run("demo", "--json")


@pytest.fixture(scope="module")
def told(again: Command) -> dict[str, Any]:
    outcome: dict[str, Any] = json.loads(again.out)
    return outcome


def test_it_ends_well_in_a_folder_with_a_space(demo: Demo):
    assert " " in str(demo.root)
    assert demo.first.code == 0, demo.first.err[-3000:]
    assert "Traceback" not in demo.first.err


def test_every_planted_defect_is_found_and_nothing_else_is_rejected(demo: Demo):
    planted = json.loads((demo.root / "sources" / "corpus.json").read_text())["planted"]
    wanted = Counter[tuple[str, str]]()
    for entry in planted:
        wanted[entry["source_id"], entry["reason"]] += entry["count"]
    first = min(rows(demo, "runs", "started", "run_id"), key=lambda row: row["started"])["run_id"]
    found = [row for row in rows(demo, "rejects") if row["run_id"] == first]
    assert sum(wanted.values()) >= 20
    assert Counter((row["source_id"], row["drop_reason"]) for row in found) == wanted
    assert all(row["duplicate_of"] for row in found if row["drop_reason"] == "duplicate")


def test_the_corpus_is_broad(demo: Demo):
    samples = rows(demo, "samples", "source_id", "category", "modality")
    assert len({row["source_id"] for row in samples}) >= 12
    assert {row["category"] for row in samples} == {category.value for category in Category}
    assert {row["modality"] for row in samples} == {"image", "multi_image", "video", "text"}
    assert len(samples) >= 200


def test_no_record_vanished(demo: Demo):
    corpus = json.loads((demo.root / "sources" / "corpus.json").read_text())["records"]
    runs = [row for row in rows(demo, "runs") if row["stage"] == "normalise"]
    samples = Counter(row["source_id"] for row in rows(demo, "samples", "source_id"))
    assert {row["source_id"]: row["records"] for row in runs} == corpus
    assert all(row["records"] == row["rows_out"] + row["rejected"] for row in runs)
    assert {row["source_id"]: row["rows_out"] for row in runs} == samples


def test_every_call_is_answered(demo: Demo):
    calls = rows(demo, "calls", "call_key", "purpose", "status", "sample_id", "text_evidence", "pictures")
    asked = {row["call_key"] for row in rows(demo, "requests", "call_key")}
    assert asked <= {row["call_key"] for row in calls}
    assert {row["status"] for row in calls} <= {"ok", "length"}
    rewrites = [row for row in calls if row["purpose"] == "rewrite"]
    assert len({row["call_key"] for row in rewrites}) == MAX_SAMPLES
    assert any(row["text_evidence"] for row in rewrites)
    assert not any(row["pictures"] for row in calls)


def test_what_is_printed_about_judging_is_what_the_tables_say(demo: Demo):
    rewritten = rows(demo, "rewritten", "call_key", "position")
    good = {row["call_key"] for row in rewritten if row["position"] >= 0}
    judged = [row for row in rows(demo, "judged", "verdict") if row["verdict"]]
    parsed = [row for row in judged if row["verdict"] != Verdict.UNPARSED]
    accepted = [row for row in rows(demo, "instruct", "kind") if row["kind"] == "rewritten"]
    out = demo.first.out
    assert len(good) > MAX_SAMPLES // 4
    assert f"{len(good)} of {len({row['call_key'] for row in rewritten})}" in line(out, "rewrite replies that parsed")
    assert f"{len(parsed)} of {len(judged)}" in line(out, "verdicts that parsed")
    assert f"{len(accepted)} of {len(judged)} judged" in line(out, "rewrites in the release")
    assert "the upper 80% by P(yes)" in line(out, "threshold")
    assert 0 < len(accepted) < len(judged) or len(judged) < 5
    right, wrong = (float(number(line(out, f"P(yes) on planted {kind} answers"))) for kind in ("right", "wrong"))
    assert 0 < right < 1
    assert 0 < wrong < 1
    assert ("does not tell right answers from wrong ones" in out) is (right - wrong < 0.1)
    assert "do not train on this release" in out


def line(out: str, beginning: str) -> str:
    return next(found for found in out.splitlines() if found.strip().startswith(beginning))


def number(text: str) -> str:
    found = re.search(r"\d\.\d{3}", text)
    assert found, text
    return found.group()


def test_before_and_after_are_printed(demo: Demo):
    pairs = sorted((row for row in rows(demo, "instruct") if row["kind"] == "rewritten"), key=lambda row: row["id"])
    shown = " ".join(demo.first.out.split())
    assert len(pairs) >= 2
    for pair in pairs[:2]:
        assert pair["source_id"] in shown
        assert pair["conversation"][1]["text"].split()[0] in shown
    assert shown.count("before after") == 2


def test_stages_and_progress_are_printed(demo: Demo):
    for stage in ("normalise", "rewrite", "judge", "publish", "export", "report"):
        assert stage in demo.first.out
    assert re.search(r"rewrite: \d+/\d+ .*\d+ s", demo.first.err)
    assert "tokens: in" in demo.first.out


def test_the_gate_passed_and_the_release_is_whole(demo: Demo):
    (release,) = rows(demo, "releases")
    verdict = next(row for row in rows(demo, "gates") if row["gate_id"] == release["gate_id"])
    assert verdict["success"]
    assert len(verdict["expectations"]) > 10
    assert all(entry["success"] for entry in verdict["expectations"])
    published = rows(demo, "instruct", "id", "release_id", "source_id")
    assert len(published) == release["rows"] == len({row["id"] for row in published})
    counts = json.loads(release["counts"])
    assert counts["source_id"] == Counter(row["source_id"] for row in published)
    assert f"release {release['release_id']}: {release['rows']:,} rows, published; the gate passed" in demo.first.out


def test_the_export_is_what_the_trainer_asks_for(demo: Demo, tmp_path: Path):
    folder = demo.root / "exports" / "1"
    assert check_export(str(folder)) == []
    manifest = json.loads((folder / "manifest.json").read_text())
    written = [json.loads((folder / array["name"]).read_text()) for array in manifest["arrays"]]
    published = len(rows(demo, "instruct", "id"))
    assert sum(map(len, written)) + sum(manifest["left_out"].values()) == published
    assert str(folder) in demo.first.out.replace("\n", "")
    shutil.copytree(folder, tmp_path / "broken")
    shutil.rmtree(tmp_path / "broken" / "single_image_data")
    assert check_export(str(tmp_path / "broken")) != []


def test_the_report_is_written_and_printed(demo: Demo):
    page = demo.root / "reports" / "release-1.html"
    assert f"report: {page}" in demo.first.out.replace("\n", "")
    assert "<h1>Release 1</h1>" in page.read_text()
    assert page.with_suffix(".md").is_file()


def test_no_engine_process_is_left(demo: Demo):
    assert demo.started
    deadline = time.monotonic() + 60  # a busy machine takes its time to end an engine that was told to stop
    while list_hosts(str(demo.hosts)) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert list_hosts(str(demo.hosts)) == []
    assert [pid for host in demo.started for pid in carrying(host.token)] == []


@pytest.mark.parametrize("table", TABLES)
def test_other_readers_see_the_same_rows(demo: Demo, table: str, tmp_path: Path):
    path = shutil.copytree(demo.root / "tables" / table, tmp_path / table)  # Polars 2.0 stumbles over spaces
    data = DeltaTable(path).to_pyarrow_dataset()
    by_duckdb = duckdb.from_arrow(data).count("*").fetchall()[0][0]
    by_polars = polars.scan_delta(str(path)).select(polars.len()).collect().item()
    assert by_duckdb == by_polars == len(data.to_table().to_pylist())
    assert (by_duckdb > 0) == (table != "twins")  # the corpus holds no copies across sources


def test_the_three_lines_run_as_pasted(demo: Demo, tmp_path: Path):
    _, _, rest = demo.first.out.partition("look further:\n")
    lines = [one.strip() for one in rest.split("\n\n")[0].splitlines()]
    assert len(lines) == 3
    for pasted in lines:
        done = subprocess.run(["bash", "-c", pasted], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr[-2000:]
        assert "rewritten" in done.stdout


def test_one_setting_leads_to_a_vision_model(demo: Demo):
    assert "mammoth-vl --set engine.model=" in demo.first.out


@pytest.mark.slow
def test_the_second_run_pays_nothing(demo: Demo, again: Command, told: dict[str, Any]):
    assert again.code == 0, again.err[-3000:]
    assert {stage["stage"]: stage["calls_new"] for stage in told["stages"]} == dict.fromkeys(
        ("dedup", "rewrite", "judge", "publish", "export", "report"), 0
    )
    assert next(stage["calls_reused"] for stage in told["stages"] if stage["stage"] == "rewrite") == MAX_SAMPLES
    assert again.seconds < demo.first.seconds
    assert list_hosts(str(demo.hosts)) == []


@pytest.mark.slow
def test_the_second_run_appends_no_call_and_starts_no_engine(demo: Demo, told: dict[str, Any]):
    calls = rows(demo, "calls", "call_key", "run_id")
    assert told["run_id"] not in {row["run_id"] for row in calls}
    assert len(calls) == len({row["call_key"] for row in calls})
    assert [host.token for _, host in states(demo.hosts)] == [host.token for host in demo.started]


@pytest.mark.slow
def test_the_second_run_publishes_nothing_new(demo: Demo, told: dict[str, Any]):
    assert told["release"]["is_new"] is False
    assert told["release"]["release_id"] == 1
    assert len(rows(demo, "releases")) == 1
    assert 0 < told["probe"]["p_yes_right"] < 1
