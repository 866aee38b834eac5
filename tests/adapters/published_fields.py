# ruff: noqa: E501 - one format a line reads better than one field a line
# fmt: off
"""Formats whose records hold questions and answers in fields of their own, as their publishers document them."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from publishing import Entry, Published, Told, Value, picture, struct

Q, A = "Question 1?", "Answer 1"


def made(files: Mapping[str, Any], media: tuple[str, ...], *told: Told, rejects: int = 0) -> Callable[[Entry], Published]:
    """A builder that always builds the same."""
    return lambda _: Published(dict(files), list(media), list(told), rejects)


def ten(answer: str) -> list[Value]:
    """Ten annotators, of whom six agree and three do not know."""
    said = [answer] * 6 + ["unanswerable"] * 3 + ["else"]
    return [{"answer": one, "answer_confidence": "yes", "answer_id": at} for at, one in enumerate(said, 1)]


def squad(entry: Entry) -> Published:
    """VQA: questions and annotations in two files; what has no partner is a reject."""
    questions = [{"image_id": 9, "question": f"Question {at}?", "question_id": 9000 + at} for at in (1, 2)]
    notes = [
        {"question_type": "x", "multiple_choice_answer": f"Answer {at}", "answers": ten(f"Answer {at}"), "image_id": 9,
         "answer_type": "other", "question_id": 9000 + at} for at in (2, 1)
    ]  # fmt: skip
    lost = {"image_id": 8, "question": "Lost?", "question_id": 8001}
    files = {
        "v2_OpenEnded_mscoco_train2014_questions.json": {"info": {}, "data_subtype": "train2014", "questions": [*questions, lost]},
        "v2_mscoco_train2014_annotations.json": {"info": {}, "data_subtype": "train2014", "annotations": notes},
    }
    told = Told("Question 1?", "Answer 2", turns=4)
    return Published(files, ["coco:train2014/COCO_train2014_000000000009.jpg"], [told], 1)


def captions(entry: Entry) -> Published:
    """COCO's captions; a caption without its picture's entry is a reject."""
    subset = "train2017" if "train" in entry.source_id else "val2017"
    images = [{"license": 1, "file_name": "000000000009.jpg", "id": 9, "height": 2, "width": 2}]
    notes = [{"image_id": 9, "id": at, "caption": f"Caption {at} \n"} for at in (1, 2)]
    files = {f"annotations/captions_{subset}.json": {"info": {}, "licenses": [], "images": images,
             "annotations": [*notes, {"image_id": 7, "id": 3, "caption": "Lost"}]}}  # fmt: skip
    return Published(files, [f"coco:{subset}/000000000009.jpg"], [Told("", f"Caption {at}") for at in (1, 2)], 1)


TATQA = {
    "table": {"uid": "t", "table": [["", "2019"], ["Sales", "12"]]},
    "paragraphs": [{"uid": "b", "order": 2, "text": "Second."}, {"uid": "a", "order": 1, "text": "First."}],
    "questions": [
        {"uid": "1", "order": 1, "question": Q, "answer": ["x", "y"], "derivation": "", "answer_type": "multi-span", "answer_from": "text", "rel_paragraphs": ["1"], "req_comparison": False, "scale": ""},
        {"uid": "2", "order": 2, "question": "Question 2?", "answer": 12.5, "derivation": "25/2", "answer_type": "arithmetic", "answer_from": "table", "rel_paragraphs": [], "req_comparison": False, "scale": "million"},
    ],
}
FINQA = {
    "pre_text": ["Before .", "."], "post_text": ["After .", "."], "filename": "a/2009/page_1.pdf",
    "table_ori": [["", "2009"], ["Sales", "1"]], "table": [["", "2009"], ["sales", "1"]], "id": "a/2009/page_1.pdf-1",
    "qa": {"question": Q, "answer": "", "explanation": "", "ann_table_rows": [1], "ann_text_rows": [], "steps": [],
           "program": "divide(1, 2)", "gold_inds": {}, "exe_ans": 0.5, "program_re": "divide(1, 2)"},
}  # fmt: skip
CHOICES = ["red", "green", "blue", "grey"]
RATIONALE = "Because of this."
NEXT = {"video": "4010", "frame_count": 9, "width": 6, "height": 4, "question": "why is it", "answer": 2, "qid": 0, "type": "CW", **{f"a{at}": f"option {at}" for at in range(5)}}
TABMWP = {"question": Q, "choices": None, "answer": "1,200", "unit": "$", "table_title": "T", "table": "A | B\n1 | 2", "table_for_pd": {"A": ["1"]}, "row_num": 2, "column_num": 2, "solution": "Add.\nThat is it.", "ques_type": "free_text", "ans_type": "integer_number", "grade": 3, "split": "train"}
SCIENCE = {"question": Q, "choices": CHOICES, "answer": 1, "hint": "A hint.", "task": "x", "grade": "g", "subject": "s", "topic": "t", "category": "c", "skill": "k", "lecture": "L.", "solution": "S.", "split": "train"}
AOKVQA = {"split": "train", "image_id": 9, "question_id": "x" * 22, "question": Q, "choices": CHOICES, "correct_choice_idx": 2, "direct_answers": ["blue"] * 10, "difficult_direct_answer": False, "rationales": [RATIONALE, "b", "c"]}
VSR = {"image": "000000000009.jpg", "image_link": "http://images.cocodataset.org/train2017/000000000009.jpg", "caption": "It is so.", "label": 1, "relation": "left", "annotator_id": 1, "vote_true_validator_id": "[2, 67]", "vote_false_validator_id": "[]"}
HEADER = {"dataset_name": "x", "dataset_split": "train", "dataset_version": "1.0"}
NLVR2 = {"identifier": "train-850-0-0", "sentence": "It is so.", "label": "True", "left_url": "http://a/1.jpg", "right_url": "http://a/2.jpg", "writer": "1", "validation": {"1": "True"}, "synset": "x", "query": "y", "directory": 61}
DEMON = {"metadata": {"dataset": "x", "split": "core", "num_sample": 1, "task_instruction": ["Look at these.", "See."], "question_type": "open-ended"}, "data": [{"sample_id": 0, "task_instruction_id": 1, "task_instance": {"context": f"{{image#1}} and {{image#2}} {Q}", "images_path": ["1.jpg", "2.jpg"]}, "response": f" {A}"}]}
PERCEPTION = {"video_1": {"mc_question": [{"id": 0, "question": Q, "options": CHOICES[:3], "answer_id": 2, "area": "x", "reasoning": "y", "tag": ["z"]}, {"id": 1, "question": "Question 2?", "options": CHOICES[:3], "answer_id": 0, "area": "x", "reasoning": "y", "tag": []}], "metadata": {"video_id": "video_1", "split": "train"}}}
ASKED = {"beingAsked": {"processedText": Q}, "answerChoices": {"a": {"processedText": "red", "idStructural": "a."}, "b": {"processedText": "green", "idStructural": "b."}}, "correctAnswer": {"processedText": "b"}, "questionType": "Multiple Choice"}
TQA = [{"globalID": "L_1", "lessonName": "x", "questions": {"nonDiagramQuestions": {"NDQ_1": ASKED}, "diagramQuestions": {"DQ_1": {**ASKED, "beingAsked": {"processedText": "Question 2?"}, "imagePath": "question_images/1.png"}}}, "topics": {}, "instructionalDiagrams": {}, "adjunctTopics": {}}]
WIT = dict.fromkeys(("language", "page_url", "image_url", "page_title", "section_title", "hierarchical_section_title", "caption_reference_description", "caption_attribution_description", "caption_alt_text_description", "mime_type", "original_height", "original_width", "is_main_image", "attribution_passes_lang_id", "page_changed_recently", "context_page_description", "context_section_description"), "") | {"language": "en", "image_url": "https://upload.wikimedia.org/1.jpg", "context_page_description": "A page.", "caption_reference_description": "A caption."}
STORY = {"story_id": "7", "album_id": "1", "storylet_id": "1", "original_text": "", "text": ""}
GEOMETRY = {"id": 7, "problem_text": Q, "annotat_text": Q, "compact_text": Q, "choices": CHOICES, "precise_value": [1.0, 2.0, 3.0, 4.0], "answer": "B", "problem_type_graph": ["x"], "problem_type_goal": ["y"], "data_type": "train", "compact_choices": CHOICES}
GOLD = "B. green"
GRID = [{"Town": "Stone", "People": "12"}, {"Town": "Ford", "People": "9"}]

FIELDS: Mapping[str, Callable[[Entry], Published]] = {
    "hitab_jsonl": made({"data/train_samples.jsonl": [{"id": "1", "table_id": "7", "table_source": "nsf", "sentence_id": "1", "sub_sentence_id": "1", "sub_sentence": "x", "question": Q, "answer": [11.0, "b"], "aggregation": ["none"], "linked_cells": {}, "answer_formulas": [], "reference_cells_map": {}}], **{f"data/tables/raw/{at}.json": {"title": "T", "texts": [["Town"], [f"Stone {at}"]], "top_root": {}, "left_root": {}} for at in (6, 7)}}, (), Told(f"T\nTown\nStone 7\n\n{Q}", "11, b", 0, evidence="Stone 7")),
    "wtq_tsv": made({"data/training.tsv": [{"id": "nt-1", "utterance": Q, "context": "csv/204-csv/5.csv", "targetValue": "Stone|Ford"}], "csv/204-csv/5.csv": GRID, "csv/204-csv/6.csv": GRID}, (), Told(f"Town | People\nStone | 12\nFord | 9\n\n{Q}", "Stone, Ford", 0)),
    "sqa_tsv": made({"train.tsv": [{"id": "nt-1", "annotator": "0", "position": str(at), "question": f"Question {at + 1}?", "table_file": "table_csv/203_5.csv", "answer_coordinates": "['(0, 0)']", "answer_text": f"['Answer {at + 1}']"} for at in (1, 0)], "table_csv/203_5.csv": GRID, "table_csv/203_6.csv": GRID}, (), Told(f"Stone | 12\nFord | 9\n\n{Q}", "Answer 2", 0, turns=4)),
    "wikisql_jsonl": made({"data/train.jsonl": [{"phase": 1, "table_id": "1-1", "question": Q, "sql": {"sel": 0, "agg": 0, "conds": [[1, 1, "10"]]}}], "data/train.tables.jsonl": [{"id": "1-1", "header": ["Town", "People"], "types": ["text", "real"], "rows": [["Stone", 12], ["Ford", 9]], "name": "table_1"}]}, (), Told(f"Town | People\nStone | 12\nFord | 9\n\n{Q}", "Stone", 0, gold="Stone")),
    "arxivqa_jsonl": made({"arxivqa.jsonl": [
        {"id": "c-1", "image": "images/1.jpg", "options": ["A) red", "B) green"], "question": Q, "label": "B", "rationale": RATIONALE},
        {"id": "c-2", "image": "images/1.jpg", "options": ["A. red", "B. green"], "question": "Question 2?", "label": "[B]", "rationale": RATIONALE},
        {"id": "c-3", "image": "images/1.jpg", "options": ["- A red", "- B green"], "question": "Question 3?", "label": "B) green", "rationale": RATIONALE},
        {"id": "c-4", "image": "images/1.jpg", "options": ["red", "green"], "question": "Question 4?", "label": "green", "rationale": RATIONALE},
        {"id": "c-5", "image": "images/1.jpg", "options": ["red", "green"], "question": "Question 5?", "label": "", "rationale": RATIONALE},
        {"id": "c-6", "image": "images/1.jpg", "options": ["A) red", "B) green", "##"], "question": "Question 6?", "label": "B.", "rationale": RATIONALE},
    ]}, ("images/1.jpg",), *(Told(f"Question {at}?", GOLD, gold="B") for at in (1, 2, 3, 4, 6)), rejects=1),
    "dvqa_json": made({"train_qa.json": [{"image": "bar_train_00000001.png", "question": Q, "answer": "two", "question_type": "data", "bbox_answer": [], "question_id": 1}], "train_metadata.json": [{"image": "bar_train_00000001.png", "table": [["None", "a"]]}]}, ("images/bar_train_00000001.png",), Told(Q, "two", gold="two")),
    "plotqa_json": made({"train/qa_pairs_v1.json": {"qa_pairs": [{"image_index": 0, "question_string": Q, "answer": 12.25, "answer_bbox": {}, "template": "x", "type": "line", "question_id": 1, "qid": 1}]}, "train/annotations.json": [{"type": "line", "image_index": 0}]}, ("train/png/0.png",), Told(Q, "12.25", gold="12.25")),
    "laion_gpt4v": made({"train-00000-of-00001.parquet": [{"link": "https://cdn.example/1.png", "caption": A, "message_id": "1", "timestamp": "x"}]}, (), rejects=1),
    "tatqa_json": made({"tatqa_dataset_train.json": [TATQA]}, (), Told("| Sales | 12 |\n\nFirst.\n\nSecond.", "12.5 million", 0, turns=4)),
    "finqa_json": made({"dataset/train.json": [FINQA]}, (), Told("sales | 1", "0.5", 0, gold="0.5")),
    "videoinstruct_json": made({"VideoInstruct100K.json": [{"q": Q, "a": A, "video_id": "v_1"}, {"q": "Question 2?", "a": "Answer 2", "video_id": "v_1"}]}, ("videos/v_1.mp4",), Told(Q, A), Told("Question 2?", "Answer 2")),
    "egoschema": made({"Subset/test-00000-of-00001.parquet": [{"question_idx": "1", "question": Q, "video_idx": "u-1", "option": ["A. red", "B. green"], "answer": "1"}], "MC/test-00000-of-00001.parquet": [{"question_idx": "2", "question": Q, "video_idx": "u-1", "option": ["A. red", "B. green"], "answer": None}]}, ("videos/u-1.mp4",), Told(Q, GOLD, gold="B"), rejects=1),
    "mimicit_json": made({"CGD_instructions.json": {"meta": {"version": "1"}, "data": {"CGD_INS_1": {"instruction": Q, "answer": A, "image_ids": ["CGD_IMG_1", "CGD_IMG_2"], "rel_ins_ids": ["CGD_INS_2"]}}}, "CGD.json": {f"CGD_IMG_{at}": base64.b64encode(picture(at)).decode() for at in (1, 2)}}, (), Told(Q, A, 2)),
    "videomme_parquet": made({"videomme/test-00000-of-00001.parquet": [{"video_id": "001", "duration": "short", "domain": "x", "sub_category": "y", "url": "https://y", "videoID": "abc", "question_id": "001-1", "task_type": "x", "question": Q, "options": ["A. red", "B. green"], "answer": "B"}]}, ("data/abc.mp4",), Told(Q, GOLD, gold="B")),
    "screenqa_json": made({"answers_and_bboxes/train.json": [{"image_id": "77", "image_width": 1, "image_height": 2, "question": Q, "ground_truth": [{"full_answer": A, "ui_elements": [{"text": "x", "bounds": [0, 0, 1, 1], "vh_index": 3}]}]}], "short_answers/train.json": [{"image_id": "77", "question": Q, "ground_truth": ["x"]}]}, ("combined/77.jpg",), Told(Q, A)),
    "wit_tsv": made({"wit.tsv": [WIT]}, (), rejects=1),
    "clevr_json": made({"CLEVR_v1.0/questions/CLEVR_train_questions.json": {"info": {}, "questions": [{"image_index": 0, "question_index": 0, "image_filename": "CLEVR_train_000000.png", "question_family_index": 1, "split": "train", "question": Q, "answer": "3", "program": []}]}, "CLEVR_v1.0/scenes/CLEVR_train_scenes.json": {"info": {}, "scenes": [{"image_index": 0, "objects": []}]}}, ("CLEVR_v1.0/images/train/CLEVR_train_000000.png",), Told(Q, "3", gold="3")),
    "flat_qa_jsonl": made({"data/test.jsonl": [{"id": "1", "question": f"{Q}\n<image1>\n<image2>", "options": list("ABCDE"), "answer": "C", "solution": None, "level": 1, "subject": "x", "image": "images/1.jpg"}, {"id": "2", "question": "Question 2?\n<image1>", "options": [], "answer": "12", "solution": RATIONALE, "level": 1, "subject": "x", "image": "images/2.jpg"}]}, ("images/1.jpg", "images/2.jpg"), Told(Q, "C", gold="C"), Told("Question 2?", "12", gold="12")),
    "viquae_jsonl": made({"train.jsonl": [{"image": "512px-Jäckie, 50%.png", "input": Q, "kilt_id": "k", "id": "1", "meta": {}, "original_question": "Who?", "output": {"original_answer": A, "answer": [A, "b"], "provenance": []}, "url": "https://x", "wikidata_id": "Q1"}]}, ("images/512px-Jäckie, 50%.png",), Told(Q, A, gold=A)),
    "textvqa_json": made({"TextVQA_0.5.1_train.json": {"dataset_type": "train", "dataset_name": "x", "dataset_version": "0.5.1", "data": [{"question": Q, "question_id": 1, "question_tokens": ["q"], "image_id": "ab12", "image_classes": ["x"], "flickr_original_url": "u", "flickr_300k_url": "u", "image_width": 1, "image_height": 1, "answers": ["two", "one", "two"], "set_name": "train"}]}}, ("textvqa:train_images/ab12.jpg",), Told(Q, "two", gold="two")),
    "vqa_pair_json": squad,
    "coco_json": captions,
    "narratives_jsonl": made({"coco_train_localized_narratives-00000-of-00004.jsonl": [{"dataset_id": "mscoco_train2017", "image_id": "9", "annotator_id": 1, "caption": A, "timed_caption": [], "traces": [[{"x": -0.1, "y": 1.1, "t": 0.0}]], "voice_recording": "v.ogg"}], "open_images_train_v6_localized_narratives-00000-of-00010.jsonl": [{"dataset_id": "open_images_train_v6", "image_id": "ab12", "annotator_id": 1, "caption": "Answer 2", "timed_caption": [], "traces": [], "voice_recording": "v.ogg"}], "ade20k_train_localized_narratives.jsonl": [{"dataset_id": "ade20k_train", "image_id": "00000007", "annotator_id": 1, "caption": "Answer 3"}]}, ("coco:train2017/000000000009.jpg", "openimages/ab12.jpg", "ade/ADE_train_00000007.jpg"), *(Told("", answer) for answer in (A, "Answer 2", "Answer 3"))),
    "visual_genome_json": made({"question_answers.json": [{"id": at, "qas": [{"qa_id": at, "image_id": at, "question": f"Question {at}?", "answer": "Green.", "a_objects": [], "q_objects": []}]} for at in (1, 2)], "image_data.json": [{"width": 1, "height": 1, "url": "u", "image_id": 1}]}, ("vg:VG_100K/1.jpg", "vg:VG_100K_2/2.jpg"), Told(Q, "Green."), Told("Question 2?", "Green.")),
    "text_json": made({"MathInstruct.json": [{"source": "data/CoT/x.json", "instruction": Q, "output": A}, {"source": "data/PoT/x.json", "instruction": "Question 2?", "output": "def f():\n    return 1\n"}]}, (), Told(Q, A, 0), Told("Question 2?", "return 1", 0)),
    "lrv_json": made({"filter_cap1.json": [{"image_id": "2", "question": Q, "answer": A, "task": "negative"}]}, ("VG_100K_2/2.jpg",), Told(Q, A)),
    "tabmwp_json": made({"data/tabmwp/problems_train.json": {"7": TABMWP}, "data/tabmwp/splits.json": {"train": ["7"]}}, ("data/tabmwp/tables/7.png",), Told(Q, "$1,200", evidence="T\nA | B")),
    "nextqa_csv": made({"dataset/nextqa/train.csv": [NEXT], "dataset/nextqa/map_vid_vidorID.json": {"4010": "1006/4010"}}, ("NExTVideo/1006/4010.mp4",), Told("why is it", "C. option 2", gold="C")),
    "perception_test_json": made({"mc_question_train.json": PERCEPTION}, ("videos/video_1.mp4",), Told(Q, "A. red", turns=4)),
    "textocr_json": made({"TextOCR_0.1_train.json": {"imgs": {"ab": {"id": "ab", "width": 1, "height": 1, "set": "train", "file_name": "train/ab.jpg"}}, "anns": {"ab_1": {"id": "ab_1", "image_id": "ab", "bbox": [0, 0, 1, 1], "points": [], "utf8_string": "Hello", "area": 1}, "ab_2": {"id": "ab_2", "image_id": "ab", "bbox": [0, 0, 1, 1], "points": [], "utf8_string": ".", "area": 1}}, "imgToAnns": {"ab": ["ab_1", "ab_2"]}}}, ("train/ab.jpg",), Told("", "Hello")),
    "textocr_gpt4v": made({"data/train-00000.parquet": [{"filename": "ab.jpg", "caption_image": A, "caption_text": ["x"], "caption_condensed": "c", "image_hash_sha256": "h"}]}, ("images/ab.jpg",), Told("", A)),
    "llava_eval_jsonl": made({"questions.jsonl": [{"question_id": 1, "image": "1.jpg", "text": Q, "category": "c"}], "answers.jsonl": [{"question_id": 1, "text": A, "category": "c"}]}, ("images/1.jpg",), Told(Q, A)),
    "visualmrc_jsonl": made({"data/train.jsonl": [{"id": "1", "url": "u", "screenshot_filename": "s.png", "image_filename": "images/1.png", "bounding_boxes": [], "qa_data": [{"question": {"text": Q}, "answer": {"text": A, "relevant": []}}, {"question": {"text": "Question 2?"}, "answer": {"text": "Answer 2", "relevant": []}}]}]}, ("images/1.png",), Told(Q, "Answer 2", turns=4)),
    "nlvr2_jsonl": made({"nlvr2/data/train.lines.json": [NLVR2, {**NLVR2, "sentence": "It is not."}]}, ("images/train/61/train-850-0-img0.png", "images/train/61/train-850-0-img1.png"), Told("It is so.", "True", 2, gold="True"), Told("It is not.", "True", 2)),
    "demon_json": made({"core/x/x.json": DEMON}, ("core/x/images/1.jpg", "core/x/images/2.jpg"), Told(Q, A, 2)),
    "edit_parquet": made({"data/train-00000-of-00010.parquet": [{"input": "a cat", "edit": A, "inverse_edit": "b", "output": "a dog", "input_image": struct(1), "output_image": struct(2)}]}, (), Told("", A, 2)),
    "vist_sis_json": made({"sis/train.story-in-sequence.json": {"albums": [], "images": [{"id": f"{at}", "album_id": "1"} for at in range(5)], "annotations": [[{**STORY, "worker_arranged_photo_order": at, "photo_flickr_id": f"{at}", "original_text": f"Sentence {at}."}] for at in (3, 0, 1, 2, 4)]}}, tuple(f"images/{at}.jpg" for at in range(5)), Told("", "Sentence 4.", 5)),
    "activitynetqa_json": made({"dataset/train_q.json": [{"video_name": "1Ab", "question": "is it so", "question_id": "v_1Ab_1"}], "dataset/train_a.json": [{"answer": "yes", "type": 3, "question_id": "v_1Ab_1"}]}, ("all_videos/v_1Ab.mkv",), Told("is it so", "yes", gold="yes")),
    "videochatgpt_bench_json": made({"generic_qa.json": [{"Q": Q, "A": A, "video_name": "v_1"}], "consistency_qa.json": [{"Q1": "Question 2?", "Q2": "Question 3?", "A": "Answer 2", "video_name": "v_1"}]}, ("videos/v_1.mp4",), Told(Q, A), Told("Question 2?", "Answer 2", turns=4)),
    "hf_qa_parquet": made({"data/train-00000.parquet": [{"images": [struct(1)], "problem": f"<image>{Q}", "answer": "48"}]}, (), Told(Q, "48", gold="48")),
    "geometry3k_folder": made({"train/7/data.json": GEOMETRY, "train/8/data.json": {**GEOMETRY, "id": 8, "problem_text": "Question 2?"}, "train/7/logic_form.json": {"x": ["y"]}}, ("train/7/img_diagram.png", "train/8/img_diagram.png"), Told(Q, GOLD, gold="B"), Told("Question 2?", GOLD, gold="B")),
    "iconqa_folder": made({"iconqa_data/iconqa/train/choose_txt/7/data.json": {"question": Q, "choices": CHOICES, "answer": 1, "ques_type": "choose_txt", "grade": "grade1", "label": "S2"}, "iconqa_data/iconqa/train/fill_in_blank/8/data.json": {"question": "Question 2?", "answer": "5", "ques_type": "fill_in_blank", "grade": "grade1", "label": "S2"}}, ("iconqa_data/iconqa/train/choose_txt/7/image.png", "iconqa_data/iconqa/train/fill_in_blank/8/image.png"), Told(Q, GOLD, gold="B"), Told("Question 2?", "5", gold="5")),
    "origin:docvqa_llava": made({"train_v1.0_withQT.json": {**HEADER, "data": [{"questionId": 1, "question": Q, "question_types": ["x"], "image": "documents/xnbl0037_1.png", "docId": 1, "ucsf_document_id": "xnbl0037", "ucsf_document_page_no": "1", "answers": [A, "b"], "data_split": "train"}]}}, ("spdocvqa_images/xnbl0037_1.png",), Told(Q, A, gold=A)),
    "origin:infographicvqa": made({"infographicsVQA_train_v1.0.json": {**HEADER, "data": [{"questionId": 1, "question": Q, "image_local_name": "3.jpeg", "image_url": "https://x/3.jpeg", "ocr_output_file": "3.json", "answers": [A], "data_split": "train"}]}}, ("infographicsvqa_images/3.jpeg",), Told(Q, A, gold=A)),
    "origin:chartqa_cauldron_llava_format": made({"train/train_human.json": [{"imgname": "1.png", "query": Q, "label": "0.57"}]}, ("train/png/1.png",), Told(Q, "0.57", gold="0.57")),
    "origin:mapqa_mathv360k": made({"MapQA-U/questions/train-QA.json": [{"question_id": 1, "map_id": "map_0.png", "question_type": "x", "question_template_id": "t", "question": Q, "answer": ["Ohio", "Utah"], "oracle_delexicalized_answer": "x"}]}, ("MapQA-U/images/map_0.png",), Told(Q, "Ohio, Utah")),
    "origin:st_vqa_cauldron_llava_format": made({"train_task_3.json": {"task_id": 3, "task_name": "x", "data": [{"question_id": 1, "file_name": "a.jpg", "file_path": "coco-text/a.jpg", "question": Q, "answers": [A, "b"], "dataset": "coco-text", "set_name": "train"}]}}, ("coco-text/a.jpg",), Told(Q, A, gold=A)),
    "origin:vistext_cauldron": made({"data/data_train.json": [{"caption_id": "12_01", "img_id": "12", "split": "train", "scenegraph": "s", "datatable": "d <s> 1", "caption_L1": "First.", "caption_L2L3": A, "L1_properties": ["bar"]}]}, ("data/images/12.png",), Told("", A, evidence="d <s> 1")),
    "origin:lrv_chart": made({"chart_release_update.json": [{"image_id": "12", "question": Q, "answer": A, "task": "negative"}]}, ("chart_image/12.png",), Told(Q, A)),
    "origin:pmc_vqa_mathv360k": made({"train.csv": [{"Figure_path": "PMC1_F1.jpg", "Caption": "A caption.", "Question": Q, "Anwser": "green", "Choice A": " A:red ", "Choice B": " B:green ", "Choice C": " C:blue", "Choice D": " D:grey", "Answer_label": "B"}]}, ("images/PMC1_F1.jpg",), Told(Q, GOLD, gold="B")),
    "origin:websight_cauldron": made({"data/train-00000.parquet": [{"image": struct(1), "text": "<html><img src=x></html>", "llm_generated_idea": "i"}]}, (), Told("", "</html>\n```")),
    "origin:tallyqa_cauldron_llava_format": made({"train.json": [{"answer": 2, "data_source": "imported_genome", "image": "VG_100K_2/2.jpg", "image_id": 92, "question": Q, "question_id": 1}]}, ("VG_100K_2/2.jpg",), Told(Q, "2", gold="2")),
    "origin:tqa_cauldron_llava_format": made({"train/tqa_v1_train.json": TQA}, ("train/question_images/1.png",), Told(Q, "B. green", 0, gold="B"), Told("Question 2?", "B. green", gold="B")),
    "origin:visual7w_cauldron_llava_format": made({"dataset.json": {"dataset": "v7w_telling", "images": [{"image_id": 2, "filename": "v7w_2.jpg", "split": "train", "qa_pairs": [{"qa_id": 1, "question": Q, "answer": "Green.", "multiple_choices": ["Red.", "Blue.", "Grey."], "type": "what"}]}]}}, ("images/v7w_2.jpg",), Told(Q, "Green.")),
    "origin:clevr_math_mathv360k": made({"clevr-math-train.json": {"info": {}, "questions": [{"image_filename": "CLEVR_train_000000.png", "question": Q, "answer": 3, "template_filename": "addition"}]}}, ("images/train/CLEVR_train_000000.png",), Told(Q, "3", gold="3")),
    "origin:super_clevr_mathv360k": made({"superCLEVR_questions_30k.json": {"info": {}, "questions": [{"image_filename": "superCLEVR_new_000001.png", "image_index": 1, "question_index": 0, "question": Q, "answer": "suv", "split": "new"}]}}, ("images/superCLEVR_new_000001.png",), Told(Q, "suv", gold="suv")),
    "origin:vizwiz_mathv360k": made({"Annotations/train.json": [{"image": "VizWiz_train_00000000.jpg", "question": Q, "answers": ten(A), "answer_type": "other", "answerable": 1}]}, ("train/VizWiz_train_00000000.jpg",), Told(Q, A, gold=A)),
    "origin:a_okvqa_cauldron_llava_format": made({"aokvqa_v1p0_train.json": [AOKVQA]}, ("train2017/000000000009.jpg",), Told(Q, f"{RATIONALE}\nAnswer: C. blue", gold="C")),
    "origin:vsr_cauldron_llava_format": made({"data/splits/random/train.jsonl": [VSR]}, ("train2017/000000000009.jpg",), Told("It is so.", "True", gold="True")),
    "origin:scienceqa_nona_context": made({"data/scienceqa/problems.json": {"7": {**SCIENCE, "image": "image.png"}, "8": {**SCIENCE, "question": "Question 2?", "image": None}}, "data/scienceqa/pid_splits.json": {"train": ["7"]}}, ("data/scienceqa/images/train/7/image.png",), Told(Q, "B. green", gold="B"), Told("Question 2?", "B. green", 0, gold="B")),
    "origin:vqa_rad_cauldron_llava_format": made({"trainset.json": [{"qid": 1, "image_name": "synpic1.jpg", "image_organ": "HEAD", "answer": 2, "answer_type": "CLOSED ", "question_type": "x", "question": Q, "phrase_type": "para"}]}, ("images/synpic1.jpg",), Told(Q, "2", gold="2")),
}  # fmt: skip
FIELDS = {
    **FIELDS,
    "origin:tabmwp_mathv360k": FIELDS["tabmwp_json"], "origin:geometry3k_mathv360k": FIELDS["geometry3k_folder"],
    "origin:iconqa_mathv360k": FIELDS["iconqa_folder"],
}  # fmt: skip
BY_SOURCE: Mapping[str, Callable[[Entry], Published]] = {
    "sketchyvqa": made({"ood/sketchy-vqa/sketchy-vqa.json": [{"image": "sketchydata/1.png", "question": Q, "answer": "Yes"}]}, ("sketchydata/1.png",), Told(Q, "Yes", gold="Yes")),
    "oodvqa": made({"ood/oodcv-vqa/oodcv-vqa.json": [{"image": "images/1.jpg", "question": Q, "answer": "0", "text_answer": "green", "options": ["green", "red"], "situation": "pose"}]}, ("ood/oodcv-vqa/images/1.jpg",), Told(Q, "green")),
    "vizwiz": FIELDS["origin:vizwiz_mathv360k"],
    "gqa": made({"train_balanced_questions.json": {"07": {"question": Q, "answer": "yes", "fullAnswer": "Yes, it is.", "imageId": "n9", "isBalanced": True, "groups": {"global": None, "local": "x"}, "types": {}, "semantic": [], "semanticStr": "", "annotations": {}, "entailed": [], "equivalent": []}}}, ("gqa:images/n9.jpg",), Told(Q, "yes", gold="yes")),
    "ocr_vqa": made({"dataset.json": {"07": {"imageURL": "http://a/1.gif", "questions": [Q, "Question 2?"], "answers": [A, "Answer 2"], "title": "T", "authorName": "N", "genre": "G", "split": 1}}}, ("ocr_vqa:images/07.gif",), Told(Q, "Answer 2", turns=4)),
    "orca": made({"1M-GPT4-Augmented.parquet": [{"id": "flan.1", "system_prompt": "Be kind.", "question": Q, "response": A}, {"id": "flan.2", "system_prompt": "", "question": "Question 2?", "response": ""}]}, (), Told(f"Be kind.\n\n{Q}", A, 0), rejects=1),
    "numinamath": made({"data/train-00000-of-00005.parquet": [{"source": "cn_k12", "problem": Q, "solution": A, "messages": [{"content": Q, "role": "user"}, {"content": A, "role": "assistant"}]}]}, (), Told(Q, A, 0)),
    "orca_math": made({"data/train-00000-of-00001.parquet": [{"question": Q, "answer": A}]}, (), Told(Q, A, 0)),
    "pathvqa": made({"data/train-00000-of-00007.parquet": [{"image": struct(1), "question": Q, "answer": "yes"}]}, (), Told(Q, "yes", gold="yes")),
    "lnqa": made({"data/train-00000.parquet": [{"image": struct(1), "qa": [{"answer": A, "question": Q}, {"answer": "Answer 2", "question": "Question 2?"}]}]}, (), Told(Q, "Answer 2", turns=4)),
    "macaw_llm": made({"data/generated_examples_coco.json": {"data": [{"id": "000000000009.jpg", "instruction": Q, "response": A}]}}, ("coco:train2017/000000000009.jpg",), Told(Q, A)),
    "detgpt": made({"dataset/coco/coco_task_annotation.json": {"annotations": [{"image_id": "000000000009", "task": Q, "answer": A}]}}, ("dataset/coco/train2017/000000000009.jpg",), Told(Q, A)),
}  # fmt: skip
BY_VARIANT: Mapping[tuple[str, str], Callable[[Entry], Published]] = {
    ("iconqa", "lmms_eval_parquet"): made({"data/test-0.parquet": [{"question_id": "1", "question": Q, "choices": "red, green", "answer": "green", "query_image": struct(1), "choice_image_0": None, "choice_image_1": None, "ques_type": "choose_txt", "label": "x", "grade": "g", "skills": ["s"]}]}, (), Told(Q, GOLD, gold="B")),
    ("videochatgpt", "lmms_eval_parquet"): made({"Generic/test-0.parquet": [{"video_name": "v_1", "question": Q, "question_1": "None", "question_2": "None", "answer": A}]}, ("videos/v_1.mp4",), Told(Q, A)),
}  # fmt: skip
NOT_READ = {
    "egoschema_json": "the answers are bare numbers under ids; the hub's tables are read",
    "flintstones_json_npy": "frames of clips in numpy arrays",
    "pororo_npy_csv": "pickled object arrays", "origin:geos_mathv360k": "no field is documented",
}  # fmt: skip
