"""Every reply that was paid for, in one SQLite file per machine; a reply is given out only after its commit."""

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

GROUP_S = 0.005
GROUP_SIZE = 64
KEEP_S = 7 * 24 * 3600.0
_BUSY_S = 30.0  # another host of this machine may be writing

_SCHEMA = "CREATE TABLE IF NOT EXISTS replies (call_key TEXT PRIMARY KEY, reply BLOB NOT NULL, at REAL NOT NULL)"


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


class ResponseLog:
    """Group commit on a thread of its own; lookups on the event loop, which are one page each."""

    def __init__(self, path: Path) -> None:
        self._reader, self._writer = _open(path), _open(path)
        self._writer.execute(_SCHEMA)
        self._writer.execute("DELETE FROM replies WHERE at < ?", (time.time() - KEEP_S,))
        self._thread = ThreadPoolExecutor(1, "response-log")
        self._pending: list[tuple[str, bytes, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None

    def get(self, call_key: str) -> bytes | None:
        """The committed reply to a key."""
        row = self._reader.execute("SELECT reply FROM replies WHERE call_key = ?", (call_key,)).fetchone()
        return None if row is None else bytes(row[0])

    async def put(self, call_key: str, reply: bytes) -> None:
        """Returns after the commit; waits at most GROUP_S for others to share it with."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._pending.append((call_key, reply, done))
        if len(self._pending) >= GROUP_SIZE:
            self._flush()
        elif self._timer is None:
            self._timer = loop.call_later(GROUP_S, self._flush)
        await done

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        group, self._pending = self._pending, []
        if not group:
            return
        written = asyncio.get_running_loop().run_in_executor(self._thread, self._commit, group)
        written.add_done_callback(lambda result: _settle(group, result.exception()))

    def _commit(self, group: list[tuple[str, bytes, asyncio.Future[None]]]) -> None:
        now = time.time()
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            rows = [(key, reply, now) for key, reply, _ in group]
            self._writer.executemany("INSERT OR IGNORE INTO replies VALUES (?, ?, ?)", rows)
            self._writer.execute("COMMIT")
        except BaseException:
            self._writer.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Commits what is pending and closes; whoever waited for it is gone."""
        if self._timer is not None:
            self._timer.cancel()
        if self._pending:
            self._thread.submit(self._commit, self._pending)
        self._thread.shutdown()
        self._reader.close()
        self._writer.close()


def _settle(group: list[tuple[str, bytes, asyncio.Future[None]]], error: BaseException | None) -> None:
    for _, _, done in group:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
