"""A whole collection as its publisher lays it out: one folder for each data set, tables of the same name in all."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.normalise.plan import plan_sources
from schemas.config import Storage
from schemas.errors import InputError
from schemas.source import packaged_sources

COLLECTION = "lmms-lab__LLaVA-OneVision-Data"
SAID = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A hill."}]
OWNERS = dict(
    line.split()
    for line in """
CLEVR-Math(MathV360K) clevr_math_mathv360k
FigureQA(MathV360K) figureqa_mathv360k
GEOS(MathV360K) geos_mathv360k
GeoQA+(MathV360K) geoqa_plus_mathv360k
Geometry3K(MathV360K) geometry3k_mathv360k
IconQA(MathV360K) iconqa_mathv360k
MapQA(MathV360K) mapqa_mathv360k
PMC-VQA(MathV360K) pmc_vqa_mathv360k
Super-CLEVR(MathV360K) super_clevr_mathv360k
TabMWP(MathV360K) tabmwp_mathv360k
UniGeo(MathV360K) unigeo_mathv360k
VisualWebInstruct(filtered) -
VizWiz(MathV360K) vizwiz_mathv360k
ai2d(cauldron,llava_format) -
ai2d(gpt4v) ai2d_gpt4v
ai2d(internvl) -
allava_instruct_laion4v allava_laion
allava_instruct_vflan4v allava_vflan
aokvqa(cauldron,llava_format) a_okvqa_cauldron_llava_format
chart2text(cauldron) chart2text_cauldron
chartqa(cauldron,llava_format) chartqa_cauldron_llava_format
chrome_writting chrome_writing
clevr(cauldron,llava_format) clevr_cauldron_llava_format
diagram_image_to_text(cauldron) diagram_image_to_text_cauldron
dvqa(cauldron,llava_format) dvqa
figureqa(cauldron,llava_format) figureqa_cauldron_llava_format
geo170k(align) geo170k
geo170k(qa) geo170k
geo3k geo3k
geomverse(cauldron) geomverse_cauldron
hateful_memes(cauldron,llava_format) hatefulmemes_cauldron_llava_format
hitab(cauldron,llava_format) hitab_cauldron_llava_format
hme100k hme
iam(cauldron) iam_cauldron
iconqa(cauldron,llava_format) iconqa_cauldron_llava_format
iiit5k iiit5k
image_textualization(filtered) image_textualization_filtered
infographic(gpt4v) infographic_gpt4v
infographic_vqa infographicvqa
infographic_vqa_llava_format -
intergps(cauldron,llava_format) inter_gps_cauldron_llava_format
k12_printing k12_printing
llavar_gpt4_20k llavar_gpt4_20k
lrv_chart lrv_chart
lrv_normal(filtered) lrv_normal_filtered
magpie_pro(l3_80b_mt) magpie_pro_l3_mt
magpie_pro(l3_80b_st) magpie_pro_l3_st
magpie_pro(qwen2_72b_st) -
mapqa(cauldron,llava_format) mapqa_cauldron_llava_format
mathqa -
mavis_math_metagen mavis_math_metagen
mavis_math_rule_geo mavis_math_rule_geo
multihiertt(cauldron) -
orand_car_a orand_car_a
raven(cauldron) raven_cauldron
rendered_text(cauldron) renderedtext_cauldron
robut_sqa(cauldron) robut_sqa_cauldron
robut_wikisql(cauldron) robut_wikisql_cauldron
robut_wtq(cauldron,llava_format) robut_wtq_cauldron_llava_format
scienceqa(cauldron,llava_format) -
scienceqa(nona_context) scienceqa_nona_context
screen2words(cauldron) screen2words_cauldron
sharegpt4o sharegpt4o
sharegpt4v(coco) sharegpt4v_coco
sharegpt4v(knowledge) sharegpt4v_knowledge
sharegpt4v(llava) sharegpt4v_llava
sharegpt4v(sam) sharegpt4v_sam
sroie sroie
st_vqa(cauldron,llava_format) st_vqa_cauldron_llava_format
tabmwp(cauldron) tabmwp_cauldron
tallyqa(cauldron,llava_format) tallyqa_cauldron_llava_format
textcaps textcaps
textocr(gpt4v) textocr_cleaned
tqa(cauldron,llava_format) tqa_cauldron_llava_format
ureader_cap ureader_cap
ureader_ie ureader_ie
vision_flan(filtered) vision_flan_filtered
vistext(cauldron) vistext_cauldron
visual7w(cauldron,llava_format) visual7w_cauldron_llava_format
visualmrc(cauldron) visualmrc_cauldron
vqarad(cauldron,llava_format) vqa_rad_cauldron_llava_format
vsr(cauldron,llava_format) vsr_cauldron_llava_format
websight(cauldron) websight_cauldron
""".strip().splitlines()
)
"""The publisher's folders with the source that each is; `-`: the catalogue does not know it."""


