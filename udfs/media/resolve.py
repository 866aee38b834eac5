"""From a medium as a record names it to the medium itself."""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath

from schemas.config import Media
from schemas.enums import DropReason, MediaKind
from schemas.errors import Drop
from schemas.source import Source
from udfs import archives, files, member_index, members
from udfs.media.item import MediaItem, sha256
from udfs.media.keyed import find_picture
from udfs.media.near import nearly_there
from udfs.media.pictures import standardise
from udfs.media.splits import is_alone, split_of, splits_in
from udfs.media.stills import read_frames
from udfs.media.video import VideoSampler
from udfs.sample import MediaRef, Problem

REMEMBERED = 10_000
LOOKED_INTO = 32
"""Folders right below a root that may be searched for a medium that is not where its record says."""
SUFFIXES = {
    MediaKind.IMAGE: (".jpg", ".png", ".jpeg", ".gif", ".webp", ".bmp"),
    MediaKind.VIDEO: member_index.VIDEOS,
}
FRAMES = ("*.jpg", "*.jpeg", "*.png")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Spellings of a medium's path, and the splits that its record's file or the path itself names."""

    paths: Sequence[str]
    splits: frozenset[str]
    folders: Sequence[str] = ()
    """Of the record's file inside its archive, nearest first."""
    keyed: Sequence[str] = ()
    """Patterns of files that hold pictures by key."""

    def inside(self, uri: str, name: str) -> list[str]:
        """Places in an archive that lies in a root of this name."""
        stem, folder, places = archives.stem_of(uri), str(PurePosixPath(uri).parent), list[str]()
        for path in self.paths:
            beside = (f"{above}/{place}" for above in self.folders for place in (path, f"images/{path}"))
            places += (*_places(folder, name, path), *_inner(stem, path), *beside)
            places += (str(PurePosixPath(path).parent / "img" / PurePosixPath(path).name),) if self.folders else ()
        # Some archives are to be unpacked into a folder `images`.
        return [str(PurePosixPath(place)) for place in (*places, *(place.removeprefix("images/") for place in places))]

    def may_lie_in(self, folder: str) -> bool:
        """Whether a folder that the path does not name may hold it: none of another split."""
        split = split_of(PurePosixPath(folder).name)
        return split is None or not self.splits or split in self.splits


