"""Small source folders that the project's tests make for themselves, and runs on them."""

import io
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from pyspark.sql import SparkSession

from jobs.run import Options, Outcome, Stage, open_run, run_stages
from jobs.tables import Tables
from jobs.waves import Waves
from schemas.config import Config, Profile, load_config
from schemas.enums import Category, Group, Modality
from schemas.source import Licence, Reading, Source

Record = dict[str, Any]


def picture(number: int, size: tuple[int, int] = (240, 230)) -> bytes:
    """A small PNG that no other number gives."""
    image = Image.new("RGB", size, (number * 37 % 256, number * 91 % 256, 128))
    image.paste((number % 256, number // 256 % 256, 7), (10, 10, 60, 60))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def said(*texts: str) -> list[dict[str, str]]:
    """Turns, the user's first."""
    return [{"from": ("human", "gpt")[at % 2], "value": text} for at, text in enumerate(texts)]


def asked(images: Sequence[str], number: int, answer: str = "four") -> Record:
    """A LLaVA record about pictures, or about none."""
    marks = "<image>\n" * len(images)
    record: Record = {"id": f"r{number}", "conversations": said(f"{marks}What is shown in scene {number}?", answer)}
    return record | ({"image": images[0] if len(images) == 1 else list(images)} if images else {})


def source(source_id: str, family: str = "llava_json", **more: object) -> Source:
    """A catalogue entry for a folder of the same name."""
    reading: Any = more.pop("reading", {})
    values: dict[str, Any] = {
        "group": Group.B, "category": Category.CHART, "modality": Modality.IMAGE, "collection": source_id, **more,
    }  # fmt: skip
    return Source(
        source_id=source_id, name=source_id.title(), family=family, licence=Licence(spdx="CC0-1.0"),
        reading=Reading(**{"files": ("*.json", "*.jsonl"), **reading}), **values,
    )  # fmt: skip


def write_json(path: Path, records: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records))
    return path


def write_pictures(folder: Path, numbers: Iterable[int], name: str = "p{}.png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / name.format(number)).write_bytes(picture(number))


def write_catalogue(folder: Path, sources: Iterable[Source]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for entry in sources:
        tree = entry.model_dump(mode="json", exclude_defaults=True)
        (folder / f"{entry.source_id}.yaml").write_text(yaml.safe_dump(tree))
    return folder


def stub_settings(root: Path, hosts: Path, script: Mapping[str, object] | None = None) -> list[str]:
    """`--set` values of a laptop run on the stub; tables below root/tables, sources below root/sources."""
    counts = {"counts": str(hosts / "counts"), **(script or {})}
    return [
        f"storage.root={root / 'out'}", f"storage.sources_root={root / 'sources'}", f"storage.host_dir={hosts}",
        "spark.master=local[4]", "spark.shuffle_partitions=1", "engine.kind=stub", "engine.model=stub",
        "engine.vision=true", "engine.max_num_seqs=8", f"engine.stub={json.dumps(counts)}",
    ]  # fmt: skip


def stub_config(root: Path, hosts: Path, script: Mapping[str, object] | None = None, *more: str) -> Config:
    return load_config(Profile.LAPTOP, None, [*stub_settings(root, hosts, script), *more])


def counted(hosts: Path) -> list[dict[str, Any]]:
    """What the stub served, fsynced before each call went on: key, pictures, in_flight."""
    path = hosts / "counts"
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


SHAPES = source("shapes")
SETS = source("sets", category=Category.MULTI_IMAGE, modality=Modality.MULTI_IMAGE)
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
class Answered:
    """A finished run."""

    records: int
    outcome: Outcome
    tables: Tables
    config: Config
    hosts: Path
    waves: Sequence[tuple[str, int, float, float]]
    """Engine, wave, start and end of each try to append to `calls`."""


def answered(spark: SparkSession, root: Path, hosts: Path) -> Answered:
    """Normalises and rewrites the corpus, in small Arrow batches and several waves, and takes their times."""
    records = write_corpus(root / "sources")
    small = ["spending.wave_s=0.001", "engine.max_pictures=4", "storage.media_buckets=3", "spending.tasks_per_wave=1"]
    config = stub_config(root, hosts, {"latency_s": 0.004}, *small)
    before = spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch")
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(BATCH_ROWS))
    try:
        with watched() as waves:
            outcome, tables = run_here(config, [SHAPES, SETS], [Stage.NORMALISE, Stage.REWRITE])
    finally:
        spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(before))
    return Answered(records, outcome, tables, config, hosts, waves)


def run_here(
    config: Config, sources: Sequence[Source], stages: Sequence[Stage], limit: int | None = None, engine: bool = True
) -> tuple[Outcome, Tables]:
    """Stages in this process, on the shared session."""
    with open_run(Options(config, {s.source_id: s for s in sources}, quiet=True)) as run:
        return run_stages(run, sources, stages, limit, engine), run.tables


@contextmanager
def watched() -> Iterator[list[tuple[str, int, float, float]]]:
    """Times of the waves that run in the body."""
    seen: list[tuple[str, int, float, float]] = []
    append = Waves._append

    def timed(self: Waves, engine: str, wave: int) -> None:
        began = time.monotonic()
        try:
            append(self, engine, wave)
        finally:
            seen.append((engine, wave, began, time.monotonic()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Waves, "_append", timed)
        yield seen
