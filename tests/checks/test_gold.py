import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.checks.gold import gold_preserved

OPTIONS = "Which is largest?\n(A) Mars\n(B) Jupiter\n(C) Venus"

KEPT = [
    ("6", "65 - 59 = 6, so the difference is 6."),
    ("6", "Step 1: read 65 and 59.\nStep 2: subtract.\nAnswer: 6"),
    ("6", "The answer is **6**."),
    ("0.5", "Half of it is shaded. The answer is 1/2."),
    ("1/2", "Half of it is shaded. The answer is 0.5."),
    ("45%", "The share is 0.45."),
    ("0.45", "That makes 45%."),
    ("45", "So 45 percent of them agree."),
    ("1,234", "Altogether 1234 units were sold."),
    ("1234", "Altogether 1,234 units were sold."),
    ("$14.50", "The receipt shows a total of $14.50."),
    ("12 cm", "The longer side measures 12 cm."),
    ("12", "Twice six centimetres is 12 cm."),
    ("-3", "The value falls to -3 degrees."),
    ("-3", "The value falls to \u22123 degrees."),
    ("40", "First 8 + 5 = 13.\nThe area is 8 × 5 = 40."),
    ("40", "The final answer is \\boxed{40}"),
    ("\\frac{1}{2}", "Therefore the probability is $\\frac{1}{2}$."),
    ("\\frac{1}{2}", "We get \\boxed{\\dfrac{2}{4}}"),
    ("2\\sqrt{3}", "So the height is \\boxed{\\sqrt{12}}."),
    ("x=5", "Answer: x = 5"),
    ("2^3", "The answer is 8"),
    ("B", "Jupiter is the largest. The answer is B."),
    ("B", "Answer: (B)"),
    ("B", "**Answer:** (B) Jupiter"),
    ("B", "So the correct option is (B)."),
    ("(B)", "Option A is small, option C is hot. So it must be option B"),
    ("B", "Mars is small and Venus as well, so the largest one is Jupiter."),
    ("A", "B and C are hot, and each of them is farther away than the one that is asked for, which leaves only (A)."),
    ("(B) Jupiter", "Of the three, Jupiter is largest."),
    ("B. Jupiter", "The answer is B"),
    ("Yes", "A dog runs there. Yes, there is one."),
    ("yes", "There are no cats.\nAnswer: yes"),
    ("No", "No, the beach is empty."),
    ("No", "The beach is empty, so the answer is no."),
    ("Yes", "Yes, because there are no trees in the way."),
    ("red", "It is painted a bright red all over."),
    ("The red bus", "One sees that red bus? Yes: it is the red bus."),
    ("Corner Cafe", "The head of the bill says corner café? It says CORNER CAFE."),
    ("第二张", "因此答案是第二张。"),
    ("2021", "Sales peak at 143. Therefore, 2021 is the year with the highest sales"),
]

LOST = [
    ("6", "65 - 59 = 7, so the difference is 7."),
    ("6", "There are 6 bars. The answer is 7."),
    ("59", "The answer is 65 - 59 = 6."),
    ("0.5", "The answer is 1/3."),
    ("45%", "The answer is 4.5%."),
    ("1,234", "Altogether 1235 were sold."),
    ("12", "It costs 120."),
    ("40", "Use the formula A = (2 × side)^2 of the square."),
    ("40", "There is no number to be found here."),
    ("\\frac{1}{2}", "We get \\boxed{\\frac{1}{3}}"),
    ("2\\sqrt{3}", "So the height is \\boxed{\\sqrt{13}}."),
    ("B", "The answer is C."),
    ("B", "B looks right, but the answer is (A) Mars."),
    ("B", "All of them turn around the sun."),
    ("B", "The answer is (B) or (C)."),
    ("C", "It must be so. The answer is either (B) or (C)."),
    ("C", "Either (B) or (C)"),
    ("B", "Answer: B, C"),
    ("B", "The answer is not B."),
    ("Yes", "No, there is none."),
    ("Yes", "The answer is no, although one might say yes."),
    ("no", "The dog is brown."),
    ("red", "Some would call it red. The answer is blue."),
    ("red", "It is painted blue."),
    ("red", "Credit was given."),
]


@pytest.mark.parametrize(("gold", "response"), KEPT)
def test_a_kept_answer_is_recognised(gold: str, response: str):
    assert gold_preserved(gold, response, OPTIONS) is True


@pytest.mark.parametrize(("gold", "response"), LOST)
def test_a_lost_answer_is_noticed(gold: str, response: str):
    assert gold_preserved(gold, response, OPTIONS) is False


def test_prose_is_not_compared_word_by_word():
    assert gold_preserved("a red bus stops at the corner while two people wait for it to open", "A bus stops.") is None


def test_a_right_answer_for_a_wrong_reason_is_preserved_all_the_same():
    response = "Angles 1 and 2 are supplementary, so 180 - 120 = 60 and angle 3 is 120.\nAnswer: 120"
    assert gold_preserved("120", response) is True


def test_misread_values_that_flip_a_comparison_lose_the_answer():
    response = "The averages are (54 + 65) / 2 = 59.5 and 61.\nThe second is larger. The answer is the second group."
    assert gold_preserved("the first group", response) is False


def test_formulas_are_compared_in_threads_too():
    seen: list[bool | None] = []
    thread = threading.Thread(target=lambda: seen.append(gold_preserved("\\frac{2}{4}", "Answer: \\frac{1}{2}")))
    thread.start()
    thread.join()
    assert seen == [True]


@pytest.mark.parametrize(
    "formula", ["9^{9^{9^9}}", "10^{10000000}", "99999!", "9**9**9**9", "\\sum_{k=1}^{10^9} k", "(" * 5000]
)
def test_formulas_that_never_end_are_not_begun(formula: str):
    assert gold_preserved(formula, "The answer is 3^2") is not True
    assert gold_preserved("2^3", f"The answer is {formula}") is False


PIECES = st.sampled_from(
    [
        "answer is ",
        "\\boxed{",
        "}",
        "1",
        "/",
        "0",
        "%",
        ",",
        ".",
        "=",
        "^",
        "(",
        "B",
        ")",
        "yes",
        "\n",
        "\\frac{1}{2}",
        "$",
        "x",
        " ",
    ]
)


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(st.text(max_size=30), st.lists(PIECES, max_size=8).map("".join)),
    st.lists(PIECES, max_size=15).map("".join),
)
def test_nothing_crashes_the_comparison(gold: str, response: str):
    assert gold_preserved(gold, response, response) in (True, False, None)
