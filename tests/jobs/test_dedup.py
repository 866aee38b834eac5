"""Twins: who is one, who stays, and that nothing that goes is asked, published or lost."""

import json
import shutil
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import SparkSession
from release_rows import FREE, Rows, digest, settings

from jobs.candidates import candidates
from jobs.dedup.kept import SAMPLES_MARK, count_twins, kept_samples, looked_for
from jobs.dedup.stage import dedup
from jobs.engines import Engines
from jobs.progress import Progress
from jobs.stages import Run, StageCount
from jobs.tables import Tables
from jobs.wanted import rewritable
from udfs.ids import sample_id
from udfs.media.pictures import perceptual_hash

LONG = (
    "The table lists towns of the valley with their inhabitants, their markets and the years in which each of them was"
    " founded; which town is the oldest, which one has a market on Sundays, and how do you know that from its columns?"
)
RIDDLE = (
    "A ferryman rows a wolf, a goat and a cabbage across a river in a boat that holds himself and one of them, but"
    " never lets the goat alone with the cabbage or with the wolf; in which order does he take them to the other side?"
)

HINT = (
    "Hint: look at the drawing, think, and then give the letter of the right option, such as A, B, C or D, at its end"
)


def drawn(seed: int, side: int = 256) -> Image.Image:
    """A picture with content; the same at every size."""
    blocks = np.random.default_rng(seed).integers(0, 255, (8, 8, 3)).astype("uint8")
    return Image.fromarray(blocks).resize((side, side), Image.Resampling.BICUBIC)


BLANK = Image.new("RGB", (64, 64), "white")


@dataclass
class Corpus:
    """Rows of samples and media as normalise leaves them."""

    samples: Rows = field(default_factory=list)
    media: dict[str, dict[str, Any]] = field(default_factory=dict)

    def shown(self, name: str, image: Image.Image) -> str:
        media_id = digest("picture", name)
        self.media[media_id] = {
            "media_id": media_id, "kind": "image", "format": "PNG", "bytes": 9, "width": 9, "height": 9, "frames": 1,
            "parts": 1, "standard_width": 9, "standard_height": 9, "phash": perceptual_hash(image),
        }  # fmt: skip
        return media_id

    def add(self, source_id: str, question: str, answer: str, *media: str, **more: object) -> str:
        """A sample; returns its sample_id."""
        content = digest("content", question, answer, *media)
        name = sample_id(source_id, content)
        turns = [{"role": "user", "text": "<image>\n" * len(media) + question}, {"role": "assistant", "text": answer}]
        row = {
            "sample_id": name, "content_id": content, "source_id": source_id, "group": "B", "category": "Chart",
            "modality": "image" if media else "text", "language": "en", "media": list(media),
            "media_status": "present" if media else "none", "conversation": turns, "licence": FREE,
            "origin": {"file": "a.json", "position": len(self.samples), "units": 1, "record_hash": name},
        }  # fmt: skip
        self.samples.append(row | more)
        return name


