"""Text as SQL compares it: words, word triples without a source's template, and MinHash bands."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as f

_CHARACTERS = r"\p{IsHan}\p{IsHiragana}\p{IsKatakana}\p{IsThai}"
_WORD = rf"[{_CHARACTERS}]|[\p{{L}}\p{{M}}\p{{N}}&&[^{_CHARACTERS}]]+|[\p{{S}}*/%\-]"
"""A character of a script without blanks, a run of letters and digits, or a sign; other punctuation is no word."""
_PLACEHOLDER = "<image>|<video>"
_NUMBER = r".*\p{N}.*"

SHINGLE = 3
"""Words of one shingle: questions about pictures are too short for the five and more of web pages."""
SAMPLED = 1000
"""Samples of each source from which its template is learnt, by lowest hash."""
COMMON_SHARE, COMMON_LEAST = 0.05, 20
"""What so large a share of them says, and so many, is the template: that it is repeated makes nobody a twin."""

Hashes = npt.NDArray[np.uint64]


def words(text: Column) -> Column:
    """Lower-case words in order."""
    plain = f.lower(f.regexp_replace(text, _PLACEHOLDER, " "))
    return f.regexp_extract_all(plain, f.lit(_WORD), f.lit(0))


def spoken(conversation: Column) -> Column:
    """All that is said, a line or more for each turn."""
    return f.array_join(f.transform(conversation, lambda turn: turn["text"]), "\n")


def grams(found: Column, length: int) -> Column:
    """Hashes of all runs of `length` words; of all words where there are fewer."""
    starts = f.sequence(f.lit(1), f.greatest(f.size(found) - (length - 1), f.lit(1)))
    return f.array_distinct(f.transform(starts, lambda at: f.xxhash64(f.slice(found, at, length))))


def numbers(found: Column) -> Column:
    """A hash of the numbers in order: problems that differ in one of them are different problems."""
    return f.xxhash64(f.filter(found, lambda word: word.rlike(_NUMBER)))


def templates(samples: DataFrame) -> DataFrame:
    """Shingles that many samples of one source share, as `common` by source_id; read from a few samples of each."""
    order = Window.partitionBy("source_id").orderBy("sample_id")
    chosen = samples.select("source_id", "sample_id").withColumn("nth", f.row_number().over(order))
    chosen = chosen.where(f.col("nth") <= SAMPLED).select("sample_id")
    read = samples.join(f.broadcast(chosen), "sample_id", "left_semi")
    said = read.select("source_id", grams(words(spoken(f.col("conversation"))), SHINGLE).alias("said"))
    sizes = said.groupBy("source_id").agg(f.count("*").alias("of"))
    counts = said.select("source_id", f.explode("said").alias("shingle")).groupBy("source_id", "shingle").count()
    common = counts.join(f.broadcast(sizes), "source_id")
    common = common.where((f.col("count") >= COMMON_LEAST) & (f.col("count") >= COMMON_SHARE * f.col("of")))
    return common.groupBy("source_id").agg(f.collect_list("shingle").alias("common"))


def with_shingles(samples: DataFrame, common: DataFrame) -> DataFrame:
    """Samples with `shingles`, never empty, and `numbers`, in place of their conversation."""
    said = samples.withColumn("words", words(spoken(f.col("conversation")))).drop("conversation")
    said = said.withColumns({"all": grams(f.col("words"), SHINGLE), "numbers": numbers(f.col("words"))}).drop("words")
    own = said.join(f.broadcast(common), "source_id", "left").withColumn(
        "own", f.array_except("all", f.coalesce("common", f.array().cast("array<bigint>")))
    )
    shingles = f.when(f.size("own") > 0, f.col("own")).otherwise(f.col("all"))
    return own.withColumn("shingles", shingles).drop("own", "all", "common")


def jaccard(a: Column, b: Column) -> Column:
    """Share of two sets of shingles that is in both."""
    both = f.size(f.array_intersect(a, b))
    return both / (f.size(a) + f.size(b) - both)


@dataclass(frozen=True)
class Banding:
    """MinHash LSH: samples of Jaccard J meet in some band with probability 1 - (1 - J**rows)**bands."""

    bands: int
    rows: int


def with_bands(batches: Iterable[pa.RecordBatch], banding: Banding) -> Iterator[pa.RecordBatch]:
    """Batches whose last column `shingles` is replaced by `bands`, each a hash of `rows` minima."""
    for batch in batches:
        shingles: Any = batch.column("shingles")  # a ListArray, which the stubs do not tell
        starts = shingles.offsets.to_numpy()[:-1] - shingles.offsets[0].as_py()
        values = shingles.flatten().to_numpy(zero_copy_only=False).view(np.uint64)
        found = _bands(values, starts, banding) if batch.num_rows else np.empty(0, np.uint64)
        offsets = np.arange(batch.num_rows + 1, dtype=np.int32) * banding.bands
        bands = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(found.view(np.int64), pa.int64()))
        others = [name for name in batch.schema.names if name != "shingles"]
        yield pa.RecordBatch.from_arrays([*(batch.column(name) for name in others), bands], [*others, "bands"])


def _bands(values: Hashes, starts: npt.NDArray[np.int32], banding: Banding) -> Hashes:
    bands = np.zeros((len(starts), banding.bands), np.uint64)
    for band in range(banding.bands):
        for row in range(banding.rows):
            seed = np.array([band * banding.rows + row + 1], np.uint64)
            lowest = np.minimum.reduceat(_mixed(values ^ _mixed(seed)), starts)
            bands[:, band] = _mixed(bands[:, band] ^ lowest)
    return bands.reshape(-1)


def _mixed(values: Hashes) -> Hashes:
    """The finaliser of splitmix64: any change of input changes every bit of output with probability 1/2."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
