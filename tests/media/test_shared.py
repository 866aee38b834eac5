"""Pictures in the folders of `storage.media_roots`: tried last, where the catalogue or the path says so."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import Image

from schemas.config import Media
from schemas.enums import Category, DropReason, Group, Modality
from schemas.errors import Drop
from schemas.source import Licence, Reading, Source
from udfs.media.item import sha256
from udfs.media.resolve import MediaReader
from udfs.sample import MediaRef

N = "000000000009"
Y17, Y14 = f"coco/train2017/{N}.jpg", f"coco/train2014/COCO_train2014_{N}.jpg"


def source(*roots: str, media_root: str = "") -> Source:
    return Source(
        source_id="shapes", name="Shapes", group=Group.B, category=Category.GENERAL, modality=Modality.IMAGE,
        family="llava_json", licence=Licence(spdx="CC0-1.0"),
        reading=Reading(files=("*.json",), origin_roots=roots, media_root=media_root),
    )  # fmt: skip


@pytest.fixture(scope="module")
def pictures(encoded: Callable[..., bytes]) -> list[bytes]:
    return [encoded(Image.new("RGB", (300, 240), (at * 40, 9, 9)), "JPEG") for at in range(4)]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., str]:
    """The id of a picture, with these files below the folder of all roots and `shapes`, the source's own."""

    def reading(held: Mapping[str, bytes], path: str, of: Source, file: str = "a.json", roots: str = "coco vg") -> str:
        (tmp_path / "shapes").mkdir(exist_ok=True)
        for name, data in held.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(data)
        named = {name: str(tmp_path / name) for name in roots.split()}
        return MediaReader(str(tmp_path / "shapes"), named, Media()).read(MediaRef(path=path), of, file).media_id

    return reading


def refused(read: Callable[..., str], *told: object, **more: str) -> str:
    with pytest.raises(Drop) as caught:
        read(*told, **more)
    assert caught.value.reason is DropReason.MISSING_MEDIA
    return caught.value.detail


@pytest.mark.parametrize(("place", "path", "roots"), [
    (Y17, f"train2017/{N}.jpg", ("coco",)),
    (f"coco/images/train2017/{N}.jpg", f"train2017/{N}.jpg", ("coco",)),
    (Y17, f"{N}.jpg", ("coco",)),
    (Y17, N, ("vg", "coco")),
    (Y17, f"images/{N}.jpg", ("coco",)),
    (Y14, f"{N}.jpg", ("coco",)),
    (f"coco/images/val2014/COCO_val2014_{N}.jpg", f"{N}.jpg", ("coco",)),
    (Y17, f"train2014/COCO_train2014_{N}.jpg", ("coco",)),
    (f"coco/val2017/{N}.jpg", f"COCO_train2014_{N}.jpg", ("coco",)),
    ("vg/VG_100K_2/2.jpg", "VG_100K_2/2.jpg", ("vg",)),
    ("vg/VG_100K_2/2.jpg", "2", ("vg",)),
    ("vg/images/VG_100K/2.jpg", "2.jpg", ("vg",)),
    ("coco/own/2.jpg", "own/2.jpg", ("vg", "coco")),
    (Y17, f"train2017/{N}.jpg", ()),
    (Y17, f"coco/train2017/{N}.jpg", ()),
    (Y17, f"data/coco/images/train2017/{N}.jpg", ()),
    (f"vg/images/train2017/{N}.jpg", f"train2017/{N}.jpg", ()),
    (Y14, f"train2014/COCO_train2014_{N}", ()),
    (Y14, f"COCO_train2014_{N}.jpg", ()),
    ("vg/VG_100K/2.jpg", "images/VG_100K/2.jpg", ()),
])  # fmt: skip
def test_where_shared_pictures_are_found(
    read: Callable[..., str], pictures: list[bytes], place: str, path: str, roots: tuple[str, ...]
):
    assert read({place: pictures[0]}, path, source(*roots), "train.json") == sha256(pictures[0])


@pytest.mark.parametrize(("place", "path", "roots"), [
    (Y17, f"{N}.jpg", ()),
    (Y17, f"{N}.jpg", ("vg",)),
    (Y17, f"train2017/{N}.png", ()),
    (Y17, f"{N}.png", ("coco",)),
    (Y14, f"edited/COCO_train2014_{N}.jpg", ()),
    (Y17, f"masks/train2017/{N}.jpg", ()),
    ("vg/2.jpg", "2.jpg", ()),
    ("vg/images/2.jpg", "images/2.jpg", ()),
    ("vg/VG_100K/2.jpg", "2.jpg", ("coco",)),
    ("vg/VG_100K/12.jpg", "2.jpg", ("vg",)),
    ("vg/a/b/2.jpg", "2.jpg", ("vg",)),
])  # fmt: skip
def test_what_another_data_set_may_call_so_is_left(
    read: Callable[..., str], pictures: list[bytes], place: str, path: str, roots: tuple[str, ...]
):
    assert "no file; tried" in refused(read, {place: pictures[0]}, path, source(*roots))


@pytest.mark.parametrize("path", [f"{N}.jpg", f"train2017/{N}.jpg", f"COCO_train2014_{N}.jpg"])
def test_the_own_folder_comes_first(read: Callable[..., str], pictures: list[bytes], path: str):
    shared = {Y17: pictures[1], Y14: pictures[1]}
    assert read({f"shapes/deep/{path}": pictures[0], **shared}, path, source("coco")) == sha256(pictures[0])


