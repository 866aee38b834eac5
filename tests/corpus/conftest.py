"""What the tests of the corpus share."""

import pytest

from jobs.corpus.build import COLLECTIONS
from jobs.corpus.item import Item


@pytest.fixture(scope="package")
def items() -> dict[str, list[Item]]:
    """Every source's content; making it takes seconds."""
    return {source: make() for collection in COLLECTIONS.values() for source, make in collection.sources.items()}
