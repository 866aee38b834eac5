"""Files of whole collections in the folder of one of their sources."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from normalised import normalised, places, staged

from jobs.normalise import choose
from jobs.normalise.plan import POOLED as POOLED_FILE
from jobs.normalise.plan import plan_sources
from schemas.config import Storage
from schemas.errors import InputError
from schemas.source import packaged_sources
from udfs.sample import Origin, Record

M4 = ("HQ-Edit", "coinstruct", "RAVEN", "CLEVR-Change")
ALL = "m4_instruct_annotations.json"
SHARED = "sharegpt4v_instruct_gpt4-vision_cap100k.json"
FOLDERS = ("coco/train2017/1.jpg", "sam/images/sa_1.jpg", "llava/llava_pretrain/images/1.jpg", "wikiart/images/a.jpg")
SAID = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "It is a hill."}]


def member(dataset: str) -> dict[str, Any]:
    return {"image": [f"{dataset}/images/1.jpg"], "conversations": SAID, "metadata": {"dataset": dataset}}


def shown(image: object) -> dict[str, Any]:
    return {"id": "1", "image": image, "conversations": SAID}


POOLED = {
    "idefics375k.json": "hfdata/tabmwp/1.png", "chartqa_28k.json": "chartqa/2.png", "q-instruct_200k.json": "Q/3.jpg",
    "sharegpt4v_mix665k_cap23k_coco-ap9k_lcs3k_sam9k_div2k.json": "gqa/images/4.jpg",
}  # fmt: skip
CAMBRIAN = "\n".join(json.dumps(shown(image) | {"source": source}) for source, image in POOLED.items())

MIXED = ("coco/train2017/1.jpg", "gqa/images/2.jpg", "ocr_vqa/images/1.jpg", "docvqa/3.png", "dvqa/images/4.png")
MATHV = ("TabMWP/images/1.png", "PlotQA/images/1.png", "VizWiz/images/1.png")
RELEASED = [
    shown(f"a/{at}.png") | {"source": source}
    for at, source in enumerate(("cn_ocr_1", "ArXiv-Chart-GPT4o", "hand_written_arith", "Hand"))
]
THIRD = [
    shown("dvqa/images/1.png") | {"source": "random_3rd_dvqa_2325k.json"},
    shown("clevr/images/1.png") | {"source": "clevr_700k.json"},
]
UREADER = {
    "qa_sft": "ChartQA",
    "cap_sft": "TextCaps",
    "ie_sft": "DeepForm",
    "kg_sft": "InfographicsVQA",
    "ocr_sft": "TURL",
}
TASKS = "\n".join(
    json.dumps(
        {
            "image": [f"{folder}/1.png"], "prompt": "", "text": "", "system_instruction": "", "task_type": task,
            "conversations": [
                {"from": "user", "value": "<image>"}, {"from": "user", "value": "What?"},
                {"from": "assistant", "value": "A hill."},
            ],
        }
    )
    for task, folder in UREADER.items()
)  # fmt: skip


def pictures(root: Path, name: str, file: str, content: Any) -> list[str]:  # noqa: ANN401 - as normalised's
    found = normalised(root, name, {file: content})
    assert [row["reject"] for row in found if row["reject"]] == []
    return [place for row in found if row["sample"] for place in places(row["sample"]["media"])]


@pytest.mark.parametrize(
    ("name", "file", "records", "taken"),
    [
        ("hq_edit", ALL, [*map(member, M4)], ["HQ-Edit/images/1.jpg"]),
        ("co_instruct", f"M4-Instruct-Data/{ALL}", [*map(member, M4)], ["coinstruct/images/1.jpg"]),
        ("hq_edit", "mine.json", [*map(member, M4[1:3])], ["coinstruct/images/1.jpg", "RAVEN/images/1.jpg"]),
        ("sharegpt4v_sam", SHARED, [*map(shown, FOLDERS)], [FOLDERS[1]]),
        ("sharegpt4v_knowledge", SHARED, [*map(shown, FOLDERS)], [FOLDERS[3]]),
        ("sharegpt4v", SHARED, [*map(shown, FOLDERS)], [*FOLDERS]),
        ("sharegpt4v_sam", "part.json", [*map(shown, FOLDERS[:2])], [*FOLDERS[:2]]),
        ("sharegpt4v_coco", "sharegpt4v(coco)/train-0.parquet", [shown({"bytes": b"\x89PNG"})], ["embedded"]),
        ("idefics375k", "jsons/Cambrian10M.jsonl", CAMBRIAN, ["hfdata/tabmwp/1.png"]),
        ("gqa", "jsons/Cambrian10M.jsonl", CAMBRIAN, ["gqa/images/4.jpg"]),
        ("q_instruct", "Cambrian-10M/jsons/Cambrian7M.jsonl", CAMBRIAN, ["Q/3.jpg"]),
        (
            "llavar_gpt4_20k", "LLaVAR/llava_instruct_150k_llavar_20k.json",
            [*map(shown, ("000000033471.jpg", "10000003347.jpg"))], ["10000003347.jpg"],
        ),
        ("gqa", "llava_v1_5_mix665k.json", [*map(shown, MIXED)], ["gqa/images/2.jpg"]),
        ("ocr_vqa", "llava_v1_5_mix665k.json", [*map(shown, MIXED)], ["ocr_vqa/images/1.jpg"]),
        ("docvqa_llava", "llava_next_raw_format_processed.json", [*map(shown, MIXED)], ["docvqa/3.png"]),
        ("dvqa", "llava_next_raw_format_processed.json", [*map(shown, MIXED)], ["dvqa/images/4.png"]),
        ("gqa", "llava_next_raw_format_processed.json", [*map(shown, MIXED)], ["gqa/images/2.jpg"]),
        ("ocr_vqa", "llava_next_raw_format_processed.json", [*map(shown, MIXED)], ["ocr_vqa/images/1.jpg"]),
        ("hand_written_arith", "mammoth_si_10M.json", RELEASED, ["a/2.png"]),
        ("arxiv_chart_gpt4o", "mammoth_si_10M.json", RELEASED, ["a/1.png"]),
        ("dvqa", "Cambrian7M_withsystemprompt.json", THIRD, ["dvqa/images/1.png"]),
        ("mimic_cgd", ALL, [*map(member, ("NLVR2", "CGD", "VIST"))], ["CGD/images/1.jpg"]),
        ("plotqa", "data/train_samples_all_tuning.json", [*map(shown, MATHV)], ["PlotQA/images/1.png"]),
        ("ureader_cap", "ureader_json/train.jsonl", TASKS, ["TextCaps/1.png"]),
        ("ureader_ie", "ureader_json/train.jsonl", TASKS, ["DeepForm/1.png"]),
        ("ureader_ocr", "ureader_json/train.jsonl", TASKS, ["TURL/1.png"]),
        ("ureader_chart", "ureader_json/train.jsonl", TASKS, ["ChartQA/1.png"]),
        ("cambrian_filtered", "jsons/Cambrian10M.jsonl", CAMBRIAN, [*POOLED.values()]),
    ],
)  # fmt: skip
def test_whose_records_they_are(tmp_path: Path, name: str, file: str, records: Sequence[Any], taken: list[str]):
    assert pictures(tmp_path, name, file, records) == taken


@pytest.mark.parametrize("name", [name for name, source in packaged_sources().items() if source.modality == "image"])
def test_a_pool_of_many_data_sets_is_nobodys_as_a_whole(tmp_path: Path, name: str):
    folder = tmp_path / name / "jsons"
    folder.mkdir(parents=True)
    (folder / "Cambrian10M.jsonl").write_text(CAMBRIAN)
    source = packaged_sources()[name]
    assert source.reading
    if "Cambrian-10M" not in source.reading.pooled:
        with pytest.raises(InputError, match="pools many data sets"):
            staged(source, Storage(sources_root=str(tmp_path)))
        return
    taken = [row["sample"]["media"] for row in staged(source, Storage(sources_root=str(tmp_path))) if row["sample"]]
    known = {*source.reading.pooled["Cambrian-10M"]}
    own = [f"absent:{image}" for key, image in POOLED.items() if known & {key, f"{key}/{image[:4]}", "*"}]
    assert [media for (media,) in taken] == own


def test_rows_of_orca_in_a_pool_show_nothing(tmp_path: Path):
    said = [{"from": "human", "value": "Two and two?"}, {"from": "gpt", "value": "Four."}]
    row = {"id": "1", "conversations": said, "source": "orca_994k.json"}
    for name, kept in (("orca", 1), ("mathinstruct", 0)):
        made = normalised(tmp_path, name, {"jsons/Cambrian10M.jsonl": CAMBRIAN + "\n" + json.dumps(row)})
        assert [row["sample"]["modality"] for row in made if row["sample"]] == ["text"] * kept


def test_a_record_of_a_pool_that_names_nobody_counts_once(tmp_path: Path):
    lost = [{name: value for name, value in row.items() if name != "source"} for row in RELEASED[:1]]
    for name in ("dvqa", "cn_ocr_1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mammoth_si_10M.json").write_text(json.dumps(lost))
    sources = [packaged_sources()[name] for name in ("cn_ocr_1", "dvqa")]
    item = plan_sources(sources, Storage(sources_root=str(tmp_path))).items[0]
    owners = choose.owners_of(item, sources)
    for value, count in ((lost[0], 1), (lost[0] | {"source": "neither"}, 0), (lost[0] | {"source": "dvqa"}, 1)):
        assert len([*choose.taken(Record(value, Origin("mammoth_si_10M.json", 0)), owners)]) == count


def test_a_pool_beside_files_of_its_own_stays_unread(tmp_path: Path):
    files = {"jsons/Cambrian10M.jsonl": CAMBRIAN, "hq_edit/mine.json": [shown("HQ-Edit/images/1.jpg")]}
    assert [row["sample"]["media"] for row in normalised(tmp_path, "hq_edit", files) if row["sample"]] == [
        ["absent:HQ-Edit/images/1.jpg"]
    ]
    unread = plan_sources([packaged_sources()["hq_edit"]], Storage(sources_root=str(tmp_path))).unread["hq_edit"]
    assert unread == {"jsons/Cambrian10M.jsonl": POOLED_FILE}


CHART = {
    "task_name": "t",
    "messages": [{"role": "user", "content": "<|image|>Read."}, {"role": "assistant", "content": "A"}],
}


def test_of_structures_to_parse_charts_alone_are_taken(tmp_path: Path):
    rows = [CHART | {"image": [f"./imgs/{name}/1.png"], "dataset_name": name} for name in ("DocVQA", "ChartQA", "TURL")]
    lines = "\n".join(map(json.dumps, rows))
    for file in ("struct_aware_parse.jsonl", "val.jsonl"):
        assert pictures(tmp_path / file, "mplug_docowl_chart", file, lines) == ["./imgs/ChartQA/1.png"]
    assert len(pictures(tmp_path / "mine", "mplug_docowl_chart", "train.jsonl", lines)) == len(rows)


@pytest.mark.parametrize("name", ["vqav2", "vizwiz", "alfworld", "geo3k"])
@pytest.mark.parametrize(
    "file",
    ["llava_v1_5_mix665k.json", "llava_next_raw_format_processed.json", ALL, "data/train_samples_all_tuning.json"],
)
def test_a_mixture_is_refused_where_nobody_knows_whose_its_rows_are(tmp_path: Path, name: str, file: str):
    with pytest.raises(InputError, match="pools many data sets"):
        pictures(tmp_path, name, file, [member("gqa")])


@pytest.mark.parametrize(
    ("name", "own", "others"),
    [
        (
            "llavar_gpt4_20k", "llava_instruct_150k_llavar_20k.json",
            ["chat_llavar.json", "llava_instruct_150k_llavar_16k.json"],
        ),
        ("llava_hound", "llava_hound/qa.json", ["0_30_s_nextqa/a.json", "2_3_m_youtube_v0_1/b.json"]),
        ("sharegpt4v_dialogue", "sharegpt4v_mix665k_cap23k_coco-ap9k_lcs3k_sam9k_div2k.json", [SHARED]),
        ("docvqa_llava", "DocVQA/a.json", ["InfographicVQA/b.json"]),
        ("infographicvqa", "InfographicVQA/b.json", ["DocVQA/a.json"]),
    ],
)  # fmt: skip
def test_other_data_sets_of_a_repository_stay_unread(tmp_path: Path, name: str, own: str, others: list[str]):
    media = "video" if name == "llava_hound" else "image"
    said = [{"from": "human", "value": f"<{media}>\nWhat?"}, {"from": "gpt", "value": "It is a hill."}]
    files = {file: [{"id": "1", media: f"1000/{file}", "conversations": said}] for file in (own, *others)}
    made = normalised(tmp_path, name, files)
    assert [row["sample"]["origin"]["file"] for row in made if row["sample"]] == [own]
    unread = plan_sources([packaged_sources()[name]], Storage(sources_root=str(tmp_path))).unread[name]
    assert set(unread) == set(others)
