"""Publishers' own files against readers that hold them whole."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from jobs.readers import layouts, plan_ranges, read
from udfs.adapters.family import Container, Layout

ROOT = Path(os.environ.get("MAMMOTH_REAL_SAMPLES", Path(__file__).parents[2] / "../shared/real_samples"))
SUFFIXES = {".json", ".jsonl", ".tsv"}
FILES = sorted(path for path in ROOT.rglob("*") if path.suffix in SUFFIXES and "sroie" not in path.parts)
NO_RECORDS = {"map_vid_vidorID.json", "pid_splits.json", "provenance.json"}

pytestmark = [pytest.mark.real, pytest.mark.skipif(not FILES, reason=f"no publishers' files below {ROOT}")]


def expected(path: Path, layout: Layout) -> list[Any]:
    text = path.read_text("utf-8")
    if layout.container is Container.DELIMITED:
        return list(csv.DictReader(text.splitlines(keepends=True), delimiter="\t"))
    if layout.container is Container.JSON_LINES:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    value = json.loads(text)
    for key in layout.at.split(".") if layout.at else ():
        value = value[key]
    if isinstance(value, list):
        return [item[0] if isinstance(item, list) else item for item in value]
    return [{**item, "_key": key} for key, item in value.items()]


@pytest.mark.parametrize("path", [path for path in FILES if path.name not in NO_RECORDS], ids=lambda path: path.name)
@pytest.mark.parametrize("target", [100, 1 << 20])
def test_every_layout(path: Path, target: int):
    found = layouts(str(path))
    assert found
    for layout in found:
        ranges = plan_ranges(str(path), path.name, layout, target)
        records = [record for part in ranges for record in read(str(path.parent), part)]
        assert not any(record.problem for record in records)
        assert [dict(record.value) for record in records] == expected(path, layout)
