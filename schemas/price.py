"""The configuration's section about what an engine costs."""

from pydantic import Field

from schemas.source import Strict


class Price(Strict):
    """What an engine costs, in any one currency; GPU-hours go before tokens where both are given."""

    gpu_hour: float | None = Field(None, ge=0)
    million_prompt_tokens: float | None = Field(None, ge=0)
    million_completion_tokens: float | None = Field(None, ge=0)
