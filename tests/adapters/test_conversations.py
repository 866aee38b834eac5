"""Records that hold conversations already."""

from typing import Any

import pytest
from drafting import draft_of, make_source, outcome, paths, reason_of, said

from schemas.config import Media
from schemas.enums import DropReason, MediaKind, Role
from schemas.errors import Drop
from schemas.source import Reading
from udfs.media.resolve import MediaReader
from udfs.sample import MediaRef, Problem


def llava(*turns: tuple[Any, Any], image: object = "a/1.jpg", **more: object) -> dict[str, Any]:
    conversations = [{"from": who, "value": text} for who, text in turns]
    return {"id": "7", "image": image, "conversations": conversations, **more}


ASKED = ("human", "<image>\nWhat is it?")
ANSWERED = ("gpt", "A kite.")


def test_turns_become_user_and_assistant():
    draft = draft_of("llava_json", llava(ASKED, ANSWERED, ("human", "Where?"), ("gpt", "In the sky.")))
    assert [turn.role for turn in draft.turns] == [Role.USER, Role.ASSISTANT] * 2
    assert said(draft) == ["<image>\nWhat is it?", "A kite.", "Where?", "In the sky."]
    assert paths(draft) == ["a/1.jpg"]
    assert draft.original_id == "7"
    assert draft.gold_answer is None


def test_ureader_puts_placeholder_and_question_into_two_user_turns():
    turns = [
        {"from": "user", "value": "<image>"},
        {"from": "user", "value": "Total?"},
        {"from": "assistant", "value": "9"},
    ]
    value = {"image": ["DocVQA/1.png"], "prompt": "", "text": "", "conversations": turns, "task_type": "qa_sft"}
    assert said(draft_of("llava_jsonl", value)) == ["<image>\nTotal?", "9"]


@pytest.mark.parametrize("image", [None, ""])
def test_pictures_that_the_text_names(image: object):
    told = ("human", "Picture 1: <img>a/1.jpg</img>\nPicture 2: <img> b.png </img>\nWhich?")
    draft = draft_of("llava_json", llava(told, ANSWERED, image=image))
    assert said(draft) == ["Picture 1: <image>\nPicture 2: <image>\nWhich?", "A kite."]
    assert paths(draft) == ["a/1.jpg", "b.png"]
    beside = draft_of("llava_json", llava(("human", "Close <img>x</img> where?"), ANSWERED))
    assert (said(beside)[0], paths(beside)) == ("<image>\nClose <img>x</img> where?", ["a/1.jpg"])


def test_docowl_messages_with_its_own_placeholder():
    messages = [{"role": "user", "content": "<|image|>When?"}, {"role": "assistant", "content": "1993"}]
    draft = draft_of("llava_jsonl", {"image": ["./imgs/1.png"], "messages": messages})
    assert said(draft) == ["<image>When?", "1993"]
    assert paths(draft) == ["./imgs/1.png"]


def test_system_text_goes_into_the_first_user_turn():
    assert said(draft_of("llava_json", llava(("system", "Be brief."), ASKED, ANSWERED)))[0].startswith(
        "Be brief.\n<image>"
    )


def test_parquet_row_with_embedded_picture():
    draft = draft_of("ov_parquet", llava(ASKED, ANSWERED, image={"bytes": b"png", "path": "1.png"}))
    assert draft.media[0].data == b"png"


@pytest.mark.parametrize("image", [None, "", "None", "none", "nan"])
def test_text_only_rows_name_no_picture(image: str | None):
    draft = draft_of("ov_parquet", llava(("human", "2+2?"), ("gpt", "4"), image=image))
    assert (draft.media, said(draft)) == ((), ["2+2?", "4"])


def test_one_picture_without_placeholder_goes_in_front():
    assert said(draft_of("ov_parquet", llava(("human", "What?"), ANSWERED)))[0] == "<image>\nWhat?"


def test_m4_placeholders_stand_for_pictures_in_order():
    value = llava(
        ("human", "<image> or <image>?"), ("gpt", "first"), image=["a.jpg", "b.jpg"], metadata={"dataset": "x"}
    )
    draft = draft_of("m4_json", value)
    assert (paths(draft), said(draft)[0]) == (["a.jpg", "b.jpg"], "<image> or <image>?")


