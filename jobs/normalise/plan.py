"""What to read: the files of each source, their family, and ranges that cover them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from jobs.normalise.choose import Item
from jobs.normalise.survey import PICTURES, Looker, Survey, drawn_of, survey, told_in, words_of
from jobs.readers import Range, plan_ranges
from jobs.readers.folders import Folder, plan_files
from jobs.readers.shards import is_shard
from schemas.config import Storage
from schemas.errors import InputError
from schemas.source import Source, pool_of
from udfs import archives, files, member_index, members
from udfs.adapters.family import Layout, Shape
from udfs.adapters.held_out import list_files
from udfs.media.splits import splits_of

RANGE_BYTES = 32 << 20
HUB = "hf://datasets"
"""A sources_root that is the hub itself: files are read where they lie, range by range."""
UNMATCHED = "no pattern of reading.files names it; a catalogue file with one that does reads it"
POOLED = "it pools many data sets, and nobody knows which of its records are this source's"
OTHER_SPLIT = "it is of a split that reading.splits leaves out"
ARCHIVE = "media are looked for in it; annotations in it are read once it is unpacked, or named as archive!/member"
LINKED = "it is a link that leaves the source's folder: put there what it leads to, or name that as a media root"
MEDIA_SUFFIXES = PICTURES.union(member_index.VIDEOS)


@dataclass(frozen=True)
class Plan:
    """All items of a pass."""

    items: tuple[Item, ...]
    folders: Mapping[str, str]
    """Folder of each source."""
    families: Mapping[str, str]
    joined: frozenset[str]
    """Sources whose family joins sides."""
    unread: Mapping[str, Mapping[str, str]]
    """Files of each source that are not read, and why."""
    held_out: frozenset[str] = frozenset()
    """Sources of whose files nothing is there but splits that are left out beside others; they are read."""
    refused: Mapping[str, InputError] = field(default_factory=dict)
    """Sources that nobody can read, where others can be."""
    broken: tuple[str, ...] = ()
    """What is wrong with declared files that are not read, where others of their source are."""


def source_folder(source: Source, storage: Storage) -> str:
    """Folder of a source's files: its own, else a collection's that holds it; on the hub its repository."""
    looked = _folders(source, storage)
    for folder in looked:
        if files.exists(folder):
            return folder
    raise InputError(
        f"source {source.source_id}: no folder {' and no '.join(looked) or 'on the hub'}",
        f"`mammoth-vl sources fetch {source.source_id}`, or set storage.sources_root (now {storage.sources_root}); "
        f"`mammoth-vl sources show {source.source_id}` says what its publisher ships",
    )


def _folders(source: Source, storage: Storage) -> list[str]:
    root = storage.sources_root
    if root.rstrip("/") == HUB:
        return [files.join(HUB, source.hub_id.partition(" ")[0])] if source.hub_id else []
    names = (source.source_id, source.collection, *(source.reading.elsewhere if source.reading else ()))
    return list(dict.fromkeys(files.join(root, name) for name in names if name))


def _patterns(source: Source, folder: str) -> tuple[str, ...]:
    """What names a source's annotation files in one of its folders."""
    reading = source.reading
    return reading.elsewhere.get(PurePosixPath(folder).name, reading.files) if reading else ()


def find_files(source: Source, folder: str) -> tuple[list[str], bool]:
    """Annotation files of a source, and whether they are the declared ones; loose ones win over members of archives.

    A folder of its own holds nothing else, so those count there too that lie deeper than declared, as in a copy of the
    publisher's repository, and then files that are named otherwise.
    """
    patterns = _patterns(source, folder)
    below = [f"**/{pattern}" for pattern in patterns] if _own(source, folder) else []
    declared = archives.find(folder, patterns) or archives.find(folder, below)
    if declared:
        return declared, True
    found = _others(source, folder, "**/*")
    loose = any(file.lower().endswith(member_index.RECORDS) for file in found)
    # A compressed tar is inflated as a whole to see what it holds: not where annotations lie loose.
    declared, wrong = archives.annotations_below(folder, patterns, inflate=not loose) if patterns else ([], [])
    shards = {file for file in found if is_shard(files.join(folder, file))}
    declared = [file for file in declared if file.partition("!/")[0] not in shards]
    if declared:
        return declared, True
    if _own(source, folder) and not loose:
        packed, wrong = archives.annotations_below(folder, ("**/*",), inflate=True)
        packed = [file for file in packed if file.partition("!/")[0] not in shards]
        others = [file for file in found if file in shards or not file.lower().endswith(members.SUFFIXES)]
        found = [*others, *packed] if packed or shards else found
    if not found or (wrong and all(file.lower().endswith(members.SUFFIXES) for file in found)):
        linked = [f"{link} is not read: {LINKED}" for link in _links(source, folder)]
        told = "".join(f"; {what}" for what in [*wrong, *linked][:3]) + archives.unreadable_in(folder)
        raise InputError(
            f"source {source.source_id}: no file in {folder} matches {list(patterns)}{told}",
            f"`mammoth-vl sources show {source.source_id}` says what its publisher ships",
        )
    return found, False


