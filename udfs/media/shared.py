"""Pictures of data sets that many sources use, in the folders that `storage.media_roots` names.

They are looked for after everything in a source's own folder failed. A root that the catalogue names for the source is
searched as that folder is; another one only at the very place that a path tells which names its data set itself. A
suffix counts, and what is found in several places is taken where all of them hold the same bytes.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import PurePosixPath

from schemas.config import Media
from schemas.enums import DropReason, MediaKind
from schemas.errors import Drop
from schemas.source import Reading, Source
from udfs import archives, files, members
from udfs.media.packed import Packed
from udfs.media.wanted import SUFFIXES, Wanted, places_of

_TELLING = re.compile(
    r"(?:(?:.*/)?(?:coco|vg|visual_genome)/)?(?:images/)?(?P<tail>(?P<coco>(?:train|val|test)2017/\d{12}"
    r"|(?P<split>(?:train|val|test)201[45])/COCO_(?P=split)_\d{12})|VG_100K(?:_2)?/\d+)(?:\.jpe?g)?"
)
_COCO = re.compile(r"(?P<tail>COCO_(?P<split>(?:train|val|test)201[45])_\d{12})(?:\.jpe?g)?")
_NUMBER = re.compile(r"(?:COCO_(?:train|val)2014_)?(\d{12})(?:\.jpe?g)?")
_SPLITS = ("train", "val")
_Deeper = Callable[[str, str, Wanted], Iterable[tuple[tuple[str, int], bool]]]


@dataclass(frozen=True, slots=True)
class _Hit:
    at: str
    size: int
    read: Callable[[], bytes]


class SharedRoots:
    """Media roots of the configuration, by name; `deeper` finds what lies one folder below a root."""

    def __init__(
        self, source_root: str, media_roots: Mapping[str, str], deeper: _Deeper, packed: Packed, limits: Media
    ) -> None:
        self._source_root, self._roots = source_root, media_roots
        self._deeper, self._packed, self._most = deeper, packed, limits.max_bytes

    def find(self, source: Source, wanted: Wanted, missing: Drop) -> bytes:
        """The picture; `missing`, with a word about roots, where none has it, or several have different ones."""
        reading, wrong = source.reading or Reading(files=()), dict[str, None]()
        declared = {self._roots[name]: name for name in reading.origin_roots if name in self._roots}
        coco = self._roots.get("coco", "") if "coco" in (reading.media_root, *reading.origin_roots) else ""
        by_number = _by_number(wanted.paths[0]) if coco else []
        if wanted.paths[0].lower().endswith(SUFFIXES[MediaKind.IMAGE]):
            wanted = replace(wanted, paths=wanted.paths[:1])
        ways: tuple[Callable[[], Iterable[_Hit]], ...] = (
            lambda: self._exact(declared, wanted.paths, wrong),
            lambda: _there(coco, by_number, wrong),
            lambda: self._below(declared, wanted, wrong),
            lambda: self._archived(declared, wanted, wrong),
            # A number is that of one picture in all splits.
            lambda: self._archived({coco: "coco"}, Wanted(by_number, frozenset()), wrong) if by_number else (),
        )
        hits = next(filter(None, ({hit.at: hit for hit in way()} for way in ways)), {})
        if not hits:
            wrong |= dict.fromkeys(map(archives.unreadable_in, declared))
            # First what can be done: a list of long paths is cut.
            detail = "".join((*self._told(reading, wanted.paths[0]), missing.detail, *wrong))
            raise Drop(missing.reason, detail) from missing
        return self._only([*hits.values()], wanted.paths[0])

    def _only(self, hits: Sequence[_Hit], path: str) -> bytes:
        for hit in hits:
            if hit.size > self._most:
                raise Drop(DropReason.MEDIA_TOO_LARGE, f"{hit.at}: {hit.size:,} bytes; at most {self._most:,} are read")
        data = hits[0].read()
        if any(hit.size != hits[0].size or hit.read() != data for hit in hits[1:]):
            several = ", ".join(sorted(hit.at for hit in hits)[:3])
            raise Drop(DropReason.MISSING_MEDIA, f"{path!r} may be any of {several}, which are different pictures")
        return data

    def _exact(self, declared: Mapping[str, str], paths: Sequence[str], wrong: dict[str, None]) -> Iterator[_Hit]:
        for root in self._roots.values():
            yield from _there(root, _telling(paths[0])[1], wrong)
        for root, name in declared.items():
            for path in paths:
                yield from _there(root, places_of(root, name, path), wrong)

    def _below(self, declared: Mapping[str, str], wanted: Wanted, wrong: dict[str, None]) -> Iterator[_Hit]:
        try:
            for root, name in declared.items():
                for (uri, size), fits in self._deeper(root, name, wanted):
                    if fits:
                        yield _Hit(uri, size, partial(files.read_bytes, uri))
        except Drop as drop:
            wrong[f"; {drop.detail}"] = None

    def _archived(self, roots: Mapping[str, str], wanted: Wanted, wrong: dict[str, None]) -> Iterator[_Hit]:
        for member in self._packed.holding(roots, replace(wanted, folders=()), wrong):
            yield _Hit(str(member), member.size, partial(members.read_member, member, self._most))

    def _told(self, reading: Reading, path: str) -> Iterator[str]:
        """Words on the roots that may hold a picture: those that are not set, and those tried."""
        named = reading.media_root and not files.exists(files.join(self._source_root, reading.media_root))
        names = reading.origin_roots or ((reading.media_root,) if named else _telling(path)[0])
        tried = [f"{self._roots[name]} (storage.media_roots.{name})" for name in names if name in self._roots]
        unset = [f"storage.media_roots.{name}" for name in names if name not in self._roots]
        if unset:
            yield f"{' or '.join(unset)}, which may hold it, is not set; "
        if tried:
            yield f"not in {' and '.join(tried)}; "


def _there(root: str, places: Iterable[str], wrong: dict[str, None]) -> Iterator[_Hit]:
    """Those of some places below a root that are files; a link that leaves the root is none."""
    for place in places:
        try:
            uri = files.inside(root, place)
            yield _Hit(uri, files.size(uri), partial(files.read_bytes, uri))
        except FileNotFoundError:
            continue
        except Drop as drop:
            wrong[f"; {drop.detail}"] = None


def _telling(path: str) -> tuple[Sequence[str], Sequence[str]]:
    """The data set that a path tells by itself, and where its photograph lies below that data set's root.

    A file of another suffix is none of its photographs, and one in another folder may be made of one.
    """
    if found := _TELLING.fullmatch(path):
        name, tail = "coco" if found["coco"] else "vg", f"{found['tail']}.jpg"
    elif found := _COCO.fullmatch(path):
        name, tail = "coco", f"{found['split']}/{found['tail']}.jpg"
    else:
        return (), ()
    return (name,), (tail, f"images/{tail}")


def _by_number(path: str) -> list[str]:
    """Where COCO's releases keep the picture of the number that a name tells: it is the same one in all of them."""
    found = _NUMBER.fullmatch(PurePosixPath(path).name)
    if found is None:
        return []
    each = ((f"{split}2017/{found[1]}.jpg", f"{split}2014/COCO_{split}2014_{found[1]}.jpg") for split in _SPLITS)
    places = [*chain.from_iterable(each)]
    return [*places, *(f"images/{place}" for place in places)]
