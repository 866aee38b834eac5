"""The log commits in groups, before anybody hears of a reply."""

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from udfs.engine import response_log
from udfs.engine.response_log import ResponseLog


def committed(path: Path) -> dict[str, bytes]:
    """What another process would find."""
    connection = sqlite3.connect(path)
    try:
        return dict(connection.execute("SELECT call_key, reply FROM replies"))
    finally:
        connection.close()


def test_put_returns_after_the_commit_and_the_first_reply_stays(tmp_path: Path):
    async def act() -> None:
        log = ResponseLog(tmp_path / "log.db")
        await log.put("k", b"one")
        assert committed(tmp_path / "log.db") == {"k": b"one"}
        await log.put("k", b"two")
        assert log.get("k") == b"one"
        assert log.get("other") is None
        log.close()

    asyncio.run(act())
    again = ResponseLog(tmp_path / "log.db")
    assert again.get("k") == b"one"
    again.close()


def test_replies_share_commits(tmp_path: Path):
    async def act() -> None:
        log = ResponseLog(tmp_path / "log.db")
        commits: list[str] = []
        log._writer.set_trace_callback(commits.append)
        await asyncio.gather(*(log.put(f"k{i}", b"x") for i in range(200)))
        assert commits.count("COMMIT") == 4  # 64 + 64 + 64 + 8
        log.close()

    asyncio.run(act())
    assert len(committed(tmp_path / "log.db")) == 200


def test_a_lone_reply_does_not_wait_long(tmp_path: Path):
    async def act() -> float:
        log = ResponseLog(tmp_path / "log.db")
        began = time.perf_counter()
        await log.put("k", b"x")
        took = time.perf_counter() - began
        log.close()
        return took

    assert asyncio.run(act()) < 1


def test_old_replies_are_dropped_at_start(tmp_path: Path):
    async def act() -> None:
        log = ResponseLog(tmp_path / "log.db")
        await log.put("old", b"x")
        await log.put("new", b"x")
        log._writer.execute("UPDATE replies SET at = at - ? WHERE call_key = 'old'", (response_log.KEEP_S,))
        log.close()

    asyncio.run(act())
    log = ResponseLog(tmp_path / "log.db")
    assert (log.get("old"), log.get("new")) == (None, b"x")
    log.close()


def test_a_failed_commit_is_told_to_its_whole_group_and_the_log_goes_on(tmp_path: Path):
    async def act() -> None:
        log = ResponseLog(tmp_path / "log.db")
        log._writer.execute("CREATE TRIGGER t BEFORE INSERT ON replies WHEN NEW.call_key = 'bad' "
                            "BEGIN SELECT RAISE(ABORT, 'no room'); END")  # fmt: skip
        results = await asyncio.gather(log.put("good", b"x"), log.put("bad", b"x"), return_exceptions=True)
        assert [type(result) for result in results] == [sqlite3.IntegrityError] * 2
        assert log.get("good") is None
        await log.put("good", b"x")
        assert log.get("good") == b"x"
        log.close()

    asyncio.run(act())


def test_a_file_that_is_no_log_is_an_error(tmp_path: Path):
    (tmp_path / "log.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        ResponseLog(tmp_path / "log.db")
