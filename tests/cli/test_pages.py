from pathlib import Path

import pytest
from corpora import Answered
from pyspark.sql import SparkSession

from jobs.cli import app
from jobs.cli.pages import print_rejected
from jobs.report.origin import SourceRecord
from jobs.report.rejected import Rejected, render_rejected


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        app.main(arguments)
    return int(str(caught.value.code)), capsys.readouterr().err


REJECTED = Rejected(
    record_hash="ab" * 32, source_id="charts", stage="normalise", reason="duplicate", detail="same content",
    file="a.json", position=7, run_id="r1", newest=False, twin="cd" * 32, excerpt="{}",
    record=SourceRecord("/data/a.json", text='{"question": "<script>alert(1)</script>\x1b[2J"}', same=True),
)  # fmt: skip


def test_an_id_in_capitals_is_an_id(done: Answered, capsys: pytest.CaptureFixture[str]):
    row = done.tables.read("samples").select("sample_id").first()
    assert row is not None
    with pytest.raises(SystemExit, match=r"^0$"):
        app.main(("--root", done.config.storage.root, "explain", f" {row[0].upper()}"))
    assert row[0] in capsys.readouterr().out


def test_a_rejected_record_is_told_and_cannot_act(capsys: pytest.CaptureFixture[str]):
    print_rejected(REJECTED)
    said = capsys.readouterr().out
    for part in ("in run r1; its source was read again since", "duplicate", "twin: cdcd", "/data/a.json, position 7"):
        assert part in said
    assert "\x1b" not in said
    page = render_rejected(REJECTED)
    assert "its source was read again since" in page
    assert "<script>alert" not in page


def test_two_judges_are_compared_or_none(capsys: pytest.CaptureFixture[str]):
    for judges in ("main", "main,main", "main,"):
        code, said = fails(capsys, "report", "--compare-judges", judges)
        assert code == 2
        assert "give two judges" in said
    code, said = fails(capsys, "report", "--root", "x")
    assert code == 2
    assert "--root goes before the command" in said
    code, said = fails(capsys, "report", "--out", "rep.md")
    assert code == 2
    assert "end it in .html" in said


@pytest.mark.parametrize(
    "command",
    [
        ("report",),
        ("view",),
        ("explain", "a" * 64),
        ("label",),
        ("label", "agreement"),
        ("release", "list"),
        ("release", "verify", "--all"),
    ],
)
def test_an_empty_root_is_said_and_stays_empty(
    spark: SparkSession, tmp_path: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
):
    code, said = fails(capsys, "--root", str(tmp_path / "none"), *command)
    assert code == 4
    assert "there are no tables below" in said
    assert not (tmp_path / "none").exists()
