"""How one container of one file is cut into ranges."""

from collections.abc import Iterator
from itertools import pairwise

from jobs.readers.documents import keyed_at_top, outline_of
from jobs.readers.outline import Span
from jobs.readers.parallel_scan import line_ends
from jobs.readers.parquet import plan_parquet
from jobs.readers.ranges import Range
from jobs.readers.stream import BLOCK, BOM, head_of, is_compressed
from jobs.readers.text_lines import plan_lines
from schemas.errors import InputError
from udfs import files
from udfs.adapters.family import WHOLE, Container, Layout


def plan_ranges(uri: str, file: str, layout: Layout, target_bytes: int) -> list[Range]:
    """Ranges of about `target_bytes` that cover the records of one layout of the file at `uri`.

    `file` is the name by which records know it, a path below the source's folder. A compressed file, a CSV,
    a pickle and a shard are one range.
    """
    match layout.container:
        case Container.PARQUET:
            return plan_parquet(uri, file, target_bytes)
        case Container.DELIMITED | Container.PICKLE | Container.SHARD:
            size = files.size(uri)
            return [Range(file, layout.container, "", 0, None, 0, None, size, size)]
        case Container.JSON_LINES:
            return list(_plan_lines(uri, file, target_bytes))
        case Container.JSON_ARRAY | Container.JSON_KEYED:
            return list(_plan_document(uri, file, layout, target_bytes))
        case Container.LINES:
            return plan_lines(uri, file, target_bytes, compressed=is_compressed(uri))
        case Container.FILES:
            raise ValueError(f"{file}: a folder is planned by plan_files")


def _plan_lines(uri: str, file: str, target_bytes: int) -> Iterator[Range]:
    size = files.size(uri)
    start = len(BOM) if head_of(uri, len(BOM)) == BOM else 0
    if is_compressed(uri):
        yield Range(file, Container.JSON_LINES, "", start, None, 0, None, size, size)
        return
    cuts, at, line = [(start, 0)], start, 0
    for block in line_ends(uri, start, size, max(1, min(BLOCK, target_bytes))):
        # A range ends at the first line end of the first block that reaches the target.
        if block.lines and at + block.first + 1 - cuts[-1][0] >= target_bytes:
            cuts.append((at + block.first + 1, line + 1))
        at, line = at + block.size, line + block.lines
    for (start, position), (end, _) in pairwise([*cuts, (size, line)]):
        if start < end:
            yield Range(file, Container.JSON_LINES, "", start, end, position, None, size, end - start)


def _plan_document(uri: str, file: str, layout: Layout, target_bytes: int) -> Iterator[Range]:
    size = files.size(uri)
    span = _span_of(uri, layout, target_bytes)
    target = span.end + 1 if is_compressed(uri) else target_bytes
    cuts = [(span.start, 0)]
    for mark in span.marks:
        if mark[0] - cuts[-1][0] >= target:
            cuts.append(mark)
    for (start, first), (end, last) in pairwise([*cuts, (span.end + 1, span.records)]):
        if first < last:
            yield Range(file, layout.container, layout.at, start, end - 1, first, last - first, size, end - start)


def _span_of(uri: str, layout: Layout, target_bytes: int) -> Span:
    if layout.at == WHOLE:
        start = len(BOM) if head_of(uri, len(BOM)) == BOM else 0
        return Span(layout.container, (), start, files.size(uri), 1, ())
    if (layout.container, layout.at) == (Container.JSON_KEYED, "") and (found := keyed_at_top(uri, target_bytes)):
        return found
    for place in outline_of(uri, target_bytes) or ():
        if (place.span.container, place.at) == (layout.container, layout.at):
            return place.span
    raise InputError(
        f"{uri} holds no {layout.container.value} at {layout.at or 'its top'!r}",
        "it changed while it was planned; run again",
    )
