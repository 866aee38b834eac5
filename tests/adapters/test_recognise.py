"""Which family files belong to, and what happens to those that belong to none."""

from pathlib import Path
from typing import Any

import pytest
from drafting import make_source
from test_publishers import AOKVQA, CASES

from schemas.enums import Modality, Role
from schemas.errors import ConfigError, InputError
from schemas.source import FieldMap, Reading, load_sources
from udfs.adapters import FAMILIES, find_family
from udfs.adapters.adapt import adapt
from udfs.adapters.family import Container, Layout
from udfs.adapters.recognise import Recognised, recognise
from udfs.sample import Draft, Evidence, MediaRef, Origin, Record, Turn

ARRAY, LINES, KEYED = Container.JSON_ARRAY, Container.JSON_LINES, Container.JSON_KEYED
PARQUET, TABLE = Container.PARQUET, Container.DELIMITED
LLAVA = {"id": "1", "image": "a.jpg", "conversations": []}
FLAT = {"image": "a.jpg", "question": "What?", "answer": "this"}
QUESTION = {"image_id": 1, "question_id": 1, "question": "?"}
ANNOTATION = {"image_id": 1, "question_id": 1, "answers": [], "multiple_choice_answer": "x"}


def at(container: Container, first: dict[str, Any] | None, place: str = "") -> list[Layout]:
    return [Layout(container, place, first)]


def sides(found: Recognised) -> dict[str, list[str]]:
    return {file: [part.shape.side for part in parts] for file, parts in found.files.items()}


@pytest.mark.parametrize(
    ("layout", "family"),
    [
        (at(ARRAY, LLAVA), "llava_json"),
        (at(LINES, {"image": [], "messages": []}), "llava_json"),
        (at(PARQUET, LLAVA), "ov_parquet"),
        (at(ARRAY, {**LLAVA, "metadata": {}}), "m4_json"),
        (at(ARRAY, {"video": "1.mp4", "conversations": []}), "llava_video_json"),
        (at(PARQUET, {"images": [], "texts": []}), "cauldron_parquet"),
        (at(PARQUET, FLAT), "flat_qa_parquet"),
        (at(TABLE, FLAT), "flat_qa_tsv"),
        (at(KEYED, FLAT), "keyed_json"),
        (at(ARRAY, CASES["CLEVR"][1], "questions"), "clevr_json"),
        (at(ARRAY, CASES["TextVQA"][1], "data"), "textvqa_json"),
        (at(KEYED, CASES["TabMWP"][1]), "tabmwp_json"),
        (at(KEYED, CASES["ScienceQA"][1]), "scienceqa_json"),
        (at(KEYED, CASES["GQA"][1]), "gqa_json"),
        (at(TABLE, CASES["NExT-QA"][1]), "nextqa_csv"),
        (at(LINES, CASES["NLVR2"][1]), "nlvr2_jsonl"),
        (at(ARRAY, CASES["ChartQA"][1]), "chartqa_json"),
        (at(ARRAY, CASES["VideoInstruct"][1]), "videoinstruct_json"),
        (at(ARRAY, {"image_id": "5", "question": "?"}), "flat_qa_json"),
        (at(ARRAY, AOKVQA), "aokvqa_json"),
        (at(PARQUET, {**AOKVQA, "image": {}}), "aokvqa_json"),
    ],
)
def test_families_are_told_apart(layout: list[Layout], family: str):
    assert recognise({"file": layout}, make_source("not_known")).family.name == family


@pytest.mark.parametrize("family", ["flat_qa_json", "flat_qa_parquet", "ov_parquet"])
def test_aokvqa_is_no_test_set(family: str):
    files = {"aokvqa_v1p0_train.json": at(ARRAY, AOKVQA)}
    assert recognise(files, make_source(family)).family.name == "aokvqa_json"


