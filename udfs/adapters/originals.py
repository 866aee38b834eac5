"""Original releases of sources that are better known converted: lessons, stories, edits, words in pictures."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from schemas.enums import DropReason
from schemas.errors import Drop
from udfs.adapters.family import Family, Shape
from udfs.adapters.fields import NOTHING, dotted, items, record_of, text
from udfs.adapters.flat import Recipe
from udfs.adapters.joins import ANNOTATIONS, IMAGES, key_of
from udfs.adapters.media import PATH
from udfs.adapters.options import LETTERS
from udfs.adapters.shapes import ARRAY, DESCRIBE, FILES, KEYED, PARQUET, TABLE, family, fields, rows, side
from udfs.ids import digest, field
from udfs.sample import IMAGE, Part, Problem, Record

Value = Mapping[str, Any]
EDIT = "The second picture is an edited copy of the first one. Which instruction leads from the first to the second?"
TELL = "Tell the story that these pictures show, one sentence for each of them."
READ = "Which words are written in this picture? Write each on a line of its own."
LESSONS, SENTENCES = "lessons", "sentences"
STORY = "annotations"
ILLEGIBLE = frozenset({".", ""})
"""What TextOCR writes for words that nobody can read."""


def read_words(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """TextOCR: a picture's entry with its words, in file order, each once: copies of its file may lie beside it."""
    held = list(parts)
    entries = [part for part in held if part.side == IMAGES]
    words = {str(part.value.get("id") or id(part)): part for part in held if part.side != IMAGES}
    first = entries[0] if entries else held[0]
    name = first.value.get("image_id")
    # Pictures are named after their ids, so that words alone are enough.
    image = first.value if entries or not name else {"id": name, "file_name": f"train/{name}.jpg"}
    told = [text(part.value.get("utf8_string", ""), "utf8_string") for part in words.values()]
    lines = [word for word in told if word not in ILLEGIBLE]
    problem = None if lines else Problem(DropReason.NO_ANSWER, f"none of {len(words)} words is legible")
    origin = replace(first.origin, units=max(1, len(words)), record_hash=_hash(held))
    yield Record({**image, "answer": "\n".join(lines)}, origin, problem)