def _own(source: Source, folder: str) -> bool:
    return folder.rstrip("/").endswith(f"/{source.source_id}")


def _others(source: Source, folder: str, *patterns: str) -> list[str]:
    """What lies in a source's own folder and is no medium; by default not deeper than annotations usually are."""
    if not _own(source, folder):
        return []
    found = files.find(folder, patterns or ("*", "*/*", "*/*/*", "*/*/*/*"))
    return [file for file in found if not file.lower().endswith(tuple(MEDIA_SUFFIXES))]


def _links(source: Source, folder: str) -> list[str]:
    """Links out of a source's own folder, those of pictures by themselves aside, which their rejects name."""
    found = files.leaving(folder) if _own(source, folder) else ()
    return [link for link in found if not link.lower().endswith(tuple(MEDIA_SUFFIXES))]


def _without_copies(source: Source, found: Sequence[str], folder: str) -> tuple[list[str], dict[str, str]]:
    """The files without those that the catalogue knows to lie beside others, which are told with the reason."""
    pooled = [file for file in found if _is_foreign(source, file)]
    found = [file for file in found if file not in pooled]
    if pooled and not found:
        raise InputError(
            f"source {source.source_id}: {files.join(folder, pooled[0])}: {POOLED}",
            "name this source's records in the pool under reading.pooled of a catalogue file of your own (--catalogue)",
        )
    rest, beside = _without_beside(source, found, folder)
    return rest, {**beside, **dict.fromkeys(pooled, POOLED)}


def _is_foreign(source: Source, file: str) -> bool:
    """Whether a file pools data sets and nobody knows this source's records in it."""
    pool = pool_of(file)
    return pool is not None and source.in_pool(pool) is None


def _without_beside(source: Source, found: Sequence[str], folder: str) -> tuple[list[str], dict[str, str]]:
    known = source.reading.beside if source.reading else {}
    there = {*found, *_others(source, folder)} if known else set()
    beside = {file: why for pattern, why in known.items() for file in there if files.fits(file, f"**/{pattern}")}
    rest = [file for file in found if file not in beside]
    return (rest, beside) if rest else (list(found), {})


def _told(file: str, folder: str, error: InputError | None = None) -> str:
    """Why a file is unread that nothing asks for: an archive is one of media, as long as it can be opened."""
    if file.lower().endswith(members.SUFFIXES):
        return archives.broken(files.join(folder, file)) or ARCHIVE
    return str(error.args[0]) if error else UNMATCHED


def _of_splits(source: Source, found: Sequence[str], looker: Looker) -> tuple[Survey, set[str]]:
    """What the files are, and those of splits that the source leaves out where there are others."""
    surveyed = survey(source, found, looker)
    unwanted = {file for file in surveyed.files() if not source.wants(splits_of(file))}
    if unwanted == surveyed.files() and looker.broken:
        raise looker.broken[0]  # what is left out where there are others takes no other one's place
    if not unwanted or unwanted == surveyed.files():
        return surveyed, set()
    return survey(source, [file for file in found if source.wants(splits_of(file))], looker), unwanted


@dataclass(frozen=True)
class _Place:
    """One list of records in one file, as one family reads it."""

    folder: str
    file: str
    family: str
    side: str
    container: str
    at: str


