"""Who may enter a release, and why the others may not: frames over samples, rewritten and judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame, Row, Window
from pyspark.sql import functions as f
from pyspark.sql.types import LongType, StringType, StructType

from jobs.dedup.kept import kept_samples
from jobs.mix import Key, Stratum
from jobs.tables import Tables, spark_schema
from schemas.columns import CHECKS
from schemas.config import Config, ThresholdKind
from schemas.enums import Category, Group, PairKind, ParseStatus, Verdict
from schemas.errors import ConfigError
from schemas.expectations import PLACED, at_most
from schemas.tables import INSTRUCT

ACCEPTED = "accepted"
"""The reason of a candidate that nothing speaks against."""

NEVER_JUDGED = ("no_sample", "parse_", "duplicate", "group", "absent_media", "unjudged")
"""Reasons (or how they begin) of rewrites that were no matter for the judge."""

UNPARSED, BELOW = "unparsed", "below_threshold"
"""Reasons of rewrites that the judge dropped; checks, lengths and placeholders speak for themselves."""

PARTS = 1_000_000
"""A share is told to so many parts."""

CHECK_NAMES = tuple(field.name for field in CHECKS)


@dataclass(frozen=True)
class Intake:
    """What candidates there were."""

    strata: list[Stratum]
    reasons: Mapping[str, Mapping[str, int]]
    """Candidates by kind and reason, the accepted among them."""
    verdicts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What `told` says of the rewrites of each category."""

    @property
    def judged(self) -> int:
        """Rewrites that a verdict was needed for and found."""
        return self._told["judged"]

    @property
    def parsed(self) -> int:
        """Of which with a readable verdict."""
        return self.judged - self._told["unparsed"]

    @property
    def accepted(self) -> int:
        """Of which nothing speaks against."""
        return self.reasons.get(PairKind.REWRITTEN.value, {}).get(ACCEPTED, 0)

    @property
    def drop_rate(self) -> float:
        """Share of judged rewrites that the judge dropped: unreadable verdicts, and those below the threshold."""
        return 1 - self._told["passed"] / self.judged if self.judged else 0.0

    @property
    def _told(self) -> Mapping[str, int]:
        return told(self.reasons.get(PairKind.REWRITTEN.value, {}))


def told(rewrites: Mapping[str, int]) -> dict[str, int]:
    """Rewrites by reason as the judge saw them: judged, passed, and unparsed; judged less passed were dropped."""
    judged = sum(n for reason, n in rewrites.items() if not reason.startswith(NEVER_JUDGED))
    unparsed = rewrites.get(UNPARSED, 0)
    return {"judged": judged, "passed": judged - unparsed - rewrites.get(BELOW, 0), "unparsed": unparsed}


def the_judge(tables: Tables, config: Config, judge_id: str | None) -> str | None:
    """The judge_id whose verdicts decide; an error where its name stands for several and none is given."""
    name = config.publishing.judge
    ids = tables.read("judged").where(f.col("judge") == name).select("judge_id").distinct().orderBy("judge_id")
    found = [row[0] for row in ids.limit(10).collect()]
    if judge_id is not None:
        if found and judge_id not in found:
            raise ConfigError(f"judge {name!r} has no judge_id {judge_id!r}", f"choose one of {', '.join(found)}")
        return judge_id
    if len(found) > 1:
        raise ConfigError(
            f"judge {name!r} stands for {len(found)} judges (another prompt, model or sampling each)",
            f"say which judge_id decides: {', '.join(found)}",
        )
    return found[0] if found else None


def deciding_judge(tables: Tables, config: Config, release: Row | None) -> str | None:
    """The judge_id that decided a release, while `judged` holds it; else the configured judge's, of several the newest.

    View `deciding_judge` says the same of the newest release.
    """
    decided = release["judge_id"] if release is not None else None
    if decided and not tables.read("judged").where(f.col("judge_id") == decided).isEmpty():
        return str(decided)
    judged = tables.read("judged").where(f.col("judge") == config.publishing.judge)
    calls = tables.read("calls").select("call_key", "at")
    told = judged.join(calls, "call_key", "left").groupBy("judge_id").agg(f.max("at").alias("at"), f.count("verdict"))
    newest = told.orderBy(f.desc_nulls_last("at"), f.desc("count(verdict)"), "judge_id").first()
    return None if newest is None else str(newest["judge_id"])


