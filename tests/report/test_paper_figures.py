"""Every figure of `paper.yaml`, written down again from arXiv 2412.05237 v2, and what the figures say of each other."""

import math
from statistics import mean

from distinct import kappa

from jobs.agreement import Agreement
from jobs.report.paper import Paper, paper
from schemas.enums import Category


def test_no_figure_is_without_a_test():
    assert set(Paper.model_fields) == {
        "source", "category_shares", "filtering", "filtering_names", "scores", "small_judges", "kappa",
    }  # fmt: skip
    assert paper().source == "MAmmoTH-VL, arXiv 2412.05237"


def test_figure_3_shares_of_the_categories():
    assert {category.value: round(100 * share, 6) for category, share in paper().category_shares.items()} == {
        "General": 15.4, "OCR": 13.7, "Chart": 15.4, "Caption": 10.9, "Domain-specific": 8.9, "Code&Math": 8.3,
        "Language": 16.0, "Detection": 3.2, "Multi-Image": 5.8, "Video": 2.5,
    }  # fmt: skip
    assert set(paper().category_shares) == set(Category)
    assert math.isclose(sum(paper().category_shares.values()), 1, abs_tol=0.002)


def test_table_a2_before_and_after_the_judge():
    found = paper().filtering
    assert {name: (n.before, n.after, round(100 * n.dropped, 1)) for name, n in found.items()} == {
        "OCR": (1_104_960, 498_337, 54.9),
        "Chart": (7_326_189, 3_782_029, 48.4),
        "GeneralQA": (1_726_180, 1_584_308, 8.2),
        "Caption": (244_874, 199_853, 18.4),  # printed as 18.3
        "Math": (590_894, 518_393, 12.3),
        "Other": (1_315_039, 1_178_275, 10.4),
    }
    assert sum(n.before for n in found.values()) == 12_308_136
    assert sum(n.after for n in found.values()) == 7_761_195


def test_categories_in_the_terms_of_table_a2():
    assert {category.value: paper().filtering_name(category) for category in Category} == {
        "General": "GeneralQA", "OCR": "OCR", "Chart": "Chart", "Caption": "Caption", "Code&Math": "Math",
        "Domain-specific": "Other", "Language": "Other", "Detection": "Other", "Multi-Image": "Other",
        "Video": "Other",
    }  # fmt: skip


def test_figure_a2_drop_rates_of_small_judges():
    assert paper().small_judges == {
        "OCR": (0.59, 0.61), "Chart": (0.38, 0.59), "GeneralQA": (0.24, 0.44), "Caption": (0.24, 0.44),
        "Math": (0.24, 0.44), "Other": (0.24, 0.44),
    }  # fmt: skip


def test_table_a5_kappa():
    found = paper().kappa
    assert found.model_people == {"E1": 0.73, "E2": 0.70, "E3": 0.63}
    assert found.people == {"E1-E2": 0.70, "E1-E3": 0.42, "E2-E3": 0.53}
    assert found.people_average == 0.55
    assert found.model_in_place_of_one == 0.64


def test_averages_of_table_a5_are_ours_of_its_kappas():
    """So the report sets like beside like."""
    model, people = paper().kappa.model_people, paper().kappa.people
    told = {("model", name): value for name, value in model.items()}
    told |= {(name[:2], name[3:]): value for name, value in people.items()}
    made = tuple(kappa(a, b, 60, 0.8, value, 0.0, 1.0) for (a, b), value in told.items())
    found = Agreement(("E1", "E2", "E3"), ("model",), made)
    assert round(found.among_people(), 2) == 0.55
    assert round(found.in_place_of_one("model"), 2) == 0.64
    assert round(found.with_people("model"), 2) == 0.69 == round(mean(model.values()), 2)


def test_table_a6_mean_scores():
    assert paper().scores == {
        "content_original": 3.5, "relevance_original": 4.2, "content_rewritten": 3.8, "relevance_rewritten": 4.4,
    }  # fmt: skip