def plan_sources(sources: Sequence[Source], storage: Storage, lenient: bool = False) -> Plan:
    """Looks at every file of the sources and cuts them into items; a file that sources share is read once.

    `lenient`: a source that cannot be read is refused alone, as long as another one can be.
    """
    looked: dict[str, list[Layout] | InputError] = {}
    places: dict[_Place, list[str]] = {}
    cut: dict[_Place, list[Range]] = {}
    folders, families, joined, held_out, unread, refused = {}, {}, set(), set(), {}, dict[str, InputError]()
    broken = dict[str, None]()
    for source in sources:
        name = source.source_id
        try:
            folder = source_folder(source, storage)
            found, declared = find_files(source, folder)
            found, beside = _without_copies(source, found, folder)
            looker = Looker(folder, declared, looked)
            surveyed, unwanted = _of_splits(source, found, looker)
            there = _cut(source, folder, surveyed, cut)
        except InputError as error:
            refused[name] = error
            if not lenient or len(refused) == len(sources):
                raise
            continue
        folders[name] = folder
        known = surveyed.known
        families[name] = known.family.name
        used = surveyed.files() | {inner[0] for file in surveyed.files() if (inner := members.split(file))}
        used.update(files.find(folder, source.reading.pictures) if source.reading else ())
        used.update(list_files(source, folder))
        used.update(_drawn(file, part.shape) for file, parts in known.files.items() for part in parts)
        failed = {file: _told(file, folder, error) for file, error in looker.failed.items()}
        why = {**known.unread, **failed, **dict.fromkeys(unwanted, OTHER_SPLIT), **beside}
        others = {*found, *beside, *_others(source, folder)} - used
        unread[name] = {file: why.get(file) or _told(file, folder) for file in sorted(others)}
        unread[name] |= dict.fromkeys(_links(source, folder), LINKED)
        if not any(source.wants(splits_of(file)) for file in surveyed.files()):
            held_out.add(name)
        broken.update((f"{name}: {error.args[0]}", None) for error in looker.broken)
        if known.joined:
            joined.add(name)
        for place in there:
            places.setdefault(place, []).append(name)
    items = tuple(_items(places, cut, joined))
    return Plan(items, folders, families, frozenset(joined), unread, frozenset(held_out), refused, tuple(broken))


def _cut(source: Source, folder: str, surveyed: Survey, cut: dict[_Place, list[Range]]) -> list[_Place]:
    """Where a source's records lie, each place cut into ranges once; InputError where there is no record at all."""
    there = []
    for file, assignments in surveyed.known.files.items():
        for part in assignments:
            layout = part.layout
            place = _Place(folder, file, part.family.name, part.shape.side, layout.container.value, layout.at)
            if place not in cut:
                cut[place] = _ranges(place, layout, part.shape, surveyed.folders.get(file))
            there.append(place)
    if not any(cut[place] for place in there):
        raise InputError(
            f"source {source.source_id}: {files.join(folder, there[0].file)} holds no record",
            f"download the file again; `mammoth-vl sources show {source.source_id}` says what its publisher ships",
        )
    return there


def _items(places: Mapping[_Place, list[str]], cut: Mapping[_Place, list[Range]], joined: set[str]) -> Iterator[Item]:
    number = 0
    for place, names in places.items():
        # Sides are joined within a source, so a file that joined sources share is read for each of them.
        groups = [[name] for name in names] if names[0] in joined else [names]
        for part in cut[place]:
            for group in groups:
                yield Item(number, place.folder, place.family, place.side, part, tuple(group), part.weight)
                number += 1


def _drawn(file: str, shape: Shape) -> str:
    """Where the instructions of a file's records would lie."""
    return str(PurePosixPath(file).with_name(shape.drawn)) if shape.drawn and shape.drawn[0] != "#" else ""


def _instructions(place: _Place, shape: Shape, uri: str) -> tuple[str, ...]:
    if shape.drawn.startswith("#"):
        return told_in(uri, shape.drawn[1:])
    return drawn_of(files.join(place.folder, _drawn(place.file, shape))) if shape.drawn else ()


def _ranges(place: _Place, layout: Layout, shape: Shape, folder: Folder | None) -> list[Range]:
    if folder is not None:
        # Pictures can do without what is spare.
        folder = replace(folder, alone=()) if shape.spare else folder
        return plan_files(place.folder, place.file, folder, RANGE_BYTES)
    uri = files.join(place.folder, place.file)
    words = words_of(uri, place.file, shape.words) if shape.words else None
    drawn = _instructions(place, shape, uri)
    return [replace(part, words=words, drawn=drawn) for part in plan_ranges(uri, place.file, layout, RANGE_BYTES)]
