"""Where a response says what its answer is."""

import re

_MARKER = re.compile(
    r"(?:\b(?:answer|result|solution)\b[*_\s]*(?:is|are|would be|must be|=|[:\uff1a])[*_\s]*[:\uff1a]?"
    r"|答案(?:是|为)?[:\uff1a]?|####)\s*",
    re.IGNORECASE,
)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_END = re.compile(r"(?<=[.!?。\uff01\uff1f])(?=\s|$)|\n+")
_OPTIONS = r"(?:(?i:option|choice)s?\s+)?"
_UNDECIDED = re.compile(
    rf"\W*(?:(?i:either|both|neither|not|none\s+of)\s+{_OPTIONS}\(?[A-HJ]\b"
    rf"|{_OPTIONS}\(?[A-HJ]\b[.):]*(?:\s*,?\s*\(?(?:or|and|nor|vs|OR|AND|NOR)\b"
    rf"|(?:\s*[,;/&+|→]|(?<=[.):]))\s*{_OPTIONS}\(?[A-J](?:[).:,;]|\s*$|\s+(?:or|and)\b)))"
)
MAX_CHARS = 50_000
MAX_SENTENCES = 40


def boxed(text: str) -> str | None:
    r"""Content of the last \boxed{...}, braces matched."""
    starts = [match.end() for match in _BOXED.finditer(text)]
    if not starts:
        return None
    depth = 1
    for at in range(starts[-1], len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[starts[-1] : at]
    return None


def undecided(said: str) -> bool:
    """Whether what is said to be the answer begins with several letters, or with one that it is not.

    `I and II` are numbers.
    """
    return _UNDECIDED.match(said) is not None


def sentences(text: str) -> list[str]:
    """The last sentences and lines, last one first; a point inside a number ends none."""
    parts = [part.strip() for part in _END.split(text[-MAX_CHARS:])]
    return [part for part in reversed(parts) if part][:MAX_SENTENCES]


def stated_answer(text: str) -> str | None:
    """What the response itself marks as its answer: the last box, else the sentence after the last `answer is`."""
    inside = boxed(text)
    if inside is not None:
        return inside
    text = text[-MAX_CHARS:]
    ends = [match.end() for match in _MARKER.finditer(text)]
    for end in reversed(ends):
        after = [part.strip() for part in _END.split(text[end:]) if part.strip()]
        if after:
            return after[0]
    return None
