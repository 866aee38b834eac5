"""Rows of the tables as one page of cards, for the command line and for notebooks."""

from pyspark.errors import PySparkException
from pyspark.sql import functions as f

from jobs.report.card import Gallery, render_gallery
from jobs.report.rows import cards_of, overview
from jobs.session import told_by
from jobs.tables import Tables
from schemas.config import Config
from schemas.errors import ConfigError

SIDE = 360


def rows_html(
    tables: Tables, config: Config, where: str = "true", limit: int = 20, release_id: int | None = None
) -> str:
    """A page of pairs and originals that fit a condition; in a notebook `displayHTML(rows_html(...))`."""
    rows = overview(tables, config, release_id)
    try:
        # In brackets, since a bare `x OR` would name a column x; one more row tells whether there are more.
        chosen = rows.where(f.expr(f"(\n{where}\n)")).orderBy("id", "sample_id").limit(limit + 1).collect()
    except PySparkException as error:
        told = told_by(error)
        raise ConfigError(f"--where cannot be asked: {told}", f"columns: {', '.join(rows.columns)}") from error
    cards = cards_of(tables, [row.asDict(recursive=True) for row in chosen[:limit]], SIDE)
    count = f"The first {limit} rows by id, there are more," if len(chosen) > limit else f"All {len(cards)} rows"
    note = f"{count} where {where}; tables below {tables.root}."
    return render_gallery(Gallery("Rows", note, cards))
