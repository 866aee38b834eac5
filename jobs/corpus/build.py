"""Builds the corpus: every collection in its native format, the same bytes every time."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from tempfile import mkdtemp

from jobs.corpus import (
    charts,
    documents,
    handwriting,
    native,
    photographs,
    problems,
    reports,
    scenes,
    sequences,
    texts,
    videos,
)
from jobs.corpus.defects import DEFECTS
from jobs.corpus.item import CorpusFacts, File, Item, Planted
from schemas.enums import DropReason

Make = Callable[[], list[Item]]
MARKER = "corpus.json"


@dataclass(frozen=True, slots=True)
class Collection:
    """One folder: how it is written and which sources share it."""

    write: native.Write
    sources: Mapping[str, Make]
    evidence: str = "context"
    media: str | None = native.IMAGES
    """Folder of loose pictures or videos; None where rows carry them."""


COLLECTIONS: Mapping[str, Collection] = {
    "demo_photographs": Collection(native.llava_json, {"demo_photographs": photographs.talks}, "caption"),
    "demo_descriptions": Collection(native.llava_jsonl, {"demo_descriptions": photographs.descriptions}),
    "demo_photo_questions": Collection(
        native.vqa_pair_json, {"demo_photo_questions": photographs.short_answers}, "caption"
    ),
    "demo_captions": Collection(native.coco_json, {"demo_captions": photographs.captions}),
    "demo_textures": Collection(native.llava_jsonl, {"demo_textures": photographs.textures}),
    "demo_charts": Collection(native.ov_parquet, {"demo_charts": charts.single}, "table", None),
    "demo_chart_series": Collection(native.cauldron_parquet, {"demo_chart_series": charts.series}, "table", None),
    "demo_handwriting": Collection(native.llava_json, {"demo_handwriting": handwriting.sums}, "ocr_text"),
    "demo_receipts": Collection(native.flat_qa_json, {"demo_receipts": documents.receipts}, "ocr_text"),
    "demo_forms": Collection(native.flat_qa_parquet, {"demo_forms": documents.forms}, "ocr_text", None),
    "demo_tables": Collection(native.delimited, {"demo_tables": documents.tables}, "table"),
    "demo_scenes": Collection(native.keyed_json, {"demo_scenes": scenes.scenes}),
    "demo_problems": Collection(native.flat_qa_json, {"demo_problems": problems.geometry}),
    "demo_reports": Collection(native.flat_qa_jsonl, {"demo_reports": reports.reports}),
    "demo_sets": Collection(
        native.m4_json, {"demo_differences": sequences.differences, "demo_close_ups": sequences.close_ups}
    ),
    "demo_clips": Collection(native.llava_video_json, {"demo_clips": videos.movements}, "context", native.VIDEOS),
    "demo_counters": Collection(
        native.videoinstruct_json, {"demo_counters": videos.counters}, "context", native.VIDEOS
    ),
    "demo_word_problems": Collection(native.text_json, {"demo_word_problems": texts.word_problems}, media=None),
    "demo_code": Collection(native.text_parquet, {"demo_code": texts.code}, media=None),
}
"""By folder below the corpus."""

PER_CAPTION = frozenset({"demo_captions"})
"""Sources whose every caption is a record of its own."""


def planted() -> tuple[Planted, ...]:
    """Every kind of broken record with its number."""
    counts = Counter((name, defect.kind, defect.reason) for name, defects in DEFECTS.items() for defect in defects)
    return tuple(Planted(name, kind, reason, count) for (name, kind, reason), count in counts.items())


@cache
def version() -> str:
    """Changes with the code and data that make the corpus."""
    digest = sha256()
    for path in sorted(Path(str(files("jobs.corpus"))).rglob("*")):
        if path.suffix in (".py", ".yaml"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def build_corpus(folder: Path) -> CorpusFacts:
    """The corpus below `folder`, built beside it and put in place whole; nothing is done where it is complete."""
    kept = _kept(folder)
    if kept is not None:
        return kept
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        counts: dict[str, int] = {}
        for name, collection in COLLECTIONS.items():
            counts |= _write(staging / name, name, collection)
        facts = CorpusFacts(version(), counts, planted())
        (staging / MARKER).write_text(json.dumps(asdict(facts), indent=1), "utf-8")
        staging.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return facts


def _kept(folder: Path) -> CorpusFacts | None:
    try:
        found = json.loads((folder / MARKER).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if found.get("version") != version():
        return None
    broken = tuple(Planted(**{**entry, "reason": DropReason(entry["reason"])}) for entry in found["planted"])
    return CorpusFacts(found["version"], found["records"], broken)


def _write(folder: Path, name: str, collection: Collection) -> dict[str, int]:
    """One collection; the number of records by source."""
    made = {source: make() for source, make in collection.sources.items()}
    items = [item for some in made.values() for item in some]
    defects = [defect for source in made for defect in DEFECTS.get(source, ())]
    folder.mkdir()
    _save(folder, collection.write(native.Content(name, items, defects, collection.evidence)))
    if collection.media is not None:
        (folder / collection.media).mkdir()
        loose = [medium for item in items for medium in item.media]
        _save(folder / collection.media, [*loose, *(file for defect in defects for file in defect.files)])
    return {source: _records(source, some) + len(DEFECTS.get(source, ())) for source, some in made.items()}


def _records(source: str, items: Sequence[Item]) -> int:
    return sum(len(item.turns) if source in PER_CAPTION else 1 for item in items)


def _save(folder: Path, saved: Sequence[File]) -> None:
    for file in saved:
        (folder / file.name).write_bytes(file.data)
