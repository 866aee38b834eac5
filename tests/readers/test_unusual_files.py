"""Files that are not as usual: one record alone, another encoding; each read, or told with what to do about it."""

import codecs
import json
from pathlib import Path

import pytest
from normalised import normalised

from schemas.errors import InputError
from udfs.adapters.regions import LOCATE

TURNS = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A sign."}]
LLAVA = {"id": "1", "image": "a.jpg", "conversations": TURNS}
ROWS = "Figure_path,Question,Choice A,Choice B,Answer_label\na.jpg,What é?,x,y,A\n"


@pytest.mark.parametrize(
    ("name", "file", "content", "reply"),
    [
        ("llava_zh", "one.json", LLAVA, "A sign."),
        ("screenqa", "train.json", {"image": "a.jpg", "question": "What?", "ground_truth": ["x"]}, "x"),
        (
            "screenqa",
            "train.json",
            '\ufeff{\n "image": "a.jpg",\n "question": "What?", "ground_truth": ["x"]\n}\n',
            "x",
        ),
    ],
)
def test_a_document_that_is_one_record(tmp_path: Path, name: str, file: str, content: object, reply: str):
    (row,) = (row for row in normalised(tmp_path, name, {file: content}) if row["sample"] or row["reject"])
    assert row["sample"]["conversation"][-1]["text"] == reply
    assert row["sample"]["origin"]["file"] == file


@pytest.mark.parametrize(
    ("file", "content", "told", "next_step"),
    [
        ("train.csv", ROWS.encode("latin-1"), r"train\.csv: none of its rows can be read: text is not UTF-8", "LATIN1"),
        ("train.csv", ROWS.encode("utf-16-le"), r"train\.csv begins with .*UTF-16", "iconv -f UTF-16 -t UTF-8"),
        ("train.json", "[{}]".encode("utf-16-be"), r"train\.json begins with .*UTF-16", "iconv -f UTF-16 -t UTF-8"),
    ],
)
def test_another_encoding_is_told_with_what_to_do(tmp_path: Path, file: str, content: bytes, told: str, next_step: str):
    with pytest.raises(InputError, match=told) as caught:
        normalised(tmp_path, "pmc_vqa_mathv360k", {file: content})
    assert next_step in caught.value.next_step


MARKED = {
    "utf-16": codecs.BOM_UTF16_LE, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE, "utf-32-be": codecs.BOM_UTF32_BE,
}  # fmt: skip


def marked(text: str, encoding: str) -> bytes:
    return text.encode(encoding) if encoding == "utf-16" else MARKED[encoding] + text.encode(encoding)


@pytest.mark.parametrize("encoding", MARKED)
@pytest.mark.parametrize("packed", [False, True])
def test_text_whose_mark_tells_its_encoding(tmp_path: Path, encoding: str, packed: bool):
    turns = [{**TURNS[0]}, {"from": "gpt", "value": "Ein Schild, é 😀."}]
    many = [{"id": str(at), "image": "a.jpg", "conversations": turns} for at in range(300)]
    files: dict[str, bytes] = {
        "a.json": marked(json.dumps(many, ensure_ascii=False), encoding),
        "b.jsonl": marked("".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in many), encoding),
    }
    rows = normalised(tmp_path, "llava_zh", {"all.zip": files} if packed else files)
    assert [row["reject"] for row in rows if row["reject"]] == []
    told = [row["sample"]["conversation"][1]["text"] for row in rows if row["sample"]]
    assert told == ["Ein Schild, é 😀."] * 600


@pytest.mark.parametrize("encoding", MARKED)
def test_tables_and_small_files_whose_mark_tells_their_encoding(tmp_path: Path, encoding: str):
    rows = normalised(tmp_path, "pmc_vqa_mathv360k", {"train.csv": marked(ROWS.replace("\n", "\r\n"), encoding)})
    (sample,) = (row["sample"] for row in rows if row["sample"])
    assert [turn["text"] for turn in sample["conversation"]] == ["<image>\nWhat é?\nA. x\nB. y", "A. x"]
    boxes = {f"gt/image_{at}.txt": marked('1,2,3,2,3,4,1,4,0,"金"\r\n', encoding) for at in (1, 2)}
    rows = normalised(tmp_path, "rctw_17", boxes)
    assert [row["sample"]["conversation"][1]["text"] for row in rows if row["sample"]] == ["金"] * 2


