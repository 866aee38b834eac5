"""The sample corpus of the demo: real content in publishers' native formats, made on the spot."""

from importlib.resources import files
from pathlib import Path


def catalogue_folder() -> Path:
    """The catalogue files of the corpus, for `--catalogue`."""
    return Path(str(files("jobs.corpus").joinpath("catalogue")))
