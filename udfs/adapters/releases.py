"""More original releases: charts and diagrams with questions, memes, scene text, captions of pictures and screens."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import msgspec

from schemas.enums import Category, DropReason
from schemas.errors import Drop
from schemas.source import Source
from udfs.adapters.evidence import rows as shown_rows
from udfs.adapters.family import Container, Family, Shape
from udfs.adapters.fields import items, kind, record_of, shorten, text
from udfs.adapters.flat import ALIASES, NOTES, Recipe, flat
from udfs.adapters.joins import ANNOTATIONS, QUESTIONS, key_of, orphan
from udfs.adapters.media import KEY, PATH, PICTURE
from udfs.adapters.options import LETTERS
from udfs.adapters.paired import READ, asked_of_receipt, coded
from udfs.adapters.shapes import ARRAY, CONVERSATIONS, DESCRIBE, KEYED, PARQUET, TABLE, family, fields, rows
from udfs.ids import digest, field
from udfs.sample import Draft, Part, Record

Value = Mapping[str, Any]
YES_NO = {"0": "No", "1": "Yes", "False": "No", "True": "Yes"}
CAPTIONED = Recipe(
    fields(question=("question",), answer=("text", "description", "first_caption", "caption"), context=()),
    ask=DESCRIBE,
    general=True,
)
"""Pictures with a text and mostly nothing that says which question it answers."""


ASKED = frozenset({*ALIASES.question, *CONVERSATIONS, "label", "llm_generated_idea"})
"""Names that say what a text answers."""


def shown(containers: frozenset[Container], *keys: str) -> Shape:
    """Pictures with a text."""
    return replace(rows(containers, *keys), forbids=ASKED)


def diagram(value: Value) -> Value:
    """AI2D: a file a diagram; its questions are keys, the right answer an index.

    Questions for letters (`abcLabel`) are left out: the publisher's pictures show the words that these stand for.
    """
    asked = record_of(value["questions"], "questions") if "questions" in value else {value.get(KEY): value}
    told = {text: record_of(part, "questions") for text, part in asked.items()}
    seen = {text: part for text, part in told.items() if not part.get("abcLabel")}
    if told and not seen:
        detail = f"all {len(told)} questions ask for letters (abcLabel), which the publisher's picture does not show"
        raise Drop(DropReason.MISSING_MEDIA, detail)
    left = [text for text in told if text not in seen]
    pairs = [{**part, "question": text} for text, part in seen.items()]
    note = f"left out as they ask for letters (abcLabel): {len(left)} of {len(told)} questions, {shorten(left)}"
    named = {name: value[name] for name in ("questionId", "imageName") if name in value}
    return {**named, "pairs": pairs, **({NOTES: note} if left else {})}


CAPTION_LISTS = ("captions", "caption_str", "reference_strs", "caption")


def captioned(value: Value) -> Value:
    """TextCaps, Screen2Words and COCO: some copies list all captions of a picture, of which the first one is taken."""
    told = next((value[name] for name in CAPTION_LISTS if value.get(name)), None)
    return {**value, "caption": told[0] if isinstance(told, list) and told else told}


CHART = "Which data does this chart show? Write them as a table of name, x and y, one point a line."


def plotted(value: Value) -> Value:
    """PlotQA on hubs: a question with its label, or what a chart shows, as its authors' `models` in JSON or as text."""
    said = text(value.get("text") or "", "text")
    if "label" in value:
        return {"image": value.get("image"), "question": said, "answer": value["label"]}
    models = listed_in(said)
    points = [point for at, model in enumerate(models) for point in _points(record_of(model, f"models.{at}"))]
    table = shown_rows([["name", "x", "y"], *points]) if points else said
    return {"image": value.get("image"), "answer": table}


def _points(model: Value) -> list[list[Any]]:
    xs, ys = items(model.get("x"), "models.x"), items(model.get("y"), "models.y")
    if len(xs) != len(ys):
        raise Drop(DropReason.WRONG_SHAPE, f"{len(xs)} x and {len(ys)} y of a series; allowed: as many of both")
    name = text(model.get("name", ""), "models.name")
    return [[name, x, y] for x, y in zip(xs, ys, strict=True)]


