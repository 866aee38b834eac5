"""What to read: the files of each source, their family, and ranges that cover them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from jobs.readers import layouts, plan_ranges
from schemas.config import Storage
from schemas.errors import InputError
from schemas.source import Source
from udfs import files
from udfs.adapters.family import Layout
from udfs.adapters.recognise import Recognised, recognise

from jobs.normalise.read import Item

RANGE_BYTES = 32 << 20
MEDIA_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".mp4", ".avi", ".mkv", ".webm", ".tif"})


@dataclass(frozen=True)
class Plan:
    """All items of a pass."""

    items: tuple[Item, ...]
    folders: Mapping[str, str]
    """Folder of each source."""
    families: Mapping[str, str]
    joined: frozenset[str]
    """Sources whose family joins sides."""


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


def find_files(source: Source, folder: str) -> list[str]:
    """The source's annotation files: its declared patterns, else whatever in its own folder is no medium."""
    patterns = source.reading.files if source.reading else ()
    found = files.find(folder, patterns) if patterns else []
    if not found and PurePosixPath(folder).name == source.source_id:
        # A folder of its own holds nothing else, so files that were renamed or come from another publisher count.
        found = [f for f in files.find(folder, ("**/*",)) if PurePosixPath(f).suffix.lower() not in MEDIA_SUFFIXES]
    if not found:
        raise InputError(
            f"source {source.source_id}: no file in {folder} matches {list(patterns)}",
            f"`mammoth-vl sources show {source.source_id}` says what its publisher ships",
        )
    return found


def plan_sources(sources: Sequence[Source], storage: Storage) -> Plan:
    """Looks at every file of the sources and cuts them into items; a file shared by sources is read once."""
    folders = {source.source_id: source_folder(source, storage) for source in sources}
    found = {source.source_id: find_files(source, folders[source.source_id]) for source in sources}
    looked: dict[tuple[str, str], list[Layout]] = {}
    shared: dict[tuple[str, str, str, str, str], list[str]] = {}
    families: dict[str, str] = {}
    joined: set[str] = set()
    for source in sources:
        seen = {}
        for file in found[source.source_id]:
            key = (folders[source.source_id], file)
            if key not in looked:
                looked[key] = layouts(files.join(*key))
            seen[file] = looked[key]
        known = recognise(seen, source)
        families[source.source_id] = known.family
        if known.joined:
            joined.add(source.source_id)
        for file, place in _places(known):
            at = (folders[source.source_id], file, known.family, place.side, place.layout)
            shared.setdefault(at, []).append(source.source_id)
    return Plan(tuple(_items(shared)), folders, families, frozenset(joined))
