"""A corpus, a bundle and a cluster that the tests of this folder share."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from corpora import SHAPES, asked, write_catalogue, write_json, write_pictures
from standalone import standalone
from submitting import PICTURES, RECORDS, Jobs, from_checkout


@pytest.fixture(scope="module")
def jobs() -> Iterator[Jobs]:
    """The cluster; paths are short, as sockets need them."""
    folder = Path(tempfile.mkdtemp(prefix="mv"))
    write_pictures(folder / "sources" / "shapes", range(PICTURES))
    records = [asked([f"p{n % PICTURES}.png"], n) for n in range(RECORDS)]
    write_json(folder / "sources" / "shapes" / "a.json", records)
    write_catalogue(folder / "catalogue", [SHAPES])
    with standalone(folder) as cluster:
        yield Jobs(cluster, from_checkout(folder))
    shutil.rmtree(folder)
