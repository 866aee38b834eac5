"""Rows of a release with the bytes of their pictures: what the self-contained formats are made of.

An example has chat messages whose content parts say where its pictures stand, as chat templates take them. A video is
its sampled frames, one picture each.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from jobs.gate.decoding import picture_problem
from jobs.tables import Tables
from schemas.errors import InputError, PipelineError
from schemas.expectations import PLACED

FACTS = ("id", "source", "category", "modality", "kind", "language", "licence")
"""Columns of text that every example has; none is NULL."""

RECORD = (
    "to_json(struct(id, source_id AS source, category, modality, kind, coalesce(language, '') AS language, "
    "coalesce(licence.spdx, '') AS licence, conversation, media, pictures))"
)
JPEG_BYTES = 0.25
"""Bytes of a pixel, about: stored pictures are JPEG or PNG."""

PLACEHOLDER = re.compile("(<image>|<video>)")
DIGESTS = 1 << 128
Row = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """An encoded picture."""

    media_id: str
    ending: str
    """jpg or png."""
    data: bytes
    sha256: str


@dataclass(frozen=True)
class Example:
    """One row of a release."""

    facts: Mapping[str, str]
    messages: list[dict[str, Any]]
    """[{role, content: [{type: image or text, text}]}]."""
    pictures: list[Picture]

    @property
    def media(self) -> list[str]:
        """Medium that each picture comes from."""
        return [picture.media_id for picture in self.pictures]


def digest(example: Example) -> int:
    """128 bits over everything in an example; sums of them know no order."""
    told = [
        [example.facts[name] for name in FACTS],
        [[turn["role"], [[part["type"], part["text"]] for part in turn["content"]]] for turn in example.messages],
        [[picture.media_id, picture.ending, picture.sha256] for picture in example.pictures],
    ]
    return int.from_bytes(sha256(json.dumps(told).encode()).digest()[:16])


def problems(example: Example, *, decode: bool) -> Iterator[str]:
    """What a trainer would stumble over."""
    roles = [turn["role"] for turn in example.messages]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        yield f"roles are {', '.join(roles[:5])}"
    kinds = [part["type"] for turn in example.messages for part in turn["content"]]
    if kinds.count("image") != len(example.pictures):
        yield f"{kinds.count('image')} places for {len(example.pictures)} pictures"
    if decode:
        yield from filter(None, (picture_problem(picture.data) for picture in example.pictures))


def with_problems(tables: Tables, rows: DataFrame) -> DataFrame:
    """Rows with `pictures` (how many), `estimate` (bytes, from pixels) and `problem`: why one is left out, or NULL."""
    media = tables.read("media").select("media_id", "parts", f.expr("standard_width * standard_height * parts AS area"))
    listed = rows.select("id", f.explode("media").alias("media_id")).join(media, "media_id")
    found = listed.groupBy("id").agg(
        f.count("*").alias("found"), f.sum("parts").alias("pictures"), f.sum("area").alias("area")
    )
    problem = f"""CASE WHEN coalesce(found, 0) <> size(media) THEN 'media_missing'
                       WHEN NOT ({PLACED}) AND size(media) > 0 THEN 'placeholders_differ' END"""
    rows = rows.join(found, "id", "left").withColumn("pictures", f.coalesce("pictures", f.lit(0)))
    rows = rows.withColumn("estimate", f.expr(f"length(to_json(conversation)) + coalesce(area, 0) * {JPEG_BYTES}"))
    return rows.withColumn("problem", f.expr(problem))


def parts(tables: Tables, rows: DataFrame) -> DataFrame:
    """Rows of `with_problems` with a `place`, one line for the record and one for each picture.

    The pictures of a row are not gathered here: whoever sorts by place, id, pos and part meets them one by one, so
    that no row has to fit into a message between the JVM and Python.
    """
    nothing = "CAST(NULL AS STRING) AS {0}"
    records = rows.selectExpr(
        *("place", "id", "-1 AS pos", "-1 AS part", f"{RECORD} AS record"),
        *(nothing.format(name) for name in ("media_id", "format", "sha256")),
        "CAST(NULL AS BINARY) AS data",
    )
    listed = rows.select("place", "id", f.posexplode("media").alias("pos", "media_id"))
    stored = tables.read("media_bytes").select("media_id", "part", "format", "sha256", "data")
    pictures = listed.join(stored, "media_id").withColumn("record", f.lit(None).cast("string"))
    return records.unionByName(pictures)


def examples(lines: Iterable[Row]) -> Iterator[Example]:
    """Sorted lines of `parts` put together again, one example at a time."""
    for _, group in groupby(lines, key=lambda line: line["id"]):
        record, *pictures = group
        yield _example(json.loads(record["record"]), [_picture(line) for line in pictures])


def _picture(line: Row) -> Picture:
    if sha256(line["data"]).hexdigest() != line["sha256"]:
        raise InputError(
            f"row {line['id']}: picture {line['media_id']} (part {line['part']}) is another than its sha256 says",
            "delete it from `media` and `media_bytes`, run `mammoth-vl normalise` again, then export",
        )
    ending = "jpg" if line["format"] == "jpeg" else line["format"]
    return Picture(line["media_id"], ending, line["data"], line["sha256"])


def _example(record: Row, found: list[Picture]) -> Example:
    if len(found) != record["pictures"]:
        raise PipelineError(
            f"row {record['id']} has {record['pictures']} pictures by table media, {len(found)} in media_bytes",
            "run `mammoth-vl normalise` again: it writes what is missing, then export",
        )
    counts: dict[str, int] = {}
    for picture in found:
        counts[picture.media_id] = counts.get(picture.media_id, 0) + 1
    for medium in set(record["media"]):
        counts[medium] //= record["media"].count(medium)
    media = iter(record["media"])
    messages = [
        {"role": turn["role"], "content": list(_content(turn["text"], media, counts))}
        for turn in record["conversation"]
    ]
    return Example({name: record[name] for name in FACTS}, messages, found)


def _content(text: str, media: Iterator[str], counts: Mapping[str, int]) -> Iterator[dict[str, str | None]]:
    for piece in PLACEHOLDER.split(text) if counts else [text]:
        if counts and PLACEHOLDER.fullmatch(piece):
            yield from [{"type": "image", "text": None}] * counts[next(media)]
        elif text_of := piece.strip("\n") if counts else piece:
            yield {"type": "text", "text": text_of}
