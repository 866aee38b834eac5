"""Tars of samples as WebDataset writes them: members of one name in a row, told apart by suffix, are one record."""

import tarfile
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import groupby, islice
from operator import itemgetter
from pathlib import PurePosixPath
from typing import Any, Self

from jobs.readers.json_records import read_value
from jobs.readers.parquet import row_record
from jobs.readers.pieces import LARGEST
from jobs.readers.ranges import Range
from jobs.readers.small_files import boxes
from jobs.readers.stream import as_utf8
from schemas.enums import DropReason
from schemas.errors import InputError
from udfs import files, inflate
from udfs.member_index import BROKEN, is_member_name
from udfs.members import SUFFIXES
from udfs.sample import Origin, Problem, Record

PICTURES = frozenset({"jpg", "jpeg", "png", "bmp", "gif", "webp", "tif", "tiff"})
TEXTS = frozenset({"txt", "text", "caption"})
_TARS = tuple(suffix for suffix in SUFFIXES if suffix != ".zip")
_LOOKED_AT = 40
"""Members by which a tar is known."""
_Member = tuple[str, str, bytes | None]
"""Name of the sample, suffix, content; none where it is too large."""


class _Whole(tarfile.TarInfo):
    """Headers of which none is passed over for the end of its archive because it is cut off or damaged."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        """As of any member."""
        try:
            return super().fromtarfile(archive)
        except (tarfile.TruncatedHeaderError, tarfile.InvalidHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(str(error)) from error


def is_shard(uri: str) -> bool:
    """Whether a tar begins with samples: a picture and, right beside it under its name, JSON or a text."""
    if not uri.lower().endswith(_TARS):
        return False
    held, size = list[_Member](), 0
    try:
        with closing(_members(uri)) as found:
            for member in islice(found, _LOOKED_AT):
                held.append(member)
                size += len(member[2] or b"")
                if member[2] is None or size > LARGEST:
                    break
    except InputError:
        return False
    samples = [{suffix: data for _, suffix, data in sample} for _, sample in groupby(held, itemgetter(0))]
    told = [sample for sample in samples if _suffixes(sample) & PICTURES and _tells(sample)]
    # The last one may be cut off.
    return 0 < len(samples) <= len(told) + 1 and bool(told)


def _suffixes(sample: dict[str, Any]) -> set[str]:
    return {suffix.rpartition(".")[2] for suffix in sample}


def _tells(sample: dict[str, bytes | None]) -> bool:
    texts = [data for suffix, data in sample.items() if suffix in TEXTS and data is not None]
    return "json" in sample or any(not _is_boxes(data) for data in texts)


def _is_boxes(data: bytes) -> bool:
    """Whether a text is one of words with their boxes, which is read otherwise."""
    try:
        return bool(boxes(as_utf8(data))["boxes"])
    except ValueError:
        return False


def read_shard(root: str, part: Range) -> Iterator[Record]:
    """One record a sample: what its JSON says, its text, its picture or pictures."""
    uri = files.join(root, part.file)
    with closing(_members(uri)) as found:
        for position, (name, sample) in enumerate(groupby(found, itemgetter(0)), part.position):
            yield _record(name, list(sample), Origin(part.file, position))


def _record(name: str, sample: list[_Member], origin: Origin) -> Record:
    value: dict[str, Any] = {}
    pictures, held = [], 0
    for _, suffix, data in sample:
        held += len(data or b"")
        if data is None or held > LARGEST:
            return Record({}, origin, Problem(DropReason.RECORD_TOO_LARGE, f"{name}: more than {LARGEST} bytes"), name)
        if suffix == "json":
            told, _ = read_value(as_utf8(data))
            if not isinstance(told, dict):
                wrong = told if isinstance(told, Problem) else Problem(DropReason.WRONG_SHAPE, "its JSON is no object")
                return Record({}, origin, wrong, name)
            value |= told
        elif suffix in TEXTS:
            value["text"] = as_utf8(data).decode("utf-8", "replace").strip()
        elif suffix.rpartition(".")[2] in PICTURES:
            pictures.append({"bytes": data, "path": f"{name}.{suffix}"})
    if pictures:
        value |= {"image": pictures[0]} if len(pictures) == 1 else {"images": pictures}
    return row_record({"id": name, **value}, origin.file, origin.position)


def _members(uri: str) -> Generator[_Member]:
    """Regular members in file order, in memory one at a time."""
    try:
        with closing(inflate.content(uri)) as raw, tarfile.open(fileobj=raw, mode="r|", tarinfo=_Whole) as archive:
            for info in archive:
                vars(archive)["members"] = []  # or it remembers each of them
                path = PurePosixPath(info.name)
                stem, dot, suffix = path.name.partition(".")
                if not info.isreg() or info.issparse() or not (stem and dot and is_member_name(info.name)):
                    continue
                stream = archive.extractfile(info) if info.size <= LARGEST else None
                yield str(path.with_name(stem)), suffix.lower(), stream.read() if stream else None
    except BROKEN as error:
        raise InputError(f"{uri} cannot be read: {error}", "download the archive again") from error
