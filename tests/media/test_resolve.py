import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from schemas.config import Media
from schemas.enums import Category, DropReason, Group, MediaKind, Modality
from schemas.errors import Drop
from schemas.source import Licence, Reading, Source
from udfs.media.item import sha256
from udfs.media.resolve import MediaReader
from udfs.sample import MediaRef

LIMITS = Media()


def source(media_root: str = "") -> Source:
    return Source(
        source_id="shapes",
        name="Shapes",
        group=Group.B,
        category=Category.GENERAL,
        modality=Modality.IMAGE,
        family="llava_json",
        licence=Licence(spdx="CC0-1.0"),
        reading=Reading(files=("*.json",), media_root=media_root),
    )


@pytest.fixture
def picture(encoded: Callable[..., bytes]) -> bytes:
    return encoded(Image.new("RGB", (300, 240), "teal"), "PNG")


@pytest.fixture
def root(tmp_path: Path, picture: bytes) -> Path:
    folder = tmp_path / "shapes"
    for place in ("a.png", "images/b.png", "deep/er/c.png", "mine/d.png"):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(picture)
    return folder


@pytest.fixture
def reader(root: Path) -> MediaReader:
    return MediaReader(str(root), {"shared": str(root / "deep")}, LIMITS)


def dropped(reader: MediaReader, ref: MediaRef, of: Source | None = None) -> Drop:
    with pytest.raises(Drop) as caught:
        reader.read(ref, of or source())
    return caught.value


@pytest.mark.parametrize(("media_root", "path"), [
    ("", "a.png"),
    ("", "./a.png"),
    ("", "b.png"),
    ("", "images/b.png"),
    ("", "shapes/a.png"),
    ("", "deep/er/c.png"),
    ("mine", "d.png"),
    ("shared", "er/c.png"),
    ("shared", "shared/er/c.png"),
    ("shared", "deep/er/c.png"),
    ("shared", "a.png"),
    ("shared", "shapes/a.png"),
    ("elsewhere", "a.png"),
    ("", "shared/er/c.png"),
])  # fmt: skip
def test_places(reader: MediaReader, picture: bytes, media_root: str, path: str):
    item = reader.read(MediaRef(path=path), source(media_root))
    assert item.media_id == sha256(picture)
    assert (item.repeated, [part.data for part in item.parts]) == (False, [picture])


@pytest.mark.parametrize("path", ["deep/er/c.png", "deep/c.png", "er/c.png", "c.png"])
def test_a_path_from_the_sources_folder_on_is_found_below_the_records_folder(root: Path, picture: bytes, path: str):
    reader = MediaReader(str(root), {}, LIMITS)
    assert reader.read(MediaRef(path=path), source(), "deep/labels.txt").media_id == sha256(picture)


def test_a_path_that_names_a_split_is_found_in_its_folder(root: Path, picture: bytes):
    for folder in ("train_images", "val_images"):
        (root / folder).mkdir()
    (root / "train_images" / "t.png").write_bytes(picture)
    reader = MediaReader(str(root), {}, LIMITS)
    assert reader.read(MediaRef(path="train/t.png"), source()).media_id == sha256(picture)
    assert dropped(reader, MediaRef(path="val/t.png")).reason is DropReason.MISSING_MEDIA


def test_bytes_win_over_the_path(reader: MediaReader, encoded: Callable[..., bytes]):
    data = encoded(Image.new("RGB", (300, 240), "red"), "PNG")
    assert reader.read(MediaRef(path="a.png", data=data), source()).media_id == sha256(data)


def test_parts_are_given_out_once(reader: MediaReader, picture: bytes, root: Path):
    first = reader.read(MediaRef(path="a.png"), source())
    (root / "a.png").unlink()  # the second answer does not read the file again
    again = [
        reader.read(ref, source())
        for ref in (MediaRef(path="a.png"), MediaRef(path="images/b.png"), MediaRef(data=picture))
    ]
    assert all((item.parts, item.repeated) == ((), True) for item in again)
    assert all((item.media_id, item.facts) == (first.media_id, first.facts) for item in again)


def test_failures_are_remembered(reader: MediaReader, root: Path, picture: bytes):
    assert dropped(reader, MediaRef(path="late.png")).reason is DropReason.MISSING_MEDIA
    (root / "late.png").write_bytes(picture)
    assert dropped(reader, MediaRef(path="late.png")).reason is DropReason.MISSING_MEDIA
    (root / "late.png").unlink()
    assert dropped(reader, MediaRef(data=b"junk")).detail == dropped(reader, MediaRef(data=b"junk")).detail


