"""Where the records of a JSON document lie: one pass over its structure, in constant memory.

A document of any size is walked key by key only in its outermost objects; arrays, and objects with many keys, are
passed in whole blocks, leaving a mark per block from which a reader can start.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from jobs.readers.scan import CLOSE, COMMA, OPEN, QUOTE, State, Summary, scan
from udfs.adapters.family import Container

_WALKED_LEVELS = 3
"""Objects this deep are searched for lists of records."""
_WALKED_CHILDREN = 64
"""An object with more children is a collection of records or nothing."""
_FEW = 8
"""Up to so many objects side by side may be sections of a document, not records; so many other values a header, unless
all of them are numbers."""
SPACE = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Span:
    """A container of records."""

    container: Container
    keys: tuple[tuple[int, int], ...]
    """Offsets of the keys that lead to it, without their quotes."""
    start: int
    """Behind the opening bracket."""
    end: int
    """At the closing bracket."""
    records: int
    marks: tuple[tuple[int, int], ...]
    """(offset, position) of records from which a reader can start, in order."""


@dataclass(frozen=True, slots=True)
class Outline:
    """Containers of one document in file order."""

    spans: tuple[Span, ...] = ()
    first_of_many: tuple[int, int] | None = None
    """Where the first object lies if another one follows it."""
    whole: Span | None = None
    """The outermost object, as if its values were records."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A document whose blocks can be summarised elsewhere, so that most of them need not be passed here."""

    blocks: Callable[[int], Iterable[bytes]]
    """Blocks from an offset on, cut like those of the document."""
    summaries: Callable[[int], Iterable[Summary]]
    """Of the same blocks; asked for once, when a container does not end in the block in which it begins."""


class CutShort(Exception):  # noqa: N818 - turned into an InputError where the file's name is known
    """The document ends inside a container."""


@dataclass
class _Tally:
    """Commas of one container, counted while it is passed."""

    start: int
    level: int
    commas: int = 0
    marks: list[tuple[int, int]] = field(default_factory=list)
    first: tuple[int, int] = (0, 0)
    """Kind and byte of the first token inside."""
    end: int = 0

    def span(self, container: Container, keys: tuple[tuple[int, int], ...]) -> Span:
        return Span(container, keys, self.start, self.end, self.commas + 1, tuple(self.marks))


class _Cursor:
    """The tokens of a document, one block in memory."""

    def __init__(self, blocks: Iterable[bytes], offset: int, ahead: Ahead | None) -> None:
        self.blocks, self.ahead = iter(blocks), ahead
        self.summaries: dict[int, Summary] | None = None
        self.block = b""
        self.base = self.next_base = offset
        self.state = State()
        self.tokens, _ = scan(b"", State())
        self.index = 0

    def load(self) -> bool:
        block = next(self.blocks, None)
        if block is None:
            return False
        self.base, self.next_base = self.next_base, self.next_base + len(block)
        self.block, self.index = block, 0
        self.tokens, self.state = scan(block, self.state)
        return True

    def peek(self) -> tuple[int, int]:
        """Kind and byte of the next token."""
        while self.index >= len(self.tokens.at):
            if not self.load():
                raise CutShort(f"it ends {self.state.depth} brackets deep" + ", inside a string" * self.state.in_string)
        at = int(self.tokens.at[self.index])
        return int(self.tokens.kinds[self.index]), self.block[at]

    def take(self) -> int:
        """Offset of the next token, which is passed."""
        self.peek()
        at = self.base + int(self.tokens.at[self.index])
        self.index += 1
        return at

    def passed(self, tally: _Tally) -> _Tally:
        """Goes behind the closing bracket of the tally's container."""
        try:
            tally.first = self._first()
            while not self._pass_block(tally):
                self.index = len(self.tokens.at)
                self._leap(tally)
                self.peek()
        except CutShort as cut:
            start = tally.marks[-1][0] if tally.marks else tally.start
            raise CutShort(
                f"{cut}, after record {tally.commas} of the list that begins at byte {tally.start}"
                f" (last mark: byte {start})"
            ) from cut
        return tally

    def _first(self) -> tuple[int, int]:
        """Kind and byte of the next token; of lists in a list, as far as the block tells, what they hold."""
        found = self.peek()
        for at in self.tokens.at[self.index : self.index + 2]:
            if found != (OPEN, ord("[")):
                break
            found = OPEN, self.block[int(at)]
        return found

    def _pass_block(self, tally: _Tally) -> bool:
        tokens = self.tokens
        kinds, here = tokens.kinds[self.index :], tokens.depths[self.index :] == tally.level
        ends = np.flatnonzero((kinds == CLOSE) & here)
        stop = int(ends[0]) if ends.size else len(kinds)
        commas = np.flatnonzero((kinds[:stop] == COMMA) & here[:stop])
        if commas.size:
            offset = self.base + int(tokens.at[self.index + int(commas[0])]) + 1
            tally.marks.append((offset, tally.commas + 1))
            tally.commas += int(commas.size)
        if ends.size:
            tally.end = self.base + int(tokens.at[self.index + stop])
            self.index += stop + 1
        return bool(ends.size)

    def _leap(self, tally: _Tally) -> None:
        """Passes, by their summaries, the next blocks in which the tally's container does not end."""
        if self.ahead is None:
            return
        if self.summaries is None:
            self.summaries = _placed(self.ahead.summaries(self.next_base), self.next_base)
        start = self.next_base
        while summary := self.summaries.get(self.next_base):
            state, side = self.state, summary.sides[self.state.in_string]
            if state.depth + side.lowest < tally.level:
                break
            if side.commas and state.depth + side.lowest == tally.level:
                tally.marks.append((self.next_base + side.first + 1, tally.commas + 1))
                tally.commas += side.commas
            self.state = State(state.in_string ^ summary.odd_quotes, summary.escaped, state.depth + side.change)
            self.next_base += summary.size
        if self.next_base > start:
            self.blocks = iter(self.ahead.blocks(self.next_base))

    def rest(self) -> Iterator[bytes]:
        """What follows the last token taken."""
        yield self.block[int(self.tokens.at[self.index - 1]) + 1 :]
        yield from self.blocks


