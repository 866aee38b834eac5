"""The packaged catalogue and what a user lays over it."""

from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from schemas.enums import Category, Group, Modality
from schemas.errors import ConfigError
from schemas.source import load_sources, packaged_sources, pick_sources
from udfs.adapters import FAMILIES

OWN = """
source_id: my_charts
name: My charts
group: B
category: Chart
modality: image
family: flat_qa_json
licence: {spdx: CC0-1.0}
reading:
  files: ["*.jsonl"]
  fields: {question: [frage], answer: [antwort.text], media: [bild]}
"""


def test_every_file_is_named_after_its_source():
    stems = {
        Path(entry.name).stem for entry in files("schemas").joinpath("catalogue").iterdir() if entry.name[0] != "_"
    }
    assert stems == set(packaged_sources())


def test_groups_of_the_paper():
    groups = Counter(source.group for source in packaged_sources().values())
    assert groups == {Group.A: 58, Group.B: 60, Group.C: 35, Group.TEXT: 6}


def test_all_ten_categories_are_there():
    assert {source.category for source in packaged_sources().values()} == set(Category)


def test_text_sources_show_nothing():
    texts = [source for source in packaged_sources().values() if source.group is Group.TEXT]
    assert {source.modality for source in texts} == {Modality.TEXT}


def test_shared_collections():
    shared = Counter(source.collection for source in packaged_sources().values())
    assert shared["lmms-lab__LLaVA-OneVision-Data"] >= 69
    assert shared["lmms-lab__M4-Instruct-Data"] == 10
    assert all("/" not in name for name in shared)


def test_sources_of_one_file_are_told_apart_by_a_selector():
    m4 = [source for source in packaged_sources().values() if source.family == "m4_json"]
    chosen = [source.reading.select.values for source in m4 if source.reading and source.reading.select]
    assert len(set(chosen)) == len(m4) == 9


@pytest.mark.parametrize("source_id", sorted(packaged_sources()))
def test_an_entry_is_complete(source_id: str):
    source = packaged_sources()[source_id]
    assert source.name
    assert source.cited_as
    assert source.caveats
    assert source.licence.spdx
    assert all((source.unit, source.media_layout, source.conversation_rule))
    assert len(source.conversation_rule) < 130
    assert source.runnable == (source.family in FAMILIES)
    assert (source.rows is None) == (source.rows_source == "")
    assert set(source.paper_scores) <= {
        "content_original", "relevance_original", "content_rewritten", "relevance_rewritten",
    }  # fmt: skip
    assert all(1 <= score <= 5 for score in source.paper_scores.values())


def test_benchmarks_are_named():
    benchmarks = {source.source_id for source in packaged_sources().values() if source.is_benchmark}
    assert {"video_mme", "egoschema", "mathvision", "design2code", "wildvision_chat"} <= benchmarks
    assert len(benchmarks) < 12


def test_a_collection_s_tag_is_not_taken_for_the_origin_s_terms():
    packed = [source.licence for source in packaged_sources().values() if source.licence.packaging]
    assert len(packed) > 75
    assert all(licence.commercial == "unknown" for licence in packed if "not looked up" in licence.note)
    assert all(licence.spdx == "other" for licence in packed if "not looked up" in licence.note)


def test_an_overlay_adds_and_replaces(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(OWN)
    (tmp_path / "gqa.yaml").write_text(OWN.replace("my_charts", "gqa"))
    sources = load_sources(tmp_path)
    assert len(sources) == len(packaged_sources()) + 1
    assert sources["gqa"].name == "My charts"
    reading = sources["my_charts"].reading
    assert reading is not None
    assert reading.fields.answer == ("antwort.text",)


@pytest.mark.parametrize("line", ["colour: red", "group: Z", "source_id: Not an id", "reading: {file: x}", "a: [b"])
def test_a_wrong_entry_names_its_file(tmp_path: Path, line: str):
    kept = [kept for kept in OWN.splitlines() if kept.partition(":")[0] != line.partition(":")[0]]
    if line.startswith("reading"):
        kept = [kept for kept in kept if not kept.startswith(" ")]
    (tmp_path / "mine.yaml").write_text("\n".join([*kept, line]))
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        load_sources(tmp_path)


def test_a_missing_overlay(tmp_path: Path):
    with pytest.raises(ConfigError, match="does not exist"):
        load_sources(tmp_path / "none")


def test_an_unknown_source_is_told_what_comes_closest():
    with pytest.raises(ConfigError) as caught:
        pick_sources(packaged_sources(), ["vqa_v2"])
    assert "vqav2" in str(caught.value)
