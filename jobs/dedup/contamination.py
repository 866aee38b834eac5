"""Overlap of samples with benchmarks: n-grams of their questions, and pictures that look the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.dedup.entries import ENTRIES, Piece, plan_pieces, read_entries
from jobs.dedup.pictures import as_number, bands, distance, tells
from jobs.dedup.words import grams, words
from jobs.tables import Tables
from jobs.wanted import union
from schemas.config import Config
from schemas.enums import TwinKind
from schemas.errors import InputError

TEMPLATE = 10
"""An n-gram in more entries of one benchmark is how it asks, not what."""
CROWD = 10
"""A benchmark's picture that looks like more of ours than this (a chart's frame, a page) tells nothing by itself."""
SHORTEST = 4
"""Words of a question without a picture below which it is nobody's own."""


@dataclass(frozen=True)
class Benchmarks:
    """Entries as name, benchmark, texts and hashes; and what was not read."""

    entries: DataFrame
    facts: dict[str, int]


def read_benchmarks(tables: Tables, config: Config) -> Benchmarks:
    """The entries of all configured files, folders and sources."""
    known = {row[0] for row in tables.read("samples").select("source_id").distinct().collect()}
    named = config.dedup.benchmarks
    pieces, unread = list[Piece](), list[str]()
    for path in named:
        if path not in known:
            found = plan_pieces(path)
            pieces += found[0]
            unread += found[1]
    frames = [_from_samples(tables, [name for name in named if name in known])]
    if pieces:
        frames.append(_from_files(tables, config, pieces))
    entries = union(frames).localCheckpoint()
    blank = (f.size("texts") == 0) & (f.size("hashes") == 0)
    row = entries.agg(f.count("*"), f.count_if(blank), f.sum("unseen")).collect()[0]
    if row[0] == row[1]:
        raise InputError(
            f"dedup.benchmarks: none of the {row[0]} entries of {', '.join(named)} holds a question or a picture",
            "name the fields of their questions in dedup.benchmark_fields",
        )
    facts = {"entries": row[0], "blank_entries": row[1], "unseen_pictures": int(row[2] or 0), "unread": len(unread)}
    return Benchmarks(entries.drop("unseen"), facts)


def _from_samples(tables: Tables, sources: Sequence[str]) -> DataFrame:
    samples = tables.read("samples").where(f.col("source_id").isin(list(sources)))
    shown = samples.select("sample_id", f.explode("media").alias("media_id"))
    known = shown.join(tables.read("media").where("phash IS NOT NULL"), "media_id").groupBy("sample_id")
    hashes = known.agg(f.collect_set(as_number(f.col("phash"))).alias("hashes"))
    asked = f.filter("conversation", lambda turn: turn["role"] == "user")
    texts = f.transform(asked, lambda turn: turn["text"])
    return samples.join(hashes, "sample_id", "left").select(
        f.col("sample_id").alias("name"), f.col("source_id").alias("benchmark"), texts.alias("texts"),
        f.coalesce("hashes", f.array().cast("array<bigint>")).alias("hashes"), f.lit(0).alias("unseen"),
    )  # fmt: skip


def _from_files(tables: Tables, config: Config, pieces: Sequence[Piece]) -> DataFrame:
    rows = [(msgspec.json.encode(piece).decode(),) for piece in pieces]
    slots = int(tables.spark.conf.get("spark.sql.shuffle.partitions", "4") or 4)
    plan = tables.spark.createDataFrame(rows, "piece string").repartition(min(len(rows), slots))
    fields = config.dedup.benchmark_fields
    read = plan.mapInArrow(partial(read_entries, limits=config.media, fields=fields), from_arrow_schema(ENTRIES))
    return read.withColumn("hashes", f.transform("phashes", as_number)).drop("phashes")


def _keys(texts: Column, length: int) -> Column:
    """Of each text its n-grams, or of a shorter one all its words; as structs with `short` and `words`."""

    def of(found: Column) -> Column:
        short = f.size(found) < length
        return f.transform(
            grams(found, length),
            lambda key: f.struct(key.alias("key"), short.alias("short"), f.size(found).alias("words")),
        )

    return f.flatten(f.transform(f.transform(texts, words), of))


def _asked(entries: DataFrame, length: int) -> DataFrame:
    """Keys of all questions: name, benchmark, key, short, pictured, and `of`, the keys of the entry."""
    keyed = entries.withColumn("keys", f.array_distinct(_keys(f.col("texts"), length)))
    keyed = keyed.withColumns({"of": f.size("keys"), "pictured": f.size("hashes") > 0})
    return keyed.select("name", "benchmark", "hashes", "pictured", "of", f.explode("keys").alias("k")).select(
        "name", "benchmark", "hashes", "pictured", "of", "k.*"
    )


