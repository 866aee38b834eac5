"""Near-duplicates: buckets in which they meet, exact comparison, and which of them stays."""

from dataclasses import dataclass
from functools import partial

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as f

from jobs.dedup.pictures import bands, farthest, hashes_of
from jobs.dedup.words import Banding, jaccard, templates, with_bands, with_shingles
from jobs.tables import Tables
from jobs.wanted import union
from schemas.dedup import Dedup

BANDED = "place string, hashes array<bigint>, numbers bigint, bands array<bigint>"
ALONE = Banding(16, 6)
"""For text alone: 99% of pairs of Jaccard 0.8 meet, 22% of 0.5, 0.1% of 0.2."""
BESIDE_PICTURES = Banding(4, 2)
"""For text beside pictures, whose hash must agree too: 98% of pairs of Jaccard 0.8 meet."""
SIDES = ("place", "hashes", "numbers")


@dataclass(frozen=True)
class Near:
    """Findings as place, twin, similarity and distance; and what was not compared."""

    found: DataFrame
    full_buckets: int = 0
    """Buckets with more than `max_compared` samples."""
    skipped_pairs: int = 0
    """Pairs of them that were not compared there."""


def find_near(tables: Tables, samples: DataFrame, config: Dedup) -> Near | None:
    """Near-duplicates among samples that carry `place`, the order in which they stay; None where nothing meets."""
    common = templates(samples).localCheckpoint()
    columns = ("sample_id", "source_id", "place", "conversation")
    text = samples.where(f.size("media") == 0).select(*columns, f.array().cast("array<bigint>").alias("hashes"))
    seen = samples.select(*columns).join(hashes_of(samples, tables.read("media")), "sample_id")
    buckets = union(
        [
            _bucketed(with_shingles(text, common), ALONE, None),
            _bucketed(with_shingles(seen, common), BESIDE_PICTURES, config.max_hash_distance),
        ]
    )
    order = Window.partitionBy("bucket").orderBy("place")
    ranked = buckets.withColumn("nth", f.row_number().over(order))
    ranked = ranked.withColumn("members", f.count("*").over(Window.partitionBy("bucket"))).where("members > 1")
    ranked = ranked.localCheckpoint()
    if ranked.isEmpty():
        return None
    pairs = _pairs(ranked, config)
    over = f.greatest(f.col("nth") - 1 - config.max_compared, f.lit(0))
    full = f.count_if((f.col("nth") == 1) & (f.col("members") > config.max_compared))
    told = ranked.agg(full, f.sum(over)).collect()[0]
    said = with_shingles(samples.select(*columns), common).select("place", "shingles")
    edges = _verified(pairs, said, config.min_jaccard).localCheckpoint()
    return Near(settle(edges), int(told[0]), int(told[1]))


def _bucketed(said: DataFrame, banding: Banding, within: int | None) -> DataFrame:
    """One row for each bucket of each sample: a band of its text and, beside pictures, one of its first picture."""
    banded = said.select(*SIDES, "shingles").mapInArrow(partial(with_bands, banding=banding), BANDED)
    banded = banded.select(*SIDES, f.posexplode("bands").alias("at", "band"))
    if within is not None:
        banded = banded.withColumn("shown", f.explode(bands(f.col("hashes")[0], within)))
    key = [f.size("hashes"), *(f.col(name) for name in ("numbers", "at", "band", "shown") if name in banded.columns)]
    return banded.select(*SIDES, f.xxhash64(*key).alias("bucket"))


def _pairs(ranked: DataFrame, config: Dedup) -> DataFrame:
    """Pairs (earlier, later) whose pictures are near; in a full bucket all are compared with its first ones only."""
    first = ranked.where(f.col("nth") <= config.max_compared).select(
        "bucket", *(f.col(name).alias(f"earlier_{name}") for name in (*SIDES, "nth"))
    )
    pairs = ranked.join(first, "bucket").where(f.col("earlier_nth") < f.col("nth"))
    alike = (f.size("hashes") == f.size("earlier_hashes")) & (f.col("numbers") == f.col("earlier_numbers"))
    pairs = pairs.where(alike).withColumn("distance", farthest(f.col("hashes"), f.col("earlier_hashes")))
    pairs = pairs.where(f.col("distance").isNull() | (f.col("distance") <= config.max_hash_distance))
    return pairs.select(f.col("earlier_place").alias("earlier"), f.col("place").alias("later"), "distance").distinct()


def _verified(pairs: DataFrame, said: DataFrame, least: float) -> DataFrame:
    """Pairs whose texts are alike, with their exact Jaccard."""
    pairs = pairs.localCheckpoint()
    met = union([pairs.select(f.col(side).alias("place")) for side in ("earlier", "later")]).distinct()
    said = said.join(met, "place", "left_semi")
    for side in ("earlier", "later"):
        pairs = pairs.join(said.select(f.col("place").alias(side), f.col("shingles").alias(f"{side}_said")), side)
    pairs = pairs.withColumn("similarity", jaccard(f.col("earlier_said"), f.col("later_said")))
    return pairs.where(f.col("similarity") >= least).select("earlier", "later", "similarity", "distance")


def settle(edges: DataFrame) -> DataFrame:
    """Who goes: place, twin, similarity, distance. Sample by sample in order, each goes that is near one that stays.

    So the first of a group stays, whoever goes is near the twin it names, and that twin stays. The answer depends on
    the order of places alone. A round settles everybody whose earlier neighbours are settled; in an order by hash
    there are few.
    """
    left, gone = edges, list[DataFrame]()
    while not left.isEmpty():
        stays = left.select(f.col("earlier").alias("place")).distinct()
        stays = stays.join(left.select(f.col("later").alias("place")), "place", "left_anti")
        met = left.join(stays.withColumnRenamed("place", "earlier"), "earlier", "left_semi").groupBy("later")
        twin = f.min(f.struct("earlier", "similarity", "distance")).alias("twin")
        gone.append(met.agg(twin).localCheckpoint())
        lost = gone[-1].select("later")
        left = left.join(lost, "later", "left_anti")
        left = left.join(lost.withColumnRenamed("later", "earlier"), "earlier", "left_anti").localCheckpoint()
    nobody = edges.limit(0).select("later", f.struct("earlier", "similarity", "distance").alias("twin"))
    found = union(gone or [nobody])
    return found.select(
        f.col("later").alias("place"), f.col("twin.earlier").alias("twin"), "twin.similarity", "twin.distance"
    )
