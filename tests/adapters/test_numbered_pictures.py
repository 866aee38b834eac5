"""Pictures whose names are numbers that other folders have too: better none than another one's."""

import json
from hashlib import sha256
from pathlib import Path

from normalised import staged
from publishing import picture

from schemas.config import Media, Storage
from schemas.source import packaged_sources


def put(place: Path, content: str | bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode() if isinstance(content, str) else content)


def outcome(root: Path, name: str) -> tuple[dict[str, str], list[str]]:
    """What is said of which picture, and reasons of rejects."""
    rows = staged(packaged_sources()[name], Storage(sources_root=str(root)), Media())
    samples = [row["sample"] for row in rows if row["sample"]]
    rejects = [row["reject"]["drop_reason"] for row in rows if row["reject"]]
    return {sample["conversation"][1]["text"]: sample["media"][0] for sample in samples}, rejects


def of(at: int) -> str:
    return sha256(picture(at)).hexdigest()


def test_a_chart_without_its_picture_gets_no_other_releases(tmp_path: Path):
    shown = {"statista_dataset/dataset": (1, 2), "statista_dataset/dataset/multiColumn": (1, 2, 3, 4)}
    for at, part in enumerate([*shown, "pew_dataset/dataset"]):
        for number in (1, 2, 3):
            for side, suffix in (("captions", "txt"), ("titles", "txt"), ("data", "csv")):
                told = "Year,Value\n2019,4\n" if side == "data" else f"{part} {number}"
                put(tmp_path / "chart2text_cauldron" / part / f"{side}/{number}.{suffix}", told)
            if number in shown.get(part, ()):
                put(tmp_path / "chart2text_cauldron" / part / f"imgs/{number}.png", picture(3 * at + number))
    said, reasons = outcome(tmp_path, "chart2text_cauldron")
    assert said == {
        f"{part} {number}": of(3 * at + number)
        for at, (part, numbers) in enumerate(shown.items()) for number in numbers if number < 4
    }  # fmt: skip
    assert reasons == ["missing_media"] * 4


def test_texts_go_with_pictures_of_their_own_split_beside_them(tmp_path: Path):
    root = tmp_path / "rctw_17"
    for number in (1, 2, 3):
        put(root / f"train_gts/image_{number}.txt", f'1,2,3,4,5,6,7,8,0,"{number}"\n')
        put(root / f"test_images/image_{number}.jpg", picture(4))
        put(root / f"old/backup/image_{number}.jpg", picture(5))
    for number in (1, 2):
        put(root / f"train_images/image_{number}.jpg", picture(number))
    said, reasons = outcome(tmp_path, "rctw_17")
    assert said == {"1": of(1), "2": of(2)}
    assert reasons == ["missing_media"]


def test_figures_of_another_half_of_a_split_are_others(tmp_path: Path):
    asked = {"question_string": "Is it?", "answer": 1, "image_index": 3, "color1_name": "Teal", "color2_name": "Red"}
    root = tmp_path / "figureqa_mathv360k"
    put(root / "validation1/qa_pairs.json", json.dumps({"qa_pairs": [asked]}))
    put(root / "validation2/png/3.png", picture(1))
    assert outcome(tmp_path, "figureqa_mathv360k") == ({}, ["missing_media"])
