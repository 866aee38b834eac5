"""Which group the numbers speak for; the paper gave groups by hand, after a look at 1,000 records a source."""

from dataclasses import dataclass

from jobs.screen.measure import Measured
from schemas.enums import Group

MOST_UNUSABLE = 0.5
LONG_WORDS = 40
REASONING = 0.5
LEAST_CONTENT, LEAST_RELEVANCE = 2.5, 3.0
"""Means of sources that the paper rewrote begin at 2.9 and 3.4 (Table A6)."""


@dataclass(frozen=True)
class Finding:
    """One rule, what was measured, and what it speaks for."""

    rule: str
    measured: str
    says: str


def suggest(found: Measured) -> tuple[Group, list[Finding]]:
    """C where one rule speaks for it, else A where one does, else B."""
    median = found.words[1] if found.words else 0.0
    rules = [
        (f"more than {MOST_UNUSABLE:.0%} of the records are rejects or duplicates", f"{found.unusable:.0%}", Group.C,
         found.unusable > MOST_UNUSABLE),
        (f"mean scores below {LEAST_CONTENT} (information) or {LEAST_RELEVANCE} (relevance)",
         " and ".join(f"{score:.1f}" for score in found.scores) or "not known", Group.C,
         bool(found.scores) and (found.scores[0] < LEAST_CONTENT or found.scores[1] < LEAST_RELEVANCE)),
        (f"half of the answers have {LONG_WORDS} words or more", f"median {median:.0f}", Group.A,
         median >= LONG_WORDS),
        (f"at least {REASONING:.0%} of the answers hold a rationale", f"{found.rationales:.0%}", Group.A,
         found.rationales >= REASONING),
    ]  # fmt: skip
    findings = [Finding(rule, measured, f"{group.value}" if holds else "-") for rule, measured, group, holds in rules]
    spoken = [group for _, _, group, holds in rules if holds]
    chosen = Group.C if Group.C in spoken else spoken[0] if spoken else Group.B
    findings.append(Finding("otherwise: short answers, which rewriting can explain", "", "B" if not spoken else "-"))
    return chosen, findings
