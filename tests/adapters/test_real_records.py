"""Every record of publishers' files, where these exist: no exception, and what becomes of them."""

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from normalised import staged

from schemas.config import Storage
from schemas.enums import DropReason
from schemas.source import packaged_sources
from udfs.adapters.adapt import adapt
from udfs.adapters.family import Container, Layout
from udfs.adapters.recognise import Recognised, recognise
from udfs.sample import Draft, Origin, Part, Problem, Record

ROOT = Path(__file__).parents[2]
SAMPLES = Path(os.environ.get("MAMMOTH_REAL_SAMPLES", ROOT / "../shared/real_samples"))
EXPECTED = {
    "allava_laion": {"draft": 2},
    "chartqa_cauldron_llava_format": {"draft": 34},
    "clevr": {"draft": 30, DropReason.NO_ANSWER: 10},
    "clevr_cauldron_llava_format": {"draft": 80, DropReason.NO_ANSWER: 20},
    "coco_caption_train": {"draft": 200},
    "coco_caption_val": {"draft": 200},
    "gqa": {"draft": 3},
    "hitab_cauldron_llava_format": {DropReason.MISSING_MEDIA: 25},
    "llava_video_activitynetqa": {"draft": 40},
    "llava_video_next_qa": {"draft": 30},
    "llavar_gpt4_20k": {"draft": 25},
    "lrv_normal_filtered": {DropReason.NO_ANSWER: 50},
    "mathvision": {"draft": 43},
    "mplug_docowl_chart": {"draft": 1},
    "nlvr2": {"draft": 40},
    "q_align": {"draft": 111, DropReason.MISSING_FIELD: 20, DropReason.PLACEHOLDER_MISMATCH: 9},
    "robut_wtq_cauldron_llava_format": {DropReason.MISSING_MEDIA: 30},
    "scienceqa_nona_context": {"draft": 25},
    "tabmwp_cauldron": {"draft": 25},
    "tabmwp_mathv360k": {"draft": 30},
    "textvqa": {"draft": 40},
    "videochatgpt": {"draft": 49},
    "vist": {"draft": 1},
    "visualgenome": {"draft": 20},
    "vqa_rad_cauldron_llava_format": {"draft": 43},
    "vqav2": {"draft": 1, DropReason.ORPHAN_ANNOTATION: 57},
    "vsr_cauldron_llava_format": {"draft": 50},
}
ORIGINS = {
    "chrome_writing": 50, "coco_qa": 50, "iiit5k": 3, "mscoco": 40, "raven": 2, "rects": 1, "sherlock": 1, "sroie": 25,
}  # fmt: skip
"""Records of folders in the form of those who made the data, all of them samples."""


def places(path: Path) -> list[tuple[Layout, list[dict[str, Any]]]]:
    """Records by place, loaded in the plainest way."""
    if path.suffix in (".csv", ".tsv"):
        with path.open(newline="") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
        return [(Layout(Container.DELIMITED, "", rows[0]), rows)]
    text = path.read_text()
    try:
        return list(_lists(json.loads(text), "")) if path.suffix == ".json" else _lines(text)
    except ValueError:  # JSON lines in a file that says .json
        return _lines(text)


def _lines(text: str) -> list[tuple[Layout, list[dict[str, Any]]]]:
    rows = [json.loads(line) for line in text.splitlines()]
    return [(Layout(Container.JSON_LINES, "", rows[0]), rows)]


def _lists(node: object, at: str) -> Iterator[tuple[Layout, list[dict[str, Any]]]]:
    if isinstance(node, list) and node and isinstance(node[0], dict):
        yield Layout(Container.JSON_ARRAY, at, node[0]), node
    elif isinstance(node, dict) and node and all(isinstance(value, dict) for value in node.values()):
        rows = [{**value, "_key": key} for key, value in node.items()]
        yield Layout(Container.JSON_KEYED, at, rows[0]), rows
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _lists(value, f"{at}.{key}" if at else key)


def found_in(folder: Path) -> dict[str, list[tuple[Layout, list[dict[str, Any]]]]]:
    if not folder.is_dir():
        pytest.skip(f"no publisher's files in {folder}")
    files = (path for path in sorted(folder.rglob("*")) if path.suffix in (".json", ".jsonl", ".csv", ".tsv"))
    return {str(path.relative_to(folder)): places(path) for path in files if path.name != "provenance.json"}


def records(known: Recognised, found: dict[str, list[tuple[Layout, list[dict[str, Any]]]]]) -> Iterator[Record]:
    groups: dict[str, list[Part]] = {}
    for file, parts in known.files.items():
        rows = {layout.at: values for layout, values in found[file]}
        for part in parts:
            for at, value in enumerate(rows[part.layout.at]):
                if part.shape.join_key is None:
                    yield Record(value, Origin(file, at))
                else:
                    groups.setdefault(part.shape.join_key(value), []).append(
                        Part(part.shape.side, value, Origin(file, at))
                    )
    for key, group in groups.items():
        assert known.family.joiner is not None
        yield from known.family.joiner(key, group)


@pytest.mark.real
@pytest.mark.parametrize("source_id", EXPECTED)
def test_every_real_record_becomes_a_draft_or_a_problem(source_id: str):
    source = packaged_sources()[source_id]
    found = found_in(SAMPLES / source_id)
    known = recognise({file: [layout for layout, _ in parts] for file, parts in found.items()}, source)
    made: list[Draft | Problem] = [adapt(record, source, known.family) for record in records(known, found)]
    assert Counter(one.reason if isinstance(one, Problem) else "draft" for one in made) == EXPECTED[source_id]


@pytest.mark.real
@pytest.mark.parametrize("source_id", ORIGINS)
def test_every_record_of_an_origin_format_is_a_sample(source_id: str):
    rows = staged(packaged_sources()[source_id], Storage(sources_root=str(SAMPLES)))
    assert [row["reject"] for row in rows if row["reject"]] == []
    assert sum(row["sample"] is not None for row in rows) == ORIGINS[source_id]
