"""Records that hold a question and its answer in fields."""

import base64
from typing import Any

import pytest
from drafting import draft_of, fields, outcome, paths, reason_of, said

from schemas.enums import DropReason, MediaKind, Modality
from schemas.source import Reading
from udfs.sample import Draft, Problem


def qa(**more: object) -> dict[str, Any]:
    return {"image": "a.jpg", "question": "What colour?", "answer": "red", **more}


def test_question_and_answer():
    draft = draft_of("flat_qa_json", qa(question_id=12))
    assert said(draft) == ["<image>\nWhat colour?", "red"]
    assert (paths(draft), draft.gold_answer, draft.original_id) == (["a.jpg"], "red", "12")


@pytest.mark.parametrize(
    ("question", "answer", "image"),
    [
        ("query", "label", "imgname"),
        ("Question", "Answer", "img"),
        ("Q", "A", "image_name"),
        ("sentence", "output", "video"),
    ],
)
def test_usual_names_are_known(question: str, answer: str, image: str):
    draft = draft_of("flat_qa_json", {question: "What?", answer: "this", image: "x.png"})
    assert said(draft)[0].endswith("What?")
    assert (said(draft)[1], paths(draft)) == ("this", ["x.png"])


def test_own_names_come_from_the_field_map():
    reading = fields(question=("frage",), answer=("antwort.0.text",), media=("bild.datei",))
    value = {"frage": "Was?", "antwort": [{"text": "Ein Hund"}], "bild": {"datei": "1.jpg"}}
    assert said(draft_of("flat_qa_json", value, reading=reading)) == ["<image>\nWas?", "Ein Hund"]


def test_media_pattern_over_the_fields():
    reading = Reading(files=("*",), media_pattern="{folder}{split}/{image_id:012d}.jpg")
    value = {"image_id": "42", "split": "val", "question": "What?", "answer": "this"}
    assert paths(draft_of("flat_qa_json", value, "qa/file.json", reading=reading)) == ["qa/val/000000000042.jpg"]


def test_an_instruction_for_records_without_question():
    reading = Reading(files=("*",), question="Read the text.")
    draft = draft_of("flat_qa_tsv", {"image": "1.png", "label": "STOP"}, reading=reading)
    assert said(draft) == ["<image>\nRead the text.", "STOP"]
    assert draft.gold_answer is None


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (3, "3"),
        (11.0, "11"),
        (0.57, "0.57"),
        (1234567.0, "1234567"),
        (True, "True"),
        (["a", 2.0], "a, 2"),
        ("none", "none"),
    ],
)
def test_answers_are_written_out(answer: object, shown: str):
    draft = draft_of("flat_qa_json", qa(answer=answer))
    assert (said(draft)[1], draft.gold_answer) == (shown, shown)


def test_the_majority_of_annotators_wins_and_the_first_of_equals():
    votes = [{"answer": text, "answer_confidence": "yes"} for text in ("net", "Mesh", "mesh", "net", "fence")]
    assert said(draft_of("flat_qa_json", {"image": "a", "question": "What?", "answers": votes}))[1] == "net"
    assert said(draft_of("flat_qa_json", {"image": "a", "question": "What?", "answers": ["b", "c", "C"]}))[1] == "c"


def test_sentences_are_alternatives():
    captions = ["A brown dog runs over the grass.", "A dog plays outside on the green lawn."]
    assert said(draft_of("flat_qa_json", qa(answer=captions)))[1] == captions[0]


@pytest.mark.parametrize("answer", [None, "", "None", "nan", float("nan"), [], {"answers": None}])
def test_no_answer(answer: object):
    value = qa(answer=answer)
    expected = DropReason.WRONG_SHAPE if isinstance(answer, dict) else DropReason.NO_ANSWER
    assert reason_of("flat_qa_json", value) is expected


def test_missing_parts():
    assert reason_of("flat_qa_json", {"image": "a.jpg", "answer": "x"}) is DropReason.MISSING_FIELD
    assert reason_of("flat_qa_json", {"image": "a.jpg", "question": "x"}) is DropReason.NO_ANSWER
    assert reason_of("flat_qa_json", {"question": "x", "answer": "y"}) is DropReason.MISSING_MEDIA
    assert reason_of("flat_qa_json", qa(question=" ")) is DropReason.EMPTY_TURN
    assert reason_of("flat_qa_json", qa(question=["a"])) is DropReason.WRONG_SHAPE


def test_a_text_source_needs_no_picture():
    assert said(draft_of("flat_qa_json", {"question": "2+2?", "answer": "4"}, modality=Modality.TEXT)) == ["2+2?", "4"]


