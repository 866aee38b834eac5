"""Text-only conversations: word problems and questions about code."""

from importlib.resources import files

import yaml

from jobs.corpus.item import Item


def _read(kind: str) -> list[list[str]]:
    rows: list[list[str]] = yaml.safe_load(files("jobs.corpus").joinpath("texts.yaml").read_text("utf-8"))[kind]
    return rows


def word_problems() -> list[Item]:
    """Word problems with worked answers; `final` is the bare result."""
    rows = enumerate(_read("word_problems"))
    return [Item(f"wp_{at}", ((question, work),), extra={"final": final}) for at, (question, work, final) in rows]


def code() -> list[Item]:
    """Questions about code."""
    return [Item(f"code.{at}", ((question, answer),)) for at, (question, answer) in enumerate(_read("code"))]
