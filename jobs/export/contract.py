"""What the LLaVA-NeXT trainer asks of its files, rule by rule, checked on files as they lie.

1  JSON arrays, named by a YAML list           7  `image`: relative path, or list of them
2  a sampling strategy that it knows           8  one <image> per picture, in human turns
3  turns with text in every row                9  `video`: one path, one <image>
4  human, gpt, human, gpt, ...                10  `id` and `source` are strings, `id` unique
5  no more words than the stage's context     11  media exist and decode
6  one media key, and none that is empty      12  UTF-8, nothing that it deletes
"""

import heapq
import re
import tarfile
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO, cast

import av
import yaml

from jobs.export.rows import CONTEXT, DELETED, TREES
from jobs.gate.decoding import picture_problem
from jobs.readers.json_records import read_json
from jobs.readers.planning import plan_ranges
from schemas.enums import Split
from schemas.errors import InputError
from udfs import files
from udfs.adapters.family import Container, Layout

STRATEGY = re.compile(r"all|(first|end|random):([1-9]\d*%?)")
EXAMPLES = 3
RANGE_BYTES = 64 << 20
Row = Mapping[str, Any]
Broken = Iterator[tuple[int, str]]
"""Rule number and what was found."""


@dataclass
class Findings:
    """Broken rules with a few examples each."""

    counts: dict[int, int] = field(default_factory=dict)
    examples: dict[int, list[str]] = field(default_factory=dict)

    def add(self, rule: int, found: str) -> None:
        """Counts one breach."""
        self.counts[rule] = self.counts.get(rule, 0) + 1
        if self.counts[rule] <= EXAMPLES:
            self.examples.setdefault(rule, []).append(found)

    def lines(self) -> list[str]:
        """One sentence per rule."""
        return [
            f"rule {rule}: {self.counts[rule]:,} times, e.g. {'; '.join(self.examples[rule])}"
            for rule in sorted(self.counts)
        ]


def check_export(folder: str, decode: int = 200, *, with_media: bool = True) -> list[str]:
    """Broken rules of an export folder, none if all is well; files are streamed.

    Pictures and videos are looked for one by one where the folder is local or they lie in shards, and `decode` of
    them are decoded; in an object store those `decode` stand for all. `with_media=False`: they are not here.
    """
    findings = Findings()
    arrays = {split: name for split in Split for name in files.find(folder, [f"mammoth_{split}_*.json"])}
    if not arrays:
        raise InputError(
            f"folder {folder} holds no mammoth_si_*.json and no mammoth_ov_*.json", "run `mammoth-vl export`"
        )
    for name in files.find(folder, ["mammoth_*.yaml"]):
        _check_list(folder, name, findings)
    media = _Media(folder, decode) if with_media else None
    last = ""
    # Rows are sorted by id, so that a merge of the arrays finds equal ids without keeping any.
    streams = [_rows(folder, name, split, findings) for split, name in arrays.items()]
    for identity, split, row in heapq.merge(*streams, key=lambda item: item[0]):
        if identity <= last:
            findings.add(10, f"{identity} follows {last}: not unique, or not sorted")
        last = identity
        broken = [*row_problems(row, split), *(media.problems(row) if media else ())]
        for rule, found in broken:
            findings.add(rule, f"{identity}: {found}")
    return findings.lines()


def _check_list(folder: str, name: str, findings: Findings) -> None:
    listed = yaml.safe_load(files.read_bytes(files.join(folder, name)))
    datasets = listed.get("datasets") if isinstance(listed, dict) else None
    if not datasets:
        findings.add(1, f"{name} lists no datasets")
    for entry in datasets or ():
        path = str(entry.get("json_path"))
        if not path.endswith(".json") or not files.exists(files.join(folder, path)):
            findings.add(1, f"{name} names {path}, which is no JSON file here")
        strategy = str(entry.get("sampling_strategy", "all"))
        if not STRATEGY.fullmatch(strategy):
            findings.add(2, f"{name}: {strategy!r} would mean all")


def _rows(folder: str, name: str, split: Split, findings: Findings) -> Iterator[tuple[str, Split, Row]]:
    try:
        ranges = plan_ranges(files.join(folder, name), name, Layout(Container.JSON_ARRAY), RANGE_BYTES)
    except InputError as error:
        findings.add(1, str(error.args[0]))
        return
    for part in ranges:
        for record in read_json(folder, part):
            if record.problem is None:
                yield str(record.value.get("id", "")), split, record.value
            else:
                is_text = "codec" in record.problem.detail
                findings.add(12 if is_text else 1, f"{name} row {record.origin.position}: {record.problem.detail}")


