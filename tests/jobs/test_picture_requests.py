"""The right picture reaches the right request: single, shared, several, repeated and duplicate pictures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from corpora import Answered, counted
from pyspark.sql import functions as f

from jobs.tables import Tables

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


def test_every_sample_is_answered_once(done: Answered):
    assert done.records > 500
    assert sum(count.records for count in done.outcome.sources) == done.records
    assert len(rewrites(done.tables)) == done.tables.read("samples").count() == done.records


def test_each_reply_names_its_own_samples_pictures_in_order(done: Answered):
    assert misplaced(rewrites(done.tables), wanted(done.tables)) == []


def test_swapped_pictures_would_be_noticed(done: Answered):
    by_sample = wanted(done.tables)
    ids = sorted(by_sample)
    shifted = {here: by_sample[there] for here, there in zip(ids, [*ids[1:], ids[0]], strict=True)}
    turned = {sample_id: tuple(reversed(named)) for sample_id, named in by_sample.items()}
    replies = rewrites(done.tables)
    assert len(misplaced(replies, shifted)) > 400
    expected = {name for name, pictures in by_sample.items() if pictures != tuple(reversed(pictures))}
    assert set(misplaced(replies, turned)) == expected
    assert len(expected) > 100


def test_the_stub_decoded_what_calls_say(done: Answered):
    """Judging calls of the same visit included."""
    said = {row[0]: tuple(row[1]) for row in done.tables.read("calls").select("call_key", "pictures").collect()}
    served = {line["key"]: tuple(line["pictures"]) for line in counted(done.hosts)}
    assert served == said
    judged = done.tables.read("calls").where("purpose = 'judge'").select("sample_id", "pictures").collect()
    by_sample = wanted(done.tables)
    assert len(judged) > 500
    assert [row[0] for row in judged if tuple(row[1]) != by_sample[row[0]]] == []


def test_a_picture_under_two_names_is_stored_once(done: Answered):
    media = done.tables.read("media_bytes")
    assert media.count() == media.select("media_id").distinct().count() == 180
    assert done.tables.read("media").count() == 180


def test_requests_lie_in_the_bucket_of_their_first_picture(done: Answered):
    bucket = {row[0]: row[1] for row in done.tables.read("media_bytes").select("media_id", "bucket").collect()}
    asked_for = done.tables.read("requests").select(f.col("subject.media")[0], "bucket").collect()
    assert asked_for
    assert all(bucket[row[0]] == row[1] for row in asked_for)
    assert len(set(bucket.values())) == 3


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand_large_pictures_in_one_row_group_pass_a_small_heap():
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "benchmarks.picture_rows", "--rows", "1000", "--heap", "2g", "--json"]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    job, plain = json.loads(ran.stdout)
    assert job["rows"] == plain["rows"] == 1000
    assert job["megabytes"] > 540
    assert job["peak_mb"] < 6000
