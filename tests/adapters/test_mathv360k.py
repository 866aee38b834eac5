"""MathV360K's own file, which holds the rows of all its parts, in the folder of each of them."""

from pathlib import Path
from typing import Any

import pytest
from normalised import Row, normalised, places

from schemas.source import packaged_sources

PARTS = {
    "clevr_math_mathv360k": "CLEVR-Math/images/CLEVR_train_036427.png",
    "figureqa_mathv360k": "FigureQA/images/12.png",
    "geometry3k_mathv360k": "Geometry3K/images/7.png",
    "geoqa_plus_mathv360k": "GeoQA+/images/5642.png",
    "geos_mathv360k": "GEOS/images/123.png",
    "iconqa_mathv360k": "IconQA/images/3.png",
    "mapqa_mathv360k": "MapQA/images/map_437.png",
    "pmc_vqa_mathv360k": "PMC-VQA/images/PMC8126771_fig01.jpg",
    "super_clevr_mathv360k": "Super-CLEVR/images/superCLEVR_new_000001.png",
    "tabmwp_mathv360k": "TabMWP/images/33.png",
    "unigeo_mathv360k": "UniGeo/images/9.png",
    "vizwiz_mathv360k": "VizWiz/images/VizWiz_train_00000001.jpg",
}
OTHERS = ("TQA/images/1.png", "PlotQA/images/2.png", "VQA-AS/images/3.jpg")


def row(at: int, image: str) -> dict[str, Any]:
    said = [{"from": "human", "value": f"<image>\nHow many in {at}?"}, {"from": "gpt", "value": "The answer is 4"}]
    return {"id": f"identity_{at}", "image": image, "conversations": said}


GLUED = [row(at, image) for at, image in enumerate((*PARTS.values(), *OTHERS))]


def taken(rows: list[Row]) -> tuple[list[str], tuple[int, int]]:
    """Pictures of the samples; records that are the source's and all that were read."""
    assert [found["reject"] for found in rows if found["reject"]] == []
    spans = [found["span"] for found in rows if found["span"]]
    media = [place for found in rows if found["sample"] for place in found["sample"]["media"]]
    return media, (sum(span["records"] for span in spans), sum(span["read"] for span in spans))


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("above", ["", "./data_images/"])
def test_each_part_takes_its_own_rows(tmp_path: Path, name: str, above: str):
    glued = [found | {"image": above + found["image"]} for found in GLUED]
    media, counts = taken(normalised(tmp_path, name, {"train_samples_all_tuning.json": glued}))
    assert media == [f"absent:{above}{PARTS[name]}"]
    assert counts == (1, len(GLUED))


def test_every_part_of_the_catalogue_is_told_apart():
    assert {name for name in packaged_sources() if name.endswith("_mathv360k")} == set(PARTS)


def test_rows_that_do_not_say_whose_they_are_belong_to_the_folder(tmp_path: Path):
    own = [row(1, "1.png"), row(2, "images/2.png"), row(3, "train/3.png")]
    media, _ = taken(normalised(tmp_path, "geos_mathv360k", {"own.json": own}))
    assert media == ["absent:1.png", "absent:images/2.png", "absent:train/3.png"]


def test_pictures_in_the_row_belong_to_it(tmp_path: Path):
    shown = {"bytes": b"\x89PNG\r\n\x1a\n", "path": "TabMWP/images/1.png"}
    held = {"GEOS(MathV360K)/train-00000-of-00001.parquet": [row(1, "") | {"image": shown}]}
    media, counts = taken(normalised(tmp_path, "geos_mathv360k", held))
    assert (places(media), counts) == (["embedded"], (1, 1))
