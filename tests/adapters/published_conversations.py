# ruff: noqa: E501 - one format a line reads better than one field a line
"""Formats whose records hold a conversation, built from what is written about their fields."""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from publishing import Entry, Published, Told, Value, example, picture, struct

ROOTED = {
    "lvis_instruct4v": "coco:{}", "cllava_instruct": "coco:train2017/{}", "llava_zh": "coco:train2017/{}",
    "sharegpt4v": "{}", "svit_core": "{}", "svit_core_mix": "{}",
}  # fmt: skip
"""Where the pictures of some sources lie: the folder that their paths leave out, below a shared root."""
PATHS = {
    "cllava_instruct": "000000000{:03d}.jpg", "llava_zh": "000000000{:03d}.jpg", "idefics375k": "idefics375k/{}.jpg",
    "ureader_chart": "ChartQA/train/{}.png", "idk": "MSCOCO/images/train2014/COCO_train2014_000000000{:03d}.jpg",
    "svit_core": "vg/VG_100K/{}.jpg", "svit_core_mix": "coco/train2017/{:012d}.jpg", "q_align": "koniq/{}.jpg",
    "sharegpt4v": "coco/train2017/{:012d}.jpg", "co_instruct": "coinstruct/{}.jpg", "cambrian_filtered": "imgs/{}.jpg",
}  # fmt: skip


def names(entry: Entry) -> list[str]:
    """Names of the annotation files, of those listed, with numbers for stars."""
    listed = [re.sub(r" \(.*$", "", str(name)) for name in entry.format.get("hub_files") or []]
    fitting = [name for name in listed if re.search(r"\.(json|jsonl|parquet)$", name) and "zip" not in name]
    filled = [name.replace("*-of-*", "00000-of-00001").replace("*", "1") for name in fitting]
    single = [re.sub(r"\{(\w+),[^}]*\}", r"\1", name) for name in filled]
    return [re.sub(r"\{0\.\.(\d)\}", "0", name) for name in single]


def path_of(entry: Entry, number: int) -> str:
    """Path of a record's picture as the record says it."""
    if entry.source_id in PATHS:
        return PATHS[entry.source_id].format(number)
    words = f"{entry.schema.get('image', '')} {entry.format.get('media_layout', '')}"
    return example(words, number, f"pictures/{number}.jpg")


def turns(entry: Entry, number: int, mark: str, pairs: int) -> list[Value]:
    """Turns under the names and with the speakers of the description."""
    words = " ".join(f"{key} {said}" for key, said in entry.schema.items())
    speaker, spoken = ("role", "content") if re.search(r"\brole\b", words) else ("from", "value")
    asks, answers = ("human", "gpt") if "human" in words and speaker == "from" else ("user", "assistant")
    said: list[Value] = []
    for at in range(pairs):
        question = f"Question {number}.{at}?"
        if (at == 0 and mark and "OWN user turn" in words) or (at == 0 and mark and 'turn is only "<image>"' in words):
            said.append({speaker: asks, spoken: mark})
        elif at == 0 and mark:
            question = f"{mark}\n{question}" if number % 2 else f"{question}\n{mark}"
        said += [{speaker: asks, spoken: question}, {speaker: answers, spoken: f"Answer {number}.{at}."}]
    return said


def conversation(entry: Entry) -> str:
    """Name of the field that holds the turns."""
    return next((key for key in ("conversations", "messages", "conversation") if key in entry.schema), "conversations")


def told(number: int, pairs: int, media: int) -> Told:
    return Told(f"Question {number}.0?", f"Answer {number}.{pairs - 1}.", media, turns=2 * pairs)


def in_json(entry: Entry) -> Published:
    """LLaVA and its descendants: one pair, several pairs, and no picture at all."""
    made = Published()
    mark = "<|image|>" if "<|image|>" in str(entry.schema) + str(entry.format.get("conversation_rule")) else "<image>"
    several = "list" in str(entry.schema.get("image", ""))[:5]
    rows = []
    for number, pairs in ((1, 1), (2, 3), (4, 2)):
        path = path_of(entry, number)
        row: Value = {"id": f"{number}", "image": [path] if several else path}
        row[conversation(entry)] = turns(entry, number, mark, pairs)
        row |= {"task_type": SELECTED[entry.source_id]} if entry.source_id in SELECTED else {}
        rows.append(row)
        made.media.append(ROOTED.get(entry.source_id, MEDIA.get(entry.source_id, "{}")).format(path))
        made.told.append(told(number, pairs, 1))
    if entry.family != "m4_json" and entry.source_id not in ("idefics375k", "ureader_chart"):
        for number, empty in ((6, None), (7, "None"), (8, "")):
            row = {"id": f"{number}", conversation(entry): turns(entry, number, "", 1)}
            row |= {"image": empty} if empty is not None else {}
            row |= {"task_type": SELECTED[entry.source_id]} if entry.source_id in SELECTED else {}
            rows.append(row)
            made.told.append(told(number, 1, 0))
    file = (names(entry) or ["annotations.json"])[0]
    made.files[FILES.get(entry.source_id, file) if entry.variant == "declared" else file] = rows
    return made


