"""Text of a record that can stand for its picture."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from udfs.adapters.fields import first, text
from udfs.sample import Evidence

KEYS = (
    "table", "ocr_tokens", "ocr_text", "ocr", "original_caption", "caption", "formula", "latex",
    "context", "hint", "passage",
)  # fmt: skip
"""Fields that hold such text in most sources."""
HEADS = ("header", "headers", "columns", "column_names")
"""Names of columns, beside the rows of a table."""
KINDS = {"table": "table", "ocr": "ocr", "caption": "caption", "formula": "formula", "latex": "formula"}


def evidence(record: Mapping[str, Any], paths: Iterable[str] = KEYS) -> Evidence | None:
    """The first of these fields that holds text, with its kind by the field's name (else context)."""
    found = first(record, paths)
    if found is None:
        return None
    path, value = found
    value, name = _textract(value), path.lower()
    shown = rows(value, "\n" if "caption" in name or "lines" in name else " ").strip()
    kind = next((kind for part, kind in KINDS.items() if part in name), "context")
    return Evidence(kind, shown) if shown else None


def _textract(value: object) -> object:
    """The lines of a page as Amazon Textract writes it, as text that may stand in a list; anything else as it is."""
    inner = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
    if isinstance(inner, str) and inner.lstrip()[:1] in ("[", "{") and "LINE" in inner:
        try:
            held = msgspec.json.decode(inner)
        except msgspec.DecodeError:
            return value
        told = _textract(held)
        return value if told is held else told
    lines = inner.get("LINE") if isinstance(inner, Mapping) else None
    if not isinstance(lines, list | tuple) or not all(isinstance(line, Mapping) for line in lines):
        return value
    return "\n".join(_cell(line.get("Text")) for line in lines)


def rows(value: object, separator: str = " ") -> str:
    """A list, table or object of columns as text: rows on lines, cells between bars; anything odd shows nothing."""
    if isinstance(value, Mapping):
        inner = next((item for item in value.values() if _is_table(item)), None)
        if inner is not None:
            head = next((value[name] for name in HEADS if isinstance(value.get(name), list | tuple)), None)
            return rows([head, *inner] if head and not _is_table(head) else inner)
        columns = [[key, *column] for key, column in value.items() if isinstance(column, list | tuple)]
        value = [list(row) for row in zip(*columns, strict=False)]
    if not isinstance(value, list | tuple):
        return _cell(value)
    if any(isinstance(row, list | tuple) for row in value):
        return _ruled(
            [[_cell(cell).replace("\n", " ") for cell in row] for row in value if isinstance(row, list | tuple)]
        )
    return separator.join(map(_cell, value))


def _ruled(grid: Sequence[Sequence[str]]) -> str:
    """Rows on lines; with a bar at each end where a cell there is empty, which would not be seen or be stripped."""
    left, right = ("| ", " |") if any(row and not (row[0] and row[-1]) for row in grid) else ("", "")
    return "\n".join(f"{left}{' | '.join(row)}{right}" for row in grid)


def _is_table(value: object) -> bool:
    """Rows of cells, beside which an object may hold a name or an id."""
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(row, list | tuple) for row in value)


def _cell(value: object) -> str:
    return text(value, "evidence") if isinstance(value, str | int) else repr(value) if isinstance(value, float) else ""
