"""The judge stage: verdicts and scores that no visit gave yet, and the table made of all of them."""

from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as f
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.dedup.kept import kept_samples
from jobs.derive import READ, read_labels
from jobs.stages import Run, StageCount
from jobs.wanted import answers, judge_requests, scoring_judge
from jobs.waves import Waves
from schemas.enums import PairKind, Purpose
from udfs.ids import judge_id
from udfs.render.keys import LABEL_SAMPLING, sampling_json

STAGE = "judge"


def judge(run: Run, with_engine: bool = True) -> StageCount:
    """Asks what is still missing, then derives `judged` from samples, pairs and calls."""
    with run.stage(STAGE) as count:
        wanted = judge_requests(run.tables, run.engines).localCheckpoint()
        count.count_wanted(run, wanted, with_engine)
        if with_engine:
            run.record_prompts(wanted)
            Waves(run.tables, run.engines, run.run_id, STAGE, run.progress).spend(wanted)
        derive_judged(run, wanted)
        count.count_calls(run)
        judged = run.tables.read("judged").where("verdict IS NOT NULL")
        verdicts = {row[0]: row[1] for row in judged.groupBy("verdict").count().collect()}
        count.rows_in = run.tables.read("rewritten").where("position >= 0").count()
        count.rows_out = sum(verdicts.values())
        count.facts["verdicts"] = verdicts
        mine = next(one for one in run.config.judging.judges if one.name == run.config.publishing.judge)
        count.facts["judge_id"] = _judge_id(run, mine.engine, mine.prompt)
        count.facts["p_yes"] = [row[0] for row in judged.select(f.percentile("p_yes", [0.1, 0.5, 0.9])).collect()]
    return count


def derive_judged(run: Run, wanted: DataFrame) -> None:
    """`judged` anew: one row per subject and judge, scores beside the verdict of the judge that gave them."""
    pairs = run.tables.read("rewritten").select(f.col("pair_id").alias("subject_id"), "checks")
    samples = kept_samples(run.tables).select("sample_id", "source_id")
    kind = f.when(f.col("checks").isNull(), PairKind.ORIGINAL.value).otherwise(PairKind.REWRITTEN.value)
    asked = wanted.select("call_key", "sample_id", "subject_id", "subject")
    calls = answers(run.tables).drop("sample_id", "subject_id").join(asked, "call_key").join(samples, "sample_id")
    calls = calls.join(pairs, "subject_id", "left").withColumn("subject_kind", kind)
    read = partial(read_labels, min_label_mass=run.config.judging.min_label_mass)
    labels = calls.mapInArrow(read, from_arrow_schema(READ)).localCheckpoint()
    run.tables.overwrite("judged", _by_subject(run, labels))


def _by_subject(run: Run, labels: DataFrame) -> DataFrame:
    content, relevance = (prompt.version for prompt in run.engines.score_prompts)
    first = {name: f.first(name).alias(name) for name in ("sample_id", "source_id", "subject_kind", "checks")}
    scores = labels.where(f.col("purpose") == Purpose.SCORE.value).groupBy("subject_id")
    scored = scores.agg(
        *first.values(),
        f.max(f.when(f.col("prompt_version") == content, f.col("score"))).alias("content_score"),
        f.max(f.when(f.col("prompt_version") == relevance, f.col("score"))).alias("relevance_score"),
    )
    names = run.tables.spark.createDataFrame(
        [(judge.name, _judge_id(run, judge.engine, judge.prompt)) for judge in run.config.judging.judges],
        "judge string, judge_id string",
    )
    scorer = scoring_judge(run.engines)
    verdicts = labels.where(f.col("purpose") == Purpose.JUDGE.value).join(names, "judge_id")
    verdicts = verdicts.drop("purpose", "prompt_version", "score")
    points = scored.select("subject_id", f.lit(scorer.name).alias("judge"), "content_score", "relevance_score")
    judged = verdicts.join(points, ["subject_id", "judge"], "left")
    alone = scored.join(verdicts.where(f.col("judge") == scorer.name).select("subject_id"), "subject_id", "left_anti")
    alone = alone.withColumns(
        {
            "judge": f.lit(scorer.name),
            "judge_id": f.lit(_judge_id(run, scorer.engine, scorer.prompt)),
            **{name: f.lit(None).cast("double") for name in ("p_yes", "label_mass")},
            **{name: f.lit(None).cast("string") for name in ("verdict", "call_key")},
        }
    )
    return judged.unionByName(alone)


def _judge_id(run: Run, engine: str, prompt_name: str) -> str:
    prompt = run.engines.prompt(prompt_name)
    target = run.engines.target(engine, LABEL_SAMPLING)
    return judge_id(prompt.version, target.model, target.revision, sampling_json(LABEL_SAMPLING, prompt.labels))
