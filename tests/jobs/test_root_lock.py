"""One driver at a time on a root: where its file system knows no locks that is said, and nothing stops."""

import errno
import fcntl
import io
from pathlib import Path

import pytest
from rich.console import Console

from jobs.progress import Progress
from jobs.run import root_lock
from schemas.errors import InputError


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def progress(said: io.StringIO) -> Progress:
    return Progress(Console(file=said, width=200))


def test_a_lock_names_its_owner_and_ends_with_it(tmp_path: Path, progress: Progress, said: io.StringIO):
    with root_lock(str(tmp_path), "r1", progress):
        assert (tmp_path / ".lock").read_text().endswith("run r1")
        with (tmp_path / ".lock").open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with root_lock(str(tmp_path), "r2", progress):
        assert (tmp_path / ".lock").read_text().endswith("run r2")
    assert said.getvalue() == ""


def test_who_waits_is_told_for_what_though_it_is_quiet(
    tmp_path: Path, said: io.StringIO, monkeypatch: pytest.MonkeyPatch
):
    def flock(_: object, how: int) -> None:
        if how & fcntl.LOCK_NB:
            raise BlockingIOError

    monkeypatch.setattr(fcntl, "flock", flock)
    (tmp_path / ".lock").write_text("pid 7, run r1")
    with root_lock(str(tmp_path), "r2", Progress(Console(file=said, width=200), quiet=True)):
        assert said.getvalue() == f"{tmp_path} is in use by pid 7, run r1; waiting for it to end\n"


@pytest.mark.parametrize(("number", "passes"), [(errno.EOPNOTSUPP, True), (errno.ENOLCK, True), (errno.ENOSPC, False)])
def test_a_file_system_without_locks(
    tmp_path: Path, progress: Progress, said: io.StringIO, monkeypatch: pytest.MonkeyPatch, number: int, passes: bool
):
    def refuse(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(fcntl, "flock", refuse)
    if passes:
        with root_lock(str(tmp_path), "r", progress):
            assert "file system without locks" in said.getvalue()
    else:
        with (
            pytest.raises(InputError, match=f"root {tmp_path} cannot be written"),
            root_lock(str(tmp_path), "r", progress),
        ):
            pass
