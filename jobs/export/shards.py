"""Shards that Spark's tasks write, read back and note down, so that an export that was killed goes on.

A folder being written has `unfinished/asked.json`, as in every form, and `unfinished/<split>-<n>.json` for each shard
that is in place and was read back. One that is complete has `manifest.json` instead.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import groupby
from typing import BinaryIO, cast

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from jobs.export.examples import DIGESTS, Example, digest, examples, parts, problems
from jobs.tables import Tables
from schemas.enums import Split
from schemas.errors import InputError, PipelineError
from udfs import files

NOTES = "unfinished"
NEXT = "\n  next: "
"""Between what is wrong with a shard and what to do."""
DECODED = 4
"""Pictures of every nth example are decoded when a shard is read back, n such that about this many examples are."""
RESULT = pa.schema([("name", pa.string()), ("problem", pa.string())])


@dataclass(frozen=True)
class Shape:
    """One file format of shards."""

    ending: str
    write: Callable[[BinaryIO, Iterable[Example]], None]
    """Writes examples as they come, in constant memory."""
    read: Callable[[BinaryIO], Iterator[Example]]
    """Reads them back, pictures with the hash of the bytes read."""


@dataclass(frozen=True)
class Shard:
    """One shard as it was read back."""

    name: str
    rows: int
    pictures: int
    bytes: int
    sha256: str
    content: str
    """Sum of the digests of its examples: the same for every format and order."""

    @property
    def split(self) -> str:
        """Split that its rows belong to."""
        return self.name.partition("/")[0]


@dataclass
class Tally:
    """What passed through, counted alike on the way out and on the way back."""

    rows: int = 0
    pictures: int = 0
    content: int = 0

    def over(self, found: Iterable[Example]) -> Iterator[Example]:
        """The examples, counted."""
        for example in found:
            self.rows += 1
            self.pictures += len(example.pictures)
            self.content = (self.content + digest(example)) % DIGESTS
            yield example


def shard_counts(estimates: Mapping[str, float], shard_bytes: int) -> dict[str, int]:
    """Shards by split, as many as the estimated bytes ask for."""
    return {split: max(1, -(-int(size) // shard_bytes)) for split, size in estimates.items()}


def write_shards(tables: Tables, rows: DataFrame, folder: str, shape: Shape, counts: Mapping[str, int]) -> list[Shard]:
    """Writes what is not there yet and gives all shards by name; a row's shard is a hash of its id."""
    done = {shard.name for shard in finished(folder)}
    for name in files.find(folder, [f"{split}/.*.tmp" for split in Split]):
        files.remove(files.join(folder, name))  # of a task that was killed
    number = f.lpad(f.pmod(f.xxhash64("id"), _many(counts)).cast("string"), 5, "0")
    placed = rows.withColumn("place", f.concat("split", f.lit("/"), number, f.lit(f".{shape.ending}")))
    left = placed.where(~f.col("place").isin(*done)) if done else placed
    ordered = parts(tables, left).repartition("place").sortWithinPartitions("place", "id", "pos", "part")
    written = ordered.mapInArrow(_into(folder, shape), "name string, problem string")
    broken = written.where("problem <> ''").orderBy("name").collect()
    if broken:
        said = [(row["name"], *row["problem"].partition(NEXT)) for row in broken]
        told = "; ".join(f"{name}: {problem}" for name, problem, *_ in said[:5])
        step = next(
            (step for *_, step in said if step), "export again; if it happens twice, the disk or store is to blame"
        )
        raise InputError(
            f"{len(broken)} shards of {folder} were not written, or not read back as written: {told}", step
        )
    return finished(folder)


def _many(counts: Mapping[str, int]) -> Column:
    cases = " ".join(f"WHEN '{split}' THEN {many}" for split, many in counts.items())
    return f.expr(f"CASE split {cases} END") if cases else f.lit(1)


def finished(folder: str) -> list[Shard]:
    """Shards that were read back and lie there still with as many bytes, by name."""
    return [shard for shard in noted(folder) if _lies(folder, shard)]