def test_the_memory_is_bounded_and_holds_no_bytes(root: Path, picture: bytes, encoded: Callable[..., bytes]):
    reader = MediaReader(str(root), {}, LIMITS, remembered=4)
    for shade in range(9):
        reader.read(MediaRef(data=encoded(Image.new("L", (230, 230), shade), "PNG")), source())
    assert len(reader._memory) == 4
    assert not any(item.parts for item in reader._memory.values())
    recent = MediaRef(data=encoded(Image.new("L", (230, 230), 8), "PNG"))
    assert reader.read(recent, source()).repeated
    forgotten = MediaRef(data=encoded(Image.new("L", (230, 230), 0), "PNG"))
    assert not reader.read(forgotten, source()).repeated


def test_a_missing_file_says_what_was_tried(reader: MediaReader, root: Path):
    drop = dropped(reader, MediaRef(path="shapes/none.png"))
    assert drop.reason is DropReason.MISSING_MEDIA
    for place in ("shapes/none.png", "images/shapes/none.png", "none.png"):
        assert str(root / place) in drop.detail
    assert dropped(reader, MediaRef()).reason is DropReason.MISSING_MEDIA
    assert dropped(reader, MediaRef(path="images")).reason is DropReason.MISSING_MEDIA


def test_a_named_root_comes_before_the_own_folder(reader: MediaReader, root: Path, encoded: Callable[..., bytes]):
    other = encoded(Image.new("RGB", (300, 240), "red"), "PNG")
    (root / "deep" / "a.png").write_bytes(other)
    assert reader.read(MediaRef(path="a.png"), source("shared")).media_id == sha256(other)
    assert reader.read(MediaRef(path="a.png"), source()).media_id != sha256(other)
    tried = dropped(reader, MediaRef(path="none.png"), source("shared")).detail
    assert tried.index(str(root / "deep" / "none.png")) < tried.index(str(root / "none.png"))


def test_a_path_leaves_no_root(reader: MediaReader, root: Path, picture: bytes):
    (root / "outside.png").write_bytes(picture)
    drop = dropped(reader, MediaRef(path="../outside.png"), source("shared"))
    assert drop.reason is DropReason.MEDIA_OUTSIDE_ROOT


@pytest.mark.parametrize(("path", "reason"), [
    ("../secret.png", DropReason.MEDIA_OUTSIDE_ROOT),
    ("images/../../secret.png", DropReason.MEDIA_OUTSIDE_ROOT),
    ("shapes/../secret.png", DropReason.MEDIA_OUTSIDE_ROOT),
    ("/etc/passwd", DropReason.MEDIA_OUTSIDE_ROOT),
    ("link.png", DropReason.MEDIA_OUTSIDE_ROOT),
    ("images/link.png", DropReason.MEDIA_OUTSIDE_ROOT),
    ("http://example.org/a.png", DropReason.MEDIA_IS_URL),
    ("data:image/png;base64,AAAA", DropReason.MEDIA_IS_URL),
    ("a.png\0", DropReason.MEDIA_OUTSIDE_ROOT),
    ("%2e%2e/secret.png", DropReason.MISSING_MEDIA),
])  # fmt: skip
def test_paths_stay_inside(reader: MediaReader, root: Path, picture: bytes, path: str, reason: DropReason):
    (root.parent / "secret.png").write_bytes(picture)
    for place in ("link.png", "images/link.png"):
        (root / place).symlink_to(root.parent / "secret.png")
    assert dropped(reader, MediaRef(path=path)).reason is reason


def test_large_files_are_not_read(root: Path, picture: bytes):
    reader = MediaReader(str(root), {}, Media(max_bytes=len(picture) - 1))
    assert dropped(reader, MediaRef(path="a.png")).reason is DropReason.MEDIA_TOO_LARGE


def test_videos(reader: MediaReader, root: Path, clip: Path):
    (root / "v.mp4").write_bytes(clip.read_bytes())
    item = reader.read(MediaRef(MediaKind.VIDEO, path="v.mp4"), source())
    assert (item.facts.kind, item.facts.parts, len(item.parts)) == (MediaKind.VIDEO, 8, 8)
    assert reader.read(MediaRef(MediaKind.VIDEO, path="v.mp4"), source()).repeated
    assert dropped(reader, MediaRef(MediaKind.VIDEO, path="a.png")).reason is DropReason.UNDECODABLE_MEDIA
    assert dropped(reader, MediaRef(MediaKind.IMAGE, path="v.mp4")).reason is DropReason.MEDIA_UNSUPPORTED
    assert reader.read(MediaRef(MediaKind.VIDEO, data=clip.read_bytes()), source()).facts == item.facts
    reader.close()


@pytest.mark.parametrize(("file", "path"), [
    ("deep/list.json", "er/c.png"),
    ("deep/er/lists/list.json", "c.png"),
    ("list.json", "d.png"),
    ("", "er/c.png"),
])  # fmt: skip
def test_beside_the_file_and_one_folder_deeper(reader: MediaReader, file: str, path: str):
    assert reader.read(MediaRef(path=path), source(), file).facts.width == 300


