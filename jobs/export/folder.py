"""The folder of an export: what it holds, and the manifest that makes it complete."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any, cast

from jobs.export.media import Tree
from jobs.export.shards import NOTES, Shard
from schemas.enums import ExportFormat
from schemas.errors import ConfigError, InputError
from udfs import files

MANIFEST, UNFINISHED = "manifest.json", NOTES
MARK = files.join(UNFINISHED, "asked.json")
"""What was asked for, in a folder that is not finished."""


@dataclass(frozen=True)
class Array:
    """One JSON array of rows."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ExportFacts:
    """What an export folder holds: arrays and trees of media in LLaVA's form, else shards."""

    release_id: int
    folder: str
    media: str = ""
    arrays: tuple[Array, ...] = ()
    trees: tuple[Tree, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Rows of the release that the format has no place for, by reason."""
    format: str = ExportFormat.LLAVA.value
    shards: tuple[Shard, ...] = ()
    beside: Mapping[str, str] = field(default_factory=dict)
    """sha256 of the other files of the format by name."""

    @property
    def rows(self) -> int:
        """Rows of all arrays or shards."""
        return sum(array.rows for array in self.arrays) + sum(shard.rows for shard in self.shards)

    @property
    def bytes(self) -> int:
        """Bytes of all arrays, trees and shards."""
        parts: tuple[Array | Tree | Shard, ...] = (*self.arrays, *self.trees, *self.shards)
        return sum(part.bytes for part in parts)


def read_manifest(folder: str) -> dict[str, Any] | None:
    """The manifest of a finished export, None where there is none."""
    path = files.join(folder, MANIFEST)
    return cast(dict[str, Any], json.loads(files.read_bytes(path))) if files.exists(path) else None


def finished_export(folder: str, asked: Mapping[str, Any]) -> ExportFacts | None:
    """What an export of a release that was asked for holds, if it is there and whole.

    Arrays and shards have their sizes, trees of media as many files and bytes as were written, the other files exist.
    ConfigError where another format's export is finished there: it is not taken away for this one.
    """
    found = read_manifest(folder)
    if found is None:
        return None
    facts, form = facts_of(folder, found), str(asked.get("format", ExportFormat.LLAVA))
    if facts.format != form:
        raise ConfigError(
            f"{folder} holds a finished {facts.format} export of release {facts.release_id}, not {form}",
            "give --to another folder, or remove that one",
        )
    return facts if found["asked"] == asked and _is_whole(facts) else None


def _is_whole(facts: ExportFacts) -> bool:
    sizes: tuple[Array | Shard, ...] = (*facts.arrays, *facts.shards)
    return (
        all(_size(files.join(facts.folder, part.name)) == part.bytes for part in sizes)
        and all(files.exists(files.join(facts.folder, name)) for name in facts.beside)
        and all(files.weigh(files.join(facts.folder, tree.name)) == tree.on_disk for tree in facts.trees)
    )


def _size(path: str) -> int:
    try:
        return files.size(path)
    except FileNotFoundError:
        return -1


def facts_of(folder: str, found: Mapping[str, Any]) -> ExportFacts:
    """What a manifest says, of the folder where it lies now."""
    told = {name: value for name, value in found.items() if name in ExportFacts.__dataclass_fields__}
    told |= {
        name: tuple(kind(**item) for item in found.get(name, ()))
        for name, kind in (("arrays", Array), ("trees", Tree), ("shards", Shard))
    }
    return ExportFacts(**{**told, "folder": folder})


def is_begun(folder: str, asked: Mapping[str, Any]) -> bool:
    """Whether this very export was begun in a folder and did not end.

    ConfigError where another form's is unfinished there, or another release's: what it left is not this one's.
    """
    # Beside a manifest a mark says nothing: a crash left it, after all was written or before anything was taken away.
    if files.exists(files.join(folder, MANIFEST)) or not files.exists(files.join(folder, UNFINISHED)):
        return False
    path, wanted = files.join(folder, MARK), _mark(asked)
    found = json.loads(files.read_bytes(path)) if files.exists(path) else {}
    theirs, ours = (_whose(mark) for mark in (found, wanted))
    if theirs != ours:
        raise ConfigError(
            f"{folder} holds an unfinished {theirs}, not {ours}",
            f"finish that one first, give --to another folder, or remove {folder}",
        )
    return bool(found == wanted)


def _mark(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"format": ExportFormat.LLAVA.value, **asked}


def _whose(mark: Mapping[str, Any]) -> str:
    return f"{mark['format']} export of release {mark['release_id']}" if mark else "export that says no release"


def clear(folder: str, asked: Mapping[str, Any], names: Sequence[str]) -> None:
    """Begins an export: takes away what an earlier one left, and marks the folder as that of the one asked for.

    A folder is refused that holds another unfinished export, or something else. Who begins is written first, so that
    a crash in between leaves a folder that is ours and unfinished; what was asked for last, when nothing old is left.
    """
    is_begun(folder, asked)
    is_ours = any(files.exists(files.join(folder, name)) for name in (MANIFEST, MARK))
    if files.exists(folder) and not is_ours and files.find(folder, ["**", "**/.*"]):
        raise InputError(f"folder {folder} holds files that no export wrote", "give an empty or a new folder")
    path, mark = files.join(folder, MARK), _mark(asked)
    files.write_bytes(path, json.dumps({name: mark[name] for name in ("format", "release_id")}).encode())
    for name in (MANIFEST, *names):
        files.remove(files.join(folder, name))
    files.write_bytes(path, json.dumps(mark).encode())


def write_beside(folder: str, made: Mapping[str, bytes]) -> dict[str, str]:
    """Writes small files by name; gives the sha256 of each."""
    for name, data in made.items():
        files.write_bytes(files.join(folder, name), data)
    return {name: sha256(data).hexdigest() for name, data in made.items()}


def complete(asked: Mapping[str, Any], facts: ExportFacts) -> None:
    """Writes the manifest, which makes the export a finished one."""
    written = json.dumps({"asked": asked, **asdict(facts)}, indent=2)
    files.write_bytes(files.join(facts.folder, MANIFEST), written.encode())
    files.remove(files.join(facts.folder, UNFINISHED))
