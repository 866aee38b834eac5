"""CSV and TSV files to records: a header row, quotes with newlines inside, one dialect per file."""

import csv
import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from jobs.readers.pieces import at_line_ends, pieces
from jobs.readers.ranges import Range
from jobs.readers.stream import blocks, head_of
from schemas.enums import DropReason
from schemas.errors import InputError
from udfs import files
from udfs.sample import Origin, Problem, Record

_BLOCK = 1 << 20
_HEAD = 256 << 10
_LARGEST_FIELD = 16 << 20
"""Characters; also bounds what a quote that is never closed can swallow before it is noticed."""
_EXCERPT = 200
_QUOTES, _BOTH = '"', '"\\\\'
_PAIR = re.compile(r'\\(["\\])')
_DELIMITERS = {".tsv": "\t", ".tab": "\t", ".csv": ","}
SUFFIXES = frozenset(_DELIMITERS)
BOM = "\ufeff"
UTF8 = "convert the file if it is in another encoding, as `iconv -f LATIN1 -t UTF-8 OLD > NEW` does"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How fields are told apart."""

    delimiter: str
    quoted: bool = True
    escaped: str = ""
    """What is written behind a backslash inside quotes: quotes, or quotes and backslashes."""


@dataclass(frozen=True, slots=True)
class Row:
    """Fields of one row, or why its first line is none."""

    fields: list[str]
    text: str
    problem: Problem | None = None


class _Lines:
    """Lines of a file for the csv module, which can be put back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.fresh = iter(lines)
        self.returned: deque[str] = deque()
        self.used: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.returned.popleft() if self.returned else next(self.fresh)
        self.used.append(line)
        return line

    def keep_first(self) -> None:
        """Puts all lines of the current row back but its first, so that a stray quote costs one line."""
        self.returned.extendleft(reversed(self.used[1:]))
        del self.used[1:]


def rows(lines: Iterable[str], dialect: Dialect) -> Iterator[Row]:
    """Rows as wide as the first one; others are problems."""
    csv.field_size_limit(_LARGEST_FIELD)
    if dialect.escaped:
        lines = (_doubled(line, dialect.escaped) for line in lines)
    source = _Lines(lines)
    quotes = '"' if dialect.quoted else None
    reader = csv.reader(source, delimiter=dialect.delimiter, quotechar=quotes, strict=True)
    width = 0
    while True:
        source.used.clear()
        problem = None
        fields: list[str] = []
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = Problem(DropReason.MALFORMED, str(error))
        if not fields and problem is None:
            continue  # a blank line
        width = width or len(fields)
        problem = problem or _problem(fields, width)
        if problem:
            source.keep_first()
        yield Row(fields, "".join(source.used), problem)


def _doubled(line: str, escaped: str) -> str:
    """The line with its quotes doubled, as the csv module knows them, and each backslash once."""
    if escaped == _QUOTES:
        return line.replace('\\"', '""')
    return _PAIR.sub(lambda pair: '""' if pair[1] == '"' else "\\", line)


def _problem(fields: list[str], width: int) -> Problem | None:
    if len(fields) != width:
        return Problem(DropReason.MALFORMED, f"{len(fields)} fields, the header has {width}")
    if any("\udc80" <= letter <= "\udcff" for field in fields if not field.isascii() for letter in field):
        return Problem(DropReason.MALFORMED, f"text is not UTF-8; {UTF8}")
    return None


def read_delimited(root: str, part: Range) -> Iterator[Record]:
    """Records of a whole CSV or TSV file, in constant memory."""
    uri = files.join(root, part.file)
    found = rows(_text_lines(blocks(uri, 0, None, _BLOCK)), dialect_of(uri))
    header = header_of(uri, next(found, None))
    for position, row in enumerate(found, part.position):
        value = {} if row.problem else dict(zip(header, row.fields, strict=True))
        text = row.text.encode("utf-8", "surrogateescape") if row.problem else msgspec.json.encode(value)
        origin = Origin(part.file, position, record_hash=hashlib.sha256(text).hexdigest())
        excerpt = row.text[:_EXCERPT].encode("utf-8", "replace").decode()
        yield Record(value, origin, row.problem, excerpt)


def header_of(uri: str, first: Row | None) -> list[str]:
    """Column names; a name that repeats gets a number, so that no column hides another."""
    if first is None or first.problem:
        reason = first.problem.detail if first and first.problem else "it is empty"
        raise InputError(f"{uri} has no header row: {reason}", "put the names of the columns into its first line")
    names: list[str] = []
    for field in first.fields:
        name, count = field.strip(), 1
        while name in names:
            count += 1
            name = f"{field.strip()}_{count}"
        names.append(name)
    return names


def dialect_of(uri: str) -> Dialect:
    """The dialect under which the first rows are as wide as the header; in doubt quotes mean quoting."""
    suffix = next((suffix for suffix in _DELIMITERS if suffix in uri.lower()), ".csv")
    return _dialect(list(_text_lines([head_of(uri, _HEAD)])), _DELIMITERS[suffix])


def _dialect(lines: list[str], usual: str, *, whole: bool = False) -> Dialect:
    header = lines[0] if lines else ""
    delimiter = "\t" if "\t" in header else max((usual, ",", ";"), key=header.count)
    known = [Dialect(delimiter)]
    if delimiter == "\t":
        known.append(Dialect(delimiter, quoted=False))
    elif any("\\" in _PAIR.sub("", line) for line in lines):
        known.append(Dialect(delimiter, escaped=_QUOTES))
    else:
        # Where the whole file shows no other backslash, two of them stand for one.
        known.insert(0 if whole and header.startswith('"') else 1, Dialect(delimiter, escaped=_BOTH))
    return min(known, key=lambda dialect: sum(bool(r.problem) for r in rows(lines, dialect)))


def table_of(data: bytes) -> list[list[str]]:
    """All rows of a small CSV file, its header first; ValueError when one of them is not as wide as that."""
    lines = list(_text_lines([data]))
    found = list(rows(lines, _dialect(lines, ",", whole=True)))
    for row in found:
        if row.problem:
            raise ValueError(f"{row.problem.detail}: {row.text[:80]!r}")
    if not found:
        raise ValueError("the table is empty")
    return [row.fields for row in found]


def _text_lines(content: Iterable[bytes]) -> Iterator[str]:
    for index, piece in enumerate(pieces(at_line_ends(content), blanks=b"")):
        line = piece.data.decode("utf-8", "surrogateescape") + "\n"
        yield line.removeprefix(BOM) if index == 0 else line
