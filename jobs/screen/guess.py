"""Guesses about records that no family knows: which field asks, which answers, which names the medium."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from jobs.normalise.plan import MEDIA_SUFFIXES
from jobs.readers import layouts, plan_ranges, read
from schemas.errors import InputError
from schemas.source import FieldMap, Source
from udfs import files
from udfs.adapters.family import Container
from udfs.sample import Record

LOOKED_AT = 40
FAMILIES = {
    Container.JSON_ARRAY: "flat_qa_json",
    Container.JSON_LINES: "flat_qa_jsonl",
    Container.JSON_KEYED: "keyed_json",
    Container.PARQUET: "flat_qa_parquet",
    Container.DELIMITED: "flat_qa_tsv",
}
ASKS = (
    "frage",
    "pregunta",
    "domanda",
    "pergunta",
    "vraag",
    "вопрос",
    "问题",
    "質問",
    "질문",
    "input",
    "user",
    "human",
    "ask",
)
TELLS = (
    "antwort", "respuesta", "réponse", "reponse", "risposta", "resposta", "antwoord", "ответ", "答案", "回答", "답변",
    "target", "reply", "completion", "assistant", "gold", "truth", "caption", "description", "text",
)  # fmt: skip
MOST = 50
"""Files that are looked at."""


def guess_fields(folder: Path, source: Source) -> Iterator[tuple[str, FieldMap]]:
    """A field map for every file whose records let one be guessed."""
    stems = {_bare(PurePosixPath(name).stem) for name in files.find(str(folder), ["**/*"]) if _is_medium(name)}
    patterns = source.reading.files if source.reading else ()
    for name in files.find(str(folder), patterns)[:MOST]:
        try:
            places = layouts(files.join(str(folder), name))
        except InputError:
            continue
        for layout in places:
            parts = plan_ranges(files.join(str(folder), name), name, layout, 32 << 20)[:1]
            records = [record for part in parts for record in islice(read(str(folder), part), LOOKED_AT)]
            fields = _guess([dict(_flat(record.value)) for record in records if record.problem is None], stems)
            if fields and layout.container in FAMILIES:
                yield FAMILIES[layout.container], fields


def _flat(value: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Dotted paths of texts and numbers, two levels deep."""
    for key, item in value.items():
        if isinstance(item, Mapping) and not above:
            yield from _flat(item, f"{key}.")
        elif isinstance(item, str | int | float) and not isinstance(item, bool):
            yield f"{above}{key}", str(item)


def _guess(records: Sequence[Mapping[str, str]], stems: set[str]) -> FieldMap | None:
    """`stems`: names of the media that lie there, without suffixes and leading zeros."""
    columns: dict[str, list[str]] = {}
    for record in records:
        for path, value in record.items():
            columns.setdefault(path, []).append(value)
    media = [path for path, values in columns.items() if _share(values, _is_medium) > 0.5]
    media = media or [path for path, values in columns.items() if _share(values, lambda v: _bare(v) in stems) > 0.5]
    rest = [path for path in columns if path not in media[-1:]]
    asks = max(rest, key=lambda path: _score(path, columns[path], ASKS, asked=True), default=None)
    if asks is None or _score(asks, columns[asks], ASKS, asked=True) < 1:
        return None
    rest.remove(asks)
    tells = [path for path in rest if _score(path, columns[path], TELLS, asked=False) >= 1]
    best = max(tells, key=lambda path: _score(path, columns[path], TELLS, asked=False), default=None)
    return FieldMap(question=(asks,), answer=(best,), media=tuple(media[-1:])) if best else None


def _score(path: str, values: Sequence[str], hints: Iterable[str], *, asked: bool) -> float:
    """A name that says so counts 1 to 2, the earlier in the list the more; so do question marks at the end."""
    hints = list(hints)
    name = path.lower()
    hint = max((2 - at / len(hints) for at, word in enumerate(hints) if word in name), default=0.0)
    return hint + (2 * _share(values, lambda value: value.rstrip().endswith(("?", "？", "؟"))) if asked else 0)


def _share(values: Sequence[str], holds: Any) -> float:  # noqa: ANN401 - a predicate on texts
    return sum(map(bool, map(holds, values))) / len(values) if values else 0.0


def _bare(value: str) -> str:
    return value.lstrip("0") or "0"


def _is_medium(value: str) -> bool:
    return PurePosixPath(value.lower()).suffix in MEDIA_SUFFIXES


def guess_patterns(records: Sequence[Record], named: Sequence[str], pictures: Sequence[str]) -> Iterator[str]:
    """Patterns for media that are named without folder or suffix, such as `{image_id:012d}.jpg`."""
    if not records or not pictures:
        return
    suffix = Counter(PurePosixPath(name).suffix for name in pictures).most_common(1)[0][0]
    widths = {len(PurePosixPath(name).stem) for name in pictures if PurePosixPath(name).stem.isdigit()}
    for path, value in _flat(records[0].value):
        if value in named and not _is_medium(value):
            yield f"{{{path}}}{suffix}"
            if value.isdigit():
                yield from (f"{{{path}:0{width}d}}{suffix}" for width in sorted(widths))
