"""Rows to cards: one wide frame of pairs and originals without pictures, and pictures scaled down where they lie."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

import pyarrow as pa
from PIL import Image
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as f
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.candidates import CHECK_NAMES, deciding_judge
from jobs.normalise.staged import Batches
from jobs.release import latest, manifest
from jobs.report.card import Card, Opinion, Shot
from jobs.tables import Tables
from jobs.wanted import answers
from schemas.columns import BINARY, DOUBLE, INT, STRING
from schemas.config import Config
from schemas.enums import PairKind, Role
from udfs.ids import bucket_of
from udfs.sample import Turn

MAX_SHOTS = 4
"""Pictures or frames of one card."""

SHOT = pa.schema(
    [("media_id", STRING), ("part", INT), ("at_s", DOUBLE), ("width", INT), ("height", INT), ("data", BINARY)]
)
SAMPLE = (
    "sample_id",
    "category",
    "group",
    "modality",
    "language",
    "media",
    "gold_answer",
    "evidence",
    "licence",
    "origin",
)


@dataclass(frozen=True)
class Showing:
    """How much a page shows."""

    limit: int
    side: int = 480
    """Longest side of a picture, px."""
    shots: int = MAX_SHOTS
    """Pictures or frames of one card."""


def overview(tables: Tables, config: Config, release_id: int | None = None) -> DataFrame:
    """Every pair, every reply that gave none, and every original: one row each, what `view --where` filters.

    `judge_id`, `verdict`, `p_yes` and the scores are the deciding judge's; `release_id` is NULL for rows that the
    release (the newest, where none is named) does not hold.
    """
    samples = tables.read("samples")
    beside = samples.select(*SAMPLE, f.col("conversation").alias("before"))
    pairs = (
        tables.read("rewritten")
        .join(beside, "sample_id")
        .withColumns({"id": f.col("pair_id"), "kind": f.lit(PairKind.REWRITTEN.value), "after": f.col("conversation")})
    )
    originals = samples.withColumns(
        {
            "id": f.col("sample_id"),
            "kind": f.lit(PairKind.ORIGINAL.value),
            "instruction": f.col("conversation")[0]["text"],
            "response": f.col("conversation")[1]["text"],
            "before": f.col("conversation"),
        }
    )
    both = pairs.drop("conversation").unionByName(originals.drop("conversation", "media_status", "evidence_kind"), True)
    both = both.withColumn("subject_id", f.coalesce("pair_id", "content_id"))
    release = latest(tables) if release_id is None else manifest(tables, release_id)
    told = _told(tables, deciding_judge(tables, config, release))
    whole = both.join(told, "subject_id", "left").join(_called(tables), "call_key", "left")
    published = _published(tables, release)
    return whole.join(published, ["id", "sample_id", "kind"], "left").select(
        *("id", "kind", "release_id", "split", "source_id", "category", "group", "modality", "language"),
        *("sample_id", "content_id", "pair_id", "subject_id", "task_type", "parse_status"),
        *("instruction", "response", "gold_answer", "evidence", "text_evidence"),
        *("judge_id", "verdict", "p_yes", "label_mass", "content_score", "relevance_score"),
        *(f.col(f"checks.{name}").alias(name) for name in CHECK_NAMES),
        *("call_key", "model", "revision", "prompt_version"),
        *(f.col(f"origin.{name}").alias(name) for name in ("file", "position", "record_hash", "original_id", "notes")),
        f.col("licence.spdx").alias("licence"),
        *("media", "before", "after"),
    )


def _told(tables: Tables, judge_id: str | None) -> DataFrame:
    """One row for each subject: the judge may stand there under two names, with scores under one."""
    judged = tables.read("judged").where(f.col("judge_id") == judge_id if judge_id else f.lit(False))
    names = ("judge_id", "verdict", "p_yes", "label_mass", "content_score", "relevance_score")
    return judged.groupBy("subject_id").agg(*(f.max(name).alias(name) for name in names))


def _called(tables: Tables) -> DataFrame:
    return answers(tables).select("call_key", "model", "revision", "prompt_version")


def _published(tables: Tables, row: Row | None) -> DataFrame:
    rows = tables.read("instruct").where("false") if row is None else tables.read("instruct", int(row["table_version"]))
    return rows.select("id", f.col("lineage.sample_id").alias("sample_id"), "kind", "release_id", "split")


def read_cards(tables: Tables, rows: DataFrame, showing: Showing) -> list[Card]:
    """Rows of `overview` as cards, in their order."""
    found = [row.asDict(recursive=True) for row in rows.limit(showing.limit).collect()]
    return cards_of(tables, found, showing.side, showing.shots)


def cards_of(tables: Tables, found: Sequence[Mapping[str, Any]], side: int, most: int = MAX_SHOTS) -> list[Card]:
    """Collected rows of `overview` as cards with at most so many pictures or frames each."""
    media = {media_id for row in found for media_id in row["media"][:most]}
    shots = read_shots(tables, sorted(media), side)
    opinions = _opinions(tables, sorted({row["subject_id"] for row in found}))
    published = {row["release_id"] for row in found} - {None}
    gates = {release_id: manifest(tables, release_id)["gate_id"] for release_id in published}
    return [
        card_of(
            row, shots, _deciding_first(opinions.get(row["subject_id"], ()), row), gates.get(row["release_id"]), most
        )
        for row in found
    ]


def _deciding_first(opinions: Sequence[Opinion], row: Mapping[str, Any]) -> list[Opinion]:
    return sorted(opinions, key=lambda opinion: opinion.judge_id != row["judge_id"])


def card_of(
    row: Mapping[str, Any],
    shots: Mapping[str, Sequence[Shot]],
    opinions: Sequence[Opinion],
    gate_id: str | None,
    most: int = MAX_SHOTS,
) -> Card:
    """One row of `overview` as a card."""
    every = [shot for media_id in row["media"] for shot in shots.get(media_id, ())]
    unread = sum(1 for media_id in row["media"] if media_id not in shots)
    return Card(
        id=row["id"], kind=row["kind"], source_id=row["source_id"], category=row["category"], modality=row["modality"],
        before=turns_of(row["before"]), after=turns_of(row["after"] or ()),
        parse_status=row["parse_status"], task_type=row["task_type"],
        gold_answer=row["gold_answer"], evidence=row["evidence"],
        shots=tuple(every[:most]), more_shots=len(every[most:]) + unread,
        opinions=tuple(opinions),
        checks={name: row[name] for name in CHECK_NAMES} if row["kind"] == PairKind.REWRITTEN.value else {},
        lineage=_lineage(row, gate_id),
    )  # fmt: skip


def turns_of(said: Iterable[Mapping[str, str]]) -> tuple[Turn, ...]:
    """Turns as row code has them."""
    return tuple(Turn(Role(turn["role"]), turn["text"]) for turn in said)


def _lineage(row: Mapping[str, Any], gate_id: str | None) -> tuple[tuple[str, str], ...]:
    release = "not in it" if row["release_id"] is None else f"{row['release_id']}, split {row['split']}"
    model = row["model"] and f"{row['model']} ({row['revision']})"
    names = {
        "release": release, "gate": gate_id, "pair": row["pair_id"], "call": row["call_key"], "model": model,
        "prompt version": row["prompt_version"], "sample": row["sample_id"], "source": row["source_id"],
        "file": row["file"], "position": row["position"], "record hash": row["record_hash"],
        "publisher's id": row["original_id"], "notes of the reader": row["notes"], "licence": row["licence"],
    }  # fmt: skip
    return tuple((name, str(value)) for name, value in names.items() if value is not None)


def _opinions(tables: Tables, subjects: Sequence[str]) -> dict[str, list[Opinion]]:
    found: dict[str, list[Opinion]] = {}
    rows = tables.read("judged").where(f.col("subject_id").isin(list(subjects))).orderBy("judge", "judge_id").collect()
    for row in rows:
        scores = (row["content_score"], row["relevance_score"])
        one = Opinion(row["judge"], row["judge_id"], row["verdict"], row["p_yes"], row["label_mass"], *scores)
        if one not in found.setdefault(row["subject_id"], []):
            found[row["subject_id"]].append(one)
    return found


def read_shots(tables: Tables, media: Sequence[str], side: int) -> dict[str, list[Shot]]:
    """Pictures of these media by id, scaled down where they lie, parts in order."""
    wanted = [media_id for media_id in media if not media_id.startswith("absent:")]
    if not wanted:
        return {}
    stored = tables.read("media_bytes")
    buckets = sorted({bucket_of(media_id, tables.storage.media_buckets) for media_id in wanted})
    shots = _scaled(stored.where(f.col("bucket").isin(buckets)), wanted, side)
    missing = [media_id for media_id in wanted if media_id not in shots]
    # The pictures may have been written with another number of buckets.
    return {**shots, **_scaled(stored, missing, side)} if missing else shots


def _scaled(stored: DataFrame, media: Sequence[str], side: int) -> dict[str, list[Shot]]:
    parts = stored.where(f.col("media_id").isin(list(media)))
    small = parts.select("media_id", "part", "at_s", "width", "height", "data").mapInArrow(
        partial(_shrink_all, side=side), from_arrow_schema(SHOT)
    )
    shots: dict[str, list[Shot]] = {}
    for row in small.orderBy("media_id", "part").collect():
        size = (row["width"], row["height"])
        shots.setdefault(row["media_id"], []).append(
            Shot(row["media_id"], row["part"], *size, row["data"], row["at_s"])
        )
    return shots


def _shrink_all(batches: Iterable[pa.RecordBatch], side: int) -> Iterator[pa.RecordBatch]:
    out = Batches(SHOT)
    for row in (row for batch in batches for row in batch.to_pylist()):
        yield from out.add(row | shrink(row["data"], side), 40_000)
    yield from out.flush()


def shrink(data: bytes, side: int) -> dict[str, Any]:
    """A picture as JPEG with no side longer than `side` px; without bytes where it cannot be decoded."""
    try:
        with Image.open(BytesIO(data)) as image:
            image.draft("RGB", (side, side))
            flat = image.convert("RGBA") if image.mode in ("P", "LA", "PA", "RGBA") else image.convert("RGB")
    except Exception:  # noqa: BLE001 - decoders raise whatever they like; the page says that the picture is broken
        return {"data": b"", "width": 0, "height": 0}
    if flat.mode == "RGBA":
        flat = Image.alpha_composite(Image.new("RGBA", flat.size, "white"), flat).convert("RGB")
    flat.thumbnail((side, side))
    stream = BytesIO()
    flat.save(stream, "JPEG", quality=82, optimize=True)
    return {"data": stream.getvalue(), "width": flat.width, "height": flat.height}