def _said(samples: DataFrame, length: int) -> DataFrame:
    """Keys of all samples: content_id, key, short. What is short counts as a turn or a line, not within one."""
    texts = f.transform("conversation", lambda turn: turn["text"])
    lines = f.flatten(f.transform(texts, lambda text: f.split(text, "\n")))
    every = f.array_distinct(f.concat(texts, lines, f.array(f.array_join(texts, "\n"))))
    keyed = samples.select("content_id", f.explode(f.array_distinct(_keys(every, length))).alias("k"))
    return keyed.where("k.words > 0").select("content_id", "k.key", "k.short")


def find_overlap(tables: Tables, samples: DataFrame, benchmarks: Benchmarks, config: Config) -> DataFrame:
    """Findings as content_id, kind, twin, similarity and distance; the closest entry of each kind."""
    within, length = config.dedup.max_hash_distance, config.dedup.benchmark_ngram
    asked, said = _asked(benchmarks.entries, length).localCheckpoint(), _said(samples, length)
    shown = _shown(tables, samples)
    found = union([_by_text(asked, said), _by_both(asked, said, shown, within), _by_picture(benchmarks, shown, within)])
    order = f.struct(-f.coalesce("similarity", f.lit(0.0)), f.coalesce("distance", f.lit(99)), "twin")
    best = f.min_by(f.struct("twin", "similarity", "distance"), order).alias("best")
    return found.groupBy("content_id", "kind").agg(best).select("content_id", "kind", "best.*")


def _by_text(asked: DataFrame, said: DataFrame) -> DataFrame:
    """An n-gram in common; or all of a short question that shows no picture, as a turn or a line."""
    able = asked.where(~f.col("short") | (~f.col("pictured") & (f.col("words") >= SHORTEST)))
    usual = able.groupBy("benchmark", "key").agg(f.count_distinct("name").alias("n")).where(f.col("n") > TEMPLATE)
    own = able.join(usual, ["benchmark", "key"], "left_anti").select("name", "key", "short", "of")
    met = said.join(f.broadcast(own), ["key", "short"]).groupBy("content_id", "name")
    share = (f.count_distinct("key") / f.max("of")).alias("similarity")
    return _finding(met.agg(share, f.lit(None).cast("int").alias("distance")), TwinKind.BENCHMARK_TEXT)


def _by_both(asked: DataFrame, said: DataFrame, shown: DataFrame, within: int) -> DataFrame:
    """A short question about a picture: all of it, and a picture like it. Joined on both, as either alone is common."""
    paired = asked.where("short AND pictured AND words > 0").withColumn("hash", f.explode("hashes"))
    ours = said.where("short").join(shown, "content_id")
    met = _met(paired.select("name", "key", "hash"), ours.select("content_id", "key", "phash"), within, ("key",))
    least = met.groupBy("content_id", "name").agg(f.lit(1.0).alias("similarity"), f.min("distance").alias("distance"))
    return _finding(least, TwinKind.BENCHMARK_TEXT)


def _by_picture(benchmarks: Benchmarks, shown: DataFrame, within: int) -> DataFrame:
    """A picture like one of a benchmark's that has content and is not like many of ours."""
    theirs = benchmarks.entries.select("name", f.explode("hashes").alias("hash")).where(tells(f.col("hash")))
    theirs = theirs.groupBy("hash").agg(f.min("name").alias("name"))
    ours = shown.select("media_id", "phash").distinct()
    met = _met(theirs, ours, within).localCheckpoint()
    crowd = met.groupBy("hash").agg(f.count_distinct("media_id").alias("n")).where(f.col("n") > CROWD)
    met = met.join(crowd, "hash", "left_anti").join(shown.select("content_id", "media_id"), "media_id")
    least = met.groupBy("content_id", "name").agg(f.min("distance").alias("distance"))
    return _finding(least.withColumn("similarity", f.lit(None).cast("double")), TwinKind.BENCHMARK_PICTURE)


def _met(theirs: DataFrame, ours: DataFrame, within: int, on: tuple[str, ...] = ()) -> DataFrame:
    """Rows whose hashes (`hash` and `phash`) are near, with their `distance`."""
    theirs = theirs.withColumn("band", f.explode(bands(f.col("hash"), within)))
    ours = ours.withColumn("band", f.explode(bands(f.col("phash"), within)))
    near = distance(f.col("hash"), f.col("phash"))
    return ours.join(theirs, ["band", *on]).withColumn("distance", near).where(f.col("distance") <= within)


def _shown(tables: Tables, samples: DataFrame) -> DataFrame:
    media = tables.read("media").where("phash IS NOT NULL")
    media = media.select("media_id", as_number(f.col("phash")).alias("phash"))
    return samples.select("content_id", f.explode("media").alias("media_id")).distinct().join(media, "media_id")


def _finding(found: DataFrame, kind: TwinKind) -> DataFrame:
    names = ("content_id", f.lit(kind.value).alias("kind"), f.col("name").alias("twin"), "similarity", "distance")
    return found.select(*names)
