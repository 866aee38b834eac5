"""Pictures of another split, or of another kind, are not taken where a record's own is missing."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from publishing import picture

from schemas.config import Media
from schemas.enums import DropReason, MediaKind
from schemas.errors import Drop
from schemas.source import packaged_sources
from udfs.media.resolve import MediaReader
from udfs.sample import MediaRef

OWN, OTHER = picture(1), picture(2)


def read(root: Path, files: Mapping[str, Any], path: str, record: str) -> bytes:
    for name, held in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(held, bytes):
            file.write_bytes(held)
            continue
        with zipfile.ZipFile(file, "w") as packed:
            for member, data in held.items():
                packed.writestr(member, data)
    reader = MediaReader(str(root), {}, Media())
    return reader.read(MediaRef(MediaKind.IMAGE, path), packaged_sources()["raven"], record).media_id.encode()


@pytest.mark.parametrize(
    ("files", "path", "record"),
    [
        ({"RAVEN_test_images.zip": {"1.png": OTHER}}, "RAVEN/1.png", "all.json"),
        ({"train_masks.zip": {"1.png": OTHER}}, "train/1.png", "all.json"),
        ({"test_pictures/home/u/1.png": OTHER}, "1.png", "train.json"),
        ({"a.zip": {"test/mnt/a/b/1.png": OTHER}}, "1.png", "train.json"),
        ({"a.zip": {"test/images/1.png": OTHER, "train/images/2.png": OTHER}}, "1.png", "train.json"),
    ],
    ids=("archive of tests", "archive of masks", "way of tests", "way of tests in an archive", "folder of tests"),
)
def test_another_splits_picture_is_none(tmp_path: Path, files: Mapping[str, Any], path: str, record: str):
    with pytest.raises(Drop) as dropped:
        read(tmp_path, files, path, record)
    assert dropped.value.reason is DropReason.MISSING_MEDIA


@pytest.mark.parametrize(
    ("files", "path", "record"),
    [
        (
            {"RAVEN_test_images.zip": {"1.png": OTHER}, "RAVEN_train_images.zip": {"1.png": OWN}},
            "RAVEN/1.png",
            "a.json",
        ),
        ({"test_pictures/home/u/1.png": OTHER, "train_pictures/home/u/1.png": OWN}, "1.png", "train.json"),
        ({"a.zip": {"test/images/1.png": OTHER, "train/images/1.png": OWN}}, "1.png", "train.json"),
    ],
    ids=("archives", "ways", "folders in an archive"),
)
def test_its_own_is_found_beside_another_splits(tmp_path: Path, files: Mapping[str, Any], path: str, record: str):
    alone = read(tmp_path / "alone", {"1.png": OWN}, "1.png", record)
    assert read(tmp_path / "both", files, path, record) == alone
