"""Looking up parts of records whose shape nobody guarantees."""

import ast
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from schemas.enums import DropReason
from schemas.errors import Drop
from schemas.source import Selector
from udfs.ids import clean

NO_ANSWER = "<no answer>"
NOTHING = frozenset({"", "None", "nan", "NaN", "null", NO_ANSWER})
"""What writers leave where there is no value; a lower-case none is an answer, what ScreenQA has in brackets is not."""
WORD = "None"
"""Alone it is what writers leave; an annotator who wrote it read it, as on forms."""
NON_ANSWERS = frozenset({
    "no answer", "unanswerable", "not answerable", "unsuitable", "unsuitable image", "n/a", "not applicable", "unknown",
    "unclear", "i don't know", "don't know", "can't tell", "cannot tell", "cannot be determined",
})  # fmt: skip
"""What annotators write where they have no answer, in lower case and without marks around it."""

SENTENCE = 5
"""Words; what is longer is a sentence, and sentences are never joined into one answer."""
EACH = "*"
_IMAGES = re.compile(r"([^/]+)/images/")
_MISSING = object()


def _step(node: object, key: str) -> object:
    if isinstance(node, Mapping):
        return node.get(key, _MISSING)
    if isinstance(node, Sequence) and not isinstance(node, str | bytes) and key.isdecimal() and int(key) < len(node):
        return node[int(key)]
    return _MISSING


