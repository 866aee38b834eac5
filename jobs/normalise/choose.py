"""Which records of a file are a source's, and which of those a limit takes."""

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from jobs.readers import Range, read
from schemas.source import Reading, Selector, Source, pool_of
from udfs import archives, files
from udfs.adapters.entries import each_answer
from udfs.adapters.family import Container
from udfs.adapters.fields import belongs, named
from udfs.sample import Record


@dataclass(frozen=True)
class Item:
    """One range of one file, for all sources that are selected from it."""

    item: int
    folder: str
    family: str
    side: str
    range: Range
    sources: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class Owner:
    """A source of an item, with what picks its records."""

    source: Source
    select: Selector | None
    """None: all of them."""
    each: str
    """Field whose list holds several answers, each a record of its own."""
    pooled: bool
    """Whether the file pools many data sets."""


def owners_of(item: Item, sources: Iterable[Source]) -> tuple[Owner, ...]:
    """The sources of an item, so that what is the same for all of its records is looked up once."""
    pooled = pool_of(item.range.file) is not None
    return tuple(
        Owner(source, _selector(item, source), source.reading.each if source.reading else "", pooled)
        for source in sources
    )


def taken(record: Record, owners: Sequence[Owner]) -> Iterator[tuple[Source, Record]]:
    """Sources with what each takes from a record of the file."""
    # A record that cannot be read cannot be selected either, nor can one of a pool that names no data set: it counts
    # for the first source, so that it never vanishes, nor comes under many licences.
    for owner in owners[:1] if record.problem or _is_nameless(record, owners) else owners:
        if record.problem or belongs(record.value, owner.select):
            yield from ((owner.source, own) for own in each_answer(record, owner.each))


def _is_nameless(record: Record, owners: Sequence[Owner]) -> bool:
    first = owners[0]
    return first.pooled and first.select is not None and named(record.value, first.select) is None


def _selector(item: Item, source: Source) -> Selector | None:
    """What picks a source's records out of an item's; None where all of them are its own.

    A source's own folder holds its records alone, whatever they say about themselves, save in a file of the name that
    the whole collection's has. Folders of pictures are facts everywhere; those in a table lie in none.
    """
    reading = source.reading or Reading(files=())
    pool = pool_of(item.range.file)
    if pool is not None:
        known = source.in_pool(pool)
        assert known is not None, f"{pool} is planned for {source.source_id}, which is not known in it"
        return None if "*" in known.values else known
    own, select = item.folder.rstrip("/").endswith(f"/{source.source_id}"), reading.select
    if select is not None and select.match == "prefix" and item.range.container is Container.PARQUET:
        return None
    if select is None or not own or select.match == "folder":
        return select
    declared = [f"**/{pattern}" for pattern in reading.files if not pattern.startswith("*")]
    file = archives.unpacked(item.range.file)
    return select if any(files.fits(file, name) for name in declared) else None


def pick_of(record: Record) -> str:
    """Order in which a limit takes records: by hash, so that a larger limit contains a smaller one."""
    return hashlib.sha256(
        f"{record.origin.record_hash}:{record.origin.file}:{record.origin.position}".encode()
    ).hexdigest()


def chosen_of(item: Item, owners: Sequence[Owner], limit: int | None) -> dict[str, set[str]] | None:
    """The `limit` lowest hashes of each source in this item; None without a limit."""
    if limit is None:
        return None
    picks: dict[str, list[str]] = {owner.source.source_id: [] for owner in owners}
    for record in read(item.folder, item.range):
        for source, own in taken(record, owners):
            picks[source.source_id].append(pick_of(own))
            if len(picks[source.source_id]) > 2 * limit:
                picks[source.source_id] = heapq.nsmallest(limit, picks[source.source_id])
    return {name: {*heapq.nsmallest(limit, found)} for name, found in picks.items()}
