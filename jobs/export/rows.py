"""Rows of a release as lines of JSON, in the form that the LLaVA-NeXT trainer reads."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from jobs.tables import Tables
from schemas.enums import MediaKind, Split
from schemas.expectations import at_most

SINGLE, SEVERAL, VIDEO = "single_image_data", "multi_image_data", "video_data"
TREES = (SINGLE, SEVERAL, VIDEO)

CONTEXT: Mapping[Split, int] = {Split.SI: 8192, Split.OV: 16384}
"""Tokens that a training stage reads of one row."""

DELETED = "QA_GT_caption_based_noisy"
"""The trainer deletes this text from rows with media, so that no row of ours may depend on it."""

NAMES = "'id', id, 'source', source_id, 'licence', licence.spdx"

TURNS = f"""
transform(conversation, (turn, i) -> named_struct(
    'from', IF(turn.role = 'user', 'human', 'gpt'),
    'value', IF(size(media) > 0, replace(replace(turn.text, '<video>', '<image>'), '{DELETED}', ''), turn.text)
))"""


def with_paths(tables: Tables, rows: DataFrame) -> DataFrame:
    """Each medium of each row: id, pos, media_id, kind, several and the `path` below the export folder."""
    several = (f.size("media") > 1).alias("several")
    listed = rows.select("id", several, f.posexplode("media").alias("pos", "media_id"))
    kinds = tables.read("media").select("media_id", f.col("kind").alias("media_kind"))
    formats = tables.read("media_bytes").where("part = 0").select("media_id", "format")
    is_video = f.col("media_kind") == MediaKind.VIDEO.value
    tree = f.when(is_video, VIDEO).when(f.col("several"), SEVERAL).otherwise(SINGLE)
    ending = f.when(is_video, "mp4").when(f.col("format") == "jpeg", "jpg").otherwise(f.col("format"))
    name = f.format_string("%s/%s/%s.%s", tree, f.substring("media_id", 1, 2), "media_id", ending)
    return listed.join(kinds, "media_id").join(formats, "media_id").withColumn("path", name)


def exportable(rows: DataFrame, paths: DataFrame) -> DataFrame:
    """Rows with their `paths`, `media_kind` and `problem`: what the trainer has no form for, else NULL.

    A row holds pictures or one video: the trainer reads one key, and one path where it is `video`. What lies beyond
    a stage's context is cut without a word, so that rows with more words than that are left out.
    """
    per_row = paths.groupBy("id").agg(
        f.transform(f.sort_array(f.collect_list(f.struct("pos", "path"))), lambda item: item["path"]).alias("paths"),
        f.max("media_kind").alias("media_kind"),
    )
    long = " OR ".join(f"(split = '{split}' AND NOT {at_most(words)})" for split, words in CONTEXT.items())
    problem = f.expr(
        f"""CASE WHEN {long} THEN 'too_long'
                 WHEN coalesce(size(paths), 0) <> size(media) THEN 'media_missing'
                 WHEN media_kind = '{MediaKind.VIDEO.value}' AND size(media) > 1 THEN 'video_not_alone' END"""
    )
    return rows.join(per_row, "id", "left").withColumn("problem", problem)


def lines(rows: DataFrame) -> DataFrame:
    """`split`, `id` and the row's JSON object; keys that do not apply are absent."""
    text, single, several, video = (
        f"to_json(named_struct({NAMES}{media}, 'conversations', {TURNS}))"
        for media in ("", ", 'image', paths[0]", ", 'image', paths", ", 'video', paths[0]")
    )
    line = f"""CASE WHEN size(media) = 0 THEN {text} WHEN media_kind = 'video' THEN {video}
                    WHEN size(media) = 1 THEN {single} ELSE {several} END"""
    return rows.select("split", "id", f.expr(line).alias("line"))
