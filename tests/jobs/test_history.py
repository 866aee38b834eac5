"""Releases compared, verified and put back; and what readers see while one is published, whatever dies meanwhile."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from deltalake import DeltaTable
from pyspark.sql import Row, SparkSession
from release_rows import settings

from jobs import publish as publishing
from jobs.cli import app
from jobs.history import diff, rollback, verify
from jobs.publish import publish
from jobs.release import latest, manifest, read_release, versions
from jobs.report.explain import explain
from jobs.run import Options
from jobs.tables import Tables
from jobs.views import register_views
from schemas.errors import ConfigError, InputError


@pytest.fixture(scope="module")
def first(spark: SparkSession, filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root with release 1 of 50 rows; nobody may change it."""
    root = tmp_path_factory.mktemp("first") / "root"
    shutil.copytree(filled, root)
    config = settings(root, "publishing.total_rows=50")
    publish(Tables(spark, config.storage), config, "run 1")
    return root


@pytest.fixture(scope="module")
def second(spark: SparkSession, first: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with release 2: those 50 and 90 more; nobody may change it."""
    root = tmp_path_factory.mktemp("second") / "root"
    shutil.copytree(first, root)
    publish(Tables(spark, settings(root).storage), settings(root), "run 2")
    return root


@pytest.fixture
def one(spark: SparkSession, first: Path, tmp_path: Path) -> Tables:
    """A copy with release 1 to change at will."""
    shutil.copytree(first, tmp_path / "root")
    return Tables(spark, settings(tmp_path / "root").storage)


@pytest.fixture
def two(spark: SparkSession, second: Path, tmp_path: Path) -> Tables:
    """A copy with two releases to change at will."""
    shutil.copytree(second, tmp_path / "root")
    return Tables(spark, settings(tmp_path / "root").storage)


def gone(tables: Tables) -> set[str]:
    """Ids of release 2 that release 1 does not have."""
    older = read_release(tables, 1)
    return {row["id"] for row in read_release(tables, 2).join(older, "id", "left_anti").select("id").collect()}


def drop_rates(tables: Tables) -> list[Row]:
    """One row for each release."""
    session = tables.spark.newSession()
    register_views(Tables(session, tables.storage))
    return session.sql("SELECT DISTINCT release_id, restored_from FROM drop_rates ORDER BY release_id").collect()


def command(*arguments: str) -> int:
    """The command in this process, on the shared session; its exit code."""
    with pytest.raises(SystemExit) as ended:
        app.main(("--quiet", *arguments))
    return int(str(ended.value.code))


def test_what_is_said_of_one_release_is_that_releases(two: Tables, capsys: pytest.CaptureFixture[str]):
    assert command("--root", two.root, "export", "--release", "1", "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == told["reads"]["instruct"] == 50
    assert command("--root", two.root, "release", "verify", "--all", "1") == 2
    assert "release 1 and --all are both given" in capsys.readouterr().err
    two.spark.sql(f"UPDATE {two.sql_name('releases')} SET rows = rows + 1 WHERE release_id = 1")
    assert command("--root", two.root, "release", "verify", "--all", "--json") == 4
    told, error = capsys.readouterr()
    assert [row["release_id"] for row in json.loads(told)] == [2]
    assert "its manifest says 51 rows" in error


def test_a_manifest_keeps_the_versions_of_all_that_a_release_is_made_of():
    tables = SimpleNamespace(exists=lambda name: name != "runs", version=len)
    made_of = ("samples", "rejects", "twins", "calls", "rewritten", "judged")
    assert json.loads(versions(cast(Tables, tables))) == {name: len(name) for name in made_of}


def test_diff_verify_and_rollback(two: Tables):
    found = diff(two, 1, 2)
    assert sum(found.counts["added"].values()) == 90
    assert "removed" not in found.counts
    assert sum(found.counts["same"].values()) == 50
    assert found.columns == {}, "a row keeps its split"
    assert {change for change, *_ in found.examples} == {"added"}
    assert set(diff(two, 2, 2).counts) == {"same"}
    other_way = diff(two, 2, 1)
    assert other_way.counts["removed"] == found.counts["added"]
    assert {row for change, row, _ in other_way.examples if change == "removed"} <= gone(two)

    assert [verify(two, number)["rows"] for number in (1, 2, None)] == [50, 140, 140]
    two.spark.sql(
        f"DELETE FROM {two.sql_name('releases')} WHERE release_id = 2"
    )  # as a publish leaves it that was ended
    back = rollback(two, 1)
    assert (back["release_id"], back["rows"], back["restored_from"]) == (3, 50, 1)
    assert back["content_hash"] == verify(two, 1)["content_hash"] == verify(two)["content_hash"]
    old = manifest(two, 1)
    assert (back["judge_id"], back["versions"], back["gate_id"]) == ("j1", old["versions"], old["gate_id"])
    assert json.loads(back["versions"])["judged"] >= 0
    assert {row[0] for row in two.read("instruct").select("release_id").distinct().collect()} == {3}
    assert read_release(two, 2).count() == 140
    with pytest.raises(ConfigError, match="has the content of release 1 already"):
        rollback(two, 1)
    assert [(r["release_id"], r["restored_from"]) for r in drop_rates(two)] == [(1, None), (2, None), (3, 1)]
    two.spark.sql(f"DELETE FROM {two.sql_name('releases')} WHERE release_id = 3")
    assert rollback(two, 1)["release_id"] == 3, "ended between commit and manifest, and called again"
    with pytest.raises(ConfigError, match="release 9 does not exist"):
        diff(two, 1, 9)


def test_verify_notices_rows_and_files_that_are_gone(two: Tables):
    lost = DeltaTable(two.path("instruct")).file_uris()
    Path(lost[0]).rename(f"{lost[0]}.away")
    with pytest.raises(InputError, match=r"release 2 .* cannot be read: .*(does not exist|not found)"):
        verify(two)
    assert verify(two, 1)["rows"] == 50
    Path(f"{lost[0]}.away").rename(lost[0])
    two.spark.sql(f"UPDATE {two.sql_name('releases')} SET rows = rows + 1 WHERE release_id = 2")
    with pytest.raises(InputError, match=r"its manifest says 141 rows"):
        verify(two)
    two.spark.sql(f"DELETE FROM {two.sql_name('media_bytes')} WHERE part = 0")
    for answer in (verify, rollback):
        with pytest.raises(InputError, match=r"release 1 .* shows \d+ media whose parts are not all in media_bytes"):
            answer(two, 1)


@pytest.mark.slow
def test_what_was_lost_is_put_right_by_publishing_again(two: Tables):
    config, log = settings(Path(two.root)), Path(two.path("instruct"), "_delta_log")
    Path(DeltaTable(two.path("instruct")).file_uris()[0]).unlink()
    again = publish(two, config, "run 3")
    assert (again.is_new, again.release_id, verify(two)["rows"]) == (True, 3, 140)
    lost = sorted(log.glob("*.json"))[-1]
    for file in (lost, lost.with_suffix(".crc"), log / f".{lost.name}.crc"):
        file.unlink(missing_ok=True)
    assert two.spark._jvm is not None
    two.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()  # as a new process finds it
    two = Tables(two.spark, two.storage)
    with pytest.raises(InputError, match="release 3"):
        verify(two)
    again = publish(two, config, "run 4")
    assert (again.is_new, again.release_id, verify(two)["rows"]) == (True, 4, 140)


@pytest.mark.slow
def test_a_table_that_was_changed_past_its_release_is_told_and_put_right(two: Tables):
    two.spark.sql(f"DELETE FROM {two.sql_name('instruct')} WHERE split = 'si'")
    with pytest.raises(InputError, match=r"instruct was changed since: readers get other rows"):
        verify(two)
    assert verify(two, 1)["rows"] == 50
    again = publish(two, settings(Path(two.root)), "run 3")
    assert (again.is_new, again.release_id, again.rows) == (True, 3, 140)
    assert verify(two)["content_hash"] == verify(two, 2)["content_hash"]
    assert not publish(two, settings(Path(two.root)), "run 4").is_new
    two.spark.sql(f"DELETE FROM {two.sql_name('instruct')} WHERE split = 'si'")
    assert rollback(two, 2)["rows"] == two.read("instruct").count() == 140


@pytest.mark.slow
def test_a_row_of_an_earlier_release_is_explained_by_it(two: Tables):
    rollback(two, 1)
    (left, *_), (kept, *_) = sorted(gone(two)), [row["id"] for row in read_release(two, 1).select("id").collect()]
    options = Options(settings(Path(two.root)), {})
    back = explain(two, options, kept).release
    assert (back["release"], back["rows of"]) == ("3", "release 1, put back")
    told = explain(two, options, left).release
    rules = two.read("gates").where(f"gate_id = '{told['gate']}'").selectExpr("size(expectations)").first()
    assert rules is not None
    assert told["gate verdict"] == f"passed, {rules[0]} of {rules[0]} expectations held"
    assert (told["release"], told["since then"]) == ("2", "the newest release does not hold it")


@pytest.mark.slow
def test_a_published_row_is_explained_whatever_became_of_its_sample(two: Tables):
    row = read_release(two).where("kind = 'rewritten'").orderBy("id").first()
    assert row is not None
    two.overwrite("rewritten", two.read("rewritten").limit(0))
    two.overwrite("samples", two.read("samples").where(f"source_id <> '{row['source_id']}'"))
    found = explain(two, Options(settings(Path(two.root)), {}), row["id"][:12])
    assert (found.card.id, found.reason, found.release["release"]) == (row["id"], "accepted", "2")
    assert found.card.opinions[0].judge_id == "j1"
    assert "since then" not in found.release


@pytest.mark.slow
def test_old_releases_outlive_a_vacuum(two: Tables):
    name = two.sql_name("instruct")
    kept = two.spark.sql(f"DESCRIBE DETAIL {name}").collect()[0]["properties"]
    assert kept["delta.deletedFileRetentionDuration"] == kept["delta.logRetentionDuration"]
    assert kept["delta.logRetentionDuration"] == "interval 3650 days"
    two.spark.sql(f"VACUUM {name}")
    assert [verify(two, number)["rows"] for number in (1, 2)] == [50, 140]


class Readers:
    """A reader that looks at `instruct` again and again, by another engine than the one that writes."""

    def __init__(self, tables: Tables) -> None:
        self.path, self.seen, self.ended = tables.path("instruct"), set[tuple[int, ...]](), threading.Event()
        self.thread = threading.Thread(target=self.look)

    def look(self) -> None:
        while not self.ended.wait(0.05):
            ids = DeltaTable(self.path).to_pyarrow_table(columns=["release_id"])["release_id"].to_pylist()
            self.seen.add((len(ids), *sorted(set(ids))))


@pytest.fixture
def reader(one: Tables) -> Iterator[Readers]:
    reader = Readers(one)
    reader.thread.start()
    yield reader
    reader.ended.set()
    reader.thread.join()


STEPS = ("candidates", "mix", "take", "stage", "run_gate", "_record", "fingerprint", "commit", "unstage")


def publish_and_see(reader: Readers, tables: Tables, step: str) -> None:
    """What was cut off after a step is published by the next run; readers saw whole releases only."""
    assert latest(tables)["release_id"] == (2 if step in ("commit", "unstage") else 1)
    last = publish(tables, settings(Path(tables.root)), "run 3")
    assert (last.release_id, last.rows) == (2, 140)
    assert not tables.exists("_staged_instruct")
    reader.ended.set()
    reader.thread.join()
    assert reader.seen <= {(50, 1), (140, 2)}
    assert (50, 1) in reader.seen


@pytest.mark.parametrize("step", [pytest.param("stage", marks=pytest.mark.slow), "commit"])
def test_readers_see_the_old_or_the_new_release_when_it_is_interrupted(
    reader: Readers, one: Tables, monkeypatch: pytest.MonkeyPatch, step: str
):
    real = getattr(publishing, step)

    def die_after(*args: object, **kwargs: object) -> None:
        real(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(publishing, step, die_after)
        with pytest.raises(KeyboardInterrupt):
            publish(one, settings(Path(one.root)), "run 2")
    publish_and_see(reader, one, step)


KILLED = """
import os, signal, sys
from pathlib import Path
from jobs import publish
from jobs.session import spark_session
from jobs.tables import Tables
from release_rows import settings

real = getattr(publish, sys.argv[2])
def die_after(*args, **kwargs):
    real(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(publish, sys.argv[2], die_after)
config = settings(Path(sys.argv[1]))
publish.publish(Tables(spark_session(config), config.storage), config, "run 2")
"""


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_readers_see_the_old_or_the_new_release_when_its_process_is_killed(reader: Readers, one: Tables, step: str):
    here = Path(__file__)
    env = {**os.environ, "PYTHONPATH": f"{here.parents[2]}:{here.parent}"}
    killed = subprocess.run([sys.executable, "-c", KILLED, one.root, step], env=env, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    publish_and_see(reader, one, step)
