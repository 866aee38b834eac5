"""Source files to samples: every record is a sample, a duplicate or a reject with its reason."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from corpora import asked, picture, run_here, said, source, stub_config, write_json, write_pictures
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from jobs.check import check_source
from jobs.normalise.conserve import SourceCount
from jobs.normalise.plan import plan_sources
from jobs.normalise.stage import Normalise
from jobs.progress import Progress
from jobs.run import Options, Stage
from jobs.tables import Tables
from schemas.config import Config, MediaMode
from schemas.errors import ConservationError
from schemas.source import Source

FLAWS = {
    "missing": (asked(["nowhere.png"], 20), "missing_media"),
    "undecodable": (asked(["broken.png"], 21), "undecodable_media"),
    "empty file": (asked(["empty.png"], 22), "undecodable_media"),
    "placeholders": ({"id": "23", "image": "p1.png", "conversations": said("<image> <image> Which?", "This.")},
                     "placeholder_mismatch"),
    "empty conversation": ({"id": "24", "image": "p1.png", "conversations": []}, "empty_conversation"),
    "unknown role": ({"id": "25", "image": "p1.png", "conversations": [{"from": "oracle", "value": "Hm?"}]},
                     "unknown_role"),
    "no answer": ({"id": "26", "image": "p1.png", "conversations": said("<image> Which?")}, "no_answer"),
    "parent folder": (asked(["../secret.png"], 27), "media_outside_root"),
    "absolute path": (asked(["/etc/hostname"], 28), "media_outside_root"),
    "link": (asked(["link.png"], 29), "media_outside_root"),
    "url": (asked(["https://example.org/a.png"], 30), "media_is_url"),
    "no conversation": ({"id": "31", "image": "p1.png"}, "missing_field"),
    "text": ("just a word", "wrong_shape"),
}  # fmt: skip
GOOD = 12
PLAIN = source("plain")
LINES = source("lines", "llava_jsonl")
PAIRS = source("pairs", "vqa_pair_json", reading={"media_root": "images", "media_pattern": "p{image_id}.png"})
LEFT = source("left", "m4_json", collection="pool", reading={"select": {"field": "metadata.dataset", "values": ["L"]}})
RIGHT = source(
    "right", "m4_json", collection="pool", reading={"select": {"field": "metadata.dataset", "values": ["R"]}}
)
OWN = source("own", "m4_json", collection="pool", reading={"select": {"field": "metadata.dataset", "values": ["O"]}})
SOURCES = [PLAIN, LINES, PAIRS, LEFT, RIGHT, OWN]


def write_sources(root: Path) -> None:
    plain = root / "plain"
    write_pictures(plain, range(GOOD))
    (plain / "broken.png").write_bytes(picture(1)[:60])
    (plain / "empty.png").write_bytes(b"")
    (root / "secret.png").write_bytes(picture(99))
    (plain / "link.png").symlink_to(root / "secret.png")
    good = [asked([f"p{n}.png"], n) for n in range(GOOD)]
    write_json(plain / "a.json", [*good, *(record for record, _ in FLAWS.values()), good[3], good[3]])
    write_pictures(root / "lines", range(3))
    lines = [json.dumps(asked([f"p{n}.png"], n)) for n in range(3)]
    (root / "lines" / "a.jsonl").write_text(
        "\n".join([lines[0], '{"id": "x", "image": "p0.png"', *lines[1:], "[1, 2]"])
    )
    write_pictures(root / "pairs" / "images", range(4))
    questions = [{"question_id": n, "image_id": n % 4, "question": f"What is {n}?"} for n in range(6)]
    answers = [{"question_id": n, "image_id": n % 4, "answers": [{"answer": "two"}] * 3,
                "multiple_choice_answer": "two"} for n in range(1, 8)]  # fmt: skip
    write_json(root / "pairs" / "questions.json", {"questions": questions})
    write_json(root / "pairs" / "annotations.json", {"annotations": answers})
    write_pictures(root / "pool", range(4))
    write_json(root / "pool" / "all.json", [marked(n, "LLR"[n % 3]) for n in range(9)])
    write_pictures(root / "own", range(4))
    write_json(root / "own" / "mine.json", [marked(n, "elsewhere") for n in range(5)])


def marked(number: int, dataset: str) -> dict[str, Any]:
    return asked([f"p{number % 4}.png"], number) | {"metadata": {"dataset": dataset}}


@dataclass(frozen=True)
class Read:
    """A finished pass."""

    root: Path
    config: Config
    tables: Tables
    counts: Mapping[str, SourceCount]


@pytest.fixture(scope="module")
def read(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Read:
    root = tmp_path_factory.mktemp("sources")
    write_sources(root / "sources")
    config = stub_config(root, root / "hosts")
    outcome, tables = run_here(config, SOURCES, [Stage.NORMALISE])
    return Read(root, config, tables, {count.source_id: count for count in outcome.sources})


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_planted_flaw_is_a_reject_with_its_reason(read: Read, flaw: str):
    _, reason = FLAWS[flaw]
    place = GOOD + list(FLAWS).index(flaw)
    found = read.tables.read("rejects").where(f"source_id = 'plain' AND origin.position = {place}").collect()
    assert [row["drop_reason"] for row in found] == [reason]
    assert found[0]["detail"]
    assert found[0]["excerpt"]
    assert read.tables.read("samples").where(f"source_id = 'plain' AND origin.position = {place}").count() == 0


def test_nothing_outside_the_media_root_was_read(read: Read):
    ids = {row[0] for row in read.tables.read("media").select("media_id").collect()}
    assert sha256(picture(1)).hexdigest() in ids
    assert sha256(picture(99)).hexdigest() not in ids


@pytest.mark.parametrize(
    ("source_id", "samples", "duplicates", "rejects"),
    [
        ("plain", GOOD, 2, None),
        ("lines", 3, 0, {"malformed_record": 1, "wrong_shape": 1}),
        ("pairs", 4, 0, {"orphan_question": 1, "orphan_annotation": 2}),
        ("left", 6, 0, {}),
        ("right", 3, 0, {}),
        ("own", 5, 0, {}),
    ],
)
def test_records_are_samples_duplicates_or_rejects(
    read: Read, source_id: str, samples: int, duplicates: int, rejects: dict[str, int] | None
):
    count = read.counts[source_id]
    assert (count.samples, count.duplicates) == (samples, duplicates)
    assert rejects is None or count.rejects == rejects
    assert count.records == samples + duplicates + sum(count.rejects.values())
    stored = read.tables.read("samples").where(f"source_id = '{source_id}'").agg(f.sum("origin.units")).collect()[0][0]
    lost = read.tables.read("rejects").where(f"source_id = '{source_id}'").agg(f.sum("origin.units")).collect()[0][0]
    assert count.units == stored + (lost or 0)


def test_units_are_the_publishers_own(read: Read):
    """Six questions and seven annotations: five pairs about four pictures, and three without a partner."""
    assert (read.counts["pairs"].records, read.counts["pairs"].units) == (7, 8)


def test_runs_hold_the_same_counts(read: Read):
    rows = {row["source_id"]: row for row in read.tables.read("runs").collect()}
    for name, count in read.counts.items():
        row = rows[name]
        assert (row["records"], row["units"], row["rows_out"]) == (count.records, count.units, count.samples)
        assert row["rejected"] == count.duplicates + sum(count.rejects.values())
        assert row["records"] == row["rows_out"] + row["rejected"]


def test_a_duplicate_names_its_twin(read: Read):
    kept = read.tables.read("samples").where("source_id = 'plain' AND origin.position = 3").collect()
    twins = read.tables.read("rejects").where("drop_reason = 'duplicate'").collect()
    assert [row["duplicate_of"] for row in twins] == [kept[0]["sample_id"]] * 2
    assert sorted(row["origin"]["position"] for row in twins) == [GOOD + len(FLAWS), GOOD + len(FLAWS) + 1]


def test_a_shared_file_is_read_once(read: Read):
    items = [item for item in plan_sources(SOURCES, read.config.storage).items if item.folder.endswith("/pool")]
    assert [item.sources for item in items] == [("left", "right")]


def test_a_picture_is_stored_once(read: Read):
    parts = read.tables.read("media_bytes")
    assert parts.count() == parts.select("media_id").distinct().count() == GOOD


@pytest.fixture
def stage(read: Read, tmp_path: Path) -> Normalise:
    storage = read.config.storage.model_copy(update={"root": str(tmp_path)})
    config = read.config.model_copy(update={"storage": storage})
    return Normalise(Tables(read.tables.spark, storage), config, "again", Progress(quiet=True))


def lost(stage: Normalise, sources: list[Source], condition: str) -> None:
    """Counts a pass after the loss of the staged rows that a condition names."""
    plan = plan_sources(sources, stage.config.storage)
    staging = stage.stage(sources, plan).where(f"NOT ({condition})")
    stage.count(sources, plan, staging, *stage.settle(staging))


def test_a_lost_record_stops_the_stage(stage: Normalise):
    with pytest.raises(ConservationError, match="plain: 27 records with 27 units were read, but 26 records"):
        lost(stage, [PLAIN], "coalesce(sample.origin.position, -1) = 5")


def test_a_lost_reject_stops_the_stage(stage: Normalise):
    with pytest.raises(ConservationError, match="lines: 5 records with 5 units were read, but 4 records"):
        lost(stage, [LINES], "coalesce(reject.drop_reason, '') = 'malformed_record'")


def test_a_range_that_reports_nothing_stops_the_stage(stage: Normalise):
    with pytest.raises(ConservationError, match="left: 1 file ranges were planned and 0 reported"):
        lost(stage, [LEFT, RIGHT], "span IS NOT NULL AND source_id = 'left'")


def test_a_second_run_leaves_the_same_samples_and_stores_no_picture_again(read: Read):
    def ids() -> list[str]:
        return sorted(row[0] for row in read.tables.read("samples").select("sample_id").collect())

    before, version = ids(), read.tables.read("media_bytes").count()
    outcome, _ = run_here(read.config, [PLAIN, LEFT], [Stage.NORMALISE])
    assert ids() == before
    assert read.tables.read("media_bytes").count() == version == GOOD
    assert outcome.sources[0] == read.counts["plain"]


def test_a_larger_limit_contains_a_smaller_one(read: Read, tmp_path: Path):
    storage = read.config.storage.model_copy(update={"root": str(tmp_path)})
    config = read.config.model_copy(update={"storage": storage})
    found = {}
    for limit in (4, 8):
        outcome, tables = run_here(config, [PLAIN, PAIRS], [Stage.NORMALISE], limit)
        assert [count.records for count in outcome.sources] == [limit, min(limit, 7)]
        assert all(c.records == c.samples + c.duplicates + sum(c.rejects.values()) for c in outcome.sources)
        found[limit] = {row[0] for row in tables.read("samples").select("sample_id").collect()}
    everything = {row[0] for row in read.tables.read("samples").select("sample_id").collect()}
    assert found[4] < found[8] < everything


def test_check_counts_without_a_table_and_skips_media_on_request(read: Read):
    media = read.config.media.model_copy(update={"mode": MediaMode.SKIP})
    config = read.config.model_copy(update={"media": media})
    before = read.tables.version("samples")
    check = check_source(Options(config, {"plain": PLAIN}, quiet=True), PLAIN, None)
    found = check.counts()
    flaws = [reason for _, reason in FLAWS.values()]
    unseen = {"missing_media", "undecodable_media", "media_outside_root", "media_is_url"}
    expected = {reason: flaws.count(reason) for reason in flaws if reason not in unseen}
    assert found["rejects"] == expected
    assert found["records"] == found["samples"] + found["duplicates"] + sum(found["rejects"].values()) == 27
    assert read.tables.version("samples") == before
    assert {len([e for e in check.examples if e.reason == reason]) for reason in expected} <= {1, 2, 3}
    assert all(example.detail and example.file and example.excerpt for example in check.examples)
    assert set(check.advice) - {"duplicate"} == set(expected)