def verdicts(tables: Tables, config: Config, judge_id: str | None, judge: str | None = None) -> DataFrame:
    """Rows of a judge, by default the deciding one, with `passes`: whether the threshold is met.

    It is False where nothing was parsed.
    """
    judged = tables.read("judged").where(f.col("judge") == (judge or config.publishing.judge))
    judged = judged.where(f.col("judge_id") == judge_id) if judge_id else judged.where("false")
    readable = (f.col("verdict") != Verdict.UNPARSED.value) & f.col("p_yes").isNotNull() & ~f.isnan("p_yes")
    judged = judged.withColumn("readable", readable)
    threshold = config.publishing.threshold
    if threshold.kind is ThresholdKind.ABSOLUTE:
        return judged.withColumn("passes", f.col("readable") & (f.col("p_yes") >= threshold.value))
    # One partition orders (id, number) pairs here, spilling to disk; an exact rank has no cheaper form in SQL.
    kinds = Window.partitionBy("subject_kind", "readable")
    best = kinds.orderBy(f.desc("p_yes"), "subject_id")
    # SQL reads 0.07 as a decimal, so that 7 of 100 are 7.
    upper = f.row_number().over(best) - 1 < f.expr(f"{threshold.value:.6f}") * f.count("*").over(kinds)
    return judged.withColumn("passes", f.col("readable") & upper)


def _reason(rules: Mapping[str, Column]) -> Column:
    """The first rule that holds."""
    return f.coalesce(*(f.when(condition, f.lit(name)) for name, condition in rules.items()), f.lit(ACCEPTED))


def _unfit(config: Config) -> Mapping[str, Column]:
    """Rows that no trainer could use as they are, or may not."""
    allowed = f.coalesce(f.col("licence.spdx").isin(list(config.gate.licences)), f.lit(False))
    return {
        **({"licence": ~allowed} if config.gate.licences else {}),
        "too_long": ~f.expr(at_most(config.gate.max_tokens)),
        "placeholders": ~f.coalesce(f.expr(PLACED), f.lit(False)),
    }


def _originals(tables: Tables, config: Config) -> DataFrame:
    rules = {
        "group": ~f.col("group").isin([group.value for group in config.publishing.keep_groups]),
        "absent_media": f.col("media_status") == "absent",
        **_unfit(config),
    }
    return kept_samples(tables).select(
        f.col("sample_id").alias("id"),
        f.lit(PairKind.ORIGINAL.value).alias("kind"),
        *("sample_id", "source_id", "group", "category", "modality"),
        f.lit(None).cast("int").alias("position"),
        _reason(rules).alias("reason"),
    )


def _rewrites(tables: Tables, config: Config, judge_id: str | None) -> DataFrame:
    groups = [group.value for group in config.publishing.keep_groups if group in config.rewriting.groups]
    told = verdicts(tables, config, judge_id).select(f.col("subject_id").alias("pair_id"), "readable", "passes")
    facts = kept_samples(tables).select(
        "sample_id", "group", "category", "modality", "media", "media_status", "licence", f.lit(True).alias("known")
    )
    twins = Window.partitionBy("pair_id").orderBy("sample_id", "position")
    rules = {
        "no_sample": f.col("known").isNull(),
        **{f"parse_{s.value}": f.col("parse_status") == s.value for s in ParseStatus if s is not ParseStatus.OK},
        "duplicate": f.col("twin") > 1,
        "group": ~f.col("group").isin(groups),
        "absent_media": f.col("media_status") == "absent",
        "unjudged": f.col("passes").isNull(),
        UNPARSED: ~f.col("readable"),
        BELOW: ~f.col("passes"),
        **{f"check_{name}": ~f.col(f"checks.{name}") for name in config.publishing.require_checks},
        **_unfit(config),
    }
    joined = tables.read("rewritten").withColumn("twin", f.row_number().over(twins)).join(facts, "sample_id", "left")
    return joined.join(told, "pair_id", "left").select(
        f.col("pair_id").alias("id"),
        f.lit(PairKind.REWRITTEN.value).alias("kind"),
        *("sample_id", "source_id", "group", "category", "modality", "position"),
        _reason(rules).alias("reason"),
    )


def candidates(tables: Tables, config: Config, judge_id: str | None) -> DataFrame:
    """Every sample and every pair, one narrow row each, with what speaks against it and its `rank` by hash.

    Ranks count the acceptable rows of one source and kind from 1; no text and no bytes are carried.
    """
    unknown = sorted(set(config.publishing.require_checks) - set(CHECK_NAMES))
    if unknown:
        raise ConfigError(f"publishing.require_checks names {unknown}", f"checks are {', '.join(CHECK_NAMES)}")
    pool = _originals(tables, config).unionByName(_rewrites(tables, config, judge_id))
    order = Window.partitionBy("source_id", "kind", "reason").orderBy(f.sha2("id", 256), "id")
    return pool.withColumn("rank", f.row_number().over(order))


