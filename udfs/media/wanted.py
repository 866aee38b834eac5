"""How a medium may be called: spellings of its path, and places below a root or in an archive where it may lie."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from schemas.enums import MediaKind
from udfs import archives, files, member_index
from udfs.media.splits import split_of

SUFFIXES = {
    MediaKind.IMAGE: (".jpg", ".png", ".jpeg", ".gif", ".webp", ".bmp"),
    MediaKind.VIDEO: member_index.VIDEOS,
}
_PICTURES = {"", "train", "training", "images", "image", "imgs", "pictures"}
"""What the name of an archive adds where it holds the pictures of a folder: none of another split, no masks of them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Spellings of a medium's path, and the splits that its record's file or the path itself names."""

    paths: Sequence[str]
    splits: frozenset[str]
    folders: Sequence[str] = ()
    """Of the record's file inside its archive, nearest first."""
    keyed: Sequence[str] = ()
    """Patterns of files that hold pictures by key."""
    alone: bool = False
    """Whether its name is that of no other picture."""

    def inside(self, uri: str, name: str) -> list[str]:
        """Places in an archive that lies in a root of this name."""
        stem, folder, places = archives.stem_of(uri), str(PurePosixPath(uri).parent), list[str]()
        for path in self.paths:
            beside = (f"{above}/{place}" for above in self.folders for place in (path, f"images/{path}"))
            places += (*places_of(folder, name, path), *_inner(stem, path), *beside)
            places += (str(PurePosixPath(path).parent / "img" / PurePosixPath(path).name),) if self.folders else ()
        # Some archives are to be unpacked into a folder `images`.
        return [str(PurePosixPath(place)) for place in (*places, *(place.removeprefix("images/") for place in places))]

    def may_lie_in(self, folder: str) -> bool:
        """Whether a folder that the path does not name may hold it: none of another split."""
        split = split_of(PurePosixPath(folder).name)
        return split is None or not self.splits or split in self.splits


def uris(roots: Mapping[str, str], paths: Sequence[str]) -> Iterator[str]:
    """Places of these paths below each root, in this order."""
    for path in paths:
        for root, name in roots.items():
            yield from (files.inside(root, place) for place in places_of(root, name, path))


def places_of(root: str, name: str, path: str) -> list[str]:
    """Where a path may lie below a root: as written, below `images/`, without a repeated name."""
    return [path, f"images/{path}", *below(root, name, path)]


def below(root: str, name: str, path: str) -> list[str]:
    """The path without the root's name or that of its folder, if it begins so."""
    names = dict.fromkeys((name, root.rstrip("/").rpartition("/")[2]))
    return [path[len(head) + 1 :] for head in names if head and path.startswith(f"{head}/")]


def same_split(path: str, folder: str) -> bool:
    """Whether a path begins with the split that a folder holds under a longer or shorter name, of no other number."""
    own, other = path.partition("/")[0], PurePosixPath(folder).name
    split, numbers = split_of(other), [re.findall(r"\d+", name) for name in (own, other)]
    return split is not None and split == split_of(own) and (not all(numbers) or numbers[0] == numbers[1])


def spellings(path: str, suffixes: tuple[str, ...], root: str = "") -> list[str]:
    """A path and what its file may be called otherwise: records leave the suffix away, or name another one.

    Then without the name of its root, which the source's own folder may stand for.
    """
    bare = bare_of(path, suffixes)
    spelled = [path, *(name for suffix in suffixes if (name := f"{bare}{suffix}") != path)]
    return [*spelled, *(name[len(root) + 1 :] for name in spelled if root and name.startswith(f"{root}/"))]


def bare_of(path: str, suffixes: tuple[str, ...]) -> str:
    """A path without its suffix, if it is one of these."""
    return path[: path.rindex(".")] if path.lower().endswith(suffixes) else path


def first_file(places: Iterable[str]) -> tuple[str, int] | None:
    """URI and size of the first of these places that is a file."""
    for uri in places:
        try:
            return uri, files.size(uri)
        except FileNotFoundError:
            continue
    return None


def _inner(stem: str, path: str) -> list[str]:
    """A path below a folder called like its archive, or without a folder that the archive's name begins with."""
    first, _, rest = path.partition("/")
    begins = rest and f"{stem}_".startswith(f"{first}_") and set(stem[len(first) :].lower().split("_")) <= _PICTURES
    return [f"{stem}/{path}", *([rest, f"{stem}/{rest}"] if begins else [])]
