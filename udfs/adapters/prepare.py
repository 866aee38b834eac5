"""Records that need another shape before a recipe fits them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.enums import DropReason
from schemas.errors import Drop
from udfs.adapters.evidence import rows
from udfs.adapters.fields import NOTHING, dotted, items, parsed_list, record_of, text
from udfs.adapters.media import DRAWN

Value = Mapping[str, Any]
UNKNOWN = "I don't know."
ESCAPES = {"p": "|", "n": "\n", "\\": "\\"}
"""What stands for a letter after a backslash in WikiTableQuestions."""
_ESCAPED = re.compile(r"\\([pn\\])")


def of_task(value: Value) -> Value:
    """DEMON: what is to be done stands in the head of the document, before what it is done with."""
    told, task = value.get(DRAWN), value.get("task_instance")
    if not told or not isinstance(task, Mapping) or not isinstance(task.get("context"), str):
        return value
    return {**value, "task_instance": {**task, "context": f"{told}\n{task['context'].lstrip()}"}}


def aligned(value: Value) -> Value:
    """OCR-VQA: two lists, of questions and of their answers."""
    questions, answers = items(value.get("questions"), "questions"), items(value.get("answers"), "answers")
    if len(questions) != len(answers):
        detail = f"{len(questions)} questions and {len(answers)} answers; allowed: as many answers as questions"
        raise Drop(DropReason.NO_ANSWER, detail)
    pairs = [{"question": question, "answer": answer} for question, answer in zip(questions, answers, strict=True)]
    return {**value, "pairs": pairs}


def asked_twice(value: Value) -> Value:
    """Video-ChatGPT's benchmark: one question Q, or two wordings Q1 and Q2 that share the answer.

    The hub's copy has columns for all three, with the word None where there is no such question.
    """
    names = ("Q", "Q1", "Q2", "question", "question_1", "question_2")
    questions = [value[name] for name in names if str(value.get(name)) not in NOTHING]
    reply = value.get("A", value.get("answer"))
    return {**value, "pairs": [{"question": question, "answer": reply} for question in questions]}


def two_pictures(value: Value) -> Value:
    """NLVR2: the names of both pictures follow from the identifier, which ends with the sentence's number."""
    if "left_image" in value:
        return {**value, "images": [value["left_image"], value.get("right_image")]}
    if "identifier" not in value:
        raise Drop(DropReason.MISSING_FIELD, "identifier is missing, from which the pictures' names follow")
    stem = text(value["identifier"], "identifier").rpartition("-")[0]
    folder = f"images/train/{value['directory']}/" if value.get("directory") is not None else ""
    return {**value, "images": [f"{folder}{stem}-img{at}.png" for at in (0, 1)]}


def coco_2017(value: Value) -> Value:
    """Localized Narratives and A-OKVQA: the data set or split of a record tells in which folder its picture lies."""
    ade = re.fullmatch(r"ade20k_(train|val)[a-z]*", str(value.get("dataset_id")), re.IGNORECASE)
    if ade:
        name, subset = str(value.get("image_id")), ade[1].lower()
        named = {"image_id": f"ADE_{subset}_{int(name):08d}"} if name.isdecimal() else {}
        return {**value, **named, "ade": {"train": "training", "val": "validation"}[subset]}
    subset = re.fullmatch(r"(?:mscoco_)?(train|val|test)(?:2017)?", str(value.get("dataset_id", value.get("split"))))
    return {**value, "coco": f"{subset[1]}2017"} if subset else value


def chosen_or_written(value: Value) -> Value:
    """A-OKVQA: the right choice, else what most annotators wrote, to which the choices do not belong."""
    written = value.get("direct_answers")
    if isinstance(written, str):
        value = {**value, "direct_answers": parsed_list(written, "direct_answers")}
    return coco_2017(value if value.get("correct_choice_idx") is not None else {**value, "choices": None})


def page(value: Value) -> Value:
    """DocVQA: its pages were in `documents/` once, and are in another folder today; their names stayed."""
    return {**value, "image": text(value.get("image") or "", "image").rpartition("/")[2]}


