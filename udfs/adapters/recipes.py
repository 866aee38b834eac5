"""Flat families by name: where each publisher's files hold question, answer and media."""

from collections.abc import Mapping
from dataclasses import replace

from schemas.source import FieldMap
from udfs.adapters.family import Container, Family, Joiner, Shape
from udfs.adapters.flat import ALIASES, Recipe, flat
from udfs.adapters.joins import ANNOTATIONS, IMAGES, QUESTIONS, answered, captioned, key_of
from udfs.adapters.media import BASE64_KEYS
from udfs.adapters.prepare import aligned, asked_twice, filing, report, several, two_pictures

DESCRIBE = "Describe this picture."
ARRAY = frozenset({Container.JSON_ARRAY, Container.JSON_LINES})
KEYED = frozenset({Container.JSON_KEYED})
PARQUET = frozenset({Container.PARQUET})
TABLE = frozenset({Container.DELIMITED})
CONVERSATIONS = frozenset({"conversations", "messages", "texts"})


def _family(name: str, recipe: Recipe, *shapes: Shape, joiner: Joiner | None = None) -> Family:
    return Family(name, shapes, flat(recipe), joiner)


def _fields(**paths: tuple[str, ...]) -> FieldMap:
    return ALIASES.model_copy(update=paths)


def _rows(containers: frozenset[Container], *keys: str, at: str | None = None) -> Shape:
    return Shape(containers, frozenset(keys), at)


def _side(side: str, key: str, *keys: str, containers: frozenset[Container] = ARRAY, at: str | None = None) -> Shape:
    return Shape(containers, frozenset({key, *keys}), at, side, key_of(key))


def _generic(containers: frozenset[Container]) -> tuple[Shape, Shape]:
    """Questions with answers; and test sets, which keep their answers back."""
    asked, shown = {"question": ALIASES.question}, {"media": ALIASES.media}
    full = Shape(containers, frozenset(), forbids=CONVERSATIONS, one_of={**asked, "answer": ALIASES.answer})
    return full, replace(full, one_of={**asked, **shown})


TEXT = ALIASES.model_copy(
    update={
        "answer": ("response", "answer", "output", "solution"),
        "rationale": (),
        "context": (),
        "options": (),
    }
)


def _text(containers: frozenset[Container]) -> tuple[Shape, ...]:
    pairs = (("question", "response"), ("question", "answer"), ("problem", "solution"), ("instruction", "output"))
    shown = frozenset({"image", "images", "video", "conversations"})
    return tuple(Shape(containers, frozenset(pair), forbids=shown) for pair in pairs)


