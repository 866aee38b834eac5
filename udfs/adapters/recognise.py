"""Which family a source's files belong to, and which part each file plays in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from schemas.errors import InputError
from schemas.source import FieldMap, Source
from udfs.adapters import FAMILIES, find_family
from udfs.adapters.family import WHOLE, Container, Family, Layout, Shape


@dataclass(frozen=True, slots=True)
class Assignment:
    """A place in a file, and the records that the family expects there."""

    layout: Layout
    shape: Shape
    family: Family


@dataclass(frozen=True, slots=True)
class Recognised:
    """A source's main family, and the parts of each file, which may be of another family that its data come in."""

    family: Family
    files: Mapping[str, tuple[Assignment, ...]]
    unread: Mapping[str, str] = field(default_factory=dict)
    """Why files are not read."""

    @property
    def joined(self) -> bool:
        """Whether the family brings two sides together."""
        return self.family.joiner is not None

    @property
    def complete(self) -> bool:
        """Whether there are files of every side that the family needs."""
        needed = {shape.side for shape in self.family.shapes if not shape.spare}
        return needed <= {part.shape.side for parts in self.files.values() for part in parts}


Layouts = Mapping[str, Sequence[Layout]]
EVERYWHERE = frozenset({"id", "image_id", "image_index", "question_id"})
"""Keys that tell nothing about a family."""
TABLES = frozenset({Container.PARQUET, Container.DELIMITED})
SHARDS = frozenset({Container.SHARD, Container.PARQUET, Container.JSON_LINES})
"""Containers whose families read what a shard holds."""


def recognise(layouts_by_file: Layouts, source: Source) -> Recognised:
    """The families in which the source's data are known to come, its own before others; else the closest one.

    Where none fits, a first record may be broken: then the source's own family is believed if it resembles that.
    Records without answers are no broken ones if they have names that nobody knows, or are rows of a table.
    """
    declared = declared_family(source)
    own = [_assigned(family, layouts_by_file, source) for family in _known_families(source)]
    if answering := [found for found in own if _whole(found, source, declared) and _answers(found, source)]:
        answering.sort(key=lambda found: not _whole(found, source, None))
        return _told(_together(answering, source), layouts_by_file, source)
    blind = {file for found in own for file in _fitting_files(found, source)}
    free = [family for family in FAMILIES.values() if not family.named]
    allowed = [family for family in free if family.modality in (None, source.modality)]
    others = [_assigned(family, layouts_by_file, source) for family in allowed]
    whole = [other for other in others if _whole(other, source, None)]
    answering = [other for other in whole if _answers(other, source)]
    # Where the source's own questions lack answers, a stray file is no substitute; another reading of them is.
    if answering := [other for other in answering if not blind or blind & _fitting_files(other, source)]:
        closest = max(answering, key=lambda found: (_closeness(_fitting(found, source)), len(found.files)))
        return _told(closest, layouts_by_file, source)
    if whole:
        raise _unanswered(next((found for found in own if blind & set(found.files)), whole[0]), source)
    if declared and (believed := _believed(declared, layouts_by_file)):
        return believed
    raise _unknown(layouts_by_file, source, declared)


def _known_families(source: Source) -> list[Family]:
    """The families in which a source's data are known to come."""
    declared = declared_family(source)
    return [declared, *(FAMILIES[name] for name in source.alternatives)] if declared else []


def expects(layout: Layout, source: Source) -> bool:
    """Whether records like these are a part of what the source's data are known to come in."""
    return any(_first_fit(family, layout, source) for family in _known_families(source))


def _whole(found: Recognised, source: Source, declared: Family | None) -> bool:
    """Whether all sides are there; the declared family is believed with half of them."""
    needed = {shape.side for shape in found.family.shapes if not shape.spare}
    return found.family is declared or needed <= {shape.side for shape in _fitting(found, source)}


