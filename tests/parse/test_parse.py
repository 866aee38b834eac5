import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replies import DIALOGUES, NO_PAIRS, PAIRS, PLAIN, REFUSALS, Written

from schemas.enums import CallStatus, ParseStatus, Role
from udfs.parse import parse_rewrite
from udfs.prompts import load_prompts
from udfs.request import Reply
from udfs.sample import Subject, Turn

PROMPTS = load_prompts()
QUESTION = "<image>\nHow many pots are there?"
SUBJECT = Subject(
    "c", "s", "General", "image", ("m",), (Turn(Role.USER, QUESTION), Turn(Role.ASSISTANT, "4")), gold_answer="4"
)


def parse(prompt: str, text: str, status: CallStatus = CallStatus.OK, subject: Subject = SUBJECT):
    finish = "length" if status is CallStatus.LENGTH else "stop"
    return parse_rewrite(PROMPTS[prompt], subject, Reply(status, text=text, finish_reason=finish))


@pytest.mark.parametrize("written", PAIRS, ids=lambda written: written.name)
def test_pairs_are_found_in_every_style(written: Written):
    parsed = parse("general_qa", written.text)
    assert parsed.status is ParseStatus.OK, parsed.detail
    found = [
        (pair.task_type, pair.turns[0].text.removeprefix("<image>\n"), pair.turns[1].text) for pair in parsed.pairs
    ]
    assert found == [tuple(pair) for pair in written.pairs]
    assert all(pair.instruction.startswith("<image>\n") for pair in parsed.pairs)


@pytest.mark.parametrize("text", NO_PAIRS)
def test_text_without_structure_is_unparsed(text: str):
    assert parse("general_qa", text).status is ParseStatus.UNPARSED


@pytest.mark.parametrize("written", DIALOGUES, ids=lambda written: written.name)
def test_dialogues_are_found_in_every_style(written: Written):
    parsed = parse("ocr", written.text)
    assert parsed.status is ParseStatus.OK, parsed.detail
    (pair,) = parsed.pairs
    said = [turn.text for turn in pair.turns]
    assert said[0].startswith("<image>\n")
    assert (said[0].removeprefix("<image>\n"), *said[1:]) == written.pairs[0]
    assert [turn.role for turn in pair.turns] == [Role.USER, Role.ASSISTANT] * (len(said) // 2)


@pytest.mark.parametrize("text", NO_PAIRS[:3])
def test_text_without_speakers_is_no_dialogue(text: str):
    assert parse("ocr", text).status is ParseStatus.UNPARSED


@pytest.mark.parametrize("text", REFUSALS)
@pytest.mark.parametrize("prompt", ["rationale", "general_qa", "ocr"])
def test_refusals_are_their_own_status(prompt: str, text: str):
    assert parse(prompt, text).status is ParseStatus.REFUSED


@pytest.mark.parametrize("prompt", ["rationale", "general_qa", "ocr"])
def test_nothing_is_empty(prompt: str):
    assert parse(prompt, " \n <|im_end|>").status is ParseStatus.EMPTY


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("Two stand above and two below. The answer is 4.", "Two stand above and two below. The answer is 4."),
        ("Sure! Here is the explanation:\n\nTwo above, two below, so 4.", "Two above, two below, so 4."),
        ("**Response:** Two above, two below, so 4.", "Two above, two below, so 4."),
        ("```\nTwo above, two below, so 4.\n```", "Two above, two below, so 4."),
        ('{"response": "Two above, two below, so 4."}', "Two above, two below, so 4."),
        ("In <image> two above, two below, so 4.</s>", "In  two above, two below, so 4."),
        ("上面两个,下面两个,一共四个。", "上面两个,下面两个,一共四个。"),
    ],
)
def test_a_single_response_replaces_the_last_answer(text: str, response: str):
    parsed = parse("rationale", text)
    assert [turn.text for turn in parsed.pairs[0].turns] == [QUESTION, response]


@pytest.mark.parametrize("text", ["4", "Answer: 4", "**4**", "......", "4 4 4"])
def test_a_bare_answer_explains_nothing(text: str):
    assert parse("rationale", text).status is ParseStatus.UNPARSED


