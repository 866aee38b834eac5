from dataclasses import fields

from schemas.columns import CHECKS
from schemas.enums import Role
from udfs.checks import Checks, run_checks
from udfs.parse import Pair
from udfs.prompts import load_prompts
from udfs.sample import Subject, Turn

PROMPTS = load_prompts()
QUESTION = Turn(Role.USER, "<image>\nHow much more?")
SUBJECT = Subject("c", "s", "Chart", "image", ("m",), (QUESTION, Turn(Role.ASSISTANT, "48")), gold_answer="48")


def check(response: str, prompt: str = "rationale", question: Turn = QUESTION) -> Checks:
    return run_checks(SUBJECT, Pair(None, (question, Turn(Role.ASSISTANT, response))), PROMPTS[prompt])


def test_the_columns_are_those_of_the_table():
    assert [field.name for field in fields(Checks)] == [field.name for field in CHECKS]


def test_a_good_pair_passes_all():
    assert check("143 - 95 = 48. The answer is 48.") == Checks(True, True, True, True, True)


def test_what_does_not_apply_is_none():
    found = check("It rose a lot.", "chart")
    assert (found.gold_preserved, found.arithmetic_holds) == (None, None)
    original = run_checks(SUBJECT, SUBJECT, None)
    assert original == Checks(None, None, True, True, True)


def test_each_check_can_fail():
    assert check("143 - 95 = 48. The answer is 47.").gold_preserved is False
    assert check("143 - 95 = 47. The answer is 48.").arithmetic_holds is False
    assert check("I cannot see the picture.").no_refusal is False
    assert check("RESPONSE: The answer is 48.").no_template is False
    assert check("so it is " * 9 + "48").no_repetition is False


def test_placeholders_belong_to_the_question_only():
    assert check("The <image> shows 48.").no_template is False
    assert check("It is 48.", question=Turn(Role.USER, "<image>\n[insert question]")).no_template is False
