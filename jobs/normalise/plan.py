"""What to read: the files of each source, their family, and ranges that cover them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.normalise.read import Item
from jobs.readers import layouts, plan_ranges
from schemas.config import Storage
from schemas.errors import InputError
from schemas.source import Source
from udfs import files
from udfs.adapters.family import Layout
from udfs.adapters.recognise import recognise

RANGE_BYTES = 32 << 20
MEDIA_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".mp4", ".avi", ".mkv", ".webm", ".mov"}
)


@dataclass(frozen=True)
class Plan:
    """All items of a pass."""

    items: tuple[Item, ...]
    folders: Mapping[str, str]
    """Folder of each source."""
    families: Mapping[str, str]
    joined: frozenset[str]
    """Sources whose family joins sides."""
    unread: Mapping[str, tuple[str, ...]]
    """Files of each source that its family does not read."""


def source_folder(source: Source, storage: Storage) -> str:
    """Folder of a source's files: its own if there is one, else its collection's."""
    own = files.join(storage.sources_root, source.source_id)
    if files.exists(own):
        return own
    shared = files.join(storage.sources_root, source.collection or source.source_id)
    if files.exists(shared):
        return shared
    raise InputError(
        f"source {source.source_id}: no folder {own}" + (f" and no {shared}" if shared != own else ""),
        f"download it, or set storage.sources_root (now {storage.sources_root}); "
        f"`mammoth-vl sources show {source.source_id}` says what its publisher ships",
    )


def find_files(source: Source, folder: str) -> tuple[list[str], bool]:
    """Annotation files of a source, and whether they are the declared ones.

    A folder of its own holds nothing else, so files that are named otherwise than declared count there too.
    """
    patterns = source.reading.files if source.reading else ()
    declared = files.find(folder, patterns) if patterns else []
    if declared:
        return declared, True
    found = _others(source, folder, "**/*")
    if not found:
        raise InputError(
            f"source {source.source_id}: no file in {folder} matches {list(patterns)}",
            f"`mammoth-vl sources show {source.source_id}` says what its publisher ships",
        )
    return found, False


def _others(source: Source, folder: str, *patterns: str) -> list[str]:
    """What lies in a source's own folder and is no medium; by default not deeper than annotations usually are."""
    if not folder.rstrip("/").endswith(f"/{source.source_id}"):
        return []
    found = files.find(folder, patterns or ("*", "*/*"))
    return [file for file in found if not file.lower().endswith(tuple(MEDIA_SUFFIXES))]


@dataclass(frozen=True)
class _Place:
    """One list of records in one file, as one family reads it."""

    folder: str
    file: str
    family: str
    side: str
    container: str
    at: str


def plan_sources(sources: Sequence[Source], storage: Storage) -> Plan:
    """Looks at every file of the sources and cuts them into items; a file that sources share is read once."""
    looked: dict[str, list[Layout]] = {}
    places: dict[_Place, tuple[Layout, list[str]]] = {}
    folders, families, joined, unread = {}, {}, set(), {}
    for source in sources:
        name = source.source_id
        folders[name] = folder = source_folder(source, storage)
        found, declared = find_files(source, folder)
        seen = {file: _look(files.join(folder, file), declared, looked) for file in found}
        known = recognise({file: there for file, there in seen.items() if there}, source)
        families[name] = known.family.name
        unread[name] = tuple(sorted({*found, *_others(source, folder)} - set(known.files)))
        if known.joined:
            joined.add(name)
        for file, assignments in known.files.items():
            for part in assignments:
                layout = part.layout
                place = _Place(folder, file, known.family.name, part.shape.side, layout.container.value, layout.at)
                places.setdefault(place, (layout, []))[1].append(name)
    return Plan(tuple(_items(places, joined)), folders, families, frozenset(joined), unread)


def _look(uri: str, declared: bool, looked: dict[str, list[Layout]]) -> list[Layout]:
    if uri not in looked:
        try:
            looked[uri] = layouts(uri)
        except InputError:
            if declared:
                raise
            looked[uri] = []
    return looked[uri]


def _items(places: Mapping[_Place, tuple[Layout, list[str]]], joined: set[str]) -> Iterator[Item]:
    number = 0
    for place, (layout, names) in places.items():
        uri = files.join(place.folder, place.file)
        # Sides are joined within a source, so a file that joined sources share is read for each of them.
        groups = [[name] for name in names] if names[0] in joined else [names]
        for part in plan_ranges(uri, place.file, layout, RANGE_BYTES):
            for group in groups:
                yield Item(number, place.folder, place.family, place.side, part, tuple(group), part.weight)
                number += 1
