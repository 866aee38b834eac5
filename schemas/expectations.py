"""What a release has to hold, as data: the gate runs it, this module only says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.config import Gate
from schemas.enums import Category, Group, Modality, PairKind, Split
from schemas.tables import INSTRUCT

WORDS = "aggregate(conversation, 0, (n, turn) -> n + size(split(trim(turn.text), '\\\\s+')))"
"""Words of a conversation, in SQL."""

PLACED = (
    "aggregate(conversation, 0, (n, turn) -> n + IF(turn.role = 'user', regexp_count(turn.text, '<image>|<video>'), 0))"
    " = size(media)"
    " AND NOT exists(conversation, turn -> turn.role = 'assistant' AND turn.text RLIKE '<image>|<video>')"
)
"""Whether each medium has its placeholder in a user turn and no other placeholder stands anywhere, in SQL."""

ALTERNATES = (
    "size(conversation) >= 2 AND size(conversation) % 2 = 0 AND forall("
    "transform(conversation, (turn, i) -> turn.role = IF(i % 2 = 0, 'user', 'assistant')), right -> right)"
)


@dataclass(frozen=True)
class RowRule:
    """What every row must satisfy; `holds` is SQL, and NULL counts as broken."""

    name: str
    holds: str
    allowed: str
    shows: str
    """SQL of the value that an example shows."""


@dataclass(frozen=True)
class Band:
    """What a number about the whole table must lie in, ends included; NULL and NaN lie in no band."""

    name: str
    measure: str
    """SQL aggregate."""
    low: float
    high: float = float("inf")


@dataclass(frozen=True)
class ColumnRule:
    """One Great Expectations expectation by class name, with its arguments."""

    kind: str
    arguments: Mapping[str, Any]


PLAIN = tuple(column.name for column in INSTRUCT.columns if str(column.type) in {"string", "int64"})
"""Columns that Great Expectations looks at; nested ones are the row rules' business."""

VOCABULARIES = {"modality": Modality, "category": Category, "group": Group, "kind": PairKind, "split": Split}
SPARK_TYPES = {"string": "StringType", "int64": "LongType"}


def column_rules(rows: int) -> tuple[ColumnRule, ...]:
    """Columns, types, NOT NULL, closed vocabularies and unique ids of a release of `rows` rows."""
    plain = [column for column in INSTRUCT.columns if column.name in PLAIN]
    return (
        ColumnRule("ExpectTableRowCountToEqual", {"value": rows}),
        ColumnRule("ExpectTableColumnsToMatchSet", {"column_set": list(PLAIN), "exact_match": True}),
        *(
            ColumnRule("ExpectColumnValuesToBeOfType", {"column": c.name, "type_": SPARK_TYPES[str(c.type)]})
            for c in plain
        ),
        *(ColumnRule("ExpectColumnValuesToNotBeNull", {"column": c.name}) for c in plain if c.required),
        *(
            ColumnRule("ExpectColumnValuesToBeInSet", {"column": name, "value_set": [str(item) for item in words]})
            for name, words in VOCABULARIES.items()
        ),
        ColumnRule("ExpectColumnValuesToBeUnique", {"column": "id"}),
    )


def row_rules(gate: Gate, release_id: int) -> tuple[RowRule, ...]:
    """The rules of every row."""
    licences = ", ".join("'" + name.replace("'", "\\'") + "'" for name in gate.licences)
    nested = [c.name for c in INSTRUCT.columns if c.required and c.name not in PLAIN]
    roles = "concat_ws(',', conversation.role)"
    return (
        RowRule("release_id", f"release_id = {release_id}", f"{release_id}", "string(release_id)"),
        RowRule("nothing_missing", " AND ".join(f"{n} IS NOT NULL" for n in nested), "no NULL", "to_json(lineage)"),
        RowRule("conversation_alternates", ALTERNATES, "user, assistant, user, assistant, ...", roles),
        RowRule(
            "no_empty_turn",
            "forall(conversation, turn -> length(trim(turn.text)) > 0)",
            "text in every turn",
            "to_json(conversation)",
        ),
        RowRule(
            "placeholders_match_media", PLACED, "one placeholder per medium, in user turns", "to_json(conversation)"
        ),
        RowRule("modality_matches_media", "(modality = 'text') = (size(media) = 0)", "text has no media", "modality"),
        RowRule(
            "conversation_length",
            f"{WORDS} <= {gate.max_tokens}",
            f"at most {gate.max_tokens} words",
            f"string({WORDS})",
        ),
        RowRule(
            "licence_allowed",
            f"licence.spdx IN ({licences})" if licences else "true",
            ", ".join(gate.licences) or "any",
            "licence.spdx",
        ),
        RowRule(
            "rewrites_are_judged",
            "kind = 'original' OR (NOT isnan(quality.p_yes) AND quality.p_yes BETWEEN 0 AND 1)",
            "P(yes) between 0 and 1",
            "string(quality.p_yes)",
        ),
        RowRule(
            "lineage_complete",
            "IF(kind = 'original', lineage.sample_id = id, lineage.pair_id = id AND lineage.call_key IS NOT NULL"
            " AND lineage.prompt_version IS NOT NULL AND lineage.model IS NOT NULL)"
            " AND lineage.origin.file IS NOT NULL",
            "sample, file and, of a rewrite, call, prompt and model",
            "to_json(lineage)",
        ),
        RowRule(
            "split_matches_modality",
            "CASE modality WHEN 'text' THEN split = 'si' WHEN 'image' THEN true ELSE split = 'ov' END",
            "si: single pictures and text; ov: everything but text",
            "concat(split, ' ', modality)",
        ),
    )


def bands(gate: Gate, rows: int) -> tuple[Band, ...]:
    """The numbers of the whole table."""
    shares = (
        Band(f"share_of_{category.value}", f"avg(IF(category = '{category.value}', 1, 0))", low, high)
        for category, (low, high) in gate.category_bands.items()
    )
    return (
        Band("rows_chosen", "count(*)", rows, rows),
        Band("min_rows", "count(*)", gate.min_rows),
        Band("languages_known", "count(language)", 1),
        *shares,
    )