def filing(value: Value) -> Value:
    """FinQA: text before the table, the table, text after it; these stand before the question."""
    parts = [_lines(value.get("pre_text")), rows(value.get("table")), _lines(value.get("post_text"))]
    return {**value, "context": _told(parts)}


def report(value: Value) -> Value:
    """TAT-QA: a table and its paragraphs; the scale belongs to the answer."""
    paragraphs = [record_of(part, "paragraphs") for part in items(value.get("paragraphs"), "paragraphs")]
    passages = [text(part.get("text", ""), "paragraphs.text") for part in sorted(paragraphs, key=_order)]
    table = rows(dotted(value, "table.table"))
    pairs = [_scaled(record_of(part, "questions")) for part in items(value.get("questions"), "questions")]
    context = _told((table, *passages))
    rest = {name: part for name, part in value.items() if name != "table"}
    return {**rest, "uid": dotted(value, "table.uid"), "context": context, "pairs": pairs}


def _told(parts: Iterable[str]) -> str:
    """What stands before the question of a report, which is all that can answer it."""
    told = "\n\n".join(part for part in parts if part)
    if not told:
        raise Drop(DropReason.MISSING_FIELD, "table and text of the report are empty: nothing answers its questions")
    return told


def _order(part: Value) -> float:
    return float(part.get("order", 0))


def _scaled(question: Value) -> Value:
    reply, scale = question.get("answer"), question.get("scale")
    if isinstance(question.get("derivation"), str):
        question = {**question, "derivation": question["derivation"].replace("##", ", ")}
    if reply in (None, "", []) or not scale:
        return question
    shown = ", ".join(text(part, "answer") for part in reply) if isinstance(reply, list) else text(reply, "answer")
    return {**question, "answer": f"{shown} {text(scale, 'scale')}"}


def _lines(value: object) -> str:
    lines = [text(line, "text") for line in items(value or [], "text")]
    return "\n".join(line for line in lines if line not in ("", "."))


def several(value: Value) -> Value:
    """WikiTableQuestions: several answers between bars; bars, line ends and backslashes are escaped."""
    plain = {name: _unescaped(value[name]) for name in ("utterance",) if isinstance(value.get(name), str)}
    if isinstance(target := value.get("targetValue"), str):
        plain["targetValue"] = ", ".join(map(_unescaped, target.split("|")))
    return {**value, **plain}


def _unescaped(said: str) -> str:
    return _ESCAPED.sub(lambda found: ESCAPES[found[1]], said)


def united(value: Value) -> Value:
    """TabMWP: the unit belongs to the answer, and the title to the table, above which the picture shows it."""
    title, table = value.get("table_title"), value.get("table")
    if title and isinstance(title, str) and isinstance(table, str):
        value = {**value, "table": f"{title}\n{table}"}
    unit, reply = value.get("unit"), value.get("answer")
    if not unit or reply in (None, ""):
        return value
    shown = text(reply, "answer")
    return {**value, "answer": f"{unit}{shown}" if unit in "$£€" else f"{shown} {unit}"}


def in_its_video(value: Value) -> Value:
    """NExT-QA numbers the questions of each video anew; its own evaluation calls them by both."""
    parts = [value.get("video"), value.get("qid")]
    known = all(isinstance(part, str | int) for part in parts)
    return {**value, "id": "_".join(map(str, parts))} if known else value


def unknown(value: Value) -> Value:
    """VQAv2-IDK: questions of which some annotators said that they have no answer, which is what is to be said."""
    return {**value, "answer": UNKNOWN}


def numbered(value: Value) -> Value:
    """CLEVR's relatives: the split is part of a picture's name."""
    named = re.match(r"CLEVR_([A-Za-z]+)_", str(value.get("image_filename")))
    if named:
        return {**value, "split": named[1]}
    flat = str(value.get("image_filename")).startswith("superCLEVR")
    return {key: held for key, held in value.items() if not (flat and key == "split")}
