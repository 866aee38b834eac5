"""Questions about tables that lie in files of their own, and charts whose text lies in folders."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from schemas.enums import DropReason
from schemas.errors import Drop
from udfs.adapters.evidence import rows as shown
from udfs.adapters.family import Container, Family, Shape
from udfs.adapters.fields import items, kind, parsed_list, record_of, text
from udfs.adapters.flat import Recipe
from udfs.adapters.joins import QUESTIONS, key_of, orphan
from udfs.adapters.media import KEY, PATH
from udfs.adapters.prepare import several
from udfs.adapters.shapes import ARRAY, PARQUET, TABLE, family, fields, rows
from udfs.ids import digest, field
from udfs.sample import Part, Record

Value = Mapping[str, Any]
TABLES, CAPTIONS, TITLES = "tables", "captions", "titles"
FILES = frozenset({Container.FILES})
SUMMARISE = "Summarise in a few sentences what this chart shows."
_AGGREGATES = ("", "max", "min", "count", "sum", "avg")
_NUMBER = re.compile(r"[-+]?[0-9][0-9,]*\.?[0-9]*|[-+]?\.[0-9]+")


def with_table(_: str, parts: Iterable[Part]) -> Iterator[Record]:
    """Each question with its table; tables that nobody asks about are no records."""
    held = list(parts)
    tables = [part for part in held if part.side == TABLES]
    for question in (part for part in held if part.side == QUESTIONS):
        if not tables:
            yield orphan(question, DropReason.ORPHAN_QUESTION, "no table goes with it")
            continue
        value = {**question.value, "_table": tables[0].value}
        yield Record(value, replace(question.origin, record_hash=_hash((question, tables[0]))))


def in_sequence(key: str, parts: Iterable[Part]) -> Iterator[Record]:
    """SQA: the questions that one annotator asked in a row about a table, as one record."""
    asked: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in with_table(key, parts):
        if record.problem is not None:
            yield record
            continue
        asked[str(record.value["id"]), str(record.value["annotator"])].append(record)
    for (name, annotator), turns in asked.items():
        turns.sort(key=lambda turn: _position(turn.value))
        hashes = digest(field(turn.origin.record_hash) for turn in turns)
        origin = replace(turns[0].origin, units=len(turns), record_hash=hashes)
        pairs = [turn.value for turn in turns]
        yield Record({"id": f"{name}:{annotator}", "pairs": pairs, "_table": pairs[0]["_table"]}, origin)


def _position(value: Value) -> int:
    said = str(value.get("position")).strip()
    return int(said) if said.isdecimal() else 0


def _hash(parts: Iterable[Part]) -> str:
    return digest(field(part.origin.record_hash) for part in parts)


def gridded(value: Value) -> Value:
    """The record with its table as text: cells between bars, the title above."""
    table = record_of(value.get("_table"), "table")
    grid = table.get("table", table.get("texts"))
    if grid is None:
        grid = [items(table.get("header"), "header"), *items(table.get("rows"), "rows")]
    words = shown(items(grid, "table"))
    if not words.strip():
        raise Drop(DropReason.MISSING_FIELD, "its table is empty")
    titles = [table[name] for name in ("page_title", "section_title", "caption", "title") if table.get(name)]
    title = "\n".join(dict.fromkeys(text(name, "title") for name in titles))
    rest = {name: part for name, part in value.items() if name != "_table"}
    return {**rest, "table": f"{title}\n{words}" if title else words}


def of_wtq(value: Value) -> Value:
    r"""WikiTableQuestions writes `\n` for the end of a line in a cell."""
    table = record_of(value.get("_table"), "table")
    rows = [items(row, "rows") for row in items(table.get("table"), "table")]
    plain = [[cell.replace("\\n", " ") if isinstance(cell, str) else cell for cell in row] for row in rows]
    return gridded(several({**value, "_table": {**table, "table": plain}}))


def of_sqa(value: Value) -> Value:
    """SQA writes its answers as a list in Python."""
    pairs = []
    for pair in items(value.get("pairs"), "pairs"):
        said = pair.get("answer_text")
        pairs.append({**pair, "answer": parsed_list(said, "answer_text") if isinstance(said, str) else said})
    return gridded({**value, "pairs": pairs})


def queried(value: Value) -> Value:
    """WikiSQL: the answer is what the query finds in the table."""
    table, query = record_of(value.get("_table"), "table"), record_of(value.get("sql"), "sql")
    rows = [items(row, "rows") for row in items(table.get("rows"), "rows")]
    types = [str(name) for name in items(table.get("types", []), "types")]
    for at, told in enumerate(items(query.get("conds"), "conds")):
        condition = list(told.values()) if isinstance(told, Mapping) else told
        if len(items(condition, f"conds.{at}")) != 3:
            raise Drop(DropReason.WRONG_SHAPE, f"condition {kind(condition)}; allowed: column, operator and value")
        column, operator, wanted = condition
        numeric = _cell(types, column) == "real"
        rows = [row for row in rows if _holds(_cell(row, column), operator, wanted, numeric=numeric)]
    found = [_cell(row, query.get("sel")) for row in rows]
    return gridded({**value, "answer": _aggregated(found, query.get("agg"))})


def with_own_table(value: Value) -> Value:
    """WikiSQL's rows on the hub, which hold their table."""
    return queried({**{name: part for name, part in value.items() if name != "table"}, "_table": value.get("table")})


