"""Which part of a reply is the source's own answer, and where there is none."""

import pytest
from drafting import draft_of, reason_of

from schemas.enums import DropReason, Modality

SOLUTIONS = {
    r"So $x = \boxed{\frac{1}{2}}$.": r"\frac{1}{2}",
    r"First \boxed{1}." + "\n" + r"Then \boxed{42}": "42",
    r"Thus $\boxed{\text{B}}$": "B",
    r"Thus $\boxed{\textbf{(C)}\ 12}$": "C",
    r"So $x = \boxed{2}$ or $x = \boxed{3}$": None,
    r"So \boxed{2": None,
    r"\boxed 2": None,
    "Two and two.\n#### 4": "4",
    "Two and two make four.\nThe answer is B.": "B",
    "Two.\n**Answer: (C) four**": "C",
    "Two.\nTherefore, the final answer is 3.5 cm": "3.5 cm",
    "Two.\n**The answer is: (B)**.": "B",
    "Two.\nThe answer is 3.5 cm.": "3.5 cm",
    "Two.\n答案是B。": "B",
    "Two.\nThe answer is:": None,
    "Two and two make four, so the answer is 4.": "4",
    "Two and two make four. The answer is (B) four.": "B",
    "Two and two make four; therefore, the correct option is C": "C",
    "Of the options only one is round, so the answer is B.": "B",
    "二加二，所以答案是4。": "4",
    f"{'Two and two make four, as everybody knows. ' * 9}Thus the final answer is 3.5 cm.": "3.5 cm",
    "The answer is 4. Count them": None,
    "If it rains, the answer is 4.": None,
    "I doubt that the answer is 4.": None,
    "Is 3 right, so the answer is 3? No. So the answer is 4.": None,
    "For x the answer is 4. So the answer is 5.": None,
    "It is a triangle, so the answer is not 4.": None,
    "Two and two. The answer is known to all of us who count": None,
    "Two.\nThe answer is not known to me": None,
    "Two.\nThe answer is in the picture.": None,
    "Two.\nThe answer is B because it fits": None,
    "Two.\nAnswer: unknown": None,
    "The answer is B, which two and two make, as you can see if you count them one by one.\nI hope that helps.": None,
    "So x is four and y is three.": None,
    "4": "4",
}


@pytest.mark.parametrize(("solution", "gold"), SOLUTIONS.items())
def test_what_a_solution_concludes_with(solution: str, gold: str | None):
    value = {"problem": "How much?", "solution": solution}
    assert draft_of("text_parquet", value, modality=Modality.TEXT).gold_answer == gold


UNDECIDED = [
    "B or C", "either B or C", "Either (B) or (C)", "not B", "Not (B)", "neither B nor C", "both A and B", "B, C",
    "B/C", "(B) or (C)", "(A) and (B)", "B) or C)", "B. or C.", "B. C.", "(A)(B)", "B, C and D", "B (or C)",
    "option B or C", "B or the third one",
]  # fmt: skip
CHOICES = {"question": "Which?", "image": "a.jpg", "choices": ["w", "x", "y", "z"]}


@pytest.mark.parametrize("said", UNDECIDED)
def test_several_letters_and_denied_ones_are_no_answer(said: str):
    for reply in (said, f"Look closely.\nThe answer is {said}.", f"Look closely.\n\\boxed{{{said}}}"):
        talk = [{"from": "human", "value": "<image>\nWhich option?"}, {"from": "gpt", "value": reply}]
        assert draft_of("llava_json", {"id": "1", "image": "a.jpg", "conversations": talk}).gold_answer is None
        assert draft_of("text_parquet", {"problem": "?", "solution": reply}, modality=Modality.TEXT).gold_answer is None
    assert reason_of("flat_qa_json", {**CHOICES, "answer": said}) is DropReason.NO_ANSWER
    assert draft_of("flat_qa_json", {"question": "Which?", "image": "a.jpg", "answer": said}).gold_answer is None