FLAT: Mapping[str, Family] = {
    family.name: family
    for family in (
        _family("flat_qa_json", Recipe(), *_generic(ARRAY)),
        _family("flat_qa_parquet", Recipe(), *_generic(PARQUET)),
        _family("flat_qa_jsonl", Recipe(), *_generic(ARRAY)),
        _family("flat_qa_tsv", Recipe(), *_generic(TABLE)),
        _family("keyed_json", Recipe(), *_generic(KEYED)),
        _family(
            "cauldron_parquet",
            Recipe(_fields(question=("user",), answer=("assistant",), media=("images",)), pairs="texts"),
            _rows(PARQUET | ARRAY, "images", "texts"),
        ),
        _family("qa_list_parquet", Recipe(pairs="qa"), _rows(PARQUET | ARRAY, "image", "qa")),
        _family(
            "base64_jsonl",
            Recipe(
                _fields(question=("inputs", "instruction"), answer=("outputs",), media=tuple(sorted(BASE64_KEYS))),
                system="instruction",
                optional=True,
            ),
            _rows(ARRAY | PARQUET, "instruction", "inputs", "outputs"),
        ),
        _family(
            "laion_gpt4v",
            Recipe(_fields(answer=("caption",), media=("link", "url"), context=("caption",)), ask=DESCRIBE),
            _rows(PARQUET | TABLE, "link", "caption"),
        ),
        _family(
            "wit_tsv",
            Recipe(
                _fields(
                    answer=(
                        "caption_reference_description",
                        "caption_attribution_description",
                        "context_page_description",
                    ),
                    media=("image_url",),
                    context=("context_section_description", "context_page_description"),
                ),
                ask=DESCRIBE,
            ),
            _rows(TABLE | PARQUET, "image_url", "caption_reference_description"),
        ),
        _family(
            "narratives_jsonl",
            Recipe(
                _fields(question=(), answer=("caption",), context=("caption",)), media="{image_id}.jpg", ask=DESCRIBE
            ),
            _rows(ARRAY, "dataset_id", "image_id", "annotator_id", "caption"),
        ),
        _family(
            "mimicit_json",
            Recipe(_fields(question=("instruction",), answer=("answer",), media=("image_ids", "images"))),
            _rows(KEYED | ARRAY, "instruction", "answer", "image_ids"),
        ),
        # Benchmarks and publishers' own layouts.
        _family(
            "clevr_json",
            Recipe(media="images/{split}/{image_filename}"),
            _rows(ARRAY, "question", "image_filename", "question_index", at="questions"),
        ),
        _family(
            "textvqa_json",
            Recipe(media="train_images/{image_id}.jpg"),
            _rows(ARRAY, "question", "image_id", "image_classes", at="data"),
        ),
        _family("chartqa_json", Recipe(media="{folder}png/{imgname}"), _rows(ARRAY, "imgname", "query")),
        _family("vqarad_json", Recipe(media="images/{image_name}"), _rows(ARRAY, "image_name", "question", "qid")),
        _family(
            "gqa_json",
            Recipe(_fields(answer=("answer",)), media="images/{imageId}.jpg"),
            _rows(KEYED, "question", "imageId"),
        ),
        _family(
            "ocrvqa_json",
            Recipe(pairs="pairs", prepare=aligned, media="images/{key}.jpg"),
            _rows(KEYED, "questions", "answers"),
        ),
        _family(
            "tabmwp_json",
            Recipe(media="tables/{key}.png"),
            _rows(KEYED, "question", "choices", "answer", "table", "solution"),
        ),
        _family(
            "scienceqa_json",
            Recipe(media="images/{split}/{key}/{image}", system="hint", optional=True),
            _rows(KEYED, "question", "choices", "answer", "hint"),
        ),
        _family("visual_genome_json", Recipe(pairs="qas", media="VG_100K/{id}.jpg"), _rows(ARRAY, "id", "qas")),
        _family(
            "coco_joined_json",
            Recipe(
                _fields(question=("task", "instruction"), answer=("answer", "response"), media=("image_id", "id")),
            ),
            _rows(ARRAY, "task", "answer", "image_id", at="annotations"),
            _rows(ARRAY, "id", "instruction", "response", at="data"),
        ),
        _family(
            "vsr_jsonl",
            Recipe(
                _fields(answer=("label",), context=()),
                ask="Is this statement about the picture true or false? {caption}",
                words={"0": "False", "1": "True"},
            ),
            _rows(ARRAY | PARQUET, "caption", "label", "relation", "image"),
        ),
        _family(
            "nlvr2_jsonl",
            Recipe(
                _fields(question=(), answer=("label",), media=("images",), id=("identifier",)),
                prepare=two_pictures,
                ask="Is this statement about the two pictures true or false? {sentence}",
            ),
            _rows(ARRAY, "sentence", "identifier", "left_url", "right_url"),
        ),
        _family(
            "demon_json",
            Recipe(
                _fields(
                    question=("task_instance.context",),
                    answer=("response",),
                    options=("task_instance.choice_list",),
                    media=("task_instance.images_path",),
                    context=(),
                )
            ),
            _rows(ARRAY, "task_instance", "response"),
        ),
        _family(
            "wtq_tsv", Recipe(_fields(context=()), prepare=several), _rows(TABLE, "utterance", "context", "targetValue")
        ),
        # Tables as text.
        _family(
            "finqa_json",
            Recipe(
                _fields(question=("qa.question",), answer=("qa.answer", "qa.exe_ans"), rationale=("qa.explanation",)),
                prepare=filing,
                system="context",
                shows=False,
            ),
            _rows(ARRAY, "pre_text", "post_text", "table", "qa"),
        ),
        _family(
            "tatqa_json",
            Recipe(prepare=report, pairs="pairs", system="context", shows=False),
            _rows(ARRAY, "table", "paragraphs", "questions"),
        ),
        # Videos.
        _family(
            "nextqa_csv",
            Recipe(media="{video}.mp4", by_index=True),
            _rows(TABLE, "video", "question", "answer", "a0", "a1", "a2", "a3", "a4"),
        ),
        _family(
            "videoinstruct_json",
            Recipe(_fields(question=("q",), answer=("a",)), media="{video_id}.mp4"),
            _rows(ARRAY, "q", "a", "video_id"),
        ),
        _family(
            "videochatgpt_bench_json",
            Recipe(prepare=asked_twice, pairs="pairs", media="{video_name}.mp4"),
            _rows(ARRAY, "Q", "A", "video_name"),
            _rows(ARRAY, "Q1", "Q2", "A", "video_name"),
        ),
        _family(
            "egoschema",
            Recipe(media="{video_idx}.mp4", by_index=True),
            _rows(PARQUET, "question", "video_idx", "option", "answer"),
        ),
        _family(
            "videomme_parquet",
            Recipe(media="{videoID}.mp4"),
            _rows(PARQUET, "question", "options", "answer", "videoID"),
        ),
        # Text alone.
        _family("text_parquet", Recipe(TEXT, system="system_prompt", shows=False), *_text(PARQUET)),
        _family("text_json", Recipe(TEXT, shows=False), *_text(ARRAY)),
        # Two sides that come together.
        _family(
            "vqa_pair_json",
            Recipe(
                _fields(
                    question=("question.question",),
                    answer=("annotation.multiple_choice_answer", "annotation.answers"),
                    options=("question.multiple_choices",),
                    id=("image_id",),
                ),
                pairs="pairs",
                media="{subset}/COCO_{subset}_{image_id:012d}.jpg",
            ),
            _side(QUESTIONS, "image_id", "question", "question_id", at="questions"),
            _side(ANNOTATIONS, "image_id", "answers", "question_id", at="annotations"),
            joiner=answered,
        ),
        _family(
            "activitynetqa_json",
            Recipe(
                _fields(question=("question.question",), answer=("annotation.answer",)),
                pairs="pairs",
                media="v_{video_name}.mp4",
            ),
            _side(QUESTIONS, "question_id", "question", "video_name"),
            _side(ANNOTATIONS, "question_id", "answer", "type"),
            joiner=answered,
        ),
        _family(
            "llava_eval_jsonl",
            Recipe(_fields(question=("question.text",), answer=("annotation.text",)), pairs="pairs"),
            _side(QUESTIONS, "question_id", "text", "image"),
            replace(_side(ANNOTATIONS, "question_id", "text"), forbids=frozenset({"image"})),
            joiner=answered,
        ),
        _family(
            "coco_json",
            Recipe(
                _fields(
                    id=("annotation.id",),
                    question=(),
                    answer=("annotation.caption",),
                    media=("image.file_name",),
                    context=("annotation.caption",),
                ),
                media="{subset}/{image.file_name}",
                ask=DESCRIBE,
            ),
            _side(IMAGES, "id", "file_name", at="images"),
            _side(ANNOTATIONS, "image_id", "caption", at="annotations"),
            joiner=captioned,
        ),
    )
}
