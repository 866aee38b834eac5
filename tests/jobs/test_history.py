"""Releases compared, verified and put back; and what readers see while one is published, whatever dies meanwhile."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deltalake import DeltaTable

from jobs import publish as publishing
from jobs.history import diff, rollback, verify
from jobs.publish import publish
from jobs.release import latest, read_release
from jobs.tables import Tables
from schemas.config import Config
from schemas.errors import ConfigError, InputError

Configure = Callable[..., Config]


@pytest.fixture
def two(tables: Tables, configure: Configure) -> Tables:
    """Release 1 with 50 rows and release 2 with those 50 and 90 more."""
    publish(tables, configure("publishing.total_rows=50"), "run 1")
    publish(tables, configure(), "run 2")
    return tables


def test_diff_verify_and_rollback(two: Tables):
    found = diff(two, 1, 2)
    assert sum(found.counts["added"].values()) == 90
    assert "removed" not in found.counts
    kept = sum(sum(found.counts.get(change, {}).values()) for change in ("same", "changed"))
    assert kept == 50
    assert set(found.columns) <= {"split"}
    assert {change for change, *_ in found.examples} <= {"added", "changed"}
    assert set(diff(two, 2, 2).counts) == {"same"}

    assert [verify(two, number)["rows"] for number in (1, 2, None)] == [50, 140, 140]
    back = rollback(two, 1)
    assert (back["release_id"], back["rows"], back["restored_from"]) == (3, 50, 1)
    assert back["content_hash"] == verify(two, 1)["content_hash"] == verify(two)["content_hash"]
    assert {row[0] for row in two.read("instruct").select("release_id").distinct().collect()} == {3}
    assert read_release(two, 2).count() == 140
    with pytest.raises(ConfigError, match="has the content of release 1 already"):
        rollback(two, 1)
    with pytest.raises(ConfigError, match="release 9 does not exist"):
        diff(two, 1, 9)


def test_verify_notices_rows_and_files_that_are_gone(two: Tables):
    lost = DeltaTable(two.path("instruct")).file_uris()
    Path(lost[0]).rename(f"{lost[0]}.away")
    with pytest.raises(InputError, match=r"release 2 .* cannot be read"):
        verify(two)
    assert verify(two, 1)["rows"] == 50
    Path(f"{lost[0]}.away").rename(lost[0])
    two.spark.sql(f"UPDATE {two.sql_name('releases')} SET rows = rows + 1 WHERE release_id = 2")
    with pytest.raises(InputError, match=r"its manifest says 141 rows"):
        verify(two)


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
def reader(tables: Tables, configure: Configure) -> Iterator[Readers]:
    publish(tables, configure("publishing.total_rows=50"), "run 1")
    reader = Readers(tables)
    reader.thread.start()
    yield reader
    reader.ended.set()
    reader.thread.join()


STEPS = ("candidates", "mix", "take", "stage", "run_gate", "_record", "fingerprint", "commit", "unstage")
FEW = ("stage", "commit")


@pytest.mark.parametrize(
    "step", [step if step in FEW else pytest.param(step, marks=pytest.mark.slow) for step in STEPS]
)
def test_readers_see_the_old_or_the_new_release_whatever_dies(
    reader: Readers, tables: Tables, configure: Configure, monkeypatch: pytest.MonkeyPatch, step: str
):
    real = getattr(publishing, step)

    def die_after(*args: object, **kwargs: object) -> None:
        real(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(publishing, step, die_after)
        with pytest.raises(KeyboardInterrupt):
            publish(tables, configure(), "run 2")
    assert latest(tables)["release_id"] == (2 if step in ("commit", "unstage") else 1)
    last = publish(tables, configure(), "run 3")
    assert (last.release_id, last.rows) == (2, 140)
    reader.ended.set()
    reader.thread.join()
    assert reader.seen <= {(50, 1), (140, 2)}
    assert (50, 1) in reader.seen
