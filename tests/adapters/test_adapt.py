"""The one place where a record fails: nothing raises, nothing wrong passes."""

from collections.abc import Callable

import pytest
from drafting import make_source, outcome, record
from hypothesis import given, settings
from hypothesis import strategies as st
from test_publishers import CASES

from schemas.enums import DropReason, MediaKind, Role
from udfs.adapters import FAMILIES
from udfs.adapters.adapt import adapt
from udfs.adapters.family import Container, Family, Shape
from udfs.sample import Draft, Evidence, MediaRef, Problem, Record, Turn

LLAVA = {"image": "a.jpg", "conversations": [{"from": "human", "value": "<image>?"}, {"from": "gpt", "value": "x"}]}
FLAT = {"image": "a.jpg", "question": "What?", "answer": "this"}
CAULDRON = {"images": [{"bytes": b"1", "path": None}], "texts": [{"user": "What?", "assistant": "this"}]}

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.binary(max_size=4),
    st.text(max_size=8), st.sampled_from(["", "<image>", "human", "gpt", "a.jpg", "None", "A", "\ud800"]),
)  # fmt: skip
KEYS = sorted({
    *(key.partition(".")[0] for family in FAMILIES.values() for shape in family.shapes
      for key in (*shape.keys, *(path for paths in shape.one_of.values() for path in paths))),
    "from", "value", "user", "assistant", "image", "video", "options", "bytes", "path", "hint", "table", "context",
    "pairs", "solution", "annotation", "inputs", "scale", "order", "text", "split", "_key",
})  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=12,
)


@st.composite
def records(draw: Callable[..., object], family: Family) -> dict[str, object]:
    """Objects with the keys that the family wants and anything in them."""
    shape = draw(st.sampled_from(family.shapes))
    keys = {*shape.keys, *(draw(st.sampled_from(paths)).partition(".")[0] for paths in shape.one_of.values())}
    more = draw(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3))
    return {**more, **{key: draw(VALUES) for key in sorted(keys)}}


@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("name", sorted(FAMILIES))
@given(data=st.data())
def test_whatever_a_record_holds_adapt_answers(name: str, data: st.DataObject):
    found = outcome(name, data.draw(records(FAMILIES[name])))
    assert isinstance(found, Draft | Problem)
    if isinstance(found, Draft):
        check(found)
    else:
        assert found.detail


def check(draft: Draft) -> None:
    roles = [turn.role for turn in draft.turns]
    assert roles == [Role.USER, Role.ASSISTANT] * (len(roles) // 2)
    assert all(turn.text.strip() for turn in draft.turns)
    asked = "".join(turn.text for turn in draft.turns if turn.role is Role.USER)
    told = "".join(turn.text for turn in draft.turns if turn.role is Role.ASSISTANT)
    for kind, mark in ((MediaKind.IMAGE, "<image>"), (MediaKind.VIDEO, "<video>")):
        assert asked.count(mark) == sum(medium.kind is kind for medium in draft.media)
        assert mark not in told


@pytest.mark.parametrize(
    ("family", "value"),
    [
        ("llava_json", FLAT), ("llava_json", CAULDRON), ("ov_parquet", CAULDRON), ("m4_json", FLAT),
        ("flat_qa_json", LLAVA), ("flat_qa_json", CAULDRON), ("cauldron_parquet", LLAVA), ("cauldron_parquet", FLAT),
        ("coco_json", LLAVA), ("coco_json", FLAT), ("vqa_pair_json", FLAT), ("text_parquet", LLAVA),
        ("videoinstruct_json", FLAT), ("gqa_json", LLAVA), ("nextqa_csv", LLAVA), ("tabmwp_json", CAULDRON),
    ],
)  # fmt: skip
def test_records_of_another_family_are_problems(family: str, value: dict[str, object]):
    found = outcome(family, value)
    assert isinstance(found, Problem)
    assert found.reason in {DropReason.MISSING_FIELD, DropReason.NO_ANSWER, DropReason.MISSING_MEDIA}


def test_a_problem_of_the_reader_stays():
    problem = Problem(DropReason.MALFORMED, "line 3")
    found = adapt(Record({}, record({}).origin, problem), make_source("llava_json"), FAMILIES["llava_json"])
    assert found is problem


def own(adapter: Callable[..., object]) -> Family:
    return Family("own", (Shape(frozenset(Container), frozenset()),), adapter)


def surprise(given: Record, _: object) -> Draft:
    raise KeyError("colour")


def test_a_surprise_names_the_field_and_what_is_there():
    found = adapt(record({"shade": 3}), make_source("own"), own(surprise))
    assert isinstance(found, Problem)
    assert found.reason is DropReason.WRONG_SHAPE
    assert "colour" in found.detail
    assert "'shade': 'int'" in found.detail


USER, ASSISTANT = Role.USER, Role.ASSISTANT
IMAGE = MediaRef(path="a.jpg")
DRAFTS = {
    "nothing": (Draft(()), DropReason.EMPTY_CONVERSATION),
    "assistant first": (Draft((Turn(ASSISTANT, "x"),)), DropReason.TURN_ORDER),
    "user last": (Draft((Turn(USER, "x"),)), DropReason.NO_ANSWER),
    "user twice": (Draft((Turn(USER, "x"), Turn(USER, "y"))), DropReason.TURN_ORDER),
    "empty turn": (Draft((Turn(USER, " "), Turn(ASSISTANT, "y"))), DropReason.EMPTY_TURN),
    "no placeholder": (Draft((Turn(USER, "x"), Turn(ASSISTANT, "y")), (IMAGE,)), DropReason.PLACEHOLDER_MISMATCH),
    "wrong kind": (Draft((Turn(USER, "<video>x"), Turn(ASSISTANT, "y")), (IMAGE,)), DropReason.PLACEHOLDER_MISMATCH),
    "in an answer": (
        Draft((Turn(USER, "<image>x"), Turn(ASSISTANT, "<image>")), (IMAGE,)),
        DropReason.PLACEHOLDER_MISMATCH,
    ),
}


@pytest.mark.parametrize("name", DRAFTS)
def test_a_draft_of_a_users_own_adapter_is_checked(name: str):
    draft, reason = DRAFTS[name]
    found = adapt(record({}), make_source("own"), own(lambda *_: draft))
    assert isinstance(found, Problem)
    assert found.reason is reason


def test_something_else_than_a_draft_is_a_problem():
    found = adapt(record({}), make_source("own"), own(lambda *_: "a draft"))
    assert isinstance(found, Problem)
    assert found.reason is DropReason.WRONG_SHAPE


def test_all_text_of_a_draft_is_cleaned():
    turns = (Turn(USER, "e\u0301?\0"), Turn(ASSISTANT, "a\ud800"))
    draft = Draft(turns, gold_answer="\0a", evidence=Evidence("ocr", "e\u0301"), original_id="1\0")
    found = adapt(record({}), make_source("own"), own(lambda *_: draft))
    assert isinstance(found, Draft)
    assert [turn.text for turn in found.turns] == ["\u00e9?", "a\ufffd"]
    assert (found.gold_answer, found.evidence, found.original_id) == ("a", Evidence("ocr", "\u00e9"), "1")


@pytest.mark.parametrize("name", CASES)
def test_one_broken_field_is_never_a_crash(name: str):
    family, value, *_ = CASES[name]
    for key in value:
        for broken in (None, 5, [], {}, "", [None], {"bytes": 1}):
            assert isinstance(outcome(family, {**value, key: broken}), Draft | Problem)