SELECTED = {"ureader_caption": "cap_sft", "ureader_qa": "qa_sft", "ureader_kg": "kg_sft", "ureader_ocr": "ureader_tr"}
MEDIA = dict.fromkeys(("ureader_caption", "ureader_qa", "ureader_kg", "ureader_chart"), "ureader_images/{}")
FILES = {
    "ureader_qa": "ureader_json/train.jsonl", "ureader_chart": "ureader_json/train.jsonl",
    "ureader_kg": "ureader_json/train.jsonl", "multiui": "v0.8_train.json",
    "cambrian_filtered": "cambrian(filtered_gpt4vo)/cambrian(filtered_gpt4vo)_processed.json",
}  # fmt: skip


def in_parquet(entry: Entry) -> Published:
    """LLaVA-OneVision's tables: pictures as structs, null for text; one without an answer."""
    made = Published()
    rows = []
    for number, pairs, shown in ((1, 1, True), (2, 3, True), (3, 1, False)):
        mark = "<image>" if shown and "NO <image> token" not in str(entry.format.get("conversation_rule")) else ""
        row = {
            "id": f"{number:06d}",
            "image": struct(number) if shown else None,
            "data_source": SELECTED.get(entry.source_id, "x"),
        }
        rows.append({**row, "conversations": turns(entry, number, mark, pairs)})
        made.told.append(told(number, pairs, int(shown)))
    rows.append({**rows[0], "conversations": turns(entry, 9, "", 1)[:1]})
    made.rejects = 1
    file = next((name for name in names(entry) if name.endswith(".parquet")), "x/train-0.parquet")
    made.files[file.rpartition(" and ")[2]] = rows
    return made


def in_cauldron(entry: Entry) -> Published:
    """Lists of pictures, and of questions with answers."""
    made = Published(family="cauldron_parquet")
    rows = []
    for number, pairs in ((1, 1), (2, 3)):
        texts = [
            {"user": f"Question {number}.{at}?", "assistant": f"Answer {number}.{at}.", "source": "x"}
            for at in range(pairs)
        ]
        rows.append({"images": [struct(number)], "texts": texts})
        made.told.append(told(number, pairs, 1))
    made.files["train-00000-of-00001.parquet"] = rows
    return made


def in_m4(entry: Entry) -> Published:
    """Several pictures, each with its placeholder, in the one file of all sets; some rows are broken."""
    made = Published(family="m4_json")
    top = (
        re.sub(r"\.zip.*", "", (entry.format.get("hub_files") or ["", "CGD.zip"])[1])
        if entry.variant == "declared"
        else "CGD"
    )
    rows = []
    for number, count in ((1, 2), (2, 4), (3, 1)):
        paths = [f"{top}/images/{number}_{at}.jpg" for at in range(count)]
        asks = "".join("<image>\n" for _ in paths) + f"Question {number}.0?"
        said = [{"from": "human", "value": asks}, {"from": "gpt", "value": f"Answer {number}.0."}]
        rows.append({"sample_id": number, "image": paths, "conversations": said, "metadata": _metadata(top)})
        made.media += paths
        made.told.append(told(number, 1, count))
    paths = rows[0]["image"]
    broken = [
        [{"from": "gpt", "value": "Answer first."}, {"from": "human", "value": "<image><image> Question?"}],
        [{"from": "human", "value": "<image> one for two"}, {"from": "gpt", "value": "Answer."}],
        [{"from": "human", "value": "<image><image> Question?"}, {"from": "gpt", "value": ""}],
        [{"from": "human", "value": "<image><image> Question?"}],
    ]
    rows += [
        {"sample_id": f"b{at}", "image": paths, "conversations": said, "metadata": _metadata(top)}
        for at, said in enumerate(broken)
    ]
    made.rejects = len(broken)
    other = {"sample_id": 1, "image": ["Other/1.jpg"], "conversations": broken[1], "metadata": _metadata("Other")}
    made.files["m4_instruct_annotations.json"] = [*rows, other] if entry.variant == "declared" else rows
    return made


def _metadata(dataset: str) -> Value:
    return {
        "dataset": dataset,
        "split": "train",
        "num_sample": "3",
        "task_instruction": "",
        "question_type": "open-ended",
    }


