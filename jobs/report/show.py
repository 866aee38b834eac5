"""Rows of the tables as one page of cards, for the command line and for notebooks."""

from pyspark.errors import PySparkException

from jobs.report.card import Gallery, render_gallery
from jobs.report.rows import Showing, overview, read_cards
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
        cards = read_cards(tables, rows.where(where).orderBy("id", "sample_id"), Showing(limit, SIDE))
    except PySparkException as error:
        told = told_by(error)
        raise ConfigError(f"--where cannot be asked: {told}", f"columns: {', '.join(rows.columns)}") from error
    note = f"{len(cards)} rows, at most {limit}, where {where}; tables below {tables.root}."
    return render_gallery(Gallery("Rows", note, cards))
