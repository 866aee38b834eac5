r"""What of a reply can stand as the source's own answer; a wrong one is worse than none."""

import re

from udfs.adapters.fields import SENTENCE, is_none
from udfs.checks.conclusion import boxed, undecided

CHARS = 40
_SAYS = r"(?:the\s+)?(?:(?:final|correct)\s+)?(?:answer|option|choice)\s*(?:is\b:?|:)\s*"
_HENCE = r"(?:so|thus|therefore|hence)\b,?\s*"
_CHINESE = r"(?:####|答案(?:是|为)?[:\uff1a]?)\s*"
_CLOSING = re.compile(rf"(?:{_HENCE})?{_SAYS}(.+)|{_CHINESE}(.+)", re.IGNORECASE)
_BEHIND = re.compile(
    rf".*(?:[.!?;]\s+(?:{_HENCE})?|\b{_HENCE}){_SAYS}(.+)|.*(?:[。；，]|所以|因此|故){_CHINESE}(.+)", re.IGNORECASE
)
"""The same behind other words of its line: after a sentence, or as what follows from them."""
_NO_WORDS = re.compile(rf"{_CLOSING.pattern}|.*\\boxed", re.IGNORECASE)
_SAID = re.compile(rf"{_SAYS}|{_CHINESE}", re.IGNORECASE)
_TWO_SENTENCES = re.compile(r"[.!?]\s")
_LETTER = re.compile(r"(?:option\s+)?\(?([A-J])\)?(?:[.):,](?:\s.*)?)?")
_WRAPPED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf)\s*\{\s*(?:\(([A-Z])\).*|([^{}]*))\}\s*(.*)", re.DOTALL)
_VERB = re.compile(
    r"(?:^|\s)(?:is|are|was|were|has|have|can|does|do|will|I|I'm|it's|because|since)(?:\s|$)", re.IGNORECASE
)
_YES_NO = re.compile(r"(yes|no),\s", re.IGNORECASE)
_POLITE = re.compile(r"\b(?:sorry|sure|certainly|hello|thanks?|cannot|can't)\b", re.IGNORECASE)
_OPENS = re.compile(
    r"(?:in|on|at|that|not|based|provided|given|because|as|to|shown|found|below|above)\b", re.IGNORECASE
)
_CLOSED = re.compile(r"\(?[A-J]\)?|yes|no|true|false|[-+−]?[$€£]?\d[\d,./]*\s?%?", re.IGNORECASE)
_ASKS = re.compile(r"[?？]|word or phrase|(?:single|one) word|short answer|option|letter", re.IGNORECASE)
_CJK = re.compile(r"[぀-ヿ㐀-鿿가-힯]")


def answered(gold: str | None) -> str | None:
    """A gold answer, unless it says that there is none."""
    return None if gold is None or is_none(gold) else gold


def closing(reply: str) -> str | None:
    r"""What a reply in prose concludes with: its last \boxed{...}, or its last line, which may say why before."""
    if "\\boxed" in reply:
        return _from_box(reply)
    line = reply[-200:].rpartition("\n")[2].strip("*_ \t")
    if len(reply) > 200 and "\n" not in reply[-200:]:
        line = line.partition(" ")[2]  # its beginning is cut off, and may be half a word
        found = _behind(line)
    else:
        found = _CLOSING.fullmatch(line) or _behind(line)
    if found is None:
        return None
    said = (found[1] or found[2]).strip("*_$ \t").rstrip(".。").strip("*_$ \t")
    if undecided(said):
        return None
    letter = _LETTER.fullmatch(said)
    if letter:
        return letter[1]
    odd = _OPENS.match(said) or _TWO_SENTENCES.search(said) or not any(map(str.isalnum, said))
    return None if odd else _brief(said)


def _behind(line: str) -> re.Match[str] | None:
    """The conclusion of a line that says something else first; none of a line that gives several answers."""
    return _BEHIND.fullmatch(line) if len(_SAID.findall(line)) == 1 else None


def concluded(question: str, reply: str, *, shows: bool) -> str | None:
    """The gold answer of the only exchange of a conversation.

    A reply of a few words is one if it answers a question about a medium; of text alone, only a letter, number, yes or
    no is, since a name or a title may have been asked for, of which none is the only right one.
    """
    found = closing(reply)
    if found is None and len(reply) <= CHARS and "\n" not in reply and not _NO_WORDS.match(reply):
        found = _brief(reply)
        if found and not _CLOSED.fullmatch(found) and not (shows and _ASKS.search(question)):
            found = None
    return answered(found)


def _brief(said: str) -> str | None:
    """Words that are no sentence, without the point after a single one."""
    words = said.split()
    if agrees := _YES_NO.match(said):
        return agrees[1]
    if len(words) == 1 and re.fullmatch(r"[^.。]+[.。]", said):
        said = said[:-1]
    whole = len(words) > 1 and (said[-1] in ".!?。\uff01\uff1f" or (len(words) > 2 and _VERB.search(said)))
    long = len(words) > SENTENCE or len(said) > CHARS or len(_CJK.findall(said)) > SENTENCE
    return (
        None
        if not words or whole or long or undecided(said) or _POLITE.search(said) or "<" in said or "`" in said
        else said
    )


def _from_box(reply: str) -> str | None:
    """The last box; none where its line holds different ones, which together are the answer."""
    inside = boxed(reply)
    last = reply[reply.rfind("\n", 0, reply.rfind("\\boxed")) + 1 :]
    told = {boxed(f"\\boxed{part}") for part in last.split("\\boxed")[1:]}
    if inside is None or len(told) > 1:
        return None
    inside = inside.strip().strip("$").strip()
    wrapped = _WRAPPED.fullmatch(inside)
    if wrapped and (wrapped[1] or not wrapped[3]):
        inside = (wrapped[1] or wrapped[2]).strip()
    return inside if inside and len(inside) <= 3 * CHARS and not undecided(inside) else None
