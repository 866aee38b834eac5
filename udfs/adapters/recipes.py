"""Flat families that many publishers share, texts, and records that stand on two sides."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from schemas.enums import DropReason, Modality
from schemas.errors import Drop
from schemas.source import Source
from udfs.adapters.family import Container, Family, Shape
from udfs.adapters.fields import text
from udfs.adapters.flat import ALIASES, Recipe, flat
from udfs.adapters.joins import ANNOTATIONS, IMAGES, QUESTIONS, answered, captioned
from udfs.adapters.media import BASE64_KEYS, DRAWN
from udfs.adapters.prepare import coco_2017
from udfs.adapters.shapes import (
    ARRAY,
    CONVERSATIONS,
    DESCRIBE,
    KEYED,
    PARQUET,
    TABLE,
    family,
    fields,
    generic,
    rows,
    side,
)
from udfs.sample import Draft, Record

TEXT = Recipe(
    fields(answer=("response", "solution", "answer", "output"), rationale=(), context=(), options=()),
    system="system_prompt",
    prose=True,
    shows=False,
)


ANY = Recipe(general=True)
_LANGUAGES = re.compile(
    r"(?<!\S)(English|Deutsch|Français|Español|Italiano|Nederlands|Português|Polski|Svenska|Dansk|Norsk|Suomi|Magyar"
    r"|Čeština|Slovenčina|Slovenščina|Română|Català|Türkçe|Ελληνικά|Русский|Українська|Български|日本語|中文|한국어|العربية"
    r"|עברית|Esperanto|Euskara|Hrvatski|Eesti|Latviešu|Lietuvių|Tiếng Việt|Bahasa Indonesia): "
)
"""How Wikimedia Commons writes before a description which language it is in."""
_TAGGED = re.compile(
    r"\s*(?:<think>(?P<thought>.*?)</think>)?\s*<answer>(?P<answer>.*?)</answer>\s*", re.DOTALL | re.IGNORECASE
)


def attributed(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """WIT: attributions say it in several languages, each behind its name; the hub's rows list what all pages say."""
    pages = value.get("wit_features")
    if isinstance(pages, Mapping):
        value = {**value, **_of_one_page(pages)}
    told = value.get("caption_attribution_description")
    if not isinstance(told, str):
        return value
    return {**value, "caption_attribution_description": _in_one_language(told)}


def _in_one_language(told: str) -> str:
    """The English part of an attribution, else its first."""
    before, *parts = _LANGUAGES.split(told)
    said = dict(zip(reversed(parts[::2]), reversed(parts[1::2]), strict=True))
    return (before.strip() or said.get("English") or next(reversed(said.values()), "")).strip()


