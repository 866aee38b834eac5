"""What rules are made of, and the SQL that says what a well-formed row is; `schemas/suites.py` has the rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.columns import Table

TEXTS = "concat_ws(' ', conversation.text)"
WORDS = f"size(array_remove(split({TEXTS}, '\\\\s+'), ''))"
"""Words of a conversation, in SQL."""

_CJK = "[\\\\p{IsHan}\\\\p{IsHiragana}\\\\p{IsKatakana}]"
LENGTH = WORDS.replace(TEXTS, f"regexp_replace({TEXTS}, '{_CJK}', ' x ')")
"""Words of a conversation where each Chinese or Japanese letter is one, in SQL: they stand without blanks."""

OCTETS = "aggregate(conversation, 0, (n, turn) -> n + 1 + octet_length(turn.text))"
"""Bytes of a conversation and one for each turn, in SQL: at least twice its length, and far cheaper."""


def at_most(words: int) -> str:
    """Whether a conversation is no longer, in SQL; what its bytes settle is not counted."""
    return f"({OCTETS} <= {2 * words} OR {LENGTH} <= {words})"


COUNTED_ROWS = 100_000
"""Rows that an average of words is taken of, where a table has more."""

PLACED = (
    # Each mark is taken out of the text as it stands: what is left of one must not make another.
    "aggregate(conversation, 0, (n, turn) -> n + IF(turn.role = 'user', 2 * octet_length(turn.text)"
    " - octet_length(replace(turn.text, '<image>', '')) - octet_length(replace(turn.text, '<video>', '')), 0))"
    " = 7 * size(media)"
    " AND NOT exists(conversation, turn -> turn.role = 'assistant'"
    " AND (contains(turn.text, '<image>') OR contains(turn.text, '<video>')))"
)
"""Whether each medium has its placeholder in a user turn and no other placeholder stands anywhere, in SQL."""

PICTURED = (
    "aggregate(conversation, 0, (n, turn) -> n + IF(turn.role = 'user',"
    " octet_length(turn.text) - octet_length(replace(turn.text, '<image>', '')), 0)) = 7 * size(media)"
    " AND NOT exists(conversation, turn ->"
    " contains(turn.text, '<video>') OR (turn.role = 'assistant' AND contains(turn.text, '<image>')))"
)
"""The same of rows without a video, where each placeholder is a picture's."""

ALTERNATES = "concat_ws(',', conversation.role) RLIKE '^(user,assistant,)*user,assistant$'"
"""Whether user and assistant take turns and the assistant ends, in SQL."""

SPOKEN = "NOT exists(conversation, turn -> turn.text IS NULL OR NOT turn.text RLIKE '\\\\S')"
"""Whether every turn holds more than white space, in SQL."""

NO_END = float("inf")


@dataclass(frozen=True)
class Rule:
    """A number about a table and the band it must lie in, ends included; NULL and NaN lie in no band."""

    name: str
    low: float = 0.0
    high: float = 0.0
    measure: str = ""
    """SQL aggregate that gives the number; empty where `jobs/gate/counted.py` counts it."""
    holds: str = ""
    """SQL that every row must satisfy, NULL counting as broken; the number is then that of the rows that break it."""
    shows: str = ""
    """SQL of the value that an example shows."""
    allowed: str = ""
    """The rule in words."""
    setting: str = ""
    """Key of the configuration that sets the band; empty where it is fixed."""
    next_step: str = ""


@dataclass(frozen=True)
class Suite:
    """All rules of one table; its columns and types are those of `table`."""

    table: Table
    rules: tuple[Rule, ...]
    names_row: str
    """SQL that names a row in an example."""
    next_step: str

    @property
    def measured(self) -> tuple[Rule, ...]:
        """The rules whose numbers one pass over the table gives."""
        return tuple(rule for rule in self.rules if rule.measure)


def every_row(name: str, holds: str, allowed: str, shows: str, setting: str = "") -> Rule:
    """A rule that no row may break."""
    measure = f"count_if(NOT coalesce({holds}, false))"
    return Rule(name, measure=measure, holds=holds, allowed=allowed, shows=shows, setting=setting)


def one_of(column: str, words: type[StrEnum] | Iterable[str], *, may_lack: bool = False) -> Rule:
    """A closed vocabulary."""
    names = [str(word) for word in words]
    inside = f"`{column}` IN ({', '.join(map(quoted, names))})"
    holds = f"(`{column}` IS NULL OR {inside})" if may_lack else inside
    return every_row(f"{column}_known", holds, ", ".join(names), f"string(`{column}`)")


def nothing_missing(table: Table) -> Rule:
    """NULL in no column that must not have it."""
    required = [column.name for column in table.columns if column.required]
    lacking = ", ".join(f"IF(`{name}` IS NULL, '{name}', NULL)" for name in required)
    holds = " AND ".join(f"`{name}` IS NOT NULL" for name in required)
    return every_row("nothing_missing", f"({holds})", "no NULL", f"concat_ws(', ', {lacking})")


def filled(table: Table, floors: Mapping[str, float]) -> tuple[Rule, ...]:
    """Floors of the shares of rows that know a column."""
    wanted = {key.partition(".")[2]: floor for key, floor in floors.items() if key.partition(".")[0] == table.name}
    return tuple(
        Rule(
            f"{name}_filled",
            floor,
            1.0,
            f"avg(IF(`{name}` IS NULL, 0, 1))",
            setting="gate.filled",
            next_step=f"count rows where {name} IS NULL by source_id in `mammoth-vl sql`, and mend those sources",
        )
        for name, floor in wanted.items()
    )


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
