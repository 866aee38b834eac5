"""Families of files that go with a picture: transcriptions, labels by line, pages with their code, lines by number."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from schemas.enums import DropReason
from schemas.errors import Drop
from schemas.source import Source
from udfs.adapters.family import Container, Family, Shape
from udfs.adapters.fields import items, record_of, text
from udfs.adapters.flat import Recipe, flat
from udfs.adapters.joins import ANNOTATIONS, QUESTIONS, orphan
from udfs.adapters.media import KEY, PATH, PICTURE
from udfs.adapters.shapes import ARRAY, PARQUET, family, fields, generic, rows
from udfs.ids import digest, field
from udfs.sample import Draft, Part, Record

Value = Mapping[str, Any]
FILES, LINES, PICKLE = (frozenset({kind}) for kind in (Container.FILES, Container.LINES, Container.PICKLE))
SHOWN = f"{{{PICTURE}}}"
"""Pattern of the picture that goes with a file."""
READ = "Read all the text in this picture. Write each line of text on a line of its own."
KEYS = ("company", "date", "address", "total")
_NUMBERED = re.compile(r"\bN_([0-9]+)\b")
RECEIPT = "Which company issued this receipt, when, at which address, and what is the total? Answer as a JSON object."


def legible(name: str, value: Value) -> Value:
    """The lines that can be read, in the order of the file."""
    lines = [record_of(line, name) for line in items(value.get(name), name)]
    told = [
        text(line.get("transcription"), f"{name}.transcription") for line in lines if line.get("ignore") in (0, "0")
    ]
    read = [line for line in told if line.strip("# ")]
    if not read:
        raise Drop(DropReason.NO_ANSWER, f"none of {len(lines)} lines of text is legible")
    return {**value, "transcript": "\n".join(read)}


def in_boxes(value: Value) -> Value:
    """The ICDAR challenges: one text file a picture, a box and its text a line."""
    return legible("boxes", value)


def in_lines(value: Value) -> Value:
    """ReCTS: lines; the characters beside them repeat the same text."""
    return legible("lines", value)


def labelled(value: Value) -> Value:
    """A label list: the picture's path as written; a bare name from the label file's folder on, or as CROHME and
    HME100K mean it."""
    if "label" not in value:
        line = str(value.get("line", "")).strip()
        if not line or line.startswith("#"):
            raise Drop(DropReason.NO_ANSWER, "the line is a comment" if line else "the line is blank")
        raise Drop(DropReason.WRONG_SHAPE, "the line names no picture and its text")
    image, path = PurePosixPath(text(value["image"], "image")), PurePosixPath(str(value[PATH]))
    bare = image.parent == PurePosixPath()
    split = next((split for split in ("train", "test", "val") if path.name.startswith(f"{split}_")), "")
    if not image.suffix and split:
        image = PurePosixPath(f"off_image_{split}", f"{image}_0.bmp")
    elif split and bare and image.name.startswith(f"{split}_"):
        image = PurePosixPath(f"{split}_images", image)
    return {**value, "id": value.get("id", value["image"]), "image": str(path.parent / image if bare else image)}


def coded(value: Value) -> Value:
    """A page's code in a block that says what it is; other text as it stands."""
    code = value.get("html", value.get("text"))
    page = isinstance(code, str) and code.lstrip()[:9].lower().startswith(("<html", "<!doctype"))
    return {**value, "code": f"```html\n{code.strip()}\n```"} if page or value.get("html") else value