def test_the_sources_own_family_breaks_ties():
    assert recognise({"file": at(LINES, LLAVA)}, make_source("llava_jsonl")).family.name == "llava_jsonl"
    assert (
        recognise({"file": at(ARRAY, CASES["ChartQA"][1])}, make_source("flat_qa_json")).family.name == "flat_qa_json"
    )


def test_files_in_another_format_than_the_declared_one():
    found = recognise({"test.json": at(ARRAY, CASES["ChartQA"][1])}, make_source("ov_parquet"))
    assert found.family.name == "chartqa_json"


NEXTQA, EVALUATION = at(TABLE, CASES["NExT-QA"][1]), {"question_id": 1, "image": "a.jpg", "text": "?", "category": "x"}


def test_a_stray_file_does_not_beat_the_sources_own_alternative():
    files = {"llava_instruct.json": at(ARRAY, LLAVA), "sub/val.csv": NEXTQA}
    source = make_source("ov_parquet").model_copy(update={"alternatives": ("llava_json",)})
    found = recognise(files, source)
    assert (found.family.name, set(found.files)) == ("llava_json", {"llava_instruct.json"})
    assert found.unread == {"sub/val.csv": "it holds nextqa_csv; this source's files hold llava_json"}


def test_each_file_is_read_as_what_it_is_where_the_data_come_in_two_forms():
    files = {"a.parquet": at(PARQUET, LLAVA), "b.json": at(ARRAY, LLAVA), "c.csv": NEXTQA}
    source = make_source("ov_parquet").model_copy(update={"alternatives": ("nextqa_csv", "llava_json")})
    found = recognise(files, source)
    assert {file: part.family.name for file, (part,) in found.files.items()} == {
        "a.parquet": "ov_parquet", "b.json": "llava_json", "c.csv": "nextqa_csv",
    }  # fmt: skip
    assert (found.family.name, found.unread) == ("ov_parquet", {})


def test_sides_that_join_are_read_alone():
    questions = {"q.jsonl": at(LINES, EVALUATION), "a.jsonl": at(LINES, {"question_id": 1, "text": "x"})}
    source = make_source("ov_parquet").model_copy(update={"alternatives": ("llava_json", "llava_eval_jsonl")})
    assert recognise(questions, source).family.name == "llava_eval_jsonl"
    both = recognise({**questions, "z.json": at(ARRAY, LLAVA)}, source)
    assert (set(both.files), set(both.unread)) == ({"z.json"}, set(questions))


def test_a_stray_file_is_no_substitute_for_answers_that_are_kept_back():
    files = {"test.json": at(ARRAY, ASKED), "sub/val.csv": NEXTQA}
    with pytest.raises(InputError, match=r"questions without answers. Found: test.json"):
        recognise(files, make_source("flat_qa_json"))


def test_alternatives_of_the_catalogue_are_families():
    named = {name for source in load_sources().values() for name in source.alternatives}
    assert named <= set(FAMILIES)
    assert len(named) > 30


def test_two_sides_in_two_files():
    files = {"q.json": at(ARRAY, QUESTION, "questions"), "a.json": at(ARRAY, ANNOTATION, "annotations")}
    found = recognise(files, make_source("not_known"))
    assert (found.family.name, found.joined) == ("vqa_pair_json", True)
    assert sides(found) == {"q.json": ["questions"], "a.json": ["annotations"]}


def test_two_sides_in_one_file_and_parts_that_nobody_reads():
    images = Layout(ARRAY, "images", {"id": 1, "file_name": "1.jpg"})
    captions = Layout(ARRAY, "annotations", {"id": 1, "image_id": 1, "caption": "x"})
    licences = Layout(ARRAY, "licenses", {"id": 1, "name": "x", "url": "y"})
    found = recognise({"c.json": [licences, images, captions]}, make_source("coco_json"))
    assert sides(found) == {"c.json": ["images", "annotations"]}


