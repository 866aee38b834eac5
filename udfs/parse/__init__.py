"""A reply becomes pairs, or a status that says why not; nothing here raises on what a model wrote."""

import re
from dataclasses import dataclass
from itertools import pairwise

from schemas.enums import CallStatus, ParseStatus, Role
from udfs.checks.wording import is_refusal
from udfs.ids import clean
from udfs.parse.labels import split_parts
from udfs.parse.reply_json import json_dialogue, json_pairs, json_single, read_json
from udfs.parse.verdict import Judgement, parse_score, parse_verdict
from udfs.prompts import Parser, Prompt
from udfs.render.fence import placeholders
from udfs.request import Reply
from udfs.sample import Subject, Turn

__all__ = ["Judgement", "Pair", "ParsedRewrite", "parse_rewrite", "parse_score", "parse_verdict"]

MAX_CHARS = 200_000
MIN_WORDS = 5
"""A single response with fewer words explains nothing."""

_TYPED = re.compile(
    r"<\s*/?\s*(?:image|video)\s*\d*\s*/?\s*>|<[|\uff5c][^|\uff5c<>\n]{1,40}[|\uff5c]>|\[/?INST\]|</?s>", re.I
)
_FENCE = re.compile(r"^\s*```[\w-]*\n(.*?)\n?\s*(?:```\s*)?$", re.DOTALL)
_PREAMBLE = re.compile(
    r"^\W*(?:(?:sure|certainly|of course|absolutely|okay|ok|great)\b[^\n]{0,160}?[:\uff1a.!]\s*\n"
    r"|here(?:['’]s| is| are)\b[^\n]{0,160}?[:\uff1a]\s*\n"
    r"|(?:sure|certainly|of course|absolutely)[,!.]+\s+(?:here(?:['’]s| is| are)\b[^\n:\uff1a]{0,120}[:\uff1a]\s*)?)",
    re.IGNORECASE,
)
_SINGLE_LABEL = re.compile(
    r"^\W*(?:response|solution|explanation|rationale|step[- ]by[- ]step (?:solution|explanation))\b"
    r"\s*[*_]*\s*[:\uff1a]\s*[*_]*\s*", re.IGNORECASE,
)  # fmt: skip
_CLOSING = re.compile(r"</\s*(?:instruction|response|question|answer|pair|task)s?\s*>|<pair>", re.IGNORECASE)
_HEADER = re.compile(
    r"^[\s#*=_~>|\-\[<(]*(?:end(?:\s+of)?(?:\s+(?:pair|response))?\s*\d*|pair\s*#?\d*(?:\s*[(:\uff1a–-][^\n]{0,60})?"
    r"|task(?:\s+type)?\s*\d*[*_\s]*[:\uff1a>][^\n]{0,80}|(?:type|category)[*_\s]*[:\uff1a][^\n]{0,80})?[\s#*=_~>|\-\])]*$",
    re.IGNORECASE,
)
_TASK = re.compile(
    r"^[\s#*_\-\[<(\d.]*(?:task(?: type)?|type|category)\s*\d*[*_\s]*[:\uff1a>]\s*[*_]*([^\n<]{1,80})", re.I | re.M
)
_JSON_LIKE = re.compile(r"[\[{]\s*[\"{]")
_ITEM = re.compile(r"^\W*(\d{1,2})\s*[.)]?\W*$")
_INSTRUCTION = (("instruction",), ("question", "query"), ("prompt",), ("human", "user"), ("q",))
_RESPONSE = (("response",), ("answer",), ("output", "reply"), ("assistant", "ai"), ("a",))
_HUMAN = (("human",), ("user",), ("person",), ("question",), ("q",))
_ASSISTANT = (("assistant",), ("ai", "bot", "chatbot", "model"), ("answer",), ("a",))


@dataclass(frozen=True, slots=True)
class Pair:
    """An instruction with its response, or a dialogue; placeholders as in the sample."""

    task_type: str | None
    turns: tuple[Turn, ...]

    @property
    def instruction(self) -> str:
        """The first user turn."""
        return self.turns[0].text

    @property
    def response(self) -> str:
        """What follows it; in a dialogue all further turns, each behind its role."""
        if len(self.turns) == 2:
            return self.turns[1].text
        return "\n".join(f"{turn.role.value}: {turn.text}" for turn in self.turns[1:])


@dataclass(frozen=True, slots=True)
class ParsedRewrite:
    """OK with at least one pair, or the reason why there is none."""

    status: ParseStatus
    pairs: tuple[Pair, ...] = ()
    detail: str = ""
    """What was left out of an OK reply, or what was missing."""


def parse_rewrite(prompt: Prompt, subject: Subject, reply: Reply) -> ParsedRewrite:
    """Pairs of a reply.

    A reply cut off by its length fails where one response was asked for; of several pairs, or rounds of a dialogue,
    the last is dropped and `detail` says so.
    """
    if reply.status not in (CallStatus.OK, CallStatus.LENGTH) or reply.finish_reason in ("abort", "error"):
        return ParsedRewrite(ParseStatus.EMPTY, detail=reply.error or f"{reply.status.value}, {reply.finish_reason}")
    truncated = reply.status is CallStatus.LENGTH or reply.finish_reason in ("length", "repetition")
    text = _bare(reply.text or "")
    if not text:
        return ParsedRewrite(ParseStatus.EMPTY)
    if prompt.parser is Parser.SINGLE:
        return _single(subject, text, truncated)
    pairs = _dialogue(prompt, text, truncated) if prompt.parser is Parser.DIALOGUE else _pairs(prompt, text)
    cut = truncated and prompt.parser is Parser.PAIRS and bool(pairs)
    if cut and read_json(text) is None:
        pairs = pairs[:-1]
    if pairs:
        marked = tuple(Pair(pair.task_type, _marked(subject, pair.turns)) for pair in pairs)
        return ParsedRewrite(ParseStatus.OK, marked, "cut off: the last part was dropped" if truncated else "")
    if truncated:
        return ParsedRewrite(ParseStatus.TRUNCATED, detail="no part was complete")
    if is_refusal(text):
        return ParsedRewrite(ParseStatus.REFUSED, detail=text[:200])
    return ParsedRewrite(ParseStatus.UNPARSED, detail=f"no {prompt.parser.value} in: {text[:160]}")


