"""What a family is: the shape of its records, and what turns them into drafts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from schemas.enums import Modality
from udfs.sample import Adapter, Part, Record


class Container(StrEnum):
    """How records lie in a file."""

    JSON_ARRAY = "json_array"
    """One array of objects, at the top or at `at` inside one object."""
    JSON_KEYED = "json_keyed"
    """One object whose values are the records and whose keys are their ids."""
    JSON_LINES = "json_lines"
    PARQUET = "parquet"
    DELIMITED = "delimited"
    """CSV or TSV with a header row."""
    LINES = "lines"
    """Text, a record a line."""
    FILES = "files"
    """A folder of files of one kind, each of them one record."""
    PICKLE = "pickle"
    """A pickled list of objects, or object whose values are the records."""
    SHARD = "shard"
    """A tar of samples as WebDataset writes them; read as rows of a table or lines of JSON are."""


WHOLE = "(whole)"
"""Place of the only record of a JSON document that is no list."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One place in a file where records lie, as found by looking at the file."""

    container: Container
    at: str = ""
    """Dotted path to the array or keyed object inside a JSON document, empty: the top; the file's stem for lines; the
    suffix, without its dot, for files that are records."""
    first: Mapping[str, Any] | None = None
    """The first record, to tell families apart; None when there is none."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Records that one side of a family expects."""

    containers: frozenset[Container]
    keys: frozenset[str]
    """Keys that a record must have."""
    at: str | None = None
    """Required place inside a JSON document; None: anywhere."""
    side: str = ""
    """Name of the side of a joined family."""
    join_key: Callable[[Mapping[str, Any]], str] | None = None
    """Key by which sides come together; None for families of one side."""
    forbids: frozenset[str] = frozenset()
    """Keys that speak against this family."""
    usual: frozenset[str] = frozenset()
    """Keys that a broken record of this family may still have."""
    blind: frozenset[str] | None = None
    """For records without answers: the only names that a test set has; behind another one the answer may stand."""
    one_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """By part of a field map: dotted paths of which a record must have one; a source's own field map adds to them."""
    spare: bool = False
    """Whether the records of the other sides can do without this one."""
    words: str = ""
    """Place in the same document with the names of the categories that records refer to by number."""
    drawn: str = ""
    """File in the same folder with a list of instructions, of which a record without a question draws one; as `#name` a
    field of the same document, whose instructions records name by number in `NUMBERED`."""


Joiner = Callable[[str, Iterable[Part]], Iterable[Record]]
"""All parts of one join key to records; what finds no partner is yielded as a record with a problem."""


@dataclass(frozen=True, slots=True)
class Family:
    """Records that read alike."""

    name: str
    shapes: tuple[Shape, ...]
    adapter: Adapter
    joiner: Joiner | None = None
    modality: Modality | None = None
    """Sources of another modality are never taken for this family unless they declare it."""
    named: bool = False
    """Whether only sources that name this family are taken for it, as its fields mean something else elsewhere."""