def test_a_broken_first_caption_does_not_hide_its_side():
    images = Layout(ARRAY, "images", {"id": 1, "file_name": "1.jpg"})
    captions = Layout(ARRAY, "annotations", {"id": 1, "image_id": 1, "caption": "x"})
    broken = Layout(ARRAY, "images", {"file_name": "2.jpg"})
    found = recognise({"a.json": [images, captions], "b.json": [broken, captions]}, make_source("coco_json"))
    assert sides(found)["b.json"] == ["annotations", "images"]


def test_half_of_a_pair_is_taken_only_for_the_declared_family():
    questions = {"q.json": at(ARRAY, QUESTION, "questions")}
    assert recognise(questions, make_source("vqa_pair_json")).family.name == "vqa_pair_json"
    assert recognise(questions, make_source("not_known")).family.name != "vqa_pair_json"


def test_files_beside_the_records_are_named_as_unread():
    files = {"problems.json": at(KEYED, CASES["ScienceQA"][1]), "captions.json": at(KEYED, None, "captions")}
    found = recognise(files, make_source("scienceqa_json"))
    assert found.unread == {"captions.json": "no family knows its fields; this source's files hold scienceqa_json"}


def test_a_broken_first_record_does_not_hide_its_file():
    files = {"a.json": at(ARRAY, LLAVA), "b.json": at(ARRAY, {"id": 2, "image": "b.jpg"})}
    assert set(recognise(files, make_source("llava_json")).files) == {"a.json", "b.json"}
    alone = recognise({"b.json": files["b.json"]}, make_source("llava_json"))
    assert (alone.family.name, set(alone.files)) == ("llava_json", {"b.json"})


def test_an_empty_file_is_believed_to_be_the_sources():
    assert recognise({"a.json": at(ARRAY, None)}, make_source("llava_json")).family.name == "llava_json"


def test_texts_are_not_taken_for_a_source_of_pictures():
    layout = {"a.json": at(ARRAY, {"question": "?", "answer": "x", "table_id": "1"})}
    assert recognise(layout, make_source("ov_parquet")).family.name == "flat_qa_json"
    assert recognise(layout, make_source("not_known", Modality.TEXT)).family.name == "text_json"


def test_columns_that_no_family_has():
    with pytest.raises(InputError) as caught:
        recognise({"x.parquet": at(PARQUET, {"colour": 1, "shade": 2, "image": 3})}, make_source("ov_parquet"))
    message = str(caught.value)
    assert "colour, image, shade" in message
    assert "family ov_parquet expects parquet with one of conversations/messages/conversation" in message
    assert "the nearest family is" in message


ASKED = {"image": "a.jpg", "question": "What?", "gt": "this"}


@pytest.mark.parametrize(
    ("layout", "found"),
    [
        (at(ARRAY, ASKED), "gt, image, question"),
        (at(KEYED, {**ASKED, "_key": "1"}), "_key, gt, image, question"),
        (at(TABLE, {"image": "a", "question": "What?"}), "image, question"),
    ],
)
@pytest.mark.parametrize("family", ["flat_qa_json", "flat_qa_tsv", "ov_parquet", "llava_json"])
def test_questions_without_answers_are_an_error_and_not_a_thousand_drops(layout: list[Layout], found: str, family: str):
    with pytest.raises(InputError, match=f"questions without answers. Found: x: {found}") as caught:
        recognise({"x": layout}, make_source(family))
    assert "reading.fields.answer" in caught.value.next_step


def test_test_sets_beside_answered_questions_are_read():
    files = {"test.json": at(ARRAY, {**ASKED, "gt": None}), "train.json": at(ARRAY, {**ASKED, "answer": "this"})}
    assert set(recognise(files, make_source("flat_qa_json")).files) == set(files)


def test_a_first_record_without_the_declared_answer_is_a_broken_one():
    reading = Reading(files=("*",), fields=FieldMap(answer=("truth",)))
    source = make_source("flat_qa_json", reading=reading)
    assert recognise({"x": at(LINES, ASKED)}, source).family.name == "flat_qa_json"
    with pytest.raises(InputError, match="questions without answers"):
        recognise({"x": at(PARQUET, ASKED)}, source)