def listed_in(said: str) -> list[Any]:
    """The list that text holds as JSON, alone or as `models` of an object; an empty one where it holds none."""
    try:
        held = msgspec.json.decode(said)
    except msgspec.DecodeError:
        return []
    held = held.get("models") if isinstance(held, Mapping) else held
    return held if isinstance(held, list) else []


_TEXT = replace(CAPTIONED, fields=fields(answer=("code", "text"), context=()), prepare=coded)
_DESCRIBED = flat(_TEXT, "image_text_parquet")
_READ = flat(replace(_TEXT, ask=READ), "image_text_parquet")


def with_text(record: Record, source: Source) -> Draft:
    """What a source of text in pictures says about one is what stands there; other sources describe theirs."""
    return (_READ if source.category is Category.OCR else _DESCRIBED)(record, source)


def receipt(value: Value) -> Value:
    """SROIE on hubs: lines of a receipt and its four keys in the row of its picture."""
    lines = [{"transcription": line, "ignore": 0} for line in items(value.get("words") or [], "words")]
    return asked_of_receipt(
        {"id": value.get("key"), "image": value.get("image"), "boxes": lines, "keys": value["entities"]}
    )


DIAGRAMS = ("diagram_path", "diagram_url", "diagram", "image")
"""Where a question's diagram was when it was written down; its name is what is left of that."""


def by_number(value: Value) -> Value:
    """GEOS: choices by number, of which the answer is one; the diagram beside the question, by its name or its own."""
    offered = record_of(value.get("choices") or {}, "choices")
    numbers = sorted(offered, key=lambda number: (len(number), number))
    said = value.get("answer")
    right = text(said, "answer") if said not in (None, "") else ""
    if numbers and right not in numbers:
        detail = f"answer {kind(said)} is no number of a choice; allowed: {', '.join(numbers)}"
        raise Drop(DropReason.NO_ANSWER, detail)
    if PATH in value:
        path = PurePosixPath(str(value[PATH]))
        diagram = path.with_name("diagram.png") if path.name == "question" else f"{path}.png"
    else:
        diagram = PurePosixPath(str(next((value[name] for name in DIAGRAMS if value.get(name)), ""))).name
    return {
        "id": next((value[name] for name in ("key", "pk", KEY) if name in value), None),
        "question": value.get("text"),
        "options": [offered[number] for number in numbers] or None,
        "answer": LETTERS[numbers.index(right)] if numbers else right,
        "image": value.get(PICTURE) or str(diagram),
    }


