"""What the stage `dedup` may be told."""

from enum import StrEnum

from pydantic import Field

from schemas.source import Strict


class Treatment(StrEnum):
    """Not looked for; found and told; found and left out of all that follows."""

    OFF = "off"
    FLAG = "flag"
    DROP = "drop"

    @classmethod
    def _missing_(cls, value: object) -> "Treatment | None":
        # YAML reads a bare off as false.
        return cls.OFF if value is False else None


class Dedup(Strict):
    """Twins among samples and overlap with benchmarks; exact duplicates are always dropped (see docs/dedup.md)."""

    near: Treatment = Field(Treatment.FLAG, description="near-duplicates: off, flag or drop")
    contamination: Treatment = Field(Treatment.FLAG, description="overlap with `benchmarks`: off, flag or drop")
    prefer: tuple[str, ...] = Field((), description="sources whose samples stay where twins are found, best first")
    max_hash_distance: int = Field(4, ge=0, le=15, description="bits of 64 in which hashes of one picture may differ")
    min_jaccard: float = Field(0.8, gt=0, le=1, description="share of word triples that near-duplicates have in common")
    max_compared: int = Field(50, ge=1, description="samples of a hash bucket that its others are compared with")
    benchmarks: tuple[str, ...] = Field((), description="files or folders of benchmarks, or ids of normalised sources")
    benchmark_fields: tuple[str, ...] = Field((), description="dotted paths of their questions, before the usual names")
    benchmark_ngram: int = Field(13, ge=5, le=50, description="words in a row that no benchmark may share")
