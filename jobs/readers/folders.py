"""Folders of small files of which each is one record: found by looking at a few, planned as lists."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile
from pathlib import PurePosixPath

from jobs.readers.delimited import UTF8
from jobs.readers.probe import usual
from jobs.readers.ranges import Range
from jobs.readers.small_files import LARGEST, OTHERWISE, PROSE, SUFFIXES, TABLE, UNNAMED, in_utf8, placed, value_of
from schemas.enums import DropReason
from udfs import files
from udfs.adapters.family import Container, Layout
from udfs.media.splits import splits_in
from udfs.sample import Problem

ALWAYS = frozenset({"xml", "npz", "html", "htm"})
"""Files of these kinds hold one record each; others only where a look at some says so."""
OTHER = Problem(DropReason.MALFORMED, "text is not UTF-8")
"""Such a file does not say what it holds: others decide."""
_LARGEST_OBJECT = 1 << 20
_MOST_FILES = 1000
_INSTEAD = 8
"""So many more files are opened where all that were are in another encoding than UTF-8."""
_LEAST_BYTES = 4096
"""What opening a file costs, in bytes read."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Files of one kind in one folder."""

    names: tuple[str, ...]
    layout: Layout
    partners: Mapping[str, str] = field(default_factory=dict)
    """The picture that goes with a file."""
    pictures: str = ""
    """Folder of these pictures."""
    alone: tuple[str, ...] = ()
    """Pictures that no file goes with."""


def gather(root: str, found: Iterable[str]) -> dict[str, Folder]:
    """Folders whose files are records, by the pattern of their files; three of each are opened, more of no UTF-8."""
    groups: dict[str, list[str]] = {}
    paths = [path for path in map(PurePosixPath, sorted(found)) if path.suffix[1:].lower() in SUFFIXES]
    beside, within = Counter(map(_everywhere, paths)), Counter(map(_here, paths))
    for path in paths:
        # A name in two folders of three files each is no record with a folder of its own, but for a name that says so.
        least = 1 if path.stem in UNNAMED else max(2, within[_here(path)])
        alike = _everywhere(path) if beside[_everywhere(path)] >= least else _here(path)
        groups.setdefault(alike, []).append(str(path))
    for pattern, names in list(groups.items()):
        if pattern != _here(PurePosixPath(names[0])) and not _alike(root, names):
            del groups[pattern]
            for name in names:
                groups.setdefault(_here(PurePosixPath(name)), []).append(name)
    made = {pattern: _folder(root, names) for pattern, names in groups.items()}
    return {pattern: folder for pattern, folder in made.items() if folder}


def _alike(root: str, names: Sequence[str]) -> bool:
    """Whether files of one name in several folders are records of one kind, and no sides of one record."""
    found = _folder(root, names)
    looked = [_look(root, name, found.layout.at) for name in _some(names)] if found else []
    keys = [set(value) for value in looked if isinstance(value, dict)]
    return bool(keys) and None not in looked and bool(set.intersection(*keys))