def receipts(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """The boxes of a receipt and the file of its four keys become two questions about one picture."""
    boxes, keys = list[Part](), list[Part]()
    for part in parts:
        (boxes if part.side == QUESTIONS else keys).append(part)
    for box, key in zip(boxes, keys, strict=False):
        yield Record(
            {**box.value, "keys": key.value, "pairs": ()},
            replace(box.origin, record_hash=_hash((box, key))),
        )
    for left in boxes[len(keys) :]:
        yield orphan(left, DropReason.ORPHAN_QUESTION, "no file of keys has this name")
    for left in keys[len(boxes) :]:
        yield orphan(left, DropReason.ORPHAN_ANNOTATION, "no file of boxes has this name")


def keys_of(known: Value) -> str:
    """SROIE: the four keys of a receipt as JSON, as far as they are known."""
    told = {key: text(known[key], key) for key in KEYS if known.get(key)}
    if not told:
        raise Drop(DropReason.NO_ANSWER, f"none of {', '.join(KEYS)} is known")
    return json.dumps(told, ensure_ascii=False)


def asked_of_receipt(value: Value) -> Value:
    """SROIE: what the receipt says, line by line, and its keys."""
    told = {READ: in_boxes(value)["transcript"], RECEIPT: keys_of(record_of(value.get("keys"), "keys"))}
    return {**value, "pairs": [{"question": asked, "answer": reply} for asked, reply in told.items()]}


def by_receipt(value: Value) -> str:
    """The name of a receipt's files, with what stands above their folders."""
    path = PurePosixPath(value[PATH])
    return str(path.parent.parent / path.name)


ALIGNED = ("questions", "answers", "img_ids", "types")
"""The files of COCO-QA; the last one tells nothing that a sample needs and may be short or missing."""


def by_line(value: Value) -> str:
    """Folder and number of a line."""
    return f"{PurePosixPath(value[PATH]).parent}:{value['_line']}"


def aligned(key: str, parts: Iterable[Part]) -> Iterator[Record]:
    """The same line of each file; where files of a folder differ in length nobody knows which lines belong together."""
    sides: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        sides[part.side].append(part)
    there = [part for held in sides.values() for part in held]
    lengths = {part.side: part.value["_lines"] for part in there if part.side in ALIGNED[:3]}
    missing = [name for name in ALIGNED[:3] if name not in sides]
    if missing or len(set(lengths.values())) > 1 or len(there) > len(sides):
        counts = ", ".join(f"{name} {count}" for name, count in sorted(lengths.items()))
        detail = f"line {key}: no {', '.join(missing)}; " if missing else f"line {key}: "
        for part in there:
            reason = DropReason.ORPHAN_QUESTION if part.side == ALIGNED[0] else DropReason.ORPHAN_ANNOTATION
            yield orphan(part, reason, f"{detail}lines in each file: {counts}")
        return
    told = {name: held[0].value["line"] for name, held in sides.items()}
    first = sides[ALIGNED[0]][0]
    value = {**told, "_line": first.value["_line"], PATH: first.value[PATH]}
    yield Record(value, replace(first.origin, record_hash=_hash(there)))


def of_coco(value: Value) -> Value:
    """COCO-QA: questions in lower case without their mark; training pictures are of train2014, others of val2014."""
    asked = text(value.get("questions"), "questions")
    folder = PurePosixPath(str(value[PATH])).parent.name
    subset = {"train": "train2014", "test": "val2014", "val": "val2014"}.get(folder)
    asked = asked[:1].upper() + asked[1:]
    named = {"coco": subset} if subset else {}
    return {
        **named,
        KEY: f"{folder}:{value['_line']}",
        "question": f"{asked.rstrip('?. ')}?" if asked else "",
        "answer": text(value.get("answers"), "answers"),
        "image_id": text(value.get("img_ids"), "img_ids"),
    }


def in_pickle(value: Value) -> Value:
    """PathVQA names its pictures by split and number, and may score each answer; GeoQA and UniGeo hold theirs."""
    scores = value.get("label")
    if isinstance(scores, Mapping):
        value = {**value, "question": value.get("sent"), "label": next(iter(scores), None)}
    if isinstance(scores, int) and (value.get("choices") or value.get("choice_nums")):
        value = {name: part for name, part in value.items() if name != "answer"}  # a program, or words for the index
    image = value.get("image", value.get("img_id"))
    split = image.partition("_")[0] if isinstance(image, str) and len(image) < 64 and "." not in image else ""
    return {**value, "image": f"images/{split}/{image}.jpg"} if split in ("train", "val", "test") else value


def geometry(value: Value) -> Value:
    """GeoQA and UniGeo: the numbers of a problem stand beside its English text, whose places for them are N_0, N_1."""
    tokens = value.get("token_list")
    if isinstance(tokens, list | tuple) and not (value.get("English_problem") or value.get("subject")):
        value = {**value, "English_problem": "".join(text(token, "token_list") for token in tokens)}
    asked, numbers = value.get("English_problem"), value.get("numbers")
    if isinstance(asked, str) and isinstance(numbers, list | tuple):
        filled = [text(number, "numbers") for number in numbers]
        asked = _NUMBERED.sub(lambda at: filled[int(at[1])] if int(at[1]) < len(filled) else at[0], asked)
        value = {**value, "English_problem": asked}
    return in_pickle(value)


def proved(value: Value) -> Value:
    """UniGeo's other half: what is to be proved, and the proof as reasons and what follows from each."""
    steps = [text(step, "proving_sequence") for step in items(value.get("proving_sequence"), "proving_sequence")]
    return {
        "id": value.get("id"),
        "image": value.get("img"),
        "input_text": value.get("input_text"),
        "answer": " ".join(steps),
    }


def solved_or_proved(record: Record, source: Source) -> Draft:
    """UniGeo's two halves lie side by side."""
    return (_PROOF if "proving_sequence" in record.value else _SOLUTION)(record, source)


def _hash(parts: Iterable[Part]) -> str:
    return digest(field(part.origin.record_hash) for part in parts)


def _files(side: str, suffix: str, *keys: str) -> Shape:
    return Shape(FILES, frozenset(keys), suffix, side, by_receipt)


def _pages(*keys: str, suffixes: Iterable[str]) -> tuple[Shape, ...]:
    return tuple(rows(FILES, *keys, at=suffix) for suffix in suffixes)


_TRANSCRIPT = fields(question=(), answer=("transcript",))
_IN_PICKLE = fields(
    question=("question", "English_problem", "subject"),
    options=("choices", "choice_nums"),
    answer=("answer", "label"),
    media=("image",),
    rationale=(),
)
_SOLUTION = flat(
    Recipe(_IN_PICKLE.model_copy(update={"answer": ("label",)}), prepare=geometry, by_index=True), "geometry_pickle"
)
_PROOF = flat(
    Recipe(
        fields(question=(), answer=("answer",), media=("image",), context=()),
        prepare=proved,
        ask="{input_text}\nWrite the proof as a row of reasons, each followed by what it gives.",
        free=True,
    ),
    "geometry_pickle",
)
PAIRED: Mapping[str, Family] = {
    made.name: made
    for made in (
        family(
            "ocr_txt_pairs",
            Recipe(_TRANSCRIPT, prepare=in_boxes, media=(SHOWN, f"{{{KEY}}}.jpg"), ask=READ, free=True),
            *_pages("boxes", suffixes=("txt", "csv")),
        ),
        family(
            "rects_json",
            Recipe(_TRANSCRIPT, prepare=in_lines, media=(SHOWN, f"{{above}}img/{{{KEY}}}.jpg"), ask=READ, free=True),
            *_pages("chars", "lines", suffixes=("json",)),
        ),
        family(
            "sroie_folders",
            Recipe(prepare=asked_of_receipt, pairs="pairs", media=(SHOWN, f"{{above}}img/{{{KEY}}}.jpg"), free=True),
            *(_files(QUESTIONS, suffix, "boxes") for suffix in ("csv", "txt")),
            *(_files(ANNOTATIONS, suffix, "company", "total") for suffix in ("json", "txt")),
            joiner=receipts,
        ),
        family(
            "label_lines",
            Recipe(
                fields(question=(), answer=("label",), media=("image",), id=("id",)),
                prepare=labelled,
                ask="What is written in this picture? Answer with the text alone.",
                general=True,
            ),
            rows(LINES, "image", "label"),
        ),
        family(
            "image_html_pairs",
            Recipe(
                fields(question=(), answer=("code",)),
                prepare=coded,
                media=(SHOWN, f"{{{PATH}}}.png"),
                ask="Write one HTML page, with its style inside, that looks like this screenshot.",
                free=True,
            ),
            *_pages("html", suffixes=("html", "htm")),
            rows(PARQUET, "image", "text", "llm_generated_idea"),
        ),
        family(
            "line_aligned_txt",
            Recipe(prepare=of_coco, media=("{coco}/COCO_{coco}_{image_id:012d}.jpg",)),
            *(Shape(LINES, frozenset({"line"}), name, name, by_line) for name in ALIGNED),
            joiner=aligned,
        ),
        family(
            "flat_qa_pickle",
            Recipe(_IN_PICKLE, prepare=in_pickle, by_index=True),
            *generic(PICKLE),
            rows(PICKLE, "img_id", "sent", "label"),
        ),
        Family(
            "geometry_pickle",
            (
                rows(PICKLE | ARRAY, "image", "choice_nums", "label"),
                rows(PICKLE | ARRAY, "image", "choices", "label", "subject"),
                rows(PICKLE | ARRAY, "img", "input_text", "proving_sequence"),
            ),
            solved_or_proved,
        ),
    )
}
