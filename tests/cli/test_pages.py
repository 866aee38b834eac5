from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.cli import app


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        app.main(arguments)
    return int(str(caught.value.code)), capsys.readouterr().err


def test_two_judges_are_compared_or_none(capsys: pytest.CaptureFixture[str]):
    code, said = fails(capsys, "report", "--compare-judges", "main")
    assert code == 2
    assert "give two judges" in said
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
