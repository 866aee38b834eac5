"""Tables that others made of publishers' data, with the columns that their cards name, through the whole pass."""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from normalised import normalised, staged
from publishing import picture

from schemas.config import Media, Storage
from schemas.errors import InputError
from schemas.source import packaged_sources
from udfs.adapters.paired import READ, RECEIPT
from udfs.adapters.regions import LOCATE
from udfs.adapters.releases import CHART

PIXELS = {"bytes": b"\x89PNG\r\n\x1a\n", "path": None}
OTHERS = {"bytes": b"\x89PNG\r\n\x1a\n2", "path": None}
Row = Mapping[str, Any]

FILING = {
    "id": "A/2009/page_1.pdf-1", "pre_text": ["Before ."], "post_text": ["After ."], "table": [["", "x"], ["s", "1"]],
    "question": "how much?",
}  # fmt: skip
BEFORE = "Before .\n\n|  | x |\n| s | 1 |\n\nAfter .\n\nhow much?"
GEOMETRY = {"images": [PIXELS], "problem": "<image>Find x.", "id": 5, "choices": ["1", "2", "3", "4"]}
REFERRED = {
    "ref_id": 7, "ann_id": 5, "image_id": 1, "split": "train", "file_name": "COCO_train2014_000000000001_5.jpg",
    "sentences": [{"sent": "the cat", "raw": "The cat", "sent_id": 1, "tokens": ["the", "cat"]}],
    "raw_anns": json.dumps({"id": 5, "bbox": [20, 10, 40, 50]}), "bbox": [20.0, 10.0, 60.0, 60.0],
    "raw_image_info": json.dumps({"file_name": "COCO_train2014_000000000001.jpg", "width": 200, "height": 100}),
}  # fmt: skip
MAVIS = {
    "image_text_dominant": OTHERS, "image_text_lite": PIXELS, "answer_index": 1, "choices": ["3", "4"],
    "text_en": {"text_dominant_question": "AB is 3. Find x.", "text_lite_question": "Find x.", "CoT_reasoning": "So."},
}  # fmt: skip
SERIES = [
    {"name": "Brazil", "color": "#f00", "bboxes": [{"x": 1}], "label": "Brazil", "x": ["2001", "2002"], "y": [1.5, 2]},
    {"name": "Peru", "color": "#0f0", "bboxes": [{"x": 1}], "label": "Peru", "x": ["2001"], "y": [3]},
]
POINTS = "name | x | y\nBrazil | 2001 | 1.5\nBrazil | 2002 | 2\nPeru | 2001 | 3"


SPOKEN = {"role": "assistant", "content": "A hill it is."}


def part(role: str, data: str, modality: str = "text") -> Row:
    return {"data": data, "modality": modality, "role": role}


def told(*parts: Row, images: int = 1) -> Row:
    return {"images": [PIXELS, OTHERS][:images], "audios": [], "videos": [], "data": parts}


