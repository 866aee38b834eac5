"""A source's files as its publisher lays them out, built from a description of its format: text, not code, decides."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

Value = dict[str, Any]
COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40), (40, 200, 200), (200, 40, 200))


@dataclass(frozen=True)
class Told:
    """What a record must become: its turns begin and end so, and it shows so many media."""

    asks: str
    answers: str
    media: int = 1
    gold: str | None = None
    evidence: str | None = None
    turns: int = 2


@dataclass
class Published:
    """Files by path, media by path (`root:path` below a shared root), and what must come of them."""

    files: dict[str, Any] = field(default_factory=dict)
    media: list[str] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    rejects: int = 0
    family: str = ""


@dataclass(frozen=True)
class Entry:
    """One format of one source."""

    source_id: str
    variant: str
    family: str
    format: Mapping[str, Any]

    @property
    def schema(self) -> Mapping[str, Any]:
        """Fields, with what is written about them."""
        return self.format.get("record_schema") or self.format.get("fields") or {}

    @property
    def container(self) -> str:
        return str(self.format.get("container", ""))


@cache
def picture(number: int) -> bytes:
    """A tiny picture of its own."""
    image = Image.new("RGB", (230, 230), COLOURS[number % len(COLOURS)])
    for at in range(number % 200):
        image.putpixel((at, at), (0, 0, 0))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def struct(number: int, path: str | None = None) -> Value:
    """A picture as hub tables hold it."""
    return {"bytes": picture(number), "path": path or f"{number}.png"}


def example(words: str, number: int, otherwise: str) -> str:
    """The first path that a description quotes or names, with numbers for what stands between angle brackets."""
    found = re.search(r"[\w.()+-]*[\w)]/[\w./<>%()+-]*\.(?:jpe?g|png|mp4|bmp)", words)
    path = found[0] if found else otherwise
    path = re.sub(r"<%0(\d+)d>|%0(\d+)d", lambda m: f"{number:0{m[1] or m[2]}d}", path)
    return re.sub(r"<[^>]*>|N\b", str(number), path)


def written(root: Path, roots: Path, published: Published, clip: Path) -> None:
    """Everything on disk."""
    for number, name in enumerate(published.media):
        shared, colon, path = name.rpartition(":")
        target = (roots / shared if colon else root) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(clip.read_bytes() if path.endswith((".mp4", ".mkv")) else picture(number))
    for name, content in published.files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        WRITERS[next(suffix for suffix in WRITERS if name.endswith(suffix))](target, content)


def _lines(path: Path, rows: Sequence[Value]) -> None:
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))


def _table(path: Path, rows: Sequence[Value], delimiter: str) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def _parquet(path: Path, rows: Sequence[Value]) -> None:
    pq.write_table(pa.Table.from_pylist(list(rows)), path)


WRITERS: Mapping[str, Callable[[Path, Any], None]] = {
    ".lines.json": _lines,
    ".jsonl": _lines,
    ".json": lambda path, value: path.write_text(json.dumps(value, ensure_ascii=False)) and None,
    ".parquet": _parquet,
    ".csv": lambda path, rows: _table(path, rows, ","),
    ".tsv": lambda path, rows: _table(path, rows, "\t"),
    ".txt": lambda path, text: path.write_text(text) and None,
}


def entries(lines: Sequence[str]) -> list[Entry]:
    """Every source in every form that its description names."""
    found = []
    for line in lines:
        row = json.loads(line)
        name = row["source_id"]
        found.append(Entry(name, "declared", row["family"], row))
        for at, other in enumerate(row.get("alt_formats") or []):
            found.append(Entry(name, f"alt{at}-{other['family']}", other["family"], other))
        if row.get("origin_format"):
            found.append(Entry(name, "origin", f"origin:{name}", row["origin_format"]))
    return found