class MediaReader:
    """Reads the media of one source's records, each distinct one once.

    It remembers what became of the last `remembered` files and contents, facts or problem but no bytes, so that ten
    questions about one picture decode it once: the first answer carries the parts, later ones are `repeated`.
    """

    def __init__(
        self, source_root: str, media_roots: Mapping[str, str], limits: Media, remembered: int = REMEMBERED
    ) -> None:
        self._source_root = source_root
        self._media_roots = media_roots
        self._limits = limits
        self._remembered = remembered
        self._memory: OrderedDict[tuple[MediaKind, str], MediaItem | Problem] = OrderedDict()
        self._by_name: dict[tuple[str, ...], dict[str, list[str]]] = {}
        self._keyed: Sequence[tuple[str, tuple[int, int]]] | None = None
        self._below: dict[str, Sequence[str]] = {}
        self._archives: dict[str, Sequence[tuple[str, tuple[int, int]]]] = {}
        self._videos = VideoSampler(limits)

    def read(self, ref: MediaRef, source: Source, file: str = "") -> MediaItem:
        """The medium of a record of this file, or `Drop`; bytes that came with the record win over its path."""
        if ref.data is not None:
            return self._read_data(ref.kind, ref.data)
        if not ref.path:
            raise Drop(DropReason.MISSING_MEDIA, f"the record names no {ref.kind}")
        if members.split(ref.path):
            raise Drop(DropReason.MISSING_MEDIA, f"{ref.path[:200]!r} names an archive; its path inside is enough")
        roots, splits = self._roots(source, file, ref.path), splits_in(file) | splits_in(ref.path)
        keyed = source.reading.pictures if source.reading else ()
        wanted = _Wanted(_spellings(ref.path, SUFFIXES[ref.kind]), splits, archives.folders_of(file), keyed)
        # `|` keeps roots and a path apart from every digest.
        key = "|".join((*roots, *sorted(splits), ref.path))
        return self._once((ref.kind, key), lambda: self._read_path(ref.kind, roots, wanted))

    def close(self) -> None:
        """End the worker process for videos, if one was started."""
        self._videos.close()

    def _roots(self, source: Source, file: str, path: str) -> Mapping[str, str]:
        """Folders to look in, each with its name: the source's named root or folder, its own, the file's own.

        And the shared one with which the path begins, as LLaVA's `vg/VG_100K/1.jpg` does.
        """
        name = source.reading.media_root if source.reading else ""
        named = {self._media_roots.get(name) or files.join(self._source_root, name): name} if name else {}
        above = [str(folder) for folder in PurePosixPath(archives.unpacked(file)).parents if str(folder) != "."]
        beside = {files.join(self._source_root, folder): folder for folder in above}
        first = path.partition("/")[0]
        shared = {self._media_roots[first]: first} if first in self._media_roots else {}
        return named | {self._source_root: self._source_root.rstrip("/").rpartition("/")[2]} | shared | beside

    def _read_path(self, kind: MediaKind, roots: Mapping[str, str], wanted: _Wanted) -> MediaItem:
        most = self._limits.video_max_bytes if kind is MediaKind.VIDEO else self._limits.max_bytes
        try:
            uri, size = self._locate(roots, wanted)
        except Drop as drop:
            frames = self._frames(roots, wanted) if kind is MediaKind.VIDEO else []
            if frames:
                return read_frames(frames, self._limits)
            named = self._named(kind, wanted)
            if len(named) != 1:
                data = self._by_key(wanted) if wanted.keyed else None
                return self._read_data(kind, data or self._archived(roots, wanted, most, drop))
            uri, size = named[0], files.size(named[0])
        local = files.local_path(uri)
        if kind is MediaKind.VIDEO and local is not None:
            return self._videos.sample(Path(local))
        if size > most:
            raise Drop(DropReason.MEDIA_TOO_LARGE, f"{uri}: {size:,} bytes; at most {most:,} are read")
        return self._read_data(kind, files.read_bytes(uri))

    def _locate(self, roots: Mapping[str, str], wanted: _Wanted) -> tuple[str, int]:
        """URI and size of the first of some places below each root that is a file.

        As written; below `images/`; without a first folder that repeats the root's name or that of its folder, as
        paths do that were written for the folder above. Then one folder deeper, if only one there has it and that is
        no folder of another split than the record's.
        """
        if found := _file(_uris(roots, wanted.paths)):
            return found
        deeper = {found: fits for root, name in roots.items() for found, fits in self._deeper(root, name, wanted)}
        fitting = [found for found, fits in deeper.items() if fits]
        if len(fitting) > 1:
            several = ", ".join(sorted(uri for uri, _ in fitting)[:3])
            raise Drop(
                DropReason.MISSING_MEDIA, f"{wanted.paths[0]!r} may be any of {several}; say which as media_root"
            )
        if not fitting:
            tried = ", ".join(islice(_uris(roots, wanted.paths), 6))
            others = "".join(f"; {uri} is of another split" for uri, _ in sorted(deeper)[:3])
            others += "".join(f"; {uri} is spelled otherwise" for uri in nearly_there(roots, wanted.paths[0]))
            raise Drop(DropReason.MISSING_MEDIA, f"no file; tried {tried} and the folders below{others}")
        return fitting[0]

    def _archived(self, roots: Mapping[str, str], wanted: _Wanted, most: int, missing: Drop) -> bytes:
        """The medium out of the first archive right in a root, or one folder below it, that holds it.

        `missing` is why there is no such file; it is raised, with what is wrong with archives, where none has it.
        """
        if missing.reason is not DropReason.MISSING_MEDIA:
            raise missing
        wrong = dict.fromkeys(map(archives.unreadable_in, roots))
        for root, name in roots.items():
            if root not in self._archives:
                there = archives.archives_in(root, self._folders(root))
                self._archives[root] = [(uri, files.stamp(uri)) for uri in there]
            for uri, stamp in self._archives[root]:
                try:
                    member = archives.find_member(uri, wanted.inside(uri, name), wanted.may_lie_in, stamp, self._limits)
                except Drop as drop:
                    wrong[f"; {drop.detail}"] = None
                    continue
                places = (archives.stem_of(uri), str(PurePosixPath(uri).parent))
                if member is not None and all(map(wanted.may_lie_in, places)):
                    return members.read_member(member, most)
                if member is not None:
                    wrong[f"; {uri} has one of another split"] = None
        raise Drop(missing.reason, missing.detail + "".join(wrong)) from missing

    def _by_key(self, wanted: _Wanted) -> bytes | None:
        """The picture of this key in the first file of keyed pictures that has it."""
        if self._keyed is None:
            found = next(filter(None, (files.find(self._source_root, [pattern]) for pattern in wanted.keyed)), [])
            self._keyed = [(uri, files.stamp(uri)) for uri in (files.join(self._source_root, name) for name in found)]
        pictures = (find_picture(uri, wanted.paths[0], stamp) for uri, stamp in self._keyed)
        return next((picture for picture in pictures if picture is not None), None)

    def _deeper(self, root: str, name: str, wanted: _Wanted) -> Iterator[tuple[tuple[str, int], bool]]:
        """The file in each folder below a root that has it, and whether it may be the one."""
        paths = [place for path in wanted.paths for place in (path, *_below(root, name, path))]
        places = [*self._folders(root), *(f"images/{folder}" for folder in self._folders(files.join(root, "images")))]
        for folder in places:
            alike = [*paths, *(f"images/{path}" for path in wanted.paths)]
            alike += (path.partition("/")[2] for path in paths if _same_split(path, folder))
            if found := _file(files.inside(root, f"{folder}/{path}") for path in alike):
                yield found, wanted.may_lie_in(folder)

    def _folders(self, root: str) -> Sequence[str]:
        """Names of the folders right below a root, none where there are too many to look into."""
        if root not in self._below:
            found = files.folders(root)
            self._below[root] = found if len(found) <= LOOKED_INTO else ()
        return self._below[root]

    def _frames(self, roots: Mapping[str, str], wanted: _Wanted) -> list[str]:
        """Pictures of the folder that stands for a video: of its path, or its path without a suffix."""
        for root in roots:
            for folder in ("", *filter(wanted.may_lie_in, self._folders(root))):
                place = files.inside(root, f"{folder}/{_stem(wanted.paths[0], SUFFIXES[MediaKind.VIDEO])}".lstrip("/"))
                if files.exists(place) and (found := files.find(place, FRAMES)):
                    return [files.join(place, frame) for frame in found]
        return []

    def _named(self, kind: MediaKind, wanted: _Wanted) -> Sequence[str]:
        """Videos of this name anywhere below the source's folder, over which publishers spread them, and pictures
        whose names tell data set and split."""
        path, pictures = PurePosixPath(wanted.paths[0]), kind is MediaKind.IMAGE
        if pictures and not is_alone(path.stem):
            return []
        suffixes = (path.suffix,) if pictures else SUFFIXES[kind]
        if suffixes not in self._by_name:
            there = self._by_name.setdefault(suffixes, defaultdict(list))
            for name in files.find(self._source_root, [f"**/*{suffix}" for suffix in suffixes]):
                there[PurePosixPath(name).stem].append(files.join(self._source_root, name))
        found = self._by_name[suffixes].get(path.stem if pictures else _stem(wanted.paths[0], suffixes), [])
        return [name for name in found if wanted.may_lie_in(str(PurePosixPath(name).parent))]

    def _read_data(self, kind: MediaKind, data: bytes) -> MediaItem:
        def read() -> MediaItem:
            return self._videos.sample(data) if kind is MediaKind.VIDEO else standardise(data, self._limits)

        return self._once((kind, sha256(data)), read)

    def _once(self, key: tuple[MediaKind, str], read: Callable[[], MediaItem]) -> MediaItem:
        known = self._memory.get(key)
        if isinstance(known, Problem):
            raise Drop(known.reason, known.detail)
        if known is not None:
            self._memory.move_to_end(key)
            return known
        try:
            item = read()
        except Drop as drop:
            self._remember(key, Problem(drop.reason, drop.detail))
            raise
        self._remember(key, replace(item, parts=(), repeated=True))
        return item

    def _remember(self, key: tuple[MediaKind, str], outcome: MediaItem | Problem) -> None:
        self._memory[key] = outcome
        while len(self._memory) > self._remembered:
            self._memory.popitem(last=False)


