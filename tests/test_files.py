"""Files behind URIs, and untrusted paths below a root."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from schemas.enums import DropReason
from schemas.errors import Drop, InputError
from udfs import files


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.json", "a.json", "x/c.json", "x/y/d.json", ".hidden/e.json", "x/._a.json", "set(a,b)/f 1.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["*.json"], ["a.json", "b.json"]),
        (["**/*.json"], ["a.json", "b.json", "x/c.json", "x/y/d.json"]),
        (["x/**/*.json"], ["x/c.json", "x/y/d.json"]),
        (["x/**"], ["x/c.json", "x/y/d.json"]),
        (["*/c.json", "a.json", "a.*"], ["a.json", "x/c.json"]),
        (["**/y/*"], ["x/y/d.json"]),
        (["set(a,b)/f *.parquet"], ["set(a,b)/f 1.parquet"]),
        ([".hidden/*.json"], [".hidden/e.json"]),
        (["missing.json", "missing/*.json", "x"], []),
        (["[ab].json"], ["a.json", "b.json"]),
    ],
)
def test_find(tree: Path, patterns: list[str], found: list[str]):
    assert files.find(str(tree), patterns) == found
    assert files.find(f"file://{tree}/", patterns) == found


def test_find_stays_below_its_root(tree: Path, tmp_path_factory: pytest.TempPathFactory):
    other = tmp_path_factory.mktemp("other")
    (other / "a.json").write_text("[]")
    (other / "away").symlink_to(tree / "x")
    (other / "away.json").symlink_to(tree / "x" / "c.json")
    (other / "same.json").symlink_to(other / "a.json")
    for name in ("loop", "loop2"):
        (other / name).symlink_to(other)
    assert files.find(str(other), ["**/*.json", "away/*.json", "away/c.json"]) == ["a.json", "same.json"]
    root = tmp_path_factory.mktemp("links") / "root"
    root.symlink_to(other)
    assert files.find(str(root), ["*.json"]) == ["a.json", "same.json"]


def test_find_needs_a_folder(tmp_path: Path):
    with pytest.raises(InputError, match="does not exist"):
        files.find(str(tmp_path / "none"), ["*"])


def test_weigh(tree: Path, tmp_path_factory: pytest.TempPathFactory):
    names = ("b.json", "a.json", "x/c.json", "x/y/d.json", "set(a,b)/f 1.parquet")
    assert files.weigh(str(tree)) == (len(names), sum(map(len, names)))
    assert files.weigh(f"file://{tree}/x/y/") == (1, len("x/y/d.json"))
    assert files.weigh(str(tree / "none")) == (0, 0)
    root = tmp_path_factory.mktemp("links") / "root"
    root.symlink_to(tree)
    for name in ("loop", "loop2"):
        (tree / name).symlink_to(tree)
    (tree / "gone").symlink_to(tree / "nowhere")
    assert files.weigh(str(root)) == files.weigh(str(tree)) == (len(names), sum(map(len, names)))


def test_unknown_store_is_named():
    with pytest.raises(InputError, match="foo://bucket"):
        files.exists("foo://bucket/key")


@pytest.mark.parametrize(
    ("parts", "joined"),
    [
        (("/",), "/"),
        (("/", "a"), "/a"),
        (("a/", "/b/", "", "c"), "a/b/c"),
        (("s3a://bucket", "a", "b"), "s3a://bucket/a/b"),
        (("s3://bucket/",), "s3://bucket"),
    ],
)
def test_join(parts: tuple[str, ...], joined: str):
    assert files.join(*parts) == joined


def test_read_size_exists(tree: Path):
    uri = f"file://{tree}/x/c.json"
    assert (files.read_bytes(uri), files.read_bytes(uri, 3), files.size(uri)) == (b"x/c.json", b"x/c", 8)
    assert files.exists(str(tree / "x"))
    assert not files.exists(str(tree / "z"))
    with files.open_file(uri) as stream:
        stream.seek(2)
        assert stream.read() == b"c.json"
    for missing in ("z", "x"):
        with pytest.raises(FileNotFoundError):
            files.size(str(tree / missing))


def test_write_is_whole_or_not_at_all(tmp_path: Path):
    target = tmp_path / "new" / "a.json"
    files.write_bytes(str(target), b"one")

    def fail_while_writing():
        with files.writing(str(target)) as stream:
            stream.write(b"two")
            stream.flush()
            assert target.read_bytes() == b"one"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_while_writing()
    assert [path.name for path in target.parent.iterdir()] == ["a.json"]
    assert target.read_bytes() == b"one"
    files.write_bytes(str(target), b"three")
    assert target.read_bytes() == b"three"


def test_remove(tree: Path):
    files.remove(str(tree / "a.json"))
    files.remove(str(tree / "x"))
    files.remove(str(tree / "never"))
    assert files.find(str(tree), ["**/*.json"]) == ["b.json"]


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        ("a.jpg", "a.jpg"),
        ("./imgs//a b.jpg", "imgs/a b.jpg"),
        ("x/..a/b...jpg", "x/..a/b...jpg"),
        ("ab:c.jpg", "ab:c.jpg"),
        ("%2e%2e/a.jpg", "%2e%2e/a.jpg"),
        ("é/😀.jpg", "é/😀.jpg"),
        ("data/set.jpg", "data/set.jpg"),
    ],
)
def test_inside(tmp_path: Path, path: str, resolved: str):
    for root in (str(tmp_path), f"file://{tmp_path}", f"{tmp_path}/"):
        assert files.inside(root, path) == f"{root.rstrip('/')}/{resolved}"


OUTSIDE = (
    "../a",
    "a/../../b",
    "a/..",
    "/etc/passwd",
    "//host/share",
    "\\\\host\\share",
    "\\a",
    "C:\\a",
    "c:/a",
    "a\0b",
)
URLS = ("http://h/a", "HTTPS://h/a", "file:///etc/passwd", "file:/etc/passwd", "data:image/png;base64,AA", "s3://b/k")


@pytest.mark.parametrize(
    ("path", "reason"),
    [(path, DropReason.MEDIA_OUTSIDE_ROOT) for path in (*OUTSIDE, "", ".", "./")]
    + [(path, DropReason.MEDIA_IS_URL) for path in (*URLS, " http://h/a")]
    + [(path, DropReason.MISSING_MEDIA) for path in ("a" * 300, "\ud800.jpg", "a/" * 3000 + "b")],
)
@pytest.mark.parametrize("remote", [False, True])
def test_inside_refuses(tmp_path: Path, path: str, reason: DropReason, remote: bool):
    with pytest.raises(Drop) as caught:
        files.inside("mock://bucket/root" if remote else str(tmp_path), path)
    assert caught.value.reason is reason


def test_inside_follows_links_only_below_the_root(tmp_path: Path):
    root = tmp_path / "root"
    (root / "real").mkdir(parents=True)
    (root / "good").symlink_to(root / "real")
    (root / "bad").symlink_to(tmp_path)
    (root / "worse.jpg").symlink_to("/etc/passwd")
    (root / "loop").symlink_to(root / "loop")
    assert files.inside(str(root), "good/a.jpg") == f"{root}/good/a.jpg"
    assert not files.exists(files.inside(str(root), "loop"))
    for path in ("bad/a.jpg", "worse.jpg", "good/../bad/a.jpg"):
        with pytest.raises(Drop, match="media_outside_root"):
            files.inside(str(root), path)


def test_a_root_may_itself_be_a_link(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "real")
    assert files.inside(str(tmp_path / "root"), "a.jpg") == f"{tmp_path}/root/a.jpg"


def test_a_full_folder_is_no_way_and_is_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for at in range(9):
        (tmp_path / f"{at}.jpg").touch()
    seen = []

    @contextmanager
    def watched(path: str) -> Iterator[Iterator[os.DirEntry[str]]]:
        with scandir(path) as entries:
            yield (seen.append(entry.name) or entry for entry in entries)  # type: ignore[func-returns-value]  # to watch

    scandir = os.scandir
    monkeypatch.setattr(files.os, "scandir", watched)
    assert (files.only_way(str(tmp_path)), len(seen)) == ("", 2)


def test_the_only_way_down(tree: Path):
    (tree / "way/of/one").mkdir(parents=True)
    (tree / "way/of/one/f").write_text("")
    (tree / "round").mkdir()
    (tree / "round/round").symlink_to(tree / "round")
    ends = {name: files.only_way(str(tree / name)) for name in ("way", "way/of", "x", "round", "missing")}
    assert ends == {"way": "of/one", "way/of": "one", "x": "", "round": "", "missing": ""}
