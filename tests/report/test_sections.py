"""What sections say of small runs, of cost, and of tables that are no longer as they were."""

from dataclasses import replace

import pytest
from planted import facts

from jobs.report.facts import Cost, InstructionMap, Reuse, Scores
from jobs.report.production import cost
from jobs.report.quality import instruction_map, scores
from jobs.report.sections import TODAY, sections, tiles


@pytest.mark.parametrize(("rows", "few"), [(99, True), (100, False)])
def test_a_small_run_is_not_set_beside_the_paper_without_a_word(rows: int, few: bool):
    places, names = ((0.5, 0.5),) * rows, ("OCR",) * rows
    made = replace(
        facts(),
        scores=(Scores("a", rows, 200, 3.0, 4.0, 3.0, 4.0),),
        map=InstructionMap(places, places, names, names, 0.5, 0.6, "m"),
    )
    scored, drawn = scores(made), instruction_map(made)
    assert scored is not None
    assert drawn is not None
    (grid,) = scored.grids
    assert grid.caption.startswith(f"Mean scores of {rows} originals and 200 rewrites")
    assert ("too few to be set against the paper's means" in grid.caption) is few
    assert [("too few to be set against" in plot.title) for plot in drawn.plots] == [few, few]


def test_cost_tells_paid_from_reused_and_gpu_hours_and_money():
    paid = Cost("rewrite", "m", 7, 30, 1, 100, 20, 50, 90.0, 0.25, 1.5)
    made = replace(facts(), costs=(paid, replace(paid, purpose="judge")), reuse=(Reuse("rewrite", 2, 7, 37),))
    assert tiles(made)["Calls paid for"] == "14"
    assert tiles(made)["Calls reused"] == "37"
    section = cost(made)
    assert section is not None
    told = {name: cell for g in section.grids[:2] for name, cell in zip(g.columns, g.rows[0], strict=True)}
    assert (told["Paid"], told["From a log"], told["GPU-hours"], told["Money"]) == ("7", "30", "0.25", "1.50")
    assert "GPU-hours: 0.50" in " ".join(section.text)
    assert "Money: 3.00, at the price" in " ".join(section.text)
    free = cost(replace(made, costs=(replace(paid, gpu_hours=None, money=None),)))
    assert free is not None
    assert free.grids[1].rows[0][-2:] == ("–", "not set")
    assert "no engine of the configuration has a price" in " ".join(free.text)


def test_a_section_that_tells_of_today_says_so():
    found = {s.anchor: s.text for s in sections(replace(facts(), today=frozenset({"cost"})))}
    assert found["cost"][0] == TODAY
    assert all(TODAY not in text for anchor, text in found.items() if anchor != "cost")