@dataclass(frozen=True)
class Planted:
    """The corpus, what was planted in it by name, and a benchmark file."""

    corpus: Corpus
    named: dict[str, str]
    benchmark: Path


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    made, named = Corpus(), dict[str, str]()
    one, small = made.shown("one", drawn(1)), made.shown("small", drawn(1, 90))
    others = [made.shown(f"other {n}", drawn(100 + n)) for n in range(30)]
    for source_id in ("alpha", "beta", "gamma"):
        named[f"copy in {source_id}"] = made.add(source_id, "What is exactly the same everywhere?", "This.", one)
    named["picture"] = made.add("alpha", LONG, "Stoneford, since no year is smaller.", one)
    named["resized"] = made.add("beta", LONG, "Stoneford, since no year is lower.", small)
    named["other picture"] = made.add("gamma", LONG, "Stoneford, since no year is smaller.", others[0])
    named["text"] = made.add("words", RIDDLE, "Goat first.")
    named["word changed"] = made.add("rows", RIDDLE.replace("rows", "takes"), "Goat first.")
    named["numbers"] = made.add("words", f"{LONG} There are 3 towns.", "It says so.")
    named["other numbers"] = made.add("words", f"{LONG} There are 4 towns.", "It says so.")
    for n, shown in enumerate(others):
        named[f"template {n}"] = made.add("drawings", f"{HINT} Which angle is {n}?", "A", shown)
    for n, side in enumerate(("apple", "pear", "plum", "fig", "date")):
        named[f"question {n}"] = made.add("drawings", f"{HINT} Where does the {side} lie?", "B", one)
    named["leaked text"] = made.add("web", f"Somebody asks: {LONG} Please help.", "I can not.")
    named["leaked picture"] = made.add("web", "Where was this seen?", "In a town.", made.shown("seen", drawn(7, 200)))
    named["blank"] = made.add("web", "What does this show?", "Nothing.", made.shown("blank", BLANK))
    named["short, same picture"] = made.add("web", "What now?", "Wait.", small)
    named["short, other picture"] = made.add("web", "What now?", "Wait.", others[2])
    return Planted(made, named, write_benchmark(tmp_path_factory.mktemp("benchmark")))


def write_benchmark(folder: Path) -> Path:
    """Four questions: one long, one with a picture of ours, one with a blank one, one short with a picture of ours."""
    pictures = {"seen.png": drawn(7, 320), "blank.png": BLANK, "one.jpg": drawn(1, 128)}
    for name, image in pictures.items():
        stream = BytesIO()
        image.save(stream, "JPEG" if name.endswith("jpg") else "PNG")
        (folder / name).write_bytes(stream.getvalue())
    entries = [
        {"question": LONG}, {"question": "Unlike anything", "image": "seen.png"},
        {"question": "Nothing like it", "image": "blank.png"}, {"question": "What now", "image": "one.jpg"},
    ]  # fmt: skip
    (folder / "test.json").write_text(json.dumps(entries))
    return folder / "test.json"


def ran(spark: SparkSession, root: Path, corpus: Corpus, *more: str) -> tuple[Run, StageCount]:
    config = settings(root, *more)
    tables = Tables(spark, config.storage)
    if not tables.exists("samples"):
        tables.append_rows("samples", corpus.samples)
        tables.append_rows("media", list(corpus.media.values()))
    run = Run("r1", config, tables, Engines(config, {}, {}), Progress(quiet=True))
    return run, dedup(run)


Found = dict[tuple[str, str], dict[str, Any]]


def found_in(run: Run) -> Found:
    rows = run.tables.read("twins").collect()
    assert len({(row["sample_id"], row["kind"]) for row in rows}) == len(rows)
    return {(row["sample_id"], row["kind"]): row.asDict() for row in rows}


@dataclass(frozen=True)
class Ran:
    """The planted corpus after the stage has dropped near-duplicates and what a benchmark holds."""

    run: Run
    count: StageCount
    found: Found
    named: dict[str, str]


DROP = ("dedup.near=drop", "dedup.contamination=drop")


