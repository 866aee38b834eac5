"""One record of each publisher's own layout."""

from collections.abc import Mapping
from typing import Any

import pytest
from drafting import draft_of, paths, reason_of, said

from schemas.enums import DropReason, Modality
from schemas.source import packaged_sources

QUESTION = {"question": "What?", "answer": "this"}
CASES: Mapping[str, tuple[str, dict[str, Any], list[str], list[str]]] = {
    "CLEVR": (
        "clevr_json",
        {**QUESTION, "image_filename": "C_000000.png", "split": "train", "question_index": 0, "program": []},
        ["images/train/C_000000.png"],
        ["<image>\nWhat?", "this"],
    ),
    "TextVQA": (
        "textvqa_json",
        {"question": "What?", "image_id": "0a", "image_classes": [], "answers": ["a", "b", "b"], "question_id": 0},
        ["train_images/0a.jpg"],
        ["<image>\nWhat?", "b"],
    ),
    "ChartQA": (
        "chartqa_json",
        {"imgname": "4.png", "query": "How many?", "label": "14"},
        ["png/4.png"],
        ["<image>\nHow many?", "14"],
    ),
    "VQA-RAD": (
        "vqarad_json",
        {"qid": 1, "image_name": "s.jpg", "question": "How many?", "answer": 3, "answer_type": "OPEN "},
        ["s.jpg"],
        ["<image>\nHow many?", "3"],
    ),
    "GQA": (
        "gqa_json",
        {**QUESTION, "_key": "20", "imageId": "n5", "fullAnswer": "It is this."},
        ["images/n5.jpg"],
        ["<image>\nWhat?", "this"],
    ),
    "OCR-VQA": (
        "ocrvqa_json",
        {"_key": "B0", "imageURL": "http://x/y.gif", "questions": ["Who?", "When?"], "answers": ["He", "1999"]},
        ["images/B0.jpg"],
        ["<image>\nWho?", "He", "When?", "1999"],
    ),
    "TabMWP": (
        "tabmwp_json",
        {
            "_key": "33",
            "question": "Linear?",
            "choices": ["yes", "no"],
            "answer": "no",
            "table": "x | y\n1 | 2",
            "solution": "Look.",
        },
        ["tables/33.png"],
        ["<image>\nLinear?\nA. yes\nB. no", "Look.\nAnswer: B. no"],
    ),
    "TabMWP, free text": (
        "tabmwp_json",
        {"_key": "7", "question": "How many?", "choices": None, "answer": "3", "table": "x", "solution": "Count."},
        ["tables/7.png"],
        ["<image>\nHow many?", "Count.\nAnswer: 3"],
    ),
    "ScienceQA": (
        "scienceqa_json",
        {
            "_key": "1",
            "question": "Where?",
            "choices": ["N", "S"],
            "answer": 1,
            "hint": "See.",
            "image": "image.png",
            "split": "val",
        },
        ["val/1/image.png"],
        ["<image>\nSee.\n\nWhere?\nA. N\nB. S", "B. S"],
    ),
    "ScienceQA without picture": (
        "scienceqa_json",
        {
            "_key": "2",
            "question": "Where?",
            "choices": ["N", "S"],
            "answer": 0,
            "hint": "",
            "image": None,
            "split": "val",
        },
        [],
        ["Where?\nA. N\nB. S", "A. N"],
    ),
    "Visual Genome": (
        "visual_genome_json",
        {
            "id": 1,
            "qas": [{"qa_id": 3, "question": "Colour?", "answer": "Green."}, {"question": "Who?", "answer": "He."}],
        },
        ["1.jpg"],
        ["<image>\nColour?", "Green.", "Who?", "He."],
    ),
    "VSR": (
        "vsr_jsonl",
        {"image": "2.jpg", "caption": "A cat is inside.", "label": 0, "relation": "inside"},
        ["2.jpg"],
        ["<image>\nIs this statement about the picture true or false? A cat is inside.", "False"],
    ),
    "NLVR2": (
        "nlvr2_jsonl",
        {
            "identifier": "train-8-0-1",
            "directory": 4,
            "sentence": "Two.",
            "label": "True",
            "left_url": "",
            "right_url": "",
        },
        ["images/train/4/train-8-0-img0.png", "images/train/4/train-8-0-img1.png"],
        ["<image>\n<image>\nIs this statement about the two pictures true or false? Two.", "True"],
    ),
    "DEMON": (
        "demon_json",
        {
            "sample_id": 0,
            "task_instance": {"context": "{image#1}One.{image#2}", "images_path": ["0.jpg", "1.jpg"]},
            "response": " Two.",
        },
        ["0.jpg", "1.jpg"],
        ["<image>One.<image>", "Two."],
    ),
    "DetGPT": (
        "coco_joined_json",
        {"image_id": "000000000042", "task": "Find food.", "answer": "Therefore the answer is: [apple]"},
        ["000000000042"],
        ["<image>\nFind food.", "Therefore the answer is: [apple]"],
    ),
    "NExT-QA": (
        "nextqa_csv",
        {"video": "40", "question": "how many", "answer": "0", "qid": "6", **{f"a{n}": str(n + 1) for n in range(5)}},
        ["40.mp4"],
        ["<video>\nhow many\nA. 1\nB. 2\nC. 3\nD. 4\nE. 5", "A. 1"],
    ),
    "VideoInstruct": (
        "videoinstruct_json",
        {"q": "What happens?", "a": "A boy dances.", "video_id": "v_1"},
        ["v_1.mp4"],
        ["<video>\nWhat happens?", "A boy dances."],
    ),
    "Video-ChatGPT": (
        "videochatgpt_bench_json",
        {"Q": "Who?", "A": "He.", "video_name": "v_1"},
        ["v_1.mp4"],
        ["<video>\nWho?", "He."],
    ),
    "Video-ChatGPT, two wordings": (
        "videochatgpt_bench_json",
        {"Q1": "Who?", "Q2": "Who is it?", "A": "He.", "video_name": "v_1"},
        ["v_1.mp4"],
        ["<video>\nWho?", "He.", "Who is it?", "He."],
    ),
    "EgoSchema": (
        "egoschema",
        {"question": "Why?", "video_idx": "ab", "option": ["A. so", "B. thus"], "answer": "1"},
        ["ab.mp4"],
        ["<video>\nWhy?\nA. so\nB. thus", "B. thus"],
    ),
    "LNQA": (
        "qa_list_parquet",
        {"image": {"bytes": None, "path": "1.jpg"}, "qa": [{"answer": "A cat.", "question": "What?"}]},
        ["1.jpg"],
        ["<image>\nWhat?", "A cat."],
    ),
    "WIT": (
        "wit_tsv",
        {
            "image_url": "https://x/1.jpg",
            "caption_reference_description": "",
            "caption_attribution_description": "English: A hill",
        },
        ["https://x/1.jpg"],
        ["<image>\nDescribe this picture.", "A hill"],
    ),
    "LAION-GPT4V": (
        "laion_gpt4v",
        {"link": "https://x/1.jpg", "caption": "A ring.", "message_id": "1", "timestamp": ""},
        ["https://x/1.jpg"],
        ["<image>\nDescribe this picture.", "A ring."],
    ),
    "MIMIC-IT": (
        "mimicit_json",
        {
            "_key": "CGD_INS_1",
            "instruction": "Differences?",
            "answer": "A dog.",
            "image_ids": ["CGD_IMG_1", "CGD_IMG_2"],
        },
        ["CGD_IMG_1", "CGD_IMG_2"],
        ["<image>\n<image>\nDifferences?", "A dog."],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_record_of_each_layout(name: str):
    family, value, media, turns = CASES[name]
    draft = draft_of(family, value)
    assert paths(draft) == media
    assert said(draft) == turns


def test_paths_follow_the_folder_of_the_file():
    assert paths(draft_of("chartqa_json", CASES["ChartQA"][1], "test/test_human.json")) == ["test/png/4.png"]
    clevr = draft_of("clevr_json", CASES["CLEVR"][1], "CLEVR_v1.0/questions/q.json")
    assert paths(clevr) == ["CLEVR_v1.0/images/train/C_000000.png"]


AOKVQA: dict[str, Any] = {
    "split": "train", "image_id": 299207, "question_id": "q1", "question": "What is his hurry?",
    "choices": ["1", "a train", "0"], "correct_choice_idx": 1, "direct_answers": ["bus", "late", "Late"],
    "difficult_direct_answer": False, "rationales": ["He runs.", "He looks at the clock."],
}  # fmt: skip


def test_aokvqa_takes_the_right_choice_with_its_first_rationale():
    draft = draft_of("aokvqa_json", AOKVQA)
    assert said(draft) == [
        "<image>\nWhat is his hurry?\nA. 1\nB. a train\nC. 0", "He runs.\nAnswer: B. a train",
    ]  # fmt: skip
    assert (paths(draft), draft.gold_answer, draft.original_id) == (["train2017/000000299207.jpg"], "B", "q1")
    assert draft_of("aokvqa_json", {**AOKVQA, "correct_choice_idx": 2}).gold_answer == "C"


@pytest.mark.parametrize("written", [["bus", "late", "Late"], "['bus', 'late', 'Late']"])
def test_aokvqa_without_a_right_choice_takes_what_most_wrote(written: object):
    value = {**AOKVQA, "split": None, "correct_choice_idx": None, "direct_answers": written, "rationales": []}
    draft = draft_of("aokvqa_json", value)
    assert said(draft) == ["<image>\nWhat is his hurry?", "late"]
    assert paths(draft) == ["000000299207.jpg"]
    assert reason_of("aokvqa_json", {**value, "direct_answers": None}) is DropReason.NO_ANSWER


@pytest.mark.parametrize(
    ("data_set", "image", "path"),
    [
        ("mscoco_val2017", "137576", "val2017/000000137576.jpg"),
        ("open_images_train", "0a1b", "0a1b.jpg"),
        ("Flickr30k_train", "1000092795", "1000092795.jpg"),
        ("ADE20k_train", "ADE_train_00000001", "training/ADE_train_00000001.jpg"),
    ],
)
def test_narratives_lie_where_their_data_set_does(data_set: str, image: str, path: str):
    value = {"dataset_id": data_set, "image_id": image, "annotator_id": 1, "caption": "In this image there is a dog."}
    assert paths(draft_of("narratives_jsonl", value)) == [path]


SAID = {"conversations": [{"from": "human", "value": "?"}, {"from": "gpt", "value": "!"}]}


@pytest.mark.parametrize(
    ("source_id", "file", "value", "path"),
    [
        ("vizwiz", "Annotations/train.json", {"image": "V_train_1.jpg", **QUESTION}, "train/V_train_1.jpg"),
        ("vizwiz", "Annotations/val.json", {"image": "V_val_1.jpg", **QUESTION}, "val/V_val_1.jpg"),
        ("llava_zh", "a.json", {"image": "000000000042.jpg", **SAID}, "train2017/000000000042.jpg"),
        ("cllava_instruct", "a.json", {"image": "000000000042.jpg", **SAID}, "train2017/000000000042.jpg"),
        ("detgpt", "a.json", {"image_id": 42, "task": "?", "answer": "!"}, "train2017/000000000042.jpg"),
    ],
)
def test_where_pictures_of_packaged_sources_lie(source_id: str, file: str, value: dict[str, Any], path: str):
    source = packaged_sources()[source_id]
    assert paths(draft_of(source.family, value, file, reading=source.reading)) == [path]


def test_gold_answers_and_evidence():
    draft = draft_of("tabmwp_json", CASES["TabMWP"][1])
    assert (draft.gold_answer, draft.original_id) == ("B", "33")
    assert draft.evidence is not None
    assert (draft.evidence.kind, draft.evidence.text) == ("table", "x | y\n1 | 2")
    assert draft_of("vsr_jsonl", CASES["VSR"][1]).evidence is None  # the statement may be false
    assert draft_of("videoinstruct_json", CASES["VideoInstruct"][1]).gold_answer is None


def test_test_files_keep_their_answers_back():
    clevr = {key: value for key, value in CASES["CLEVR"][1].items() if key != "answer"}
    assert reason_of("clevr_json", clevr) is DropReason.NO_ANSWER
    assert reason_of("egoschema", {**CASES["EgoSchema"][1], "answer": None}) is DropReason.NO_ANSWER


def test_lists_that_do_not_align():
    value = {"_key": "B0", "questions": ["Who?", "When?"], "answers": ["He"]}
    assert reason_of("ocrvqa_json", value) is DropReason.NO_ANSWER


def test_an_index_beyond_the_options():
    assert reason_of("scienceqa_json", {**CASES["ScienceQA"][1], "answer": 2}) is DropReason.NO_ANSWER


def test_a_table_that_lies_elsewhere_leaves_nothing_to_see():
    value = {"id": "nt-0", "utterance": "Which year?", "context": "csv/1.csv", "targetValue": "2004"}
    assert reason_of("wtq_tsv", value) is DropReason.MISSING_MEDIA


def test_finqa_puts_text_and_table_before_the_question():
    value = {
        "pre_text": ["Sales rose .", "."], "post_text": [], "table": [["", "2019"], ["sales", "$ 4"]],
        "qa": {"question": "how much ?", "answer": "", "exe_ans": 4.0, "explanation": ""}, "id": "A/2019/1.pdf-1",
    }  # fmt: skip
    draft = draft_of("finqa_json", value, modality=Modality.TEXT)
    assert said(draft) == ["Sales rose .\n\n|  | 2019 |\n| sales | $ 4 |\n\nhow much ?", "4"]


def test_tatqa_answers_take_their_scale():
    value = {
        "table": {"uid": "t", "table": [["a", "b"]]},
        "paragraphs": [{"order": 2, "text": "Second."}, {"order": 1, "text": "First."}],
        "questions": [
            {"question": "Sum?", "answer": 3.5, "scale": "million", "derivation": "1.5 + 2"},
            {"question": "Which?", "answer": ["x", "y"], "scale": "", "derivation": ""},
        ],
    }
    draft = draft_of("tatqa_json", value, modality=Modality.TEXT)
    assert said(draft) == ["a | b\n\nFirst.\n\nSecond.\n\nSum?", "1.5 + 2\nAnswer: 3.5 million", "Which?", "x, y"]