@pytest.mark.parametrize("answer", [1, "1", "B", "b", "B)", "[B]", "B) cat", "cat", 1.0, ["B"]])
def test_an_option_by_index_letter_or_text(answer: object):
    draft = draft_of("flat_qa_json", qa(answer=answer, options=["dog", "cat", "cow"]))
    assert said(draft) == ["<image>\nWhat colour?\nA. dog\nB. cat\nC. cow", "B. cat"]
    assert draft.gold_answer == "B"


@pytest.mark.parametrize(
    "options",
    [["A) dog", "B) cat"], ["(A) dog", "(B) cat"], ["A. dog", "B. cat"], {"A": "dog", "B": "cat"}, "['dog', 'cat']"],
)
def test_options_in_any_spelling(options: object):
    assert "A. dog\nB. cat" in said(draft_of("flat_qa_json", qa(answer="B", options=options)))[0]


def test_options_in_columns():
    columns = {"A": "dog", "B": "cat", "C": "cow", "D": ""}
    draft = draft_of("flat_qa_tsv", {"image": "1.png", "question": "What?", "answer": "C", **columns})
    assert said(draft) == ["<image>\nWhat?\nA. dog\nB. cat\nC. cow", "C. cow"]


def test_a_column_that_is_an_option_is_no_answer():
    value = {"image": "1.png", "question": "What?", "A": "dog", "B": "cat"}
    assert reason_of("flat_qa_tsv", value) is DropReason.NO_ANSWER


@pytest.mark.parametrize("answer", [3, -1, "D", "bird", "A big bird", True, 0.5])
def test_an_answer_that_names_no_option(answer: object):
    assert reason_of("flat_qa_json", qa(answer=answer, options=["dog", "cat", "cow"])) is DropReason.NO_ANSWER


def test_options_that_are_letters_alone_are_drawn_in_the_picture():
    draft = draft_of("flat_qa_jsonl", qa(answer="C", options=["A", "B", "C"]))
    assert said(draft) == ["<image>\nWhat colour?", "C"]


def test_a_rationale_stands_before_the_answer():
    draft = draft_of("flat_qa_jsonl", qa(solution="Two and two.", answer="4"))
    assert (said(draft)[1], draft.gold_answer) == ("Two and two.\nAnswer: 4", "4")


def test_numbered_figures_on_one_sheet():
    one = draft_of("flat_qa_jsonl", qa(question="Which?\n<image1>"))
    two = draft_of("flat_qa_jsonl", qa(question="<image1> or <image2>?"))
    assert said(one)[0] == "<image>\nWhich?"
    assert said(two)[0] == "<image>\n(figure 1) or (figure 2)?"
    inside = draft_of("flat_qa_jsonl", qa(question="How many squares of <image1> are red?"))
    between = draft_of("flat_qa_jsonl", qa(question="Look at this. <image1> How many?"))
    assert said(inside)[0] == "<image>\nHow many squares of the picture are red?"
    assert said(between)[0] == "<image>\nLook at this.  How many?"


def test_embedded_bytes_win_over_a_pattern():
    reading = Reading(files=("*",), media_pattern="{id}.jpg")
    draft = draft_of("flat_qa_parquet", qa(id="1", image={"bytes": b"x", "path": None}), reading=reading)
    assert draft.media[0].data == b"x"


def test_tables_and_columns_as_evidence():
    rows = draft_of("flat_qa_json", qa(table=[["year", "won"], [2010, 4]])).evidence
    columns = draft_of("flat_qa_json", qa(table={"year": [2010], "won": [4]})).evidence
    assert rows == columns
    assert rows is not None
    assert (rows.kind, rows.text) == ("table", "year | won\n2010 | 4")


def test_cauldron_pairs_share_all_pictures():
    texts = [
        {"user": "What?", "assistant": "A cat.", "source": "x"},
        {"user": "Where?", "assistant": "There.", "source": "x"},
    ]
    images = [{"bytes": b"1", "path": None}, {"bytes": b"2", "path": None}]
    draft = draft_of("cauldron_parquet", {"images": images, "texts": texts})
    assert said(draft) == ["<image>\n<image>\nWhat?", "A cat.", "Where?", "There."]
    assert [medium.data for medium in draft.media] == [b"1", b"2"]


