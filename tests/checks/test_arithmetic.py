import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.checks.arithmetic import arithmetic_holds

HOLDS = [
    "2 + 3 = 5",
    "So 65 - 59 = 6 units.",
    "8 × 5 = 40 cm²",
    "8 x 5 = 40",
    "5 cm + 3 cm = 8 cm",
    "5 apples + 3 apples = 8 apples",
    "$5.25 + $3.25 = $8.50",
    "1,200 + 34 = 1,234",
    "100 ÷ 8 = 12.5",
    "10 / 3 = 3.33",
    "10 / 3 ≈ 3.3",
    "2/3 = 0.67",
    "45% + 5% = 50%",
    "3 / 4 = 75%",
    "(5 - 4) / 4 × 100 = 25%",
    "20% of 50 = 10",
    "(120 + 95 + 143 + 130) / 4 = 488 / 4 = 122",
    "\\frac{1}{2} + \\frac{1}{4} = \\frac{3}{4}",
    "\\(2 \\times 3 = 6\\) and $3 \\cdot 4 = 12$",
    "2^3 = 8",
    "-3 + 5 = 2",
    "3 \u2212 5 = \u22122",
    "**2 + 2 = 4**",
    "w = 5, so the length is 5 + 3 = 8 cm and 2(5 + 8) = 26.",
    "(54 + 65) / 2 = 59.5",
]

FAILS = [
    "2 + 3 = 6",
    "65 - 59 = 7, so the difference is 7.",
    "8 × 5 = 45 cm²",
    "1,200 + 34 = 1,243",
    "10 / 3 = 3.34",
    "7 / 2 = 3",
    "10 / 3 ≈ 4.3",
    "45% + 5% = 55%",
    "20% of 50 = 12",
    "(120 + 95 + 143 + 130) / 4 = 488 / 4 = 123",
    "\\frac{1}{2} + \\frac{1}{4} = \\frac{2}{6}",
    "First 2 + 2 = 4, then 4 + 4 = 9.",
    "$5.25 + $3.25 = $8.00",
]

NOTHING = [
    "",
    "There are five of them.",
    "x + 3 = 7",
    "2x + 3 = 7",
    "w = 5",
    "3 = 5x",
    "f(3) = 9",
    "1 = never, 5 = always",
    "30° = half of it",
    "5 + 3 = x",
    "12:30 - 13:15 = lunch",
    "2 + 3 = 5x",
    "A + 30° = 90°",
    "5 / 0 = 1",
    "50 + 10% = 55",
    "sin 30 + x = 1",
    "2w + 3 = 13",
    "9^9999999 = 1",
]


@pytest.mark.parametrize("text", HOLDS)
def test_right_arithmetic_holds(text: str):
    assert arithmetic_holds(text) is True


@pytest.mark.parametrize("text", FAILS)
def test_wrong_arithmetic_is_noticed(text: str):
    assert arithmetic_holds(text) is False


@pytest.mark.parametrize("text", NOTHING)
def test_what_computes_nothing_is_left_alone(text: str):
    assert arithmetic_holds(text) is None


@given(st.integers(-999, 999), st.integers(-999, 999), st.sampled_from("+-*"))
def test_integer_sums_hold_exactly(left: int, right: int, sign: str):
    result = {"+": left + right, "-": left - right, "*": left * right}[sign]
    spelled = f"({right})" if right < 0 else str(right)
    assert arithmetic_holds(f"{left} {sign} {spelled} = {result}") is True
    assert arithmetic_holds(f"{left} {sign} {spelled} = {result + 1}") is False


@given(st.text(alphabet="0123456789+-*/=^()%$.,x \n≈{}\\frac", max_size=80))
def test_nothing_crashes_it(text: str):
    assert arithmetic_holds(text) in (True, False, None)


def test_hostile_text_does_not_take_long():
    began = time.monotonic()
    for piece in ("1", "1+", "(", "1 ", "1,000", "1 = ", "abc ", "1 abc", "((1", "1.1.", "-", "\\frac{", "1%", "- 1 "):
        arithmetic_holds(piece * (20_000 // len(piece)))
    assert time.monotonic() - began < 10
