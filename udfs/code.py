"""Which code runs here: a digest of the packages, the same in a checkout, a wheel, or a zip of spark-submit."""

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

PACKAGES = ("schemas", "udfs", "jobs", "prompts")


def packaged_files() -> Iterator[tuple[str, bytes]]:
    """Every file of the packages with its path in a bundle, in order of paths."""
    for package in sorted(PACKAGES):
        yield from _below(files(package), package)


def _below(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        below = str(PurePosixPath(path, entry.name))
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _below(entry, below)
        elif not entry.name.endswith(".pyc"):
            yield below, entry.read_bytes()


def code_digest() -> str:
    """Changes with any file of the packages."""
    digest = hashlib.sha256()
    for path, content in packaged_files():
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


def code_place() -> str:
    """The folder or zip that the packages come from."""
    return str(files("schemas")).rstrip("/").rpartition("/")[0]
