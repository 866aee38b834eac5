"""Families of two sides."""

from typing import Any

from drafting import joined, paths, said

from schemas.enums import DropReason
from udfs.adapters.joins import ANNOTATIONS, QUESTIONS, answered
from udfs.sample import Draft, Origin, Part, Problem


def question(number: int, image: int = 1, **more: object) -> dict[str, Any]:
    return {"image_id": image, "question_id": number, "question": f"Question {number}?", **more}


def annotation(number: int, image: int = 1, answer: str = "yes") -> dict[str, Any]:
    return {"image_id": image, "question_id": number, "multiple_choice_answer": answer, "answers": [{"answer": "no"}]}


FILE = "v2_OpenEnded_mscoco_val2014_questions.json"


def vqa(questions: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> list[Draft | Problem]:
    return joined("vqa_pair_json", {"questions": questions, "annotations": annotations}, FILE)


def reasons(found: list[Draft | Problem]) -> list[DropReason]:
    return [made.reason for made in found if isinstance(made, Problem)]


def test_questions_of_a_picture_become_one_conversation():
    (draft,) = vqa([question(10), question(11)], [annotation(11, answer="red"), annotation(10)])
    assert isinstance(draft, Draft)
    assert said(draft) == ["<image>\nQuestion 10?", "yes", "Question 11?", "red"]
    assert paths(draft) == ["val2014/COCO_val2014_000000000001.jpg"]
    assert draft.gold_answer is None


def test_a_single_question_has_a_gold_answer():
    (draft,) = vqa([question(10)], [annotation(10)])
    assert isinstance(draft, Draft)
    assert draft.gold_answer == "yes"


def test_what_finds_no_partner_is_a_problem_of_its_own():
    found = vqa([question(10), question(11)], [annotation(10), annotation(99)])
    assert sum(isinstance(made, Draft) for made in found) == 1
    assert reasons(found) == [DropReason.ORPHAN_QUESTION, DropReason.ORPHAN_ANNOTATION]


def test_one_annotation_answers_one_question():
    assert reasons(vqa([question(10), question(10)], [annotation(10)])) == [DropReason.ORPHAN_QUESTION]


def test_another_picture_is_no_partner():
    found = vqa([question(10)], [annotation(10, image=2)])
    assert reasons(found) == [DropReason.ORPHAN_QUESTION, DropReason.ORPHAN_ANNOTATION]


def test_units_without_ids_are_problems():
    assert DropReason.MISSING_FIELD in reasons(vqa([{"question": "?"}], [annotation(10)]))


def test_units_add_up():
    parts = [Part(QUESTIONS, question(n), Origin("q.json", n)) for n in range(5)]
    parts += [Part(ANNOTATIONS, annotation(n), Origin("a.json", n)) for n in range(3)]
    made = list(answered("1", parts))
    assert sum(record.origin.units for record in made) == 5
    assert [record.problem is None for record in made].count(True) == 1


def test_the_same_pairs_have_the_same_hash():
    parts = [
        Part(QUESTIONS, question(1), Origin("q.json", 0, record_hash="a")),
        Part(ANNOTATIONS, annotation(1), Origin("a.json", 0, record_hash="b")),
    ]
    other = [parts[0], Part(ANNOTATIONS, annotation(1), Origin("a.json", 0, record_hash="c"))]
    hashes = {next(answered("1", given)).origin.record_hash for given in (parts, parts[::-1], other)}
    assert len(hashes) == 2


def coco(images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> list[Draft | Problem]:
    return joined("coco_json", {"images": images, "annotations": annotations}, "annotations/captions_train2017.json")


def test_each_caption_is_a_record():
    image = {"id": 5, "file_name": "000000000005.jpg"}
    found = coco([image], [{"id": n, "image_id": 5, "caption": f" A dog {n}.\n"} for n in range(2)])
    drafts = [made for made in found if isinstance(made, Draft)]
    assert [said(draft)[1] for draft in drafts] == ["A dog 0.", "A dog 1."]
    assert paths(drafts[0]) == ["train2017/000000000005.jpg"]
    assert drafts[0].evidence is not None
    assert drafts[0].evidence.kind == "caption"
    assert drafts[0].gold_answer is None


def test_captions_and_pictures_without_each_other():
    found = coco(
        [{"id": 5, "file_name": "5.jpg"}, {"id": 5, "file_name": "6.jpg"}], [{"id": 1, "image_id": 6, "caption": "x"}]
    )
    assert sorted(reasons(found)) == [
        DropReason.ORPHAN_ANNOTATION,
        DropReason.ORPHAN_QUESTION,
        DropReason.ORPHAN_QUESTION,
    ]


def test_empty_caption():
    found = coco([{"id": 5, "file_name": "5.jpg"}], [{"id": 1, "image_id": 5, "caption": ""}])
    assert reasons(found) == [DropReason.NO_ANSWER]


def test_activitynet_pairs_by_question():
    sides = {
        "questions": [{"video_name": "abc", "question": "is it a dog", "question_id": "v_abc_1"}],
        "annotations": [{"answer": "no", "type": 3, "question_id": "v_abc_1"}],
    }
    (draft,) = joined("activitynetqa_json", sides)
    assert isinstance(draft, Draft)
    assert (said(draft), paths(draft), draft.gold_answer) == (["<video>\nis it a dog", "no"], ["v_abc.mp4"], "no")
