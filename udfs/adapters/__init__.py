"""Record to sample: every family by name."""

import importlib
from collections.abc import Mapping
from typing import cast

from schemas.errors import ConfigError
from udfs.adapters.arrays import ARRAYS
from udfs.adapters.conversations import CONVERSATIONS
from udfs.adapters.detections import DETECTIONS
from udfs.adapters.entries import ENTRIES
from udfs.adapters.family import Container, Family, Shape
from udfs.adapters.originals import ORIGINALS
from udfs.adapters.own_tables import OWN_TABLES
from udfs.adapters.paired import PAIRED
from udfs.adapters.panels import PANELS
from udfs.adapters.publishers import PUBLISHERS
from udfs.adapters.recipes import FLAT
from udfs.adapters.regions import REGIONS
from udfs.adapters.releases import RELEASES
from udfs.adapters.tabular import TABULAR
from udfs.adapters.written import WRITTEN
from udfs.sample import Adapter

FAMILIES: Mapping[str, Family] = {
    **CONVERSATIONS, **FLAT, **PUBLISHERS, **ORIGINALS, **RELEASES, **PAIRED, **PANELS, **REGIONS,
    **TABULAR, **ARRAYS, **ENTRIES, **OWN_TABLES, **WRITTEN, **DETECTIONS,
}  # fmt: skip
_ALONE = frozenset({Container.FILES, Container.LINES})
ANYTHING = (
    Shape(frozenset(Container) - _ALONE, frozenset()),
    Shape(frozenset({Container.LINES}), frozenset({"image", "label"})),
    *(Shape(frozenset({Container.FILES}), frozenset(), suffix) for suffix in ("xml", "npz", "html", "htm")),
)
"""What a function of a user's own gets: everything but lines that name nothing and JSON objects that hold lists."""


def find_family(name: str) -> Family:
    """The family of this name, or one around a function named as `module:function`."""
    if name in FAMILIES:
        return FAMILIES[name]
    module, separator, function = name.partition(":")
    if not separator:
        raise ConfigError(f"unknown family {name!r}", f"write module:function or one of {', '.join(sorted(FAMILIES))}")
    try:
        adapter = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"adapter {name!r} cannot be imported: {error}", "put its module on PYTHONPATH") from error
    return Family(name, ANYTHING, cast(Adapter, adapter))
