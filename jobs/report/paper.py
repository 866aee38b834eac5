"""What the paper reports, as data: `paper.yaml`, validated."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

from schemas.enums import Category
from schemas.source import Strict


class Filtered(Strict):
    """Rewritten pairs before and after the judge."""

    before: int
    after: int

    @property
    def dropped(self) -> float:
        """Share that the judge dropped."""
        return 1 - self.after / self.before


class Kappas(Strict):
    """Agreement of the paper's judge and people."""

    model_people: Mapping[str, float]
    people: Mapping[str, float]
    people_average: float
    model_in_place_of_one: float


class Paper(Strict):
    """Figures of arXiv 2412.05237; each field of the file names its table or figure."""

    source: str
    category_shares: Mapping[Category, float]
    filtering: Mapping[str, Filtered]
    filtering_names: Mapping[Category, str]
    scores: Mapping[str, float]
    small_judges: Mapping[str, tuple[float, float]]
    kappa: Kappas

    def filtering_name(self, category: str) -> str:
        """What Table A2 calls one of our categories."""
        return self.filtering_names.get(Category(category), "Other")


@cache
def paper() -> Paper:
    """The figures, read once."""
    return Paper.model_validate(yaml.safe_load(files("jobs.report").joinpath("paper.yaml").read_text("utf-8")))
