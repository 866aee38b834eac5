"""Reads a range of any container."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jobs.readers.delimited import read_delimited
from jobs.readers.json_records import read_json
from jobs.readers.parquet import read_parquet
from jobs.readers.pickles import read_pickle
from jobs.readers.ranges import Range
from jobs.readers.shards import read_shard
from jobs.readers.small_files import read_files
from jobs.readers.text_lines import read_lines
from schemas.errors import InputError
from udfs import files
from udfs.adapters.family import Container
from udfs.adapters.media import DRAWN, NUMBERED
from udfs.sample import Record

Keep = Callable[[Mapping[str, Any]], bool]
"""Whether a record is wanted."""

_READERS: Mapping[Container, Callable[[str, Range], Iterator[Record]]] = {
    Container.JSON_ARRAY: read_json,
    Container.JSON_KEYED: read_json,
    Container.JSON_LINES: read_json,
    Container.PARQUET: read_parquet,
    Container.DELIMITED: read_delimited,
    Container.LINES: read_lines,
    Container.FILES: read_files,
    Container.PICKLE: read_pickle,
    Container.SHARD: read_shard,
}


def read(root: str, part: Range, keep: Keep | None = None) -> Iterator[Record]:
    """Records of a range in file order, bad ones as records with a problem.

    Records that `keep` refuses belong to another source of the same file and are left out. InputError when the file
    is not the one that was planned.
    """
    uri = files.join(root, part.file)
    size = files.size(uri) if files.exists(uri) else 0
    if size != part.size and part.container is not Container.FILES:
        raise InputError(f"{uri} has {size} bytes, planned were {part.size}", "it changed or is gone; run again")
    count = 0
    for found in _READERS[part.container](root, part):
        count += 1
        record = named(found, part.words) if part.words else drawing(found, part.drawn) if part.drawn else found
        if keep is None or record.problem is not None or keep(record.value):
            yield record
    if part.records is not None and count != part.records:
        raise InputError(f"{uri}: {count} records, planned were {part.records}", "it changed; run again")


def drawing(record: Record, told: Sequence[str]) -> Record:
    """The record with one of these instructions under `DRAWN`: the one it names, else always the same one."""
    number = str(record.value.get(NUMBERED))
    named = int(number) if number.isdecimal() else len(told)
    at = named if named < len(told) else int(record.origin.record_hash[:8] or "0", 16) % len(told)
    return record if record.problem else replace(record, value={**record.value, DRAWN: told[at]})


def named(record: Record, words: Mapping[str, str]) -> Record:
    """The record with the name of its category beside the number, where there is one."""
    word = words.get(str(record.value.get("category_id")))
    return record if word is None else replace(record, value={**record.value, "category": word})