def test_own_field_names():
    fields = FieldMap(question=("frage",), answer=("antwort",), media=("bild.datei",))
    source = make_source("flat_qa_json", reading=Reading(files=("*.json",), fields=fields))
    files = {"x.json": at(ARRAY, {"frage": "?", "antwort": "x", "bild": {"datei": "1.jpg"}})}
    assert recognise(files, source).family.name == "flat_qa_json"
    with pytest.raises(InputError):
        recognise(files, make_source("flat_qa_json"))


def test_an_instruction_stands_for_the_missing_question():
    source = make_source("flat_qa_tsv", reading=Reading(files=("*",), question="Read it."))
    assert recognise({"x.tsv": at(TABLE, {"image": "1.png", "label": "x"})}, source).family.name == "flat_qa_tsv"


OWN_DATASET = """
source_id: street_signs
name: Street signs
group: B
category: OCR
modality: image
language: de
family: flat_qa_json
licence: {spdx: CC-BY-4.0, commercial: "yes", redistribution: "yes"}
reading:
  files: ["annotations/*.jsonl"]
  fields:
    id: [nummer]
    question: [frage]
    answer: [antwort.kurz, antwort.lang]
    options: [auswahl]
    rationale: [begruendung]
    context: [ocr.zeilen]
  media_pattern: "bilder/{ort}/{nummer:06d}.jpg"
"""
OWN_RECORD = {
    "nummer": 17, "ort": "ulm", "frage": "Was steht auf dem Schild?", "antwort": {"kurz": None, "lang": "Halt"},
    "auswahl": ["Achtung", "Halt"], "begruendung": "Das Schild ist rot.", "ocr": {"zeilen": ["HALT", "Zoll"]},
}  # fmt: skip


def test_a_dataset_of_ones_own_needs_one_file(tmp_path: Path):
    (tmp_path / "street_signs.yaml").write_text(OWN_DATASET)
    source = load_sources(tmp_path)["street_signs"]
    family = recognise({"annotations/a.jsonl": at(LINES, OWN_RECORD)}, source).family
    draft = adapt(Record(OWN_RECORD, Origin("annotations/a.jsonl", 0)), source, family)
    assert draft == Draft(
        turns=(
            Turn(Role.USER, "<image>\nWas steht auf dem Schild?\nA. Achtung\nB. Halt"),
            Turn(Role.ASSISTANT, "Das Schild ist rot.\nAnswer: B. Halt"),
        ),
        media=(MediaRef(path="bilder/ulm/000017.jpg"),),
        gold_answer="B",
        evidence=Evidence("ocr", "HALT Zoll"),
        original_id="17",
    )


def shout(given: Record, _: object) -> Draft:
    """A user's own adapter."""
    turns = (Turn("user", given.value["ask"].upper()), Turn("assistant", given.value["say"]))  # type: ignore[arg-type]  # plain words are allowed
    return Draft(turns)


def test_a_users_own_function():
    reading = Reading(files=("*",), adapter="test_recognise:shout")
    source = make_source("own", reading=reading)
    found = recognise({"x.json": at(ARRAY, {"ask": "why?", "say": "so"})}, source)
    draft = adapt(Record({"ask": "why?", "say": "so"}, Origin("x.json", 0)), source, find_family(found.family.name))
    assert isinstance(draft, Draft)
    assert [turn.text for turn in draft.turns] == ["WHY?", "so"]


@pytest.mark.parametrize("name", ["no_such_family", "no.such.module:f", "test_recognise:no_such_function"])
def test_an_adapter_that_does_not_exist(name: str):
    source = make_source("own", reading=Reading(files=("*",), adapter=name))
    with pytest.raises(ConfigError, match=name.partition(":")[0]):
        recognise({"x.json": at(ARRAY, FLAT)}, source)