def count(pool: DataFrame) -> Intake:
    """Candidates by source, kind and reason; a few hundred numbers, whatever the rows."""
    counts = pool.groupBy("source_id", "kind", "reason").agg(
        f.max("group").alias("group"), f.max("category").alias("category"), f.count("*").alias("rows")
    )
    strata, reasons = [], {kind.value: dict[str, int]() for kind in PairKind}
    rewrites: dict[str, dict[str, int]] = {}
    for row in counts.collect():
        tallies = [reasons[row["kind"]]]
        if row["kind"] == PairKind.REWRITTEN.value and row["category"]:
            tallies.append(rewrites.setdefault(row["category"], {}))
        for tally in tallies:
            tally[row["reason"]] = tally.get(row["reason"], 0) + row["rows"]
        if row["reason"] == ACCEPTED:
            place = Group(row["group"]), Category(row["category"])
            strata.append(Stratum(row["source_id"], PairKind(row["kind"]), *place, row["rows"]))
    return Intake(strata, reasons, {name: told(tally) for name, tally in sorted(rewrites.items())})


def take(pool: DataFrame, quotas: Mapping[Key, int], si_share: float) -> DataFrame:
    """The candidates within their quotas, each with its split.

    SI gets text and the single pictures whose hash is in the lowest `si_share` of all hashes; OV gets the rest. A row
    has the same split in every release, so that how many there are is up to chance.
    """
    schema = StructType().add("source_id", StringType()).add("kind", StringType()).add("quota", LongType())
    limits = pool.sparkSession.createDataFrame([(*key, rows) for key, rows in sorted(quotas.items())], schema)
    taken = pool.where(f.col("reason") == ACCEPTED).join(f.broadcast(limits), ["source_id", "kind"])
    taken = taken.where(f.col("rank") <= f.col("quota"))
    # Not the hash of ranks: of a source that is cut to its quota, the lowest of those are left.
    low = f.expr(f"pmod(xxhash64('split', id), {PARTS}) < {si_share * PARTS:.0f}")
    si = (f.col("modality") == "text") | ((f.col("modality") == "image") & low)
    return taken.withColumn("split", f.when(si, "si").otherwise("ov"))


def _quality(checks: Column) -> Column:
    scores = {"p_yes": "p_yes", "content": "content_score", "relevance": "relevance_score"}
    kind = spark_schema(INSTRUCT)["quality"].dataType
    return f.struct(*(f.col(old).alias(new) for new, old in scores.items()), checks.alias("checks")).cast(kind)


def _lineage(known: Mapping[str, str]) -> Column:
    kind = spark_schema(INSTRUCT)["lineage"].dataType
    assert isinstance(kind, StructType)
    return f.struct(*(f.col(known[n]) if n in known else f.lit(None) for n in kind.fieldNames())).cast(kind)


def released(tables: Tables, taken: DataFrame, told: DataFrame, release_id: int) -> DataFrame:
    """Full rows of the release for the rows taken; `told` are the deciding judge's rows."""
    keys = taken.select("id", "kind", "sample_id", "position", "split")
    samples = kept_samples(tables).withColumnRenamed("conversation", "original")
    told = told.drop("sample_id", "source_id", "call_key")
    verdict = {kind: told.where(f.col("subject_kind") == kind.value).drop("subject_kind") for kind in PairKind}
    originals = (
        keys.where(f.col("kind") == "original")
        .join(samples, "sample_id")
        .join(verdict[PairKind.ORIGINAL].withColumnRenamed("subject_id", "content_id"), "content_id", "left")
        .withColumn("conversation", f.col("original"))
        .withColumn("quality", _quality(f.col("checks")))
        .withColumn("lineage", _lineage({"sample_id": "sample_id", "judge_id": "judge_id", "origin": "origin"}))
    )
    pairs = tables.read("rewritten").select(
        f.col("pair_id").alias("id"), "sample_id", "position", "call_key", "conversation", f.col("checks").alias("own")
    )
    # A call may have been stored twice; whatever the key covers is the same in both.
    calls = (
        tables.read("calls")
        .groupBy("call_key")
        .agg(*(f.max(name).alias(name) for name in ("prompt_version", "model", "revision")))
    )
    named = ("sample_id", "call_key", "judge_id", "prompt_version", "model", "revision", "origin")
    rewrites = (
        keys.where(f.col("kind") == "rewritten")
        .join(pairs, ["id", "sample_id", "position"])
        .join(samples, "sample_id")
        .join(verdict[PairKind.REWRITTEN].withColumnRenamed("subject_id", "id"), "id", "left")
        .join(calls, "call_key", "left")
        .withColumn("quality", _quality(f.col("own")))
        .withColumn("lineage", _lineage({"pair_id": "id", **{name: name for name in named}}))
    )
    columns = [name for name in INSTRUCT.arrow.names if name != "release_id"]
    both = originals.select(*columns).unionByName(rewrites.select(*columns))
    return both.withColumn("release_id", f.lit(release_id).cast("long"))