def _some(names: Sequence[str]) -> list[str]:
    return sorted({names[0], names[len(names) // 2], names[-1]})


def _everywhere(path: PurePosixPath) -> str:
    """Pattern of the files of this name in all folders beside its own: some publishers give each record a folder."""
    return str(path.parents[1] / "*" / path.name) if len(path.parents) > 1 else str(path)


def _here(path: PurePosixPath) -> str:
    """Pattern of the files of this suffix in the folder of this one."""
    return str(path.with_name(f"*{path.suffix}"))


def _folder(root: str, names: Sequence[str]) -> Folder | None:
    suffix = PurePosixPath(names[0]).suffix[1:].lower()
    for kind in (suffix, *OTHERWISE.get(suffix, ())):
        looked = [_look(root, name, kind) for name in _some(names)]
        if all(value is OTHER for value in looked):
            looked += [_look(root, name, kind) for name in names[1 :: len(names) // _INSTEAD + 1]]
        values = [value for value in looked if isinstance(value, dict)]
        if kind == TABLE:
            values.append({TABLE: []})  # none of them may be readable, which each is to tell where tables are wanted
        # One that is no record where others are is damaged; a JSON document of another kind is none of these records.
        fits = kind == TABLE or looked.count(None) <= (0 if suffix == "json" else len(values))
        if suffix in ALWAYS or (values and fits):
            return Folder(tuple(names), Layout(Container.FILES, kind, _fullest(values)))
    return None


def _fullest(values: Sequence[Mapping[str, object]]) -> Mapping[str, object] | None:
    """The usual record, with whatever another one has beside all of its fields."""
    like = usual(values) or {}
    return max((value for value in values if value.keys() >= like.keys()), key=len, default=None)


def _look(root: str, name: str, suffix: str) -> dict[str, object] | Problem | None:
    """A file's record; a Problem for one that is damaged, empty or not UTF-8; None for one that is no record."""
    size = files.size(files.join(root, name))
    if suffix == "json" and size > _LARGEST_OBJECT:
        return None
    data = files.read_bytes(files.join(root, name), LARGEST + 1)
    if not data.strip():
        return Problem(DropReason.MALFORMED, "the file is empty")
    value = value_of(data, suffix)
    if isinstance(value, dict):
        return placed(value, PurePosixPath(name))
    if suffix in ALWAYS:
        return value
    if len(data) <= LARGEST and not in_utf8(data):
        return OTHER
    begins = data.lstrip()[:1]
    damaged = begins == b"{" or (begins != b"[" and name.lower().endswith(".json"))
    return value if suffix == "json" and damaged else None


def not_in_utf8(root: str, found: Iterable[str]) -> list[str]:
    """A word about the first text that is not UTF-8, of a look at three of them."""
    names = sorted(name for name in found if PurePosixPath(name).suffix[1:].lower() in OTHERWISE)
    bad = (name for name in _some(names) if _look(root, name, PROSE) is OTHER) if names else ()
    return [f"{name}: {OTHER.detail}; {UTF8}" for name in islice(bad, 1)]


def illustrate(folders: Mapping[str, Folder], pictures: Iterable[str]) -> dict[str, Folder]:
    """The folders with the picture of each file, which has its stem; and pictures that no file goes with.

    Of several folders that hold pictures of these stems, and are of no other split, the nearest counts that holds at
    least half as many of them as another one, of equals the one with most.
    """
    there: dict[str, dict[str, str]] = {}
    for picture in pictures:
        path = PurePosixPath(picture)
        there.setdefault(str(path.parent), {})[path.stem] = picture
    shown, used = dict(folders), dict[str, set[str]]()
    for pattern, folder in folders.items():
        stems = {name: _stem(name) for name in folder.names}
        best = _best(stems, there)
        partners = {name: there[best][stem] for name, stem in stems.items() if best and stem in there[best]}
        shown[pattern] = replace(folder, partners=partners)
        if best and best not in used:
            shown[pattern] = replace(shown[pattern], pictures=best)
        if best:
            used.setdefault(best, set()).update(stems.values())
    for pattern, folder in shown.items():
        if folder.pictures:
            left = {
                stem: picture for stem, picture in there[folder.pictures].items() if stem not in used[folder.pictures]
            }
            shown[pattern] = replace(folder, alone=tuple(left.values()))
    return shown


def _best(stems: Mapping[str, str], there: Mapping[str, Mapping[str, str]]) -> str:
    near = next(iter(stems))
    own = splits_in(str(PurePosixPath(near).parent))
    fits = {folder: sum(stem in held for stem in stems.values()) for folder, held in there.items()}
    fits = {folder: fit for folder, fit in fits.items() if fit and not (own and splits_in(folder).isdisjoint(own))}
    most = max(fits.values(), default=0)
    held = [folder for folder, fit in fits.items() if 2 * fit >= most]
    return max(held, key=lambda folder: (_shared(folder, near), fits[folder]), default="")


def _shared(folder: str, name: str) -> int:
    """Steps that both paths have in common."""
    steps = zip(PurePosixPath(folder).parts, PurePosixPath(name).parts, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], steps))


def _stem(name: str) -> str:
    """As the picture's: the ICDAR challenges put `gt_` before it."""
    return PurePosixPath(name).stem.removeprefix("gt_")


def plan_files(root: str, pattern: str, folder: Folder, target_bytes: int) -> list[Range]:
    """Ranges of files, each with its picture; pictures that nothing goes with stand at the end."""
    named = [*((name, folder.partners.get(name, "")) for name in folder.names), *(("", name) for name in folder.alone)]
    each = max(files.size(files.join(root, folder.names[0])), _LEAST_BYTES)
    step = max(1, min(_MOST_FILES, target_bytes // each))
    return list(_ranges(pattern, folder.layout, named, step, each))


def _ranges(pattern: str, layout: Layout, named: Sequence[tuple[str, str]], step: int, each: int) -> Iterator[Range]:
    for start in range(0, len(named), step):
        part = tuple(named[start : start + step])
        yield Range(
            pattern, Container.FILES, layout.at, start, start + len(part), start, len(part), 0, each * len(part), part
        )
