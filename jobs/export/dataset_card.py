"""The card of a Hugging Face dataset: YAML that loaders read, then the figures of the release for people."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import yaml
from pyspark.sql import Row
from pyspark.sql import functions as f

from jobs.export.examples import with_problems
from jobs.export.folder import ExportFacts
from jobs.export.hf import SHAPE
from jobs.export.shards import Shard
from jobs.release import read_release
from jobs.tables import Tables

NAME = "README.md"
SIZES = (("n<1K", 10**3), ("1K<n<10K", 10**4), ("10K<n<100K", 10**5), ("100K<n<1M", 10**6), ("1M<n<10M", 10**7),
         ("10M<n<100M", 10**8), ("100M<n<1B", 10**9))  # fmt: skip
LICENCES = frozenset((
    "apache-2.0", "mit", "bsd-3-clause", "gpl-3.0", "cc0-1.0", "odc-by", "odbl", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nd-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-4.0",
    "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0",
))  # fmt: skip
"""Identifiers that the hub knows; any other is `other`."""

SPLITS = {"si": "single pictures and text", "ov": "several pictures, videos and further single pictures"}
"""What a split holds."""

HASHES = "manifest.json names every shard with its rows and its sha256."

Group = tuple[str, str, str, str, str, int]
"""Source, licence, commercial use, redistribution, language, rows."""


def files_of(tables: Tables, release: Row, facts: ExportFacts) -> dict[str, bytes]:
    """README.md for the shards of a release."""
    terms = ("licence.spdx", "licence.commercial", "licence.redistribution", "language")
    names = [f.coalesce(f.col(name), f.lit("")) for name in ("source_id", *terms)]
    rows = read_release(tables, facts.release_id)
    if facts.left_out:
        rows = with_problems(tables, rows).where("problem IS NULL")
    counted = rows.groupBy(*names).count().collect()
    groups: list[Group] = sorted((*row[:5], int(row[5])) for row in counted)
    body = _body(tables, release, facts, groups)
    return {NAME: f"---\n{front(facts, groups)}---\n\n{body}".encode()}


def front(facts: ExportFacts, groups: Sequence[Group]) -> str:
    """YAML of the card, which loaders and hubs read."""
    splits = _by_split(facts)
    size = next((name for name, limit in SIZES if facts.rows < limit), "n>1T")
    licences = sorted({licence(group[1]) for group in groups})
    reads = any(shard.pictures for shard in facts.shards)
    own = {"license_name": "terms-of-the-sources", "license_link": f"{NAME}#sources-and-terms"}
    told: dict[str, Any] = {
        "pretty_name": f"mammoth-vl, release {facts.release_id}",
        "license": _one_or_all(licences),
        **(own if "other" in licences else {}),
        "language": sorted({group[4] for group in groups if len(group[4]) == 2 and group[4].isalpha()}),
        "task_categories": ["image-text-to-text", "visual-question-answering"] if reads else ["text-generation"],
        "tags": [*(["multimodal"] if reads else []), "instruction-tuning", "chain-of-thought"],
        "size_categories": [size],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"{split}/*.{SHAPE.ending}"} for split in splits],
            }
        ],
        # The loader compares these with what it has read.
        "dataset_info": {
            "splits": [
                {
                    "name": split,
                    "num_bytes": sum(shard.bytes for shard in shards),
                    "num_examples": sum(shard.rows for shard in shards),
                }
                for split, shards in splits.items()
            ],
            "download_size": facts.bytes,
            "dataset_size": facts.bytes,
        },
    }
    return yaml.safe_dump({name: value for name, value in told.items() if value}, sort_keys=False, allow_unicode=True)


def _by_split(facts: ExportFacts) -> dict[str, list[Shard]]:
    return {split: list(group) for split, group in groupby(facts.shards, key=lambda shard: shard.split)}


def _one_or_all(names: Sequence[str]) -> str | Sequence[str]:
    return names[0] if len(names) == 1 else names


def licence(spdx: str) -> str:
    """What the hub calls a licence."""
    return spdx.lower() if spdx.lower() in LICENCES else "other"


def _body(tables: Tables, release: Row, facts: ExportFacts, groups: Sequence[Group]) -> str:
    # They bring scikit-learn, which takes its time, and read the stages of a run, of which export is one.
    from jobs.report import production, quality
    from jobs.report.collect import release_facts
    from jobs.report.facts import Facts
    from jobs.report.grid import Grid, Section, cells
    from jobs.report.page import render_text

    known = Facts(tables.root, "", "", "", release_facts(tables, release))
    sources = _summed(groups)
    terms = Grid(
        "Rows by source",
        ("Source", "Licence", "Commercial use", "Redistribution", "Rows"),
        cells(*((*key, rows) for key, rows in sources.items())),
        frozenset(range(4)),
    )
    sums = cells(
        *(
            (split, len(own), *(sum(getattr(shard, name) for shard in own) for name in ("rows", "pictures", "bytes")))
            for split, own in _by_split(facts).items()
        )
    )
    shards = Grid("Shards by split", ("Split", "Shards", "Rows", "Pictures", "Bytes"), sums)
    left = Grid("Rows of the release that are not here", ("Reason", "Rows"), cells(*facts.left_out.items()))
    made = (
        Section(
            "terms", "Sources and terms", ("Terms are those of the sources; every row names its licence.",), (terms,)
        ),
        quality.shares(known),
        Section("files", "Files", (HASHES,), (shards, left) if left.rows else (shards,)),
        production.gate(known),
    )
    sections = [section for section in made if section is not None]
    return render_text("dataset.md", **heading(facts), sections=sections)


def heading(facts: ExportFacts) -> dict[str, Any]:
    """What the card says first."""
    there = _by_split(facts)
    splits = {split: held for split, held in SPLITS.items() if split in there}
    return {"title": f"Release {facts.release_id}", "facts": facts, "splits": splits}


def _summed(groups: Sequence[Group]) -> Mapping[tuple[str, ...], int]:
    sums: dict[tuple[str, ...], int] = {}
    for *key, _, rows in groups:
        sums[tuple(key)] = sums.get(tuple(key), 0) + rows
    return sums
