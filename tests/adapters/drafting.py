"""Records, sources and outcomes for the tests of adapters."""

from collections.abc import Mapping
from typing import Any

from schemas.enums import Category, DropReason, Group, Modality
from schemas.source import FieldMap, Licence, Reading, Source
from udfs.adapters import find_family
from udfs.adapters.adapt import adapt
from udfs.sample import Draft, Origin, Part, Problem, Record


def make_source(family: str, modality: Modality = Modality.IMAGE, reading: Reading | None = None) -> Source:
    return Source(
        source_id="test",
        name="Test",
        group=Group.B,
        category=Category.GENERAL,
        modality=modality,
        family=family,
        licence=Licence(spdx="CC0-1.0"),
        reading=reading,
    )


def record(value: Mapping[str, Any], file: str = "file.json") -> Record:
    return Record(value, Origin(file, 0))


def outcome(family: str, value: Mapping[str, Any], file: str = "file.json", **source: object) -> Draft | Problem:
    return adapt(record(value, file), make_source(family, **source), find_family(family))


def draft_of(family: str, value: Mapping[str, Any], file: str = "file.json", **source: object) -> Draft:
    found = outcome(family, value, file, **source)
    assert isinstance(found, Draft), found
    return found


def reason_of(family: str, value: Mapping[str, Any], file: str = "file.json", **source: object) -> DropReason:
    found = outcome(family, value, file, **source)
    assert isinstance(found, Problem), found
    assert found.detail
    return found.reason


def said(draft: Draft) -> list[str]:
    return [turn.text for turn in draft.turns]


def paths(draft: Draft) -> list[str | None]:
    return [medium.path for medium in draft.media]


def joined(family: str, sides: Mapping[str, list[Mapping[str, Any]]], file: str = "file.json") -> list[Draft | Problem]:
    """What becomes of the units of both sides, brought together as a reader does."""
    found = find_family(family)
    assert found.joiner is not None
    keys = {shape.side: shape.join_key for shape in found.shapes}
    groups: dict[str, list[Part]] = {}
    for side, values in sides.items():
        for at, value in enumerate(values):
            key = keys[side]
            assert key is not None
            groups.setdefault(key(value), []).append(Part(side, value, Origin(file, at, record_hash=f"{side}{at}")))
    source = make_source(family)
    return [adapt(made, source, found) for key, parts in groups.items() for made in found.joiner(key, parts)]


def fields(**paths_by_part: tuple[str, ...]) -> Reading:
    return Reading(files=("*",), fields=FieldMap(**paths_by_part))
