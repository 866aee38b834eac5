"""What the release gate may be told."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from schemas.enums import Category
from schemas.source import Strict
from schemas.tables import INSTRUCT, SAMPLES


def _ordered(band: tuple[float, float]) -> tuple[float, float]:
    if not band[0] <= band[1]:
        raise ValueError(f"a band goes from the lower number to the higher one, not from {band[0]:g} to {band[1]:g}")
    return band


Share = Annotated[float, Field(ge=0, le=1)]
Band = Annotated[tuple[float, float], AfterValidator(_ordered)]
FLOORED = {table.name: frozenset(column.name for column in table.columns) for table in (SAMPLES, INSTRUCT)}
"""Columns that may have a floor, by table."""


class Gate(Strict):
    """Bands and floors of the release gate; docs/gates.md lists the rules."""

    min_rows: int = Field(1, ge=1)
    min_drop_rate: float = Field(0.0, ge=0, le=1, description="share of judged pairs that the judge must drop")
    max_drop_rate: float = Field(0.95, ge=0, le=1, description="share of judged pairs that the judge may drop")
    max_reject_rate: float = Field(0.95, ge=0, le=1, description="share of all records that may be rejects")
    max_source_reject_rate: float = Field(1.0, ge=0, le=1, description="the same in any one source")
    max_near_duplicates: float = Field(1.0, ge=0, le=1, description="share of released rows flagged by dedup")
    max_contaminated: float = Field(1.0, ge=0, le=1, description="share of released rows that overlap with benchmarks")
    min_parsed_share: float = Field(0.0, ge=0, le=1, description="share of replies and of verdicts that can be read")
    min_kappa: float | None = Field(
        None, ge=-1, le=1, description="judge's mean kappa with people, where they labelled"
    )
    min_labels: int = Field(
        20, ge=1, description="pairs that a person has labelled, for `min_kappa`: a kappa of fewer says nothing"
    )
    filled: Mapping[str, Share] = Field(
        default_factory=lambda: {"samples.language": 0.01, "instruct.language": 0.01},
        description="share of rows that know a column, by table.column",
    )
    category_bands: Mapping[Category, Band] = Field(default_factory=dict)
    licences: tuple[str, ...] = Field((), description="allowed SPDX identifiers; empty allows all")
    max_tokens: int = Field(16384, description="longest released conversation, in words")
    mean_words: Band = Field((2.0, 8192.0), description="words of a conversation, on average")
    decode_sample: int = Field(200, ge=1, description="media decoded by the gate")

    @model_validator(mode="after")
    def _drop_rates(self) -> Self:
        _ordered((self.min_drop_rate, self.max_drop_rate))
        return self

    @field_validator("filled")
    @classmethod
    def _known(cls, floors: Mapping[str, float]) -> Mapping[str, float]:
        """A floor of a column that is not there would be no rule at all."""
        for key in floors:
            table, _, column = key.partition(".")
            if column not in FLOORED.get(table, ()):
                raise ValueError(f"{key!r} is no table.column that can have a floor; tables: {', '.join(FLOORED)}")
        return floors
