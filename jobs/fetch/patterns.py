"""File names as the catalogue writes them, read as glob patterns."""

import re
from collections.abc import Iterator
from itertools import product

_SIZE = re.compile(r"\s*\(\s*[\d.,]+\s*[KMGT]i?B\s*\)\s*$", re.IGNORECASE)
_CHOICE = re.compile(r"\{([^{}]*)\}|(?<![\d.])(\d+\.\.\d+)(?!\d|\.\.)")
_ANY = re.compile(r"<[^<>/]*>|%\d*d|\*{3,}")
_REPOSITORY = re.compile(r"^([\w.-]+(?:/[\w.-]+)?)(?:\s*\[([^\[\]]+)\])?$")
MOST = 1000
"""Names that one entry may stand for; past it numbers are any text."""


def repository(hub_id: str) -> tuple[str, str] | None:
    """Repository and folder of `owner/name [folder]`; None for anything else."""
    found = _REPOSITORY.match(hub_id.strip())
    return (found[1], (found[2] or "").strip()) if found else None


def globs(entry: str) -> tuple[str, ...]:
    """Glob patterns of an entry: `{a,b}`, `{0..9}` and `0..9` spelt out, `<id>` and `%05d` any text, no size."""
    text = _ANY.sub("*", _SIZE.sub("", entry.strip()))
    fixed, choices, at = [], [], 0
    for found in _CHOICE.finditer(text):
        fixed.append(text[at : found.start()])
        choices.append(tuple(_choices(found[1] if found[2] is None else found[2])))
        at = found.end()
    fixed.append(text[at:])
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > MOST:
        return (_CHOICE.sub("*", text),)
    return tuple("".join(_woven(fixed, chosen)) for chosen in product(*choices))


def _choices(inside: str) -> Iterator[str]:
    for part in inside.split(","):
        first, dots, last = part.strip().partition("..")
        if not dots:
            yield part.strip()
        elif first.isdecimal() and last.isdecimal() and 0 <= int(last) - int(first) < MOST:
            yield from (str(number).zfill(len(first)) for number in range(int(first), int(last) + 1))
        else:
            yield "*"


def _woven(fixed: list[str], chosen: tuple[str, ...]) -> Iterator[str]:
    for text, choice in zip(fixed, (*chosen, ""), strict=True):
        yield text
        yield choice
