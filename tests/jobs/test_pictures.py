"""The right picture reaches the right request: single, shared, several, repeated and duplicate pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from corpora import asked, counted, source, stub_config, write_json, write_pictures
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from jobs.run import Options, Outcome, Stage, open_run, run_stages
from jobs.tables import Tables
from schemas.config import Config

SHAPES = source("shapes")
SETS = source("sets", category="Multi-Image", modality="multi_image")
BATCH_ROWS = 7
"""Rows of an Arrow batch, so that visits are cut anywhere."""


def write_corpus(folder: Path) -> int:
    """530 records about 180 pictures, 20 of which lie there under two names."""
    write_pictures(folder / "shapes", range(160))
    write_pictures(folder / "shapes", range(140, 160), "twin{}.png")
    single = [asked([f"p{n}.png"], n) for n in range(160)]
    shared = [asked([f"p{n % 50}.png"], 1000 + n) for n in range(150)]
    twins = [asked([f"twin{n}.png"], 2000 + n) for n in range(140, 160)]
    write_json(folder / "shapes" / "a.json", [*single, *shared, *twins])
    write_pictures(folder / "sets", range(150, 180))
    names = [f"p{150 + n}.png" for n in range(30)]
    several = [asked([names[(n * k + 3) % 30] for k in range(1, 2 + n % 3 + 1)], 3000 + n) for n in range(100)]
    repeated = [asked([names[n % 30], names[(n + 1) % 30], names[n % 30]], 4000 + n) for n in range(60)]
    same_set = [asked([names[0], names[1]], 5000 + n) for n in range(20)]
    turned = [asked([names[1], names[0]], 6000 + n) for n in range(20)]
    write_json(folder / "sets" / "b.json", [*several, *repeated, *same_set, *turned])
    return len(single + shared + twins + several + repeated + same_set + turned)


@dataclass(frozen=True)
class Asked:
    """A finished run on the corpus."""

    records: int
    outcome: Outcome
    tables: Tables
    config: Config
    hosts: Path


@pytest.fixture(scope="module")
def done(spark: SparkSession, module_hosts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    root = tmp_path_factory.mktemp("pictures")
    records = write_corpus(root / "sources")
    small = ["spending.wave_s=0.001", "engine.max_pictures=4", "storage.media_buckets=3"]
    config = stub_config(root, module_hosts, {"latency_s": 0.004}, *small)
    before = spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch")
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(BATCH_ROWS))
    sources = [SHAPES, SETS]
    try:
        with open_run(Options(config, {s.source_id: s for s in sources}, quiet=True)) as run:
            outcome = run_stages(run, sources, [Stage.NORMALISE, Stage.REWRITE])
            yield Asked(records, outcome, run.tables, config, module_hosts)
    finally:
        spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(before))


Named = dict[str, tuple[str, ...]]


def wanted(tables: Tables) -> Named:
    """By sample: sha256 of its stored pictures, in order."""
    stored = {row[0]: row[1] for row in tables.read("media_bytes").select("media_id", "sha256").collect()}
    samples = tables.read("samples").select("sample_id", "media").collect()
    return {row[0]: tuple(stored[media_id] for media_id in row[1]) for row in samples}


def misplaced(replies: list[tuple[str, str]], by_sample: Named) -> list[str]:
    """Samples whose reply names other pictures than theirs, or in another order."""
    return [
        sample_id
        for sample_id, reply in replies
        if tuple(reply.rpartition("\npictures: ")[2].split(",")) != by_sample[sample_id]
    ]


def rewrites(tables: Tables) -> list[tuple[str, str]]:
    rows = tables.read("calls").where("purpose = 'rewrite' AND status = 'ok'").select("sample_id", "reply")
    return [(row[0], row[1]) for row in rows.collect()]


def test_every_sample_is_answered_once(done: Asked):
    assert done.records > 500
    assert sum(count.records for count in done.outcome.sources) == done.records
    assert len(rewrites(done.tables)) == done.tables.read("samples").count() == done.records


def test_each_reply_names_its_own_samples_pictures_in_order(done: Asked):
    assert misplaced(rewrites(done.tables), wanted(done.tables)) == []


def test_swapped_pictures_would_be_noticed(done: Asked):
    by_sample = wanted(done.tables)
    ids = sorted(by_sample)
    shifted = {here: by_sample[there] for here, there in zip(ids, [*ids[1:], ids[0]], strict=True)}
    turned = {sample_id: tuple(reversed(named)) for sample_id, named in by_sample.items()}
    replies = rewrites(done.tables)
    assert len(misplaced(replies, shifted)) > 400
    expected = {name for name, pictures in by_sample.items() if pictures != tuple(reversed(pictures))}
    assert set(misplaced(replies, turned)) == expected
    assert len(expected) > 100


def test_the_stub_decoded_what_calls_say(done: Asked):
    """Judging calls of the same visit included."""
    said = {row[0]: tuple(row[1]) for row in done.tables.read("calls").select("call_key", "pictures").collect()}
    served = {line["key"]: tuple(line["pictures"]) for line in counted(done.hosts)}
    assert served == said
    judged = done.tables.read("calls").where("purpose = 'judge'").select("sample_id", "pictures").collect()
    by_sample = wanted(done.tables)
    assert len(judged) > 500
    assert [row[0] for row in judged if tuple(row[1]) != by_sample[row[0]]] == []


def test_a_picture_under_two_names_is_stored_once(done: Asked):
    media = done.tables.read("media_bytes")
    assert media.count() == media.select("media_id").distinct().count() == 180
    assert done.tables.read("media").count() == 180


def test_requests_lie_in_the_bucket_of_their_first_picture(done: Asked):
    bucket = {row[0]: row[1] for row in done.tables.read("media_bytes").select("media_id", "bucket").collect()}
    asked_for = done.tables.read("requests").select(f.col("subject.media")[0], "bucket").collect()
    assert asked_for
    assert all(bucket[row[0]] == row[1] for row in asked_for)
    assert len(set(bucket.values())) == 3