def _cell(row: Sequence[Any], column: object) -> Any:  # noqa: ANN401 - text or a number
    if not isinstance(column, int) or not 0 <= column < len(row):
        raise Drop(DropReason.WRONG_SHAPE, f"column {kind(column)} of {len(row)}")
    return row[column]


def _holds(cell: object, operator: object, wanted: object, *, numeric: bool) -> bool:
    """As the publisher's own engine compares: text in lower case, columns of numbers as numbers."""
    if numeric or operator in (1, 2):
        left, right = _number(cell), _number(wanted)
        if left is None or right is None:
            return False
        return {0: left == right, 1: left > right, 2: left < right}[_operator(operator)]
    _operator(operator)
    return text(cell, "cell").casefold() == text(wanted, "condition").casefold()


def _operator(operator: object) -> int:
    if not isinstance(operator, int) or not 0 <= operator <= 2:
        raise Drop(DropReason.WRONG_SHAPE, f"operator {kind(operator)}; allowed: 0 to 2")
    return operator


def _number(value: object) -> float | None:
    if isinstance(value, int | float):
        return float(value)
    found = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    return float(found[0].replace(",", "")) if found else None


def _aggregated(found: Sequence[object], by: object) -> str:
    if not isinstance(by, int) or not 0 <= by < len(_AGGREGATES):
        raise Drop(DropReason.WRONG_SHAPE, f"aggregation {kind(by)}; allowed: 0 to {len(_AGGREGATES) - 1}")
    if _AGGREGATES[by] == "count":
        return str(len(found))
    if not found:
        raise Drop(DropReason.NO_ANSWER, "the query finds nothing in its table")
    if not _AGGREGATES[by]:
        return ", ".join(dict.fromkeys(text(cell, "cell") for cell in found))
    numbers = [number for number in map(_number, found) if number is not None]
    if len(numbers) < len(found):
        raise Drop(DropReason.NO_ANSWER, f"the {_AGGREGATES[by]} of {kind(found)}, which are no numbers")
    total = {"max": max(numbers), "min": min(numbers), "sum": sum(numbers), "avg": sum(numbers) / len(numbers)}
    return text(round(total[_AGGREGATES[by]], 6), "answer")


def told_of_chart(key: str, parts: Iterable[Part]) -> Iterator[Record]:
    """Chart-to-text: a caption with its chart's title and data; what has no caption is a problem."""
    sides: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        sides[part.side].append(part)
    captions = sides[CAPTIONS]
    for left in (*captions[1:], *(() if captions else (*sides[TITLES], *sides[TABLES]))):
        yield orphan(left, DropReason.ORPHAN_ANNOTATION, f"no caption of its own goes with chart {key}")
    if captions:
        title, data = (next(iter(sides[side]), None) for side in (TITLES, TABLES))
        lines = [title.value.get("titles") if title else "", shown(data.value.get("table")) if data else ""]
        lines.append(str(data.value.get("data", "")) if data else "")
        value = {
            "caption": captions[0].value.get("captions"),
            "table": "\n".join(filter(None, map(str.strip, map(str, lines)))),
        }
        held = [part for part in (captions[0], title, data) if part]
        value |= _listed(key)
        own = {name: captions[0].value[name] for name in (KEY, PATH) if name in captions[0].value}
        yield Record({**value, **own}, replace(captions[0].origin, record_hash=_hash(held)))


