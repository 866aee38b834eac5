import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.checks.wording import has_leftover, is_refusal, repeats

FINE = (
    "Jupiter is larger than Mars. Its diameter is 139,820 km, so the answer is B.",
    "1. Read the bar of 2020: 95.\n2. Read the bar of 2021: 143.\n3. Subtract: 143 - 95 = 48.\nAnswer: 48",
    "I can see two cups. Sorry sights aside, no one sits at the table.",
    "The sign says: please provide exact change. Sure, it is old.",
    "def f(a): return a[0] < 3 and {'x': 1}",
    "左边有两只鸟,右边有一只鸟,所以一共有三只鸟。",
    "No, no, no! The word stands there three times.",
    "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6 |\n| 7 | 8 |",
    "0 0 0 0 0 0 0 0 0 0 0 0 is a row of the matrix.",
)


@pytest.mark.parametrize("text", FINE)
def test_ordinary_responses_pass(text: str):
    assert not is_refusal(text)
    assert not has_leftover(text)
    assert not repeats(text)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I cannot assist with that.",
        "I cannot see the image.",
        "As an AI, I don't have access to pictures.",
        "Unfortunately, I am unable to view it.",
        "Please upload the picture first.",
        "  \nI am not able to answer this.",
    ],
)
def test_refusals_are_noticed(text: str):
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "It is red.\n### END",
        "Instruction: say more\nIt is red.",
        "It is red.\nRESPONSE: it is red",
        "As an AI language model I think it is red.",
        "Dear [insert name], it is red.",
        "[Your Name] wrote it.",
        "In <image> it is red.",
        "It is red.<|im_end|>",
        "</answer> It is red.",
        "Hello {{ name }}",
        "Sure! Here is the explanation: it is red.",
        "Here it is.\nSure, here's why.",
        "The known answer says that it is red.",
        "[INST] go on",
    ],
)
def test_leftovers_are_noticed(text: str):
    assert has_leftover(text)


@pytest.mark.parametrize(
    "text",
    [
        "The red bar is high. " * 3 + "That bar is there.",
        "The largest bar is the red one. It is high. " * 3,
        "the " * 8,
        "and so on " * 5,
        "a very long way to say the same thing over and over again without an end " * 4,
        " ".join(
            f"Step {k}: Identify the parts of the table and then look at the values in the row." for k in range(9)
        ),
        "好的好的好的好的",
    ],
)
def test_loops_are_noticed(text: str):
    assert repeats(text)


@given(st.text(max_size=400))
def test_nothing_crashes_them(text: str):
    assert isinstance(is_refusal(text) or has_leftover(text) or repeats(text), bool)
