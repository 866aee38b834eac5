"""One record to one draft or one problem: the only place where a `Drop` is caught."""

from dataclasses import replace

from schemas.enums import DropReason, MediaKind, Role
from schemas.errors import Drop
from schemas.source import Source
from udfs.adapters.family import Family
from udfs.adapters.fields import shorten
from udfs.adapters.gold import answered
from udfs.adapters.turns import PLACEHOLDER
from udfs.ids import clean
from udfs.sample import Draft, Evidence, Problem, Record, Turn


def adapt(record: Record, source: Source, family: Family) -> Draft | Problem:
    """The draft of a record, or why there is none; never raises."""
    if record.problem is not None:
        return record.problem
    try:
        return checked(family.adapter(record, source))
    except Drop as drop:
        return Problem(drop.reason, clean(drop.detail))
    except Exception as error:  # noqa: BLE001 - adapters may be users' own; one record must not end a run
        return Problem(DropReason.WRONG_SHAPE, clean(_surprise(error, record)))


def _surprise(error: Exception, record: Record) -> str:
    types = {str(name): type(value).__name__ for name, value in list(record.value.items())[:20]}
    return f"{type(error).__name__}: {shorten(str(error), 200)}; fields: {types}"


def checked(draft: Draft) -> Draft:
    """The draft with clean text, after a look at what every sample must keep to."""
    turns = tuple(Turn(Role(turn.role), clean(turn.text).strip()) for turn in draft.turns)
    _check_order(turns)
    _check_placeholders(turns, draft)
    proof = draft.evidence
    return replace(
        draft,
        turns=turns,
        gold_answer=answered(_cleaned(draft.gold_answer)),
        evidence=proof and Evidence(proof.kind, clean(proof.text)),
        original_id=_cleaned(draft.original_id),
        notes=_cleaned(draft.notes),
    )


def _cleaned(text: str | None) -> str | None:
    return None if text is None else clean(text)


def _check_order(turns: tuple[Turn, ...]) -> None:
    if not turns:
        raise Drop(DropReason.EMPTY_CONVERSATION, "the draft has no turns")
    for at, turn in enumerate(turns):
        wanted = (Role.USER, Role.ASSISTANT)[at % 2]
        if turn.role is not wanted:
            raise Drop(DropReason.TURN_ORDER, f"turn {at} is the {turn.role.value}'s; allowed: the {wanted.value}'s")
        if not turn.text:
            raise Drop(DropReason.EMPTY_TURN, f"turn {at} of the {turn.role.value} holds no text")
    if turns[-1].role is Role.USER:
        raise Drop(DropReason.NO_ANSWER, f"turn {len(turns) - 1} is the user's and nobody answers it")


def _check_placeholders(turns: tuple[Turn, ...], draft: Draft) -> None:
    for kind in MediaKind:
        mark = PLACEHOLDER[kind]
        shown = sum(medium.kind is kind for medium in draft.media)
        asked = sum(turn.text.count(mark) for turn in turns if turn.role is Role.USER)
        told = sum(turn.text.count(mark) for turn in turns if turn.role is Role.ASSISTANT)
        if told or asked != shown:
            detail = (
                f"{asked} {mark} in user turns and {told} in assistant turns for {shown} media; allowed: {shown} and 0"
            )
            raise Drop(DropReason.PLACEHOLDER_MISMATCH, detail)
