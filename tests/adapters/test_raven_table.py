"""RAVEN as a table of the hub: panels and choices in two columns, the rules of a puzzle as XML in a third one."""

import io
from pathlib import Path
from typing import Any

import pytest
from normalised import normalised, staged
from PIL import Image

from schemas.config import Media, Storage
from schemas.source import packaged_sources
from udfs.adapters.panels import COMPOSED, SEVERAL

FILE = "center_single/train-00000-of-00001.parquet"
ENTITY = '<Entity Angle="3" Color="1" Size="2" Type="5"/>'
PANEL = f"<Panel><Struct><Component><Layout>{ENTITY}</Layout></Component></Struct></Panel>"
RULES = '<Rules><Rule_Group id="0"><Rule attr="Type" name="Constant"/></Rule_Group></Rules>'


def panel(shade: int, side: int = 160) -> dict[str, Any]:
    held = io.BytesIO()
    Image.new("L", (side, side), shade).save(held, "PNG")
    return {"bytes": held.getvalue(), "path": None}


PUZZLE = {
    "panels": [panel(at) for at in range(8)], "choices": [panel(8 + at) for at in range(8)],
    "structure": [["Scene", "Singleton", "/", "/", "/", "/", "/", "/"]], "meta_matrix": [[0] * 9] * 8,
    "meta_target": [[0] * 9], "meta_structure": [[0] * 21], "target": 3, "id": 12,
    "metadata": f"<Data><Panels>{PANEL}</Panels>{RULES}</Data>",
}  # fmt: skip


@pytest.mark.parametrize(("source_id", "asked", "pictures"), [("raven", SEVERAL, 16), ("raven_cauldron", COMPOSED, 1)])
def test_a_row_is_a_puzzle(tmp_path: Path, source_id: str, asked: str, pictures: int):
    normalised(tmp_path, source_id, {FILE: [PUZZLE]})
    rows = staged(packaged_sources()[source_id], Storage(sources_root=str(tmp_path)), Media())
    (sample,) = (row["sample"] for row in rows if row["sample"])
    turns = [turn["text"] for turn in sample["conversation"]]
    assert turns == ["<image>\n" * pictures + asked, "D"]
    assert (sample["gold_answer"], len(sample["media"]), len(set(sample["media"]))) == ("D", pictures, pictures)
    assert sample["evidence"] == "Panel 1: type 5, size 2, color 1, angle 3\nType: Constant"


@pytest.mark.parametrize(
    ("source_id", "changed", "reason", "detail"),
    [
        ("raven", {"choices": [panel(0)] * 7}, "wrong_shape", "15 panels; allowed: 16"),
        ("raven", {"target": 8}, "no_answer", "allowed: 0 to 7"),
        ("raven", {"metadata": "<Data>"}, "malformed_record", "not XML"),
        ("raven", {"metadata": '<!DOCTYPE a [<!ENTITY b "c">]><Data>&b;</Data>'}, "malformed_record", "refused"),
        ("raven_cauldron", {"panels": [panel(0, 1025)] * 8}, "media_too_large", "panel 0 has (1025, 1025) pixels"),
        ("raven_cauldron", {"panels": [{"bytes": None, "path": "a.png"}] * 8}, "missing_media", "panel 0"),
    ],
)
def test_rows_that_are_no_puzzles(tmp_path: Path, source_id: str, changed: dict[str, Any], reason: str, detail: str):
    (row,) = (row for row in normalised(tmp_path, source_id, {FILE: [PUZZLE | changed]}) if row["reject"])
    assert row["reject"]["drop_reason"] == reason
    assert detail in row["reject"]["detail"]
