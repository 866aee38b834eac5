import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from schemas.config import Media
from schemas.enums import Category, DropReason, Group, MediaKind, Modality
from schemas.errors import Drop
from schemas.source import Licence, Source
from udfs.media.item import MediaItem
from udfs.media.resolve import MediaReader
from udfs.media.splits import is_alone, split_of, splits_in, splits_of
from udfs.sample import MediaRef

SOURCE = Source(
    source_id="shapes", name="Shapes", group=Group.B, category=Category.GENERAL, modality=Modality.IMAGE,
    family="llava_json", licence=Licence(spdx="CC0-1.0"),
)  # fmt: skip


@pytest.fixture
def picture(encoded: Callable[..., bytes]) -> bytes:
    return encoded(Image.new("RGB", (300, 240), "teal"), "PNG")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "shapes"


def read(root: Path, path: str, file: str) -> MediaItem:
    return MediaReader(str(root), {}, Media()).read(MediaRef(MediaKind.IMAGE, path=path), SOURCE, file)


@pytest.mark.parametrize(("stem", "alone"), [
    ("ADE_train_00000001", True), ("COCO_val2014_000000000042", True), ("VizWiz_train_00000001", True),
    ("train_00000001", False), ("ADE_train_1", False), ("000000000042", False), ("s_train_p_00000001", False),
    ("sa_224577", True), ("sa_1", False), ("visa_224577", False), ("s_02_e_18_shot_012864_012938", True),
])  # fmt: skip
def test_names_that_tell_data_set_and_split(stem: str, alone: bool):
    assert is_alone(stem) is alone


def test_a_number_is_that_of_one_picture_where_pictures_are_cocos():
    assert is_alone("000000000042", coco=True)
    assert not is_alone("42", coco=True)


def put(place: Path, data: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)


@pytest.mark.parametrize(("path", "splits"), [
    ("train.json", {"train"}), ("instances_val2017.json", {"val"}), ("data/validation-00000-of-00001.parquet", {"val"}),
    ("dev_seen.jsonl", {"val"}), ("v2_OpenEnded_test-dev2015_questions.json", {"test"}), ("minival.json", {"val"}),
    ("testdev_balanced.json", {"test"}), ("train_and_test.json", {"train", "test"}), ("training_sft/a.json", {"train"}),
    ("contest.json", set()), ("trainers/1.jpg", set()), ("intervals.json", set()), ("device.json", set()),
])  # fmt: skip
def test_splits_that_a_path_names(path: str, splits: set[str]):
    assert splits_in(path) == splits


@pytest.mark.parametrize(("path", "splits"), [
    ("tqa_train_val_test/test/tqa_v2.json", {"test"}), ("test/train.json", {"train"}), ("data/testset.json", {"test"}),
    ("train/questions.json", {"train"}), ("a.zip!/val/q.json", {"val"}), ("questions.json", set()),
])  # fmt: skip
def test_the_split_nearest_to_a_files_name_counts(path: str, splits: set[str]):
    assert splits_of(path) == splits


@pytest.mark.parametrize(("folder", "split"), [
    ("train", "train"), ("val2017", "val"), ("test_images", "test"), ("train_imgs", "train"), ("validation1", "val"),
    ("Test", "test"), ("dev", "val"), ("images", None), ("VG_100K", None), ("train_val_images", None), ("tests", None),
    ("a_train_images", "train"), ("b_test_images", "test"), ("pre_train", None),
])  # fmt: skip
def test_folders_that_are_a_split(folder: str, split: str | None):
    assert split_of(folder) == split


@pytest.mark.parametrize(("file", "folder", "fits"), [
    ("train.json", "val", False), ("train.json", "images/val", False), ("dev.json", "val2017", True),
    ("train.json", "train2014", True), ("all.json", "val", True), ("train.json", "pictures", True),
    ("test/qa.json", "train_images", False),
])  # fmt: skip
def test_a_bare_name_is_found_in_no_folder_of_another_split(
    root: Path, picture: bytes, file: str, folder: str, fits: bool
):
    put(root / folder / "1.png", picture)
    if fits:
        assert read(root, "1.png", file).parts
        return
    with pytest.raises(Drop, match=r"1\.png is of another split") as caught:
        read(root, "1.png", file)
    assert caught.value.reason is DropReason.MISSING_MEDIA


def test_of_the_same_name_in_all_splits_the_records_own_is_read(root: Path, encoded: Callable[..., bytes]):
    for split, colour in (("train", "red"), ("val", "blue"), ("test", "lime")):
        put(root / split / "1.png", encoded(Image.new("RGB", (300, 240), colour), "PNG"))
    found = {file: read(root, "1.png", file).media_id for file in ("train.json", "val.json", "test.json")}
    assert len(set(found.values())) == 3


def test_one_reader_keeps_the_splits_apart(root: Path, encoded: Callable[..., bytes]):
    for split, colour in (("train", "red"), ("val", "blue")):
        put(root / split / "1.png", encoded(Image.new("RGB", (300, 240), colour), "PNG"))
    reader, ref = MediaReader(str(root), {}, Media()), MediaRef(MediaKind.IMAGE, path="1.png")
    assert reader.read(ref, SOURCE, "train.json").media_id != reader.read(ref, SOURCE, "val.json").media_id


def test_a_split_in_the_path_is_enough(root: Path, picture: bytes):
    put(root / "val2014" / "COCO_val2014_1.png", picture)
    assert read(root, "COCO_val2014_1.png", "train.json").parts


def test_archives_of_another_split_are_named_and_not_read(root: Path, picture: bytes):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("1.png", picture)
    put(root / "val.zip", held.getvalue())
    with pytest.raises(Drop, match=r"val\.zip has one of another split"):
        read(root, "1.png", "train.json")
    assert read(root, "1.png", "val.json").parts