def test_a_letter_that_is_none_costs_itself(tmp_path: Path):
    line = json.dumps(LLAVA).encode("utf-16-le")
    halved = line.replace("sign".encode("utf-16-le"), b"s\0\x00\xd8g\0n\0")
    content = codecs.BOM_UTF16_LE + b"\n\0".join([line, halved, line]) + b"\n"
    rows = normalised(tmp_path, "llava_zh", {"a.jsonl": content})
    told = [row["sample"]["conversation"][1]["text"] for row in rows if row["sample"]]
    assert told == ["A sign.", "A s�gn."]
    # The file ends with half a letter.
    assert [row["reject"]["drop_reason"] for row in rows if row["reject"]] == ["malformed_record"]


def test_mdetrs_form_of_refcoco(tmp_path: Path):
    size = {"file_name": "COCO_train2014_000000581857.jpg", "height": 100, "width": 100}
    images = [{**size, "id": at, "caption": told, "dataset_name": "refcoco"} for at, told in enumerate(("a cup", "b"))]
    box = {"area": 1.0, "iscrowd": 0, "category_id": 1, "bbox": [10, 20, 30, 40], "tokens_positive": [[0, 4]]}
    boxes = [{**box, "image_id": at, "id": at} for at in range(2)]
    file = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cup"}]}
    rows = normalised(tmp_path, "refcoco", {"finetune_refcoco_train.json": file})
    assert [row["reject"] for row in rows if row["reject"]] == []
    told = [[turn["text"] for turn in row["sample"]["conversation"]] for row in rows if row["sample"]]
    assert [(question.splitlines()[-1], answer) for question, answer in told] == [
        ("a cup", "[0.100, 0.200, 0.400, 0.600]"), ("b", "[0.100, 0.200, 0.400, 0.600]"),
    ]  # fmt: skip


LINE = {"image": "data/coco/train2014/COCO_train2014_000000581857.jpg", "sent": "a cup", "bbox": [10, 20, 40, 60.5]}
SIZED = LINE | {"height": 100, "width": 100}
OTHERS = [
    SIZED | {"image": "shots/1.jpg", "bbox": [0, 0, 101.0, 50]}, SIZED | {"bbox": [10, 20, 10, 60]},
    SIZED | {"bbox": [10, 20, "40", 60]}, SIZED | {"bbox": [1, 2, 3]}, SIZED | {"sent": None}, SIZED | {"width": 0},
]  # fmt: skip


def test_qwens_form_of_refcoco(tmp_path: Path):
    lines = "".join(f"{json.dumps(line)}\n" for line in (SIZED, *OTHERS))
    rows = normalised(tmp_path, "refcoco", {"refcoco_val.jsonl": lines, "refcoco_testA.jsonl": lines})
    samples = [row["sample"] for row in rows if row["sample"]]
    assert [([turn["text"] for turn in sample["conversation"]], sample["media"]) for sample in samples] == [
        ([f"<image>\n{LOCATE}a cup", box], [f"absent:{path}"])
        for box, path in (
            ("[0.100, 0.200, 0.400, 0.605]", "train2014/COCO_train2014_000000581857.jpg"),
            ("[0.000, 0.000, 1.000, 0.500]", "shots/1.jpg"),
        )
    ]
    reasons = [row["reject"]["drop_reason"] for row in rows if row["reject"]]
    assert reasons == ["no_answer", "wrong_shape", "wrong_shape", "wrong_shape", "wrong_shape"]


def test_detgpts_list_at_the_top(tmp_path: Path):
    held = [{"image_id": 1, "task": "What cuts?", "answer": "The knife."}]
    (row,) = (row for row in normalised(tmp_path, "detgpt", {"coco_task_annotation.json": held}) if row["sample"])
    assert row["sample"]["conversation"][-1]["text"] == "The knife."