def _of_one_page(pages: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the first English page with a caption of the picture says, else the first with a caption."""
    captions, languages = pages.get("caption_reference_description") or [], pages.get("language") or []
    told = [at for at, caption in enumerate(captions) if caption]
    best = next((at for at in told if languages[at : at + 1] == ["en"]), told[0] if told else 0)
    listed = {name: column for name, column in pages.items() if isinstance(column, list) and len(column) > best}
    return {name: column[best] for name, column in listed.items()}


def tagged(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Problems for reinforcement learning: the answer of a solution in a tag, what it thinks before in another one."""
    told = value.get("solution")
    found = _TAGGED.fullmatch(told) if isinstance(told, str) else None
    return {**value, "solution": found["answer"], "rationale": found["thought"] or ""} if found else value


def of_member(record: Record, source: Source) -> Draft:
    """M3IT as it lies on the hub, where the publisher's loader draws an instruction for each row from another file."""
    value = {name: held for name, held in record.value.items() if held not in (None, "")}
    if isinstance(told := value.get("sentences"), list):
        value["sentences"] = " ".join(text(part, "sentences") for part in told)
    if not set(_MEMBER.question) & set(value):
        captioned = DESCRIBE if "captioning" in record.origin.file.split("/") else None
        value["question"] = value.get(DRAWN) or captioned
        if value["question"] is None:
            detail = (
                "its question is drawn from instructions.json of its folder, which is not there or no list of texts"
            )
            raise Drop(DropReason.MISSING_FIELD, detail)
    return _OF_MEMBER(replace(record, value=value), source)


def text_rows(containers: frozenset[Container]) -> tuple[Shape, ...]:
    pairs = (("question", "response"), ("question", "answer"), ("problem", "solution"), ("instruction", "output"))
    shown = frozenset({*ALIASES.media, *ALIASES.options, "videoID", "video_idx", "conversations"})
    return tuple(Shape(containers, frozenset(pair), forbids=shown) for pair in pairs)


_MEMBER = fields(
    question=("question", "inputs", "input"), answer=("answer", "outputs", "output", "sentences", "caption"),
    media=tuple(sorted(BASE64_KEYS)), context=(),
)  # fmt: skip
_OF_MEMBER = flat(Recipe(_MEMBER, prose=True), "m3it_jsonl")
FLAT: Mapping[str, Family] = {
    made.name: made
    for made in (
        family("flat_qa_json", ANY, *generic(ARRAY)),
        family("flat_qa_parquet", ANY, *generic(PARQUET)),
        family("flat_qa_jsonl", ANY, *generic(ARRAY)),
        family("flat_qa_tsv", ANY, *generic(TABLE)),
        family("keyed_json", ANY, *generic(KEYED)),
        family(
            "cauldron_parquet",
            Recipe(fields(question=("user",), answer=("assistant",), media=("images",)), pairs="texts", prose=True),
            rows(PARQUET | ARRAY, "images", "texts"),
        ),
        family("qa_list_parquet", Recipe(pairs="qa"), rows(PARQUET | ARRAY, "image", "qa")),
        family(
            "base64_jsonl",
            Recipe(
                fields(question=("inputs", "instruction"), answer=("outputs",), media=tuple(sorted(BASE64_KEYS))),
                system="instruction",
                prose=True,
                optional=True,
            ),
            rows(ARRAY | PARQUET, "instruction", "inputs", "outputs"),
        ),
        family(
            "solved_parquet",
            Recipe(fields(answer=("solution",), rationale=("rationale",)), prepare=tagged),
            *(
                replace(
                    rows(PARQUET | ARRAY, shown, "problem", "solution"), forbids=CONVERSATIONS.union(ALIASES.answer)
                )
                for shown in ("image", "images")
            ),
        ),
        Family(
            "m3it_jsonl",
            (
                Shape(
                    ARRAY,
                    frozenset(),
                    forbids=frozenset({"instruction"}),
                    one_of={"media": _MEMBER.media, "answer": _MEMBER.answer},
                    drawn="instructions.json",
                ),
            ),
            of_member,
        ),
        family(
            "laion_gpt4v",
            Recipe(
                fields(id=("message_id",), answer=("caption",), media=("image", "link", "url"), context=("caption",)),
                ask=DESCRIBE,
                free=True,
            ),
            rows(PARQUET | TABLE, "link", "caption"),
        ),
        family(
            "wit_tsv",
            Recipe(
                fields(
                    answer=(
                        "caption_reference_description",
                        "caption_attribution_description",
                        "caption_alt_text_description",
                        "context_page_description",
                    ),
                    media=("image", "image_url"),
                    context=("context_section_description", "context_page_description"),
                ),
                prepare=attributed,
                ask=DESCRIBE,
                free=True,
            ),
            rows(TABLE | PARQUET, "image_url", "caption_reference_description"),
            rows(PARQUET, "image_url", "wit_features"),
        ),
        family(
            "narratives_jsonl",
            Recipe(
                fields(question=(), answer=("caption",), context=("caption",)),
                prepare=coco_2017,
                media=("{coco}/{image_id:012d}.jpg", "{ade}/{image_id}.jpg", "{image_id}.jpg"),
                ask=DESCRIBE,
                free=True,
            ),
            rows(ARRAY, "dataset_id", "image_id", "annotator_id", "caption"),
        ),
        family(
            "mimicit_json",
            Recipe(fields(question=("instruction",), answer=("answer",), media=("image_ids", "images")), free=True),
            rows(KEYED | ARRAY, "instruction", "answer", "image_ids"),
            rows(PARQUET, "instruction", "answer", "images", "related instructions"),
        ),
        # Text alone.
        replace(family("text_parquet", TEXT, *text_rows(PARQUET)), modality=Modality.TEXT),
        replace(family("text_json", TEXT, *text_rows(ARRAY)), modality=Modality.TEXT),
        # Two sides that come together.
        family(
            "vqa_pair_json",
            Recipe(
                fields(
                    question=("question.question",),
                    answer=("annotation.multiple_choice_answer", "annotation.answers"),
                    options=("question.multiple_choices",),
                    id=("image_id",),
                ),
                pairs="pairs",
                media=("{subset}/COCO_{subset}_{image_id:012d}.jpg",),
                by_text=True,
            ),
            side(QUESTIONS, "image_id", "question", "question_id", at="questions"),
            side(ANNOTATIONS, "image_id", "answers", "question_id", at="annotations"),
            joiner=answered,
        ),
        family(
            "activitynetqa_json",
            Recipe(
                fields(question=("question.question",), answer=("annotation.answer",)),
                pairs="pairs",
                media=("v_{video_name}.mp4",),
            ),
            side(QUESTIONS, "question_id", "question", "video_name"),
            side(ANNOTATIONS, "question_id", "answer", "type"),
            joiner=answered,
        ),
        family(
            "llava_eval_jsonl",
            Recipe(fields(question=("question.text",), answer=("annotation.text",)), pairs="pairs", free=True),
            side(QUESTIONS, "question_id", "text", "image"),
            replace(side(ANNOTATIONS, "question_id", "text"), forbids=frozenset({"image"})),
            joiner=answered,
        ),
        family(
            "coco_json",
            Recipe(
                fields(
                    id=("annotation.id",),
                    question=(),
                    answer=("annotation.caption",),
                    media=("image.file_name",),
                    context=("annotation.caption",),
                ),
                media=("{subset}/{image.file_name}",),
                ask=DESCRIBE,
                free=True,
            ),
            side(IMAGES, "id", "file_name", at="images"),
            side(ANNOTATIONS, "image_id", "caption", at="annotations"),
            joiner=captioned,
        ),
    )
}
