"""Whether pictures can be read: a fixed sample of the release is really decoded."""

from collections.abc import Iterable, Iterator
from io import BytesIO

import pyarrow as pa
from PIL import Image
from pyspark.sql import functions as f

from jobs.gate.counted import used_media
from jobs.gate.subject import EXAMPLES, Counted, Numbers, Subject
from udfs.media.item import sha256


def count_undecodable(subject: Subject) -> Numbers:
    """Parts that do not decode of a fixed sample: the media with the lowest ids, which are hashes and share buckets."""
    key = ("media", "decodes")
    where = subject.frames["media_bytes"].where("part = 0").select("media_id", "bucket")
    sample = where.join(used_media(subject), "media_id").orderBy("media_id").limit(subject.config.gate.decode_sample)
    picked = sample.collect()
    if not picked:
        return {key: Counted(0 if used_media(subject).isEmpty() else None)}
    ids, buckets = {row["media_id"] for row in picked}, {row["bucket"] for row in picked}
    chosen = f.col("bucket").isin(sorted(buckets)) & f.col("media_id").isin(sorted(ids))
    parts = subject.frames["media_bytes"].where(chosen).select("media_id", "part", "sha256", "data")
    tried = parts.mapInArrow(_try_decoding, "id string, value string")
    # A few hundred names, so that no picture is decoded twice.
    rows = tried.collect()
    failed = sorted((row["id"], row["value"]) for row in rows if row["value"])
    if len(rows) < len(ids):
        return {key: Counted(None)}
    return {key: Counted(len(failed), tuple(f"{name}: {problem}" for name, problem in failed[:EXAMPLES]))}


def _try_decoding(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows = batch.to_pylist()
        names = [f"{row['media_id']}/{row['part']}" for row in rows]
        yield pa.record_batch({"id": names, "value": [_problem(row["data"], row["sha256"]) for row in rows]})


def _problem(data: bytes, digest: str) -> str:
    """Why bytes are not the picture that was stored, empty if they are."""
    return picture_problem(data) or ("" if sha256(data) == digest else "another picture than its sha256 says")


def picture_problem(data: bytes) -> str:
    """Why bytes are no picture, empty if they are one."""
    try:
        with Image.open(BytesIO(data), formats=("JPEG", "PNG")) as picture:
            picture.convert("RGB").load()
    except Exception as error:  # noqa: BLE001 - a decoder may raise anything; all of it means that it cannot read
        return f"does not decode: {type(error).__name__}: {error}"
    return ""