SHOWN, ASKED, ANSWERED = part("user", "0", "image"), part("user", "What?"), part("assistant", "A hill.")
TABLES: Mapping[str, tuple[str, Row, list[str], str | None, int]] = {
    "finqa, a question in the row": ("finqa", {**FILING, "answers": "380"}, [BEFORE, "380"], "380", 0),
    "finqa, with its result": ("finqa", {**FILING, "answer": "", "final_result": "2.5"}, [BEFORE, "2.5"], "2.5", 0),
    "hateful memes": (
        "hatefulmemes_cauldron_llava_format", {"id": 1, "image": PIXELS, "label": 1, "text": "so"},
        ['<image>\nIs this meme hateful? Its text reads "so". Answer yes or no.', "Yes"], "Yes", 1,
    ),
    "geometry3k, the option's text beside its letter": (
        "geo3k", {**GEOMETRY, "answer": "3", "ground_truth": "C"},
        ["<image>Find x.\nA. 1\nB. 2\nC. 3\nD. 4", "C. 3"], "C", 1,
    ),
    "geometry3k, the letter": (
        "geometry3k_mathv360k", {**GEOMETRY, "answer": "C"},
        ["<image>Find x.\nA. 1\nB. 2\nC. 3\nD. 4", "C. 3"], "C", 1,
    ),
    "refcoco, entries as text": (
        "refcoco", REFERRED,
        [
            f"<image>\n{LOCATE}the cat",
            "[0.100, 0.100, 0.300, 0.600]",
        ],
        None, 1,
    ),
    "mavis": ("mavis_math_rule_geo", MAVIS, ["<image>\nFind x.\nA. 3\nB. 4", "So.\nAnswer: B. 4"], "B", 1),
    "plotqa, what a chart shows": (
        "plotqa", {"image": PIXELS, "text": json.dumps(SERIES)}, [f"<image>\n{CHART}", POINTS], None, 1,
    ),
    "plotqa, the same in an object": (
        "plotqa", {"image": PIXELS, "text": json.dumps({"models": SERIES})}, [f"<image>\n{CHART}", POINTS], None, 1,
    ),
    "plotqa, what a chart shows in words": (
        "plotqa", {"image": PIXELS, "text": "Year | Rain <0x0A> 2001 | 3 <0x0A> 2002 | 4"},
        [f"<image>\n{CHART}", "Year | Rain <0x0A> 2001 | 3 <0x0A> 2002 | 4"], None, 1,
    ),
    "plotqa, a question": (
        "plotqa", {"image": PIXELS, "text": "How much rain?", "label": "3.5"},
        ["<image>\nHow much rain?", "3.5"], "3.5", 1,
    ),
    "words in pictures": (
        "textocr_cleaned", {"image": PIXELS, "text": "STOP"}, [f"<image>\n{READ}", "STOP"], "STOP", 1,
    ),
    "words in pictures, where the source asks": (
        "iam_cauldron", {"image": PIXELS, "text": "A hill ."},
        ["<image>\nRead the handwriting in this picture.", "A hill ."], None, 1,
    ),
    "sroie, lines and keys in the row": (
        "sroie",
        {
            "key": "X1", "image": PIXELS, "words": ["SHOP LTD", "TOTAL 9.00"], "bboxes": [[1, 2, 3, 4]] * 2,
            "entities": {"company": "SHOP LTD", "date": "", "address": "A street", "total": "9.00"},
        },
        [
            f"<image>\n{READ}", "SHOP LTD\nTOTAL 9.00", RECEIPT,
            '{"company": "SHOP LTD", "address": "A street", "total": "9.00"}',
        ],
        None, 1,
    ),
    "sroie, keys as Donut wants them": (
        "sroie", {"image": PIXELS, "ground_truth": json.dumps({"gt_parse": {"company": "SHOP", "total": "9.00"}})},
        [f"<image>\n{RECEIPT}", '{"company": "SHOP", "total": "9.00"}'], None, 1,
    ),
    "sroie, words with boxes and tags": (
        "sroie",
        {
            "image": PIXELS, "words": ["SHOP", "LTD", "TOTAL", "9.00", "BYE"], "ner_tags": [1, 1, 0, 4, 0],
            "bboxes": [[10, 10, 40, 20], [45, 11, 60, 21], [10, 30, 40, 40], [70, 32, 90, 41], [12, 50, 30, 60]],
        },
        [f"<image>\n{READ}", "SHOP LTD\nTOTAL 9.00\nBYE"], None, 1,
    ),
    "sroie, lines with boxes and tags": (
        "sroie",
        {"image": PIXELS, "words": ["SHOP LTD", "", "A"], "bboxes": [[9, 10, 40, 20], [9, 25, 40, 28], [9, 30, 40, 40]],
         "ner_tags": [0, 4, 4]},
        [f"<image>\n{READ}", "SHOP LTD\nA"], None, 1,
    ),
    "a word as its label": (
        "iiit5k", {"image": PIXELS, "label": "STOP"},
        ["<image>\nWhat is written in this picture? Answer with the text alone.", "STOP"], "STOP", 1,
    ),
    "visual genome, with its pictures": (
        "visualgenome",
        {"image": PIXELS, "image_id": 1, "qas": {"qa_id": [1, 2], "question": ["What?", "Why?"], "answer": ["x", "y"]}},
        ["<image>\nWhat?", "x", "Why?", "y"], None, 1,
    ),
    "hateful memes, a path beside the picture": (
        "hatefulmemes_cauldron_llava_format", {"id": 1, "img": "img/1.png", "image": PIXELS, "label": 0, "text": "so"},
        ['<image>\nIs this meme hateful? Its text reads "so". Answer yes or no.', "No"], "No", 1,
    ),
    "pmc-vqa, as a table": (
        "pmc_vqa_mathv360k",
        {"Figure_path": "P1.jpg", "Question": " What? ", "Answer": "x", "Choice A": " A:x ", "Choice B": " B:y ",
         "Answer_label": "A"},
        ["<image>\nWhat?\nA. x\nB. y", "A. x"], "A", 1,
    ),
    "formulas": (
        "hme", {"image": PIXELS, "latex": "x ^ 2"},
        ["<image>\nWrite the handwritten formula in this picture as LaTeX.", "x ^ 2"], None, 1,
    ),
    "turns, as an object of lists": (
        "allava_vflan",
        {"image": PIXELS, "conversations": {"from": ["human", "gpt"], "value": ["<image>\nWhat?", "A hill it is."]}},
        ["<image>\nWhat?", "A hill it is."], None, 1,
    ),
    "turns, as text": (
        "multiui", {"image": PIXELS, "messages": json.dumps([{"role": "user", "content": "What?"}, SPOKEN])},
        ["<image>\nWhat?", "A hill it is."], None, 1,
    ),
    "pairs, as an object of lists": (
        "lnqa", {"image": PIXELS, "qa": {"question": ["What?", "Why?"], "answer": ["A hill.", "So."]}},
        ["<image>\nWhat?", "A hill.", "Why?", "So."], None, 1,
    ),
    "annotators, as an object of lists": (
        "vizwiz", {"image": PIXELS, "question": "What?", "answers": {"answer": ["a can", "tin", "tin"]}},
        ["<image>\nWhat?", "tin"], "tin", 1,
    ),
    "raters, as an object of lists": (
        "screenqa", {"image": PIXELS, "question": "What?", "ground_truth": {"full_answer": ["It is a can.", "A can."]}},
        ["<image>\nWhat?", "It is a can."], None, 1,
    ),
    "options, as an object of lists": (
        "scienceqa_nona_context",
        {"image": PIXELS, "question": "What?", "choices": {"label": ["A", "B"], "text": ["can", "tin"]}, "answer": "B"},
        ["<image>\nWhat?\nA. can\nB. tin", "B. tin"], "B", 1,
    ),
    "parts in a row": (
        "vistext_cauldron", told(SHOWN, ASKED, ANSWERED, part("user", "Why?"), part("assistant", "It is.")),
        ["<image>\nWhat?", "A hill.", "Why?", "It is."], None, 1,
    ),
    "parts in a row, two pictures": (
        "contrast_caption", told(part("user", "1", "image"), part("user", "and"), SHOWN, ASKED, ANSWERED, images=2),
        ["<image>\nand\n<image>\nWhat?", "A hill."], None, 2,
    ),
    "parts in a row, no picture": (
        "chart2text_cauldron", told(ASKED, ANSWERED, images=0), ["What?", "A hill."], None, 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "row", "said", "gold", "media"), TABLES.values(), ids=TABLES)
