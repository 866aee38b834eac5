"""Archives in a folder: which can be read where they lie, and what must be done to the others."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath

from schemas.config import Media
from schemas.errors import Drop, InputError
from udfs import files, inflate, members

_SEEKABLE = (".zip", ".tar")
_FOREIGN = (".7z", ".rar")
_PART = re.compile(
    r"(?P<all>(?P<whole>.+\.(?:zip|tar|tgz|tar\.gz|tar\.zst|tar\.bz2|tar\.xz))[._-]?(?:part_?)?)(?:\d{1,3}|(?<=\.)a[a-z]|(?<=part_|.part)[a-z]+)",
    re.IGNORECASE,
)
_INSIDE = "!/"
_DEEPEST = 3
"""Archives with annotations are looked for so many folders below a source's own."""
MOST_PACKED = 64
"""A compressed tar is read from its beginning for every file in it: with more of them it is to be unpacked."""
_VOLUME = re.compile(r"(?P<stem>.+)\.z\d\d", re.IGNORECASE)


def archives_in(folder: str, below: Sequence[str] = ()) -> list[str]:
    """Archives right in a folder, then in these below it; those that are compressed as a whole come last."""
    places = [*_listed(folder), *(f"{inner}/{name}" for inner in below for name in _listed(files.join(folder, inner)))]
    found = []
    for name in (name for name in places if name.lower().endswith(members.SUFFIXES)):
        with suppress(Drop):  # a link that leaves the folder
            found.append(files.inside(folder, name))
    return sorted(found, key=lambda uri: inflate.codec(uri) is not None)


def find_member(
    uri: str, names: Sequence[str], may_lie_in: Callable[[str], bool], stamp: tuple[int, int], limits: Media
) -> members.Member | None:
    """The first of these names that an archive holds, else what it holds deeper; Drop when it cannot be read."""
    with _plain(uri, stamp, limits) as (copy, of):
        return members.find_member(copy, names, of) or members.find_deeper(copy, names, may_lie_in, of)


def find_frames(
    uri: str, names: Sequence[str], may_lie_in: Callable[[str], bool], stamp: tuple[int, int], limits: Media
) -> list[members.Member]:
    """Pictures of the first of these folders that an archive holds, by name, else of what it holds deeper."""
    with _plain(uri, stamp, limits) as (copy, of):
        return members.find_frames(copy, names, names[0], may_lie_in, of)


@contextmanager
def _plain(uri: str, stamp: tuple[int, int], limits: Media) -> Iterator[tuple[str, tuple[int, int] | None]]:
    """An archive that can be read at random with its stamp: of a compressed tar its plain copy."""
    if inflate.codec(uri) is None:
        yield uri, stamp
        return
    copy = inflate.plain_copy(uri, stamp, limits.inflated_dir, limits.inflated_max_bytes)
    try:
        yield copy, None
    except Drop as drop:
        raise Drop(drop.reason, drop.detail.replace(copy, uri)) from drop


def unreadable_in(folder: str) -> str:
    """A sentence on the archives in a folder that must be unpacked or joined first; empty when there are none."""
    names = _listed(folder)
    for name in names:
        if volume := _VOLUME.fullmatch(name):
            stem = files.join(folder, volume["stem"])
            return f"; {stem}.zip is split: join it (zip -s 0 {stem}.zip --out {stem}_joined.zip)"
        if part := _PART.fullmatch(name):
            every, whole = files.join(folder, part["all"]), files.join(folder, part["whole"])
            return f"; {every}* are parts of an archive: join the parts (cat {every}* > {whole})"
    foreign = next((name for name in names if name.lower().endswith(_FOREIGN)), None)
    return f"; {files.join(folder, foreign)} cannot be read: unpack it there" if foreign else ""


def find(root: str, patterns: Sequence[str]) -> list[str]:
    """As `files.find`; `archive!/member` finds members of archives, save those that are found unpacked beside them."""
    found = files.find(root, [pattern for pattern in patterns if _INSIDE not in pattern])
    loose, inside = set(found), dict[str, None]()
    for pattern in (pattern for pattern in patterns if _INSIDE in pattern):
        outer, _, wanted = pattern.partition(_INSIDE)
        for archive in files.find(root, [outer]):
            for name in _annotations(files.inside(root, archive)):
                if files.fits(name, wanted) and not loose.intersection(_unpacked_places(archive, name)):
                    inside[f"{archive}{_INSIDE}{name}"] = None
    return [*found, *inside]


def _annotations(uri: str) -> tuple[str, ...]:
    try:
        return members.annotations(uri)
    except Drop as drop:
        message, _, step = drop.detail.rpartition("; ")
        raise InputError(message or drop.detail, step if message else "unpack it") from drop


def broken(uri: str) -> str:
    """Why an archive cannot be opened, of one that is not compressed as a whole; empty where it can."""
    if inflate.codec(uri) is None:
        try:
            members.annotations(uri)
        except Drop as drop:
            return drop.detail
    return ""


def annotations_below(root: str, patterns: Sequence[str], *, inflate: bool) -> tuple[list[str], list[str]]:
    """Annotation files in archives, as `archive!/member`, that would match a pattern below `root` if unpacked.

    Unpacked where the archive lies, into a folder of its name, or without a folder of its name. Then what is wrong
    with archives that cannot be read. `inflate`: compressed tars too, which takes reading all of them.
    """
    found, wrong = [], []
    looked_into = members.SUFFIXES if inflate else _SEEKABLE
    for archive in files.find(root, ["**/*"]):
        if not archive.lower().endswith(looked_into) or archive.count("/") > _DEEPEST:
            continue
        try:
            names = [
                name for name in members.annotations(files.inside(root, archive)) if _matches(archive, name, patterns)
            ]
        except Drop as drop:
            wrong.append(drop.detail)
            continue
        if len(names) > MOST_PACKED and not archive.lower().endswith(_SEEKABLE):
            wrong.append(f"{archive} holds {len(names):,} annotation files; unpack it")
            continue
        found += [f"{archive}!/{name}" for name in names]
    return found, wrong


def unpacked(file: str) -> str:
    """Path of a file as if its archive were unpacked where it lies."""
    inner = members.split(file)
    return file if inner is None else f"{inner[0].rpartition('/')[0]}/{inner[1]}".lstrip("/")


def folders_of(file: str) -> list[str]:
    """Folders above a member of an archive, inside it, nearest first."""
    inner = members.split(file)
    return [str(folder) for folder in PurePosixPath(inner[1]).parents if str(folder) != "."] if inner else []


def stem_of(archive: str) -> str:
    """Name of an archive without folder and suffix."""
    name = archive.rpartition("/")[2]
    suffix = next(s for s in sorted(members.SUFFIXES, key=len, reverse=True) if name.lower().endswith(s))
    return name[: -len(suffix)]


def _matches(archive: str, name: str, patterns: Sequence[str]) -> bool:
    return any(files.fits(place, pattern) for place in _unpacked_places(archive, name) for pattern in patterns)


def _unpacked_places(archive: str, name: str) -> list[str]:
    """Where a member lies once its archive is unpacked beside it, into a folder of its name or not."""
    folder, stem = archive.rpartition("/")[0], stem_of(archive)
    return [f"{folder}/{place}".lstrip("/") for place in (name, f"{stem}/{name}", name.removeprefix(f"{stem}/"))]


def _listed(folder: str) -> list[str]:
    return files.find(folder, ["*"]) if files.exists(folder) else []
