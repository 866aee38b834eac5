"""Hubs' copies of data sets and releases in archives, in their own layouts, through the whole pass."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from normalised import normalised, places
from publishing import picture

PIXELS = {"bytes": b"\x89PNG\r\n\x1a\n", "path": None}
BOXES = '\ufeff1,2,3,2,3,4,1,4,0,"\u91d1"\r\n1,2,3,2,3,4,1,4,0,"b"\r\n'
PROBLEM = {"problem_text": "Find m.", "choices": ["30", "40"], "answer": "B", "problem_type_graph": [], "id": 11}
SCIENCE = {"question": "How many?", "choices": ["1", "2"], "answer": 1, "hint": "", "lecture": "", "solution": ""}
MATH = {"id": "1", "question": "How?\n<image1>", "options": [], "answer": "12", "solution": None, "level": 2}
SHOT = "Write one HTML page, with its style inside, that looks like this screenshot."
OBJECTS = {
    "image_id": 9, "width": 100, "height": 100,
    "objects": {"category": [0, 9], "bbox": [[10.0, 20.0, 50.0, 60.0], [0.0, 0.0, 100.0, 100.0]], "area": [1.0, 1.0]},
}  # fmt: skip
CAPTIONS = {"question": "Come up with a caption.", "question_id": "1.jpg", "file_name": "1.jpg"}

PAGES = {
    "language": ["fr", "de", "en"], "caption_reference_description": ["Une tour.", None, "A tower."],
    "context_page_description": ["a", "b", "c"],
}  # fmt: skip

Told = tuple[str, str, str | None, str | list[str]]
"""End of the question, answer, gold answer, medium or media."""
PMC = "index,Figure_path,Caption,Question,Choice A,Choice B,Choice C,Choice D,Answer,split"
NEXTQA = {"video": "40", "question": "how many", "answer": 3, "qid": 1, "type": "CH"} | dict(
    zip(("a0", "a1", "a2", "a3", "a4"), ("two", "one", "3", "four", "6"), strict=True)
)
COPIES: Mapping[str, tuple[str, Mapping[str, Any], list[Told]]] = {
    "ai2d, indices as text beside numbers": (
        "ai2d_gpt4v",
        {"data/test.parquet": [{"question": "How many?", "options": ["1", "2", "3"], "answer": "1", "image": PIXELS}]},
        [("C. 3", "B. 2", "B", "embedded")],
    ),
    "scienceqa, hints before questions": (
        "scienceqa_nona_context",
        {"data/train.parquet": [{**SCIENCE, "image": PIXELS}, {**SCIENCE, "image": None, "hint": "Two."}]},
        [("How many?\nA. 1\nB. 2", "B. 2", "B", "embedded"), ("Two.\n\nHow many?\nA. 1\nB. 2", "B. 2", "B", "")],
    ),
    "mathvision, a path beside the picture": (
        "mathvision", {"data/test.parquet": [{**MATH, "image": "images/1.jpg", "decoded_image": PIXELS}]},
        [("How?", "12", "12", "embedded")],
    ),
    "textcaps, all captions of a picture": (
        "textcaps", {"data/train.parquet": [{"image": PIXELS, "image_id": "a", "reference_strs": ["a book", "b"]}]},
        [("Describe this picture.", "a book", None, "embedded")],
    ),
    "coco, all captions of a picture": (
        "coco_caption_val", {"data/val.parquet": [{**CAPTIONS, "image": PIXELS, "answer": ["A black cat.", "A cat."]}]},
        [("Come up with a caption.", said, None, "embedded") for said in ("A black cat.", "A cat.")],
    ),
    "coco, a caption a record": (
        "coco_caption_train",
        {"coco_karpathy_train.json": [{"caption": "A cat.", "image": "train2014/1.jpg", "image_id": "coco_1"}]},
        [("Describe this picture.", "A cat.", None, "train2014/1.jpg")],
    ),
    "coco, a list of captions a record": (
        "coco_caption_val",
        {"coco_karpathy_val.json": [{"caption": ["Cats.", "A black cat sits."], "image": "val2014/1.jpg"}]},
        [("Describe this picture.", "Cats.", None, "val2014/1.jpg")],
    ),
    "coco, captions of few words": (
        "coco_caption_val",
        {"data/val.parquet": [{**CAPTIONS, "image": PIXELS, "answer": ["A cat", "A dog", "A cat"]}]},
        [("Come up with a caption.", said, None, "embedded") for said in ("A cat", "A dog")],
    ),
    "coco, a sentence a row": (
        "coco_caption_val",
        {"data/val.parquet": [
            {"image": PIXELS, "split": "val", "cocoid": 3, "sentences": {"raw": "A cat.", "sentid": 5}}
        ]},
        [("Describe this picture.", "A cat.", None, "embedded")],
    ),
    "coco, objects of a row as corners": (
        "mscoco", {"data/train.parquet": [{**OBJECTS, "image": PIXELS}]},
        [("from 0 to 1.", "person: [0.100, 0.200, 0.500, 0.600]\ntraffic light: [0.000, 0.000, 1.000, 1.000]", None,
          "embedded")],
    ),
    "nlvr2, both pictures of a row": (
        "nlvr2",
        {"data/train.parquet": [
            {"identifier": "a-1", "sentence": "Two.", "label": "True", "left_image": PIXELS, "right_image": PIXELS}
        ]},
        [("true or false? Two.", "True", "True", ["embedded", "embedded"])],
    ),
    "iconqa, no choices in words": (
        "iconqa",
        {"data/t.parquet": [
            {"question": "How many?", "choices": "None", "answer": "4", "query_image": PIXELS, "choice_image_0": None}
        ]},
        [("How many?", "4", "4", "embedded")],
    ),
    "words, a folder of pictures with its metadata": (
        "iiit5k", {"train/metadata.jsonl": '{"file_name": "a.png", "text": "You"}\n'},
        [("on a line of its own.", "You", "You", "a.png")],
    ),
    "digits, a folder of pictures with its metadata": (
        "orand_car_a", {"train/metadata.csv": "file_name,label\na.png,0123\n"},
        [("with the text alone.", "0123", "0123", "a.png")],
    ),
    "captions, a folder of pictures with its metadata": (
        "coco_caption_train", {"train/metadata.jsonl": '{"file_name": "a.jpg", "text": "A cat."}\n'},
        [("Describe this picture.", "A cat.", None, "a.jpg")],
    ),
    "iiit5k, as mmocr writes labels": (
        "iiit5k",
        {"textrecog_train.json": {"data_list": [{"img_path": "a.png", "instances": [{"text": "You"}]}]}},
        [("with the text alone.", "You", "You", "a.png")],
    ),
    "demon, the task in the head of the document": (
        "flintstonessv",
        {"core.json": {
            "metadata": {"task_instruction": ["First.", "Go on with the story."]},
            "data": [{
                "task_instruction_id": 1, "response": "Fred.",
                "task_instance": {"context": "{image#1} A. {table#2}", "images_path": ["1.png", "2.png"]},
            }],
        }},
        [("Go on with the story.\n<image> A. <image>", "Fred.", None, ["1.png", "2.png"])],
    ),
    "demon, tasks by number": (
        "nlvr2",
        {"full.json": {
            "metadata": {"task_instruction": {"0": "Is it so?", "1": "No."}},
            "data": [{
                "task_instruction_id": "0", "response": "True",
                "task_instance": {
                    "context": "{image#1} A.", "images_path": ["1.png"], "choice_list": ["True", "False"],
                },
            }],
        }},
        [("<image>\nIs it so?\n A.\nA. True\nB. False", "A. True", None, "1.png")],
    ),
    "textvqa, words of a file beside it": (
        "textvqa",
        {
            "TextVQA_0.5.1_train.json": {"data": [
                {"question": "What?", "image_id": "ab", "image_classes": ["x"], "answers": ["nokia"] * 2}
            ]},
            "TextVQA_Rosetta_OCR_v0.2_train.json": {"data": [{"image_id": "ab", "ocr_tokens": ["NOKIA", "3"]}]},
        },
        [("What?", "nokia", "nokia", "train_images/ab.jpg")],
    ),
    "wit, captions in several languages": (
        "wit",
        {"wit_v1.train.tsv": "image_url\tcaption_reference_description\tcaption_attribution_description"
         "\tcaption_alt_text_description\tcontext_page_description\n"
         "http://a/1.jpg\t\t\tA cat on a sofa\tThe film.\n"
         "http://a/2.jpg\t\tDeutsch: Bei Nacht English: A bridge\tB\tThe film.\n"
         "http://a/3.jpg\t\tEspañol: Un puente\tB\tThe film.\n"},
        [
            ("Describe this picture.", said, None, f"http://a/{at}.jpg")
            for at, said in enumerate(("A cat on a sofa", "A bridge", "Un puente"), 1)
        ],
    ),
    "pages without an idea": (
        "websight_cauldron", {"data/train.parquet": [{"image": PIXELS, "text": "<html>a</html>"}]},
        [(SHOT, "```html\n<html>a</html>\n```", None, "embedded")],
    ),
    "perception test, answers by index": (
        "llava_video_perceptiontest",
        {"data/v.parquet": [{"video_name": "v_5", "question": "What?", "options": ["2", "1"], "answer_id": "1"}]},
        [("What?\nA. 2\nB. 1", "B. 1", "B", "v_5")],
    ),
    "wit, all pages of a picture": (
        "wit", {"data/train.parquet": [{"image": PIXELS, "image_url": "https://a/1.jpg", "wit_features": PAGES}]},
        [("Describe this picture.", "A tower.", None, "embedded")],
    ),
    "laion, with its pictures": (
        "laion_gpt4v", {"data/train.parquet": [{"image": PIXELS, "link": "https://a/1.jpg", "caption": "Long."}]},
        [("Describe this picture.", "Long.", None, "embedded")],
    ),
    "textocr, with its pictures": (
        "textocr_cleaned",
        {"data/train.parquet": [{"image": PIXELS, "filename": "a.jpg", "caption_image": "A sign."}]},
        [("Describe this picture.", "A sign.", None, "embedded")],
    ),
    "mapqa, metadata apart": (
        "mapqa_cauldron_llava_format",
        {
            "MapQA_S/train-QA.json": [{"map_id": "map_0.png", "question": "Which?", "answer": ["Ohio", "Iowa"]}],
            "MapQA_S/metadata.json": [{"map_id": 0, "legend_type": "x"}],
        },
        [("Which?", "Ohio, Iowa", "Ohio, Iowa", "map_0.png")],
    ),
    "idk, where annotators disagree": (
        "idk",
        {"IDK-val.json": [{"image": "val2014/1.jpg", "question": "Where?", "answer": ["x", "y"], "keywords": []}]},
        [("Where?", "I don't know.", None, "val2014/1.jpg")],
    ),
    "screenqa, answers of equal worth": (
        "screenqa",
        {"short_answers/test.json": [{"image_id": 6, "question": "How?", "ground_truth": ["<no answer>", "a day"]}]},
        [("How?", "a day", "a day", "combined/6.jpg")],
    ),
    "super-clevr, answers as truth values": (
        "super_clevr_mathv360k",
        {"q.json": {"questions": [{"image_filename": "superCLEVR_0.png", "question": "Any?", "answer": False}]}},
        [("Any?", "no", "no", "superCLEVR_0.png")],
    ),
    "activitynet-qa, names without their first letters": (
        "llava_video_activitynetqa",
        {"data/test.parquet": [{"video_name": "1Q", "question": "Is it?", "question_id": "v_1Q_1", "answer": "yes"}]},
        [("Is it?", "yes", "yes", "v_1Q.mp4")],
    ),
    "pmc-vqa, a choice left blank": (
        "pmc_vqa_mathv360k",
        {"train_2.csv": f"{PMC}\n0,P.jpg,Cap,What?,Mass,,Three,Four,C,train\n"},
        [("What?\nA. Mass\nC. Three\nD. Four", "C. Three", "C", "P.jpg")],
    ),
    "next-qa, as a table of the hub": (
        "llava_video_next_qa",
        {"MC/test-00000-of-00001.parquet": [NEXTQA]},
        [("how many\nA. two\nB. one\nC. 3\nD. four\nE. 6", "D. four", "D", "40.mp4")],
    ),
    "problems in a zip": (
        "geo3k",
        {"train.zip": {f"train/{at}/data.json": PROBLEM for at in (1, 2)} | {"train/1/logic_form.json": {"x": []}}},
        [("Find m.\nA. 30\nB. 40", "B. 40", "B", f"train/{at}/img_diagram.png") for at in (1, 2)],
    ),
    "text files in a zip": (
        "rctw_17", {"train_gts.zip": {f"image_{at}.txt": BOXES for at in (0, 1)}},
        [("on a line of its own.", "\u91d1\nb", None, f"image_{at}.jpg") for at in (0, 1)],
    ),
    "pages in a zip": (
        "design2code", {"testset.zip": {f"testset/{at}.html": f"<p>{at}" for at in (1, 2)}},
        [("this screenshot.", f"```html\n<p>{at}\n```", None, f"testset/{at}.png") for at in (1, 2)],
    ),
    "labels in a zip": (
        "hme", {"hme100k.zip": {"train_labels.txt": "train_0.jpg\tx\ntrain_1.jpg\ty\n"}},
        [("as LaTeX.", said, None, f"train_images/train_{at}.jpg") for at, said in enumerate("xy")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "files", "told"), COPIES.values(), ids=COPIES)
def test_a_copy(tmp_path: Path, name: str, files: Mapping[str, Any], told: list[Told]):
    found = normalised(tmp_path, name, files)
    assert [row["reject"] for row in found if row["reject"]] == []
    samples = [row["sample"] for row in found if row["sample"]]
    assert len(samples) == len(told)
    for sample, (asks, answers, gold, medium) in zip(samples, told, strict=True):
        asked, said = (turn["text"] for turn in sample["conversation"])
        assert asked.endswith(asks)
        assert (said, sample["gold_answer"]) == (answers, gold)
        assert places(sample["media"]) == (medium if isinstance(medium, list) else [medium] if medium else [])


def test_records_of_several_turns_or_pictures(tmp_path: Path):
    asked = {"question": "Which?", "choices": ["A. It.", "B. He."], "answer": "B", "response": "A"}
    (shown,) = normalised(tmp_path, "video_mme", {"template.json": [{"video_id": "001", "questions": [asked, asked]}]})[
        :1
    ]
    assert [turn["text"] for turn in shown["sample"]["conversation"][1::2]] == ["B. He.", "B. He."]
    pair = {"question": "It is so.", "answer": "True", "left_image": PIXELS, "right_image": PIXELS}
    (shown,) = normalised(tmp_path, "nlvr2", {"data/train.parquet": [pair]})[:1]
    assert (len(shown["sample"]["media"]), shown["sample"]["gold_answer"]) == (2, "True")


def test_expressions_of_a_box_in_the_row(tmp_path: Path):
    row = {
        "question_id": "1",
        "question": "Caption the circled area.",
        "answer": ["a cat", "it"],
        "segmentation": [1.0],
    }
    shown = {"image": {"bytes": picture(1), "path": None}, "bbox": [23.0, 46.0, 23.0, 46.0]}
    (sample,) = [row["sample"] for row in normalised(tmp_path, "refcoco", {"data/val.parquet": [row | shown]})[:1]]
    asked = [turn["text"].rpartition("\n")[2] for turn in sample["conversation"][::2]]
    assert (asked, {turn["text"] for turn in sample["conversation"][1::2]}) == (
        ["a cat", "it"], {"[0.100, 0.200, 0.200, 0.400]"},
    )  # fmt: skip
