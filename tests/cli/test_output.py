"""What commands print: for people on terminals of any width, for pipes, for programs."""

import csv
import io
import json
import math

import pytest
from rich.console import Console

from jobs.cli import context

COLUMNS = ("run_id", "stage", "source_id", "rows_in", "facts")
ROW = ("20261128T001122-abcdef", "normalise", "demo_charts", 12_345, "x" * 90)


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]):
    context.print_json({"kappa": math.nan, "all": [math.inf, 0.5, (-math.inf, {"low": math.nan})], "name": "a"})
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found == {"kappa": None, "all": [None, 0.5, [None, {"low": None}]], "name": "a"}


def test_a_table_in_a_pipe_is_as_wide_as_its_rows(capsys: pytest.CaptureFixture[str]):
    context.print_table("", COLUMNS, [ROW] * 2)
    lines = [line for line in capsys.readouterr().out.splitlines() if "normalise" in line]
    assert len(lines) == 2
    assert all("20261128T001122-abcdef" in line and "12,345" in line and "x" * 90 in line for line in lines)


@pytest.mark.parametrize(("width", "beside"), [(60, False), (200, True)])
def test_a_narrow_terminal_shows_rows_one_below_the_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int, beside: bool
):
    monkeypatch.setattr(context, "_console", lambda: Console(highlight=False, force_terminal=True, width=width))
    context.print_table("", COLUMNS, [ROW])
    out = capsys.readouterr().out
    assert "20261128T001122-abcdef" in out
    assert any("normalise" in line and "demo_charts" in line for line in out.splitlines()) is beside
    assert all(name in out for name in COLUMNS)


def test_few_columns_stay_a_table_however_long_their_texts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(context, "_console", lambda: Console(highlight=False, force_terminal=True, width=60))
    context.print_table("", ("reason", "detail"), [("no_answer", "y" * 200)])
    assert any("no_answer" in line and "yyy" in line for line in capsys.readouterr().out.splitlines())


def test_a_spreadsheet_runs_no_text(capsys: pytest.CaptureFixture[str]):
    cells = ["=cmd()", "+1", "-1", "@x", "\tx", "a=b", None, -1, {"a": 1}]
    context.print_csv([f"c{at}" for at in range(len(cells))], [cells])
    _, row = csv.reader(io.StringIO(capsys.readouterr().out))
    assert row == ["'=cmd()", "'+1", "'-1", "'@x", "'\tx", "a=b", "", "-1", '{"a": 1}']


def test_a_table_tells_the_size_of_bytes(capsys: pytest.CaptureFixture[str]):
    context.print_table("", ("media_id", "data"), [("ab", bytearray(4096))])
    assert capsys.readouterr().out.split()[-3:] == ["ab", "4,096", "bytes"]


def test_a_table_has_no_nan(capsys: pytest.CaptureFixture[str]):
    context.print_table("", ("a", "kappa"), [("main", math.nan)])
    assert capsys.readouterr().out.split()[-2:] == ["main", "–"]
