"""docs/sources.md is what the catalogue says now."""

from jobs.catalogue_page import COLUMNS, PAGE, page
from schemas.source import packaged_sources


def test_the_page_is_up_to_date():
    assert PAGE.read_text("utf-8") == page(packaged_sources().values()), "run `make docs`"


def test_every_source_has_one_row_of_all_columns():
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert sorted(row.split("`")[1] for row in rows) == sorted(packaged_sources())
    assert {row.count(" | ") for row in rows} == {len(COLUMNS) - 1}
