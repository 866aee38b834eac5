"""Writers of publishers' native formats: items and broken records to the bytes of annotation files."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.corpus.item import Defect, File, Item

Row = Mapping[str, Any] | str
"""A record, or the text of a line that is none."""
IMAGES, VIDEOS = "images", "videos"


@dataclass(frozen=True, slots=True)
class Content:
    """What goes into one annotation file."""

    name: str
    """Of the file, without its ending."""
    items: Sequence[Item]
    defects: Sequence[Defect] = ()
    evidence: str = "context"
    """Field that takes an item's evidence; its name tells the kind."""


Write = Callable[[Content], list[File]]


def _rows(content: Content, form: Callable[[Item], Mapping[str, Any]]) -> list[Row]:
    """Records in the publisher's form, broken ones in their middle."""
    rows: list[Row] = []
    for item in content.items:
        evidence = {content.evidence: item.evidence} if item.evidence else {}
        rows.append({**form(item), **evidence, **item.extra})
    broken = [rows[d.twin_of] if d.twin_of is not None else d.record for d in content.defects if not d.side]
    middle = len(rows) // 2
    return [*rows[:middle], *(row for row in broken if row is not None), *rows[middle:]]


def _json(name: str, value: object) -> list[File]:
    return [File(f"{name}.json", json.dumps(value, ensure_ascii=False, indent=1).encode())]


def _lines(name: str, rows: Iterable[Row]) -> list[File]:
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    return [File(f"{name}.jsonl", "".join(f"{line}\n" for line in lines).encode())]


def _parquet(name: str, rows: Sequence[Row], schema: pa.Schema) -> list[File]:
    buffer = BytesIO()
    table = pa.Table.from_pylist([row for row in rows if not isinstance(row, str)], schema=schema)
    pq.write_table(table, buffer, compression="zstd", row_group_size=16)
    return [File(f"{name}-00000-of-00001.parquet", buffer.getvalue())]


def _path(item: Item, folder: str = IMAGES) -> str:
    return f"{folder}/{item.media[0].name}"


def turns(item: Item, mark: str = "<image>\n") -> list[dict[str, str]]:
    """LLaVA turns; the first one shows the media."""
    said = [
        {"from": who, "value": text} for pair in item.turns for who, text in zip(("human", "gpt"), pair, strict=True)
    ]
    return [{**said[0], "value": mark * len(item.media) + said[0]["value"]}, *said[1:]]


def _llava(item: Item) -> Mapping[str, Any]:
    return {"id": item.id, "image": _path(item), "conversations": turns(item)}


def llava_json(content: Content) -> list[File]:
    """One array of conversations."""
    return _json(content.name, _rows(content, _llava))


def llava_jsonl(content: Content) -> list[File]:
    """One conversation a line."""
    return _lines(content.name, _rows(content, _llava))


def llava_video_json(content: Content) -> list[File]:
    """Conversations about a video, which they mark as an image."""

    def form(item: Item) -> Mapping[str, Any]:
        return {
            "id": item.id, "video": _path(item, VIDEOS), "conversations": turns(item), "data_source": content.name,
        }  # fmt: skip

    return _json(content.name, _rows(content, form))


def m4_json(content: Content) -> list[File]:
    """Conversations about several pictures; `metadata.dataset` tells sources of one file apart."""

    def form(item: Item) -> Mapping[str, Any]:
        return {
            "sample_id": item.id,
            "image": [f"{IMAGES}/{medium.name}" for medium in item.media],
            "conversations": turns(item),
        }  # fmt: skip

    return _json(content.name, _rows(content, form))


IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
TURNS = pa.list_(pa.struct([("from", pa.string()), ("value", pa.string())]))
TEXTS = pa.list_(pa.struct([("user", pa.string()), ("assistant", pa.string()), ("source", pa.string())]))


def _embedded(item: Item) -> dict[str, Any]:
    return {"bytes": item.media[0].data, "path": item.media[0].name}


def ov_parquet(content: Content) -> list[File]:
    """Conversations with the picture in the row."""
    schema = pa.schema([("id", pa.string()), ("image", IMAGE), ("conversations", TURNS), ("data_source", pa.string()),
                        (content.evidence, pa.string())])  # fmt: skip

    def form(item: Item) -> Mapping[str, Any]:
        return {
            "id": item.id, "image": _embedded(item), "conversations": turns(item), "data_source": content.name,
        }  # fmt: skip

    return _parquet(content.name, _rows(content, form), schema)


def cauldron_parquet(content: Content) -> list[File]:
    """A list of pictures and a list of question/answer pairs."""
    schema = pa.schema([("images", pa.list_(IMAGE)), ("texts", TEXTS), (content.evidence, pa.string())])

    def form(item: Item) -> Mapping[str, Any]:
        return {
            "images": [_embedded(item)],
            "texts": [{"user": asked, "assistant": answer, "source": content.name} for asked, answer in item.turns],
        }  # fmt: skip

    return _parquet(content.name, _rows(content, form), schema)


