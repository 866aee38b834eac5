"""The job on publishers' own files, where these are at hand: every source that can be read, and real picture requests.

MAMMOTH_REAL_SAMPLES names the folder: one folder per source, named by its catalogue id.
"""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from engines import engine_folder
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as f

from jobs.cli.context import print_table
from jobs.export import check_export
from jobs.normalise.conserve import SourceCount
from jobs.run import Options, Outcome, Stage, open_run, run_stages
from jobs.tables import Tables
from schemas.config import Config, MediaMode, Profile, load_config
from schemas.enums import DropReason, Group
from schemas.source import Source, packaged_sources
from udfs.engine.control import list_hosts
from udfs.ids import pair_id

SAMPLES = Path(os.environ.get("MAMMOTH_REAL_SAMPLES", Path(__file__).parents[1] / "../shared/real_samples"))
FOLDERS = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir()) if SAMPLES.is_dir() else []
ORIGINS = {
    "chrome_writing": ("label_lines", 50), "coco_qa": ("line_aligned_txt", 50), "iiit5k": ("label_lines", 3),
    "mscoco": ("coco_instances_json", 40), "raven": ("raven_npz_xml", 2), "rects": ("rects_json", 1),
    "sherlock": ("sherlock_json", 1), "sroie": ("sroie_folders", 25),
}  # fmt: skip
"""Folders in the form of those who made the data: their family, and records that only lack their picture, if any."""
NO_SAMPLE_EITHER_WAY = {
    "hitab_cauldron_llava_format": DropReason.MISSING_MEDIA,  # tables that nobody has drawn
    "lrv_normal_filtered": DropReason.NO_ANSWER,
}
MAX_SAMPLES, MAX_PICTURES = 24, 4

pytestmark = [
    pytest.mark.real,
    pytest.mark.engine,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not FOLDERS, reason=f"no publishers' files below {SAMPLES}"),
]


