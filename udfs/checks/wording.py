"""Checks of wording: refusals, template leftovers, repetition."""

import re
from collections import Counter

_REFUSAL = re.compile(
    r"^\W*(?:(?:i(?:['’]m| am) (?:very |really |so )?(?:sorry|afraid)|sorry|(?:my )?apologies|unfortunately)\b"
    r"[^.!?\n]{0,60}?\b(?:can['’]t|cannot|can not|unable|not able|won['’]t|don['’]t|not (?:possible|comfortable))"
    r"|i (?:can(?:not|['’]t| not)|won['’]t|will not|am unable|am not able|['’]m unable) "
    r"(?:to )?(?:help|assist|answer|fulfil|complete|comply|provide|view|see|access|process|analy[sz]e|do (?:that|this)"
    r"|continue|generate|create|discuss|engage|determine|identify)"
    r"|i(?:['’]m| am) (?:unable|not able) to"
    r"|as an? (?:ai|language model|text[- ]based)[^.\n]{0,80}?\b(?:cannot|can['’]t|unable|not able|don['’]t|do not)"
    r"|i(?:['’]m| am) (?:very |so )?sorry[,.!]? but\b"
    r"|(?:there(?: is|['’]s) )?no (?:image|picture|question|text) (?:is |was |has been )?(?:provided|attached|given)"
    r"|(?:please|could you(?: please)?|can you(?: please)?) (?:provide|share|upload|attach) )",
    re.IGNORECASE,
)
_LEFTOVER = re.compile(
    r"^\W*(?:instruction|response|task(?: type)?|scenario)\s*\d*\W*[:\uff1a]"
    r"|^\W*#{2,}\s*(?:pair|end)\b"
    r"|</?\s*(?:evidence|question|answer|known_answer|instruction|response)\s*>"
    r"|\bas an? (?:ai|artificial intelligence|(?:large )?language model)\b"
    r"|\[(?:insert|your|add|enter|fill in|name of|placeholder)\b[^\]\n]*\]"
    r"|<\s*/?(?:image|video)\s*\d*\s*>|<\|[^|\n]{1,40}\|>|\[/?INST\]|<</?SYS>>"
    r"|\{\{[^{}\n]{1,40}\}\}|\$(?:pair_num|task_types)\b"
    r"|^\W*(?:sure|certainly|of course|absolutely)[,!.]?\s+here(?:['’]s| is| are)\b"
    r"|\b(?:rewritten|revised) (?:response|answer|instruction)\b"
    r"|\b(?:the|this|given|provided) known[ _]answer\b|\bplaceholder text\b|\blorem ipsum\b",
    re.IGNORECASE | re.MULTILINE,
)
_WORD = re.compile(r"[぀-ヿ㐀-鿿가-힯]|\w+|[^\w\s]")
_SENTENCE = re.compile(r"[^.!?。\uff01\uff1f\n]+")

MAX_CHECKED_CHARS = 100_000
SENTENCE_TIMES = 3
"""A sentence of five or more words that stands this often is a loop."""
LOOP_TIMES, LOOP_UNIT = 4, 20
"""A phrase of up to LOOP_UNIT tokens that follows itself LOOP_TIMES is a loop; single tokens need LOOP_TOKEN_TIMES."""
LOOP_TOKEN_TIMES = 8
GRAM, GRAM_SHARE, GRAM_MIN_WORDS = 8, 0.3, 40
"""In texts of GRAM_MIN_WORDS or more: more than GRAM_SHARE of the GRAM-grams seen before is a loop."""


def is_refusal(text: str) -> bool:
    """Whether the text begins by declining or by asking for what it was given."""
    return _REFUSAL.match(text[:400]) is not None


def has_leftover(text: str) -> bool:
    """Whether parts of a prompt, a blank to fill in or talk of being a model are left in the text."""
    return _LEFTOVER.search(text[:MAX_CHECKED_CHARS]) is not None


def repeats(text: str) -> bool:
    """Whether the text runs in a loop, by any of the three measures above."""
    text = text[:MAX_CHECKED_CHARS].casefold()
    sentences = Counter(found.group().strip() for found in _SENTENCE.finditer(text))
    if any(count >= SENTENCE_TIMES and len(said.split()) >= 5 for said, count in sentences.items()):
        return True
    tokens = _WORD.findall(text)
    if _has_loop(tokens):
        return True
    words = [token for token in tokens if token[0].isalpha()]
    if len(words) < GRAM_MIN_WORDS:
        return False
    grams = [tuple(words[at : at + GRAM]) for at in range(len(words) - GRAM + 1)]
    return 1 - len(set(grams)) / len(grams) > GRAM_SHARE


def _has_loop(tokens: list[str]) -> bool:
    """Whether some phrase follows itself: a run of equal tokens at distance `unit`, long enough, with a word in it."""
    for unit in range(1, LOOP_UNIT + 1):
        needed = unit * (LOOP_TIMES - 1) if unit > 1 else LOOP_TOKEN_TIMES - 1
        run = 0
        for at in range(unit, len(tokens)):
            run = run + 1 if tokens[at] == tokens[at - unit] else 0
            if run >= needed and any(token[0].isalpha() for token in tokens[at - unit + 1 : at + 1]):
                return True
    return False