@pytest.fixture(scope="module")
def near(spark: SparkSession, planted: Planted, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    run, count = ran(spark, tmp_path_factory.mktemp("near"), planted.corpus, *DROP, "dedup.prefer=[beta]")
    return Ran(run, count, found_in(run), planted.named)


def test_only_what_was_planted_is_found(near: Ran):
    named = {value: key for key, value in near.named.items()}
    pairs = {(named[sample], kind, named[row["twin"]]) for (sample, kind), row in near.found.items()}
    texts = {"text", "word changed"}
    gone = next(name for name, kind, _ in pairs if kind == "near" and name in texts)
    assert pairs == {
        ("copy in alpha", "exact", "copy in beta"), ("copy in gamma", "exact", "copy in beta"),
        ("picture", "near", "resized"), (gone, "near", (texts - {gone}).pop()),
    }  # fmt: skip
    resized = near.found[near.named["picture"], "near"]
    assert resized["distance"] <= 4
    assert 0.8 <= resized["similarity"] < 1
    assert near.found[near.named[gone], "near"]["distance"] is None


def test_samples_are_kept_or_dropped_and_the_dropped_are_rejects_that_name_one_kept(near: Ran):
    tables = near.run.tables
    kept = {row[0] for row in kept_samples(tables).select("sample_id").collect()}
    rejects = tables.read("rejects").collect()
    assert near.count.rows_in == len(near.named) == len(kept) + len(rejects)
    assert near.count.rejects == {"duplicate": 2, "near_duplicate": 2}
    assert {row["duplicate_of"] for row in rejects} <= kept
    assert {row["stage"] for row in rejects} == {"dedup"}
    told = tables.read("runs").where("stage = 'dedup'").collect()[0]
    assert (told["rows_in"], told["rows_out"], told["rejected"]) == (len(named_rows(near)), len(kept), 4)
    sums = {(row["source_id"], row["kind"]): row["samples"] for row in count_twins(tables).collect()}
    assert sums["alpha", "exact"] == sums["gamma", "exact"] == sums["alpha", "near"] == 1


def named_rows(near: Ran) -> set[str]:
    return set(near.named.values())


def test_what_was_dropped_is_neither_asked_nor_published(near: Ran):
    run = near.run
    dropped = {sample for (sample, _), row in near.found.items() if row["dropped"]}
    asked = {row[0] for row in rewritable(run.tables, run.engines).select("sample_id").collect()}
    offered = {row[0] for row in candidates(run.tables, run.config, None).select("sample_id").collect()}
    assert len(dropped) == 4
    assert asked == offered == named_rows(near) - dropped


def test_order_and_partitions_change_nothing_and_a_second_run_adds_nothing(near: Ran):
    tables = near.run.tables
    turned = tables.read("samples").orderBy("conversation", "sample_id").localCheckpoint()
    tables.overwrite("samples", turned.repartition(3, "origin.position"))
    again = dedup(near.run)
    assert found_in(near.run) == near.found
    assert again.rejects == near.count.rejects
    assert tables.read("rejects").count() == 4


def test_a_benchmark_is_found_by_its_text_and_by_its_pictures(near: Ran, planted: Planted, tmp_path: Path):
    named, root = planted.named, tmp_path / "root"
    shutil.copytree(near.run.tables.root, root)
    setting = f"dedup.benchmarks=[{json.dumps(str(planted.benchmark))}]"
    run, count = ran(near.run.tables.spark, root, planted.corpus, *DROP, setting)
    found = {key: row for key, row in found_in(run).items() if key[1].startswith("benchmark")}
    twins = {(named_of(named, sample), kind): row["twin"] for (sample, kind), row in found.items()}
    assert twins["leaked text", "benchmark_text"] == "test.json:0"
    assert twins["leaked picture", "benchmark_picture"] == "test.json:1"
    assert twins["short, same picture", "benchmark_text"] == "test.json:3"
    assert not {("blank", kind) for kind in ("benchmark_text", "benchmark_picture")} & twins.keys()
    assert not [name for name, _ in twins if name in ("short, other picture", "text") or name.startswith("template")]
    assert {name for name, kind in twins if kind == "benchmark_text"} == {
        "leaked text", "picture", "resized", "other picture", "numbers", "other numbers", "short, same picture",
    }  # fmt: skip
    assert all(row["dropped"] for row in found.values())
    assert count.facts["benchmark entries"] == 4
    looked = looked_for(run.tables.read("runs"))
    assert looked.near
    assert looked.benchmarks == tuple(run.config.dedup.benchmarks)
    assert looked.samples_mark == run.tables.read("samples").selectExpr(SAMPLES_MARK).collect()[0][0]
    kept = {row[0] for row in kept_samples(run.tables).select("sample_id").collect()}
    assert named["leaked picture"] not in kept
    assert run.tables.read("rejects").where("drop_reason = 'contaminated'").count() == len({key[0] for key in found})


def named_of(named: dict[str, str], sample: str) -> str:
    return next(key for key, value in named.items() if value == sample)
