"""Table schemas: one value per table, in Arrow, from which Spark's and the constraints follow."""

from collections.abc import Mapping

from schemas.columns import (
    BINARY,
    BOOL,
    CHECKS,
    DOUBLE,
    INT,
    LINEAGE,
    LONG,
    ORIGIN,
    QUALITY,
    STRING,
    STRINGS,
    TERMS,
    TURNS,
    Column,
    Table,
    must,
)
from schemas.logs import CALLS, GATES, PROMPTS, REJECTS, RELEASES, REQUESTS, RUNS

SAMPLES = Table(
    "samples",
    "Unified samples: one conversation with its media, whatever format it came in.",
    ("sample_id",),
    (
        must("sample_id", STRING, "sha256 of source_id and content_id"),
        must("content_id", STRING, "sha256 of media ids, conversation, evidence and gold answer"),
        must("source_id", STRING, "catalogue id"),
        must("group", STRING, "A kept, B rewritten, C dropped, text"),
        must("category", STRING, "one of the ten categories"),
        must("modality", STRING, "image, multi_image, video or text"),
        Column("language", STRING, "ISO 639-1 code as detected"),
        must("media", STRINGS, "media ids in the order of their placeholders"),
        must("media_status", STRING, "present, absent (annotations alone) or none"),
        must("conversation", TURNS, "turns; <image> and <video> stand where media go"),
        Column("gold_answer", STRING, "the source's own short answer, if it has one"),
        Column("evidence", STRING, "text that stands for the picture: table, OCR tokens, caption, context"),
        Column("evidence_kind", STRING, "table, ocr, caption, context or formula"),
        must("licence", TERMS, "terms of the source"),
        must("origin", ORIGIN, "where the record stands in the publisher's files"),
    ),
    {
        "samples_turns": "size(conversation) >= 2",
        "samples_media": "media_status <> 'present' OR size(media) > 0",
    },
    ("source_id",),
)

MEDIA = Table(
    "media",
    "Facts about one image or video.",
    ("media_id",),
    (
        must("media_id", STRING, "sha256 of the original bytes"),
        must("kind", STRING, "image or video"),
        must("format", STRING, "container as decoded, e.g. JPEG, PNG, mp4"),
        must("bytes", LONG, "original size in bytes"),
        must("width", INT, "original width in px"),
        must("height", INT, "original height in px"),
        must("frames", INT, "frames in the original"),
        Column("fps", DOUBLE, "frames per second of a video"),
        Column("duration_s", DOUBLE, "seconds of a video"),
        Column("phash", STRING, "64-bit perceptual hash of the first part, hex"),
        must("parts", INT, "rows in media_bytes"),
        must("standard_width", INT, "width of part 0 as stored"),
        must("standard_height", INT, "height of part 0 as stored"),
        Column("notes", STRING, "what standardisation changed: resized, padded, rotated, mode, animated"),
    ),
    {},
)

MEDIA_BYTES = Table(
    "media_bytes",
    "Standardised pictures, stored once; a video is its sampled frames.",
    ("media_id", "part"),
    (
        must("media_id", STRING, "sha256 of the original bytes"),
        must("part", INT, "0 for a picture, 0..n for frames"),
        must("sha256", STRING, "of the stored bytes"),
        must("format", STRING, "jpeg or png"),
        must("width", INT, "px"),
        must("height", INT, "px"),
        Column("at_s", DOUBLE, "time of a frame in the video, seconds"),
        must("data", BINARY, "encoded picture"),
        must("bucket", INT, "prefix of media_id modulo the number of buckets"),
    ),
    {},
    ("bucket",),
)

