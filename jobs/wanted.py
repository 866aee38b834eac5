"""What would be asked: call keys in SQL, so that pending work is known before anything is rendered."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as f

from jobs.dedup.kept import kept_samples
from jobs.engines import Engines
from jobs.tables import Tables
from schemas.config import Judge
from schemas.enums import CallStatus, MediaStatus, Purpose
from udfs.prompts import Prompt
from udfs.render.keys import LABEL_SAMPLING, RENDER_VERSION, CallFields, sampling_json

SUBJECT = (
    "category", "modality", "media", "conversation", "gold_answer", "evidence", "evidence_kind",
)  # fmt: skip
"""Columns that rendering needs, the same for samples and pairs."""

ANSWERED = (CallStatus.OK.value, CallStatus.LENGTH.value)
"""Statuses of replies that are paid for: asking again would give the same."""


def encoded(column: Column) -> Column:
    """One field of a key, as `udfs.ids.field` encodes it."""
    return f.coalesce(f.concat(f.octet_length(column).cast("string"), f.lit(":"), column, f.lit(";")), f.lit("-;"))


def key_column(call: CallFields, subject_id: Column, recipe: Column) -> Column:
    """`udfs.render.keys.call_key` in SQL; only subject and picture recipe differ by row."""
    values = (
        f.lit(call.purpose.value), subject_id, f.lit(call.prompt_version), f.lit(call.render_version),
        recipe, f.lit(call.model), f.lit(call.revision), f.lit(call.sampling),
    )  # fmt: skip
    return f.sha2(f.concat(*(encoded(value) for value in values)), 256)


@dataclass(frozen=True)
class Ask:
    """One prompt for one engine."""

    purpose: Purpose
    engine: str
    prompt: Prompt


def requests_for(subjects: DataFrame, ask: Ask, engines: Engines) -> DataFrame:
    """Requests for subjects (subject_id, sample_id and the SUBJECT columns): key, place of the picture, and subject."""
    sampling = LABEL_SAMPLING if ask.prompt.labels else engines.config.rewriting.sampling
    target = engines.target(ask.engine, sampling)
    call = CallFields(
        ask.purpose, "", ask.prompt.version, RENDER_VERSION,
        "", target.model, target.revision, sampling_json(sampling, ask.prompt.labels),
    )  # fmt: skip
    recipe = f.when(f.size("media") > 0, target.recipe(has_media=True)).otherwise(target.recipe(has_media=False))
    place = f.when(f.size("media") > 0, f.col("media")[0]).otherwise(f.col("subject_id"))
    buckets = engines.config.storage.media_buckets
    return subjects.select(
        key_column(call, f.col("subject_id"), recipe).alias("call_key"),
        f.lit(ask.purpose.value).alias("purpose"),
        "subject_id",
        "sample_id",
        f.lit(ask.engine).alias("engine"),
        f.lit(ask.prompt.version).alias("prompt_version"),
        (f.conv(f.substring(place, 1, 8), 16, 10).cast("long") % buckets).cast("int").alias("bucket"),
        f.struct(*SUBJECT).alias("subject"),
    )


def rewritable(tables: Tables, engines: Engines) -> DataFrame:
    """Samples of the groups that are rewritten, with their pictures at hand, as subjects."""
    groups = [group.value for group in engines.config.rewriting.groups]
    return present_samples(tables).where(f.col("group").isin(groups))


def present_samples(tables: Tables) -> DataFrame:
    """Samples with their pictures at hand, as subjects."""
    samples = kept_samples(tables).where(f.col("media_status") != MediaStatus.ABSENT.value)
    return samples.withColumn("subject_id", f.col("content_id"))


def rewrite_requests(tables: Tables, engines: Engines, cap: int | None) -> DataFrame:
    """Every rewrite that the configuration asks for; with a cap, the lowest hashes of each source in turn."""
    subjects = rewritable(tables, engines)
    if cap is not None:
        # By source in turn, so that a small pilot sees every source.
        nth = f.row_number().over(Window.partitionBy("source_id").orderBy("content_id"))
        subjects = subjects.withColumn("nth", nth).orderBy("nth", "content_id").limit(cap).drop("nth")
    return union(
        [
            requests_for(
                subjects.where(f.col("category") == category.value),
                Ask(Purpose.REWRITE, engines.rewriter(category).name, prompt),
                engines,
            )
            for category, prompt in engines.rewrite_prompts.items()
        ]
    ).dropDuplicates(["call_key"])


def pair_subjects(tables: Tables) -> DataFrame:
    """Pairs as subjects: their own turns, the sample's media, gold answer and evidence."""
    samples = kept_samples(tables).drop("conversation", "content_id", "source_id")
    pairs = tables.read("rewritten").where("position >= 0").withColumnRenamed("pair_id", "subject_id")
    return pairs.join(samples, "sample_id")


def judge_requests(tables: Tables, engines: Engines) -> DataFrame:
    """Every verdict and score that the configuration asks for."""
    judging = engines.config.judging
    pairs = pair_subjects(tables)
    originals = rewritable(tables, engines)
    frames = [
        requests_for(pairs, Ask(Purpose.JUDGE, judge.engine, engines.prompt(judge.prompt)), engines)
        for judge in judging.judges
    ]
    scorer = scoring_judge(engines)
    share = f.conv(f.substring("subject_id", 1, 8), 16, 10).cast("long") < judging.score_share * 2**32
    for prompt in engines.score_prompts:
        ask = Ask(Purpose.SCORE, scorer.engine, prompt)
        frames += [requests_for(subjects.where(share), ask, engines) for subjects in (pairs, originals)]
    return union(frames).dropDuplicates(["call_key"])


def scoring_judge(engines: Engines) -> Judge:
    """The judge whose engine gives scores: the one that publishing goes by."""
    wanted = engines.config.publishing.judge
    return next(judge for judge in engines.config.judging.judges if judge.name == wanted)


def union(frames: Sequence[DataFrame]) -> DataFrame:
    """All frames below each other."""
    whole = frames[0]
    for frame in frames[1:]:
        whole = whole.unionByName(frame)
    return whole


def answers(tables: Tables) -> DataFrame:
    """The one door to `calls`: the first answered row of each key, whatever was appended twice."""
    calls = tables.read("calls").where(f.col("status").isin(*ANSWERED))
    order = f.struct("at", "attempt", "run_id")
    first = calls.groupBy("call_key").agg(f.min_by(f.struct(*calls.columns), order).alias("call"))
    return first.select("call.*")