def _bare(text: str) -> str:
    """Text without typed placeholders, control tokens, an outer code fence and a preamble."""
    text = _TYPED.sub("", clean(text[:MAX_CHARS]).replace("\r\n", "\n").replace("\r", "\n")).strip()
    if text.count("```") <= 2 and (match := _FENCE.match(text)):
        text = match[1].strip()
    return _PREAMBLE.sub("", text, count=1).strip()


def _single(subject: Subject, text: str, truncated: bool) -> ParsedRewrite:
    value = read_json(text) if text[0] in "{[" else None
    answer = _SINGLE_LABEL.sub("", json_single(value) or text, count=1).strip()
    if is_refusal(answer):
        return ParsedRewrite(ParseStatus.REFUSED, detail=answer[:200])
    if truncated:
        return ParsedRewrite(ParseStatus.TRUNCATED)
    if len(re.findall(r"[぀-ヿ㐀-鿿가-힯]|[^\W_]+", answer)) < MIN_WORDS:
        return ParsedRewrite(ParseStatus.UNPARSED, detail=f"no explanation: {answer[:160]}")
    kept = subject.turns[:-1] if subject.turns and subject.turns[-1].role is Role.ASSISTANT else subject.turns
    if not kept:
        return ParsedRewrite(ParseStatus.UNPARSED, detail="the subject has no question")
    return ParsedRewrite(ParseStatus.OK, (Pair(None, (*kept, Turn(Role.ASSISTANT, answer))),))


def _pairs(prompt: Prompt, text: str) -> list[Pair]:
    found = json_pairs(read_json(text))
    if not found and not _JSON_LIKE.match(text):
        found = _labelled_pairs(_CLOSING.sub("\n", text))
    return [
        Pair(_task_type(prompt, task), (Turn(Role.USER, question), Turn(Role.ASSISTANT, answer)))
        for task, question, answer in found
    ]


def _labelled_pairs(text: str) -> list[tuple[str | None, str, str]]:
    parts = split_parts(text, (_INSTRUCTION, _RESPONSE))
    found: list[tuple[str | None, str, str]] = []
    between = text[: parts[0].start] if parts else ""
    for part, following in pairwise(parts):
        if (part.label, following.label) == (0, 1):
            question, inner = _trim(part.text, len(found))
            answer, after = _trim(following.text, len(found) + 1)
            if question and answer:
                task = _TASK.findall(between) or _TASK.findall(inner)
                found.append((task[-1] if task else None, question, answer))
            between = after
    return found


def _trim(text: str, number: int) -> tuple[str, str]:
    """The text without the delimiters and headers that end it, and those."""
    lines = text.strip().split("\n")
    end = len(lines)
    while end:
        line, item = lines[end - 1], _ITEM.match(lines[end - 1])
        numbered = (
            item is not None and end < len(lines) + 1 and end > 1 and int(item[1]) == number + 1 and ("." in line)
        )
        closes_code = line.strip().startswith("```") and "\n".join(lines[:end]).count("```") % 2 == 0
        if closes_code or not (_HEADER.match(line) or numbered or line.strip().startswith("```")):
            break
        end -= 1
    return "\n".join(lines[:end]).strip(), "\n".join(lines[end:])


def _task_type(prompt: Prompt, named: str | None) -> str | None:
    """The prompt's own spelling of a task type that the model named, or the model's words in lower case."""
    words = re.sub(r"[\s*_&\[\]()]+", " ", (named or "").replace("&", " and ")).strip(" .:-").lower()
    known = [task for task in prompt.task_types if task.lower() in words or (words and words in task.lower())]
    return known[0] if known else words[:60] or None


def _dialogue(prompt: Prompt, text: str, truncated: bool) -> list[Pair]:
    said = json_dialogue(read_json(text))
    if not said:
        said = [(part.label, _trim(part.text, 0)[0]) for part in split_parts(text, (_HUMAN, _ASSISTANT))]
    rounds: list[list[str]] = []
    for speaker, words in said:
        if speaker == 0 and words and (not rounds or len(rounds[-1]) == 2):
            rounds.append([words])
        elif rounds and words and len(rounds[-1]) == speaker:
            rounds[-1].append(words)
        elif rounds and words:
            rounds[-1][-1] += f"\n{words}"
    rounds = [entry for entry in rounds[: -1 if truncated else None] if len(entry) == 2][: prompt.pair_num]
    turns = [turn for ask, tell in rounds for turn in (Turn(Role.USER, ask), Turn(Role.ASSISTANT, tell))]
    return [Pair(None, tuple(turns))] if turns else []


def _marked(subject: Subject, turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Turns with the sample's placeholders in front of the first one."""
    marks = placeholders([turn.text for turn in subject.turns])
    first = "\n".join([*marks, turns[0].text])
    return (Turn(turns[0].role, first), *turns[1:])
