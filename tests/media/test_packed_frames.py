"""Videos that are folders of frames in an archive: found by their folder, read in the order of their names."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from schemas.config import Media
from schemas.enums import Category, DropReason, Group, MediaKind, Modality
from schemas.errors import Drop
from schemas.source import Licence, Source
from udfs.media.item import MediaItem
from udfs.media.resolve import MediaReader
from udfs.sample import MediaRef

SOURCE = Source(
    source_id="clips", name="Clips", group=Group.A, category=Category.VIDEO, modality=Modality.VIDEO,
    family="llava_video_json", licence=Licence(spdx="CC0-1.0"),
)  # fmt: skip
Held = Sequence[tuple[str, bytes]]


def tar(held: Held, form: int = tarfile.GNU_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as out:
        for name, data in held:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return made.getvalue()


def zipped(held: Held) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in held:
            out.writestr(name, data)
    return made.getvalue()


PACK: dict[str, Callable[[Held], bytes]] = {
    "zip": zipped, "tar": tar, "tar.gz": lambda held: gzip.compress(tar(held)),
}  # fmt: skip


@pytest.fixture(scope="module")
def stills(encoded: Callable[..., bytes]) -> list[bytes]:
    return [encoded(Image.new("RGB", (300, 240), (20 * at, 9, 9)), "JPEG") for at in range(12)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "clips"
    (made / "train_300k").mkdir(parents=True)
    return made


def read(root: Path, path: str, file: str = "") -> MediaItem:
    reader = MediaReader(str(root), {}, Media(inflated_dir=str(root.parent / "inflated")))
    return reader.read(MediaRef(MediaKind.VIDEO, path=path), SOURCE, file)


def refused(root: Path, path: str, file: str = "") -> str:
    with pytest.raises(Drop) as caught:
        read(root, path, file)
    assert caught.value.reason is DropReason.MISSING_MEDIA
    return caught.value.detail


def clip(folder: str, frames: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """Frames of a video as they lie in an archive: in no order."""
    named = [(f"{folder}/c01_{at:04d}.jpeg", data) for at, data in enumerate(frames)]
    return [*named[1::2], (f"{folder}/notes.txt", b"x"), *named[::2]]


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("place", ["", "train_300k/"])
@pytest.mark.parametrize(("folder", "path"), [
    ("v_1", "v_1"),
    ("v_1", "v_1.mp4"),
    ("v_1", "train_300k/v_1"),
    ("chunk_0/v_1", "v_1"),
    ("./v_1", "v_1"),
    ("frames/v_1", "v_1"),
    ("a/b/v_1", "v_1"),
])  # fmt: skip
def test_frames_in_archives(root: Path, stills: list[bytes], suffix: str, place: str, folder: str, path: str):
    path = path if place else path.removeprefix("train_300k/")
    others = [*clip("w_1", stills[3:6]), *clip("v_10", stills[:2])]
    (root / f"{place}chunk_0.{suffix}").write_bytes(PACK[suffix]([*others, *clip(folder, stills)]))
    for at, data in enumerate(stills):
        (root / "loose/v_1").mkdir(parents=True, exist_ok=True)
        (root / f"loose/v_1/c01_{at:04d}.jpeg").write_bytes(data)
    loose = read(root / "loose", "v_1")
    (root / "loose").rename(root.parent / "elsewhere")
    item = read(root, path)
    assert (item.media_id, item.facts) == (loose.media_id, loose.facts)
    assert (item.facts.frames, item.facts.parts) == (12, 8)
    assert [part.sha256 for part in item.parts] == [part.sha256 for part in loose.parts]
    assert read(root, "w_1").facts.frames == 3


def test_frames_of_two_folders_are_none(root: Path, stills: list[bytes]):
    held = [*clip("a/v_1", stills[:3]), *clip("b/v_1", stills[3:6]), *clip("train/w", stills[:2])]
    (root / "chunk_0.zip").write_bytes(zipped([*held, *clip("val/w", stills)]))
    assert "'v_1' may be any of a/v_1, b/v_1" in refused(root, "v_1")
    assert read(root, "w", "val.json").facts.frames == 12


def test_a_folder_without_pictures_is_no_video(root: Path, stills: list[bytes]):
    (root / "chunk_0.zip").write_bytes(zipped([("v_1/notes.txt", b"x"), ("v_1/deep/1.jpg", stills[0])]))
    assert refused(root, "v_1").startswith("no file; tried")


def test_frames_under_names_that_an_archive_cuts_are_to_be_unpacked(root: Path, stills: list[bytes]):
    folder = "v_" + "x" * 110
    (root / "chunk_0.tar").write_bytes(tar(clip(folder, stills[:2])))
    assert "chunk_0.tar holds frames under names that are too long; unpack it" in refused(root, folder)


def test_damaged_frames_are_no_video(root: Path, stills: list[bytes]):
    data = bytearray(zipped(clip("v_1", stills[:2])))
    data[60:80] = bytes(20)
    (root / "chunk_0.zip").write_bytes(data)
    with pytest.raises(Drop) as caught:
        read(root, "v_1")
    assert caught.value.reason is DropReason.UNDECODABLE_MEDIA
