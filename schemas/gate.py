"""What the release gate may be told."""

from collections.abc import Mapping

from pydantic import Field

from schemas.enums import Category
from schemas.source import Strict


class Gate(Strict):
    """Bands and floors of the release gate; docs/gates.md lists the rules."""

    min_rows: int = Field(1, ge=1)
    max_drop_rate: float = Field(0.95, ge=0, le=1, description="share of judged pairs that the judge may drop")
    max_reject_rate: float = Field(0.95, ge=0, le=1, description="share of all records that may be rejects")
    max_source_reject_rate: float = Field(1.0, ge=0, le=1, description="the same in any one source")
    max_near_duplicates: float = Field(1.0, ge=0, le=1, description="share of released rows flagged by dedup")
    max_contaminated: float = Field(1.0, ge=0, le=1, description="share of released rows that overlap with benchmarks")
    min_parsed_share: float = Field(0.0, ge=0, le=1, description="share of replies and of verdicts that can be read")
    min_kappa: float | None = Field(
        None, ge=-1, le=1, description="judge's mean kappa with people, where they labelled"
    )
    filled: Mapping[str, float] = Field(
        default_factory=lambda: {"samples.language": 0.01, "instruct.language": 0.01},
        description="share of rows that know a column, by table.column",
    )
    category_bands: Mapping[Category, tuple[float, float]] = Field(default_factory=dict)
    licences: tuple[str, ...] = Field((), description="allowed SPDX identifiers; empty allows all")
    max_tokens: int = Field(16384, description="longest released conversation, in words")
    mean_words: tuple[float, float] = Field((2.0, 8192.0), description="words of a conversation, on average")
    decode_sample: int = Field(200, ge=1, description="media decoded by the gate")
