"""What publishers' records do that a plain reader gets wrong, one small record each."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from drafting import draft_of, fields, outcome, paths, reason_of, said

from schemas.enums import DropReason, MediaKind, Modality
from schemas.source import Reading
from udfs.sample import Problem

Value = Mapping[str, Any]
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(80)).decode()


def talk(*turns: str, **more: object) -> Value:
    """A LLaVA record of these turns, human first."""
    speakers = ("human", "gpt")
    return {
        "id": "1",
        "conversations": [{"from": speakers[at % 2], "value": text} for at, text in enumerate(turns)],
        **more,
    }


@pytest.mark.parametrize(
    "mark", ["<image>", "<|image|>", "<image1>", "<|image_1|>", "<image_1>", "{image#1}", "<ImageHere>"]
)
@pytest.mark.parametrize("layout", ["{}\nWhat?", "What?\n{}", "What is {} like?", "{}What?"])
def test_every_placeholder_wherever_it_stands(mark: str, layout: str):
    draft = draft_of("llava_json", talk(layout.format(mark), "Red.", image="a.jpg"))
    assert said(draft) == [layout.format("<image>"), "Red."]
    assert paths(draft) == ["a.jpg"]


def test_numbered_placeholders_say_which_picture_is_meant():
    draft = draft_of("llava_json", talk("{image#2} or {image#1}?", "Both.", image=["1.jpg", "2.jpg"]))
    assert (said(draft)[0], paths(draft)) == ("<image> or <image>?", ["2.jpg", "1.jpg"])


def test_a_placeholder_for_pictures_stands_for_a_video():
    draft = draft_of("llava_video_json", talk("<image>\nWhy?", "So.", video="a/1.mp4"), modality=Modality.VIDEO)
    assert said(draft) == ["<video>\nWhy?", "So."]
    assert [medium.kind for medium in draft.media] == [MediaKind.VIDEO]


def test_a_placeholder_a_frame_is_one_video():
    draft = draft_of("llava_json", talk("How good?\n" + "<|image|>" * 8, "Good.", image="1.mp4"))
    assert said(draft)[0] == "How good?\n<video>"


def test_two_questions_glued_together_show_one_picture_too_many():
    glued = talk("<|image|>\nHow good? <|image|>\nHow sharp?", "Good.", image="a.jpg")
    assert reason_of("llava_json", glued) is DropReason.PLACEHOLDER_MISMATCH


def test_a_turn_of_the_placeholder_alone_is_joined_to_the_question():
    turns = [("user", "<image>"), ("user", "Who?"), ("assistant", "He."), ("user", "And?"), ("assistant", "She.")]
    value = {"image": ["ChartQA/1.png"], "conversations": [{"from": who, "value": text} for who, text in turns]}
    assert said(draft_of("llava_jsonl", value)) == ["<image>\nWho?", "He.", "And?", "She."]


@pytest.mark.parametrize(("told", "asked"), [
    ("Be short.", "Be short.\n<image>\nWho?"), (["Look.", "See."], "Look.\n<image>\nWho?"), ("", "<image>\nWho?"),
    ([], "<image>\nWho?"), (None, "<image>\nWho?"),
])  # fmt: skip
def test_an_instruction_beside_the_turns(told: object, asked: str):
    value = talk("<image>\nWho?", "He.", image="a.jpg") | {"system_instruction": told}
    assert said(draft_of("llava_json", value)) == [asked, "He."]


@pytest.mark.parametrize("nothing", ["", "None", "none", "nan", None])
def test_what_stands_for_no_picture(nothing: str | None):
    assert draft_of("llava_json", talk("Who?", "He.", image=nothing)).media == ()


@pytest.mark.parametrize(
    "shown", ["a.jpg", ["a.jpg"], {"path": "a.jpg", "bytes": None}, [{"path": "a.jpg", "bytes": None}]]
)
def test_a_picture_as_text_list_or_struct(shown: object):
    assert paths(draft_of("llava_json", talk("<image>\nWho?", "He.", image=shown))) == ["a.jpg"]


@pytest.mark.parametrize(("turns", "reason"), [
    (("Who?",), DropReason.NO_ANSWER),
    (("Who?", ""), DropReason.EMPTY_TURN),
    ((), DropReason.EMPTY_CONVERSATION),
    (("<image>\nWho?", "He <image>."), DropReason.PLACEHOLDER_MISMATCH),
    (("<image><image>Who?", "He."), DropReason.PLACEHOLDER_MISMATCH),
])  # fmt: skip
def test_broken_conversations_say_why(turns: tuple[str, ...], reason: DropReason):
    assert reason_of("llava_json", talk(*turns, image="a.jpg")) is reason


@pytest.mark.parametrize("mark", ["<image>\n{}", "{}\n<image>"])
def test_one_picture_that_each_question_marks_anew(mark: str):
    draft = draft_of("llava_json", talk(mark.format("Who?"), "He.", mark.format("Why?"), "So.", image="a.jpg"))
    assert said(draft) == [mark.format("Who?"), "He.", "Why?", "So."]
    for asked in ("<image>", "<image><image>Why?"):
        value = talk("<image>\nWho?", "He.", asked, "So.", image="a.jpg")
        assert reason_of("llava_json", value) is DropReason.PLACEHOLDER_MISMATCH


def test_a_null_answer_is_no_answer():
    value = {"image": "a.jpg", "conversations": [{"from": "human", "value": "Who?"}, {"from": "gpt", "value": None}]}
    assert reason_of("llava_json", value) is DropReason.NO_ANSWER


def test_an_answer_first_is_out_of_order():
    value = {"image": "a.jpg", "conversations": [{"from": "gpt", "value": "He."}, {"from": "human", "value": "Who?"}]}
    assert reason_of("llava_json", value) is DropReason.TURN_ORDER


def test_markup_json_and_escapes_in_answers_are_left_alone():
    answers = ('<html><img src="x"></html>', '{"thoughts": "\\"a\\"", "action": "go"}', "a &amp; b\\n$\\frac{1}{2}$")
    for answer in answers:
        assert said(draft_of("llava_json", talk("<image>\nWhat?", answer, image="a.jpg")))[-1] == answer


@pytest.mark.parametrize("key", ["image_base64_str", "image_str", "img_str"])
def test_base64_under_every_name(key: str):
    value = {"instruction": "Look.", "inputs": "Who?", "outputs": "He.", key: [PNG]}
    draft = draft_of("base64_jsonl", value)
    assert said(draft) == ["<image>\nLook.\n\nWho?", "He."]
    assert draft.media[0].data == base64.b64decode(PNG)


OPTIONS = {
    "lettered": ["A) red", "B) green"], "dotted": ["A. red", "B. green"], "dashed": ["- A red", "- B green"],
    "bracketed": ["(A) red", "(B) green"], "bare": ["red", "green"], "blank before": [" A:red ", " B:green "],
    "marks at the end": ["A) red", "B) green", "##"],
}  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("label", ["B", "B)", "[B]", "(B)", "B.", "B) green", "b"])
def test_options_and_labels_of_every_spelling(options: list[str], label: str):
    value = {"id": "1", "image": "a.jpg", "question": "Which?", "options": options, "label": label}
    draft = draft_of("flat_qa_jsonl", value)
    assert said(draft) == ["<image>\nWhich?\nA. red\nB. green", "B. green"]
    assert draft.gold_answer == "B"


@pytest.mark.parametrize(
    ("options", "label", "shown"),
    [
        (["Options:", "A) one", "B) two", "C) three"], "C", "A. one\nB. two\nC. three"),
        (["## Figure A", "A) x", "B) three"], "B", "A. x\nB. three"),
        (["A) one", "C) three", "D) four"], "C", "A. one\nC. three\nD. four"),
    ],
)
def test_options_keep_their_own_letters(options: list[str], label: str, shown: str):
    value = {"id": "1", "image": "a.jpg", "question": "Which?", "options": options, "label": label}
    assert said(draft_of("flat_qa_jsonl", value)) == [f"<image>\nWhich?\n{shown}", f"{label}. three"]


def test_an_option_that_is_not_there_is_no_answer():
    value = {"image": "a.jpg", "question": "Which?", "options": ["A) one", "C) two", "D) three"], "label": "B"}
    assert reason_of("flat_qa_jsonl", value) is DropReason.NO_ANSWER


@pytest.mark.parametrize("label", ["", "Z", "neither of them", None, 7])
def test_a_label_that_names_no_option_is_no_answer(label: object):
    value = {"image": "a.jpg", "question": "Which?", "options": ["red", "green"], "label": label}
    assert reason_of("flat_qa_jsonl", value) is DropReason.NO_ANSWER


def test_ordinary_words_are_no_letters():
    value = {"image": "a.jpg", "question": "Which?", "options": ["A book", "By car", "+"], "label": 2}
    assert said(draft_of("flat_qa_jsonl", value)) == ["<image>\nWhich?\nA. A book\nB. By car\nC. +", "C. +"]


ANSWERS = {
    "text": ("two", "two"), "number": (2, "2"), "whole float": (11.0, "11"), "float": (12.25, "12.25"),
    "boolean": (True, "True"), "list": (["Ohio", "Utah"], "Ohio, Utah"), "mixed list": ([11.0, "x"], "11, x"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "shown"), ANSWERS.values(), ids=ANSWERS)
def test_answers_of_every_type(answer: object, shown: str):
    draft = draft_of("flat_qa_json", {"image": "a.jpg", "question": "How many?", "answer": answer})
    assert (said(draft)[-1], draft.gold_answer) == (shown, shown)


@pytest.mark.parametrize("answer", ["", "nan", "None", None, [], float("nan")])
def test_answers_that_are_none(answer: object):
    assert (
        reason_of("flat_qa_json", {"image": "a.jpg", "question": "How many?", "answer": answer}) is DropReason.NO_ANSWER
    )


@pytest.mark.parametrize("answers", [
    ["two", "one", "Two", "unanswerable"],
    [{"answer": "two", "answer_confidence": "yes"}, {"answer": "one"}, {"answer": "two"}],
])  # fmt: skip
def test_of_ten_annotators_most_are_believed(answers: list[object]):
    assert (
        draft_of("flat_qa_json", {"image": "a.jpg", "question": "How many?", "answers": answers}).gold_answer == "two"
    )


def test_a_question_as_a_list_of_words():
    value = {"map_id": "map_0.png", "question": ["Which", "state", "?"], "answer": "Ohio"}
    draft = draft_of("flat_qa_json", value)
    assert (said(draft)[0], paths(draft)) == ("<image>\nWhich state ?", ["map_0.png"])


def test_the_unit_belongs_to_the_number():
    table = {"_key": "7", "question": "How much?", "choices": None, "table": "A | B", "solution": "Add."}
    for answer, unit, shown in (("1,200", "$", "$1,200"), ("5", "cm", "5 cm"), ("5", None, "5")):
        draft = draft_of("tabmwp_json", {**table, "answer": answer, "unit": unit})
        assert said(draft)[-1] == f"Add.\nAnswer: {shown}"
        assert draft.evidence is not None
        assert (draft.evidence.kind, draft.evidence.text) == ("table", "A | B")


@pytest.mark.parametrize("title", ["Apples", "", None])
def test_the_title_stands_above_the_table(title: str | None):
    value = {"_key": "7", "question": "How much?", "choices": None, "table": "A | B", "solution": "Add.", "answer": "1"}
    draft = draft_of("tabmwp_json", {**value, "table_title": title})
    assert draft.evidence is not None
    assert (draft.evidence.kind, draft.evidence.text) == ("table", f"{title}\nA | B" if title else "A | B")
    assert said(draft)[0] == "<image>\nHow much?"


def test_the_scale_belongs_to_the_number():
    asked = {"question": "How much?", "answer": 12.5, "scale": "million"}
    value = {"table": {"table": [["", "2019"], ["Sales", "12"]]}, "paragraphs": [], "questions": [asked]}
    assert said(draft_of("tatqa_json", value, modality=Modality.TEXT))[-1] == "12.5 million"


def test_escapes_of_a_table_of_answers_are_undone():
    value = {"id": "nt-1", "utterance": "Who?", "context": "csv/1.csv", "targetValue": r"a\pb|c\nd"}
    shown = fields(context=("context",))
    assert said(draft_of("wtq_tsv", value, reading=shown))[-1] == "a|b, c\nd"


def test_many_answers_of_one_picture_stay_one_sample():
    value = {"_key": "07", "questions": ["Who?", "Where?"], "answers": ["He", "Here"], "title": "T"}
    draft = draft_of("ocrvqa_json", value)
    assert said(draft) == ["<image>\nWho?", "He", "Where?", "Here"]
    assert reason_of("ocrvqa_json", {**value, "answers": ["He"]}) is DropReason.NO_ANSWER


def test_the_right_answer_is_not_among_the_wrong_ones():
    pair = {"qa_id": 1, "question": "What?", "answer": "Green.", "multiple_choices": ["Red.", "Blue.", "Grey."]}
    draft = draft_of("visual7w_json", {"image_id": 2, "filename": "v7w_2.jpg", "qa_pairs": [pair]})
    assert said(draft) == ["<image>\nWhat?", "Green."]


def test_leading_zeros_are_kept():
    assert said(draft_of("llava_json", talk("<image>\nRead.", "0042", image="a.jpg")))[-1] == "0042"


@pytest.mark.parametrize(("options", "answer", "by", "gold"), [
    (["A", "B", "D", "C"], "d", "letter", "D"), (["A", "B", "D", "C"], "d", "text", "C"),
    (["B", "A", "D", "C", "E"], "A", "letter", "A"), (["B", "A"], "B", "text", "A"),
    (["3", "4", "5", "6"], 3, "index", "D"), (["3", "4", "5", "6"], 3, "text", "A"),
    (["3", "4", "5", "6"], "3", "index", "D"),
    ([3, 4, 5, 6], 4, "", "B"), ([3, 4, 5, 6], 2, "", "C"), ([0, 1, 2], 1, "", "B"), ([0.5, 1.5], 1.5, "", "B"),
    (["A. M. Turing", "K. Gödel"], "K. Gödel", "", "B"), (["K. Gödel", "A. M. Turing"], "A. M. Turing", "", "B"),
    (["a", "A"], "A", "text", "B"), (["dog", "cat"], "B", "text", "B"), (["dog", "cat"], "cat", "letter", "B"),
])  # fmt: skip
def test_which_option_is_meant_where_options_are_letters_or_numbers(
    options: list[object], answer: object, by: str, gold: str
):
    reading = Reading(files=("*",), answers=by)
    value = {"image": "a.jpg", "question": "Which?", "options": options, "answer": answer}
    assert draft_of("flat_qa_json", value, reading=reading).gold_answer == gold


@pytest.mark.parametrize(
    ("options", "answer"), [(["A", "B", "D", "C"], "d"), (["3", "4", "5", "6"], 3), ([1, 2, 3], "1"), (["b", "a"], "B")]
)
def test_an_answer_that_means_two_options_says_so(options: list[object], answer: object):
    found = outcome("flat_qa_json", {"image": "a.jpg", "question": "Which?", "options": options, "answer": answer})
    assert isinstance(found, Problem)
    assert found.reason is DropReason.NO_ANSWER
    assert "means" in found.detail


def test_families_know_how_their_answers_name_options():
    video = {"videoID": "x", "question": "Which?", "options": ["A. B", "B. A"], "answer": "A"}
    assert draft_of("videomme_parquet", video).gold_answer == "A"
    table = {"_key": "7", "question": "How many?", "choices": ["1", "0"], "table": "A | B", "solution": "Add."}
    assert draft_of("tabmwp_json", {**table, "answer": "1"}).gold_answer == "A"
    science = {"_key": "7", "question": "How many?", "choices": ["1", "0"], "hint": ""}
    assert draft_of("scienceqa_json", {**science, "answer": 1}).gold_answer == "B"


def test_marks_in_text_alone_are_what_is_spoken_of():
    turns = ("What is <image> and <video> in <|image|>?", "It is <image>.")
    told = ["What is < image > and < video > in <|image|>?", "It is < image >."]
    pair = {"question": turns[0], "response": turns[1]}
    assert said(draft_of("text_json", pair, modality=Modality.TEXT)) == told
    assert said(draft_of("llava_json", talk(*turns), modality=Modality.TEXT)) == told
    assert reason_of("llava_json", talk(*turns)) is DropReason.PLACEHOLDER_MISMATCH


@pytest.mark.parametrize(("asked", "pictures", "told"), [
    ("<image>\nWrite html of <image> tag", 1, "<image>\nWrite html of < image > tag"),
    ("<image>\n<image>\nIs `<image>` a tag?", 2, "<image>\n<image>\nIs `< image >` a tag?"),
    ("<|image|><|image|>\nIs <image> a tag?", 2, "<image><image>\nIs < image > a tag?"),
    ("<image>\nHow good? <image> How sharp?", 1, None), ("<image>\nHow good is\n<image>\nhere?", 1, None),
    ("Compare <image> to <image> here", 1, None), ("<image>\n<image>\nIs <image> a tag?", 1, None),
    ("<image> Write html of <image> tag", 1, None), ("<image>\nIs <image> like <image> here?", 2, None),
])  # fmt: skip
def test_a_mark_inside_a_sentence_is_spoken_of_where_every_picture_has_its_own(
    asked: str, pictures: int, told: str | None
):
    value = talk(asked, "So.", image=[f"{at}.jpg" for at in range(pictures)])
    if told is None:
        assert reason_of("llava_json", value) is DropReason.PLACEHOLDER_MISMATCH
    else:
        assert said(draft_of("llava_json", value))[0] == told


@pytest.mark.parametrize("family", ["flat_qa_pickle", "geometry_pickle"])
def test_an_index_beside_a_program_is_the_answer(family: str):
    value = {"image": "a.png", "choices": ["1", "2", "3"], "label": 1, "answer": "N_0", "subject": "How?"}
    assert draft_of(family, value).gold_answer == "B"


def test_a_meme_is_no_evidence_of_its_own_text():
    draft = draft_of("hateful_memes_jsonl", {"id": 1, "img": "img/1.png", "label": 0, "text": "so it is"})
    assert (said(draft)[1], draft.evidence) == ("No", None)
    assert "so it is" in said(draft)[0]


def test_an_attribution_loses_the_name_of_its_language():
    value = {"image_url": "https://x/1.jpg", "caption_reference_description": None}
    told = {"English: A lighthouse": "A lighthouse", "A: B": "A: B"}
    for written, shown in told.items():
        assert said(draft_of("wit_tsv", {**value, "caption_attribution_description": written}))[1] == shown
