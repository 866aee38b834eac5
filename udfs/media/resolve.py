"""From a medium as a record names it to the medium itself."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from schemas.config import Media
from schemas.enums import DropReason, MediaKind
from schemas.errors import Drop
from schemas.source import Source
from udfs import files
from udfs.media.item import MediaItem, sha256
from udfs.media.pictures import standardise
from udfs.media.video import VideoSampler
from udfs.sample import MediaRef, Problem

REMEMBERED = 10_000


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
        self._videos = VideoSampler(limits)

    def read(self, ref: MediaRef, source: Source) -> MediaItem:
        """The medium, or `Drop`; bytes that came with the record win over its path."""
        if ref.data is not None:
            return self._read_data(ref.kind, ref.data)
        if not ref.path:
            raise Drop(DropReason.MISSING_MEDIA, f"the record names no {ref.kind}")
        path, roots = ref.path, self._roots(source)
        # `|` keeps a root and a path apart from every digest.
        return self._once((ref.kind, f"{next(iter(roots))}|{path}"), lambda: self._read_path(ref.kind, roots, path))

    def close(self) -> None:
        """End the worker process for videos, if one was started."""
        self._videos.close()

    def _roots(self, source: Source) -> Mapping[str, str]:
        """Folders to look in, each with its name: the named root or folder first, then the source's own."""
        name = source.reading.media_root if source.reading else ""
        named = {self._media_roots.get(name) or files.join(self._source_root, name): name} if name else {}
        return named | {self._source_root: self._source_root.rstrip("/").rpartition("/")[2]}

    def _read_path(self, kind: MediaKind, roots: Mapping[str, str], path: str) -> MediaItem:
        uri, size = _locate(roots, path)
        local = files.local_path(uri)
        if kind is MediaKind.VIDEO and local is not None:
            return self._videos.sample(Path(local))
        most = self._limits.video_max_bytes if kind is MediaKind.VIDEO else self._limits.max_bytes
        if size > most:
            raise Drop(DropReason.MEDIA_TOO_LARGE, f"{uri}: {size:,} bytes; at most {most:,} are read")
        return self._read_data(kind, files.read_bytes(uri))

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


def _locate(roots: Mapping[str, str], path: str) -> tuple[str, int]:
    """URI and size of the first of three places below each root that is a file.

    As written; below `images/`; and without a first folder that repeats the root's name or that of its folder, as
    paths do that were written for the folder above.
    """
    uris = [files.inside(root, place) for root, name in roots.items() for place in _places(root, name, path)]
    for uri in uris:
        try:
            return uri, files.size(uri)
        except FileNotFoundError:
            continue
    raise Drop(DropReason.MISSING_MEDIA, f"no file; tried {', '.join(uris)}")


def _places(root: str, name: str, path: str) -> list[str]:
    first, _, rest = path.partition("/")
    repeated = rest and first in (name, root.rstrip("/").rpartition("/")[2])
    return [path, f"images/{path}", *([rest] if repeated else [])]
