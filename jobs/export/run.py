"""Export: one release into one folder that is complete when its manifest is there."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any, cast

import yaml
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name that every Spark user knows

from jobs.export.contract import check_export
from jobs.export.media import Tree, write_media
from jobs.export.rows import TREES, exportable, lines, with_paths
from jobs.export.train import train_files
from jobs.release import manifest, read_release
from jobs.tables import Tables
from schemas.config import Config, Export
from schemas.enums import Split
from schemas.errors import InputError, PipelineError
from udfs import files

MANIFEST, UNFINISHED, PARTS = "manifest.json", "unfinished", "_parts"


@dataclass(frozen=True)
class Array:
    """One JSON array of rows."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ExportFacts:
    """What an export folder holds."""

    release_id: int
    folder: str
    media: str
    arrays: tuple[Array, ...]
    trees: tuple[Tree, ...]
    left_out: Mapping[str, int]
    """Rows of the release that the trainer has no form for, by reason."""

    @property
    def rows(self) -> int:
        """Rows of all arrays."""
        return sum(array.rows for array in self.arrays)


def export(
    tables: Tables, config: Config, release_id: int | None = None, destination: str | None = None
) -> ExportFacts:
    """Writes a release (the newest where none is named) below ROOT/exports/<release>, or into `destination`.

    Rows are sorted by id, written by Spark and joined as a stream. What the trainer asks for is checked on the
    written files before the manifest appears: a folder without one is not finished, and exporting again makes it
    anew. A folder whose manifest names the same content and settings is left as it is.
    """
    release = manifest(tables, release_id)
    number = int(release["release_id"])
    folder = destination or files.join(tables.root, "exports", str(number))
    asked = {"release_id": number, "content_hash": release["content_hash"], **config.export.model_dump()}
    found = _finished(folder)
    if found is not None and found["asked"] == asked:
        return _facts(folder, found)
    _clear(folder, is_ours=found is not None)
    published = read_release(tables, number)
    rows = exportable(published, with_paths(tables, published))
    problems = rows.where("problem IS NOT NULL").groupBy("problem").count().orderBy("problem").collect()
    left_out = {row["problem"]: int(row["count"]) for row in problems}
    rows = rows.where("problem IS NULL")
    arrays = _write_arrays(rows, folder, number)
    trees = _write_trees(tables, rows, folder, config.export)
    for name, text in train_files(f"r{number}").items():
        files.write_bytes(files.join(folder, "train", name), text.encode())
    _check(folder, config)
    facts = ExportFacts(number, folder, config.export.media, arrays, trees, left_out)
    written = json.dumps({"asked": asked, **asdict(facts)}, indent=2)
    files.write_bytes(files.join(folder, MANIFEST), written.encode())
    files.remove(files.join(folder, UNFINISHED))
    return facts


def _finished(folder: str) -> dict[str, Any] | None:
    """The manifest of a finished export, None where there is none."""
    path = files.join(folder, MANIFEST)
    return cast(dict[str, Any], json.loads(files.read_bytes(path))) if files.exists(path) else None


def _facts(folder: str, found: Mapping[str, Any]) -> ExportFacts:
    arrays = tuple(Array(**item) for item in found["arrays"])
    trees = tuple(Tree(**item) for item in found["trees"])
    return ExportFacts(found["release_id"], folder, found["media"], arrays, trees, found["left_out"])


def _clear(folder: str, *, is_ours: bool) -> None:
    """Takes away what an earlier export left; a folder that holds something else is refused."""
    mark = files.join(folder, UNFINISHED)
    if files.exists(folder) and not is_ours and not files.exists(mark) and files.find(folder, ["**", "**/.*"]):
        raise InputError(f"folder {folder} holds files that no export wrote", "give an empty or a new folder")
    files.write_bytes(mark, b"")
    arrays = [f"mammoth_{split}_*{ending}" for split in Split for ending in (".json", ".yaml")]
    for name in (MANIFEST, PARTS, "train", *TREES, *files.find(folder, arrays)):
        files.remove(files.join(folder, name))


def _write_arrays(rows: DataFrame, folder: str, number: int) -> tuple[Array, ...]:
    """One array and one list for the trainer per split; Spark writes sorted parts, which are joined line by line."""
    parts = files.join(folder, PARTS)
    ordered = lines(rows).orderBy("split", "id").select("split", "line")
    ordered.write.mode("overwrite").partitionBy("split").text(parts)
    arrays = []
    for split in Split:
        name = f"mammoth_{split}_r{number}"
        arrays.append(_join_lines(files.join(parts, f"split={split}"), folder, f"{name}.json"))
        listed = {"datasets": [{"json_path": f"{name}.json", "sampling_strategy": "all"}]}
        files.write_bytes(files.join(folder, f"{name}.yaml"), yaml.safe_dump(listed, sort_keys=False).encode())
    files.remove(parts)
    return tuple(arrays)


def _join_lines(parts: str, folder: str, name: str) -> Array:
    digest, count, size = hashlib.sha256(), 0, 0
    with files.writing(files.join(folder, name)) as stream:
        for piece in _array(parts):
            count += piece.startswith(b"{")
            size += stream.write(piece)
            digest.update(piece)
    return Array(name, count, size, digest.hexdigest())


def _array(parts: str) -> Iterator[bytes]:
    """The pieces of one JSON array over the lines of all parts, in the order of their names."""
    yield b"["
    between = b"\n"
    for name in files.find(parts, ["part-*"]) if files.exists(parts) else ():
        with closing(files.open_file(files.join(parts, name))) as opened:
            for line in io.BufferedReader(cast(io.RawIOBase, opened), 1 << 20):
                yield between
                yield line.rstrip(b"\n")
                between = b",\n"
    yield b"\n]\n"


def _write_trees(tables: Tables, rows: DataFrame, folder: str, settings: Export) -> tuple[Tree, ...]:
    if settings.media == "none":
        return ()
    pairs = rows.select(F.explode(F.arrays_zip("media", "paths")).alias("pair"))
    used = pairs.select(F.col("pair.media").alias("media_id"), F.col("pair.paths").alias("path"))
    return tuple(write_media(tables, used, folder, settings.shard_bytes if settings.media == "shards" else None))


def _check(folder: str, config: Config) -> None:
    problems = check_export(folder, config.gate.decode_sample, with_media=config.export.media != "none")
    if problems:
        raise PipelineError(
            f"export {folder} is not what the trainer asks for: {'; '.join(problems[:5])}",
            "this is a defect: the gate let rows pass that cannot be exported",
        )
