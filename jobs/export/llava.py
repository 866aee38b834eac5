"""LLaVA's form: JSON arrays, the lists that name them, media beside them, and starting points to train."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import closing
from typing import cast

import yaml
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as f

from jobs.export.contract import check_export
from jobs.export.folder import Array, ExportFacts, clear, complete, finished_export, write_beside
from jobs.export.media import Tree, write_media
from jobs.export.rows import TREES, exportable, lines, with_paths
from jobs.export.train import train_files
from jobs.release import read_release
from jobs.tables import Tables
from schemas.config import Config, Export
from schemas.enums import Split
from schemas.errors import PipelineError
from udfs import files

PARTS = "_parts"


def export_llava(tables: Tables, config: Config, release: Row, folder: str) -> ExportFacts:
    """Arrays, lists, media and training scripts of one release.

    Rows are sorted by id, written by Spark and joined as a stream. What the trainer asks for is checked on the
    written files before the manifest appears: a folder without one is not finished, and exporting again makes it
    anew. A folder whose manifest names the same content and settings is left as it is.
    """
    number = int(release["release_id"])
    settings = config.export.model_dump(exclude={"format"})
    asked = {"release_id": number, "content_hash": release["content_hash"], **settings}
    if (done := finished_export(folder, asked)) is not None:
        return done
    left = [f"mammoth_{split}_*{ending}" for split in Split for ending in (".json", ".yaml")]
    clear(folder, asked, [PARTS, "train", *TREES, *(files.find(folder, left) if files.exists(folder) else ())])
    published = read_release(tables, number)
    rows = exportable(published, with_paths(tables, published))
    problems = rows.where("problem IS NOT NULL").groupBy("problem").count().orderBy("problem").collect()
    left_out = {row["problem"]: int(row["count"]) for row in problems}
    rows = rows.where("problem IS NULL")
    arrays = _write_arrays(rows, folder, number)
    trees = _write_trees(tables, rows, folder, config.export)
    lists = {f"{array.name.removesuffix('.json')}.yaml": _list(array) for array in arrays}
    scripts = {f"train/{name}": text.encode() for name, text in train_files(f"r{number}", lists).items()}
    beside = write_beside(folder, scripts | lists)
    _check(folder, config)
    facts = ExportFacts(number, folder, config.export.media, arrays, trees, left_out, beside=beside)
    complete(asked, facts)
    return facts


def _write_arrays(rows: DataFrame, folder: str, number: int) -> tuple[Array, ...]:
    """One array per split that has rows; Spark writes sorted parts, which are joined line by line."""
    parts = files.join(folder, PARTS)
    ordered = lines(rows).orderBy("split", "id").select("split", "line")
    ordered.write.mode("overwrite").partitionBy("split").text(parts)
    arrays = join_parts(parts, folder, number)
    files.remove(parts)
    return arrays


def join_parts(parts: str, folder: str, number: int) -> tuple[Array, ...]:
    """The array of each split that has rows; both where there are none at all."""
    there = [split for split in Split if files.exists(files.join(parts, f"split={split}"))]
    names = {split: f"mammoth_{split}_r{number}.json" for split in there or Split}
    return tuple(_join_lines(files.join(parts, f"split={split}"), folder, name) for split, name in names.items())


def _list(array: Array) -> bytes:
    """The list that names one array for the trainer."""
    listed = {"datasets": [{"json_path": array.name, "sampling_strategy": "all"}]}
    return yaml.safe_dump(listed, sort_keys=False, encoding="utf-8")


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
    pairs = rows.select(f.explode(f.arrays_zip("media", "paths")).alias("pair"))
    used = pairs.select(f.col("pair.media").alias("media_id"), f.col("pair.paths").alias("path"))
    return tuple(write_media(tables, used, folder, settings.shard_bytes if settings.media == "shards" else None))


def _check(folder: str, config: Config) -> None:
    problems = check_export(folder, config.gate.decode_sample, with_media=config.export.media != "none")
    if problems:
        raise PipelineError(
            f"export {folder} is not what the trainer asks for: {'; '.join(problems[:5])}",
            "this is a defect: the gate let rows pass that cannot be exported",
        )