def test_numbered_placeholders_give_the_order_of_pictures():
    value = llava(("human", "{image#2} before {image#1}?"), ANSWERED, image=["a.jpg", "b.jpg"])
    assert paths(draft_of("m4_json", value)) == ["b.jpg", "a.jpg"]


def test_repeated_number_is_a_mismatch():
    value = llava(("human", "{image#1} {image#1}?"), ANSWERED, image=["a.jpg", "b.jpg"])
    assert reason_of("m4_json", value) is DropReason.PLACEHOLDER_MISMATCH


@pytest.mark.parametrize("mark", ["<image>", "<video>", "<|image|><|image|><|image|>", "<image>\n<image>"])
def test_a_video_has_one_placeholder_however_it_is_marked(mark: str):
    value = {"id": "1", "video": "v/1.mp4", "conversations": [
        {"from": "human", "value": f"{mark}\nWhat happens?"}, {"from": "gpt", "value": "A dog runs."}]}  # fmt: skip
    draft = draft_of("llava_video_json", value)
    assert said(draft)[0] == "<video>\nWhat happens?"
    assert draft.media[0].kind is MediaKind.VIDEO


def test_a_video_under_the_key_image_is_told_by_its_suffix():
    draft = draft_of("llava_json", llava(("human", "Rate it.\n<|image|><|image|>"), ("gpt", "good"), image="k/1.MP4"))
    assert said(draft)[0] == "Rate it.\n<video>"


URL = "data:image/png;base64,YWJj"


def chat(*parts: dict[str, Any], answer: object = "A kite.", **more: object) -> dict[str, Any]:
    said = [{"role": "user", "content": list(parts)}, {"role": "assistant", "content": answer}]
    return {"messages": said, **more}


def words(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def test_a_content_list_is_text_with_placeholders_in_order():
    asked = [words("Is this"), {"type": "image", "text": None}, words("or this"), {"type": "image"}]
    draft = draft_of("llava_jsonl", chat(*asked, answer=[words("The first.")], images=["a.jpg", "b.jpg"]))
    assert said(draft) == ["Is this\n<image>\nor this\n<image>", "The first."]
    assert paths(draft) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("part", "medium"),
    [
        ({"type": "image_url", "image_url": {"url": URL}}, MediaRef(data=b"abc")),
        ({"type": "image_url", "image_url": URL}, MediaRef(data=b"abc")),
        ({"type": "image_url", "image_url": {"url": "p/1.png"}}, MediaRef(path="p/1.png")),
        ({"type": "image_url", "image_url": {"url": "https://x.org/1.png"}}, MediaRef(path="https://x.org/1.png")),
        ({"type": "image", "image": "p/1.png"}, MediaRef(path="p/1.png")),
        ({"type": "image", "path": "p/1.png"}, MediaRef(path="p/1.png")),
        ({"type": "image", "image": {"bytes": b"x", "path": None}}, MediaRef(data=b"x")),
    ],
)
def test_a_picture_inside_a_content_list(part: dict[str, Any], medium: MediaRef):
    draft = draft_of("llava_json", chat(part, words("What?")))
    assert (said(draft)[0], draft.media) == ("<image>\nWhat?", (medium,))


def test_a_url_inside_a_content_list_is_never_fetched():
    (medium,) = draft_of("llava_json", chat({"type": "image_url", "image_url": {"url": "http://x.org/1.png"}})).media
    with pytest.raises(Drop) as caught:
        MediaReader("/none", {}, Media()).read(medium, make_source("llava_json"))
    assert caught.value.reason is DropReason.MEDIA_IS_URL


def test_pictures_inside_and_beside_a_content_list_keep_their_order():
    inside = {"type": "image_url", "image_url": {"url": "in.png"}}
    draft = draft_of("llava_json", chat({"type": "image"}, inside, words("then <image>?"), images=["1.png", "2.png"]))
    assert paths(draft) == ["1.png", "in.png", "2.png"]


def test_a_pattern_says_where_a_picture_lies():
    reading = Reading(files=("*",), media_pattern="train2017/{image}")
    assert paths(draft_of("llava_json", llava(ASKED, ANSWERED), reading=reading)) == ["train2017/a/1.jpg"]
    assert paths(draft_of("llava_json", llava(("human", "?"), ANSWERED, image=None), reading=reading)) == []