@pytest.mark.parametrize(
    ("said", "gold"),
    [("B. Not C", "B"), ("A. A cat", "A"), ("(B) x", "B"), ("B, because C is wrong", "B"), ("B: the second", "B"),
     ("BC", "BC"), ("2 or 3", "2 or 3")],
)  # fmt: skip
def test_one_letter_beside_others_stays_one(said: str, gold: str):
    assert (
        draft_of(
            "text_parquet", {"problem": "?", "solution": f"Look.\nThe answer is {said}."}, modality=Modality.TEXT
        ).gold_answer
        == gold
    )


@pytest.mark.parametrize("said", ["I and II", "both I and II", "Both angles", "AB or CD"])
def test_numbers_and_words_are_no_letters(said: str):
    assert draft_of("flat_qa_json", {"question": "Which?", "image": "a.jpg", "answer": said}).gold_answer == said


def test_an_option_may_read_like_two_letters():
    value = {**CHOICES, "choices": ["A", "B or C", "B", "C"]}
    assert draft_of("flat_qa_json", {**value, "answer": "B or C"}).gold_answer == "B"
    assert draft_of("flat_qa_json", {**value, "answer": "B. B or C"}).gold_answer == "B"
    assert draft_of("flat_qa_json", {**value, "answer": "C. B"}).gold_answer == "C"


REPLIES = [
    ("What colour?", "Red", "Red"),
    ("What colour?", "Red.", "Red"),
    ("Which? Answer with the option's letter.", "B", "B"),
    ("Count the dogs.", "3", "3"),
    ("Where?", "On the left side", "On the left side"),
    ("What does it show?", "A man is running", None),
    ("What does it show?", "A cat.", None),
    ("What does it show?", "A man on a horse in a field", None),
    ("What does it show?", "这是一只可爱的猫", None),
    ("Describe it.", "Red car", None),
    ("What colour?", "unanswerable", None),
    ("What page?", "<html>", None),
    ("Is it round?", "No, it isn't.", "No"),
    ("Can you help?", "Sure!", None),
    ("Can you help?", "I'm sorry", None),
    ("Which?", "It is round.\nAnswer: B", "B"),
    ("Which?", "The answer is unclear", None),
]


@pytest.mark.parametrize(("question", "reply", "gold"), REPLIES)
def test_what_the_only_exchange_about_a_picture_concludes_with(question: str, reply: str, gold: str | None):
    talk = [{"from": "human", "value": f"<image>\n{question}"}, {"from": "gpt", "value": reply}]
    assert draft_of("llava_json", {"id": "1", "image": "a.jpg", "conversations": talk}).gold_answer == gold


@pytest.mark.parametrize(("reply", "gold"), [("Whiskers", None), ("Yes.", "Yes"), ("12", "12"), ("A.", "A")])
def test_a_name_may_be_one_of_many_where_nothing_is_shown(reply: str, gold: str | None):
    talk = [{"from": "human", "value": "Can you name my cat?"}, {"from": "gpt", "value": reply}]
    assert draft_of("llava_json", {"id": "1", "conversations": talk}, modality=Modality.TEXT).gold_answer == gold


def test_a_longer_conversation_has_none():
    talk = [{"from": who, "value": said} for who, said in (("human", "Who?"), ("gpt", "He"))] * 2
    assert draft_of("llava_json", {"id": "1", "image": "a.jpg", "conversations": talk}).gold_answer is None


@pytest.mark.parametrize("answer", ["No answer.", "unanswerable", "Unsuitable image.", "N/A"])
def test_what_says_that_there_is_no_answer_is_none(answer: str):
    draft = draft_of("flat_qa_json", {"image": "a.jpg", "question": "Who?", "answer": answer})
    assert (draft.turns[-1].text, draft.gold_answer) == (answer, None)


def test_pairs_in_prose():
    value = {"images": [{"bytes": b"1", "path": None}], "texts": [{"user": "Which?", "assistant": "Answer: B"}]}
    assert draft_of("cauldron_parquet", value).gold_answer == "B"
