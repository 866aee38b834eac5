"""`docs/sources.md`, made of the packaged catalogue: `python -m jobs.catalogue_page` writes it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from schemas.enums import Category
from schemas.source import Source, packaged_sources

PAGE = Path(__file__).parents[1] / "docs" / "sources.md"
HEAD = """# Sources

Made from `schemas/catalogue/` by `make docs`; do not edit. {total} sources: {groups}.

- **group**: A kept as is, B rewritten, C dropped, text beside them. As in the paper.
- **rows**: as published, in the publisher's own unit.
- **licence**: of the data themselves; in brackets the tag of the collection that redistributes them. `other`: see
  `mammoth-vl sources show ID`. Pictures may have terms of their own.
- **verified**: `real` files of the publisher were read, its `code` was read, or the format is `inferred`.
- **test set**: left out of every run that does not name it, but for `--profile paper`. Of other sources, rows that
  say `split: test`, or that the publisher lists as tests, are rejects (`unwanted_split`), and files named as a test
  split stay unread where others lie beside them, unless `reading.splits` of the catalogue takes them; validation
  splits are read.
- A family in brackets is not read yet.
"""
COLUMNS = ("id", "name", "group", "rows", "unit", "licence", "verified", "test set", "family")


def page(sources: Iterable[Source]) -> str:
    """The page as Markdown: one table per category."""
    sources = list(sources)
    groups = Counter(source.group.value for source in sources)
    told = ", ".join(f"{number} in group {group}" for group, number in sorted(groups.items()))
    parts = [HEAD.format(total=len(sources), groups=told)]
    for category in Category:
        mine = [source for source in sources if source.category is category]
        parts.append("\n".join([f"## {category.value}", "", *_table(mine), ""]))
    return "\n".join(parts)


def _table(sources: Iterable[Source]) -> Iterator[str]:
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * len(COLUMNS)}"
    for source in sources:
        yield f"| {' | '.join(_cells(source))} |"


def _cells(source: Source) -> Iterator[str]:
    licence, packaging = source.licence.spdx, source.licence.packaging
    yield from (f"`{source.source_id}`", source.name, source.group.value)
    yield from ("" if source.rows is None else f"{source.rows:,}", source.unit)
    yield f"{licence} ({packaging})" if packaging not in ("", licence) else licence
    yield from (source.verified.value, "yes" if source.is_benchmark else "")
    yield source.family if source.runnable else f"({source.family})"


if __name__ == "__main__":
    PAGE.write_text(page(packaged_sources().values()), "utf-8")