BAD = {
    "a part of no known type": (chat({"type": "audio"}), DropReason.WRONG_SHAPE),
    "a part that is text": (chat("What?"), DropReason.WRONG_SHAPE),  # type: ignore[arg-type]  # that is the point
    "fewer pictures than parts": (
        chat({"type": "image"}, {"type": "image"}, image="a"),
        DropReason.PLACEHOLDER_MISMATCH,
    ),
    "more pictures than parts": (
        chat({"type": "image", "image": "a"}, words("?"), image="b"),
        DropReason.PLACEHOLDER_MISMATCH,
    ),
    "an empty content list": (chat(), DropReason.EMPTY_TURN),
    "unknown role": (llava(ASKED, ("narrator", "Hm.")), DropReason.UNKNOWN_ROLE),
    "role is a list": (llava((["human"], "x"), ANSWERED), DropReason.UNKNOWN_ROLE),
    "no role": ({"conversations": [{"value": "x"}]}, DropReason.UNKNOWN_ROLE),
    "no turns": (llava(), DropReason.EMPTY_CONVERSATION),
    "assistant begins": (llava(("gpt", "Hello."), ASKED, ANSWERED), DropReason.TURN_ORDER),
    "two answers": (llava(ASKED, ANSWERED, ("gpt", "Again.")), DropReason.TURN_ORDER),
    "nobody answers": (llava(ASKED), DropReason.NO_ANSWER),
    "answer is null": (llava(ASKED, ("gpt", None)), DropReason.NO_ANSWER),
    "answer is empty": (llava(ASKED, ("gpt", " \n")), DropReason.EMPTY_TURN),
    "question is empty": (llava(("human", ""), ANSWERED), DropReason.EMPTY_TURN),
    "question is a number": (llava(("human", 5), ANSWERED), DropReason.WRONG_SHAPE),
    "conversation is text": ({"conversations": "hello"}, DropReason.WRONG_SHAPE),
    "turn is text": ({"conversations": ["hello"]}, DropReason.WRONG_SHAPE),
    "no conversation": ({"id": 1, "image": "a.jpg"}, DropReason.MISSING_FIELD),
    "two placeholders": (llava(("human", "<image><image>?"), ANSWERED), DropReason.PLACEHOLDER_MISMATCH),
    "two pictures, one placeholder": (llava(ASKED, ANSWERED, image=["a", "b"]), DropReason.PLACEHOLDER_MISMATCH),
    "two pictures, none": (llava(("human", "?"), ANSWERED, image=["a", "b"]), DropReason.PLACEHOLDER_MISMATCH),
    "placeholder without picture": (llava(ASKED, ANSWERED, image=None), DropReason.PLACEHOLDER_MISMATCH),
    "placeholder in an answer": (llava(ASKED, ("gpt", "Write <image>.")), DropReason.PLACEHOLDER_MISMATCH),
    "picture is a number": (llava(ASKED, ANSWERED, image=3), DropReason.WRONG_SHAPE),
    "picture holds nothing": (llava(ASKED, ANSWERED, image={"bytes": None, "path": None}), DropReason.MISSING_MEDIA),
    "path is no Unicode": (llava(ASKED, ANSWERED, image="\ud800.jpg"), DropReason.MISSING_MEDIA),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_records_are_dropped_with_their_reason(name: str):
    value, reason = BAD[name]
    assert reason_of("llava_json", value) is reason


def test_the_detail_names_the_value_and_what_is_allowed():
    problem = outcome("llava_json", BAD["unknown role"][0])
    assert isinstance(problem, Problem)
    assert "narrator" in problem.detail
    assert "assistant, gpt, human, system, user" in problem.detail


def test_a_hidden_placeholder_shows_once_the_text_is_clean():
    value = llava(("human", "<image>\n<ima\0ge>?"), ANSWERED)
    assert reason_of("llava_json", value) is DropReason.PLACEHOLDER_MISMATCH


def test_lone_surrogates_are_replaced():
    assert said(draft_of("llava_json", llava(ASKED, ("gpt", "a\ud800b"))))[1] == "a�b"


def test_text_that_stands_for_the_picture_is_kept():
    draft = draft_of("llava_json", llava(ASKED, ANSWERED, ocr_tokens=["STOP", "A1"]))
    assert draft.evidence is not None
    assert (draft.evidence.kind, draft.evidence.text) == ("ocr", "STOP A1")