def test_a_table(tmp_path: Path, name: str, row: Row, said: list[str], gold: str | None, media: int):
    (found,) = normalised(tmp_path, name, {"data/train-00000-of-00001.parquet": [row]})[:1]
    assert found["reject"] is None
    sample = found["sample"]
    assert [turn["text"] for turn in sample["conversation"]] == said
    assert (sample["gold_answer"], len(sample["media"])) == (gold, media)


@pytest.mark.parametrize(
    ("source_id", "row", "reason", "detail"),
    [
        ("vistext_cauldron", told(part("user", "0", "audio"), ASKED, ANSWERED), "wrong_shape", "of modality audio"),
        ("vistext_cauldron", told(SHOWN, ASKED, ANSWERED, images=2), "placeholder_mismatch", "1 placeholders for 2"),
        ("vistext_cauldron", told(SHOWN, ASKED), "no_answer", "nobody answers it"),
        ("refcoco", {**REFERRED, "raw_anns": "{"}, "malformed_record", "raw_anns is no JSON"),
        ("finqa", {**FILING, "answers": ""}, "no_answer", "answers is text"),
        ("plotqa", {"image": PIXELS, "text": '[{"x": [1], "y": []}]'}, "wrong_shape", "1 x and 0 y"),
        ("plotqa", {"image": PIXELS, "text": "[1]"}, "wrong_shape", "models.0 is a number (1)"),
        ("sroie", {"image": PIXELS, "words": ["a"], "entities": {"company": ""}}, "no_answer", "none of company"),
        ("sroie", {"image": PIXELS, "words": [], "entities": {"company": "A"}}, "no_answer", "0 lines of text"),
        ("sroie", {"image": PIXELS, "words": ["a"], "bboxes": [], "ner_tags": [0]}, "wrong_shape", "1 words and 0"),
        ("sroie", {"image": PIXELS, "words": [], "bboxes": [], "ner_tags": []}, "no_answer", "answer is text ('')"),
        ("sroie", {"image": PIXELS, "ground_truth": "{"}, "malformed_record", "ground_truth is no JSON"),
        ("sroie", {"image": PIXELS, "ground_truth": "{}"}, "wrong_shape", "gt_parse is null"),
        ("iiit5k", {"image": PIXELS, "label": 7}, "wrong_shape", "label is a number (7)"),
        ("plotqa", {"image": PIXELS, "text": None}, "no_answer", "answer is text ('')"),
    ],
)
def test_rows_that_are_no_samples(tmp_path: Path, source_id: str, row: Row, reason: str, detail: str):
    (found,) = normalised(tmp_path, source_id, {"data/train.parquet": [row]})[:1]
    assert found["reject"]["drop_reason"] == reason
    assert detail in found["reject"]["detail"]