def dotted(record: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The value at a dotted path (`a.0.b`), or None; NaN, as tables write a gap, counts as None.

    `a.*.b` is the list of what stands at `b` in each part of the list `a`.
    """
    node: Any = record.get(path, _MISSING)
    if node is _MISSING:
        node = _at(record, path.split("."))
    return None if node is _MISSING or (isinstance(node, float) and math.isnan(node)) else node


def _at(node: object, keys: Sequence[str]) -> object:
    for at, key in enumerate(keys):
        if key == EACH:
            held = listed(node)
            parts = [_at(part, keys[at + 1 :]) for part in held] if isinstance(held, list | tuple) else []
            return [part for part in parts if part is not _MISSING and part is not None] or _MISSING
        node = _step(node, key)
        if node is _MISSING:
            break
    return node


def first(record: Mapping[str, Any], paths: Iterable[str]) -> tuple[str, Any] | None:
    """Path and value of the first path that holds something; an empty text only where nothing better is found."""
    empty = None
    for path in paths:
        value = dotted(record, path)
        if value == "":
            empty = empty or (path, value)
        elif value is not None:
            return path, value
    return empty


def text(value: object, name: str) -> str:
    """`value` as clean text; whole numbers lose their `.0`."""
    if isinstance(value, str):
        return clean(value).strip()
    if isinstance(value, bool | int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    raise Drop(DropReason.WRONG_SHAPE, f"{name} is {kind(value)}; allowed: text or a number")


def kind(value: object) -> str:
    """The type of a value as JSON calls it, with a look at the value."""
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null", bytes: "bytes"}
    name = names.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)
    return f"{name} ({shorten(value)})"


def shorten(value: object, length: int = 80) -> str:
    """A value for a message."""
    shown = repr(value)
    return shown if len(shown) <= length else shown[: length - 3] + "..."


def listed(value: object) -> object:
    """A list of objects, which tables may hold as an object of lists of one length; anything else as it stands."""
    columns = list(value.values()) if isinstance(value, Mapping) else []
    if not columns or not all(isinstance(column, list | tuple) for column in columns):
        return value
    if len({len(column) for column in columns}) > 1:
        return value
    return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]  # type: ignore[call-overload]  # a mapping


def items(value: object, name: str) -> Sequence[Any]:
    """`value` if it is a list."""
    value = listed(value)
    if not isinstance(value, list | tuple):
        raise Drop(DropReason.WRONG_SHAPE, f"{name} is {kind(value)}; allowed: a list")
    return value


def record_of(value: object, name: str) -> Mapping[str, Any]:
    """`value` if it is an object."""
    if not isinstance(value, Mapping):
        raise Drop(DropReason.WRONG_SHAPE, f"{name} is {kind(value)}; allowed: an object")
    return value


def answer(value: object, name: str, *, whole: bool = False) -> str:
    """An answer as text: most frequent of several annotators' (the first of equals), parts of a list joined.

    `whole`: every list is one answer in parts, as cells of a table are, where None is a word.
    """
    value = listed(value)
    if not isinstance(value, list | tuple):
        shown = text(value, name) if value is not None else ""
    elif not whole and _from_several(value, name):
        shown = _most_frequent(value, name)
    else:
        shown = ", ".join(text(part, name) for part in value)
    if shown in NOTHING and not (shown == WORD and (whole or isinstance(value, list | tuple))):
        raise Drop(DropReason.NO_ANSWER, f"{name} is {kind(value)}")
    return shown


def _from_several(parts: Sequence[Any], name: str) -> bool:
    """Whether a list holds answers of several annotators."""
    told = name.endswith("answers") or EACH in name.split(".")
    return told or _repeats(parts) or any(map(_stands_alone, parts))


def _stands_alone(part: object) -> bool:
    """Whether a part of a list is an answer by itself: an annotator's, or a sentence."""
    return isinstance(part, Mapping) or (isinstance(part, str) and _is_sentence(part))


def _repeats(parts: Sequence[Any]) -> bool:
    """Whether some say the same: then these are annotators, and no parts of one answer."""
    said = [part.casefold() for part in parts if isinstance(part, str)]
    return len(parts) == len(said) > max(2, len(set(said)))


def _is_sentence(said: str) -> bool:
    words = len(said.split())
    return words > SENTENCE or (words > 2 and said.rstrip().endswith("."))


def told_apart(value: object) -> bool:
    """Whether these are sentences of several writers, no two of whom say the same."""
    if not isinstance(value, list | tuple) or len(value) < 2 or not all(isinstance(part, str) for part in value):
        return False
    return len({part.casefold() for part in value}) == len(value) and any(map(_is_sentence, value))


def _most_frequent(values: Sequence[Any], name: str) -> str:
    given = [text(value.get("answer") if isinstance(value, Mapping) else value, name) for value in values]
    spoken = [answer for answer in given if answer == WORD or answer not in NOTHING]
    counted = Counter(answer.casefold() for answer in spoken)
    best = max(counted.values(), default=0)
    if not best or given.count(NO_ANSWER) > best:
        return ""
    equals = [answer for answer in spoken if counted[answer.casefold()] == best]
    return next((answer for answer in equals if not is_none(answer)), equals[0])


def is_none(said: str) -> bool:
    """Whether an answer says that there is none."""
    return said.strip(" \t\n<>[]().!").casefold() in NON_ANSWERS


def parsed_list(value: str, name: str) -> Sequence[Any]:
    """A list that a table holds as text, such as `['a', 'b']`."""
    try:
        return items(ast.literal_eval(value), name)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise Drop(DropReason.WRONG_SHAPE, f"{name} is {kind(value)}; allowed: a list") from None


def belongs(record: Mapping[str, Any], select: Selector | None) -> bool:
    """Whether a record of a shared file is this source's; one that does not say so belongs, lest it vanish.

    Names count as equal whatever their case and punctuation: M4's members are `RAVEN` here and `raven` there.
    """
    name = None if select is None else named(record, select)
    if select is None or name is None:
        return True
    return name.startswith(select.values) if select.match == "prefix" else _folded(name) in map(_folded, select.values)


def named(record: Mapping[str, Any], select: Selector) -> str | None:
    """What a record of a shared file says of whose it is; None where it says nothing."""
    value, *more = (dotted(record, path) for path in select.field.split("/"))
    if select.match == "prefix":
        return None if value is None and more else "/".join(map(str, (value, *more)))
    if select.match == "folder":
        above = _IMAGES.search(value) if isinstance(value, str) else None
        return above and above[1]
    return None if value is None else str(value)


def _folded(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum()) or name
