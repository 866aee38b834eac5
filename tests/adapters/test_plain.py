"""The short way for plain records gives what the long way gives, or nothing."""

from typing import Any

import pytest
from drafting import make_source
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import MediaKind, Modality, Role
from schemas.source import Reading, Source
from udfs.adapters import find_family
from udfs.adapters.adapt import adapt
from udfs.adapters.conversations import plain
from udfs.sample import Draft, MediaRef, Origin, Record, Turn

FAMILY = find_family("llava_json")
READING = Reading(files=("*",), media_pattern="p{id}.png")
TEXT = make_source("llava_json", Modality.TEXT)
PLAIN, PATTERN = make_source("llava_json"), make_source("llava_json", reading=READING)
MARKS = ["<image>", "<video>", "<|image|>", "<image1>", "<|image_1|>", "{image#1}", "<imag", "<", "{", "image>"]
LETTERS = ["e\u0301", "e\0\u0301", "\0", "\u1100\u1161", "\x1f", "\ufeff", "\u4e2d", "\u212b", "\u00e9"]
WORDS = st.lists(st.sampled_from([*MARKS, *LETTERS, " ", "\n", "a", "What?"]), max_size=5).map("".join)
ODD = st.sampled_from([None, 3, 2.5, True, [], {}, "", ["a"], {"a": 1}, float("nan")])
SPEAKER = st.sampled_from(["human", "gpt", "user", "assistant", "Human", "system", "gpt "]) | ODD
TURN = st.fixed_dictionaries(
    {}, optional={"from": SPEAKER, "role": SPEAKER, "value": WORDS | ODD, "content": WORDS | ODD}
)


def talk_of(words: list[str]) -> list[dict[str, str]]:
    return [{"from": ("human", "gpt")[at % 2], "value": said} for at, said in enumerate(words)]


TALK = (
    st.lists(
        WORDS | st.sampled_from(["Yes.", "Answer: B", "<no answer>", "So \\boxed{2}"]), min_size=1, max_size=4
    ).map(talk_of)
    | st.lists(TURN | ODD, max_size=4)
    | ODD
)
PATHS = ["a.jpg", "a/b.PNG", "a.mp4", "é.jpg", " .jpg", "None", "nan", "/9j/" + "A" * 80 + ".jpg", "a" * 70 + ".png"]
PICTURE = st.sampled_from([*PATHS, "data:image/jpg;base64,AAAA.jpg", {"bytes": b"\x89PNG"}, {"bytes": None}]) | ODD
RECORD = st.fixed_dictionaries(
    {},
    optional={
        "conversations": TALK, "messages": TALK, "conversation": TALK, "image": PICTURE, "images": PICTURE,
        "video": PICTURE, "caption": WORDS | ODD, "table": ODD, "id": WORDS | ODD, "uuid": WORDS, "other": ODD,
    },
)  # fmt: skip
LIKELY = st.fixed_dictionaries(
    {"id": st.just("7") | st.integers() | WORDS, "conversations": st.lists(WORDS, max_size=4).map(talk_of)},
    optional={"image": PICTURE, "other": ODD, "uuid": WORDS},
)


@given(RECORD | LIKELY, st.sampled_from([PLAIN, PATTERN, TEXT]))
def test_both_ways_agree(value: dict[str, Any], source: Source):
    record = Record(value, Origin("a.json", 0))
    assert plain(record, source) in (None, adapt(record, source, FAMILY))


@pytest.mark.parametrize(
    ("talk", "picture", "media", "gold"),
    [
        (["Why? {x} < y", "So."], {}, (), None),
        (["Why? {x} < y", "So.\nThe answer is B."], {}, (), "B"),
        (["<image>\nWhy? ", " So: é"], {"image": "a/b.jpg"}, (MediaRef(MediaKind.IMAGE, "a/b.jpg"),), "So: é"),
        (["Why?", "So.", "Who?", "I."], {"image": "a.png"}, (MediaRef(MediaKind.IMAGE, "a.png"),), None),
        (
            ["Why? <image>", "So."],
            {"image": {"bytes": b"x", "path": "a"}},
            (MediaRef(MediaKind.IMAGE, None, b"x"),),
            "So",
        ),
    ],
)
def test_what_is_plain(talk: list[str], picture: dict[str, Any], media: tuple[MediaRef, ...], gold: str | None):
    record = Record({"id": 5, "conversations": talk_of(talk)} | picture, Origin("a.json", 0))
    mark = "<image>\n" if media and "<image>" not in talk[0] else ""
    turns = tuple(
        Turn((Role.USER, Role.ASSISTANT)[at % 2], said.strip()) for at, said in enumerate([mark + talk[0], *talk[1:]])
    )
    found = plain(record, PLAIN)
    assert found == adapt(record, PLAIN, FAMILY) == Draft(turns, media, gold, original_id="5")
