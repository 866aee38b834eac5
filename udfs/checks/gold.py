"""Whether a response still arrives at the source's own answer."""

import logging
import re
from fractions import Fraction

from udfs.checks.conclusion import sentences, stated_answer, undecided

MAX_FORMULA_CHARS = 120
"""Longer texts, towers of powers and large exponents never reach the formula parser, which has no time limit here."""
MAX_TEXT_WORDS = 12
"""A gold answer with more words is prose, which no response need repeat word by word."""

_NUMBER = re.compile(
    r"(?<![\w.])[-−–+]?\s*[$€£¥]?\s*(\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(\.\d+)?(?:\s*/\s*(\d+(?:\.\d+)?))?\s*(%|percent\b)?"
)
_PLAIN = re.compile(
    r"[-−–+]?\s*[$€£¥]?\s*[\d,]*\.?\d+(?:\s*/\s*\d+(?:\.\d+)?)?\s*(?:%|[a-zA-Zµ°][\w°²³/^. ]{0,24})?\.?"
)
_OPTION = re.compile(r"\(?([A-Ha-h])\)?\s*(?:[.):]\s*(.*))?", re.DOTALL)
_CHOSEN = re.compile(
    r"(?:\b(?:option|choice|answer(?: is)?)\b[\s:*(]*|\()([A-H])\b(?!['’]|\s+[a-z])|^\W*([A-H])(?=\W*$|[.):])",
    re.MULTILINE,
)
_YES_NO = re.compile(
    r"(?:^|[.!?:;]\s+|\n)\W*(?:(?:so|thus|therefore|hence|answer|and)\b[,:]?\s*)*(yes|no)\b(?=\W*$|\s*[,.;!])|\b(yes|no)\W*$",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[぀-ヿ㐀-鿿가-힯]|[^\W_]+(?:['’][^\W_]+)?")
_ARTICLES = {"a", "an", "the"}
_UNSAFE = re.compile(
    r"[!∏∑]|\\(?:prod|sum|int|lim|binom)|\^\s*\{?[^}]*\^|\*\*.*\*\*|(?:\^|\*\*)\s*[\{(]?\s*-?\d{3,}|\d{16,}"
)


def gold_preserved(gold: str, response: str, question: str = "") -> bool | None:
    """True if the response concludes with the gold answer; None where the gold answer is prose.

    `question` supplies the text of options. What the response marks as its answer decides; without a mark, the last
    sentence that could hold one does.
    """
    gold = gold.strip()
    stated = stated_answer(response)
    if gold.rstrip(".").lower() in ("yes", "no"):
        return _yes_no(stated, response) == gold.rstrip(".").lower()
    option = _OPTION.fullmatch(gold)
    if option is not None and (gold[0] == "(" or gold[0].isupper()):
        return _option(option[1].upper(), option[2] or _option_text(option[1].upper(), question), stated, response)
    if _PLAIN.fullmatch(gold):
        return _number(gold, stated, response)
    if _is_formula(gold):
        places = [stated] if stated is not None else sentences(response)[:2]
        return any(_same_text(gold, place) or _same_formula(gold, place) for place in places)
    if len(_words(gold)) > MAX_TEXT_WORDS:
        return None
    return _says(gold, stated if stated is not None else response)


def _words(text: str) -> list[str]:
    return [word for word in _WORDS.findall(text.casefold()) if word not in _ARTICLES]


def _says(gold: str, text: str) -> bool:
    """Whether the words of `gold` stand in the text in one run."""
    wanted, words = _words(gold), _words(text)
    if not wanted:
        return gold in text
    return any(words[at : at + len(wanted)] == wanted for at in range(len(words) - len(wanted) + 1))


def _yes_no(stated: str | None, response: str) -> str | None:
    if stated is not None and (match := re.match(r"\W*(yes|no)\b", stated, re.IGNORECASE)):
        return match[1].lower()
    found = [match[1] or match[2] for match in _YES_NO.finditer(response)]
    return found[-1].lower() if found else None


def _option_text(letter: str, question: str) -> str:
    match = re.search(rf"(?:^|[\s(]){letter}[.):]\s*(.+?)(?=\s*\(?\b[A-H][.):]\s|\n|$)", question)
    return match[1].strip() if match else ""


def _option(letter: str, text: str, stated: str | None, response: str) -> bool:
    """The letter that is chosen last, or the option's own text where no letter is."""
    place = stated if stated is not None else response
    if undecided(place) and (stated is not None or len(response.split()) <= MAX_TEXT_WORDS):
        return False
    if stated is not None and (match := re.match(r"\W*(?:option |choice )?\(?([A-H])\b(?!['’]|\s+[a-z])", stated)):
        return match[1] == letter
    chosen = [match[1] or match[2] for match in _CHOSEN.finditer(place)]
    if chosen:
        return chosen[-1] == letter
    return bool(text) and (_says(text, place) or _number(text, stated, response) is True)


def _values(text: str) -> list[tuple[Fraction, bool]]:
    """Numbers of the text with whether they are percentages; `3/4` is one number."""
    values = []
    for match in _NUMBER.finditer(text):
        whole, decimals, below, percent = match.groups()
        if (whole is None and decimals is None) or len(match.group()) > MAX_FORMULA_CHARS:
            continue
        value = Fraction((whole or "0").replace(",", "") + (decimals or ""))
        if below and Fraction(below):
            value /= Fraction(below)
        sign = -1 if match.group().lstrip()[:1] in "-−–" else 1
        values.append((sign * value, percent is not None))
    return values


def _number(gold: str, stated: str | None, response: str) -> bool | None:
    wanted = _values(gold)
    if not wanted:
        return None
    places = [stated, *sentences(response)] if stated is not None else sentences(response)
    for place in places:
        said = place.rpartition("=")[2] if _values(place.rpartition("=")[2]) else place
        found = _values(said)
        if found:
            return any(_equal(wanted[0], value) for value in found) or _same_formula(gold, said)
        if place is stated and _same_formula(gold, place):
            return True
    return False


def _equal(left: tuple[Fraction, bool], right: tuple[Fraction, bool]) -> bool:
    """Equal as written, or one as a percentage of the other, 45% being 45 and 0.45."""
    if left[0] == right[0]:
        return True
    return left[1] != right[1] and (left[0] / 100 if left[1] else left[0]) == (right[0] / 100 if right[1] else right[0])


def _is_formula(text: str) -> bool:
    return len(text) <= MAX_FORMULA_CHARS and bool(
        re.search(r"\\[a-zA-Z]+|[=^√π]|\d\s*[-+*/]\s*[\d(a-z]|\d[a-z]\b", text)
    )


def _same_text(gold: str, text: str) -> bool:
    """Equal but for spaces, dollar signs, \\left, \\right and a closing point."""
    bare = [re.sub(r"\\left|\\right|\\[,;! ]|[\s$]|\.$", "", value) for value in (gold, text)]
    return bool(bare[0]) and bare[0] in bare[1] if len(bare[0]) > 3 else bare[0] == bare[1]


def _same_formula(gold: str, text: str) -> bool:
    """Whether math-verify finds both equal; guarded, since a worker thread has no signal to stop it by."""
    if any(len(value) > MAX_FORMULA_CHARS or _UNSAFE.search(value) for value in (gold, text)):
        return False
    from math_verify import parse, verify  # sympy takes a second to import

    # It warns of every call without a time limit, which only the main thread of a process could have.
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    wanted, found = (
        parse(value if "\\" not in value or "$" in value else f"${value}$", parsing_timeout=None, raise_on_error=False)
        for value in (gold, text)
    )
    return bool(wanted and found) and bool(verify(wanted, found, timeout_seconds=None, raise_on_error=False))
