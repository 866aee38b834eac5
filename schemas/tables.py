"""Table schemas: one value per table, in Arrow, from which Spark's and the constraints follow."""

from collections.abc import Mapping

import pyarrow as pa

from schemas.columns import (
    BINARY, BOOL, CHECKS, DOUBLE, EXPECTATIONS, INT, LINEAGE, LONG, ORIGIN, QUALITY, STRING, STRINGS, SUBJECT, TERMS,
    TIME, TURNS, Column, Table, must,
)  # fmt: skip

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

REJECTS = Table(
    "rejects",
    "Records and samples that were dropped, with the reason.",
    (),
    (
        must("stage", STRING, "stage that dropped it"),
        must("run_id", STRING, "run that dropped it"),
        must("source_id", STRING, "catalogue id"),
        must("drop_reason", STRING, "one of the closed list"),
        Column("detail", STRING, "what was found and what was allowed"),
        must("origin", ORIGIN, "where the record stands in the publisher's files"),
        Column("excerpt", STRING, "start of the record"),
        Column("duplicate_of", STRING, "sample_id of the twin that was kept"),
    ),
    {},
)

PROMPTS = Table(
    "prompts",
    "Prompt versions and their full text.",
    ("prompt_version",),
    (
        must("prompt_version", STRING, "sha256 of the template's content"),
        must("name", STRING, "file name of the template"),
        must("purpose", STRING, "rewrite, judge or score"),
        must("text", STRING, "the template as used"),
        must("first_used", TIME, "when a run first used it"),
        must("run_id", STRING, "that run"),
    ),
    {},
)

REQUESTS = Table(
    "requests",
    "The work list of a run: every call that it needs and that no call answers yet.",
    ("run_id", "call_key"),
    (
        must("run_id", STRING, "run"),
        must("stage", STRING, "stage that asks"),
        must("call_key", STRING, "what would be asked, as a hash"),
        must("purpose", STRING, "rewrite, judge or score"),
        must("subject_id", STRING, "content_id or pair_id"),
        must("sample_id", STRING, "sample that the subject belongs to"),
        must("engine", STRING, "name of the engine in the configuration"),
        must("prompt_version", STRING, "template"),
        must("bucket", INT, "bucket of the first picture, or of content_id for text"),
        must("wave", INT, "order of work within the run"),
        must("subject", SUBJECT, "what rendering needs, so that a wave reads nothing but its requests and pictures"),
    ),
    {},
    ("run_id",),
)

CALLS = Table(
    "calls",
    "Engine replies, verbatim; the log that nothing is paid twice by.",
    ("call_key", "attempt"),
    (
        must("call_key", STRING, "what was asked, as a hash"),
        Column("attempt", INT, "1 for the first try of this key in this run"),
        Column("purpose", STRING, "rewrite, judge or score"),
        Column("subject_id", STRING, "content_id or pair_id"),
        Column("sample_id", STRING, "sample that the subject belongs to"),
        Column("prompt_version", STRING, "template"),
        Column("render_version", STRING, "how template and subject become messages"),
        Column("model", STRING, "model name"),
        Column("revision", STRING, "model revision"),
        Column("sampling", STRING, "sampling parameters, canonical JSON"),
        Column("status", STRING, "ok, length, invalid, engine, timeout, poison or budget"),
        Column("error", STRING, "what the engine said when status is not ok"),
        Column("reply", STRING, "text as the engine sent it"),
        Column("label_probs", pa.map_(STRING, DOUBLE), "probability of each label token"),
        Column("finish_reason", STRING, "stop, length, abort, error or repetition"),
        Column("prompt_tokens", LONG, "tokens of the request"),
        Column("cached_tokens", LONG, "of which in the engine's prefix cache"),
        Column("completion_tokens", LONG, "tokens of the reply"),
        Column("latency_s", DOUBLE, "seconds in the engine"),
        Column("request_hash", STRING, "sha256 of the rendered request, pictures by hash"),
        Column("pictures", STRINGS, "sha256 of the pictures as sent, in order"),
        Column("text_evidence", BOOL, "the source's text stood in for the picture"),
        Column("replayed", BOOL, "answered from the host's log, not paid in this run"),
        Column("engine", STRING, "engine host that answered"),
        Column("run_id", STRING, "run that stored it"),
        Column("at", TIME, "when it was answered"),
    ),
    {},
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
        must("parse_status", STRING, "ok, or why the reply gave no pair or lost its last one"),
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

RUNS = Table(
    "runs",
    "Stage executions, one row per stage and source where a stage counts by source.",
    (),
    (
        must("run_id", STRING, "run"),
        must("stage", STRING, "stage"),
        Column("source_id", STRING, "catalogue id; NULL for the whole stage"),
        must("started", TIME, "UTC"),
        must("ended", TIME, "UTC"),
        Column("files", LONG, "files read"),
        Column("ranges", LONG, "file ranges planned and read"),
        Column("records", LONG, "records that the reader counted"),
        Column("units", LONG, "publisher's own units in them"),
        Column("rows_in", LONG, "rows that the stage took"),
        Column("rows_out", LONG, "rows that the stage gave"),
        Column("rejected", LONG, "rows that the stage dropped, duplicates included"),
        Column("duplicates", LONG, "of which duplicates"),
        Column("calls_new", LONG, "engine calls paid for"),
        Column("calls_reused", LONG, "engine calls answered before"),
        must("facts", STRING, "anything else worth keeping, JSON"),
    ),
    {},
)

GATES = Table(
    "gates",
    "Gate verdicts: what was checked on which pinned version, and what came out.",
    (),
    (
        must("gate_id", STRING, "verdict"),
        must("run_id", STRING, "run"),
        must("table", STRING, "table that was checked"),
        must("table_version", LONG, "its pinned version"),
        must("success", BOOL, "every expectation held"),
        must("rows", LONG, "rows checked"),
        must("expectations", EXPECTATIONS, "each expectation with what it saw"),
        must("at", TIME, "UTC"),
    ),
    {},
)

RELEASES = Table(
    "releases",
    "Release manifests.",
    ("release_id",),
    (
        must("release_id", LONG, "1, 2, 3, ..."),
        must("table_version", LONG, "version of instruct that holds it"),
        must("rows", LONG, "rows"),
        must("counts", STRING, "rows by category, source, kind and split, JSON"),
        must("content_hash", STRING, "order-free hash of all rows"),
        must("gate_id", STRING, "verdict that let it pass"),
        must("run_id", STRING, "run that published it"),
        must("config", STRING, "configuration of that run, JSON"),
        must("at", TIME, "UTC"),
    ),
    {},
)

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        SAMPLES, MEDIA, MEDIA_BYTES, REJECTS, PROMPTS, REQUESTS, CALLS,
        REWRITTEN, JUDGED, INSTRUCT, RUNS, GATES, RELEASES,
    )
}  # fmt: skip
