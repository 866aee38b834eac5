"""The exact plan: which files of which repository go where, for which sources, and what must be got by hand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from jobs.fetch.hub import Hub, Listing, Problem, RemoteFile
from jobs.fetch.patterns import globs, repository
from schemas.config import Storage
from schemas.errors import Drop, InputError
from schemas.source import Source
from udfs import files

MEDIA_SUFFIXES = (
    ".zip", ".tar", ".tgz", ".gz", ".7z", ".rar", ".xz", ".zst", ".bz2", ".jpg", ".jpeg", ".png", ".webp", ".bmp",
    ".gif", ".tif", ".tiff", ".mp4", ".avi", ".mkv", ".webm", ".mov",
)  # fmt: skip


class Kind(StrEnum):
    """Annotations come first: they can be checked without their media."""

    ANNOTATIONS = "annotations"
    MEDIA = "media"


class State(StrEnum):
    """What the plan does about a line."""

    FETCH = "fetch"
    BY_HAND = "by hand"
    EXCLUDED = "excluded"
    NOTHING = "matches nothing"
    FAILED = "failed"


@dataclass(frozen=True)
class File:
    """One file to have; sources that share it are listed together."""

    repository: str
    revision: str
    remote: RemoteFile
    folder: str
    target: str
    kind: Kind
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """What one pattern of one source comes to."""

    source_id: str
    state: State
    repository: str | None
    pattern: str
    destination: str
    licence: str
    revision: str = ""
    kind: Kind | None = None
    files: int | None = None
    bytes: int | None = None
    present: int | None = None
    """Bytes that lie there already, by name and size."""
    note: str = ""


@dataclass
class Plan:
    """Lines for people, files for the download."""

    lines: list[Line] = field(default_factory=list)
    files: list[File] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """What the user wants of the sources."""

    sources: Sequence[Source]
    storage: Storage
    annotations_only: bool = False
    excluded: Mapping[str, str] = field(default_factory=dict)
    """Reason by source."""


def plan_fetch(hub: Hub, wanted: Wanted) -> Plan:
    """Asks the hub for what it lists of every repository; nothing is written."""
    root = files.local_path(wanted.storage.sources_root)
    if root is None:
        where = wanted.storage.sources_root
        raise InputError(f"{where} is no folder of this machine", "fetch into a local or mounted folder, then copy")
    plan = Plan()
    found: dict[str, File] = {}
    for source in wanted.sources:
        folder = str(Path(root) / (source.collection or source.source_id))
        if source.source_id in wanted.excluded:
            plan.lines.append(_line(source, State.EXCLUDED, folder, note=wanted.excluded[source.source_id]))
        elif (own := Path(root) / source.source_id).is_dir() and str(own) != folder:
            plan.lines.append(_line(source, State.BY_HAND, str(own), note="has a folder of its own, which is read"))
        else:
            _add_source(plan, found, _Place(source, folder, wanted.annotations_only), hub)
    plan.files = sorted(found.values(), key=lambda file: file.kind is Kind.MEDIA)
    return plan


@dataclass(frozen=True)
class _Place:
    source: Source
    folder: str
    annotations_only: bool


def _add_source(plan: Plan, found: dict[str, File], place: _Place, hub: Hub) -> None:
    source = place.source
    named = repository(source.hub_id) if source.hub_id else None
    if named is None:
        note = f"hub_id {source.hub_id!r} is no repository" if source.hub_id else "no hub serves these files"
        plan.lines.append(_line(source, State.BY_HAND, place.folder, note="; ".join((note, *by_hand(source)))))
        return
    repo, inside = named
    listing = hub.listing(repo)
    if isinstance(listing, Problem):
        failed = _line(source, State.FAILED, place.folder, note=f"{listing.what}; next: {listing.next_step}")
        plan.lines.append(failed)
        return
    annotations = 0
    for pattern, kind, chosen in _chosen(source, inside, listing):
        annotations += kind is Kind.ANNOTATIONS
        if kind is Kind.MEDIA and place.annotations_only:
            continue
        kept = [file for remote in chosen if (file := _file(place, repo, listing, (remote, kind))) is not None]
        for file in kept:
            known = found.get(file.target)
            names = dict.fromkeys((*(known.sources if known else ()), source.source_id))
            first = known.kind if known and known.kind is Kind.ANNOTATIONS else kind
            found[file.target] = replace(file, kind=first, sources=tuple(names))
        plan.lines.append(_told(place, repo, listing, (pattern, kind, kept, len(chosen) - len(kept))))
    page = f"{hub.endpoint}/datasets/{repo}"
    if not annotations:
        note = f"none of the {len(listing.files):,} files of {repo} matches {', '.join(_names(source))}; look at {page}"
        plan.lines.append(_line(source, State.FAILED, place.folder, note=note))
    elif idle := ", ".join(_idle(source, listing, place.annotations_only)):
        plan.lines.append(
            _line(source, State.NOTHING, place.folder, note=f"no file of {repo} matches {idle}; look at {page}")
        )


def _chosen(source: Source, inside: str, listing: Listing) -> Iterator[tuple[str, Kind, list[RemoteFile]]]:
    """Patterns that match: what the source reads, or else what the catalogue names; then the media it names."""
    remotes = [file for file in listing.files if not inside or file.path.startswith(f"{inside}/")]
    named = [glob for entry in source.hub_files for glob in globs(entry)]
    reads = list(source.reading.files) if source.reading else []
    keyed = list(source.reading.pictures) if source.reading else []
    taken: set[str] = set()
    for patterns, media in ((reads, False), (named, False), (keyed, True), (named, True)):
        if patterns is named and not media and taken:
            continue
        for pattern in dict.fromkeys(patterns):
            matching = [
                file
                for file in remotes
                if file.path not in taken
                and files.fits(file.path, pattern)
                and (patterns is not named or _is_medium(file.path) is media)
            ]
            if matching:
                taken.update(file.path for file in matching)
                yield pattern, Kind.MEDIA if media else Kind.ANNOTATIONS, matching
                if patterns is keyed:
                    break


def _idle(source: Source, listing: Listing, annotations_only: bool) -> Iterator[str]:
    """Patterns of what is read, and of the media, that match nothing at all."""
    reads = source.reading.files if source.reading else ()
    media = [glob for entry in source.hub_files for glob in globs(entry) if _is_medium(glob) and not annotations_only]
    for pattern in dict.fromkeys((*reads, *media)):
        if not any(files.fits(remote.path, pattern) for remote in listing.files):
            yield pattern


def _is_medium(path: str) -> bool:
    name = path.lower()
    return name.endswith(MEDIA_SUFFIXES) and not name.endswith((".json.gz", ".jsonl.gz", ".tsv.gz", ".csv.gz"))


def _file(place: _Place, repo: str, listing: Listing, what: tuple[RemoteFile, Kind]) -> File | None:
    """None for a name that would leave the folder or that no file can have."""
    remote, kind = what
    try:
        target = files.inside(place.folder, remote.path)
    except Drop:
        return None
    return File(repo, listing.revision, remote, place.folder, target, kind, (place.source.source_id,))


def _told(place: _Place, repo: str, listing: Listing, what: tuple[str, Kind, list[File], int]) -> Line:
    pattern, kind, kept, refused = what
    there = sum(file.remote.size for file in kept if _lies(file))
    return Line(
        place.source.source_id, State.FETCH, repo, pattern, place.folder, terms(place.source), listing.revision, kind,
        len(kept), sum(file.remote.size for file in kept), there,
        f"{refused} names that lead out of the folder are refused" if refused else "",
    )  # fmt: skip


def _lies(file: File) -> bool:
    target = Path(file.target)
    return target.is_file() and target.stat().st_size == file.remote.size


def _line(source: Source, state: State, folder: str, note: str) -> Line:
    names = ", ".join(_names(source))
    return Line(source.source_id, state, source.hub_id, names, folder, terms(source), note=note)


def _names(source: Source) -> tuple[str, ...]:
    return source.hub_files or (source.reading.files if source.reading else ())


def by_hand(source: Source) -> Iterator[str]:
    """What helps somebody who gets the files from the publisher."""
    yield f"{source.name}, {source.cited_as}" if source.cited_as else source.name
    yield from source.caveats


def terms(source: Source) -> str:
    """Licence of the data, and of the packaging where that is another."""
    licence = source.licence
    return f"{licence.spdx} ({licence.packaging})" if licence.packaging not in ("", licence.spdx) else licence.spdx