def test_cauldron_defects():
    image = [{"bytes": b"1", "path": None}]
    assert reason_of("cauldron_parquet", {"images": image, "texts": []}) is DropReason.EMPTY_CONVERSATION
    assert reason_of("cauldron_parquet", {"images": image}) is DropReason.MISSING_FIELD
    empty = [{"user": "What?", "assistant": None}]
    assert reason_of("cauldron_parquet", {"images": image, "texts": empty}) is DropReason.NO_ANSWER
    marked = [{"user": "<image>\n<image>?", "assistant": "x"}]
    assert reason_of("cauldron_parquet", {"images": image, "texts": marked}) is DropReason.PLACEHOLDER_MISMATCH


def test_pictures_in_base64():
    value = {"instruction": "Say what it is.", "inputs": "What?", "outputs": "A cat.", "image_base64_str": ["YWJj"]}
    draft = draft_of("base64_jsonl", value)
    assert (draft.media[0].data, said(draft)[0]) == (b"abc", "<image>\nSay what it is.\n\nWhat?")
    assert reason_of("base64_jsonl", {**value, "image_base64_str": ["%%"]}) is DropReason.UNDECODABLE_MEDIA


@pytest.mark.parametrize("head", ["", "data:image/png;base64,"])
def test_a_picture_in_base64_under_the_name_of_a_path(head: str):
    encoded = head + base64.b64encode(b"\x89PNG\r\n" + bytes(99)).decode()
    columns = {"index": "0", "A": "a dog", "B": "a cat", "C": "", "D": "", "hint": ""}
    draft = draft_of("flat_qa_tsv", qa(image=encoded, answer="B", **columns))
    assert (draft.media[0].data, draft.media[0].path) == (b"\x89PNG\r\n" + bytes(99), None)
    assert said(draft) == ["<image>\nWhat colour?\nA. a dog\nB. a cat", "B. a cat"]


@pytest.mark.parametrize("path", ["iVBORw0KGgo", "iVBORw0KGgo/1.png" + "x" * 60, "a/b" * 40])
def test_a_path_that_only_looks_like_base64(path: str):
    assert paths(draft_of("flat_qa_tsv", qa(image=path))) == [path]


def test_a_picture_in_broken_base64():
    encoded = base64.b64encode(b"\xff\xd8\xff" + bytes(99)).decode()
    assert reason_of("flat_qa_tsv", qa(image=encoded + "%")) is DropReason.UNDECODABLE_MEDIA


def test_text_with_a_system_prompt():
    value = {"id": "flan.1", "system_prompt": "Be exact.", "question": "2+2?", "response": "4"}
    draft = draft_of("text_parquet", value, modality=Modality.TEXT)
    assert said(draft) == ["Be exact.\n\n2+2?", "4"]
    assert draft.media == ()


def test_a_suffix_tells_videos():
    assert draft_of("flat_qa_json", qa(image="a.mp4")).media[0].kind is MediaKind.VIDEO


NUMBERED = {
    "vsr_jsonl": {"caption": "A cat is on the mat.", "relation": "on", "image": "a.jpg"},
    "hateful_memes_jsonl": {"id": 1, "img": "a.png", "text": "so it goes"},
    "figureqa_json": {"question_string": "Is X the minimum?", "image_index": 0, "image": "a.png"},
}


@pytest.mark.parametrize(("family", "code", "word"), [
    ("vsr_jsonl", 1, "True"), ("vsr_jsonl", "false", "False"), ("vsr_jsonl", True, "True"), ("vsr_jsonl", 2, None),
    ("hateful_memes_jsonl", "0", "No"), ("hateful_memes_jsonl", 2, None), ("hateful_memes_jsonl", -1, None),
    ("figureqa_json", 1.0, "Yes"), ("figureqa_json", False, "No"), ("figureqa_json", 2, None),
])  # fmt: skip
def test_a_code_without_a_word_is_no_answer(family: str, code: object, word: str | None):
    told = outcome(family, {**NUMBERED[family], "answer" if family == "figureqa_json" else "label": code})
    if word:
        assert isinstance(told, Draft)
        assert (told.turns[-1].text, told.gold_answer) == (word, word)
    else:
        assert isinstance(told, Problem)
        assert told.reason is DropReason.NO_ANSWER
        assert f"is '{code}'; allowed: 0, 1, " in told.detail


@pytest.mark.parametrize("family", ["text_json", "text_parquet", "flat_qa_tsv"])
@pytest.mark.parametrize(("given", "asked"), [
    ("3 and 4", "Add the numbers.\n\n3 and 4"), ("", "Add the numbers."), (None, "Add the numbers."),
])  # fmt: skip
def test_what_an_instruction_is_about_stands_in_a_field_of_its_own(family: str, given: str | None, asked: str):
    value = {"instruction": "Add the numbers.", "input": given, "output": "7"}
    assert said(draft_of(family, value, modality=Modality.TEXT)) == [asked, "7"]