def _uris(roots: Mapping[str, str], paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        for root, name in roots.items():
            yield from (files.inside(root, place) for place in _places(root, name, path))


def _places(root: str, name: str, path: str) -> list[str]:
    return [path, f"images/{path}", *_below(root, name, path)]


def _below(root: str, name: str, path: str) -> list[str]:
    """The path without the root's name or that of its folder, if it begins so."""
    names = dict.fromkeys((name, root.rstrip("/").rpartition("/")[2]))
    return [path[len(head) + 1 :] for head in names if head and path.startswith(f"{head}/")]


def _same_split(path: str, folder: str) -> bool:
    """Whether a path begins with the split that a folder holds under a longer or shorter name."""
    split = split_of(PurePosixPath(folder).name)
    return split is not None and split == split_of(path.partition("/")[0])


def _inner(stem: str, path: str) -> list[str]:
    """A path below a folder called like its archive, or without such a folder."""
    first, _, rest = path.partition("/")
    return [f"{stem}/{path}", *([rest] if rest and first == stem else [])]


def _spellings(path: str, suffixes: tuple[str, ...]) -> list[str]:
    """A path and what its file may be called otherwise: records leave the suffix away, or name another one."""
    stem = _stem(path, suffixes)
    return [path, *(name for suffix in suffixes if (name := f"{stem}{suffix}") != path)]


def _stem(path: str, suffixes: tuple[str, ...]) -> str:
    return path[: path.rindex(".")] if path.lower().endswith(suffixes) else path


def _file(uris: Iterable[str]) -> tuple[str, int] | None:
    for uri in uris:
        try:
            return uri, files.size(uri)
        except FileNotFoundError:
            continue
    return None
