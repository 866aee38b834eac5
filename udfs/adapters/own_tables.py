"""Questions whose rows hold the table that they are about, as hubs publish them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from schemas.enums import DropReason
from schemas.errors import Drop
from udfs.adapters.family import Family, Shape
from udfs.adapters.fields import items, parsed_list, text
from udfs.adapters.flat import Recipe
from udfs.adapters.joins import QUESTIONS, key_of
from udfs.adapters.shapes import ARRAY, PARQUET, family, fields, rows
from udfs.adapters.tabular import TABLES, gridded, in_sequence, of_sqa
from udfs.sample import Part, Record

Value = Mapping[str, Any]


def all_answers(value: Value) -> Value:
    """WikiTableQuestions: what elsewhere are answers of several annotators are the parts of one here."""
    told = [text(part, "answers") for part in items(value.get("answers"), "answers")]
    return gridded({**value, "answer": ", ".join(told), "_table": value.get("table")})


def asked_in_turn(value: Value) -> Value:
    """RobuT's SQA: the questions of a sequence in one text, a list in Python, beside such a text for each answer."""
    questions = _list_of(value.get("question"), "question")
    answers = [_list_of(told, "answers") for told in items(value.get("answers"), "answers")]
    if len(questions) != len(answers):
        raise Drop(
            DropReason.NO_ANSWER, f"{len(questions)} questions and {len(answers)} answers; allowed: as many of both"
        )
    pairs = [{"question": asked, "answer": told} for asked, told in zip(questions, answers, strict=True)]
    return gridded({**value, "pairs": pairs, "_table": value.get("table")})


def _list_of(told: object, name: str) -> Sequence[Any]:
    return parsed_list(told, name) if isinstance(told, str) else items(told, name)


def rows_in_sequence(key: str, parts: Iterable[Part]) -> Iterator[Record]:
    """SQA: rows of one table, of which each repeats it."""
    held = list(parts)
    shown = {"header": held[0].value.get("table_header"), "rows": held[0].value.get("table_data")}
    yield from in_sequence(key, [replace(held[0], side=TABLES, value=shown), *held])


_ASKED = fields(answer=("answer",), context=("table",), rationale=(), options=())
OWN_TABLES: Mapping[str, Family] = {
    made.name: made
    for made in (
        replace(
            family(
                "wtq_parquet",
                Recipe(_ASKED, prepare=all_answers, system="table", shows=False, parts=True),
                rows(PARQUET | ARRAY, "id", "question", "answers", "table"),
            ),
            named=True,
        ),
        replace(
            family(
                "robut_sqa_json",
                Recipe(_ASKED, prepare=asked_in_turn, pairs="pairs", system="table", shows=False, parts=True),
                rows(PARQUET | ARRAY, "id", "question", "answers", "table"),
            ),
            named=True,
        ),
        family(
            "sqa_parquet",
            Recipe(_ASKED, prepare=of_sqa, pairs="pairs", system="table", shows=False, parts=True),
            Shape(
                PARQUET | ARRAY,
                frozenset({"id", "annotator", "position", "question", "table_header", "table_data", "answer_text"}),
                None,
                QUESTIONS,
                key_of("table_file"),
            ),
            joiner=rows_in_sequence,
        ),
    )
}
"""Tables within rows."""
