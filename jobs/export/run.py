"""Export: one release into one folder, in one of several formats, complete when its manifest is there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as f

from jobs.export import contract, dataset_card, hf, llava, mds, webdataset
from jobs.export.examples import with_problems
from jobs.export.folder import (
    ExportFacts,
    clear,
    complete,
    facts_of,
    finished_export,
    is_begun,
    read_manifest,
    write_beside,
)
from jobs.export.shards import Shape, Shard, check_shards, note, noted, shard_counts, write_shards
from jobs.release import manifest, read_release
from jobs.tables import Tables
from schemas.config import Config
from schemas.enums import ExportFormat, Split
from schemas.errors import PipelineError
from udfs import files

RECIPE = 1
"""Counted up when the same release would give other shards."""


@dataclass(frozen=True)
class Form:
    """A format of self-contained shards."""

    shape: Shape
    beside: Callable[[Tables, Row, ExportFacts], Mapping[str, bytes]]
    """Further files by name, made from the facts of all shards."""


FORMS: Mapping[ExportFormat, Form] = {
    ExportFormat.HF: Form(hf.SHAPE, dataset_card.files_of),
    ExportFormat.WEBDATASET: Form(webdataset.SHAPE, lambda *_: {}),
    ExportFormat.MDS: Form(mds.SHAPE, lambda _, __, facts: mds.indexes(facts.shards)),
}


def export(
    tables: Tables, config: Config, release_id: int | None = None, destination: str | None = None
) -> ExportFacts:
    """Writes a release (the newest where none is named) below ROOT/exports, or into `destination`.

    LLaVA's form goes to `<release>`, any other to `<release>-<format>`.
    """
    release = manifest(tables, release_id)
    folder = export_folder(tables, config, release, destination)
    if config.export.format not in FORMS:
        return llava.export_llava(tables, config, release, folder)
    return _export_shards(tables, config, release, folder)


def export_folder(tables: Tables, config: Config, release: Row, destination: str | None) -> str:
    """Where an export goes; local paths are made absolute, as the tasks that write have folders of their own."""
    if destination is None:
        form = f"-{config.export.format}" if config.export.format in FORMS else ""
        return files.join(tables.root, "exports", f"{release['release_id']}{form}")
    return destination if "://" in destination else str(Path(destination).absolute())


def _export_shards(tables: Tables, config: Config, release: Row, folder: str) -> ExportFacts:
    """Shards are written, read back and noted by Spark's tasks; an export that was killed goes on from the notes."""
    kind = config.export.format
    form, number = FORMS[kind], int(release["release_id"])
    asked = {"release_id": number, "content_hash": release["content_hash"], "format": kind.value, "recipe": RECIPE}
    asked["shard_bytes"] = config.export.shard_bytes
    if (done := finished_export(folder, asked)) is not None:
        return done
    if not is_begun(folder, asked):
        notes = [note(shard.name) for shard in noted(folder)]
        clear(folder, asked, [*Split, dataset_card.NAME, *notes])
    rows = with_problems(tables, read_release(tables, number))
    estimates, expected, left_out = _weigh(rows)
    counts = shard_counts(estimates, config.export.shard_bytes)
    shards = write_shards(tables, rows.where("problem IS NULL"), folder, form.shape, counts)
    compare_counts(folder, shards, expected)
    facts = ExportFacts(number, folder, format=kind.value, shards=tuple(shards), left_out=left_out)
    hashes = write_beside(folder, form.beside(tables, release, facts))
    facts = ExportFacts(number, folder, "", (), (), left_out, kind.value, tuple(shards), hashes)
    complete(asked, facts)
    return facts


def _weigh(rows: DataFrame) -> tuple[dict[str, float], dict[str, int], dict[str, int]]:
    """Estimated bytes and rows by split, and rows that are left out by reason."""
    sums = rows.groupBy("split", "problem").agg(f.count("*").alias("rows"), f.sum("estimate").alias("bytes")).collect()
    kept = {row["split"]: row for row in sums if row["problem"] is None}
    left: dict[str, int] = {}
    for row in sums:
        if row["problem"] is not None:
            left[row["problem"]] = left.get(row["problem"], 0) + row["rows"]
    estimates = {split: float(row["bytes"]) for split, row in kept.items()}
    return estimates, {split: int(row["rows"]) for split, row in kept.items()}, dict(sorted(left.items()))


def compare_counts(folder: str, shards: list[Shard], expected: Mapping[str, int]) -> None:
    """PipelineError where shards hold other rows than the release, by split."""
    written: dict[str, int] = {}
    for shard in shards:
        written[shard.split] = written.get(shard.split, 0) + shard.rows
    if written != expected:
        raise PipelineError(
            f"export {folder} holds rows {written}, the release {dict(expected)}",
            "remove the folder and export again; if it happens twice, it is a defect",
        )


def check_export(folder: str, decode: int = 200, *, with_media: bool = True) -> list[str]:
    """What is wrong with an export folder, whatever its format; none if all is well. Files are streamed.

    Shards are read back and compared with the manifest: rows, pictures, bytes, sha256 and the digest of what they say;
    pictures of about `decode` examples are decoded. `with_media` is LLaVA's: its media may lie elsewhere.
    """
    found = read_manifest(folder)
    form = None if found is None else FORMS.get(found.get("format", ExportFormat.LLAVA))
    if found is None or form is None:
        return contract.check_export(folder, decode, with_media=with_media)
    facts = facts_of(folder, found)
    wrong = check_shards(folder, form.shape, facts.shards, decode)
    for name, digest in facts.beside.items():
        path = files.join(folder, name)
        if not files.exists(path):
            wrong.append(f"{name} does not exist")
        elif sha256(files.read_bytes(path)).hexdigest() != digest:
            wrong.append(f"{name} is not what the export wrote")
    return wrong
