"""Requests brought to their pictures: single pictures without a shuffle, sets and videos with one."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from jobs.tables import Tables
from schemas.errors import ConfigError
from udfs.ids import bucket_of

TASK = ("call_key", "purpose", "subject_id", "sample_id", "prompt_version", "subject")
PICTURE = ("media_id", "part", "sha256", "format", "data")
BUCKET_SAMPLE = 200
"""Pictures looked at: enough, since with another number of buckets most of them would lie elsewhere."""


def visits(tables: Tables, requests: DataFrame, vision: bool, tasks: int) -> DataFrame:
    """Rows (visit, picture, tasks) in `tasks` partitions; rows of one visit follow each other in order of pictures."""
    if not vision:
        return _without_pictures(requests).repartition(tasks, "visit")
    single = requests.where("size(subject.media) = 1 AND subject.modality = 'image'")
    several = requests.where("size(subject.media) > 1 OR subject.modality = 'video'")
    rest = requests.where("size(subject.media) = 0")
    frame = _single(tables, single).unionByName(_several(tables, several, tasks)).unionByName(_without_pictures(rest))
    return frame.coalesce(tasks)


def check_buckets(tables: Tables) -> None:
    """Requests are brought to pictures by bucket: another number of them would miss some, so it is refused."""
    buckets = tables.storage.media_buckets
    stored = tables.read("media_bytes").select("media_id", "bucket").limit(BUCKET_SAMPLE).collect()
    if any(bucket_of(row["media_id"], buckets) != row["bucket"] for row in stored):
        raise ConfigError(
            f"storage.media_buckets is {buckets}, but {tables.sql_name('media_bytes')} was written with another number",
            "set it as it was when the pictures were read, or choose another storage.root",
        )


def _tasks(requests: DataFrame) -> DataFrame:
    return requests.select("bucket", f.col("subject.media").alias("media"), f.struct(*TASK).alias("task"))


def _without_pictures(requests: DataFrame) -> DataFrame:
    picture = f.lit(None).cast("struct<media_id:string,part:int,sha256:string,format:string,data:binary>")
    return _tasks(requests).select(
        f.col("task.call_key").alias("visit"), picture.alias("picture"), f.array("task").alias("tasks")
    )


def _single(tables: Tables, requests: DataFrame) -> DataFrame:
    # Requests are small and pictures are not: the requests travel, collected per picture.
    grouped = _tasks(requests).groupBy(f.col("media")[0].alias("media_id")).agg(f.collect_list("task").alias("tasks"))
    pictures = tables.read("media_bytes").join(f.broadcast(_buckets(requests)), "bucket", "left_semi")
    joined = pictures.join(f.broadcast(grouped), "media_id")
    return joined.select(f.col("media_id").alias("visit"), f.struct(*PICTURE).alias("picture"), "tasks")


def _buckets(requests: DataFrame) -> DataFrame:
    return requests.select("bucket").distinct()


def _several(tables: Tables, requests: DataFrame, tasks: int) -> DataFrame:
    # The same set in the same order is one visit, whatever is asked about it.
    grouped = _tasks(requests).groupBy("media").agg(f.collect_list("task").alias("tasks"))
    named = grouped.withColumn("visit", f.sha2(f.concat_ws(",", "media"), 256))
    places = named.select("visit", "tasks", f.posexplode("media").alias("at", "media_id"))
    joined = tables.read("media_bytes").join(f.broadcast(places), "media_id")
    rows = joined.select("visit", "at", "part", f.struct(*PICTURE).alias("picture"), "tasks")
    return rows.repartition(tasks, "visit").sortWithinPartitions("visit", "at", "part").drop("at", "part")