@pytest.fixture(scope="module")
def sources_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files, with two things put right that the excerpts changed."""
    folder = tmp_path_factory.mktemp("real") / "sources"
    shutil.copytree(SAMPLES, folder)
    excerpt = folder / "visualgenome" / "VG_100K_sample"
    if excerpt.is_dir():
        excerpt.rename(excerpt.with_name("VG_100K"))  # as its publisher calls it
    # No excerpt holds several pictures of one record: real ones of another source stand in for a pair's.
    pictures = sorted((folder / "coco_caption_val" / "val2017").glob("*.jpg"))
    if (folder / "nlvr2").is_dir() and len(pictures) > 1:
        for at, picture in enumerate(pictures[:2]):
            shutil.copy(picture, folder / "nlvr2" / f"dev-850-0-img{at}.png")
    return folder


def configured(root: Path, sources_root: Path, hosts: Path, *more: str) -> Config:
    return load_config(Profile.LAPTOP, None, [
        f"storage.root={root}", f"storage.sources_root={sources_root}", f"storage.host_dir={hosts}",
        "spark.shuffle_partitions=2", "storage.media_buckets=2", "rewriting.groups=[A, B, C, text]",
        f"rewriting.max_samples={MAX_SAMPLES}", "rewriting.sampling.max_tokens=24", "judging.score_share=0.1",
        f"engine.max_pictures={MAX_PICTURES}", "engine.max_model_len=4096", *more,
    ])  # fmt: skip


def sources_of(names: list[str]) -> list[Source]:
    return [packaged_sources()[name] for name in names]


@dataclass(frozen=True)
class Read:
    """A finished normalise."""

    counts: dict[str, SourceCount]
    families: dict[str, str]
    tables: Tables


def normalise(config: Config, names: list[str]) -> Read:
    with open_run(Options(config, packaged_sources(), quiet=True)) as run:
        outcome = run_stages(run, sources_of(names), [Stage.NORMALISE])
        rows = run.tables.read("runs").select("source_id", "facts").collect()
        families = {row["source_id"]: json.loads(row["facts"])["family"] for row in rows}
        return Read({count.source_id: count for count in outcome.sources}, families, run.tables)


@pytest.fixture(scope="module")
def engines() -> Iterator[Path]:
    with engine_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def config(sources_root: Path, tiny_model: Path, engines: Path) -> Config:
    root = sources_root.parent / "out"
    return configured(root, sources_root, engines, "engine.model=tiny", f"engine.path={tiny_model}")


@pytest.fixture(scope="module")
def read(spark: SparkSession, config: Config) -> Read:
    """All readable folders, with the pictures that are there."""
    return normalise(config, FOLDERS)


@pytest.fixture(scope="module")
def skipped(spark: SparkSession, read: Read, config: Config) -> Read:
    """The folders that came without their pictures, annotations alone."""
    without = [name for name, count in read.counts.items() if count.samples == 0]
    more = {"root": f"{config.storage.root}-skip"}
    media = config.media.model_copy(update={"mode": MediaMode.SKIP})
    storage = config.storage.model_copy(update=more)
    return normalise(config.model_copy(update={"media": media, "storage": storage}), without)


@pytest.fixture(scope="module")
def released(read: Read, config: Config) -> Outcome:
    """All samples as they are, through the gate and exported, before anything is rewritten."""
    rewriting = config.rewriting.model_copy(update={"groups": ()})
    publishing = config.publishing.model_copy(update={"keep_groups": tuple(Group)})
    plain = config.model_copy(update={"rewriting": rewriting, "publishing": publishing})
    with open_run(Options(plain, packaged_sources(), quiet=True), asks=False) as run:
        return run_stages(run, [], [Stage.PUBLISH, Stage.EXPORT])


def test_real_samples_pass_the_gate_and_are_exported(read: Read, released: Outcome):
    assert released.release is not None
    assert released.export is not None
    assert released.release.rows == sum(count.samples for count in read.counts.values()) > 0
    assert released.export.rows + sum(released.export.left_out.values()) == released.release.rows
    assert check_export(released.export.folder) == []


@pytest.fixture(scope="module")
def asked(read: Read, released: Outcome, config: Config, engines: Path) -> Iterator[Tables]:
    """A few samples rewritten, and every original as a pair of its own, judged: random weights write no pair."""
    with open_run(Options(config, packaged_sources(), quiet=True)) as run:
        run_stages(run, [], [Stage.REWRITE])
        known = {row[0] for row in run.tables.read("rewritten").select("sample_id").collect()}
        run.tables.append_rows("rewritten", [as_pair(row) for row in shown(run.tables) if row["sample_id"] in known])
        run_stages(run, [], [Stage.JUDGE])
        yield run.tables
    assert list_hosts(str(engines)) == []


def shown(tables: Tables) -> list[Row]:
    return list(tables.read("samples").where(f.size("media") > 0).collect())


def as_pair(sample: Row) -> dict[str, object]:
    turns = [turn.asDict() for turn in sample["conversation"][:2]]
    asks, answer = (turn["text"] for turn in turns)
    return {
        "pair_id": pair_id(sample["media"], asks, answer), "sample_id": sample["sample_id"],
        "content_id": sample["content_id"], "source_id": sample["source_id"], "call_key": "0" * 64, "position": 0,
        "parse_status": "ok", "instruction": asks, "response": answer, "conversation": turns,
        "text_evidence": False, "checks": {},
    }  # fmt: skip


def test_no_record_is_lost_without_a_reason(read: Read, capsys: pytest.CaptureFixture[str]):
    rows = [
        (name, read.families[name], count.records, count.samples, count.duplicates,
         ", ".join(f"{reason} {number}" for reason, number in sorted(count.rejects.items())))
        for name, count in sorted(read.counts.items())
    ]  # fmt: skip
    with capsys.disabled():
        print_table("real samples", ("source", "family", "records", "samples", "duplicates", "rejects"), rows)
    assert set(read.counts) == set(FOLDERS)
    for count in read.counts.values():
        assert count.records == count.samples + count.duplicates + sum(count.rejects.values()) > 0, count
        assert set(count.rejects) <= {reason.value for reason in DropReason}
    rejects = read.tables.read("rejects").select("source_id", "drop_reason", "detail", "duplicate_of").collect()
    dropped = Counter(row["source_id"] for row in rejects)
    assert dropped == {n: c.records - c.samples for n, c in read.counts.items() if c.records > c.samples}
    assert all(row["detail"] for row in rejects)


def test_sources_without_their_pictures_become_samples_all_the_same(skipped: Read):
    assert len(skipped.counts) > 10
    for name, count in skipped.counts.items():
        if name in NO_SAMPLE_EITHER_WAY:
            assert set(count.rejects) == {NO_SAMPLE_EITHER_WAY[name].value}
        else:
            assert count.samples > 0, count
        assert count.records == count.samples + count.duplicates + sum(count.rejects.values())
    status = {row[0] for row in skipped.tables.read("samples").select("media_status").distinct().collect()}
    assert status == {"absent"}


def test_every_call_is_answered(asked: Tables):
    calls = asked.read("calls").select("call_key", "purpose", "status", "error").collect()
    assert [row["error"] for row in calls if row["status"] not in ("ok", "length")] == []
    assert {row["purpose"] for row in calls} == {"rewrite", "judge", "score"}
    # Two of the sources hold the same tables: what sources share is asked once.
    assert MAX_SAMPLES - 4 <= sum(row["purpose"] == "rewrite" for row in calls) <= MAX_SAMPLES
    assert len(calls) == len({row["call_key"] for row in calls})
    wanted = {row[0] for row in asked.read("requests").select("call_key").collect()}
    assert wanted == {row["call_key"] for row in calls}


def test_pictures_reach_the_engine_whole_and_in_order(asked: Tables):
    parts = asked.read("media_bytes").select("media_id", "sha256").collect()
    stored = {row["media_id"]: row["sha256"] for row in parts}
    media = {row["sample_id"]: row["media"] for row in asked.read("samples").select("sample_id", "media").collect()}
    calls = asked.read("calls").collect()
    whole = {name: [stored[medium] for medium in media] for name, media in media.items()}
    for row in calls:
        pictures = iter(whole[row["sample_id"]])
        assert all(sent in pictures for sent in row["pictures"])  # in order, where there are more than may be sent
        assert len(row["pictures"]) == min(MAX_PICTURES, len(whole[row["sample_id"]]))
    numbers = Counter((row["purpose"], len(row["pictures"])) for row in calls)
    assert all(numbers[purpose, count] for purpose in ("rewrite", "judge") for count in (1, 2)), numbers
    # 224 px make 64 tokens: a request with two pictures cannot be shorter than that twice.
    assert min(row["prompt_tokens"] for row in calls if len(row["pictures"]) == 2) > 128
    assert not any(row["text_evidence"] for row in calls)


def test_verdicts_have_probabilities(asked: Tables):
    calls = asked.read("calls").where("purpose = 'judge'").collect()
    assert len(calls) > 10
    for row in calls:
        assert set(row["label_probs"]) == {"Yes", "No"}
        assert all(0 < p < 1 for p in row["label_probs"].values())
    judged = asked.read("judged").where("verdict IS NOT NULL")
    assert judged.count() == len(calls)


@pytest.mark.parametrize("name", sorted(ORIGINS.keys() & set(FOLDERS)))
def test_origin_formats_lack_pictures_at_most(read: Read, name: str):
    family, records = ORIGINS[name]
    count = read.counts[name]
    assert (read.families[name], count.records) == (family, records)
    assert set(count.rejects) <= {DropReason.MISSING_MEDIA.value}
    assert count.samples + count.duplicates + count.rejects.get(DropReason.MISSING_MEDIA.value, 0) == records
