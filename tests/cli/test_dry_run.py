"""Stages that are asked what they would do, and roots that are not there: nothing is made, nothing is spent."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from corpora import Answered

from jobs.cli import app

Ask = Callable[..., tuple[int, str, str]]
LOST = "engine.model=/nowhere/model"


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    def run(root: object, *arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            app.main(("--quiet", "--set", LOST, "--root", str(root), *arguments))
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def test_publish_says_what_it_would_choose(ask: Ask, done: Answered):
    code, out, error = ask(done.config.storage.root, "publish", "--dry-run", "--json")
    assert (code, error) == (0, "")
    found = json.loads(out)
    assert found["reads"]["samples"] == done.tables.read("samples").count()
    assert sum(sum(tally.values()) for tally in found["candidates"].values()) >= found["reads"]["rewritten"]
    assert found["quotas"] == [], "nothing was judged"
    assert ask(done.config.storage.root, "publish", "--dry-run")[1].count("publish would choose") == 1


def test_an_export_of_no_release_is_told(ask: Ask, done: Answered):
    root = done.config.storage.root
    for arguments, said in ((("--release", "99"), "release 99"), ((), "the newest release")):
        code, _, error = ask(root, "export", "--dry-run", "--to", "x", *arguments)
        assert code != 0
        assert f"{said} does not exist; there is no release yet\n  next: `mammoth-vl publish` makes one" in error


@pytest.mark.parametrize(
    "command", [("publish",), ("publish", "--dry-run"), ("export",), ("export", "--dry-run"), ("dedup", "--dry-run")]
)
def test_a_mistyped_root_stays_empty(ask: Ask, tmp_path: Path, command: tuple[str, ...]):
    code, _, error = ask(tmp_path / "typo", *command)
    assert (code, f"there are no tables below {tmp_path / 'typo'}" in error) == (4, True)
    assert list(tmp_path.iterdir()) == []


def test_a_root_that_cannot_be_made_is_told(ask: Ask, tmp_path: Path):
    (tmp_path / "file").touch()
    code, _, error = ask(tmp_path / "file" / "root", "run", "--sources-root", str(tmp_path), "--dry-run")
    assert code == 4
    assert "Traceback" not in error


def test_a_bundle_that_cannot_be_written_is_told(ask: Ask, tmp_path: Path):
    code, _, error = ask(tmp_path, "bundle", str(tmp_path / "no" / "x.zip"))
    assert (code, "cannot be written" in error) == (4, True)
