"""Names that differ in spelling alone are told, never taken."""

import unicodedata
from pathlib import Path

import pytest

from udfs.media.near import nearly_there


@pytest.mark.parametrize(
    ("there", "path"),
    [
        ("Images/A.JPG", "images/a.jpg"),
        (unicodedata.normalize("NFD", "café.png"), "café.png"),
        ("café.png", unicodedata.normalize("NFD", "Café.png")),
        ("x/b.png", "./x//B.png"),
    ],
)
def test_the_near_miss_is_named(tmp_path: Path, there: str, path: str):
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).touch()
    assert nearly_there([str(tmp_path), f"{tmp_path}/none"], path) == [f"{tmp_path}/{there}"]


@pytest.mark.parametrize("path", ["a.png", "B.png", "a.png/c", "../b", "d"])
def test_what_is_there_or_far_off_is_none(tmp_path: Path, path: str):
    (tmp_path / "a.png").touch()
    (tmp_path / "d").mkdir()
    assert nearly_there([str(tmp_path)], path) == []