def test_a_single_response_keeps_the_turns_before_it():
    turns = (
        Turn(Role.USER, QUESTION),
        Turn(Role.ASSISTANT, "4"),
        Turn(Role.USER, "And cups?"),
        Turn(Role.ASSISTANT, "2"),
    )
    subject = Subject("c", "s", "General", "image", ("m",), turns)
    parsed = parse("rationale", "One stands left, one right, so 2.", subject=subject)
    assert parsed.pairs[0].turns[:3] == turns[:3]
    assert parsed.pairs[0].turns[3].text.endswith("so 2.")


def test_a_cut_off_rationale_fails():
    assert parse("rationale", "Two stand above and two", CallStatus.LENGTH).status is ParseStatus.TRUNCATED


def test_of_cut_off_pairs_the_complete_ones_are_kept():
    parsed = parse("general_qa", PLAIN.removesuffix(" below.\n### END"), CallStatus.LENGTH)
    assert (parsed.status, len(parsed.pairs)) == (ParseStatus.OK, 1)
    assert "dropped" in parsed.detail


def test_a_cut_off_first_pair_fails():
    text = "### PAIR\nTASK: reasoning\nINSTRUCTION: Why?\nRESPONSE: Because of"
    assert parse("general_qa", text, CallStatus.LENGTH).status is ParseStatus.TRUNCATED


def test_cut_off_json_keeps_its_whole_objects():
    text = '[{"instruction": "What?", "response": "A mill."}, {"instruction": "Where?", "respo'
    parsed = parse("general_qa", text, CallStatus.LENGTH)
    assert [pair.response for pair in parsed.pairs] == ["A mill."]


def test_a_cut_off_dialogue_loses_its_last_round():
    text = "Human: Total?\nAssistant: It is 4.20.\nHuman: Tax?\nAssistant: It is"
    parsed = parse("ocr", text, CallStatus.LENGTH)
    assert [turn.text for turn in parsed.pairs[0].turns[1:]] == ["It is 4.20."]


@pytest.mark.parametrize("status", [CallStatus.ENGINE, CallStatus.POISON, CallStatus.BUDGET, CallStatus.INVALID])
def test_a_failed_call_gives_nothing(status: CallStatus):
    parsed = parse_rewrite(PROMPTS["chart"], SUBJECT, Reply(status, error="down", text=PLAIN))
    assert (parsed.status, parsed.pairs, parsed.detail) == (ParseStatus.EMPTY, (), "down")


def test_placeholders_of_all_media_stand_in_front():
    subject = Subject(
        "c",
        "s",
        "Multi-Image",
        "multi_image",
        ("m", "n"),
        (Turn(Role.USER, "First <image>, then <video>: same?"), Turn(Role.ASSISTANT, "No")),
    )
    parsed = parse("multi_image", "INSTRUCTION: Compare <image> them.\nRESPONSE: One is red.", subject=subject)
    assert parsed.pairs[0].instruction == "<image>\n<video>\nCompare  them."


PIECES = st.sampled_from(
    [
        "INSTRUCTION:",
        "RESPONSE:",
        "### PAIR",
        "TASK:",
        "\n",
        "Human:",
        "Assistant:",
        "```",
        "{",
        '"response":',
        "[",
        "**",
        "a",
        "4",
        "<image>",
        "<|im_end|>",
        "\ud800",
        "\uff1a",
        "1.",
        "---",
        "</pair>",
        " ",
        "Sure!",
        "Here is:",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["rationale", "math", "general_qa", "ocr"]),
    st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join)),
    st.sampled_from([CallStatus.OK, CallStatus.LENGTH]),
)
def test_no_reply_crashes_the_parser_and_ok_means_pairs(prompt: str, text: str, status: CallStatus):
    parsed = parse(prompt, text, status)
    assert (parsed.status is ParseStatus.OK) == bool(parsed.pairs)
    for pair in parsed.pairs:
        assert sum(turn.text.count("<image>") for turn in pair.turns) == 1
        assert all(turn.text.strip() for turn in pair.turns)


def test_a_hostile_reply_does_not_take_long():
    for piece in ("{", "[", '{"a":', "### PAIR\n", "INSTRUCTION:", "**", "```", "Here is ", "- ", "\n1.", " ", "<"):
        parse("general_qa", piece * (60_000 // len(piece)))
