"""Records of a split that the source leaves out: by what they say, by a publisher's list, or by their number."""

import re
from collections.abc import Iterator, Mapping

import msgspec

from schemas.enums import DropReason
from schemas.errors import InputError
from schemas.source import Listed, Source
from udfs import files
from udfs.adapters.fields import first, shorten
from udfs.media.splits import splits_of, splits_said
from udfs.sample import Problem, Record

SPLIT_KEYS = ("split", "data_split", "set_name", "phrase_type")
"""Fields that publishers name a record's split in; VQA-RAD's phrase types are `freeform` and `test_freeform`."""
TOLD_IN = "_split_in"
"""Where a joiner names the file that gives an object its split."""
LIST_BYTES = 64 << 20
_SUFFIXES = re.compile(r"(\.(png|jpe?g|gif|webp|json|txt|csv|mp4))+$", re.IGNORECASE)
_NUMBER = re.compile(r"([0-9]{1,18})$")


class HeldOut:
    """Tells which records are left out, by the folder of each source; keeps what lists hold as long as a task."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        self._folders = folders
        self._lists: dict[tuple[str, Listed], frozenset[str]] = {}

    def look(self, record: Record, source: Source) -> Problem | None:
        """Why a record is left out for its split; in a file that is named so, it was asked for."""
        split = next((value for key in SPLIT_KEYS if (value := record.value.get(key)) is not None), None)
        split = source.reading.split_codes.get(str(split), split) if source.reading else split
        if not source.wants(splits_said(split)) and source.wants(splits_of(record.origin.file)):
            other = record.value.get(TOLD_IN, record.origin.file)
            return _left_out(f"its split is {shorten(split)}{'' if other == record.origin.file else f' in {other}'}")
        for listed in source.reading.listed if source.reading else ():
            told = None if source.wants({listed.split}) else self._told(record, listed, source.source_id)
            if told:
                return _left_out(told)
        return None

    def _told(self, record: Record, listed: Listed, source_id: str) -> str | None:
        _, found = first(record.value, listed.fields) or ("", record.origin.file)
        if not isinstance(found, str | int):
            return None
        name = _stem(str(found))
        if listed.numbers:
            number = _NUMBER.search(name)
            low, high = listed.numbers
            return f"{name} is {listed.split} by its number" if number and low <= int(number[1]) <= high else None
        names = self._names(self._folders[source_id], listed)
        return f"{name} is in a list of {listed.split} records" if name in names else None

    def _names(self, folder: str, listed: Listed) -> frozenset[str]:
        key = (folder, listed)
        if key not in self._lists:
            found = files.find(folder, listed.files)
            self._lists[key] = frozenset(
                name for file in found for name in _read(files.join(folder, file), listed.split)
            )
        return self._lists[key]


def list_files(source: Source, folder: str) -> list[str]:
    """Files below a source's folder that list names of held-out records."""
    listed = source.reading.listed if source.reading else ()
    return files.find(folder, [pattern for one in listed for pattern in one.files])


def _left_out(why: str) -> Problem:
    detail = f"{why}; reading.splits of a catalogue file takes it, as in [train, val, test]"
    return Problem(DropReason.UNWANTED_SPLIT, detail)


def _stem(name: str) -> str:
    return _SUFFIXES.sub("", name.strip().strip("\"'").rsplit("/", 1)[-1])


def _read(uri: str, split: str) -> Iterator[str]:
    """Names of a list: its lines up to the first comma or tab, or what a JSON object lists under the split's name."""
    told = files.read_bytes(uri, LIST_BYTES)
    if not uri.endswith(".json"):
        lines = told.decode("utf-8-sig", "replace").splitlines()
        return filter(None, (_stem(re.split(r"[,\t]", line, maxsplit=1)[0]) for line in lines))
    try:
        return map(_stem, msgspec.json.decode(told, type=dict[str, list[str]]).get(split, []))
    except msgspec.DecodeError as error:
        raise InputError(f"{uri} is no object that lists names by split: {error}", "download it again") from error