def _placed(summaries: Iterable[Summary], offset: int) -> dict[int, Summary]:
    placed = {}
    for summary in summaries:
        placed[offset] = summary
        offset += summary.size
    return placed


@dataclass
class _Section:
    """An object that is walked key by key."""

    cursor: _Cursor
    keys: tuple[tuple[int, int], ...]
    tally: _Tally
    objects: int = 0
    lists: int = 0
    others: int = 0
    """Texts, and lists of anything but objects."""
    inner: list[Span] = field(default_factory=list)

    def walk(self) -> list[Span]:
        """Goes behind the object's end; what it holds, itself first if its values are records."""
        key: tuple[int, int] | None = None
        while self.tally.commas < _WALKED_CHILDREN:
            kind, byte = self.cursor.peek()
            at = self.cursor.take()
            if kind == QUOTE:
                end = self.cursor.take()
                self.others += key is not None
                key = key or (at + 1, end)
            elif kind == OPEN:
                self._child(byte, at + 1, (*self.keys, key or (at, at)))
            elif kind == COMMA:
                key = None
                self.tally.commas += 1
                self.tally.marks.append((at + 1, self.tally.commas))
            else:
                self.tally.end = at
                return self._found(self.tally.commas + 1)
        return self._many()

    def _child(self, byte: int, start: int, keys: tuple[tuple[int, int], ...]) -> None:
        level = self.tally.level + 1
        if byte == ord("["):
            tally = self.cursor.passed(_Tally(start, level))
            if tally.first == (OPEN, ord("{")):
                self.lists += 1
                self.inner.append(tally.span(Container.JSON_ARRAY, keys))
            else:
                self.others += 1
            return
        self.objects += 1
        if level > _WALKED_LEVELS:
            self.cursor.passed(_Tally(start, level))
        else:
            self.inner += _Section(self.cursor, keys, _Tally(start, level)).walk()

    def _many(self) -> list[Span]:
        self.cursor.passed(self.tally)
        found = self._found(_WALKED_CHILDREN)
        return found[:1] if found and found[0].keys == self.keys else []

    def _found(self, children: int) -> list[Span]:
        if not (self.keys or self.lists or self.objects) and children > (_FEW if self.others else 1):
            return [self.tally.span(Container.JSON_KEYED, self.keys)]
        if self.lists or 2 * self.objects <= children:
            return self.inner
        own = self.tally.span(Container.JSON_KEYED, self.keys)
        return [own] if self.objects > _FEW else [own, *self.inner]


def outline(blocks: Iterable[bytes], offset: int = 0, ahead: Ahead | None = None) -> Outline:
    """Outline of a document that begins at `offset` with a bracket; CutShort when it does not end."""
    cursor = _Cursor(blocks, offset, ahead)
    _, byte = cursor.peek()
    top, whole = _Tally(cursor.take() + 1, 1), None
    if byte == ord("["):
        spans = [cursor.passed(top).span(Container.JSON_ARRAY, ())]
    else:
        spans = _Section(cursor, (), top).walk()
        whole = top.span(Container.JSON_KEYED, ())
    after = next((text[:1] for block in cursor.rest() if (text := block.lstrip(SPACE))), b"")
    if after == b"{" and byte == ord("{"):
        return Outline(first_of_many=(top.start, top.end))
    if after:
        raise CutShort(f"its JSON ends and {after!r} follows")
    return Outline(tuple(spans), whole=whole)