TWINS = Table(
    "twins",
    "Samples that repeat another sample or overlap with a benchmark; derived from samples and media.",
    ("sample_id", "kind"),
    (
        must("sample_id", STRING, "sample that repeats something"),
        must("source_id", STRING, "its source"),
        must("kind", STRING, "exact, near, benchmark_text or benchmark_picture"),
        must("twin", STRING, "sample_id of the sample that stays, or file:position of a benchmark's entry"),
        Column("similarity", DOUBLE, "share of text in common: Jaccard, or the part of a benchmark's n-grams found"),
        Column("distance", INT, "bits of 64 in which the picture hashes differ most; NULL where none were compared"),
        must("dropped", BOOL, "left out of all later stages, as the configuration says"),
    ),
    {"twins_similarity": "similarity IS NULL OR (similarity > 0 AND similarity <= 1)"},
)

REWRITTEN = Table(
    "rewritten",
    "Instruction and response pairs that rewriting made; derived from samples and calls.",
    ("pair_id",),
    (
        must("pair_id", STRING, "sha256 of media ids, instruction and response"),
        must("sample_id", STRING, "sample it was made from"),
        must("content_id", STRING, "content of that sample"),
        must("source_id", STRING, "catalogue id"),
        must("call_key", STRING, "call whose reply holds the pair"),
        must("position", INT, "place in the reply; -1 where the reply gave no pair"),
        Column("task_type", STRING, "task type that the model named"),
        must("parse_status", STRING, "ok, or why the reply gave no pair"),
        must("instruction", STRING, "first user turn; empty where the reply gave no pair"),
        must("response", STRING, "what follows it"),
        must("conversation", TURNS, "all turns; placeholders as in samples"),
        must("text_evidence", BOOL, "written from the source's text, not from the picture"),
        must("checks", CHECKS, "deterministic checks; NULL where one does not apply"),
    ),
    {},
)

JUDGED = Table(
    "judged",
    "Verdicts and scores of pairs and originals, one row per judge.",
    ("subject_id", "judge_id"),
    (
        must("subject_id", STRING, "pair_id, or content_id of an original"),
        must("subject_kind", STRING, "rewritten or original"),
        must("judge_id", STRING, "sha256 of judge prompt, model, revision and sampling"),
        must("judge", STRING, "name of the judge in the configuration"),
        must("sample_id", STRING, "sample that the subject belongs to"),
        must("source_id", STRING, "catalogue id"),
        Column("p_yes", DOUBLE, "probability of Yes among the labels"),
        Column("label_mass", DOUBLE, "share of all probability that the labels hold"),
        Column("verdict", STRING, "yes, no or unparsed; NULL where only scores were asked"),
        Column("content_score", DOUBLE, "information content, 1-5, expected value"),
        Column("relevance_score", DOUBLE, "relevance, 1-5, expected value"),
        must("checks", CHECKS, "deterministic checks; NULL where one does not apply"),
        Column("call_key", STRING, "the judging call"),
    ),
    {"judged_p": "p_yes IS NULL OR (p_yes >= 0 AND p_yes <= 1)"},
)

INSTRUCT = Table(
    "instruct",
    "The release: instruction rows that a gate has passed.",
    ("id",),
    (
        must("id", STRING, "pair_id of a rewrite, sample_id of an original"),
        must("release_id", LONG, "release that published the row"),
        must("conversation", TURNS, "turns; <image> and <video> stand where media go"),
        must("media", STRINGS, "media ids in the order of their placeholders"),
        must("modality", STRING, "image, multi_image, video or text"),
        must("category", STRING, "one of the ten categories"),
        must("source_id", STRING, "catalogue id"),
        must("group", STRING, "A, B, C or text"),
        must("kind", STRING, "original or rewritten"),
        must("split", STRING, "si or ov"),
        Column("language", STRING, "ISO 639-1 code as detected"),
        must("licence", TERMS, "terms of the source"),
        must("quality", QUALITY, "what judge and checks said; NULL where not asked"),
        must("lineage", LINEAGE, "the way back to the source file"),
    ),
    {"instruct_turns": "size(conversation) >= 2", "instruct_split": "split IN ('si', 'ov')"},
)

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        SAMPLES, MEDIA, MEDIA_BYTES, REJECTS, TWINS, PROMPTS, REQUESTS, CALLS,
        REWRITTEN, JUDGED, INSTRUCT, RUNS, GATES, RELEASES,
    )
}  # fmt: skip