def solved(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """EgoSchema: each question with its answer, which stands in a file of its own and is public for a part of them."""
    held = list(parts)
    asked = [part for part in held if part.side == QUESTIONS]
    answers = [part for part in held if part.side != QUESTIONS]
    for question, answer in zip(asked, answers, strict=False):
        hashes = digest(field(part.origin.record_hash) for part in (question, answer))
        value = {**question.value, "answer": answer.value.get("value")}
        yield Record(value, replace(question.origin, record_hash=hashes))
    for left in asked[len(answers) :]:
        named = left.value.get("q_uid", left.value.get(KEY))
        yield orphan(left, DropReason.ORPHAN_QUESTION, f"no answer is known for q_uid {named}")
    for left in answers[len(asked) :]:
        yield orphan(left, DropReason.ORPHAN_ANNOTATION, f"no question has q_uid {left.value.get(KEY)}")


RELEASES: Mapping[str, Family] = {
    made.name: made
    for made in (
        family(
            "figureqa_json",
            Recipe(
                fields(question=("question_string",), media=()),
                media=("{folder}png/{image_index}.png",),
                words=YES_NO,
            ),
            rows(ARRAY, "question_string", "answer", "image_index", "color1_name", "color2_name"),
        ),
        family(
            "plotqa_json",
            Recipe(fields(question=("question_string",), media=()), media=("{folder}png/{image_index}.png",)),
            rows(ARRAY, "question_string", "answer", "image_index"),
        ),
        replace(
            family(
                "plotqa_parquet",
                Recipe(fields(media=("image",)), prepare=plotted, ask=CHART),
                shown(PARQUET, "image", "text"),
                rows(PARQUET, "image", "text", "label"),
            ),
            named=True,
        ),
        family(
            "ai2d_json",
            Recipe(
                fields(options=("answerTexts",), answer=("correctAnswer",), media=()),
                prepare=diagram,
                pairs="pairs",
                media=("{above}images/{stem}",),
                by_index=True,
            ),
            rows(KEYED, "answerTexts", "correctAnswer", at="questions"),
            rows(frozenset({Container.FILES}), "imageName", "questions", at="json"),
        ),
        family(
            "mavis_parquet",
            Recipe(
                fields(
                    question=("text_en.text_lite_question",),
                    answer=("answer_index",),
                    media=("image_text_lite",),
                    rationale=("text_en.CoT_reasoning",),
                ),
                by_index=True,
            ),
            rows(PARQUET | ARRAY, "image_text_lite", "text_en", "choices", "answer_index"),
        ),
        family(
            "hateful_memes_jsonl",
            Recipe(
                fields(question=(), answer=("label",), media=("image", "img"), context=()),
                ask='Is this meme hateful? Its text reads "{text}". Answer yes or no.',
                words=YES_NO,
            ),
            rows(ARRAY | PARQUET, "id", "img", "label", "text"),
            rows(PARQUET, "id", "image", "label", "text"),
        ),
        family(
            "stvqa_json",
            Recipe(media=("{file_path}", "{dataset}/{file_name}")),
            rows(ARRAY, "file_name", "dataset", "question", "answers", at="data"),
        ),
        family(
            "textcaps_json",
            Recipe(
                fields(question=(), answer=("caption",), media=("image",), context=("caption",)),
                prepare=captioned,
                media=("train_images/{image_id}.jpg",),
                ask=DESCRIBE,
                free=True,
            ),
            rows(ARRAY, "image_id", "caption_str", at="data"),
            rows(PARQUET, "image_id", "image", "caption_str"),
            rows(PARQUET, "image_id", "image", "reference_strs"),
        ),
        family(
            "screen2words_csv",
            Recipe(
                fields(question=(), answer=("summary", "caption"), media=("image",), context=()),
                prepare=captioned,
                media=("combined/{screenId}.jpg",),
                ask="Say in one phrase what this screen of an app is for.",
                free=True,
            ),
            rows(TABLE, "screenId", "summary"),
            rows(PARQUET, "screenId", "captions"),
        ),
        family(
            "described_json",
            replace(CAPTIONED, prepare=captioned, free=True),
            replace(rows(ARRAY | PARQUET, "image", "description"), forbids=CONVERSATIONS.union(ALIASES.answer)),
            shown(ARRAY | PARQUET, "image", "caption"),
        ),
        family(
            "receipt_parquet",
            Recipe(fields(media=("image",)), prepare=receipt, pairs="pairs", free=True),
            rows(PARQUET, "image", "words", "entities"),
        ),
        Family(
            "image_text_parquet",
            (shown(PARQUET, "image", "text"), shown(ARRAY | TABLE, "file_name", "text")),  # a folder's metadata.jsonl
            with_text,
        ),
        family(
            "geos_json",
            Recipe(fields(answer=("answer",), media=("image",)), prepare=by_number, by_letter=True),
            rows(frozenset({Container.FILES}), "text", "choices", at="json"),  # `answer` alone is what lies beside it
            Shape(ARRAY | KEYED, frozenset({"text", "choices", "answer"}), one_of={"media": DIAGRAMS}),
        ),
        family(
            "egoschema_keyed",  # its public part, as others pass it on
            Recipe(
                fields(id=(KEY, "q_uid"), answer=("truth",)), media=(f"{{{KEY}}}.mp4", "{q_uid}.mp4"), by_index=True
            ),
            rows(ARRAY | KEYED, "question", "option 0", "truth"),
        ),
        family(
            "egoschema_json",
            Recipe(fields(id=("q_uid", KEY)), media=("{q_uid}.mp4", f"{{{KEY}}}.mp4"), by_index=True),
            Shape(ARRAY, frozenset({"q_uid", "question", "option 0"}), None, QUESTIONS, key_of("q_uid", KEY)),
            Shape(KEYED, frozenset({KEY, "question", "option 0"}), None, QUESTIONS, key_of("q_uid", KEY)),
            Shape(KEYED, frozenset({KEY, "value"}), "", ANNOTATIONS, key_of(KEY)),
            joiner=solved,
        ),
    )
}
"""What converted copies were made from, continued."""