def _together(found: Sequence[Recognised], source: Source) -> Recognised:
    """One reading of all files, the first family before others; sides are joined for it alone."""
    main = found[0]
    files: dict[str, tuple[Assignment, ...]] = {}
    for other in [main] if main.joined else [other for other in found if not other.joined]:
        fitting = _fitting_files(other, source)
        files = {file: parts for file, parts in other.files.items() if file in fitting} | files
    known = {file for other in found for file in _fitting_files(other, source)}
    like = {file: parts for file, parts in main.files.items() if file not in known}
    return replace(main, files=dict(sorted((like | files).items())))


def _told(found: Recognised, layouts: Layouts, source: Source) -> Recognised:
    """The same with a reason for each file that is not read."""
    unread = {}
    for file in sorted(set(layouts) - set(found.files)):
        fits = [_assigned(family, {file: layouts[file]}, source) for family in FAMILIES.values()]
        near = [(_closeness(shapes), other.family.name) for other in fits if (shapes := _fitting(other, source))]
        why = f"it holds {max(near)[1]}" if near else "no family knows its fields"
        unread[file] = f"{why}; this source's files hold {found.family.name}"
    return replace(found, unread=unread)


def declared_family(source: Source) -> Family | None:
    """The family that a catalogue file names; around a user's own function it expects what the named one does."""
    reading = source.reading
    name = (reading and reading.family) or source.family
    if reading is None or reading.adapter is None:
        return FAMILIES.get(name)
    own = find_family(reading.adapter)
    return replace(own, shapes=FAMILIES[name].shapes) if own.name not in FAMILIES and name in FAMILIES else own


def _assigned(family: Family, layouts: Layouts, source: Source) -> Recognised:
    return _recognised(family, {file: _parts(family, there, source) for file, there in layouts.items()})


def _parts(family: Family, there: Sequence[Layout], source: Source) -> list[Assignment]:
    """Places that fit; where none does, or none of a side, those that resemble it: their first record may be broken."""
    fitting = [Assignment(layout, shape, family) for layout in there for shape in _first_fit(family, layout, source)]
    sides = {part.shape.side for part in fitting}
    left = [layout for layout in there if layout.first and not _first_fit(family, layout, source)]
    like = [part for part in _resembling(family, left) if part.shape.side not in sides]
    return fitting + (like if family.joiner else like[:1])


def _believed(family: Family, layouts: Layouts) -> Recognised | None:
    files = {file: _resembling(family, there) for file, there in layouts.items()}
    found = _recognised(family, {file: parts if family.joiner else parts[:1] for file, parts in files.items()})
    return found if found.files else None


def _recognised(family: Family, parts: Mapping[str, list[Assignment]]) -> Recognised:
    read = {file: tuple(there) for file, there in sorted(parts.items()) if there}
    return Recognised(family, read)


def _resembling(family: Family, there: Sequence[Layout]) -> list[Assignment]:
    return [Assignment(layout, like[0], family) for layout in there if (like := _like(family, layout))]


def _like(family: Family, layout: Layout) -> list[Shape]:
    return [shape for shape in family.shapes if _resembles(shape, layout)]


def _first_fit(family: Family, layout: Layout, source: Source) -> list[Shape]:
    """At most one: a record is read once."""
    return [shape for shape in family.shapes if _fits(shape, layout, source)][:1]


def _fits(shape: Shape, layout: Layout, source: Source) -> bool:
    record = layout.first
    if record is None or not _lies(shape, layout) or not shape.keys <= set(record) or shape.forbids & set(record):
        return False
    reading = source.reading
    own = reading.fields if reading else FieldMap()
    waived = {"question"} if reading and reading.question and "answer" in shape.one_of and _asks(source) else set()
    return all(
        part in waived or any(_has(record, path) for path in (*getattr(own, part), *paths))
        for part, paths in shape.one_of.items()
    )


def _asks(source: Source) -> bool:
    """Whether the source's own family expects a question, which its catalogue file may bring instead."""
    declared = declared_family(source)
    return declared is None or any("question" in shape.one_of for shape in declared.shapes)


def _has(record: Mapping[str, object], path: str) -> bool:
    return path in record or path.partition(".")[0] in record


