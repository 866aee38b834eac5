"""From a medium as a record names it to the medium itself."""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
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
from udfs.media.packed import Packed
from udfs.media.pictures import standardise
from udfs.media.shared import SharedRoots
from udfs.media.splits import is_alone, splits_in
from udfs.media.stills import read_frames
from udfs.media.video import VideoSampler
from udfs.media.wanted import SUFFIXES, Wanted, bare_of, below, first_file, same_split, spellings, uris
from udfs.sample import MediaRef, Problem

REMEMBERED = 10_000
LOOKED_INTO = 32
"""Folders right below a root that may be searched for a medium that is not where its record says."""
FRAMES = tuple(f"*{suffix}" for suffix in member_index.FRAMES)


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
        self._ways: dict[str, Sequence[str]] = {}
        self._packed = Packed(self._folders, limits)
        self._shared = SharedRoots(source_root, media_roots, self._deeper, self._packed, limits)
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
        keyed, origin = (source.reading.pictures, source.reading.origin_roots) if source.reading else ((), ())
        coco = source.reading is not None and "coco" in (source.reading.media_root, *origin)
        alone = is_alone(PurePosixPath(ref.path).stem, coco=coco)
        paths = spellings(ref.path, SUFFIXES[ref.kind], source.reading.media_root if source.reading else "")
        wanted = Wanted(paths, splits, archives.folders_of(file), keyed, alone)
        # `|` keeps roots and a path apart from every digest.
        key = "|".join((*roots, *origin, *sorted(splits), ref.path))
        return self._once((ref.kind, key), lambda: self._read_path(ref.kind, roots, wanted, source))

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

    def _read_path(self, kind: MediaKind, roots: Mapping[str, str], wanted: Wanted, source: Source) -> MediaItem:
        try:
            return self._read_own(kind, roots, wanted)
        except Drop as drop:
            if drop.reason is not DropReason.MISSING_MEDIA or kind is MediaKind.VIDEO:
                raise
            return self._read_data(kind, self._shared.find(source, wanted, drop))

    def _read_own(self, kind: MediaKind, roots: Mapping[str, str], wanted: Wanted) -> MediaItem:
        try:
            uri, size = self._locate(roots, wanted)
        except Drop as drop:
            frames = self._frames(roots, wanted) if kind is MediaKind.VIDEO else []
            if frames:
                return read_frames([partial(files.read_bytes, frame) for frame in frames], self._limits)
            named = self._named(kind, wanted)
            if len(named) != 1:
                data = self._by_key(wanted) if wanted.keyed else None
                return self._read_data(kind, data) if data else self._archived(kind, roots, wanted, drop)
            uri, size = named[0], files.size(named[0])
        local = files.local_path(uri)
        if kind is MediaKind.VIDEO and local is not None:
            return self._videos.sample(Path(local))
        if size > self._most(kind):
            raise Drop(DropReason.MEDIA_TOO_LARGE, f"{uri}: {size:,} bytes; at most {self._most(kind):,} are read")
        return self._read_data(kind, files.read_bytes(uri))

    def _locate(self, roots: Mapping[str, str], wanted: Wanted) -> tuple[str, int]:
        """URI and size of the first of some places below each root that is a file.

        As written; below `images/`; without a first folder that repeats the root's name or that of its folder, as
        paths do that were written for the folder above. Then one folder deeper, or as deep as there is but one way, if
        only one there has it and that is no folder of another split than the record's.
        """
        if found := first_file(uris(roots, wanted.paths)):
            return found
        deeper = {found: fits for root, name in roots.items() for found, fits in self._deeper(root, name, wanted)}
        deeper = deeper or dict(self._at_ends(roots, wanted))
        fitting = [found for found, fits in deeper.items() if fits]
        if len(fitting) > 1:
            several = ", ".join(sorted(uri for uri, _ in fitting)[:3])
            raise Drop(
                DropReason.MISSING_MEDIA, f"{wanted.paths[0]!r} may be any of {several}; say which as media_root"
            )
        if not fitting:
            tried = ", ".join(islice(uris(roots, wanted.paths), 6))
            others = "".join(f"; {uri} is of another split" for uri, _ in sorted(deeper)[:3])
            others += "".join(f"; {uri} is spelled otherwise" for uri in nearly_there(roots, wanted.paths[0]))
            raise Drop(DropReason.MISSING_MEDIA, f"no file; tried {tried} and the folders below{others}")
        return fitting[0]

    def _archived(self, kind: MediaKind, roots: Mapping[str, str], wanted: Wanted, missing: Drop) -> MediaItem:
        """The medium out of the first archive right in a root, or one folder below it, that holds it.

        `missing` is why there is no such file; it is raised, with what is wrong with archives, where none has it.
        """
        if missing.reason is not DropReason.MISSING_MEDIA:
            raise missing
        wrong = dict.fromkeys(map(archives.unreadable_in, roots))
        member = next(self._packed.holding(roots, wanted, wrong), None)
        if member is not None:
            return self._read_data(kind, members.read_member(member, self._most(kind)))
        bare = replace(wanted, paths=(bare_of(wanted.paths[0], SUFFIXES[kind]),))
        frames = self._packed.frames(roots, bare, wrong) if kind is MediaKind.VIDEO else []
        if frames:
            most = self._limits.max_bytes
            return read_frames([partial(members.read_member, frame, most) for frame in frames], self._limits)
        raise Drop(missing.reason, missing.detail + "".join(wrong)) from missing

    def _most(self, kind: MediaKind) -> int:
        return self._limits.video_max_bytes if kind is MediaKind.VIDEO else self._limits.max_bytes

    def _by_key(self, wanted: Wanted) -> bytes | None:
        """The picture of this key in the first file of keyed pictures that has it."""
        if self._keyed is None:
            found = next(filter(None, (files.find(self._source_root, [pattern]) for pattern in wanted.keyed)), [])
            self._keyed = [(uri, files.stamp(uri)) for uri in (files.join(self._source_root, name) for name in found)]
        pictures = (find_picture(uri, wanted.paths[0], stamp) for uri, stamp in self._keyed)
        return next((picture for picture in pictures if picture is not None), None)

    def _deeper(self, root: str, name: str, wanted: Wanted) -> Iterator[tuple[tuple[str, int], bool]]:
        """The file in each folder below a root that has it, and whether it may be the one.

        A path from the root's own folder on leads no deeper where the folder that it names is there.
        """
        shorter = (place for path in wanted.paths for place in below(root, name, path))
        paths = [*wanted.paths, *(place for place in shorter if not self._has_folder_of(root, place))]
        places = [*self._folders(root), *(f"images/{folder}" for folder in self._folders(files.join(root, "images")))]
        for folder in places:
            alike = [*paths, *(f"images/{path}" for path in wanted.paths)]
            alike += (path.partition("/")[2] for path in paths if same_split(path, folder))
            if found := first_file(files.inside(root, f"{folder}/{path}") for path in alike):
                yield found, wanted.may_lie_in(folder)

    def _at_ends(self, roots: Mapping[str, str], wanted: Wanted) -> Iterator[tuple[tuple[str, int], bool]]:
        """The file where ways end that nothing lies beside, as an archive leaves that was packed with its own path.

        With whether it may be the one, as `_deeper` tells it.
        """
        for root in roots:
            if root not in self._ways:
                ways = ((name, files.only_way(files.join(root, name))) for name in self._folders(root))
                self._ways[root] = [f"{name}/{way}" for name, way in ways if way]
            for way in self._ways[root]:
                if found := first_file(files.inside(root, f"{way}/{path}") for path in wanted.paths):
                    yield found, all(map(wanted.may_lie_in, way.split("/")))

    def _has_folder_of(self, root: str, place: str) -> bool:
        folder = place.rpartition("/")[0]
        return bool(folder) and files.exists(files.inside(root, folder))

    def _folders(self, root: str) -> Sequence[str]:
        """Names of the folders right below a root, none where there are too many to look into."""
        if root not in self._below:
            found = files.folders(root)
            self._below[root] = found if len(found) <= LOOKED_INTO else ()
        return self._below[root]

    def _frames(self, roots: Mapping[str, str], wanted: Wanted) -> list[str]:
        """Pictures of the folder that stands for a video: of its path, or its path without a suffix."""
        for root in roots:
            for folder in ("", *filter(wanted.may_lie_in, self._folders(root))):
                place = files.inside(
                    root, f"{folder}/{bare_of(wanted.paths[0], SUFFIXES[MediaKind.VIDEO])}".lstrip("/")
                )
                if files.exists(place) and (found := files.find(place, FRAMES)):
                    return [files.join(place, frame) for frame in found]
        return []

    def _named(self, kind: MediaKind, wanted: Wanted) -> Sequence[str]:
        """Videos of this name anywhere below the source's folder, over which publishers spread them, and pictures
        whose names tell data set and split."""
        path, pictures = PurePosixPath(wanted.paths[0]), kind is MediaKind.IMAGE
        if pictures and not wanted.alone:
            return []
        suffixes = (path.suffix,) if pictures else SUFFIXES[kind]
        if suffixes not in self._by_name:
            there = self._by_name.setdefault(suffixes, defaultdict(list))
            for name in files.find(self._source_root, [f"**/*{suffix}" for suffix in suffixes]):
                there[PurePosixPath(name).stem].append(files.join(self._source_root, name))
        found = self._by_name[suffixes].get(path.stem if pictures else bare_of(wanted.paths[0], suffixes), [])
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
