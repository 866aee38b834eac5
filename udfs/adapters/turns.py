"""Conversations in the unified form: roles alternate, placeholders stand where media go."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from schemas.enums import DropReason, MediaKind, Role
from schemas.errors import Drop
from udfs.adapters.fields import kind
from udfs.ids import clean
from udfs.sample import IMAGE, VIDEO, MediaRef, Turn

Turns = tuple[Turn, ...]
Media = tuple[MediaRef, ...]

ROLES = {"human": Role.USER, "user": Role.USER, "gpt": Role.ASSISTANT, "assistant": Role.ASSISTANT}
SYSTEM = "system"
PLACEHOLDER = {MediaKind.IMAGE: IMAGE, MediaKind.VIDEO: VIDEO}
_MARK = (
    r"(?:<image>|<video>|<\|image\|>|<\|video\|>|<ImageHere>|<image_?[0-9]+>|<\|image_[0-9]+\|>"
    r"|\{(?:image|table)#[0-9]+\})"
)
MARK = re.compile(_MARK)
"""The ways in which sources say: here goes a picture."""
RUN = re.compile(rf"{_MARK}(?:\s*{_MARK})*")
_HEAD = re.compile(rf"{RUN.pattern}[ \t]*\n")
_LITERAL = re.compile(r"<(image|video)>")
_SPOKEN_OF = re.compile(r"(?<=[^\s.?!:>] )([`'\"(]?)<(image)>(?=[ `'\")][^\n]*\w)")
"""A mark in the middle of a sentence."""


def dialogue(said: Iterable[tuple[object, object]]) -> Turns:
    """Turns from (role, text) pairs: system text goes into the first user turn, user turns in a row are joined."""
    turns: list[Turn] = []
    pending = []
    for at, (speaker, value) in enumerate(said):
        name = str(speaker).strip().lower()
        if name != SYSTEM and name not in ROLES:
            allowed = ", ".join(sorted([*ROLES, SYSTEM]))
            raise Drop(DropReason.UNKNOWN_ROLE, f"turn {at} is said by {kind(speaker)}; allowed: {allowed}")
        if name == SYSTEM:
            pending += [clean(value).strip()] if isinstance(value, str) and value.strip() else []
            continue
        turn = Turn(ROLES[name], _words(value, at, ROLES[name]))
        if turn.role is Role.USER:
            turn = replace(turn, text="\n".join([*pending, turn.text]))
            pending = []
        _append(turns, turn, at)
    return _whole(turns)


def _words(value: object, at: int, role: Role) -> str:
    if value is None and role is Role.ASSISTANT:
        raise Drop(DropReason.NO_ANSWER, f"turn {at} of the assistant is null")
    if not isinstance(value, str):
        raise Drop(DropReason.WRONG_SHAPE, f"turn {at} is {kind(value)}; allowed: text")
    words = clean(value).strip()
    if not words:
        raise Drop(DropReason.EMPTY_TURN, f"turn {at} of the {role.value} holds no text")
    return words


def _append(turns: list[Turn], turn: Turn, at: int) -> None:
    last = turns[-1].role if turns else Role.ASSISTANT
    if turn.role is not last:
        turns.append(turn)
    elif turn.role is Role.USER:
        turns[-1] = replace(turn, text=f"{turns[-1].text}\n{turn.text}")
    else:
        before = "another assistant turn" if turns else "no user turn"
        raise Drop(DropReason.TURN_ORDER, f"turn {at} is the assistant's after {before}; user and assistant alternate")


def _whole(turns: list[Turn]) -> Turns:
    if not turns:
        raise Drop(DropReason.EMPTY_CONVERSATION, "the conversation has no turns; at least one question and its answer")
    if turns[-1].role is Role.USER:
        raise Drop(DropReason.NO_ANSWER, f"turn {len(turns) - 1} is the user's and nobody answers it")
    return tuple(turns)


def pairs(asked: Iterable[tuple[str, str]]) -> Turns:
    """Turns from questions and answers."""
    return dialogue(turn for question, reply in asked for turn in (("user", question), ("assistant", reply)))


def escaped(turns: Turns) -> Turns:
    """Turns of text alone, in which marks are what is spoken of."""
    return tuple(replace(turn, text=_LITERAL.sub(r"< \1 >", turn.text)) for turn in turns)


def place(turns: Turns, media: Media, *, front: bool = False) -> tuple[Turns, Media]:
    """Marks of the user turns become placeholders of the media they stand for, and media take their order.

    `front`: this family writes no marks, so that all media stand before the first turn; a single medium without a
    mark does so in every family.
    """
    if len(media) == 1 and media[0].kind is MediaKind.VIDEO:
        turns = _mapped(turns, lambda text: RUN.sub(VIDEO, text))  # a video may be marked once per frame
    marks = _marks(turns)
    if len(marks) > len(media) and all(medium.kind is MediaKind.IMAGE for medium in media):
        turns = _spoken_of(turns, len(media))
        marks = _marks(turns)
    if media and not marks and (front or len(media) == 1):
        shown = "\n".join(PLACEHOLDER[medium.kind] for medium in media)
        return (replace(turns[0], text=f"{shown}\n{turns[0].text}"), *turns[1:]), media
    if len(marks) != len(media):
        raise Drop(
            DropReason.PLACEHOLDER_MISMATCH, f"{len(marks)} placeholders for {len(media)} media; allowed: one each"
        )
    media = _ordered(marks, media)
    kinds = iter(media)
    return _mapped(turns, lambda text: MARK.sub(lambda _: PLACEHOLDER[next(kinds).kind], text)), media


def once(turns: Turns) -> Turns:
    """Turns of which each question marks the one picture anew, with the first mark alone."""
    asked = [turn.text for turn in turns if turn.role is Role.USER]
    marks = {tuple(MARK.findall(text)) for text in asked}
    anew = marks == {(IMAGE,)} and all(_edge(text) and text != IMAGE for text in asked)
    return (*turns[:1], *_mapped(turns[1:], lambda text: text.replace(IMAGE, "").strip())) if anew else turns


def _edge(text: str) -> bool:
    return text.startswith(IMAGE) or text.endswith(IMAGE)


def _marks(turns: Turns) -> list[str]:
    return [mark for turn in turns if turn.role is Role.USER for mark in MARK.findall(turn.text)]


def _spoken_of(turns: Turns, shown: int) -> Turns:
    """Turns without marks inside sentences, where each picture has one on lines of their own before all text."""
    head = _HEAD.match(turns[0].text)
    if head is None or len(MARK.findall(head[0])) != shown:
        return turns
    return _mapped(turns, lambda text: _SPOKEN_OF.sub(r"\1< \2 >", text))


def _ordered(marks: list[str], media: Media) -> Media:
    numbers = [int(number) for mark in marks for number in re.findall(r"[0-9]+", mark)]
    if not numbers:
        return media
    if sorted(numbers) != list(range(1, len(media) + 1)):
        raise Drop(
            DropReason.PLACEHOLDER_MISMATCH, f"placeholders are numbered {numbers}; allowed: each of 1 to {len(media)}"
        )
    return tuple(media[number - 1] for number in numbers)


def _mapped(turns: Turns, change: Callable[[str], str]) -> Turns:
    return tuple(replace(turn, text=change(turn.text)) if turn.role is Role.USER else turn for turn in turns)
