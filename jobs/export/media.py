"""Media of a release as files or as numbered tar shards, written by Spark's tasks and never gathered."""

import gzip
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, BinaryIO, cast

import av
import numpy as np
import pyarrow as pa
from PIL import Image
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from jobs.tables import Tables
from udfs import files

WRITTEN = "tree string, files bigint, bytes bigint, shards bigint, shard_bytes bigint"
Row = dict[str, Any]
Writer = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class Tree:
    """What was written below one top folder."""

    name: str
    files: int
    """Media, each a file or a member of a shard."""
    bytes: int
    shards: int = 0
    """Files that hold the media, 0 where each is a file of its own."""
    shard_bytes: int = 0

    @property
    def on_disk(self) -> tuple[int, int]:
        """Files and bytes as they lie there."""
        return (self.shards, self.shard_bytes) if self.shards else (self.files, self.bytes)


def write_media(tables: Tables, paths: DataFrame, folder: str, shard_bytes: int | None) -> list[Tree]:
    """Writes each medium once per tree, as a file or into `<tree>/shard_<n>.tar.gz` of about `shard_bytes`.

    Pictures are written as stored. A video becomes an MP4 of its stored frames at one frame per second: a trainer
    that samples one frame a second sees each of them. Writing again gives the same files.
    """
    used = paths.select("media_id", "path", f.substring_index("path", "/", 1).alias("tree")).distinct()
    if shard_bytes is not None:
        used = _with_shards(tables, used, shard_bytes)
    else:
        used = used.withColumn("place", f.col("path"))
    parts = used.join(tables.read("media_bytes").select("media_id", "part", "format", "data"), "media_id")
    if shard_bytes is not None:
        parts = parts.repartition("place").sortWithinPartitions("place", "path", "part")
        written = parts.mapInArrow(_shards_into(folder), WRITTEN)
    else:
        # Pictures are written where they are read; only frames have to meet.
        pictures = parts.where(f.col("tree") != "video_data")
        videos = parts.where(f.col("tree") == "video_data").repartition("path").sortWithinPartitions("path", "part")
        written = pictures.unionByName(videos).mapInArrow(_files_into(folder), WRITTEN)
    names = ("files", "bytes", "shards", "shard_bytes")
    sums = written.groupBy("tree").agg(*(f.sum(name).alias(name) for name in names))
    return [Tree(row["tree"], *(row[name] for name in names)) for row in sums.orderBy("tree").collect()]


def _with_shards(tables: Tables, used: DataFrame, shard_bytes: int) -> DataFrame:
    """Shards numbered from 1 by a hash of the medium, as many as the table's mean size of a medium asks for."""
    stored = tables.spark.sql(f"DESCRIBE DETAIL {tables.sql_name('media_bytes')}").collect()[0]["sizeInBytes"] or 0
    media = max(1, tables.read("media").count())
    counts = used.groupBy("tree").count().collect()
    shards = {row["tree"]: max(1, -(-row["count"] * stored // (media * shard_bytes))) for row in counts}
    many = f.element_at(f.create_map(*(f.lit(item) for pair in shards.items() for item in pair)), f.col("tree"))
    number = f.pmod(f.xxhash64("media_id"), many) + 1
    return used.withColumn("place", f.format_string("%s/shard_%d.tar.gz", f.col("tree"), number))


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[Row]:
    for batch in batches:
        yield from batch.to_pylist()


def _encoded(path: str, parts: Iterable[Row]) -> bytes:
    if path.endswith(".mp4"):
        return video([part["data"] for part in parts])
    return cast(bytes, next(iter(parts))["data"])


def _wrote(tree: str, count: int, size: int, shards: int = 0, shard_bytes: int = 0) -> pa.RecordBatch:
    told = {"tree": tree, "files": count, "bytes": size, "shards": shards, "shard_bytes": shard_bytes}
    return pa.RecordBatch.from_pylist([told])


def _files_into(folder: str) -> Writer:
    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for path, parts in groupby(_rows(batches), key=itemgetter("path")):
            data = _encoded(path, parts)
            files.write_bytes(files.join(folder, path), data)
            yield _wrote(path.partition("/")[0], 1, len(data))

    return write


def _shards_into(folder: str) -> Writer:
    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for place, rows in groupby(_rows(batches), key=itemgetter("place")):
            with files.writing(files.join(folder, place)) as stream:
                count, size = _write_shard(cast(BinaryIO, stream), rows)
            yield _wrote(place.partition("/")[0], count, size, 1, files.size(files.join(folder, place)))

    return write


def _write_shard(stream: BinaryIO, rows: Iterable[Row]) -> tuple[int, int]:
    """Members carry their path below the export folder, so that unpacking there gives the tree."""
    count = size = 0
    # Pictures are compressed already; no time is stamped, so that the same rows give the same bytes.
    packed = gzip.GzipFile("", "wb", 1, stream, 0)
    with packed, tarfile.open(fileobj=packed, mode="w|") as shard:
        for path, parts in groupby(rows, key=itemgetter("path")):
            data = _encoded(path, parts)
            member = tarfile.TarInfo(path)
            member.size = len(data)
            shard.addfile(member, io.BytesIO(data))
            count, size = count + 1, size + len(data)
    return count, size


def video(frames: list[bytes]) -> bytes:
    """Encoded pictures as an H.264 MP4, one second each, all in the size of the first (made even)."""
    pictures = [_decoded(data) for data in frames]
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        # One thread, so that the same frames give the same bytes.
        stream = container.add_stream("libx264", rate=1, options={"crf": "18", "threads": "1"})
        stream.width, stream.height = (side + side % 2 for side in pictures[0].size)
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            pixels = np.asarray(picture.resize((stream.width, stream.height)))
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


def _decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as opened:
        return opened.convert("RGB")