def flat_qa_parquet(content: Content) -> list[File]:
    """Picture, question and answer in columns."""
    schema = pa.schema([("image", IMAGE), ("question", pa.string()), ("answer", pa.string()),
                        (content.evidence, pa.string())])  # fmt: skip

    def form(item: Item) -> Mapping[str, Any]:
        return {"image": _embedded(item), "question": item.turns[0][0], "answer": item.turns[0][1]}

    return _parquet(content.name, _rows(content, form), schema)


def _flat(item: Item) -> Mapping[str, Any]:
    (question, answer), *_ = item.turns
    return {"id": item.id, "image": _path(item), "question": question, "answer": answer}


def flat_qa_json(content: Content) -> list[File]:
    """An array of questions with answers."""
    return _json(content.name, _rows(content, _flat))


def flat_qa_jsonl(content: Content) -> list[File]:
    """A question with its answer on each line."""
    return _lines(content.name, _rows(content, _flat))


def keyed_json(content: Content) -> list[File]:
    """One object of questions by id."""
    rows = {}
    for item in content.items:
        (question, answer), *_ = item.turns
        stem = item.media[0].name.rpartition(".")[0]
        rows[item.id] = {"imageId": stem, "question": question, "answer": answer, content.evidence: item.evidence}
    for at, defect in enumerate(content.defects):
        rows[f"90{at}"] = dict(defect.record) if isinstance(defect.record, Mapping) else {}
    return _json(content.name, rows)


def vqa_pair_json(content: Content) -> list[File]:
    """A file of questions beside a file of annotations, joined by question_id."""
    sides: dict[str, list[Row]] = {"questions": [], "annotations": []}
    for item in content.items:
        for at, (question, answer) in enumerate(item.turns):
            key = {"image_id": int(item.id), "question_id": int(item.id) * 1000 + at}
            sides["questions"].append({**key, "question": question, content.evidence: item.evidence})
            votes = [{"answer": answer, "answer_confidence": "yes", "answer_id": voter} for voter in range(1, 11)]
            sides["annotations"].append(
                {**key, "multiple_choice_answer": answer, "answers": votes, "answer_type": "other"}
            )
    for defect in content.defects:
        if defect.record is not None:
            sides[defect.side].append(defect.record)
    header = {"info": {"description": content.name}, "data_subtype": "train", "license": {"name": "see the catalogue"}}
    return [file for side, rows in sides.items() for file in _json(f"{content.name}_{side}", {**header, side: rows})]


def coco_json(content: Content) -> list[File]:
    """One object with images and their captions."""
    sides: dict[str, list[Row]] = {"images": [], "annotations": []}
    for item in content.items:
        sides["images"].append({"id": int(item.id), "file_name": item.media[0].name, "license": 1})
        for at, (_, caption) in enumerate(item.turns):
            sides["annotations"].append({"id": int(item.id) * 10 + at, "image_id": int(item.id), "caption": caption})
    for defect in content.defects:
        if defect.record is not None:
            sides[defect.side].append(defect.record)
    return _json(
        content.name,
        {"info": {"description": content.name}, "licenses": [{"id": 1, "name": "see the catalogue"}], **sides},
    )


def videoinstruct_json(content: Content) -> list[File]:
    """Flat questions that name a video by its id."""

    def form(item: Item) -> Mapping[str, Any]:
        return {"q": item.turns[0][0], "a": item.turns[0][1], "video_id": item.id}

    return _json(content.name, _rows(content, form))


def delimited(content: Content) -> list[File]:
    """Tab-separated questions with a header; rows of a table are joined by semicolons."""
    buffer = StringIO()
    writer = csv.writer(buffer, "excel-tab", lineterminator="\n")
    writer.writerow(["id", "utterance", "image", content.evidence, "targetValue"])
    for item in content.items:
        (question, answer), *_ = item.turns
        writer.writerow([item.id, question, _path(item), item.evidence.replace("\n", "; "), answer])
    return [File(f"{content.name}.tsv", buffer.getvalue().encode())]


def text_json(content: Content) -> list[File]:
    """Instructions with outputs, no pictures."""

    def form(item: Item) -> Mapping[str, Any]:
        return {"source": content.name, "instruction": item.turns[0][0], "output": item.turns[0][1]}

    return _json(content.name, _rows(content, form))


def text_parquet(content: Content) -> list[File]:
    """Questions with responses and a system prompt, which may be empty."""
    schema = pa.schema([(name, pa.string()) for name in ("id", "system_prompt", "question", "response")])

    def form(item: Item) -> Mapping[str, Any]:
        return {
            "id": item.id, "system_prompt": "", "question": item.turns[0][0], "response": item.turns[0][1],
        }  # fmt: skip

    return _parquet(content.name, _rows(content, form), schema)
