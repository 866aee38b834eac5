"""Flat families of one publisher each: benchmarks and original releases in their own layouts."""

from collections.abc import Mapping
from dataclasses import replace

from udfs.adapters.family import Family, Shape
from udfs.adapters.flat import Recipe
from udfs.adapters.joins import QUESTIONS, beside, key_of, named_after
from udfs.adapters.media import KEY
from udfs.adapters.prepare import (
    aligned,
    asked_twice,
    chosen_or_written,
    filing,
    in_its_video,
    numbered,
    of_task,
    page,
    report,
    several,
    two_pictures,
    united,
    unknown,
)
from udfs.adapters.shapes import ARRAY, FILES, KEYED, PARQUET, TABLE, family, fields, rows, side

OCR = "ocr_lines"
TWO = "Is this statement about the two pictures true or false? {{{}}}"
PUBLISHERS: Mapping[str, Family] = {
    made.name: made
    for made in (
        family(
            "clevr_json",
            Recipe(
                media=("{above}images/{split}/{image_filename}",),
                prepare=numbered,
                words={"True": "yes", "False": "no"},
            ),
            rows(ARRAY, "question", "image_filename", at="questions"),
        ),
        family(
            "textvqa_json",
            Recipe(media=("train_images/{image_id}.jpg",)),
            side(QUESTIONS, "image_id", "question", "image_classes", at="data"),
            replace(side("tokens", "image_id", "ocr_tokens", at="data"), spare=True),
            joiner=beside(QUESTIONS, {"ocr_tokens": "ocr_tokens"}),
        ),
        family(
            "chartqa_json",
            Recipe(media=("{folder}png/{imgname}",)),
            Shape(ARRAY, frozenset({"imgname", "query"}), None, QUESTIONS, named_after("imgname")),
            Shape(FILES, frozenset({"table"}), "table", "tables", key_of(KEY), spare=True),
            joiner=beside(QUESTIONS, {"table": "table"}, spare=True),
        ),
        family(
            "docvqa_json",
            Recipe(fields(id=("questionId",), media=("image",), context=(OCR,)), prepare=page),
            Shape(
                ARRAY,
                frozenset({"questionId", "question", "image", "ucsf_document_id"}),
                "data",
                QUESTIONS,
                named_after("image"),
            ),
            Shape(FILES, frozenset({"recognitionResults"}), "json", OCR, key_of(KEY), spare=True),
            joiner=beside(QUESTIONS, {OCR: "recognitionResults.0.lines.*.text"}, spare=True),
        ),
        family(
            "infographicvqa_json",
            Recipe(fields(context=(OCR,))),
            Shape(
                ARRAY,
                frozenset({"questionId", "question", "image_local_name", "ocr_output_file"}),
                "data",
                QUESTIONS,
                named_after("ocr_output_file"),
            ),
            Shape(FILES, frozenset({"LINE"}), "json", OCR, key_of(KEY), spare=True),
            joiner=beside(QUESTIONS, {OCR: "LINE.*.Text"}, spare=True),
        ),
        family("vqarad_json", Recipe(), rows(ARRAY, "image_name", "question", "qid")),
        family(
            "gqa_json",
            Recipe(fields(answer=("answer",)), media=("images/{imageId}.jpg",)),
            rows(KEYED, "question", "imageId"),
        ),
        family(
            "ocrvqa_json",
            Recipe(pairs="pairs", prepare=aligned, media=("images/{key}.jpg",)),
            rows(KEYED, "questions", "answers"),
            rows(PARQUET, "image", "questions", "answers"),
        ),
        family(
            "tabmwp_json",
            Recipe(media=("{folder}tables/{key}.png",), prepare=united, by_text=True),
            rows(KEYED, "question", "choices", "answer", "table", "solution"),
        ),
        family(
            "scienceqa_json",
            Recipe(media=("{split}/{key}/{image}",), system="hint", optional=True, by_index=True),
            rows(KEYED, "question", "choices", "answer", "hint"),
            rows(PARQUET, "image", "question", "choices", "answer", "hint"),
        ),
        family(
            "visual_genome_json",
            Recipe(pairs="qas", media=("{id}.jpg",)),
            rows(ARRAY, "id", "qas"),
            rows(PARQUET, "image", "qas"),
        ),
        family(
            "coco_joined_json",
            Recipe(
                fields(
                    question=("task", "instruction"), answer=("answer", "response"), media=("image", "image_id", "id")
                ),
            ),
            replace(rows(ARRAY, "task", "answer", "image_id"), forbids=frozenset({"question"})),
            rows(ARRAY, "id", "instruction", "response"),
        ),
        family(
            "vsr_jsonl",
            Recipe(
                fields(answer=("label",), context=()),
                ask="Is this statement about the picture true or false? {caption}",
                words={"0": "False", "1": "True"},
            ),
            rows(ARRAY | PARQUET, "caption", "label", "relation", "image"),
        ),
        family(
            "nlvr2_jsonl",
            Recipe(
                fields(question=(), answer=("label",), media=("images",), id=("identifier",)),
                prepare=two_pictures,
                ask=TWO.format("sentence"),
            ),
            rows(ARRAY, "sentence", "identifier", "left_url", "right_url"),
            rows(PARQUET, "sentence", "label", "left_image", "right_image"),
        ),
        family(
            "nlvr2_parquet",
            Recipe(fields(question=(), media=("images",)), prepare=two_pictures, ask=TWO.format("question")),
            rows(PARQUET, "question", "answer", "left_image", "right_image"),
        ),
        family(
            "demon_json",
            Recipe(
                fields(
                    question=("task_instance.context",),
                    answer=("response",),
                    options=("task_instance.choice_list",),
                    media=("task_instance.images_path",),
                    context=(),
                ),
                free=True,
                by_text=True,
                prepare=of_task,
            ),
            replace(rows(ARRAY, "task_instance", "response"), drawn="#task_instruction"),
        ),
        family(
            "wtq_tsv", Recipe(fields(context=()), prepare=several), rows(TABLE, "utterance", "context", "targetValue")
        ),
        family(
            "vqa_idk_json", Recipe(prepare=unknown, free=True), rows(ARRAY, "image", "question", "answer", "keywords")
        ),
        family(
            "aokvqa_json",
            Recipe(
                fields(answer=("correct_choice_idx", "direct_answers")),
                prepare=chosen_or_written,
                media=("{coco}/{image_id:012d}.jpg", "{image_id:012d}.jpg"),
                by_index=True,
            ),
            rows(ARRAY | PARQUET, "question", "choices", "correct_choice_idx", "direct_answers"),
        ),
        # Tables as text.
        family(
            "finqa_json",
            Recipe(
                fields(
                    question=("qa.question", "question"),
                    answer=("qa.answer", "qa.exe_ans", "answer", "answers", "final_result"),
                    rationale=("qa.explanation",),
                ),
                prepare=filing,
                system="context",
                shows=False,
            ),
            rows(ARRAY | PARQUET, "pre_text", "post_text", "table", "qa"),
            rows(ARRAY | PARQUET, "pre_text", "post_text", "table", "question"),
        ),
        family(
            "tatqa_json",
            Recipe(
                fields(rationale=("derivation",)),
                prepare=report,
                pairs="pairs",
                system="context",
                shows=False,
                parts=True,
            ),
            rows(ARRAY | PARQUET, "table", "paragraphs", "questions"),
        ),
        # Videos.
        family(
            "nextqa_csv",
            Recipe(media=("{video}.mp4",), prepare=in_its_video, by_index=True),
            rows(TABLE | PARQUET, "video", "question", "answer", "a0", "a1", "a2", "a3", "a4"),
            replace(rows(TABLE | PARQUET, "video", "question", "answer", "qid", "type"), forbids=frozenset({"a0"})),
        ),
        family(
            "videoinstruct_json",
            Recipe(fields(question=("q",), answer=("a",)), media=("{video_id}.mp4",), free=True),
            rows(ARRAY, "q", "a", "video_id"),
        ),
        family(
            "videochatgpt_bench_json",
            Recipe(prepare=asked_twice, pairs="pairs", media=("{video_name}.mp4",), free=True),
            rows(ARRAY, "Q", "A", "video_name"),
            rows(ARRAY, "Q1", "Q2", "A", "video_name"),
            rows(PARQUET, "question", "question_1", "question_2", "answer", "video_name"),
        ),
        family(
            "egoschema",
            Recipe(fields(id=("question_idx",)), media=("{video_idx}.mp4",), by_index=True),
            rows(PARQUET, "question", "video_idx", "option", "answer"),
        ),
        family(
            "videomme_json",
            Recipe(pairs="questions", media=("{video_id}.mp4",), by_letter=True),
            rows(ARRAY, "video_id", "questions"),
        ),
        family(
            "videomme_parquet",
            Recipe(media=("{videoID}.mp4",), by_letter=True),
            rows(PARQUET, "question", "options", "answer", "videoID"),
        ),
    )
}
