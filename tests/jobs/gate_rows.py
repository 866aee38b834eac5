"""Tables of any size as all stages would leave them, and one defect to plant for each rule of the gate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from jobs.candidates import Intake
from jobs.gate.subject import Candidate, Counted, Subject
from jobs.release import STAGED
from jobs.tables import spark_schema
from schemas.config import Config
from schemas.tables import TABLES

SOURCES = 10
INTAKE = Intake([], {"rewritten": {"accepted": 80, "below_threshold": 20}})
WORDS = "array_join(transform(sequence(1, {}), i -> substring(sha2(string(n * 100 + i), 256), 1, 6)), ' ')"
B, IMAGE = "n % 10 < 5", "n % 5 < 4"
SAMPLE, CONTENT, PAIR, CALL, MEDIA = (f"sha2(concat('{letter}', n), 256)" for letter in "scpkm")
LICENCE = "named_struct('spdx', 'MIT', 'commercial', 'yes', 'redistribution', 'yes')"
ORIGIN = "named_struct('file', 'a.json', 'position', n, 'units', 1L, 'record_hash', '', 'original_id', '', 'notes', '')"
TALK = (
    f"array(named_struct('role', 'user', 'text', concat(IF({IMAGE}, '<image>\\n', ''), {WORDS.format(20)})),"
    f" named_struct('role', 'assistant', 'text', {WORDS.format(100)}))"
)
SHARED = {
    "source_id": f"concat('source_', n % {SOURCES})", "group": f"IF({B}, 'B', 'A')", "licence": LICENCE,
    "category": f"IF({IMAGE}, 'Chart', 'Language')", "modality": f"IF({IMAGE}, 'image', 'text')", "language": "'en'",
    "media": f"IF({IMAGE}, array(sha2(concat('m', n % pictures), 256)), cast(array() AS array<string>))",
    "conversation": TALK,
}  # fmt: skip
MADE: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "samples": ("true", {
        **SHARED, "sample_id": SAMPLE, "content_id": CONTENT, "origin": ORIGIN,
        "media_status": f"IF({IMAGE}, 'present', 'none')",
    }),
    "instruct": ("n % 10 <> 9", {
        **SHARED, "id": f"IF({B}, {PAIR}, {SAMPLE})", "release_id": "1L", "kind": f"IF({B}, 'rewritten', 'original')",
        "split": "'si'", "p_yes": "0.8D", "origin": ORIGIN, "sample_id": SAMPLE, "prompt_version": "'p'",
        "pair_id": f"IF({B}, {PAIR}, NULL)", "call_key": f"IF({B}, {CALL}, NULL)",
        "judge_id": "'j'", "revision": "'r'", "model": "'m'",
    }),
    "rewritten": (B, {
        "pair_id": PAIR, "sample_id": SAMPLE, "content_id": CONTENT, "source_id": SHARED["source_id"], "call_key": CALL,
        "position": "0", "parse_status": "'ok'", "instruction": "'what?'", "response": "'this'", "conversation": TALK,
        "text_evidence": "true",
    }),
    "judged": (B, {
        "subject_id": PAIR, "subject_kind": "'rewritten'", "judge_id": "'j'", "judge": "'main'", "sample_id": SAMPLE,
        "source_id": SHARED["source_id"], "p_yes": "0.8D", "label_mass": "1D", "verdict": "'yes'",
        "content_score": "4D",
    }),
    "calls": (B, {"call_key": CALL, "purpose": "'rewrite'", "status": "'ok'", "attempt": "1", "prompt_tokens": "9L"}),
    "rejects": ("n % 10 = 0", {
        "stage": "'normalise'", "run_id": "'r'", "source_id": f"concat('source_', floor(n / 10) % {SOURCES})",
        "drop_reason": "'malformed_record'", "origin": ORIGIN, "detail": "'odd'",
    }),
    "twins": ("n % 20 = 3", {
        "sample_id": SAMPLE, "source_id": SHARED["source_id"], "kind": "'near'",
        "twin": "sha2(concat('s', n + 5), 256)", "similarity": "0.9D", "dropped": "false",
    }),
    "media": ("n < pictures", {
        "media_id": MEDIA, "kind": "'image'", "format": "'JPEG'", "bytes": "9L", "width": "9",
        "height": "9", "frames": "1", "parts": "1", "standard_width": "9", "standard_height": "9",
    }),
    "media_bytes": ("n < pictures", {
        "media_id": MEDIA, "part": "0", "format": "'jpeg'", "width": "9",
        "height": "9", "data": "NULL", "bucket": f"conv(substring({MEDIA}, 1, 8), 16, 10) % 256",
    }),
}  # fmt: skip


@dataclass(frozen=True)
class Defect:
    """What is put into the column of a row."""

    table: str
    rule: str
    column: str
    value: str
    where: str = ""
    """SQL of the rows; by default one row that no other defect touches."""


def _turns(text: str) -> str:
    return f"transform(conversation, (t, i) -> struct(t.role, {text} AS text))"


def _field(column: str, name: str, value: str) -> str:
    kind = spark_schema(TABLES["instruct"])[column].dataType
    pairs = (f"'{own}', {value if own == name else f'{column}.{own}'}" for own in kind.fieldNames())  # type: ignore[attr-defined]
    return f"named_struct({', '.join(pairs)})"


NO_LICENCE = "named_struct('spdx', '', 'commercial', 'no', 'redistribution', 'no')"
NO_FILE = ORIGIN.replace("a.json", "").replace(" n,", " 1L,")
BAD_LICENCE = "named_struct('spdx', 'CC-BY-NC-4.0', 'commercial', 'no', 'redistribution', 'no')"
DEFECTS = (
    # Samples whose n ends in 9 stand in no release, so that a lost one is nobody's sample.
    Defect("samples", "key_unique", "sample_id", "sha2('s9', 256)", "n = 19"),
    Defect("samples", "nothing_missing", "content_id", "NULL"),
    Defect("samples", "group_known", "group", "'D'"),
    Defect("samples", "category_known", "category", "'Charts'"),
    Defect("samples", "modality_known", "modality", "'picture'", "n = 61"),
    Defect("samples", "media_status_known", "media_status", "'gone'", "n = 62"),
    Defect("samples", "conversation_alternates", "conversation", "reverse(conversation)"),
    Defect("samples", "no_empty_turn", "conversation", _turns("IF(i = 1, ' \\n', t.text)")),
    Defect("samples", "media_status_matches", "media_status", "'present'", "n = 64"),
    Defect("samples", "modality_matches_media", "modality", "'text'", "n = 66"),
    Defect("samples", "licence_told", "licence", NO_LICENCE),
    Defect("samples", "origin_told", "origin", NO_FILE),
    Defect("media", "key_unique", "media_id", "sha2('m39', 256)", "n = 38"),
    Defect("media", "nothing_missing", "format", "NULL", "n = 10"),
    Defect("media", "kind_known", "kind", "'sound'", "n = 12"),
    Defect("media", "sizes_positive", "width", "0", "n = 11"),
    Defect("media", "picture_is_one_part", "parts", "2", "n = 13"),
    Defect("media", "decodes", "data", "substring(data, 1, 200)", "n = 16"),
    Defect("media_bytes", "format_known", "format", "'gif'", "n = 17"),
    Defect("media_bytes", "place_and_size", "bucket", "-1", "n = 18"),
    Defect("calls", "purpose_known", "purpose", "'ask'"),
    Defect("calls", "status_known", "status", "'fine'"),
    Defect("calls", "counts_positive", "prompt_tokens", "-1L"),
    Defect("rejects", "nothing_missing", "origin", "NULL", "n = 10"),
    Defect("rejects", "drop_reason_known", "drop_reason", "'bored'", "n = 20"),
    Defect("rejects", "stage_known", "stage", "'export'", "n = 30"),
    Defect("rejects", "duplicate_names_twin", "drop_reason", "'duplicate'", "n = 40"),
    Defect("twins", "nothing_missing", "source_id", "NULL", "n = 23"),
    Defect("twins", "kind_known", "kind", "'cousin'", "n = 43"),
    Defect("twins", "similarity_in_range", "similarity", "1.5D", "n = 63"),
    Defect("twins", "twin_is_another", "twin", "sample_id", "n = 83"),
    Defect("twins", "exact_is_dropped", "kind", "'exact'", "n = 103"),
    Defect("rewritten", "key_unique", "pair_id", "sha2('p1', 256)", "n = 2"),
    Defect("rewritten", "nothing_missing", "checks", "NULL"),
    Defect("rewritten", "parse_status_known", "parse_status", "'fine'"),
    Defect("rewritten", "pair_is_whole", "response", "''"),
    Defect("rewritten", "no_pair_is_empty", "position", "-1"),
    Defect("rewritten", "conversation_alternates", "conversation", "slice(conversation, 1, 1)"),
    Defect("rewritten", "no_empty_turn", "conversation", _turns("''")),
    Defect("judged", "key_unique", "subject_id", "sha2('p1', 256)", "n = 2"),
    Defect("judged", "nothing_missing", "judge", "NULL"),
    Defect("judged", "subject_kind_known", "subject_kind", "'both'"),
    Defect("judged", "verdict_known", "verdict", "'maybe'"),
    Defect("judged", "p_yes_in_range", "p_yes", "double('NaN')"),
    Defect("judged", "verdict_has_p_yes", "p_yes", "NULL"),
    Defect("judged", "scores_in_range", "content_score", "6D"),
    Defect("judged", "counts_match_log", "verdict", "NULL"),
    Defect("instruct", "key_unique", "id", "sha2('s15', 256)", "n = 5"),
    Defect("instruct", "key_unique", "lineage", _field("lineage", "sample_id", "sha2('s15', 256)"), "n = 5"),
    Defect("instruct", "nothing_missing", "quality", "NULL", "n = 17"),
    Defect("instruct", "release_id", "release_id", "2L"),
    Defect("instruct", "modality_known", "modality", "'picture'", "n = 61"),
    Defect("instruct", "modality_known", "split", "'ov'", "n = 61"),
    Defect("instruct", "category_known", "category", "'Charts'"),
    Defect("instruct", "group_known", "group", "'D'"),
    Defect("instruct", "kind_known", "kind", "'copied'"),
    Defect("instruct", "split_known", "split", "'train'", "n = 60"),
    Defect("instruct", "conversation_alternates", "conversation", f"concat(conversation, slice({TALK}, 2, 1))"),
    Defect("instruct", "no_empty_turn", "conversation", _turns("IF(i = 1, '\\t', t.text)")),
    Defect("instruct", "placeholders_match_media", "conversation", _turns("t.text || '<image>'")),
    Defect("instruct", "modality_matches_media", "modality", "'image'", "n = 54"),
    Defect("instruct", "placeholders_match_media", "conversation", _turns("replace(t.text, 'image', 'video')"), "n=70"),
    Defect("instruct", "conversation_length", "conversation", _turns("t.text || repeat(' so', 9999)")),
    Defect("instruct", "licence_allowed", "licence", BAD_LICENCE),
    Defect("instruct", "rewrites_are_judged", "quality", _field("quality", "p_yes", "double('NaN')"), "n = 71"),
    Defect("instruct", "lineage_complete", "lineage", _field("lineage", "model", "NULL"), "n = 72"),
    Defect("instruct", "split_matches_modality", "split", "'ov'", "n = 74"),
    Defect("instruct", "quality_in_range", "quality", _field("quality", "content", "double('NaN')"), "n = 75"),
    Defect("instruct", "pairs_known", "conversation", _turns("t.text || ' so'"), "n = 84"),
    Defect("instruct", "verdicts_known", "lineage", _field("lineage", "judge_id", "'nobody'"), "n = 91"),
    Defect("instruct", "samples_known", "lineage", _field("lineage", "sample_id", "'nobody'"), "n = 80"),
    Defect("instruct", "calls_known", "lineage", _field("lineage", "call_key", "'never'"), "n = 81"),
)  # fmt: skip
COUNTED = {
    *((table, "columns") for table in (*MADE, "runs")), ("runs", "nothing_missing"), ("runs", "ends_after_it_began"),
    ("samples", "counts_match_log"), ("samples", "records_add_up"), ("rejects", "counts_match_log"),
    ("twins", "counts_match_log"), ("twins", "samples_unchanged"), ("rewritten", "counts_match_log"),
    ("media", "parts_stored"), ("instruct", "dropped_stay_out"),
}  # fmt: skip
"""What `spoil` and some defects break as well: columns, and counts where rows change sides."""
PLANTED = {(defect.table, defect.rule) for defect in DEFECTS} | COUNTED


def make_frames(spark: SparkSession, rows: int, pictures: int = 50) -> dict[str, DataFrame]:
    """All tables without a defect, each with the column `n` that tells its rows apart."""
    frames = {name: _made(spark, rows, pictures, name) for name in MADE}
    samples, rejects = (frames[name].groupBy("source_id").count() for name in ("samples", "rejects"))
    counts = samples.join(rejects.withColumnRenamed("count", "lost"), "source_id", "left").na.fill(0, ["lost"])
    log = counts.selectExpr(
        "'normalise' AS stage", "source_id", "count + lost AS records", "count AS rows_out", "lost AS rejected"
    )
    pairs, twins = (frames[name].count() for name in ("rewritten", "twins"))
    whole = [
        ("rewrite", pairs, pairs, "{}"),
        ("judge", pairs, pairs, "{}"),
        ("dedup", rows, rows, f'{{"near flagged": {twins}, "looked_for": {{"near": true}}}}'),
    ]
    more = spark.createDataFrame(whole, "stage string, rows_in long, rows_out long, facts string")
    at = f.to_timestamp(f.lit("2026-01-01"))
    log = log.withColumn("facts", f.lit("{}")).unionByName(more, allowMissingColumns=True)
    log = log.withColumns({"run_id": f.lit("r"), "started": at, "ended": at})
    before = {name: f.col(name) - f.expr("INTERVAL 1 DAY") for name in ("started", "ended")}
    other = {"run_id": f.lit("r0"), "rows_out": f.col("rows_out") + 7, "rows_in": f.col("rows_in") + 7}
    frames["runs"] = _shaped(log.unionByName(log.withColumns({**before, **other})), "runs")  # an earlier run counts not
    return frames


def _made(spark: SparkSession, rows: int, pictures: int, name: str) -> DataFrame:
    where, columns = MADE[name]
    frame = spark.range(rows).selectExpr("id AS n", f"{pictures} AS pictures").where(where)
    frame = frame.selectExpr("n", *(f"{sql} AS `{column}`" for column, sql in columns.items()))
    if name == "media_bytes":
        stream = BytesIO()
        Image.new("RGB", (33, 31), (9, 128, 200)).save(stream, "JPEG")
        frame = frame.withColumn("data", f.lit(bytearray(stream.getvalue()))).withColumn("sha256", f.sha2("data", 256))
    return _shaped(frame, name)


def _shaped(frame: DataFrame, name: str) -> DataFrame:
    """All columns of the schema: those that are missing NULL, structs put together from columns of their fields."""
    columns = []
    for field in spark_schema(TABLES[name]).fields:
        kind, known = field.dataType, f.col(field.name) if field.name in frame.columns else None
        if known is None and kind.typeName() == "struct":
            inner = (f.col(own.name) if own.name in frame.columns else f.lit(None) for own in kind.fields)  # type: ignore[attr-defined]
            known = f.struct(*(c.cast(own.dataType).alias(own.name) for c, own in zip(inner, kind.fields, strict=True)))  # type: ignore[attr-defined]
        elif field.name == "checks":
            known = f.expr("named_struct('gold_preserved', true, 'arithmetic_holds', true, 'no_refusal', true,"
                           " 'no_template', true, 'no_repetition', true)")  # fmt: skip
        columns.append((f.lit(None) if known is None else known).cast(kind).alias(field.name))
    return frame.select(*(["n"] if "n" in frame.columns else []), *columns)


def plant(frames: Mapping[str, DataFrame], defects: Sequence[Defect]) -> dict[str, DataFrame]:
    """The tables with the defects in, each in one row; rows are taken from 200 on where a defect names none."""
    cases: dict[tuple[str, str], str] = {}
    for at, defect in enumerate(defects):
        name = "media_bytes" if defect.column == "data" else defect.table
        where = defect.where or f"n = {200 + 10 * at + (1 if name in ('rewritten', 'judged') else 2)}"
        kind = spark_schema(TABLES[name])[defect.column].dataType.simpleString()
        case = cases.get((name, defect.column), "") + f" WHEN {where} THEN CAST({defect.value} AS {kind})"
        cases[name, defect.column] = case
    # One expression for each column: a column changed time and again would double with every change.
    changed = {
        name: {c: f.expr(f"CASE{case} ELSE `{c}` END") for (t, c), case in cases.items() if t == name}
        for name in frames
    }
    return {name: frame.withColumns(changed[name]) for name, frame in frames.items()}


def spoil(frames: Mapping[str, DataFrame]) -> dict[str, DataFrame]:
    """Logs that say something else, and a column too many in every table that has a suite."""
    changed = {name: frame.withColumn("extra", f.lit(1)) for name, frame in frames.items()}
    log = frames["runs"].withColumn("rows_out", f.expr("IF(source_id = 'source_3', rows_out + 1, rows_out)"))
    log = log.withColumns({
        "records": f.expr("IF(source_id = 'source_4', records + 1, records)"),
        "rows_in": f.expr("IF(stage = 'dedup', rows_in - 1, rows_in)"),
        "facts": f.expr("IF(stage = 'dedup', '{}', IF(source_id = 'source_6', NULL, facts))"),
        "ended": f.expr("IF(source_id = 'source_5', ended - INTERVAL 1 HOUR, ended)"), "extra": f.lit(1),
    })  # fmt: skip
    changed["twins"] = changed["twins"].withColumn("dropped", f.expr("dropped OR n = 123"))
    return changed | {"runs": log}


def subject_of_rows(frames: Mapping[str, DataFrame], config: Config, chosen: int, intake: Intake = INTAKE) -> Subject:
    """What the gate would see."""
    plain = {name: frame.drop("n") for name, frame in frames.items()}
    return Subject(plain, Candidate(STAGED, 0, chosen, 1, "run"), config, intake, Counted(0.7))