def test_several_places_count_where_they_hold_the_same(read: Callable[..., str], pictures: list[bytes]):
    held = {Y17: pictures[0], Y14: pictures[0]}
    assert read(held, f"{N}.jpg", source("coco")) == sha256(pictures[0])
    told = refused(read, {Y14: pictures[1]}, f"{N}.jpg", source("coco"))
    assert f"'{N}.jpg' may be any of " in told
    assert "train2014" in told
    assert "different pictures" in told
    assert read({}, f"train2014/COCO_train2014_{N}.jpg", source("coco")) == sha256(pictures[1])
    same = {"vg/VG_100K/2.jpg": pictures[0], "vg/VG_100K_2/2.jpg": pictures[0]}
    assert read(same, "2", source("vg")) == sha256(pictures[0])
    assert "different" in refused(read, {"vg/VG_100K/2.jpg": pictures[1]}, "2", source("vg"))


def test_a_suffix_counts(read: Callable[..., str], pictures: list[bytes]):
    held = {"vg/2.png": pictures[0], "vg/2.jpg": pictures[1]}
    assert read(held, "2.png", source("vg")) == sha256(pictures[0])
    assert "different pictures" in refused(read, {}, "2", source("vg"))


@pytest.mark.parametrize(("archive", "member", "path", "roots"), [
    ("vg/images2.zip", "VG_100K_2/2.jpg", "VG_100K_2/2.jpg", ("vg",)),
    ("vg/images2.zip", "VG_100K_2/2.jpg", "2", ("vg",)),
    ("coco/train2017.zip", f"train2017/{N}.jpg", f"train2017/{N}.jpg", ("coco",)),
    ("coco/val2017.zip", f"val2017/{N}.jpg", f"{N}.jpg", ("coco",)),
    ("coco/train2014.zip", f"train2014/COCO_train2014_{N}.jpg", f"{N}.jpg", ("coco",)),
])  # fmt: skip
def test_archives_of_a_named_root(
    tmp_path: Path, read: Callable[..., str], pictures: list[bytes], archive: str, member: str, path: str,
    roots: tuple[str, ...],
):  # fmt: skip
    (tmp_path / archive).parent.mkdir()
    with zipfile.ZipFile(tmp_path / archive, "w") as out:
        out.writestr(member, pictures[0])
    assert read({}, path, source(*roots), "train.json") == sha256(pictures[0])
    assert "no file; tried" in refused(read, {}, path, source())


def test_a_number_finds_the_other_release_of_a_media_root(read: Callable[..., str], pictures: list[bytes]):
    path = f"train2014/COCO_train2014_{N}.jpg"
    assert read({Y17: pictures[0]}, path, source(media_root="coco")) == sha256(pictures[0])


def test_sources_of_one_folder_have_roots_of_their_own(tmp_path: Path, pictures: list[bytes]):
    (tmp_path / "vg/VG_100K").mkdir(parents=True)
    (tmp_path / "vg/VG_100K/2.jpg").write_bytes(pictures[0])
    (tmp_path / "shapes").mkdir()
    reader = MediaReader(str(tmp_path / "shapes"), {"vg": str(tmp_path / "vg")}, Media())
    for of in (source(), source("vg"), source()):
        if of.reading and of.reading.origin_roots:
            assert reader.read(MediaRef(path="2"), of).media_id == sha256(pictures[0])
        else:
            with pytest.raises(Drop, match="no file; tried"):
                reader.read(MediaRef(path="2"), of)


@pytest.mark.parametrize("of", [source("coco"), source()])
def test_no_root_is_left(tmp_path: Path, read: Callable[..., str], pictures: list[bytes], of: Source):
    outside = tmp_path / "else" / "train2017"
    outside.mkdir(parents=True)
    (outside / f"{N}.jpg").write_bytes(pictures[0])
    (tmp_path / "coco").mkdir()
    (tmp_path / "coco/train2017").symlink_to(outside)
    assert "link that leaves the media root" in refused(read, {}, f"train2017/{N}.jpg", of)
    for path in (f"../else/train2017/{N}.jpg", f"coco/../else/train2017/{N}.jpg", f"/etc/train2017/{N}.jpg"):
        with pytest.raises(Drop) as caught:
            read({}, path, of)
        assert caught.value.reason is DropReason.MEDIA_OUTSIDE_ROOT


def test_what_is_missing_names_the_roots(tmp_path: Path, read: Callable[..., str]):
    told = refused(read, {}, "2.jpg", source("vg", "coco"), roots="vg")
    assert told.startswith(
        "storage.media_roots.coco, which may hold it, is not set; "
        f"not in {tmp_path / 'vg'} (storage.media_roots.vg); no file; tried "
    )
    assert "storage.media_roots.coco, which may" in refused(read, {}, f"train2017/{N}.jpg", source(), roots="")
    assert "storage.media_roots.coco, which may" in refused(read, {}, "2.jpg", source(media_root="coco"), roots="")
    assert "storage.media_roots" not in refused(read, {}, "2.jpg", source())
    (tmp_path / "shapes/images").mkdir()
    assert "storage.media_roots" not in refused(read, {}, "2.jpg", source(media_root="images"))
