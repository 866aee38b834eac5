"""Pictures in compressed tars: a plain copy is made once on the machine, within bounds, and read as any tar."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image

from schemas.config import Media
from schemas.enums import Category, DropReason, Group, MediaKind, Modality
from schemas.errors import Drop
from schemas.source import Licence, Source
from udfs import inflate, members
from udfs.media.item import sha256
from udfs.media.resolve import MediaReader
from udfs.sample import MediaRef

SOURCE = Source(
    source_id="shapes", name="Shapes", group=Group.B, category=Category.GENERAL, modality=Modality.IMAGE,
    family="llava_json", licence=Licence(spdx="CC0-1.0"),
)  # fmt: skip


def zstd(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


PACK: dict[str, Callable[[bytes], bytes]] = {
    "tar.gz": gzip.compress, "tgz": gzip.compress, "tar.bz2": bz2.compress, "tbz2": bz2.compress,
    "tar.xz": lzma.compress, "txz": lzma.compress, "tar.zst": zstd,
}  # fmt: skip


def tar(*held: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as out:
        for name, data in held:
            info = tarfile.TarInfo(name)
            info.size, info.type = len(data), kind
            info.linkname = "/etc/passwd" if kind != tarfile.REGTYPE else ""
            out.addfile(info, io.BytesIO(data))
    return made.getvalue()


@pytest.fixture
def pictures(encoded: Callable[..., bytes]) -> list[bytes]:
    return [encoded(Image.new("RGB", (300, 240), (at, 9, 9)), "PNG") for at in range(20)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "shapes"
    made.mkdir()
    return made


def limits(root: Path, most: int = 1 << 30) -> Media:
    return Media(inflated_dir=str(root.parent / "inflated"), inflated_max_bytes=most)


def read(root: Path, path: str, most: int = 1 << 30) -> str:
    found = MediaReader(str(root), {}, limits(root, most)).read(MediaRef(MediaKind.IMAGE, path=path), SOURCE, "a.json")
    return found.media_id


def refused(root: Path, path: str, most: int = 1 << 30) -> str:
    with pytest.raises(Drop) as caught:
        read(root, path, most)
    assert caught.value.reason is DropReason.MISSING_MEDIA
    return caught.value.detail


def copies(root: Path) -> list[Path]:
    return sorted((root.parent / "inflated").glob("*.tar"))


@pytest.mark.parametrize("suffix", PACK)
def test_pictures_are_found(root: Path, pictures: list[bytes], suffix: str):
    held = [(f"png/{at}.png", data) for at, data in enumerate(pictures)]
    (root / f"png_train.{suffix}").write_bytes(PACK[suffix](tar(*held)))
    reader = MediaReader(str(root), {}, limits(root))
    for at in (19, 0, 7):
        item = reader.read(MediaRef(MediaKind.IMAGE, path=f"png/{at}.png"), SOURCE, "a.json")
        assert item.media_id == sha256(pictures[at])
    (copy,) = copies(root)
    assert copy.read_bytes() == tar(*held)
    assert copy.stat().st_mode & 0o077 == 0 or copy.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["lines.tgz", "lines.tar.gz"])
def test_a_folder_of_the_archives_name_may_be_left_out(root: Path, pictures: list[bytes], name: str):
    (root / name).write_bytes(gzip.compress(tar(("a01/a01-000u/a01-000u-00.png", pictures[1]))))
    assert read(root, "lines/a01/a01-000u/a01-000u-00.png") == sha256(pictures[1])


def test_several_streams_in_a_row(root: Path, pictures: list[bytes]):
    whole = tar(("1.png", pictures[1]), ("2.png", pictures[2]))
    (root / "a.tar.xz").write_bytes(lzma.compress(whole[:700]) + bytes(8) + lzma.compress(whole[700:]) + bytes(4))
    assert read(root, "2.png") == sha256(pictures[2])


def test_what_lies_loose_or_in_a_plain_archive_comes_first(root: Path, pictures: list[bytes]):
    (root / "a.tgz").write_bytes(gzip.compress(tar(("1.png", pictures[1]), ("2.png", pictures[2]))))
    (root / "z.tar").write_bytes(tar(("1.png", pictures[3])))
    (root / "2.png").write_bytes(pictures[4])
    assert (read(root, "1.png"), read(root, "2.png")) == (sha256(pictures[3]), sha256(pictures[4]))
    assert copies(root) == []


@pytest.mark.parametrize("name", ["../1.png", "/1.png", "d/../../1.png"])
def test_names_that_lead_out_are_no_members(root: Path, pictures: list[bytes], name: str):
    (root / "a.tgz").write_bytes(gzip.compress(tar((name, pictures[1]))))
    assert refused(root, "1.png").startswith("no file; tried")


def test_links_are_no_pictures(root: Path):
    (root / "a.tgz").write_bytes(gzip.compress(tar(("1.png", b""), kind=tarfile.SYMTYPE)))
    assert refused(root, "1.png").startswith("no file; tried")


@pytest.mark.parametrize(("suffix", "damage"), [
    *((suffix, "cut") for suffix in PACK), ("tar.gz", "changed"), ("tar.bz2", "changed"), ("tar.xz", "changed"),
])  # fmt: skip
def test_damage_is_told_once_and_ends_nothing(root: Path, pictures: list[bytes], suffix: str, damage: str):
    noise = tar(("0.bin", os.urandom(100_000)), ("1.png", pictures[1]))
    data = PACK[suffix](noise)
    (root / f"a.{suffix}").write_bytes(data[:-200] if damage == "cut" else data[:50_000] + bytes(999) + data[50_999:])
    (root / "b.tgz").write_bytes(gzip.compress(tar(("2.png", pictures[2]))))
    assert "download the archive again" in refused(root, "1.png")
    assert read(root, "2.png") == sha256(pictures[2])
    assert not list((root.parent / "inflated").glob("*.part"))


def test_what_is_no_tar_is_told_by_its_own_name(root: Path):
    (root / "a.tgz").write_bytes(gzip.compress(b"no tar"))
    detail = refused(root, "1.png")
    assert f"{root}/a.tgz cannot be read" in detail
    assert "inflated" not in detail


def test_a_bomb_is_refused(root: Path):
    (root / "a.tar.zst").write_bytes(zstd(tar(("1.png", bytes(40 << 20)))))
    assert "inflate to over 1100 times" in refused(root, "1.png")
    assert copies(root) == []


def test_copies_stay_within_their_bounds(root: Path, pictures: list[bytes]):
    for at in (1, 2):
        (root / f"{at}.tgz").write_bytes(gzip.compress(tar((f"{at}.png", pictures[at]), ("pad", bytes(100_000)))))
    assert read(root, "1.png", 150_000) == sha256(pictures[1])
    detail = refused(root, "2.png", 150_000)
    assert "raise media.inflated_max_bytes (now 150,000)" in detail
    assert len(copies(root)) == 1
    # What nobody has begun to use for a day makes room.
    (copy,) = copies(root)
    os.utime(copy, (time.time() - 90_000,) * 2)
    (root / "1.tgz").unlink()
    inflate._made.cache_clear()  # another process
    assert read(root, "2.png", 150_000) == sha256(pictures[2])
    assert [found.name.partition("-")[0] for found in copies(root)] == ["2"]


def test_an_archive_that_changes_is_inflated_anew(root: Path, pictures: list[bytes]):
    for data in pictures[1:3]:
        (root / "a.tgz").write_bytes(gzip.compress(tar(("1.png", data), ("pad", data[:40]))))
        assert read(root, "1.png") == sha256(data)
        assert len(copies(root)) == 1


def test_several_readers_make_one_copy(root: Path, pictures: list[bytes], monkeypatch: pytest.MonkeyPatch):
    (root / "a.tgz").write_bytes(gzip.compress(tar(*((f"{at}.png", data) for at, data in enumerate(pictures)))))
    made: list[str] = []
    whole = inflate.content

    def content(uri: str) -> object:
        made.append(uri)
        time.sleep(0.05)
        return whole(uri)

    monkeypatch.setattr(inflate, "content", content)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda at: read(root, f"{at}.png"), range(8)))
    assert found == [sha256(data) for data in pictures[:8]]
    assert made == [str(root / "a.tgz")]


def test_a_folder_that_others_write_to_is_not_used(root: Path, pictures: list[bytes]):
    (root / "a.tgz").write_bytes(gzip.compress(tar(("1.png", pictures[1]))))
    (root.parent / "inflated").mkdir()
    (root.parent / "inflated").chmod(0o777)
    assert "others may write there; unpack it, or set media.inflated_dir" in refused(root, "1.png")


def test_annotations_in_an_xz(root: Path):
    (root / "a.tar.xz").write_bytes(lzma.compress(tar(("a.json", b"[]"), ("1.png", b""))))
    assert members.annotations(str(root / "a.tar.xz")) == ("a.json",)
