"""Row code of the pass: one item of the plan to staged rows. Runs in Spark's Python workers."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any

import msgspec
import pyarrow as pa
from pyspark import TaskContext

from jobs.normalise.choose import Item, chosen_of, owners_of, pick_of, taken
from jobs.normalise.staged import PARTS, ROW_BYTES, STAGED, Batches
from jobs.readers import read
from schemas.config import Media, MediaMode
from schemas.enums import DropReason, MediaStatus
from schemas.errors import Drop
from schemas.source import Source
from udfs.adapters import conversations, find_family
from udfs.adapters.adapt import adapt
from udfs.adapters.conversations import plain
from udfs.adapters.family import Family
from udfs.adapters.held_out import HeldOut
from udfs.adapters.joins import bring_together, told
from udfs.adapters.media import PATH
from udfs.assemble import reject_row, sample_row
from udfs.ids import bucket_of
from udfs.media.item import MediaItem
from udfs.media.resolve import MediaReader
from udfs.sample import Draft, Origin, Part, Problem, Record

Row = dict[str, Any]


@dataclass(frozen=True)
class Pass:
    """What every task of a pass needs to know."""

    run_id: str
    sources: Mapping[str, Source]
    folders: Mapping[str, str]
    media: Media
    media_roots: Mapping[str, str]
    buckets: int
    limit: int | None = None


def read_items(batches: Iterable[pa.RecordBatch], todo: Pass) -> Iterator[pa.RecordBatch]:
    """Items to staged rows, for families whose records stand alone."""
    out = Batches(STAGED)
    with closing(Builder(todo)) as builder:
        for item in _items(batches):
            yield from _read_item(item, todo, builder, out)
    yield from out.flush()


def _items(batches: Iterable[pa.RecordBatch]) -> Iterator[Item]:
    for batch in batches:
        for text in batch.column("plan").to_pylist():
            yield msgspec.json.decode(text or "", type=Item)


def _read_item(item: Item, todo: Pass, builder: "Builder", out: Batches) -> Iterator[pa.RecordBatch]:
    owners = owners_of(item, (todo.sources[name] for name in item.sources))
    counts = {name: [0, 0] for name in item.sources}
    chosen = chosen_of(item, owners, todo.limit)
    seen = 0
    for record in read(item.folder, item.range):
        seen += 1
        for source, own in taken(record, owners):
            pick = pick_of(own)
            if chosen is not None and pick not in chosen[source.source_id]:
                continue
            counts[source.source_id][0] += 1
            counts[source.source_id][1] += own.origin.units
            for row, size in builder.rows(own, source, find_family(item.family)):
                yield from out.add(row | {"pick": pick}, size)
    for source_id, (records, units) in counts.items():
        span = {"item": item.item, "records": records, "units": units, "read": seen}
        yield from out.add({"source_id": source_id, "span": span})


class Builder:
    """Turns records into staged rows; keeps what was read of pictures across records."""

    def __init__(self, todo: Pass) -> None:
        self.todo = todo
        self.readers: dict[str, MediaReader] = {}
        self.held_out = HeldOut(todo.folders)
        context = TaskContext.get()
        self.task = 0 if context is None else context.partitionId()
        self.copies = 0

    def rows(self, record: Record, source: Source, family: Family) -> Iterator[tuple[Row, int]]:
        """One sample with its new media, or one reject; with rough sizes in bytes."""
        known = record.problem or self.held_out.look(record, source)
        found = known or (plain(record, source) if family.adapter is conversations.adapt else None)
        found = found or adapt(record, source, family)
        if isinstance(found, Draft):
            try:
                yield from self._sample(record, source, found)
                return
            except Drop as drop:
                found = Problem(drop.reason, drop.detail)
        reject = reject_row(record, source.source_id, found, self.todo.run_id)
        yield {"source_id": source.source_id, "reject": reject}, ROW_BYTES

    def _sample(self, record: Record, source: Source, draft: Draft) -> Iterator[tuple[Row, int]]:
        if not draft.media:
            yield self._sample_row(record, source, draft, [], MediaStatus.NONE)
            return
        if self.todo.media.mode is MediaMode.SKIP:
            names = [ref.absent for ref in draft.media]
            yield self._sample_row(record, source, draft, names, MediaStatus.ABSENT)
            return
        reader = self._reader(source)
        media_ids = []
        for ref in draft.media:
            item = reader.read(ref, source, record.origin.file)
            # Given out at once: should the next one fail, later samples still find this one stored.
            if not item.repeated:
                yield from self._media_rows(source, item)
            media_ids.append(item.media_id)
        yield self._sample_row(record, source, draft, media_ids, MediaStatus.PRESENT)

    def close(self) -> None:
        """Ends what the readers started."""
        for reader in self.readers.values():
            reader.close()

    def _reader(self, source: Source) -> MediaReader:
        folder = self.todo.folders[source.source_id]
        if folder not in self.readers:
            self.readers[folder] = MediaReader(folder, self.todo.media_roots, self.todo.media)
        return self.readers[folder]

    def _sample_row(
        self, record: Record, source: Source, draft: Draft, media: list[str], status: MediaStatus
    ) -> tuple[Row, int]:
        row = sample_row(record, source, draft, media, status)
        return {"source_id": source.source_id, "sample": row}, ROW_BYTES + sum(len(t.text) for t in draft.turns)

    def _media_rows(self, source: Source, item: MediaItem) -> Iterator[tuple[Row, int]]:
        # Tasks meet the same picture: each copy is numbered, so that one can be chosen on ids alone.
        self.copies += 1
        head = {"source_id": source.source_id, "copy": f"{self.task:06d}:{self.copies:09d}"}
        yield head | {"media": asdict(item.facts) | {"media_id": item.media_id}}, ROW_BYTES
        for number, part in enumerate(item.parts):
            bucket = bucket_of(item.media_id, self.todo.buckets)
            row = asdict(part) | {"media_id": item.media_id, "part": number, "bucket": bucket}
            yield head | {"part": row}, ROW_BYTES + len(part.data)


def read_parts(batches: Iterable[pa.RecordBatch], todo: Pass) -> Iterator[pa.RecordBatch]:
    """Items to units of joined families, each with the key that brings it to its partners."""
    out = Batches(PARTS)
    for item in _items(batches):
        source = todo.sources[item.sources[0]]
        shape = next(shape for shape in find_family(item.family).shapes if shape.side == item.side)
        count = 0
        for record in read(item.folder, item.range):
            count += 1
            key = f"!{item.item}:{record.origin.position}"
            problem = record.problem
            # A file that cannot be read goes where its partners do by its name.
            if shape.join_key is not None and (problem is None or PATH in record.value):
                try:
                    key = shape.join_key(record.value)
                except (KeyError, TypeError, ValueError) as error:
                    lacking = Problem(DropReason.MISSING_FIELD, f"{item.side} entry has no join key: {error!r}")
                    problem = problem or lacking
            yield from out.add(
                {"source_id": source.source_id, "join_key": key, "unit": _unit(record, item.side, problem)}
            )
        span = {"item": item.item, "records": 0, "units": 0, "read": count}
        yield from out.add({"source_id": source.source_id, "join_key": f"!{item.item}", "span": span})
    yield from out.flush()


def _unit(record: Record, side: str, problem: Problem | None) -> Row:
    return {
        "side": side,
        "value": None if problem else msgspec.json.encode(record.value).decode(),
        "file": record.origin.file,
        "position": record.origin.position,
        "record_hash": record.origin.record_hash,
        "notes": record.origin.notes,
        "problem": None if problem is None else f"{problem.reason.value}:{problem.detail}",
        "excerpt": record.excerpt,
    }


def join_parts(batches: Iterable[pa.RecordBatch], todo: Pass, family_of: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
    """Units grouped by key to staged rows; spans of the reading step pass through."""
    out = Batches(STAGED)
    counts: dict[str, list[int]] = {}
    with closing(Builder(todo)) as builder:
        for group in (group for batch in batches for group in batch.to_pylist()):
            source = todo.sources[group["source_id"]]
            for span in group["spans"]:
                yield from out.add({"source_id": source.source_id, "span": span})
            family = find_family(family_of[source.source_id])
            pick = hashlib.sha256(group["join_key"].encode()).hexdigest()
            count = counts.setdefault(source.source_id, [0, 0, 0])
            count[2] += len(group["units"])
            for record in _joined(group, family):
                count[0] += 1
                count[1] += record.origin.units
                for row, size in builder.rows(record, source, family):
                    yield from out.add(row | {"pick": pick}, size)
    for source_id, (records, units, arrived) in counts.items():
        span = {"item": -1, "records": records, "units": units, "read": arrived}
        yield from out.add({"source_id": source_id, "span": span})
    yield from out.flush()


def _joined(group: Row, family: Family) -> Iterator[Record]:
    units = sorted(group["units"], key=lambda unit: (unit["side"], unit["file"], unit["position"]))
    broken = [unit for unit in units if unit["problem"]]
    for unit in broken:
        reason, _, detail = unit["problem"].partition(":")
        yield Record({}, _origin(unit), Problem(DropReason(reason), detail), unit["excerpt"] or "")
    whole = [Part(u["side"], msgspec.json.decode(u["value"]), _origin(u)) for u in units if not u["problem"]]
    if whole and family.joiner is not None:
        found = bring_together(family.joiner, group["join_key"], whole)
        for record in told(found, [unit["file"] for unit in broken]):
            hashes = "".join(part.origin.record_hash for part in whole)
            digest = record.origin.record_hash or hashlib.sha256(hashes.encode()).hexdigest()
            notes = "; ".join(sorted({part.origin.notes for part in whole if part.origin.notes}))
            yield replace(record, origin=replace(record.origin, record_hash=digest, notes=notes or None))


def _origin(unit: Row) -> Origin:
    return Origin(unit["file"], unit["position"], 1, unit["record_hash"], notes=unit["notes"])