def _lies(shape: Shape, layout: Layout) -> bool:
    alike = SHARDS if layout.container is Container.SHARD else {layout.container}
    return bool(alike & shape.containers) and shape.at in (None, layout.at)


def _resembles(shape: Shape, layout: Layout) -> bool:
    """Whether a broken record may stand first; in a table all records have the same columns."""
    if not _lies(shape, layout) or layout.at == WHOLE:
        return False
    if layout.first is None:
        return True
    here = set(layout.first)
    if layout.container in TABLES or shape.forbids & here or not _known(shape) & here:
        return False
    return 2 * len(shape.keys & here) >= len(shape.keys)  # with less than half of them it is another kind of record


def _known(shape: Shape) -> frozenset[str]:
    # What is only shown may as well be described by metadata.
    told = (paths for part, paths in shape.one_of.items() if part != "media")
    return shape.keys.union(shape.usual, *told) - EVERYWHERE


def _fitting(found: Recognised, source: Source) -> list[Shape]:
    return [part.shape for part in _fits_in(found, source)]


def _fits_in(found: Recognised, source: Source) -> list[Assignment]:
    return [part for parts in found.files.values() for part in parts if _fits(part.shape, part.layout, source)]


def _fitting_files(found: Recognised, source: Source) -> set[str]:
    """Files of which a first record fits, and does not only resemble the family's."""
    return {file for file, parts in found.files.items() if any(_fits(p.shape, p.layout, source) for p in parts)}


def _answers(found: Recognised, source: Source) -> bool:
    """Whether some record may hold an answer, beside whatever test sets there are."""
    told = bool(source.reading and source.reading.fields.answer)

    def may(part: Assignment) -> bool:
        blind = part.shape.blind
        known = blind is not None and (told or set(part.layout.first or ()) <= blind)
        return blind is None or (known and part.layout.container not in TABLES)

    return any(map(may, _fits_in(found, source)))


def _closeness(shapes: Iterable[Shape]) -> int:
    return max(2 * len(shape.keys) + len(shape.one_of) + (shape.at is not None) for shape in shapes)


def _unknown(layouts: Layouts, source: Source, declared: Family | None) -> InputError:
    places = [(file, layout) for file, there in layouts.items() for layout in there]
    found = "; ".join(
        f"{file} at {layout.at or 'top'}: {layout.container.value} of {_keys(layout)}" for file, layout in places[:5]
    )
    nearest = max(FAMILIES.values(), key=lambda family: _overlap(family, places))
    own = (
        f"its family {declared.name} expects {_expected(declared)}"
        if declared
        else f"nothing reads {source.family} yet"
    )
    return InputError(
        f"{source.source_id}: no family reads these files. Found: {found or 'no records'}; {own}",
        f"the nearest family is {nearest.name}, which expects {_expected(nearest)}; "
        "if these are the right files, name their fields under reading.fields of a catalogue file",
    )


def _unanswered(found: Recognised, source: Source) -> InputError:
    file, parts = next(iter(found.files.items()))
    return InputError(
        f"{source.source_id}: questions without answers. Found: {file}: {_keys(parts[0].layout)}",
        "if one of these fields is the answer, name it under reading.fields.answer of a catalogue file; "
        "a test set that keeps its answers back cannot be used",
    )


def _overlap(family: Family, places: Sequence[tuple[str, Layout]]) -> int:
    return max((len(_known(shape) & set(at.first or ())) for shape in family.shapes for _, at in places), default=0)


def _keys(layout: Layout) -> str:
    return ", ".join(sorted(map(str, layout.first))[:20]) if layout.first else "no objects"


def _expected(family: Family) -> str:
    """What each shape of a family asks for, as a sentence part."""
    shapes = []
    for shape in family.shapes:
        any_of = [f"one of {'/'.join(paths[:6])}" for paths in shape.one_of.values()]
        place = f" at {shape.at}" if shape.at else ""
        shapes.append(f"{'/'.join(sorted(shape.containers))}{place} with {', '.join([*sorted(shape.keys), *any_of])}")
    return "; or ".join(shapes)