def told_in_order(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """VIST: the sentences of a story with their photographs; one without all its photographs is a problem."""
    held = sorted(parts, key=lambda part: int(part.value.get("worker_arranged_photo_order", 0)))
    if held[0].value.get("story_id") is None:
        for part in held:
            yield Record(part.value, part.origin, Problem(DropReason.MISSING_FIELD, "story_id is missing"))
        return
    photos = [str(part.value.get("photo_flickr_id")) for part in held]
    said = [text(part.value.get("original_text") or part.value.get("text", ""), "original_text") for part in held]
    gone = [photo for photo in photos if not photo.isdecimal()]
    problem = Problem(DropReason.MISSING_MEDIA, f"a photograph is called {gone[0]!r}") if gone else None
    value = {"id": held[0].value.get("story_id"), "images": [f"{photo}.jpg" for photo in photos]}
    origin = replace(held[0].origin, units=len(held), record_hash=_hash(held))
    yield Record({**value, "answer": "\n".join(said)}, origin, problem)


def taught(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """TQA: each question of a lesson, with its figure if it has one."""
    for part in parts:
        asked = record_of(part.value.get("questions"), "questions")
        for kind in ("nonDiagramQuestions", "diagramQuestions"):
            for name, question in record_of(asked.get(kind) or {}, kind).items():
                yield Record(
                    {**question, "id": name},
                    replace(part.origin, record_hash=digest([field(part.origin.record_hash), field(name)])),
                )


def _hash(parts: Iterable[Part]) -> str:
    return digest(field(part.origin.record_hash) for part in parts)


def telling(value: Value) -> Value:
    """Visual7W's questions with answers in words; those of its pointing part are answered by numbers of boxes."""
    for pair in items(value.get("qa_pairs"), "qa_pairs"):
        if isinstance(record_of(pair, "qa_pairs").get("answer"), int):
            raise Drop(DropReason.WRONG_SHAPE, "answers are numbers of boxes (the pointing part); allowed: words")
    return value


def lesson(value: Value) -> Value:
    """TQA: options by letter, the right one as a letter."""
    offered = record_of(value.get("answerChoices") or {}, "answerChoices")
    options = [dotted(offered[letter], "processedText") for letter in sorted(offered)]
    right = dotted(value, "correctAnswer.processedText")
    shown = {"image": value["imagePath"]} if value.get("imagePath") else {}
    return {
        "id": value.get("id"),
        "question": dotted(value, "beingAsked.processedText"),
        "options": options,
        "answer": right,
        **shown,
    }


def marked(value: Value) -> Value:
    """VisualMRC: the words of the page, whose boxes hold them."""
    boxes = [record_of(box, "bounding_boxes") for box in items(value.get("bounding_boxes") or [], "bounding_boxes")]
    words = [record_of(word, "ocr_info").get("word") for box in boxes for word in box.get("ocr_info") or []]
    return {**value, "ocr": " ".join(word for word in words if isinstance(word, str))}


def edited(value: Value) -> Value:
    return {**value, "images": [value.get("input_image"), value.get("output_image")]}


def captioned_twice(value: Value) -> Value:
    """VisText: what the chart is built like, then what it says."""
    said = [text(value[name], name) for name in ("caption_L1", "caption_L2L3") if value.get(name)]
    return {**value, "answer": " ".join(said), "table": value.get("datatable")}


def split_choices(value: Value) -> Value:
    """lmms-eval's IconQA: choices between commas, or each the name of a picture in a column of its own."""
    choices = value.get("choices")
    if isinstance(choices, str):
        choices = None if choices.strip() in NOTHING else [choice.strip() for choice in choices.split(",")]
    value = {**value, "choices": choices, "images": [value.get("query_image", value.get("image"))]}
    columns = [value.get(name.removesuffix(".png").replace("_", "_image_")) for name in _drawn(value)]
    return _lettered(value, columns or [choice for choice in choices or () if isinstance(choice, Mapping | bytes)])


def _drawn(value: Value) -> list[str]:
    """IconQA's choices that are names of pictures, as `choice_0.png`."""
    return [name for name in value.get("choices") or () if isinstance(name, str) and name.endswith(".png")]


def _lettered(value: Value, pictures: Sequence[Any]) -> Value:
    """Pictures to choose from go behind their letters in the question; without any the record stays as it is."""
    if not pictures:
        return value
    names, right = value["choices"], value.get("answer")
    there = len(pictures) - pictures.count(None)
    if there < len(names):
        raise Drop(DropReason.MISSING_MEDIA, f"{there} pictures for {len(names)} choices; allowed: one for each")
    letters = LETTERS[: len(names)]
    asked = [IMAGE, text(value.get("question", ""), "question"), *(f"{letter}. {IMAGE}" for letter in letters)]
    return {
        **value,
        "images": [*value["images"], *pictures],
        "question": "\n".join(asked),
        "choices": list(letters),
        "answer": letters[names.index(right)] if right in names else right,
    }


def in_a_folder(value: Value) -> Value:
    """Geometry3K and IconQA: each problem has a folder, with its figure beside its data."""
    folder = str(value.get(PATH)).rpartition("/")[0]
    figure = "img_diagram.png" if "problem_text" in value else "image.png"
    value = {**value, "images": [f"{folder}/{figure}"]}
    return _lettered(value, [f"{folder}/{name}" for name in _drawn(value)])


def keyed_images(value: Value) -> Value:
    """TextOCR: its pictures are TextVQA's, in folders that are called otherwise there."""
    if not value.get("file_name"):
        raise Drop(DropReason.MISSING_MEDIA, "the picture's entry has no file_name")
    split, slash, name = text(value["file_name"], "file_name").partition("/")
    return {**value, "file_name": f"{split}_images/{name}"} if slash and split in ("train", "test") else value


ORIGINALS: Mapping[str, Family] = {
    made.name: made
    for made in (
        family(
            "lrv_json",
            Recipe(fields(media=("image_id",)), free=True),
            rows(ARRAY, "image_id", "question", "answer", "task"),
        ),
        family(
            "geometry3k_folder",
            Recipe(fields(question=("problem_text",), media=("images",)), prepare=in_a_folder, by_letter=True),
            rows(FILES, "problem_text", "choices", "answer", at="json"),
        ),
        family(
            "iconqa_folder",
            Recipe(fields(answer=("answer",), media=("images",)), prepare=in_a_folder, by_index=True),
            rows(FILES, "question", "answer", "ques_type", at="json"),
        ),
        family(
            "perception_test_json",
            Recipe(fields(answer=("answer_id",)), pairs="mc_question", media=("{key}.mp4",), by_index=True),
            rows(KEYED, "mc_question", "metadata"),
        ),
        family(
            "textocr_json",
            Recipe(fields(question=(), media=("file_name",)), prepare=keyed_images, ask=READ, free=True),
            Shape(KEYED, frozenset({"id", "file_name"}), "imgs", IMAGES, key_of("id"), spare=True),
            Shape(KEYED, frozenset({"image_id", "utf8_string"}), "anns", ANNOTATIONS, key_of("image_id")),
            Shape(PARQUET | TABLE, frozenset({"id", "file_name", "set"}), None, IMAGES, key_of("id"), spare=True),
            Shape(PARQUET | TABLE, frozenset({"image_id", "utf8_string"}), None, ANNOTATIONS, key_of("image_id")),
            joiner=read_words,
        ),
        family(
            "textocr_gpt4v",
            Recipe(
                fields(question=(), answer=("caption_image",), media=("image", "filename")), ask=DESCRIBE, free=True
            ),
            rows(PARQUET, "filename", "caption_image"),
        ),
        family(
            "visualmrc_jsonl",
            Recipe(
                fields(question=("question.text",), answer=("answer.text",), media=("image_filename",)),
                pairs="qa_data",
                prepare=marked,
                free=True,
            ),
            rows(ARRAY, "image_filename", "qa_data"),
        ),
        family(
            "edit_parquet",
            Recipe(fields(question=(), answer=("edit",), media=("images",)), prepare=edited, ask=EDIT, free=True),
            rows(PARQUET | ARRAY, "edit", "input_image", "output_image"),
        ),
        family(
            "vist_sis_json",
            Recipe(fields(question=(), media=("images",)), ask=TELL, free=True),
            replace(
                side(SENTENCES, "story_id", "photo_flickr_id", "worker_arranged_photo_order", at=STORY),
                forbids=frozenset({"photo_order_in_story"}),  # descriptions of single photographs, which tell no story
            ),
            joiner=told_in_order,
        ),
        family(
            "tqa_json",
            Recipe(prepare=lesson, optional=True, by_letter=True),
            side(LESSONS, "globalID", "lessonName", "questions"),
            joiner=taught,
        ),
        family(
            "vistext_json",
            Recipe(
                fields(question=(), media=("img_id",), id=("caption_id",)),
                prepare=captioned_twice,
                ask=DESCRIBE,
                free=True,
            ),
            rows(ARRAY, "caption_id", "img_id", "caption_L2L3"),
        ),
        family(
            "pmcvqa_csv",
            Recipe(
                fields(
                    question=("Question",),
                    answer=("Answer_label", "Answer", "Anwser"),
                    media=("Figure_path",),
                    context=("Caption",),
                ),
                by_letter=True,
            ),
            rows(TABLE | PARQUET, "Figure_path", "Question", "Choice A", "Choice B"),
        ),
        family(
            "visual7w_json",
            Recipe(fields(id=("image_id",), media=("filename",)), prepare=telling, pairs="qa_pairs"),
            rows(ARRAY, "image_id", "filename", "qa_pairs", at="images"),
        ),
        family(
            "iconqa_parquet",
            Recipe(fields(answer=("answer",), media=("images",)), prepare=split_choices, by_text=True),
            rows(PARQUET, "query_image", "question", "choices"),
            rows(PARQUET, "image", "question", "choices", "ques_type"),
        ),
    )
}
"""What converted copies were made from."""
