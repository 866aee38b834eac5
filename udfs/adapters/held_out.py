"""Records of a split that the source leaves out: by what they say, by a publisher's list, or by their number."""

import re
from collections.abc import Iterator
from functools import lru_cache

from schemas.enums import DropReason
from schemas.source import Listed, Source
from udfs import files
from udfs.adapters.fields import first, shorten
from udfs.media.splits import splits_of, splits_said
from udfs.sample import Problem, Record

SPLIT_KEYS = ("split", "data_split", "set_name", "phrase_type")
"""Fields that publishers name a record's split in; VQA-RAD's phrase types are `freeform` and `test_freeform`."""
LIST_BYTES = 64 << 20
_SUFFIXES = re.compile(r"(\.(png|jpe?g|gif|webp|json|txt|csv|mp4))+$", re.IGNORECASE)
_NUMBER = re.compile(r"([0-9]{1,18})$")


def held_out(record: Record, source: Source, folder: str) -> Problem | None:
    """Why a record is left out for its split; in a file that is named so, it was asked for."""
    split = next((value for key in SPLIT_KEYS if (value := record.value.get(key)) is not None), None)
    split = source.reading.split_codes.get(str(split), split) if source.reading else split
    if source.wants(splits_of(record.origin.file)) and not source.wants(splits_said(split)):
        return _left_out(f"its split is {shorten(split)}")
    for listed in source.reading.listed if source.reading else ():
        told = None if source.wants({listed.split}) else _told(record, listed, folder)
        if told:
            return _left_out(told)
    return None


def list_files(source: Source, folder: str) -> list[str]:
    """Files below a source's folder that list names of held-out records."""
    listed = source.reading.listed if source.reading else ()
    return files.find(folder, [pattern for one in listed for pattern in one.files])


def _left_out(why: str) -> Problem:
    detail = f"{why}; reading.splits of a catalogue file takes it, as in [train, val, test]"
    return Problem(DropReason.UNWANTED_SPLIT, detail)


def _told(record: Record, listed: Listed, folder: str) -> str | None:
    _, found = first(record.value, listed.fields) or ("", record.origin.file)
    if not isinstance(found, str | int):
        return None
    name = _stem(str(found))
    if listed.numbers:
        number = _NUMBER.search(name)
        low, high = listed.numbers
        return f"{name} is {listed.split} by its number" if number and low <= int(number[1]) <= high else None
    return f"{name} is in a list of {listed.split} records" if name in _names(folder, listed.files) else None


def _stem(name: str) -> str:
    return _SUFFIXES.sub("", name.strip().strip("\"'").rsplit("/", 1)[-1])


@lru_cache(maxsize=64)
def _names(folder: str, patterns: tuple[str, ...]) -> frozenset[str]:
    """Names in a folder's lists: their lines up to the first comma or tab."""
    return frozenset(name for file in files.find(folder, patterns) for name in _read(files.join(folder, file)))


def _read(uri: str) -> Iterator[str]:
    lines = files.read_bytes(uri, LIST_BYTES).decode("utf-8-sig", "replace").splitlines()
    return filter(None, (_stem(re.split(r"[,\t]", line, maxsplit=1)[0]) for line in lines))
