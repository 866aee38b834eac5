"""The plan carried out: missing files only, each checked before it stands under its name."""

import errno
import json
import shutil
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from jobs.fetch.hub import FAILURES, Hub, Problem, problem_of
from jobs.fetch.part import Part, StoppedError, fits, part_of
from jobs.fetch.plan import File, Kind
from jobs.progress import Progress, State
from schemas.errors import InputError

WORKERS = 4
TRIES = 3
MB = 1_000_000
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass
class Fetched:
    """What became of the files."""

    present: list[File] = field(default_factory=list)
    done: list[File] = field(default_factory=list)
    over_limit: list[File] = field(default_factory=list)
    failed: list[tuple[File, Problem]] = field(default_factory=list)


class Ledger:
    """What was checked in each folder, by size and time of change, so that nothing is hashed twice."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, list[object]]] = {}
        self._lock = threading.Lock()

    def holds(self, file: File) -> bool:
        """Whether the file lies there whole; one that was put there otherwise is hashed once."""
        target = Path(file.target)
        if not target.is_file() or target.stat().st_size != file.remote.size:
            return False
        if self._read(file.folder).get(file.remote.path) == _stamp(file):
            return True
        if not fits(target, file.remote.size, file.remote.digest):
            return False
        self.add(file)
        return True

    def add(self, file: File) -> None:
        """Notes a checked file."""
        with self._lock:
            self._read(file.folder)[file.remote.path] = stamp = _stamp(file)
            with _ledger(file.folder).open("a", encoding="utf-8") as lines:
                lines.write(json.dumps([file.remote.path, *stamp]) + "\n")

    def _read(self, folder: str) -> dict[str, list[object]]:
        if folder not in self._known:
            path = _ledger(folder)
            self._known[folder] = dict(_entries(path)) if path.exists() else {}
        return self._known[folder]


def _ledger(folder: str) -> Path:
    return Path(folder) / ".fetched.jsonl"


def _entries(path: Path) -> Iterator[tuple[str, list[object]]]:
    for line in path.read_text("utf-8", errors="replace").splitlines():
        try:
            name, *stamp = json.loads(line)
        except (ValueError, TypeError):  # a line that a kill cut short
            continue
        yield str(name), stamp


def _stamp(file: File) -> list[object]:
    facts = Path(file.target).stat()
    return [file.remote.digest, facts.st_size, facts.st_mtime_ns]


@dataclass
class _Run:
    hub: Hub
    ledger: Ledger
    stop: threading.Event = field(default_factory=threading.Event)
    blocked: dict[str, Problem] = field(default_factory=dict)
    """What stands in the way of a repository, or of all of them (key: empty)."""


def fetch(files: Sequence[File], hub: Hub, progress: Progress, limit_bytes: int | None = None) -> Fetched:
    """Downloads what is missing; a file that fails stops no other one, a full disk stops all."""
    fetched, run = Fetched(), _Run(hub, Ledger())
    missing: list[File] = []
    for file in files:
        (fetched.present if run.ledger.holds(file) else missing).append(file)
    todo = _within(missing, limit_bytes, fetched)
    _check_space(todo)
    for kind in Kind:
        chosen = [file for file in todo if file.kind is kind]
        if chosen:
            with progress.watch(f"fetch {kind.value}", Meter(chosen)):
                _all(run, chosen, fetched)
    return fetched


def _within(missing: Sequence[File], limit_bytes: int | None, fetched: Fetched) -> list[File]:
    todo, left = [], limit_bytes
    for file in missing:
        if left is not None and file.remote.size > left:
            fetched.over_limit.append(file)
            continue
        left = None if left is None else left - file.remote.size
        todo.append(file)
    return todo


def _part(file: File) -> Path:
    return part_of(Path(file.target), file.remote.digest)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _check_space(todo: Sequence[File]) -> None:
    """Raises InputError before the first byte where a disk cannot hold what is missing."""
    needed: Counter[str] = Counter()
    for file in todo:
        needed[file.folder] += file.remote.size - _size(_part(file))
    disks: dict[int, tuple[str, int]] = {}
    for folder, size in needed.items():
        there = next(path for path in (Path(folder), *Path(folder).parents) if path.exists())
        device = there.stat().st_dev
        disks[device] = (str(there), disks.get(device, ("", 0))[1] + size)
    for place, size in disks.values():
        free = shutil.disk_usage(place).free
        if size > free:
            raise InputError(
                f"the plan needs {size / MB:,.0f} MB and {place} has {free / MB:,.0f} MB left",
                "free space, set another storage.sources_root, or narrow the plan: sources, --annotations-only, "
                "--limit-bytes",
            )


class Meter:
    """How far the files are, and how fast the last ten seconds were."""

    def __init__(self, files: Sequence[File]) -> None:
        self._files = [(Path(file.target), _part(file), file.remote.size) for file in files]
        self._seen = [(time.monotonic(), self._bytes())]

    def _bytes(self) -> int:
        # While there is a part, a target is what lay there before.
        return sum(
            _size(part) if part.exists() or _size(target) != size else size for target, part, size in self._files
        )

    def __call__(self) -> State:
        """Megabytes, as progress counts them."""
        self._seen = [*self._seen[-10:], (time.monotonic(), self._bytes())]
        (began, first), (ended, last) = self._seen[0], self._seen[-1]
        rate = max(0, last - first) / max(ended - began, 0.001)
        total = sum(size for _, _, size in self._files)
        return State(last // MB, -(-total // MB), f"MB, {rate / MB:.1f} MB/s")


def _all(run: _Run, chosen: Sequence[File], fetched: Fetched) -> None:
    with _stopping(run) as pool:
        waiting: dict[Future[Problem | None], File] = {pool.submit(_one, run, file): file for file in chosen}
        for future in as_completed(waiting):
            problem, file = future.result(), waiting[future]
            if problem is None:
                fetched.done.append(file)
            else:
                fetched.failed.append((file, problem))


@contextmanager
def _stopping(run: _Run) -> Iterator[ThreadPoolExecutor]:
    """A pool that is not waited for after an interrupt: writes of its threads are refused."""
    pool = ThreadPoolExecutor(WORKERS)
    try:
        yield pool
    except BaseException:
        run.stop.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _one(run: _Run, file: File) -> Problem | None:
    blocked = run.blocked.get("") or run.blocked.get(file.repository)
    if blocked is not None:
        return blocked
    problem = None
    for tried in range(TRIES):
        if run.stop.wait(2**tried - 1):
            raise StoppedError
        problem = _attempt(run, file)
        if problem is None or not problem.passing:
            break
    if problem is not None and problem.reaches != "file":
        run.blocked["" if problem.reaches == "hub" else file.repository] = problem
    return problem


def _attempt(run: _Run, file: File) -> Problem | None:
    target, remote, path = Path(file.target), file.remote, _part(file)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Part(path, remote.size, run.stop.is_set)
        try:
            run.hub.download(file.repository, file.revision, remote, part)
        finally:
            part.close()
        if not fits(path, remote.size, remote.digest):
            path.unlink()
            return Problem("its bytes are not those that the hub lists (hash)", "run again", passing=True)
        path.replace(target)
        run.ledger.add(file)
    except FAILURES as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise InputError(f"no space left for {target}", "free space and run again, which goes on") from error
        return problem_of(error, file.repository, run.hub)
    return None


def by_problem(fetched: Fetched) -> list[tuple[str, tuple[str, ...], int, Problem]]:
    """Failures as repository, sources, files and problem: one entry for all files that failed alike."""
    grouped: dict[tuple[str, Problem], list[File]] = defaultdict(list)
    for file, problem in fetched.failed:
        grouped[file.repository, problem].append(file)
    return [
        (repo, tuple(sorted({name for file in failed for name in file.sources})), len(failed), problem)
        for (repo, problem), failed in grouped.items()
    ]
