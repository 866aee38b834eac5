"""The stage: exact duplicates, overlap with benchmarks and near-duplicates, as one derived table and its rejects."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as f

from jobs.dedup.contamination import find_overlap, read_benchmarks
from jobs.dedup.kept import SAMPLES_MARK, kept_samples
from jobs.dedup.near import find_near
from jobs.stages import Run, StageCount
from jobs.tables import Tables
from jobs.wanted import union
from schemas.config import Config
from schemas.dedup import Treatment
from schemas.enums import DropReason, TwinKind
from schemas.errors import ConservationError

STAGE = "dedup"
FINDING = ("sample_id", "source_id", "kind", "twin", "similarity", "distance")
REASONS = {
    TwinKind.BENCHMARK_TEXT: DropReason.CONTAMINATED,
    TwinKind.BENCHMARK_PICTURE: DropReason.CONTAMINATED,
    TwinKind.EXACT: DropReason.DUPLICATE,
    TwinKind.NEAR: DropReason.NEAR_DUPLICATE,
}
"""Why a sample goes; of several kinds the first one counts."""
DETAILS = {
    DropReason.CONTAMINATED: "overlaps with an entry of a benchmark",
    DropReason.DUPLICATE: "same content as a sample of another source",
    DropReason.NEAR_DUPLICATE: "pictures and text almost those of another sample",
}


def dedup(run: Run) -> StageCount:
    """`twins` anew from samples and media, and a reject for each sample that goes, once for each finding."""
    with run.stage(STAGE) as count:
        twins = find_twins(run.tables, run.config, count).localCheckpoint()
        treated = _treated(twins, run.config).localCheckpoint()
        for kind, dropped, number in treated.groupBy("kind", "dropped").count().collect():
            count.facts[f"{kind} {'dropped' if dropped else 'flagged'}"] = number
        reasons = _reasons(treated).localCheckpoint()
        count.rejects = {row[0]: row[1] for row in reasons.groupBy("drop_reason").count().collect()}
        if count.rejects:
            _reject(run, reasons)
        # The table comes last: what it leaves out is a reject by then.
        run.tables.overwrite("twins", treated)
        seen = run.tables.read("samples").agg(f.count("*"), f.expr(SAMPLES_MARK)).collect()[0]
        count.rows_in = seen[0]
        count.facts["looked_for"] = _looked_for(run.config) | {"samples_mark": seen[1]}
        count.rows_out = kept_samples(run.tables).count() if count.rejects else count.rows_in
        if count.rows_in != count.rows_out + sum(count.rejects.values()):
            raise ConservationError(
                f"dedup: {count.rows_in} samples, but {count.rows_out} stay and {count.rejects} go",
                "this is a defect of the stage, or another driver wrote `samples` meanwhile; run `mammoth-vl dedup`",
            )
    return count


def _looked_for(config: Config) -> dict[str, object]:
    options = config.dedup
    compared = options.benchmarks if options.contamination is not Treatment.OFF else ()
    return {"near": options.near is not Treatment.OFF, "benchmarks": list(compared)}


def find_twins(tables: Tables, config: Config, count: StageCount) -> DataFrame:
    """All findings; what could not be compared goes into the facts of `count`."""
    samples = tables.read("samples").withColumn("place", place_of(config))
    first = Window.partitionBy("content_id").orderBy("place")
    # Names of pictures that nobody read prove nothing beyond their own source.
    read = samples.where("media_status <> 'absent'")
    ranked = read.select("sample_id", "source_id", "content_id", "place")
    ranked = ranked.withColumns({"nth": f.row_number().over(first), "twin": f.first("sample_id").over(first)})
    copies = ranked.where("nth > 1").localCheckpoint()
    same, none = f.lit(1.0).alias("similarity"), f.lit(None).cast("int").alias("distance")
    findings = [copies.select("sample_id", "source_id", f.lit(TwinKind.EXACT.value).alias("kind"), "twin", same, none)]
    left = samples.join(copies.select("sample_id"), "sample_id", "left_anti")
    options = config.dedup
    if options.benchmarks and options.contamination is not Treatment.OFF:
        benchmarks = read_benchmarks(tables, config)
        count.facts |= {f"benchmark {name}": number for name, number in benchmarks.facts.items()}
        overlap = find_overlap(tables, left, benchmarks, config).localCheckpoint()
        every = tables.read("samples").select("sample_id", "source_id", "content_id")
        findings.append(every.join(overlap, "content_id").select(*FINDING))
        if options.contamination is Treatment.DROP:
            left = left.join(overlap.select("content_id"), "content_id", "left_anti")
    if options.near is not Treatment.OFF:
        near = find_near(tables, left, options)
        if near is not None:
            count.facts |= {"full buckets": near.full_buckets, "pairs not compared": near.skipped_pairs}
            findings.append(_named(near.found, samples))
    return union(findings)


def place_of(config: Config) -> Column:
    """The order in which samples stay: preferred sources, then those a release takes, benchmarks last; by hash."""
    used = [group.value for group in {*config.publishing.keep_groups, *config.rewriting.groups}]
    prefer, benchmarks = list(config.dedup.prefer), list(config.dedup.benchmarks)
    rank = f.when(f.col("source_id").isin(benchmarks), len(prefer) + 2)
    for at, source_id in enumerate(prefer):
        rank = rank.when(f.col("source_id") == source_id, at)
    rank = rank.when(f.col("group").isin(used), len(prefer)).otherwise(len(prefer) + 1)
    return f.concat(f.lpad(rank.cast("string"), 4, "0"), f.lit(":"), f.col("sample_id"))


def _named(near: DataFrame, samples: DataFrame) -> DataFrame:
    # A place ends in the sample_id that it stands for.
    found = near.join(samples.select("place", "sample_id", "source_id"), "place")
    kind, twin = f.lit(TwinKind.NEAR.value).alias("kind"), f.split_part("twin", f.lit(":"), f.lit(2)).alias("twin")
    return found.select("sample_id", "source_id", kind, twin, "similarity", "distance")


def _treated(twins: DataFrame, config: Config) -> DataFrame:
    options = config.dedup
    drop: Sequence[TwinKind] = [
        TwinKind.EXACT,
        *([TwinKind.NEAR] if options.near is Treatment.DROP else []),
        *([TwinKind.BENCHMARK_TEXT, TwinKind.BENCHMARK_PICTURE] if options.contamination is Treatment.DROP else []),
    ]
    return twins.withColumn("dropped", f.col("kind").isin([kind.value for kind in drop]))


def _reasons(twins: DataFrame) -> DataFrame:
    """One row for each sample that goes: its first reason and the twin that is named for it."""
    rank, reason = f.lit(len(REASONS)), f.lit("")
    for at, (kind, why) in enumerate(REASONS.items()):
        rank = f.when(f.col("kind") == kind.value, at).otherwise(rank)
        reason = f.when(f.col("kind") == kind.value, why.value).otherwise(reason)
    found = twins.where("dropped").withColumns({"rank": rank, "drop_reason": reason})
    first = f.min_by(f.struct("drop_reason", "twin"), "rank").alias("first")
    return found.groupBy("sample_id").agg(first).select("sample_id", "first.drop_reason", "first.twin")


def _reject(run: Run, reasons: DataFrame) -> None:
    """Appends what no earlier run of the stage has told: the same record, reason and twin."""
    tables = run.tables
    detail = f.create_map(*(f.lit(text) for pair in DETAILS.items() for text in pair))[f.col("drop_reason")]
    rows = (
        tables.read("samples")
        .join(reasons, "sample_id")
        .select(
            f.lit(STAGE).alias("stage"),
            f.lit(run.run_id).alias("run_id"),
            "source_id",
            "drop_reason",
            detail.alias("detail"),
            "origin",
            f.substring(f.col("conversation")[0]["text"], 1, 200).alias("excerpt"),
            f.col("twin").alias("duplicate_of"),
        )
    )
    told = tables.read("rejects").where(f.col("stage") == STAGE)
    keys = {"file": f.col("origin.file"), "position": f.col("origin.position")}
    same = ["source_id", "drop_reason", "duplicate_of", *keys]
    new = rows.withColumns(keys).join(told.withColumns(keys).select(*same), same, "left_anti").drop(*keys)
    new = new.localCheckpoint()
    if not new.isEmpty():
        tables.append("rejects", new)