def noted(folder: str) -> list[Shard]:
    """Shards that were read back, by name, whatever became of them."""
    notes = files.join(folder, NOTES)
    if not files.exists(notes):
        return []
    names = files.find(notes, [f"{split}-*.json" for split in Split])
    read = (Shard(**json.loads(files.read_bytes(files.join(notes, name)))) for name in names)
    return sorted(read, key=lambda shard: shard.name)


def _lies(folder: str, shard: Shard) -> bool:
    path = files.join(folder, shard.name)
    return files.exists(path) and files.size(path) == shard.bytes


def note(name: str) -> str:
    """Path below the folder of the facts of one finished shard."""
    return f"{NOTES}/{name.partition('.')[0].replace('/', '-')}.json"


def _into(folder: str, shape: Shape) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        lines = (line for batch in batches for line in batch.to_pylist())
        for name, group in groupby(lines, key=lambda line: line["place"]):
            try:
                problem = _write_shard(folder, shape, name, examples(group))
            except PipelineError as error:
                problem = f"{error.args[0]}{NEXT}{error.next_step}"
            yield pa.RecordBatch.from_pylist([{"name": name, "problem": problem}], RESULT)

    return write


def _write_shard(folder: str, shape: Shape, name: str, made: Iterator[Example]) -> str:
    """The problem that a shard has, empty where it is in place, was read back and noted down."""
    path, put = files.join(folder, name), Tally()
    with files.writing(path) as stream:
        shape.write(cast(BinaryIO, stream), put.over(made))
    try:
        shard, found = read_shard(folder, name, shape, max(1, put.rows // DECODED))
    except Exception as error:  # noqa: BLE001 - readers of formats raise what they like; all of it means: unreadable
        return f"cannot be read: {type(error).__name__}: {error}"
    if (shard.rows, shard.pictures, shard.content) != (put.rows, put.pictures, f"{put.content:032x}"):
        found = [f"{put.rows:,} rows were written, {shard.rows:,} read, or their content differs", *found]
    if not found:
        files.write_bytes(files.join(folder, note(name)), json.dumps(asdict(shard)).encode())
    return "; ".join(found[:3])


def read_shard(folder: str, name: str, shape: Shape, every: int) -> tuple[Shard, list[str]]:
    """A shard as it lies, and what is wrong with its examples; pictures of every nth one are decoded."""
    path, got = files.join(folder, name), Tally()
    broken: list[str] = []
    with closing(files.open_file(path)) as opened:
        for example in got.over(shape.read(cast(BinaryIO, opened))):
            found = problems(example, decode=got.rows % every == 1 or every == 1)
            broken += [f"row {example.facts['id']}: {problem}" for problem in found]
            del broken[3:]
    hashed = sha256()
    with closing(files.open_file(path)) as opened:
        while block := opened.read(1 << 20):
            hashed.update(block)
    facts = (got.rows, got.pictures, files.size(path), hashed.hexdigest(), f"{got.content:032x}")
    return Shard(name, *facts), broken


def check_shards(folder: str, shape: Shape, expected: Sequence[Shard], decode: int) -> list[str]:
    """What differs between shards and their manifest, none if all is well; `decode` examples' pictures are decoded."""
    every = max(1, sum(shard.rows for shard in expected) // max(1, decode))
    found = [f"{name} is not in the manifest" for name in sorted(_there(folder, shape) - {s.name for s in expected})]
    for shard in expected:
        try:
            seen, broken = read_shard(folder, shard.name, shape, every)
        except Exception as error:  # noqa: BLE001 - readers of formats raise what they like; all of it means: unreadable
            found.append(f"{shard.name} cannot be read: {type(error).__name__}: {error}")
            continue
        wrong = [name for name, value in asdict(shard).items() if getattr(seen, name) != value]
        found += [f"{shard.name}: {name} is {getattr(seen, name)}, not {getattr(shard, name)}" for name in wrong]
        found += [f"{shard.name}: {problem}" for problem in broken]
    return found


def _there(folder: str, shape: Shape) -> set[str]:
    return set(files.find(folder, [f"{split}/*.{shape.ending}" for split in Split]))
