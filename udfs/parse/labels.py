"""Finds labelled parts (`Instruction: ...`) in text that a model formatted as it pleased."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MARKS = r"[ \t>#*_\-–—•·\[<({|\"“]{0,20}+"
NUMBER = r"(?:\(?\d{1,2}[.):\uff1a]\s?)?+"
COLON = r"[:\uff1a>]+[*_\s\])\"”]*"
CLOSING = rf"[*_\])}}\"”]{{0,6}}+\s*(?:{COLON}|(?<=\])\s*|(?<=\s)[-–—]\s+|(?=\n|$))"


@dataclass(frozen=True, slots=True)
class Part:
    """What follows one label up to the next one."""

    label: int
    """Index of the family it belongs to."""
    start: int
    """Where its label starts."""
    text: str


def _label(words: Sequence[str], inline: bool) -> re.Pattern[str]:
    """A label with heading marks, bold, numbering, brackets around it; ends in a colon, a dash or the line.

    Bounded and possessive throughout, so that no reply can make it backtrack.
    """
    if inline:  # capital letter and colon required, since it may stand in the middle of prose
        return re.compile(
            rf"\b(?:{'|'.join(word.capitalize() for word in words)})[*_]{{0,3}}\s?[:\uff1a][*_]{{0,3}}\s*"
        )
    names = rf"(?:{'|'.join(words)})(?![a-z])\s{{0,3}}(?:#?\d{{1,2}}|\([^)\n]{{1,40}}\)){{0,2}}[ \t]{{0,3}}"
    closing = rf"[*_]{{0,3}}\s?{COLON}" if max(map(len, words)) == 1 else CLOSING
    return re.compile(rf"^{MARKS}{NUMBER}{MARKS}{names}{closing}", re.IGNORECASE | re.MULTILINE)


def _first_used(text: str, family: Sequence[Sequence[str]], inline: bool) -> list[re.Match[str]]:
    """Matches of the first alternative that occurs: `Answer:` is no label where `Response:` is one."""
    for words in family:
        matches = list(_label(words, inline).finditer(text))
        if matches:
            return matches
    return []


def split_parts(text: str, families: Sequence[Sequence[Sequence[str]]]) -> list[Part]:
    """Cut the text at its labels; a family lists alternative words, best first. Empty if any family is missing."""
    found: list[tuple[int, int, int]] = []
    for index, family in enumerate(families):
        matches = _first_used(text, family, inline=False) or _first_used(text, family, inline=True)
        if not matches:
            return []
        found += [(match.start(), match.end(), index) for match in matches]
    found.sort()
    ends = [start for start, _, _ in found[1:]] + [len(text)]
    return [
        Part(index, start, text[end : max(end, stop)]) for (start, end, index), stop in zip(found, ends, strict=True)
    ]
