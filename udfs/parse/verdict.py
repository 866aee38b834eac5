"""Verdicts and scores from label probabilities, or from text by a strict grammar."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from schemas.enums import Verdict

_WORD = re.compile(r"^\W*(yes|no)(?=\s*$|\s*[.,;:!*\n—–-])", re.IGNORECASE)
_DIGIT = re.compile(r"^[\s*\"'(]*(?:(?:score|rating)\s*[:\uff1a]\s*)?([1-5])(?:\s*/\s*5)?[\s*\"').]*$", re.IGNORECASE)
_LEVELS = ("1", "2", "3", "4", "5")


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge's answer; both numbers are None where the engine gave no probabilities."""

    verdict: Verdict
    p_yes: float | None = None
    """P(Yes) among the two labels; None when unparsed."""
    label_mass: float | None = None
    """Share of all probability that the two labels hold."""


def _mass(label_probs: Mapping[str, float], label: str) -> float:
    value = label_probs.get(label, 0.0)
    return min(1.0, value) if math.isfinite(value) and value > 0 else 0.0


def parse_verdict(label_probs: Mapping[str, float], text: str | None, min_label_mass: float) -> Judgement:
    """Yes at P(yes) >= 0.5; without probabilities the reply's first word decides, if it is Yes or No on its own."""
    if label_probs:
        yes, no = _mass(label_probs, "Yes"), _mass(label_probs, "No")
        mass = min(1.0, yes + no)
        if mass <= 0 or mass < min_label_mass:
            return Judgement(Verdict.UNPARSED, None, mass)
        p_yes = yes / (yes + no)
        return Judgement(Verdict.YES if p_yes >= 0.5 else Verdict.NO, p_yes, mass)
    match = _WORD.match(text or "")
    if match is None:
        return Judgement(Verdict.UNPARSED)
    return Judgement(Verdict.YES if match[1].lower() == "yes" else Verdict.NO)


def parse_score(label_probs: Mapping[str, float], text: str | None, min_label_mass: float = 0.05) -> float | None:
    """Expected value over 1..5; without probabilities a reply that is one digit; else None."""
    if label_probs:
        masses = [_mass(label_probs, level) for level in _LEVELS]
        total = sum(masses)
        if total <= 0 or total < min_label_mass:
            return None
        return sum(int(level) * mass for level, mass in zip(_LEVELS, masses, strict=True)) / total
    match = _DIGIT.match(text or "")
    return float(match[1]) if match else None
