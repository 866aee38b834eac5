"""Replies in which a model chose JSON instead of the form that it was asked for."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_DECODER = json.JSONDecoder(strict=False)
_BACKSLASH = re.compile(
    r'\\["\\/]|(\\(?![bfnrtu]|["\\/])|\\(?=(?:beta|boxed|frac|neq|rho|right|tan|text|theta|times|to)\b))'
)
"""A backslash that JSON knows, or (group 1) one of LaTeX that the model forgot to double."""
MAX_VALUES = 50
_INSTRUCTION = ("instruction", "question", "prompt", "query", "user", "human")
_RESPONSE = ("response", "answer", "output", "assistant", "solution", "explanation", "reply")
_TASK = ("task", "task_type", "task type", "type", "category")
_ROLES = {"user": 0, "human": 0, "assistant": 1, "ai": 1, "gpt": 1, "bot": 1, "model": 1}


def read_json(text: str) -> list[Any] | None:
    """Values that the text holds as JSON, alone or in prose; of a broken or cut array its whole objects.

    None where there are none.
    """
    text = _BACKSLASH.sub(lambda match: r"\\" if match[1] else match[0], text)
    starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
    at, values = min(starts, default=-1), []
    for _ in range(MAX_VALUES):
        if at < 0:
            break
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("{", at + 1)
            continue
        if isinstance(value, dict | list) and value:
            values.append(value)
        at = text.find("{", end)
    return values or None


def _objects(value: object, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Objects in their order, outer ones first; JSON from a model is shallow."""
    if depth > 4:
        return
    if isinstance(value, dict):
        yield {str(key).strip().lower(): item for key, item in value.items()}
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _objects(child, depth + 1)


def _pick(item: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        if isinstance(item.get(name), str) and item[name].strip():
            return str(item[name]).strip()
    return None


def json_pairs(value: object) -> list[tuple[str | None, str, str]]:
    """(task type, instruction, response) of every object that has both."""
    found = [(_pick(item, _TASK), _pick(item, _INSTRUCTION), _pick(item, _RESPONSE)) for item in _objects(value)]
    return [(task, question, answer) for task, question, answer in found if question and answer]


def json_dialogue(value: object) -> list[tuple[int, str]]:
    """(0 for the person or 1 for the assistant, text) of every utterance."""
    said: list[tuple[int, str]] = []
    for item in _objects(value):
        role, text = _pick(item, ("role", "from", "speaker")), _pick(item, ("content", "value", "text", "message"))
        if role and text and role.lower() in _ROLES:
            said.append((_ROLES[role.lower()], text))
        elif (question := _pick(item, _INSTRUCTION)) and (answer := _pick(item, _RESPONSE)):
            said += [(0, question), (1, answer)]
    return said


def json_single(value: object) -> str | None:
    """The response of the first object that has one."""
    return next((text for item in _objects(value) if (text := _pick(item, _RESPONSE))), None)
