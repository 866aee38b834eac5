"""Multiple choice: options in one spelling, answers as letters."""

import re
import string
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from schemas.enums import DropReason
from schemas.errors import Drop
from schemas.source import By
from udfs.adapters.fields import dotted, first, items, kind, parsed_list, text
from udfs.checks.conclusion import undecided

LETTERS = string.ascii_uppercase
COLUMNS = (
    tuple(LETTERS[:8]),
    tuple(f"a{n}" for n in range(8)),
    tuple(f"option {n}" for n in range(8)),
    tuple(f"Choice {letter}" for letter in LETTERS[:8]),
    tuple(f"option_{letter.lower()}" for letter in LETTERS[:8]),
)
"""Options in columns of their own."""
_LETTERED = re.compile(r"(?:[-*]\s*)?[(\[]?([A-Z])[).:\]]\s*|[-*]\s*([A-Z])\s+")
_HEADED = re.compile(r"[,;]?\s+(?=\(?[A-Z][).:])")
_UNMARKED = re.compile(r"([A-Z])\s+(?=\S)")
_SMALL = re.compile(r"\(?([a-z])[).]\s+")
_CHOSEN = re.compile(r"\W*([A-Za-z])\W*$|[(\[]?([A-Z])[).:\]]")


def options(record: Mapping[str, Any], paths: Sequence[str]) -> tuple[str, ...]:
    """The options of a record without their letters; empty for open questions.

    An empty string holds the place of an option that is not there, so that the others keep their letters.
    """
    found = first(record, paths)
    if found is None or found[1] == "":
        return _columns(record)
    path, value = found
    if isinstance(value, Mapping):
        texts = value.get("text")  # beside a list of their letters
        value = texts if isinstance(texts, list) else _keyed(value)
    elif isinstance(value, str):
        told = [part for part in (dotted(record, path) for path in paths) if isinstance(part, str) and part]
        value = told if len(told) > 1 else _in_one(value) or parsed_list(value, path)
    return _plain(["" if option is None else text(option, path) for option in items(value, path)])


def _in_one(told: str) -> list[str]:
    """Options in one text, each behind its letter, on lines of their own or in a row; none where there are no such."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    parts = lines if len(lines) > 1 else _HEADED.split(told.strip())
    heads = [_LETTERED.match(part) for part in parts[: len(LETTERS)]]
    ordered = all(head and head[1] == LETTERS[at] for at, head in enumerate(heads))
    return parts if len(parts) > 1 and ordered else []


def _keyed(value: Mapping[str, Any]) -> list[Any]:
    """Options by their letters, with a place for those that are left out; by the order of other keys."""
    keys = {str(key).upper(): option for key, option in value.items()}
    if not keys or len(keys) < len(value) or not set(keys) <= set(LETTERS):
        return [value[key] for key in sorted(value)]
    return [keys.get(letter) for letter in LETTERS[: LETTERS.index(max(keys)) + 1]]


def _columns(record: Mapping[str, Any]) -> tuple[str, ...]:
    for names in COLUMNS:
        if names[1] not in record:
            continue
        values = [dotted(record, name) for name in names]
        told = ["" if value in (None, "") else text(value, name) for value, name in zip(values, names, strict=True)]
        if sum(map(bool, told)) > 1:
            return _plain(told)
    return ()


def _plain(told: list[str]) -> tuple[str, ...]:
    while told and not told[-1]:
        told = told[:-1]
    lettered = len(told) > 2 and all(map(_LETTERED.match, told[:-1]))
    if lettered and not any(map(str.isalnum, told[-1])):
        told = told[:-1]  # ArxivQA ends some lists with a line of marks
    for marks, letters in ((_SMALL, LETTERS.lower()), (_UNMARKED, LETTERS)):
        marked = [marks.match(option) for option in told]
        if len(told) > 1 and all(head and head[1] == letters[at] for at, head in enumerate(marked[: len(letters)])):
            return tuple(option[head.end() :] for option, head in zip(told, marked, strict=True) if head)
    heads = [_LETTERED.match(option) for option in told]
    if all(head and (head[1] or head[2]) == LETTERS[at] for at, head in enumerate(heads) if at < len(LETTERS)):
        return tuple(option[head.end() :] if head else option for option, head in zip(told, heads, strict=True))
    return _by_own_letter(told, heads) or tuple(told)


def _by_own_letter(told: list[str], heads: list[re.Match[str] | None]) -> tuple[str, ...]:
    """Options with letters that leave some out, or with one heading among them, by their letters; else none."""
    own = [
        (LETTERS.index(head[1] or head[2]), option[head.end() :])
        for option, head in zip(told, heads, strict=True)
        if head
    ]
    at = [place for place, _ in own]
    if len(told) == len(own) > 2 and at != sorted(at) == list(range(len(own))):
        raise Drop(
            DropReason.NO_ANSWER, f"options are lettered {', '.join(LETTERS[place] for place in at)}, in no order"
        )
    if len(own) < 2 or at != sorted(set(at)) or len(told) - len(own) > 1:
        return ()
    if len(own) < len(told) and at != list(range(len(own))):
        return ()  # a line without a letter may be the option that is missing
    if at[-1] > len(own):
        return ()  # initials of names
    placed = dict(own)
    return tuple(placed.get(place, "") for place in range(at[-1] + 1))


def bare(choices: Sequence[str]) -> bool:
    """Whether the options are only letters, the choices being drawn in the picture."""
    return all(option == LETTERS[at] or not option for at, option in enumerate(choices[: len(LETTERS)]))


def listed(question: str, choices: Sequence[str]) -> str:
    """The question with its options on lines of their own."""
    if bare(choices):
        return question
    return "\n".join([question, *(f"{LETTERS[at]}. {option}" for at, option in enumerate(choices) if option)])


def chosen(value: object, choices: Sequence[str], by: By = "") -> int:
    """Which option an answer means: an index from 0, a letter, or the option's own text.

    `by`: what answers are wherever they can be read so; without it one that means two options is no answer.
    """
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    last = min(len(choices), len(LETTERS)) - 1
    read = _readings(value, choices)
    if by in read:
        read = {by: read[by]}
    meant = {way: at for way, at in read.items() if 0 <= at <= last and (choices[at] or not any(choices))}
    if len(set(meant.values())) > 1:
        said = ", ".join(f"{LETTERS[at]} by {way}" for way, at in meant.items())
        raise Drop(DropReason.NO_ANSWER, f"answer {kind(value)} means {said}; declare which (reading.answers)")
    if not meant:
        allowed = f"0 to {len(choices) - 1}, A to {LETTERS[last]} or an option"
        raise Drop(DropReason.NO_ANSWER, f"answer {kind(value)} names no option; allowed: {allowed}")
    return next(iter(meant.values()))


def _readings(value: object, choices: Sequence[str]) -> dict[str, int]:
    """Every way to read an answer, with the option that it means so."""
    if value is None or not isinstance(value, str | int | float):
        return {}
    said = str(value) if isinstance(value, float) and not isfinite(value) else text(value, "answer")
    read = {}
    if said.lstrip("-").isdecimal():
        read["index"] = int(said)
    same = [at for at, option in enumerate(choices) if option == said] or [
        at for at, option in enumerate(choices) if option.casefold() == said.casefold()
    ]
    letter = _CHOSEN.match(said)
    if letter and (letter[1] or not same):  # `A. M. Turing` is an option rather than A
        at = LETTERS.find((letter[1] or letter[2]).upper())
        if not undecided(said) or said[letter.end() :].strip() in choices[at : at + 1]:
            read["letter"] = at
    if same:
        read["text"] = same[0]
    return read