def test_two_folders_that_have_it_are_one_too_many(reader: MediaReader, root: Path, picture: bytes):
    (root / "yours").mkdir()
    (root / "yours/d.png").write_bytes(picture)
    drop = dropped(reader, MediaRef(path="d.png"))
    assert drop.reason is DropReason.MISSING_MEDIA
    assert "mine/d.png" in drop.detail
    assert "yours/d.png" in drop.detail


def test_no_link_is_followed_out_of_the_root(root: Path, tmp_path: Path, picture: bytes):
    (tmp_path / "else").mkdir()
    (tmp_path / "else/z.png").write_bytes(picture)
    (root / "link").symlink_to(tmp_path / "else")
    reader = MediaReader(str(root), {}, LIMITS)
    assert dropped(reader, MediaRef(path="z.png")).reason is DropReason.MISSING_MEDIA


@pytest.mark.parametrize("path", ["v", "v.avi", "deep/v"])
def test_videos_go_by_other_names(reader: MediaReader, root: Path, clip: Path, path: str):
    target = root / f"{path.removesuffix('.avi')}.mp4"
    target.write_bytes(clip.read_bytes())
    assert reader.read(MediaRef(MediaKind.VIDEO, path=path), source()).facts.format == "mp4/h264"


@pytest.mark.parametrize("path", ["v1", "v1.mp4"])
def test_a_folder_of_frames_is_a_video(reader: MediaReader, root: Path, encoded: Callable[..., bytes], path: str):
    for at in range(20):
        (root / "frames/v1").mkdir(parents=True, exist_ok=True)
        (root / f"frames/v1/c01_{at:04d}.jpeg").write_bytes(encoded(Image.new("RGB", (300, 240), (at, 0, 0)), "JPEG"))
    item = reader.read(MediaRef(MediaKind.VIDEO, path=path), source())
    assert (item.facts.kind, item.facts.frames, item.facts.parts) == (MediaKind.VIDEO, 20, len(item.parts))
    assert len(item.parts) == LIMITS.video_frames
    assert len({part.sha256 for part in item.parts}) == LIMITS.video_frames
    assert reader.read(MediaRef(MediaKind.VIDEO, path=path), source()).repeated


@pytest.mark.parametrize(("member", "path"), [
    ("z/p.png", "z/p.png"),
    ("z/p.png", "./z/p.png"),
    ("z/p.png", "shapes/z/p.png"),
    ("z/p.png", "pics/z/p.png"),
    ("images/z/p.png", "z/p.png"),
    ("pics/z/p.png", "z/p.png"),
    ("./z/p.png", "z/p"),
    ("figures/z/p.png", "z/p.png"),
    ("a/train/z/p.png", "z/p.png"),
    ("a/b/c/d/sa_224577.jpg", "sa_224577.jpg"),
])  # fmt: skip
def test_pictures_in_archives(root: Path, reader: MediaReader, picture: bytes, member: str, path: str):
    (root / "damaged.zip").write_bytes(b"PK")
    with zipfile.ZipFile(root / "pics.zip", "w") as out:
        out.writestr(member, picture)
    assert reader.read(MediaRef(path=path), source()).media_id == sha256(picture)
    assert "damaged.zip cannot be read" in dropped(reader, MediaRef(path="none.png")).detail


def test_folders_of_an_archive_hold_one_of_a_name(
    root: Path, reader: MediaReader, encoded: Callable[..., bytes], clip: Path
):
    pictures = [encoded(Image.new("RGB", (300, 240), (at, 0, 0)), "PNG") for at in range(2)]
    with zipfile.ZipFile(root / "pics.zip", "w") as out:
        for name, at in (("train/p.png", 0), ("val/p.png", 1), ("a/q.png", 0), ("b/q.png", 1)):
            out.writestr(name, pictures[at])
        out.write(clip, "videos/1164/3238737531.mp4")
    assert reader.read(MediaRef(path="p.png"), source(), "val.json").media_id == sha256(pictures[1])
    assert "may be any of" in dropped(reader, MediaRef(path="q.png")).detail
    assert reader.read(MediaRef(MediaKind.VIDEO, path="3238737531"), source()).facts.kind is MediaKind.VIDEO


def test_a_file_comes_before_an_archive_and_no_archive_leaves_its_root(root: Path, reader: MediaReader, picture: bytes):
    with zipfile.ZipFile(root / "pics.zip", "w") as out:
        out.writestr("a.png", b"other")
    with zipfile.ZipFile(root.parent / "secret.zip", "w") as out:
        out.writestr("s.png", picture)
    (root / "linked.zip").symlink_to(root.parent / "secret.zip")
    assert reader.read(MediaRef(path="a.png"), source()).media_id == sha256(picture)
    assert dropped(reader, MediaRef(path="s.png")).reason is DropReason.MISSING_MEDIA


def test_an_archive_that_must_be_unpacked_is_named(root: Path, reader: MediaReader):
    (root / "pics.7z").touch()
    assert "pics.7z cannot be read: unpack it" in dropped(reader, MediaRef(path="none.png")).detail
