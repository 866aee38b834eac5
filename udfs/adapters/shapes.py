"""Words in which families of flat records are declared."""

from dataclasses import replace

from schemas.source import FieldMap
from udfs.adapters.family import Container, Family, Joiner, Shape
from udfs.adapters.flat import ALIASES, Recipe, flat
from udfs.adapters.joins import key_of

DESCRIBE = "Describe this picture."
ARRAY = frozenset({Container.JSON_ARRAY, Container.JSON_LINES})
KEYED = frozenset({Container.JSON_KEYED})
PARQUET = frozenset({Container.PARQUET})
TABLE = frozenset({Container.DELIMITED})
FILES = frozenset({Container.FILES})
CONVERSATIONS = frozenset({"conversations", "messages", "texts"})


TEST_SET = frozenset({"split", "category", "question_type", "answer_type", "answerable", "index"}).union(
    ALIASES.id, ALIASES.question, ALIASES.options, ALIASES.context, ALIASES.media
)
"""Names that records have which keep their answers back."""


def family(name: str, recipe: Recipe, *shapes: Shape, joiner: Joiner | None = None) -> Family:
    """A family whose records a recipe reads."""
    return Family(name, shapes, flat(recipe, name), joiner)


def fields(**paths: tuple[str, ...]) -> FieldMap:
    """The usual names, with these in place of some."""
    return ALIASES.model_copy(update=paths)


def rows(containers: frozenset[Container], *keys: str, at: str | None = None) -> Shape:
    """Records with these keys."""
    return Shape(containers, frozenset(keys), at)


def side(name: str, key: str, *keys: str, at: str | None = None) -> Shape:
    """Records of one side of a joined family, which `key` brings to the other one."""
    return Shape(ARRAY, frozenset({key, *keys}), at, name, key_of(key))


def generic(containers: frozenset[Container]) -> tuple[Shape, Shape]:
    """Questions with answers; and test sets, which keep their answers back."""
    asked, shown = {"question": ALIASES.question}, {"media": ALIASES.media}
    full = Shape(containers, frozenset(), forbids=CONVERSATIONS, one_of={**asked, "answer": ALIASES.answer})
    return full, replace(full, one_of={**asked, **shown}, blind=TEST_SET)