def row_problems(row: Row, split: Split) -> Broken:
    """Rules that one row breaks, its media apart."""
    turns = row.get("conversations")
    if not isinstance(turns, list) or not turns or not all(_is_turn(turn) for turn in turns):
        yield 3, "conversations must be turns of `from` and a `value` that is text"
        return
    words = sum(len(turn["value"].split()) for turn in turns)
    if not words:
        yield 3, "no word in any turn"
    speakers = [turn["from"] for turn in turns]
    if len(turns) % 2 or speakers != ["human", "gpt"] * (len(turns) // 2):
        yield 4, f"speakers are {', '.join(map(str, speakers[:5]))}"
    if words > CONTEXT[split]:
        yield 5, f"{words:,} words, of which {CONTEXT[split]:,} tokens at most are read"
    yield from _media_problems(row, turns)
    for key in ("id", "source"):
        if not isinstance(row.get(key), str) or not row[key]:
            yield 10, f"{key} is {row.get(key)!r}"
    if ("image" in row or "video" in row) and any(DELETED in turn["value"] for turn in turns):
        yield 12, f"{DELETED} stands in a turn"


def _is_turn(turn: object) -> bool:
    return isinstance(turn, dict) and "from" in turn and isinstance(turn.get("value"), str)


def _media_problems(row: Row, turns: list[dict[str, str]]) -> Broken:
    if "image" in row and "video" in row:
        yield 6, "both image and video"
    for key in ("image", "video"):
        if key in row and not row[key]:
            yield 6, f"{key} is {row[key]!r}; it must be absent"
    pictures = row.get("image") or []
    pictures = [pictures] if isinstance(pictures, str) else pictures
    if not isinstance(pictures, list) or not all(map(_is_relative, pictures)):
        yield 7, f"image is {row['image']!r}"
        return
    clip = row.get("video")
    if clip and not _is_relative(clip):
        yield 9, f"video is {clip!r}"
    marks = sum(turn["value"].count("<image>") for turn in turns)
    if clip and marks != 1:
        yield 9, f"{marks} <image> for one video"
    if not clip and marks != len(pictures):
        yield 8, f"{marks} <image> for {len(pictures)} pictures"
    if any("<image>" in turn["value"] for turn in turns if turn["from"] != "human"):
        yield 8, "<image> in a gpt turn"


def _is_relative(path: object) -> bool:
    return (
        isinstance(path, str)
        and "://" not in path
        and not path.startswith(("/", "data:"))
        and ".." not in path.split("/")
    )


class _Media:
    """Media of a folder: which are there, and whether a sample of them decodes."""

    def __init__(self, folder: str, decode: int) -> None:
        self._folder, self._left = folder, decode
        self._tried: set[str] = set()
        self._is_local = files.local_path(folder) is not None
        shards = [f"{tree}/{name}" for tree in TREES for name in _shards(folder, tree)]
        self._broken: dict[str, str] = {}
        # Eight bytes a name: shards of ten million pictures fit.
        self._members = array("q", sorted(hash(name) for shard in shards for name in self._read_shard(shard)))

    def problems(self, row: Row) -> Broken:
        """Media of one row that are missing or do not decode."""
        named = row.get("image") or row.get("video") or []
        for path in [named] if isinstance(named, str) else named:
            problem = self._problem(str(path))
            if problem:
                yield 11, f"{path} {problem}"

    def _problem(self, path: str) -> str:
        if self._members:
            at = bisect_left(self._members, hash(path))
            there = at < len(self._members) and self._members[at] == hash(path)
            return self._broken.get(path, "") if there else "is in no shard"
        is_sampled = self._left > 0 and path not in self._tried
        if (self._is_local or is_sampled) and not files.exists(files.join(self._folder, path)):
            return "does not exist"
        return self._try(path, files.read_bytes(files.join(self._folder, path))) if is_sampled else ""

    def _try(self, path: str, data: bytes) -> str:
        self._left -= 1
        self._tried.add(path)
        return decoding_problem(path, data)

    def _read_shard(self, shard: str) -> Iterator[str]:
        with (
            closing(files.open_file(files.join(self._folder, shard))) as stream,
            tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|gz") as members,
        ):
            for member in members:
                data = members.extractfile(member) if self._left > 0 else None
                problem = self._try(member.name, data.read()) if data else ""
                if problem:
                    self._broken[member.name] = problem
                yield member.name


def _shards(folder: str, tree: str) -> list[str]:
    path = files.join(folder, tree)
    return files.find(path, ["shard_*.tar.gz"]) if files.exists(path) else []


def decoding_problem(path: str, data: bytes) -> str:
    """Why bytes are no picture or video, empty if they are one."""
    if not path.endswith(".mp4"):
        return picture_problem(data)
    try:
        with av.open(BytesIO(data), "r") as container:
            return "" if next(container.decode(video=0), None) else "holds no frame"
    except (av.FFmpegError, IndexError) as error:
        return f"does not decode: {type(error).__name__}"
