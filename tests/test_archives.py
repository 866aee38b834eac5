"""Members of archives, read in place; hostile archives."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from schemas.enums import DropReason
from schemas.errors import Drop, InputError
from udfs import archives, files, members


def zipped(path: Path, members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> str:
    with zipfile.ZipFile(path, "w", method) as out:
        for name, data in members:
            out.writestr(name, data)
    return str(path)


def tarred(path: Path, members: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w") -> str:
    with tarfile.open(path, mode) as out:
        for info, data in members:
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return str(path)


def told(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def content(uri: str, name: str, most: int = 1 << 20) -> bytes | None:
    found = members.find_member(uri, [name])
    return None if found is None else members.read_member(found, most)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_members_of_a_zip(tmp_path: Path, method: int):
    data = {f"d/{i}.bin": os.urandom(i) for i in (0, 1, 70_000)} | {"./é 1.jpg": b"accent"}
    uri = zipped(tmp_path / "a.zip", list(data.items()), method)
    assert {name: content(uri, name.removeprefix("./")) for name in data} == data
    assert content(uri, "d") is None


def test_members_of_a_tar(tmp_path: Path):
    long = "x" * 90 + "/" + "y" * 120 + ".jpg"
    uri = tarred(tmp_path / "a.tar", [(told("./a.jpg"), b"one"), (told(long), b"two")])
    assert (content(uri, "a.jpg"), content(uri, long)) == (b"one", b"two")


@pytest.mark.parametrize("name", ["/etc/a", "../a", "d/../../a", "C:\\a", "C:/a", "d\\a", "..", "d/.."])
def test_names_that_lead_out_are_no_members(tmp_path: Path, name: str):
    made = [
        zipped(tmp_path / "a.zip", [(name, b"x"), ("b", b"y")]),
        tarred(tmp_path / "a.tar", [(told(name), b"x"), (told("b"), b"y")]),
    ]
    for uri in made:
        assert content(uri, name) is None
        assert content(uri, "b") == b"y"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_only_regular_files_count(tmp_path: Path, kind: bytes):
    uri = tarred(tmp_path / "a.tar", [(told("a", kind, "/etc/passwd"), b""), (told("b"), b"y")])
    assert (content(uri, "a"), content(uri, "b")) == (None, b"y")


def test_links_in_a_zip_do_not_count(tmp_path: Path):
    link = zipfile.ZipInfo("a")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr(link, "/etc/passwd")
    assert content(str(tmp_path / "a.zip"), "a") is None


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_equal_names_the_first_counts(tmp_path: Path):
    uri = zipped(tmp_path / "a.zip", [("a", b"first"), ("a", b"second")])
    assert content(uri, "a") == b"first"
    assert content(tarred(tmp_path / "a.tar", [(told("a"), b"1"), (told("a"), b"2")]), "a") == b"1"


def refused(uri: str, name: str = "a", most: int = 1 << 20) -> DropReason:
    with pytest.raises(Drop) as caught:
        content(uri, name, most)
    return caught.value.reason


def test_large_members_are_not_read(tmp_path: Path):
    uri = zipped(tmp_path / "a.zip", [("a", bytes(2 << 20))])
    assert refused(uri) is DropReason.MEDIA_TOO_LARGE


def test_a_size_that_lies_is_noticed(tmp_path: Path):
    uri = zipped(tmp_path / "a.zip", [("a", bytes(1 << 20))])
    data = bytearray(Path(uri).read_bytes())
    at = data.rindex(b"PK\1\2")
    data[at + 24 : at + 28] = (100).to_bytes(4, "little")
    Path(uri).write_bytes(data)
    assert refused(uri) is DropReason.UNDECODABLE_MEDIA


def test_encrypted_members_are_refused(tmp_path: Path):
    uri = zipped(tmp_path / "a.zip", [("a", b"x")])
    data = bytearray(Path(uri).read_bytes())
    data[data.rindex(b"PK\1\2") + 8] |= 1
    Path(uri).write_bytes(data)
    assert refused(uri) is DropReason.MEDIA_UNSUPPORTED


@pytest.mark.parametrize("cut", [1, 30, 60])
def test_a_cut_archive_is_damaged(tmp_path: Path, cut: int):
    uri = zipped(tmp_path / "a.zip", [("a", b"x" * 50)])
    Path(uri).write_bytes(Path(uri).read_bytes()[:-cut])
    assert refused(uri) is DropReason.UNDECODABLE_MEDIA


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_checksum_that_differs_is_noticed(tmp_path: Path, method: int):
    uri = zipped(tmp_path / "a.zip", [("a", b"x" * 5000)], method)
    data = bytearray(Path(uri).read_bytes())
    data[data.rindex(b"PK\1\2") + 16] ^= 1
    Path(uri).write_bytes(data)
    assert refused(uri) is DropReason.UNDECODABLE_MEDIA


def test_packed_bytes_that_cannot_be_are_not_read(tmp_path: Path):
    uri = zipped(tmp_path / "a.zip", [("a", b"x" * 5000), ("b", os.urandom(100_000))])
    data = bytearray(Path(uri).read_bytes())
    at = data.index(b"PK\1\2")
    data[at + 20 : at + 24] = (90_000).to_bytes(4, "little")
    Path(uri).write_bytes(data)
    assert refused(uri) is DropReason.UNDECODABLE_MEDIA


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a", ""),
        ("i.zip", ""),
        ("i.tgz", ""),
        ("i.7z", "unpack it"),
        ("i.zip.001", "i.zip.* > {0}/i.zip)"),
        ("i.tar.part_aa", "i.tar.part_* > {0}/i.tar)"),
        ("i.tar.gz.aa", "i.tar.gz.* > {0}/i.tar.gz)"),
        ("i.z01", "(zip -s 0 {0}/i.zip --out {0}/i_joined.zip)"),
    ],
)
def test_what_must_be_unpacked_or_joined_is_told(tmp_path: Path, name: str, words: str):
    (tmp_path / name).touch()
    told = archives.unreadable_in(str(tmp_path))
    assert words.format(tmp_path) in told
    assert bool(told) is bool(words)


def test_a_place_before_the_archive_is_damage(tmp_path: Path):
    uri = zipped(tmp_path / "a.zip", [("b", b"x"), ("a", b"y")])
    data = bytearray(Path(uri).read_bytes())
    # The directory told to begin later than it does: places in it shift before the first byte.
    at = data.rindex(b"PK\5\6") + 16
    data[at : at + 4] = (int.from_bytes(data[at : at + 4], "little") + 40).to_bytes(4, "little")
    Path(uri).write_bytes(data)
    assert refused(uri) is DropReason.UNDECODABLE_MEDIA
    assert refused(uri, "b") is DropReason.UNDECODABLE_MEDIA
    with pytest.raises(InputError, match="cannot be read"), files.open_file(f"{uri}!/b"):
        pass
