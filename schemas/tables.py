"""Table schemas: one value per table, in Arrow, from which Spark's and the constraints follow."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

STRING, LONG, INT, DOUBLE, BOOL, BINARY = pa.string(), pa.int64(), pa.int32(), pa.float64(), pa.bool_(), pa.binary()
TIME = pa.timestamp("us", tz="UTC")
STRINGS = pa.list_(STRING)
TURNS = pa.list_(pa.struct([("role", STRING), ("text", STRING)]))
ORIGIN = pa.struct(
    [("file", STRING), ("position", LONG), ("units", LONG), ("record_hash", STRING), ("original_id", STRING)]
)
CHECKS = pa.struct(
    [
        ("gold_preserved", BOOL),
        ("arithmetic_holds", BOOL),
        ("no_refusal", BOOL),
        ("no_template", BOOL),
        ("no_repetition", BOOL),
    ]
)
TERMS = pa.struct([("spdx", STRING), ("commercial", STRING), ("redistribution", STRING)])


@dataclass(frozen=True)
class Column:
    """One column; `required` makes it NOT NULL."""

    name: str
    type: pa.DataType
    comment: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """One Delta table of the pipeline."""

    name: str
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    checks: Mapping[str, str]
    partition_by: tuple[str, ...] = ()

    @property
    def arrow(self) -> pa.Schema:
        """The Arrow schema that row code builds batches with."""
        return pa.schema(
            [pa.field(c.name, c.type, nullable=not c.required, metadata={"comment": c.comment}) for c in self.columns]
        )


def _must(name: str, kind: pa.DataType, comment: str) -> Column:
    return Column(name, kind, comment, required=True)


SAMPLES = Table(
    "samples",
    "Unified samples: one conversation with its media, whatever format it came in.",
    ("sample_id",),
    (
        _must("sample_id", STRING, "sha256 of source_id and content_id"),
        _must("content_id", STRING, "sha256 of media ids, conversation, evidence and gold answer"),
        _must("source_id", STRING, "catalogue id"),
        _must("group", STRING, "A kept, B rewritten, C dropped, text"),
        _must("category", STRING, "one of the ten categories"),
        _must("modality", STRING, "image, multi_image, video or text"),
        Column("language", STRING, "ISO 639-1 code as detected"),
        _must("media", STRINGS, "media ids in the order of their placeholders"),
        _must("media_status", STRING, "present, absent (annotations alone) or none"),
        _must("conversation", TURNS, "turns; <image> and <video> stand where media go"),
        Column("gold_answer", STRING, "the source's own short answer, if it has one"),
        Column("evidence", STRING, "text that stands for the picture: table, OCR tokens, caption, context"),
        Column("evidence_kind", STRING, "table, ocr, caption, context or formula"),
        _must("licence", TERMS, "terms of the source"),
        _must("origin", ORIGIN, "where the record stands in the publisher's files"),
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
        _must("media_id", STRING, "sha256 of the original bytes"),
        _must("kind", STRING, "image or video"),
        _must("format", STRING, "container as decoded, e.g. JPEG, PNG, mp4"),
        _must("bytes", LONG, "original size in bytes"),
        _must("width", INT, "original width in px"),
        _must("height", INT, "original height in px"),
        _must("frames", INT, "frames in the original"),
        Column("fps", DOUBLE, "frames per second of a video"),
        Column("duration_s", DOUBLE, "seconds of a video"),
        Column("phash", STRING, "64-bit perceptual hash of the first part, hex"),
        _must("parts", INT, "rows in media_bytes"),
        _must("standard_width", INT, "width of part 0 as stored"),
        _must("standard_height", INT, "height of part 0 as stored"),
        Column("notes", STRING, "what standardisation changed: resized, padded, rotated, mode, animated"),
    ),
    {},
)

MEDIA_BYTES = Table(
    "media_bytes",
    "Standardised pictures, stored once; a video is its sampled frames.",
    ("media_id", "part"),
    (
        _must("media_id", STRING, "sha256 of the original bytes"),
        _must("part", INT, "0 for a picture, 0..n for frames"),
        _must("sha256", STRING, "of the stored bytes"),
        _must("format", STRING, "jpeg or png"),
        _must("width", INT, "px"),
        _must("height", INT, "px"),
        Column("at_s", DOUBLE, "time of a frame in the video, seconds"),
        _must("data", BINARY, "encoded picture"),
        _must("bucket", INT, "prefix of media_id modulo the number of buckets"),
    ),
    {},
    ("bucket",),
)

REJECTS = Table(
    "rejects",
    "Records and samples that were dropped, with the reason.",
    (),
    (
        _must("stage", STRING, "stage that dropped it"),
        _must("run_id", STRING, "run that dropped it"),
        _must("source_id", STRING, "catalogue id"),
        _must("drop_reason", STRING, "one of the closed list"),
        Column("detail", STRING, "what was found and what was allowed"),
        _must("origin", ORIGIN, "where the record stands in the publisher's files"),
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
        _must("prompt_version", STRING, "sha256 of the template's content"),
        _must("name", STRING, "file name of the template"),
        _must("purpose", STRING, "rewrite, judge or score"),
        _must("text", STRING, "the template as used"),
        _must("first_used", TIME, "when a run first used it"),
        _must("run_id", STRING, "that run"),
    ),
    {},
)

REQUESTS = Table(
    "requests",
    "The work list of a run: every call that it needs and that no call answers yet.",
    ("run_id", "call_key"),
    (
        _must("run_id", STRING, "run"),
        _must("call_key", STRING, "what would be asked, as a hash"),
        _must("purpose", STRING, "rewrite, judge or score"),
        _must("subject_id", STRING, "content_id or pair_id"),
        _must("sample_id", STRING, "sample that the subject belongs to"),
        _must("engine", STRING, "name of the engine in the configuration"),
        _must("prompt_version", STRING, "template"),
        _must("bucket", INT, "bucket of the first picture, or of content_id for text"),
        _must("wave", INT, "order of work within the run"),
    ),
    {},
)

CALLS = Table(
    "calls",
    "Engine replies, verbatim; the log that nothing is paid twice by.",
    ("call_key", "attempt"),
    (
        _must("call_key", STRING, "what was asked, as a hash"),
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
        _must("pair_id", STRING, "sha256 of media ids, instruction and response"),
        _must("sample_id", STRING, "sample it was made from"),
        _must("content_id", STRING, "content of that sample"),
        _must("source_id", STRING, "catalogue id"),
        _must("call_key", STRING, "call whose reply holds the pair"),
        _must("position", INT, "place in the reply"),
        Column("task_type", STRING, "task type that the model named"),
        _must("parse_status", STRING, "ok, or why the reply gave no pair"),
        _must("instruction", STRING, "first user turn"),
        _must("response", STRING, "what follows it"),
        _must("conversation", TURNS, "all turns; placeholders as in samples"),
        _must("text_evidence", BOOL, "written from the source's text, not from the picture"),
        _must("checks", CHECKS, "deterministic checks; NULL where one does not apply"),
    ),
    {},
)

JUDGED = Table(
    "judged",
    "Verdicts and scores of pairs and originals, one row per judge.",
    ("subject_id", "judge_id"),
    (
        _must("subject_id", STRING, "pair_id, or content_id of an original"),
        _must("subject_kind", STRING, "rewritten or original"),
        _must("judge_id", STRING, "sha256 of judge prompt, model, revision and sampling"),
        _must("judge", STRING, "name of the judge in the configuration"),
        _must("sample_id", STRING, "sample that the subject belongs to"),
        _must("source_id", STRING, "catalogue id"),
        Column("p_yes", DOUBLE, "probability of Yes among the labels"),
        Column("label_mass", DOUBLE, "share of all probability that the labels hold"),
        _must("verdict", STRING, "yes, no or unparsed"),
        Column("content_score", DOUBLE, "information content, 1-5, expected value"),
        Column("relevance_score", DOUBLE, "relevance, 1-5, expected value"),
        _must("checks", CHECKS, "deterministic checks; NULL where one does not apply"),
        Column("call_key", STRING, "the judging call"),
    ),
    {"judged_p": "p_yes IS NULL OR (p_yes >= 0 AND p_yes <= 1)"},
)

QUALITY = pa.struct(
    [("p_yes", DOUBLE), ("content", DOUBLE), ("relevance", DOUBLE), ("checks", CHECKS)],
)
LINEAGE = pa.struct(
    [
        ("sample_id", STRING),
        ("pair_id", STRING),
        ("call_key", STRING),
        ("judge_id", STRING),
        ("prompt_version", STRING),
        ("model", STRING),
        ("revision", STRING),
        ("origin", ORIGIN),
    ]
)
INSTRUCT = Table(
    "instruct",
    "The release: instruction rows that a gate has passed.",
    ("id",),
    (
        _must("id", STRING, "pair_id of a rewrite, sample_id of an original"),
        _must("release_id", LONG, "release that published the row"),
        _must("conversation", TURNS, "turns; <image> and <video> stand where media go"),
        _must("media", STRINGS, "media ids in the order of their placeholders"),
        _must("modality", STRING, "image, multi_image, video or text"),
        _must("category", STRING, "one of the ten categories"),
        _must("source_id", STRING, "catalogue id"),
        _must("group", STRING, "A, B, C or text"),
        _must("kind", STRING, "original or rewritten"),
        _must("split", STRING, "si or ov"),
        Column("language", STRING, "ISO 639-1 code as detected"),
        _must("licence", TERMS, "terms of the source"),
        _must("quality", QUALITY, "what judge and checks said; NULL where not asked"),
        _must("lineage", LINEAGE, "the way back to the source file"),
    ),
    {"instruct_turns": "size(conversation) >= 2", "instruct_split": "split IN ('si', 'ov')"},
)

RUNS = Table(
    "runs",
    "Stage executions, one row per stage and source where a stage counts by source.",
    (),
    (
        _must("run_id", STRING, "run"),
        _must("stage", STRING, "stage"),
        Column("source_id", STRING, "catalogue id; NULL for the whole stage"),
        _must("started", TIME, "UTC"),
        _must("ended", TIME, "UTC"),
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
        _must("facts", STRING, "anything else worth keeping, JSON"),
    ),
    {},
)

EXPECTATIONS = pa.list_(
    pa.struct([("name", STRING), ("success", BOOL), ("observed", STRING), ("allowed", STRING), ("examples", STRINGS)])
)
GATES = Table(
    "gates",
    "Gate verdicts: what was checked on which pinned version, and what came out.",
    (),
    (
        _must("gate_id", STRING, "verdict"),
        _must("run_id", STRING, "run"),
        _must("table", STRING, "table that was checked"),
        _must("table_version", LONG, "its pinned version"),
        _must("success", BOOL, "every expectation held"),
        _must("rows", LONG, "rows checked"),
        _must("expectations", EXPECTATIONS, "each expectation with what it saw"),
        _must("at", TIME, "UTC"),
    ),
    {},
)

RELEASES = Table(
    "releases",
    "Release manifests.",
    ("release_id",),
    (
        _must("release_id", LONG, "1, 2, 3, ..."),
        _must("table_version", LONG, "version of instruct that holds it"),
        _must("rows", LONG, "rows"),
        _must("counts", STRING, "rows by category, source, kind and split, JSON"),
        _must("content_hash", STRING, "order-free hash of all rows"),
        _must("gate_id", STRING, "verdict that let it pass"),
        _must("run_id", STRING, "run that published it"),
        _must("config", STRING, "configuration of that run, JSON"),
        _must("at", TIME, "UTC"),
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