def _listed(key: str) -> dict[str, str]:
    """A chart as its release's lists of splits call it, under the release's name: both number their charts from 1."""
    path = PurePosixPath(key)
    release = next((part for part in path.parts if part.endswith("_dataset")), "chart")
    return {release: f"{'multi_col' if path.parent.name == 'multiColumn' else 'two_col'}-{path.name}"}


def by_folder(value: Value) -> str:
    """Folder and name of a table's file: WikiTableQuestions numbers its tables anew in each folder."""
    return _end(PurePosixPath(f"{value[PATH]}.csv"))


def by_context(value: Value) -> str:
    return _end(PurePosixPath(str(value["context"])))


def by_table_file(value: Value) -> str:
    return _end(PurePosixPath(str(value["table_file"])))


def _end(path: PurePosixPath) -> str:
    return f"{path.parent.name}/{path.name}"


def by_chart(value: Value) -> str:
    """A chart's number, with what stands above the folder of its text."""
    path = PurePosixPath(value[PATH])
    return str(path.parent.parent / path.name)


def _grid(join: Any) -> Shape:  # noqa: ANN401 - as Shape's
    return Shape(FILES, frozenset({"table"}), "table", TABLES, join)


def _text(folder: str, side: str) -> Shape:
    """Text files in a folder of this name."""
    return Shape(FILES, frozenset({folder}), "prose", side, by_chart)


def _asked(**more: tuple[str, ...]) -> Any:  # noqa: ANN401 - a field map
    return fields(context=("table",), rationale=(), options=(), **more)


TABULAR: Mapping[str, Family] = {
    made.name: made
    for made in (
        family(
            "hitab_jsonl",
            Recipe(_asked(), prepare=gridded, system="table", shows=False, parts=True),
            Shape(
                ARRAY, frozenset({"table_id", "question", "answer", "table_source"}), None, QUESTIONS,
                key_of("table_id"),
            ),
            Shape(FILES, frozenset({"texts"}), "json", TABLES, key_of(KEY)),
            joiner=with_table,
        ),
        family(
            "wtq_tables",
            Recipe(_asked(), prepare=of_wtq, system="table", shows=False, parts=True),
            Shape(TABLE, frozenset({"utterance", "context", "targetValue"}), None, QUESTIONS, by_context),
            _grid(by_folder),
            joiner=with_table,
        ),
        family(
            "sqa_tables",
            Recipe(_asked(), prepare=of_sqa, pairs="pairs", system="table", shows=False, parts=True),
            Shape(
                TABLE, frozenset({"id", "annotator", "position", "question", "table_file", "answer_text"}), None,
                QUESTIONS, by_table_file,
            ),
            _grid(by_folder),
            joiner=in_sequence,
        ),
        family(
            "wikisql_jsonl",
            Recipe(_asked(answer=("answer",)), prepare=queried, system="table", shows=False, parts=True),
            Shape(ARRAY, frozenset({"table_id", "question", "sql"}), None, QUESTIONS, key_of("table_id")),
            Shape(ARRAY, frozenset({"id", "header", "rows"}), None, TABLES, key_of("id")),
            joiner=with_table,
        ),
        family(
            "wikisql_parquet",
            Recipe(_asked(answer=("answer",)), prepare=with_own_table, system="table", shows=False, parts=True),
            rows(PARQUET | ARRAY, "question", "table", "sql"),
        ),
        family(
            "chart_text_folders",
            Recipe(
                fields(question=(), answer=("caption",), context=("table",)),
                media=(f"{{above}}imgs/{{{KEY}}}.png",),
                ask=SUMMARISE,
                free=True,
            ),
            _text("captions", CAPTIONS),
            _text("titles", TITLES),
            Shape(FILES, frozenset({"table"}), "table", TABLES, by_chart, spare=True),
            replace(_text("data", TABLES), spare=True),
            joiner=told_of_chart,
        ),
    )
}  # fmt: skip
"""Families that bring tables to their questions."""
