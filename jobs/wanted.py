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
from udfs.ids import field
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
    between = field(call.prompt_version) + field(call.render_version)
    after = field(call.model) + field(call.revision) + field(call.sampling)
    parts = (f.lit(field(call.purpose.value)), encoded(subject_id), f.lit(between), encoded(recipe), f.lit(after))
    return f.sha2(f.concat(*parts), 256)


@dataclass(frozen=True)
class Ask:
    """One prompt for one engine."""

    purpose: Purpose
    engine: str
    prompt: Prompt


def request(ask: Ask, engines: Engines) -> Column:
    """What a row asks, if it asks this: key, purpose, engine and prompt as a struct."""
    sampling = LABEL_SAMPLING if ask.prompt.labels else engines.config.rewriting.sampling
    target = engines.target(ask.engine, sampling)
    call = CallFields(
        ask.purpose, "", ask.prompt.version, RENDER_VERSION,
        "", target.model, target.revision, sampling_json(sampling, ask.prompt.labels),
    )  # fmt: skip
    recipe = f.when(f.size("media") > 0, target.recipe(has_media=True)).otherwise(target.recipe(has_media=False))
    return f.struct(
        key_column(call, f.col("subject_id"), recipe).alias("call_key"),
        f.lit(ask.purpose.value).alias("purpose"),
        f.lit(ask.engine).alias("engine"),
        f.lit(ask.prompt.version).alias("prompt_version"),
    )


def requests_for(subjects: DataFrame, requests: Sequence[Column], engines: Engines) -> DataFrame:
    """Requests of subjects (subject_id, sample_id and the SUBJECT columns): key, place of the picture, and subject.

    Every subject asks each of `requests` that is not NULL for it; subjects are read once, however many there are.
    """
    place = f.when(f.size("media") > 0, f.col("media")[0]).otherwise(f.col("subject_id"))
    buckets = engines.config.storage.media_buckets
    asked = subjects.withColumn("request", f.explode(f.array_compact(f.array(*requests))))
    return asked.select(
        "request.call_key",
        "request.purpose",
        "subject_id",
        "sample_id",
        "request.engine",
        "request.prompt_version",
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
    by_category = f.lit(None)
    for category, prompt in engines.rewrite_prompts.items():
        asked = request(Ask(Purpose.REWRITE, engines.rewriter(category).name, prompt), engines)
        by_category = f.when(f.col("category") == category.value, asked).otherwise(by_category)
    return requests_for(subjects, [by_category], engines).dropDuplicates(["call_key"])


def pair_subjects(tables: Tables) -> DataFrame:
    """Pairs as subjects: their own turns, the sample's media, gold answer and evidence."""
    samples = kept_samples(tables).drop("conversation", "content_id", "source_id")
    pairs = tables.read("rewritten").where("position >= 0").withColumnRenamed("pair_id", "subject_id")
    return pairs.join(samples, "sample_id")


def judge_requests(tables: Tables, engines: Engines) -> DataFrame:
    """Every verdict and score that the configuration asks for."""
    judging = engines.config.judging
    verdicts = [
        request(Ask(Purpose.JUDGE, judge.engine, engines.prompt(judge.prompt)), engines) for judge in judging.judges
    ]
    scorer = scoring_judge(engines)
    share = f.conv(f.substring("subject_id", 1, 8), 16, 10).cast("long") < judging.score_share * 2**32
    scores = [
        f.when(share, request(Ask(Purpose.SCORE, scorer.engine, prompt), engines)) for prompt in engines.score_prompts
    ]
    pairs = requests_for(pair_subjects(tables), [*verdicts, *scores], engines)
    originals = requests_for(rewritable(tables, engines), scores, engines)
    return pairs.unionByName(originals).dropDuplicates(["call_key"])


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
