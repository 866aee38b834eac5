"""Text files whose lines are records: labels of pictures, or one side of files that are aligned line by line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from jobs.readers.parallel_scan import line_ends
from jobs.readers.pieces import at_line_ends, pieces
from jobs.readers.ranges import Range
from jobs.readers.stream import BLOCK, BOM, blocks, head_of
from schemas.enums import DropReason
from udfs import archives, files
from udfs.adapters.family import Container
from udfs.adapters.media import PATH
from udfs.sample import Origin, Problem, Record

_BLOCK = 1 << 20
_HEAD = 1 << 16
_EXCERPT = 200
_LABEL = re.compile(
    r"(?P<image>[^\t]+?)\t(?P<label>.*)|(?P<path>\S+\.(?:png|jpe?g|bmp|gif|tiff?|webp)),?\s+(?P<text>.*)"
)
"""A name, a tab and a label; or the path of a picture, a blank and a label."""
_IAM = re.compile(
    r"(?P<id>[a-z]\d\d-\w+-\d\d(?:-\d\d)?) (?:ok|err)(?:(?: -?\d+){6}|(?: -?\d+){5} [^\s\d-]\S*) (?P<text>\S+)"
)
"""A line of the IAM database: id, segmentation, six numbers or for words five and a tag, text with bars for blanks."""


def plan_lines(uri: str, file: str, target_bytes: int, *, compressed: bool) -> list[Range]:
    """Ranges of whole lines behind the comments at the file's head; each knows how many lines the file has."""
    size, remarks = files.size(uri), _remarks(head_of(uri, _HEAD))
    cuts, at, line, ended = [remarks], 0, 0, True
    for block in line_ends(uri, 0, size, max(1, min(BLOCK, target_bytes))):
        if block.lines and not compressed and at + block.first + 1 - cuts[-1][0] >= target_bytes:
            cuts.append((at + block.first + 1, line + 1))
        at, line, ended = at + block.size, line + block.lines, block.ended
    total = line + (not ended)
    stem = PurePosixPath(file).name.partition(".")[0]
    return [
        Range(
            file, Container.LINES, stem, start, None if end == at else end, first, last - first, size,
            end - start, total=total,
        )
        for (start, first), (end, last) in pairwise([*cuts, (at, total)])
        if first < last
    ]  # fmt: skip


def _remarks(head: bytes) -> tuple[int, int]:
    """Bytes and lines of the comments at a file's head, as the IAM database has them; one alone may be text."""
    at = lines = 0
    while head.startswith(b"#", at) and (end := head.find(b"\n", at)) >= 0:
        at, lines = end + 1, lines + 1
    return (at, lines) if lines > 1 else (0, 0)


def first_of(records: Sequence[Record]) -> Mapping[str, Any] | None:
    """The record that stands for a file: with a label where half of the lines have one."""
    told = [r.value for r in records if str(r.value["line"]).strip() and not str(r.value["line"]).startswith("#")]
    labelled = [value for value in told if "label" in value]
    if labelled and 2 * len(labelled) >= len(told):
        return labelled[0]
    return {"line": told[0]["line"]} if told else None


def read_lines(root: str, part: Range) -> Iterator[Record]:
    """Every line of a range, blank ones included: others are counted against them."""
    stem = archives.unpacked(part.file.rpartition(".txt")[0] or part.file)
    content = at_line_ends(blocks(files.join(root, part.file), part.start, part.end, _BLOCK))
    for position, piece in enumerate(pieces(content, blanks=b"\r"), part.position):
        if part.records is not None and position - part.position >= part.records:
            return  # nothing stands behind the last line end
        data = piece.data.removeprefix(BOM) if position == 0 else piece.data
        origin = Origin(part.file, position, record_hash=piece.digest)
        excerpt = data[: 4 * _EXCERPT].decode("utf-8", "replace")[:_EXCERPT]
        if piece.too_large:
            yield Record({}, origin, Problem(DropReason.RECORD_TOO_LARGE, f"a line of {piece.size} bytes"), excerpt)
            continue
        try:
            line = data.decode()
        except UnicodeDecodeError as error:
            yield Record({}, origin, Problem(DropReason.MALFORMED, f"text is not UTF-8: {error}"), excerpt)
            continue
        where = {PATH: stem, "_line": position, "_lines": part.total}
        yield Record({"line": line, **label_of(line), **where}, origin, None, excerpt)


def label_of(line: str) -> dict[str, str]:
    """Picture and label of a line that holds both."""
    written = _IAM.fullmatch(line.strip())
    if written:
        page, form, *rest = written["id"].split("-")
        folder = "words" if len(rest) > 1 else "lines"
        image = f"{folder}/{page}/{page}-{form}/{written['id']}.png"
        return {"id": written["id"], "image": image, "label": written["text"].replace("|", " ")}
    found = _LABEL.fullmatch(line.strip())
    if found is None:
        return {}
    text = (found["label"] if found["image"] else found["text"]).strip()
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return {"image": (found["image"] or found["path"]).strip(), "label": text[1:-1] if quoted else text}
