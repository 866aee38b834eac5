"""Logs, to which stages append."""

import pyarrow as pa

from schemas.columns import (
    BOOL,
    DOUBLE,
    EXPECTATIONS,
    INT,
    LONG,
    ORIGIN,
    STRING,
    STRINGS,
    SUBJECT,
    TIME,
    Column,
    Table,
    must,
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
        Column("duplicate_of", STRING, "sample_id of the twin that stays, or file:position of a benchmark entry"),
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
        Column("judge_id", STRING, "judge whose verdicts decided"),
        Column("versions", STRING, "versions of the tables that it was made of, JSON"),
        Column("restored_from", LONG, "earlier release whose rows these are, after a rollback"),
        must("at", TIME, "UTC"),
    ),
    {},
)
