"""Test sets: left out unless somebody asks for them, and never silently taken."""

from pathlib import Path

import pytest
from corpora import asked, source, write_json

from jobs.cli.stages import choose_sources
from jobs.run import Options
from schemas.config import Profile, load_config
from schemas.errors import InputError

TRAIN, TEST = source("shapes"), source("shapes_bench", is_benchmark=True)


def options(root: Path, profile: Profile = Profile.LAPTOP) -> Options:
    for name in ("shapes", "shapes_bench"):
        write_json(root / name / "a.json", [asked(["p0.png"], 0)])
    config = load_config(profile, None, [f"storage.sources_root={root}"])
    return Options(config, {made.source_id: made for made in (TRAIN, TEST)})


def test_a_run_takes_no_test_set_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert choose_sources(options(tmp_path), None) == [TRAIN]
    assert "left out unless --sources names them: shapes_bench\n" in capsys.readouterr().err


def test_one_that_is_named_is_taken_with_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert choose_sources(options(tmp_path), "shapes_bench,shapes") == [TEST, TRAIN]
    assert capsys.readouterr().err == "warning: trains on a test set: shapes_bench\n"
    assert choose_sources(options(tmp_path), "shapes") == [TRAIN]
    assert capsys.readouterr().err == ""


def test_the_paper_took_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert choose_sources(options(tmp_path, Profile.PAPER), None) == [TRAIN, TEST]
    assert "trains on a test set: shapes_bench" in capsys.readouterr().err


def test_nothing_but_test_sets_is_nothing_to_run_on(tmp_path: Path):
    alone = options(tmp_path)
    with pytest.raises(InputError, match="no source of the catalogue"):
        choose_sources(Options(alone.config, {"shapes_bench": TEST}), None)
