"""Probabilities of label tokens: which tokens spell a label, how they are asked for, how they are summed."""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import msgspec

LABELS: Mapping[str, tuple[str, ...]] = {
    "Yes": ("Yes", "yes", "YES", " Yes", " yes", " YES"),
    "No": ("No", "no", "NO", " No", " no", " NO"),
    **{digit: (digit, f" {digit}") for digit in "12345"},
}
"""Spellings of each label that a request may ask for."""

_TOP_LOGPROBS = 20  # what vLLM allows without further arguments

Tokenize = Callable[[str], Awaitable[list[int] | None]]
"""Token ids of a text without special tokens; None where the engine has no such service."""


class TokenLogprob(msgspec.Struct, frozen=True):
    """One candidate for a token."""

    token: str
    logprob: float


async def find_ids(tokenize: Tokenize) -> dict[str, list[int]]:
    """The spellings of each label that are one token of this model; empty when the engine does not tokenize for us."""
    found: dict[str, list[int]] = {}
    for label, spellings in LABELS.items():
        ids: set[int] = set()
        for spelling in spellings:
            tokens = await tokenize(spelling)
            if tokens is None:
                return {}
            if len(tokens) == 1:
                ids.add(tokens[0])
        found[label] = sorted(ids)
    return found


def label_body(body: bytes, labels: Sequence[str], ids: Mapping[str, Sequence[int]]) -> bytes:
    """The request changed to one token at temperature 0 with the logprobs of the labels' tokens."""
    request: dict[str, object] = dict(msgspec.json.decode(body, type=dict[str, msgspec.Raw]))
    wanted = [token for label in labels for token in ids.get(label, ())]
    request |= {"max_tokens": 1, "temperature": 0, "logprobs": True}
    if wanted and all(ids.get(label) for label in labels):
        request["logprob_token_ids"] = wanted
    else:
        request["top_logprobs"] = _TOP_LOGPROBS
    return msgspec.json.encode(request)


def probabilities(candidates: Iterable[TokenLogprob], labels: Sequence[str]) -> dict[str, float]:
    """Probability of each label with all its spellings summed; what no candidate spells has 0."""
    found = dict.fromkeys(labels, 0.0)
    by_text = {label.casefold(): label for label in labels}
    for candidate in candidates:
        label = by_text.get(candidate.token.strip().casefold())
        if label is not None:
            found[label] += math.exp(candidate.logprob)
    return found
