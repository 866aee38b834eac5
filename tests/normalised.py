"""The normalise pass over one source's folder as plain function calls: planning, reading, joining, without Spark."""

import io
import json
import pickle
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.normalise.choose import Item
from jobs.normalise.plan import plan_sources
from jobs.normalise.read import Pass, join_parts, read_items, read_parts
from schemas.config import Media, MediaMode, Storage
from schemas.source import Source, packaged_sources

Row = dict[str, Any]
SKIP = Media(mode=MediaMode.SKIP)


def staged(source: Source, storage: Storage, media: Media = SKIP) -> list[Row]:
    """Staged rows of a source, as the tasks of a pass yield them."""
    plan = plan_sources([source], storage)
    todo = Pass("test", {source.source_id: source}, plan.folders, media, storage.media_roots, storage.media_buckets)
    items = batches(plan.items)
    if source.source_id not in plan.joined:
        return rows(read_items(items, todo))
    groups = grouped(rows(read_parts(items, todo)))
    return rows(join_parts([pa.RecordBatch.from_pylist(groups)], todo, plan.families)) if groups else []


def normalised(root: Path, name: str, contents: Mapping[str, Any]) -> list[Row]:
    """Staged rows of a packaged source whose folder holds these files."""
    for file, content in contents.items():
        path = root / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(file, content))
    return staged(packaged_sources()[name], Storage(sources_root=str(root)))


def encoded(file: str, content: Any) -> bytes:  # noqa: ANN401 - whatever a file of this suffix holds
    """A file's bytes: rows of a table, members of an archive, text as it stands, anything else as JSON."""
    if isinstance(content, bytes | str):
        return content.encode() if isinstance(content, str) else content
    held = io.BytesIO()
    if file.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(content), held)
    elif file.endswith(".zip"):
        with zipfile.ZipFile(held, "w") as archive:
            for member, inside in content.items():
                archive.writestr(member, encoded(member, inside))
    elif file.endswith((".pkl", ".pk")):
        pickle.dump(content, held)
    else:
        held.write(json.dumps(content).encode())
    return held.getvalue()


def batches(items: Sequence[Item]) -> Iterator[pa.RecordBatch]:
    yield pa.RecordBatch.from_pylist([{"plan": msgspec.json.encode(item).decode()} for item in items])


def rows(found: Iterable[pa.RecordBatch]) -> list[Row]:
    return [row for batch in found for row in batch.to_pylist()]


def places(media: Sequence[str]) -> list[str]:
    """Paths of media that were not read; `embedded` for bytes."""
    names = [medium.removeprefix("absent:") for medium in media]
    return ["embedded" if re.fullmatch("[0-9a-f]{64}", name) else name for name in names]


def grouped(parts: Iterable[Row]) -> list[Row]:
    """What Spark's grouping by source and join key gives."""
    groups: dict[tuple[str, str], Row] = {}
    for part in parts:
        key = (part["source_id"], part["join_key"])
        group = groups.setdefault(key, {"source_id": key[0], "join_key": key[1], "units": [], "spans": []})
        for name in ("unit", "span"):
            if part[name] is not None:
                group[f"{name}s"].append(part[name])
    return list(groups.values())