def in_videos(entry: Entry) -> Published:
    """Videos behind a placeholder for pictures."""
    made = Published()
    file = names(entry)[0] if names(entry) else "0_30_s_x/x_processed.json"
    folder = file.rpartition("/")[0]
    frames = entry.family in ("m4_video_json", "hound_jsonl")
    rows = []
    for number in (1, 2):
        video = f"v_{number}" if frames else f"academic_source/NextQA/{number}.mp4"
        mark = "<video>" if entry.family == "hound_jsonl" else "<image>"
        rows.append({"id": f"{number}", "video": video, "conversations": turns(entry, number, mark, number)})
        layout = "train_300k/{}/c01_0001.jpeg" if frames else f"{folder}/{{}}"
        made.media += [layout.format(video), layout.format(video).replace("_0001.jpeg", "_0002.jpeg")]
        made.told.append(told(number, number, 1))
    made.files[file] = rows
    return made


def in_mantis(entry: Entry) -> Published:
    """Pictures beside the table, their structs without bytes; placeholders anywhere."""
    made = Published()
    paths = ["images/1.jpg", "images/2.jpg"]
    said = [
        {"role": "user", "content": "Question 1.0? First <image>, second <image>"},
        {"role": "assistant", "content": "Answer 1.0."},
    ]
    row = {"id": "1", "images": [{"bytes": None, "path": path} for path in paths], "conversation": said, "source": "x"}
    made.files["x/train-00000-of-00001.parquet"] = [row]
    made.media = [f"x/{path}" for path in paths]
    made.told = [Told("Question 1.0?", "Answer 1.0.", 2)]
    return made


def mixed_lists(entry: Entry) -> Published:
    """Co-Instruct: one path, or a list of these."""
    made = Published(media=["data/1.jpg", "data/2.jpg"])
    one = {"id": "1", "image": "1.jpg", "conversations": turns(entry, 1, "<image>", 1)}
    asks = "The first image: <image>\nThe second image: <image>\nQuestion 2.0?"
    said = [{"from": "human", "value": asks}, {"from": "gpt", "value": "Answer 2.0."}]
    made.files["coinstruct_562k_llava_format.json"] = [one, {"image": ["1.jpg", "2.jpg"], "conversations": said}]
    made.told = [told(1, 1, 1), Told("Question 2.0?", "Answer 2.0.", 2)]
    return made


def magpie(entry: Entry) -> Published:
    """Text, with the same conversation also in columns."""
    made = Published()
    pairs = 2 if "mt" in entry.source_id else 1
    row = {
        "uuid": "u1",
        "instruction": "Question 1.0?",
        "response": "Answer 1.0.",
        "conversations": turns(entry, 1, "", pairs),
    }
    made.files["data/train-00000-of-00007.parquet"] = [{**row, "language": "EN"}]
    made.told = [told(1, pairs, 0)]
    return made


def base64_lines(entry: Entry) -> Published:
    """M3IT: pictures in the record, under names that differ; FLAN's rows show nothing."""
    made = Published()
    shown = [base64.b64encode(picture(at)).decode() for at in (1, 2)]
    head: Mapping[str, Any] = {"instruction": "Look.", "outputs": "Answer 1."}
    rows: list[Value] = [
        {**head, "inputs": "Question 1.0?", "image_base64_str": shown[:1]},
        {**head, "inputs": "Question 2.0?", "image_base64_str": shown},
    ]
    text: Value = {**head, "inputs": "Question 3.0?"}
    made.files |= {"data/vqa/a/train.jsonl": [rows[0], text], "data/reasoning/nlvr2/train.jsonl": rows[1:]}
    made.files["data/vqa/b/train.jsonl"] = [{**head, "inputs": "Question 4.0?", "image_str": shown[0]}]
    made.told = [
        Told(f"Question {number}.0?", "Answer 1.", count) for number, count in ((1, 1), (2, 2), (3, 0), (4, 1))
    ]
    return made


CONVERSATIONS: Mapping[str, Callable[[Entry], Published]] = {
    **dict.fromkeys(("llava_json", "llava_jsonl", "ureader_jsonl", "docowl_jsonl", "mammoth_json", "mathv360k_json"), in_json),
    **dict.fromkeys(("m4_video_json", "llava_video_json", "hound_jsonl"), in_videos),
    "ov_parquet": in_parquet, "wildvision_parquet": in_parquet, "cauldron_parquet": in_cauldron, "m4_json": in_m4,
    "mantis_parquet": in_mantis, "llava_json_multi": mixed_lists, "text_conversations_parquet": magpie,
    "base64_jsonl": base64_lines, "origin:geo170k": in_json, "origin:vision_flan_filtered": in_json,
}  # fmt: skip
