"""Files whose names differ from what a record says in upper and lower case or in how accents are composed."""

import os
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice

from udfs import files

MOST_NAMES = 200_000
"""So many names of one folder are looked at."""


def nearly_there(roots: Iterable[str], path: str) -> list[str]:
    """Files below local roots that differ from a path in spelling alone, to be told and never to be taken."""
    found = (_nearly(local, path) for root in roots if (local := files.local_path(root)))
    return [place for place in dict.fromkeys(found) if place][:3]


def _nearly(root: str, path: str) -> str:
    place, exact = root, True
    for part in (part for part in path.split("/") if part not in ("", ".")):
        # Nothing leaves the root: a name in a listing is never `..`.
        name = part if os.path.lexists(f"{place}/{part}") and part != ".." else _names(place).get(_folded(part), "")
        if not name:
            return ""
        place, exact = f"{place}/{name}", exact and name == part
    return "" if exact else place


@lru_cache(maxsize=16)
def _names(folder: str) -> Mapping[str, str]:
    try:
        with os.scandir(folder) as entries:
            return {_folded(entry.name): entry.name for entry in islice(entries, MOST_NAMES)}
    except OSError:
        return {}


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