def lay(root: Path, folder: str) -> None:
    path = root / COLLECTION / folder / "train-00000-of-00002.parquet"
    path.parent.mkdir(parents=True)
    row: dict[str, Any] = {"id": "1", "image": {"bytes": b"\x89PNG", "path": None}, "conversations": SAID}
    pq.write_table(pa.Table.from_pylist([row | {"data_source": folder}]), path)


def test_each_folder_of_a_collection_is_read_by_its_source_alone(tmp_path: Path):
    for folder in OWNERS:
        lay(tmp_path, folder)
    plan = plan_sources([*packaged_sources().values()], Storage(sources_root=str(tmp_path)), lenient=True)
    read = {item.range.file.partition("/")[0]: item.sources for item in plan.items}
    assert read == {folder: (owner,) for folder, owner in OWNERS.items() if owner != "-"}
    assert len({*OWNERS.values()} - {"-"}) == 68 + 6


def test_what_was_not_downloaded_of_a_collection_is_missing(tmp_path: Path):
    lay(tmp_path, "iiit5k")
    with pytest.raises(InputError, match=r"no file in .* matches \['dvqa\(cauldron,llava_format\)/\*\.parquet'\]"):
        plan_sources([packaged_sources()["dvqa"]], Storage(sources_root=str(tmp_path)))


LISTS = {
    f"{COLLECTION}/cambrian(filtered)/cambrian(filtered)_processed.json": "cambrian_filtered",
    f"{COLLECTION}/ureader_kg/ureader_kg_processed.json": "ureader_kg",
    f"{COLLECTION}/ureader_qa/ureader_qa_processed.json": "ureader_qa",
    "lmms-lab__LLaVA-NeXT-Data/llava_next_raw_format/llava_next_raw_format_processed.json": "docvqa_llava",
    "lmms-lab__LLaVA-OneVision-Mid-Data/ureader_tr/ureader_tr_processed.json": "ureader_ocr",
    "lmms-lab__LLaVA-OneVision-Mid-Data/synthdog_en/synthdog_en_processed.json": "-",
    "lmms-lab__LLaVA-OneVision-Mid-Data/evol_instruct/evol_instruct_processed.json": "-",
}


def test_lists_beside_archives_are_read_by_their_source_alone(tmp_path: Path):
    for file in LISTS:
        path = tmp_path / file
        path.parent.mkdir(parents=True)
        record = {"id": "000000", "conversations": SAID, "data_source": path.parent.name, "image": "docvqa/1.png"}
        path.write_text(json.dumps([record]))
    plan = plan_sources([*packaged_sources().values()], Storage(sources_root=str(tmp_path)), lenient=True)
    read = {f"{Path(item.folder).name}/{item.range.file}": item.sources for item in plan.items}
    assert read == {file: (owner,) for file, owner in LISTS.items() if owner != "-"}
