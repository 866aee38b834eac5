"""Perceptual hashes in SQL: distance, bands that near hashes share, and hashes that say something."""

from itertools import pairwise

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

BITS = 64
TELLING = (16, 48)
"""Bits that are set in the hash of a picture with content: about half by its making, almost none in a blank one."""


def as_number(phash: Column) -> Column:
    """A hash in hex as a signed 64-bit number."""
    return f.conv(phash, 16, -10).cast("long")


def distance(a: Column, b: Column) -> Column:
    """Bits in which two hashes differ."""
    return f.bit_count(a.bitwiseXOR(b))


def farthest(a: Column, b: Column) -> Column:
    """The largest distance between pictures at the same place of two lists; NULL where there are none."""
    return f.array_max(f.zip_with(a, b, distance))


def tells(phash: Column) -> Column:
    """Whether a hash is that of a picture with content."""
    return f.bit_count(phash).between(*TELLING)


def bands(phash: Column, within: int) -> Column:
    """`within` + 1 numbers, of which hashes that differ in at most `within` bits share one (pigeonhole principle)."""
    cuts = [BITS * n // (within + 1) for n in range(within + 2)]
    parts = [
        f.shiftrightunsigned(phash, start).bitwiseAND((1 << (end - start)) - 1 if end - start < BITS else -1)
        for start, end in pairwise(cuts)
    ]
    return f.array(*(f.xxhash64(f.lit(n), part) for n, part in enumerate(parts)))


def hashes_of(samples: DataFrame, media: DataFrame) -> DataFrame:
    """sample_id and `hashes` of its pictures in order; samples with a picture that has no hash are left out."""
    shown = samples.select("sample_id", f.size("media").alias("of"), f.posexplode("media").alias("at", "media_id"))
    known = media.where("phash IS NOT NULL").select("media_id", as_number(f.col("phash")).alias("hash"))
    lists = shown.join(known, "media_id").groupBy("sample_id", "of")
    ordered = lists.agg(f.array_sort(f.collect_list(f.struct("at", "hash"))).alias("shown"))
    return ordered.where(f.size("shown") == f.col("of")).select("sample_id", f.col("shown.hash").alias("hashes"))