def test_a_text_with_a_label_is_a_question_in_plotqa_alone(tmp_path: Path):
    with pytest.raises(InputError, match="no family reads these files"):
        normalised(tmp_path, "dvqa", {"data/train.parquet": [{"image": PIXELS, "text": "A hill.", "label": 1}]})


WORDS = [
    {"id": f"{name}_{at}", "image_id": name, "bbox": [1.0, 2.0, 3.0, 4.0], "utf8_string": word, "points": [1.0],
     "area": 2.0}
    for name, words in (("a", ("STOP", ".")), ("b", ("GO", "GO")), ("c", (".",))) for at, word in enumerate(words)
]  # fmt: skip
ENTRIES = [{"id": name, "width": 3, "set": "train", "height": 3, "file_name": f"train/{name}.jpg"} for name in "abc"]
AS_JSON = {"imgs": {row["id"]: row for row in ENTRIES}, "anns": {row["id"]: row for row in WORDS}}
NAMED = [f"0,{word['id']},{word['image_id']},{word['utf8_string']}\n" for word in WORDS]
AS_CSV = {
    "annot.csv": ",id,image_id,utf8_string\n" + "".join(NAMED),
    "img.csv": ",id,set,file_name\n" + "".join(f"0,{row['id']},train,{row['file_name']}\n" for row in ENTRIES),
}


@pytest.mark.parametrize(
    "files",
    [
        {"annot.parquet": WORDS}, {"annot.parquet": WORDS, "img.parquet": ENTRIES}, AS_CSV,
        {"annot.parquet": WORDS, "img.parquet": ENTRIES, "TextOCR_0.1_train.json": AS_JSON, **AS_CSV},
    ],
)  # fmt: skip
def test_words_of_textocr(tmp_path: Path, files: Mapping[str, Any]):
    rows = normalised(tmp_path, "textocr_cleaned", files)
    samples = [row["sample"] for row in rows if row["sample"]]
    assert sorted((sample["conversation"][1]["text"], sample["media"]) for sample in samples) == [
        ("GO\nGO", ["absent:train_images/b.jpg"]), ("STOP", ["absent:train_images/a.jpg"]),
    ]  # fmt: skip
    (reject,) = (row["reject"] for row in rows if row["reject"])
    assert (reject["drop_reason"], reject["detail"]) == ("no_answer", "none of 1 words is legible")


@pytest.mark.parametrize("place", ["train", "train_images", "train_val_images/train_images", "train_val_images.zip"])
def test_pictures_of_textocr_are_those_of_textvqa(tmp_path: Path, place: str):
    held = {"train_images/a.jpg": picture(1)} if place.endswith(".zip") else picture(1)
    pictures = {place if place.endswith(".zip") else f"{place}/a.jpg": held}
    normalised(tmp_path, "textocr_cleaned", {"annot.parquet": WORDS[:2], "img.parquet": ENTRIES[:1], **pictures})
    rows = staged(packaged_sources()["textocr_cleaned"], Storage(sources_root=str(tmp_path)), Media())
    (sample,) = (row["sample"] for row in rows if row["sample"])
    assert sample["media"] == [hashlib.sha256(picture(1)).hexdigest()]


@pytest.mark.parametrize(
    ("names", "tags"),
    [
        (["O", "B-COMPANY", "I-COMPANY", "B-TOTAL", "I-TOTAL"], [1, 2, 0, 3, 3, 1]),
        (["O", "S-TOTAL", "S-COMPANY"], [2, 2, 0, 1, 0, 2]),
        (None, ["B-COMPANY", "I-COMPANY", "O", "B-TOTAL", "B-TOTAL", "B-COMPANY"]),
    ],
)
def test_keys_of_a_receipt_are_read_out_of_named_tags(tmp_path: Path, names: list[str] | None, tags: list[object]):
    boxes = [[at, 10 * (at // 2), at + 1, 10 * (at // 2) + 9] for at in range(6)]
    row = {
        "image": PIXELS,
        "words": ["SHOP", "LTD", "TOTAL", "9.00", "9.00", "(UK)"],
        "bboxes": boxes,
        "ner_tags": tags,
    }
    features = {"ner_tags": {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"}}
    told = {"huggingface": json.dumps({"info": {"features": features if names else {"image": {"_type": "Image"}}}})}
    held = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row]).replace_schema_metadata(told), held)
    rows = normalised(tmp_path, "sroie", {"train.parquet": held.getvalue()})
    [found] = [row["sample"] for row in rows if row["sample"]]
    assert [turn["text"] for turn in found["conversation"]] == [
        f"<image>\n{READ}", "SHOP LTD\nTOTAL 9.00\n9.00 (UK)", RECEIPT, '{"company": "SHOP LTD (UK)", "total": "9.00"}',
    ]  # fmt: skip
