"""Content hashes: nothing collides, NULL counts, broken text never reaches an id."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import Role
from udfs.ids import clean, content_id, digest, field, fields, judge_id, pair_id, sample_id
from udfs.sample import Evidence, Turn

anything = st.text(st.characters(codec=None), max_size=40)
words = st.one_of(st.none(), st.text("ab:;-0123[]é", max_size=8))


@given(st.lists(words, max_size=5), st.lists(words, max_size=5))
def test_lists_of_fields_never_collide(left: list[str | None], right: list[str | None]):
    assert (fields(left) == fields(right)) == (left == right)
    assert ("".join(map(field, left)) == "".join(map(field, right))) == (left == right)


def test_the_encoding_is_this():
    assert field(None) == "-;"
    assert field("") == "0:;"
    assert field("é;") == "3:é;;"
    assert fields([None, "a"]) == "2[-;1:a;]"


def test_fields_that_look_like_each_other_differ():
    assert pair_id([], "a", "b") != pair_id([], "ab", "") != pair_id(["a"], "", "b")
    assert sample_id("a", "bc") != sample_id("ab", "c")
    assert judge_id("p", "m", "r", "s") != judge_id("p", "m", "s", "r")
    assert digest([field(None)]) != digest([field("")]) != digest([field("-;")])


@given(anything)
def test_clean_text_is_nfc_without_surrogates_or_nul_and_stays_so(text: str):
    cleaned = clean(text)
    assert cleaned == clean(cleaned)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert "\0" not in cleaned
    cleaned.encode()  # a lone surrogate would raise
    assert len(digest([field(cleaned)])) == 64


def test_composed_and_decomposed_letters_are_one():
    assert clean("e\u0301") == clean("é")
    assert clean("a\ud800b") == "a\ufffdb"
    assert clean("\ud83d\ude00") == "\U0001f600"


TURNS = (Turn(Role.USER, "<image>\nWhat?"), Turn(Role.ASSISTANT, "This."))
TABLE = Evidence("table", "a|b")


def test_a_content_id_covers_everything_that_a_sample_says_and_shows():
    ids = {
        content_id(["m"], TURNS, TABLE, "This"),
        content_id(["n"], TURNS, TABLE, "This"),
        content_id(["m", "m"], TURNS, TABLE, "This"),
        content_id(["m"], TURNS[:1], TABLE, "This"),
        content_id(["m"], TURNS, None, "This"),
        content_id(["m"], TURNS, Evidence("ocr", "a|b"), "This"),
        content_id(["m"], TURNS, TABLE, None),
        content_id(["m"], TURNS, TABLE, ""),
    }
    assert len(ids) == 8
    assert content_id(["m", "n"], TURNS, None, None) != content_id(["n", "m"], TURNS, None, None)


def test_ids_are_pinned():
    """Tables of users hold these: a change re-pays every call."""
    assert pair_id(["m"], "a", "b") == "6ac1df6caf1f4fb8e36730a23ebb9eeedc23d7048338b0554e9c8beb30cb6ff3"
    assert sample_id("vqav2", "c") == "9a4620c95df9addf27c2ae0845f6faf4aff9cb28943d426ca1c4408ac328385b"
    assert content_id(["m"], TURNS, TABLE, "This") == "33cad53b3c4aacd59936a511f900679d2a36dcf85d95cbea4774813ccbff99e7"
