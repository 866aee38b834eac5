"""What the files of one source are: looked at one by one, or by folder where each file is one record."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from jobs.readers import layouts, plan_ranges, read, shards, single
from jobs.readers.folders import ALWAYS, Folder, gather, illustrate, not_in_utf8
from jobs.readers.small_files import PROSE, TABLE
from schemas.errors import InputError
from schemas.source import Source
from udfs import files
from udfs.adapters.family import Layout
from udfs.adapters.recognise import Recognised, expects, recognise
from udfs.stores import resolve

PICTURES = frozenset(f".{suffix}" for suffix in shards.PICTURES)
_LIST_BYTES = 1 << 20
_OPENED = 500
"""A folder of more files is not opened file by file to find out what else they may be."""


@dataclass(frozen=True, slots=True)
class Looker:
    """Looks at files, each once; what cannot be read is told, and raises where it was declared and others need it."""

    root: str
    declared: bool
    looked: dict[str, list[Layout] | InputError]
    """By URI; sources share it."""
    failed: dict[str, InputError] = field(default_factory=dict)
    """Why files are not read."""

    def look(self, file: str) -> Sequence[Layout]:
        """Places in a file where records lie."""
        uri = files.join(self.root, file)
        if uri not in self.looked:
            try:
                self.looked[uri] = layouts(uri)
            except InputError as error:
                self.looked[uri] = error
        found = self.looked[uri]
        if isinstance(found, InputError):
            self.failed[file] = found
            return []
        return found

    @property
    def broken(self) -> list[InputError]:
        """What is wrong with files that were declared."""
        return list(self.failed.values()) if self.declared else []

    def named(self, file: str) -> bool:
        """Whether a file can be opened by its name; one that cannot is told and stops nothing."""
        try:
            resolve(files.join(self.root, file))
        except InputError as error:
            self.failed[file] = error
        return file not in self.failed


@dataclass(frozen=True, slots=True)
class Survey:
    """What a source's files were recognised as."""

    known: Recognised
    folders: Mapping[str, Folder]
    """Folders whose files are records, by the pattern that stands for them in `known`."""

    def files(self) -> set[str]:
        """Files that are read."""
        whole = {
            name for pattern, folder in self.folders.items() if pattern in self.known.files for name in folder.names
        }
        return whole | set(self.known.files)


def survey(source: Source, found: Iterable[str], looker: Looker) -> Survey:
    """The family of the files; folders that no family reads as records are opened file by file."""
    found = [file for file in found if looker.named(file)]
    folders = gather(looker.root, found)
    while True:
        whole = {name for folder in folders.values() for name in folder.names}
        seen = {file: there for file in found if file not in whole and (there := looker.look(file))}
        seen |= {pattern: [folder.layout] for pattern, folder in folders.items()}
        try:
            known, refused = _recognised(looker, seen, source), None
        except InputError as error:
            known, refused = None, error
        closed = {
            pattern
            for pattern, folder in folders.items()
            if folder.layout.at in ALWAYS or (known and pattern in known.files) or _too_many(folder)
        }
        if closed != set(folders):
            folders = _fewer(folders, closed, source)
        elif known and (known.complete or not looker.broken):
            read_ones = {pattern: folder for pattern, folder in folders.items() if pattern in known.files}
            return Survey(known, _illustrated(looker.root, read_ones, source))
        elif looker.broken:
            raise looker.broken[0]
        elif refused:
            told = [str(error.args[0]) for error in list(looker.failed.values())[:3]]
            told += not_in_utf8(looker.root, found)
            if not told or not seen:
                raise refused
            raise InputError(f"{refused.args[0]}; not read: {'; '.join(told)}", refused.next_step)


def _fewer(folders: Mapping[str, Folder], closed: Collection[str], source: Source) -> dict[str, Folder]:
    """Folders that stay closed: those that one side of a known family fits too, until all others were opened."""
    waiting = {pattern for pattern, folder in folders.items() if pattern in closed or expects(folder.layout, source)}
    kept = closed if waiting == set(folders) else waiting
    return {pattern: folder for pattern, folder in folders.items() if pattern in kept}


def _recognised(looker: Looker, seen: Mapping[str, Sequence[Layout]], source: Source) -> Recognised:
    """The family of the files; where there is none, a document may be one record, or hold too few to tell."""
    if not seen and looker.failed:
        errors = list(looker.failed.values())
        told = "; ".join(str(error.args[0]) for error in errors[:3])
        raise InputError(f"{source.source_id}: no file can be read: {told}", errors[0].next_step)
    try:
        return recognise(seen, source)
    except InputError:
        alone = [(file, files.join(looker.root, file)) for file in seen if "*" not in file]
        whole = {file: found for file, uri in alone if (found := single(uri, keyed=True))}
        with suppress(InputError):
            return recognise({**seen, **whole}, source)
        raise


def _too_many(folder: Folder) -> bool:
    """Whether a folder is taken for what it looks like; prose and tables look like anything."""
    return len(folder.names) > _OPENED and folder.layout.at not in (PROSE, TABLE)


def _illustrated(root: str, folders: Mapping[str, Folder], source: Source) -> Mapping[str, Folder]:
    """The folders with the pictures of their files; those that the catalogue tells to lie beside go with none."""
    if all(folder.layout.at == "npz" for folder in folders.values()):
        return folders
    beside = source.reading.beside if source.reading else ()
    found = [name for name in files.find(root, ["**/*"]) if name.lower().endswith(tuple(PICTURES))]
    return illustrate(folders, [name for name in found if not any(files.fits(name, f"**/{known}") for known in beside)])


def drawn_of(uri: str) -> tuple[str, ...]:
    """Instructions of a JSON list of texts; none where the file is not there or something else."""
    with suppress(msgspec.MsgspecError):
        told = msgspec.json.decode(files.read_bytes(uri, _LIST_BYTES), type=list[str]) if files.exists(uri) else []
        return tuple(filter(None, map(str.strip, told)))
    return ()


def told_in(uri: str, name: str) -> tuple[str, ...]:
    """Instructions in a field at the head of a JSON document: texts in a list, or by number; none where it has none."""
    head = files.read_bytes(uri, _LIST_BYTES).decode(errors="replace")
    field = re.search(rf'"{re.escape(name)}"\s*:\s*', head)
    if field is None:
        return ()
    with suppress(ValueError, RecursionError):
        told = json.JSONDecoder().raw_decode(head, field.end())[0]
        numbered = [told.get(str(at)) for at in range(len(told))] if isinstance(told, dict) else told
        if isinstance(numbered, list) and all(isinstance(one, str) for one in numbered):
            return tuple(map(str.strip, numbered))
    return ()


def words_of(uri: str, file: str, at: str) -> dict[str, str] | None:
    """Names by number of the categories that a document lists at this place."""
    for layout in layouts(uri):
        if layout.at == at:
            parts = plan_ranges(uri, file, layout, 1 << 30)
            records = [record.value for part in parts for record in read(uri.removesuffix(f"/{file}"), part)]
            return {str(value.get("id")): str(value.get("name")) for value in records}
    return None
