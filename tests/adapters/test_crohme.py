"""CROHME as models that read it ship it: captions by folder, pictures beside them or one folder deeper."""

from pathlib import Path
from typing import Any

import pytest
from normalised import normalised, staged
from publishing import picture

from jobs.normalise.plan import plan_sources
from schemas.config import Media, Storage
from schemas.source import packaged_sources

NAME = "chrome_writing"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("pictures", ["data/train", "data/train/img"])
def test_formulas_find_their_pictures(tmp_path: Path, packed: bool, pictures: str):
    files: dict[str, Any] = {
        "data/train/caption.txt": "65_a\tx + 1\n66_b\t\\frac { 1 } { 2 }\n",
        "data/2014/caption.txt": "18_c\ty\n",
        f"{pictures}/65_a.bmp": picture(1),
        f"{pictures}/66_b.bmp": picture(2),
    }
    normalised(tmp_path, NAME, {"data.zip": files} if packed else files)
    storage = Storage(sources_root=str(tmp_path))
    rows = staged(packaged_sources()[NAME], storage, Media())
    told = [(row["sample"]["conversation"][-1]["text"], row["sample"]["media_status"]) for row in rows if row["sample"]]
    assert told == [("x + 1", "present"), ("\\frac { 1 } { 2 }", "present")]
    assert not any(row["reject"] for row in rows)
    file = f"{'data.zip!/' if packed else ''}data/2014/caption.txt"
    assert "a test set of CROHME" in plan_sources([packaged_sources()[NAME]], storage).unread[NAME][file]
