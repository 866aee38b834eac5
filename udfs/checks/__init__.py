"""Deterministic checks of a pair; None where one does not apply."""

from dataclasses import dataclass
from typing import Protocol

from schemas.enums import Role
from udfs.checks.arithmetic import arithmetic_holds
from udfs.checks.gold import gold_preserved
from udfs.checks.wording import has_leftover, is_refusal, repeats
from udfs.prompts import Prompt
from udfs.sample import IMAGE, VIDEO, Subject, Turn

__all__ = ["Checks", "run_checks"]


@dataclass(frozen=True, slots=True)
class Checks:
    """The struct `schemas.tables.CHECKS`."""

    gold_preserved: bool | None
    arithmetic_holds: bool | None
    no_refusal: bool | None
    no_template: bool | None
    no_repetition: bool | None


class Spoken(Protocol):
    """A pair, or a subject that is checked as it is."""

    @property
    def turns(self) -> tuple[Turn, ...]:
        """Utterances in order."""


def run_checks(subject: Subject, pair: Spoken, prompt: Prompt | None) -> Checks:
    """Checks of a pair against the sample it was made from; of an original: `run_checks(subject, subject, None)`."""
    turns = pair.turns
    said = [turn.text for turn in turns if turn.role is Role.ASSISTANT]
    asked = [turn.text.replace(IMAGE, "").replace(VIDEO, "") for turn in turns if turn.role is Role.USER]
    sums = [holds for holds in map(arithmetic_holds, said) if holds is not None]
    gold = None
    if prompt is not None and prompt.keeps_gold and subject.gold_answer and subject.gold_answer.strip() and said:
        gold = gold_preserved(subject.gold_answer, said[-1], asked[-1] if asked else "")
    return Checks(
        gold_preserved=gold,
        arithmetic_holds=all(sums) if sums else None,
        no_refusal=not any(map(is_refusal, said)),
        no_template=not any(map(has_leftover, [*said, *asked])),
        no_repetition=not any(map(repeats, said)),
    )
