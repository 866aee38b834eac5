"""Looking up parts of records."""

import pytest

from schemas.source import Selector
from udfs.adapters.fields import answer, belongs, dotted, first

RECORD = {"a": {"b": [{"c": 1}, {"c": None}]}, "d.e": 2, "nan": float("nan"), "empty": "", "text": "x"}


@pytest.mark.parametrize(
    ("path", "value"),
    [("a.b.0.c", 1), ("d.e", 2), ("a.b.1.c", None), ("a.b.2", None), ("a.x.y", None), ("nan", None), ("text.0", None)],
)
def test_dotted_paths(path: str, value: object):
    assert dotted(RECORD, path) == value


def test_the_first_path_that_holds_something():
    assert first(RECORD, ("none", "nan", "empty", "text")) == ("text", "x")
    assert first(RECORD, ("none", "empty")) == ("empty", "")
    assert first(RECORD, ("none", "nan")) is None


EQUAL = Selector(field="metadata.dataset", values=("nlvr2", "7"))
PREFIX = Selector(field="image.0", values=("ChartQA/",), match="prefix")


@pytest.mark.parametrize(
    ("select", "record", "mine"),
    [
        (None, {}, True),
        (EQUAL, {"metadata": {"dataset": "nlvr2"}}, True),
        (EQUAL, {"metadata": {"dataset": 7}}, True),
        (EQUAL, {"metadata": {"dataset": "nlvr"}}, False),
        (EQUAL, {"metadata": {}}, True),
        (PREFIX, {"image": ["ChartQA/1.png"]}, True),
        (PREFIX, {"image": ["DocVQA/ChartQA/1.png"]}, False),
        (PREFIX, {"image": []}, False),
    ],
)
def test_whose_record_it_is(select: Selector | None, record: dict[str, object], *, mine: bool):
    assert belongs(record, select) is mine


@pytest.mark.parametrize("told", [["None"], ["None", "5", "None"], [{"answer": "None"}, {"answer": ""}]])
def test_a_none_that_annotators_wrote_is_an_answer(told: list[object]):
    assert answer(told, "answers") == "None"
