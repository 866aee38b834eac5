"""A look at a source in plain Python: records beside what became of them. No Spark, no table."""

import heapq
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, islice
from typing import Any

from jobs.normalise.choose import Item, owners_of, pick_of, taken
from jobs.normalise.plan import Plan
from jobs.normalise.read import Builder, Pass
from jobs.readers import read
from schemas.config import Config
from schemas.source import Source
from udfs.adapters import find_family
from udfs.adapters.family import Family
from udfs.adapters.joins import bring_together
from udfs.sample import Part, Record

Row = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """One record and what became of it."""

    record: Record
    sample: Row | None
    """Row of `samples`."""
    reject: Row | None
    """Row of `rejects`, where there is no sample."""
    media: tuple[Row, ...] = ()
    """Rows of `media` that this record was the first to show."""


def look(source: Source, plan: Plan, config: Config, limit: int, whole: bool = True) -> Iterator[Seen]:
    """Up to `limit` records with what becomes of them: those of the lowest hashes, or, if not `whole`, first ones.

    `whole` reads all files twice, as their hashes must be known before one is chosen.
    """
    family = find_family(plan.families[source.source_id])
    items = [item for item in plan.items if source.source_id in item.sources]
    records = _joined if source.source_id in plan.joined else _alone
    family_of = _families(source, plan)
    with closing(_builder(source, plan, config)) as builder:
        for record in records(items, source, family, limit if whole else -limit):
            yield _seen(record, source, family_of(record), builder)


def become(record: Record, source: Source, plan: Plan, config: Config) -> Seen:
    """One record and what becomes of it."""
    with closing(_builder(source, plan, config)) as builder:
        return _seen(record, source, _families(source, plan)(record), builder)


def _families(source: Source, plan: Plan) -> Callable[[Record], Family]:
    """The family as which a record's file is read; the source's main one where its sides are joined."""
    main = plan.families[source.source_id]
    items = [item for item in plan.items if source.source_id in item.sources]
    others = {} if all(item.family == main for item in items) else {
        file: item.family
        for item in reversed(items)
        for file in (item.range.file, *chain.from_iterable(item.range.names))
    }  # fmt: skip
    return lambda record: find_family(others.get(record.origin.file, main))


def _builder(source: Source, plan: Plan, config: Config) -> Builder:
    roots = config.storage.media_roots
    return Builder(Pass("look", {source.source_id: source}, plan.folders, config.media, roots, 1))


def _seen(record: Record, source: Source, family: Family, builder: Builder) -> Seen:
    rows = [row for row, _ in builder.rows(record, source, family)]
    found: dict[str, Row | None] = {"sample": None, "reject": None}
    found |= {kind: row[kind] for row in rows for kind in found if kind in row}
    return Seen(record, found["sample"], found["reject"], tuple(row["media"] for row in rows if "media" in row))


def _alone(items: list[Item], source: Source, _: Family, limit: int) -> Iterator[Record]:
    """Records that stand alone; a negative limit takes the first ones of every range."""
    if limit < 0:
        some = items[:: -(-len(items) // -limit)]
        each = -(limit // max(1, len(some)))
        yield from chain.from_iterable(islice(_mine(item, source), each) for item in some)
        return
    picks = ((pick_of(record), at) for at, item in enumerate(items) for record in _mine(item, source))
    chosen = set(heapq.nsmallest(limit, picks))
    for at, item in enumerate(items):
        if any(number == at for _, number in chosen):
            yield from (record for record in _mine(item, source) if (pick_of(record), at) in chosen)


def _mine(item: Item, source: Source) -> Iterator[Record]:
    owners = owners_of(item, [source])
    return (own for record in read(item.folder, item.range) for _, own in taken(record, owners))


def _joined(items: list[Item], source: Source, family: Family, limit: int) -> Iterator[Record]:
    """Records of which two sides come together; keys are chosen first, so that few sides are held at once."""
    keys = dict.fromkeys(key for item in items for key, _ in _parts(item, source, family))
    hashed = islice(keys, -limit) if limit < 0 else heapq.nsmallest(limit, keys, key=_digest)
    parts: dict[str, list[Part]] = {key: [] for key in hashed}
    for item in items:
        for key, part in _parts(item, source, family):
            if key in parts:
                parts[key].append(part)
    made = (bring_together(family.joiner, key, sides) for key, sides in parts.items() if family.joiner)
    yield from islice(chain.from_iterable(made), abs(limit))


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def _parts(item: Item, source: Source, family: Family) -> Iterator[tuple[str, Part]]:
    shape = next(shape for shape in family.shapes if shape.side == item.side)
    for record in _mine(item, source):
        if record.problem is None and shape.join_key is not None:
            try:
                yield shape.join_key(record.value), Part(item.side, record.value, record.origin)
            except (KeyError, TypeError, ValueError):
                continue  # `sources check` counts these
