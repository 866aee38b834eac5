"""One family's files in the folder of another: known for what they are, refused, or the same samples; never others."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from published_conversations import CONVERSATIONS
from published_fields import BY_SOURCE, FIELDS
from publishing import Entry, written

from jobs.readers import layouts
from schemas.errors import InputError
from schemas.source import Source, packaged_sources
from udfs.adapters.adapt import adapt
from udfs.adapters.family import Container, Layout
from udfs.adapters.recognise import recognise
from udfs.sample import Draft, Origin, Problem, Record

TURNS = (
    "llava_json",
    "ov_parquet",
    "cauldron_parquet",
    "m4_json",
    "llava_video_json",
    "mantis_parquet",
    "base64_jsonl",
)
LLAVA = {"record_schema": {"id": "string", "image": "relative path string", "conversations[].from": "human | gpt"}}
IN_FOLDERS = ("geometry3k_folder", "iconqa_folder", "origin:geometry3k_mathv360k", "origin:iconqa_mathv360k")
BUILT = {
    **{name: build for name, build in FIELDS.items() if name not in IN_FOLDERS},
    **BY_SOURCE,
    **{name: CONVERSATIONS[name] for name in TURNS},
}
"""Everything but folders of small files, which their own tests tell apart."""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, list[Layout]]]:
    """Places of records by file, by format."""
    root = tmp_path_factory.mktemp("published")
    found = {}
    for at, (name, build) in enumerate(BUILT.items()):
        made = build(Entry("x", "declared", name, LLAVA))
        made.media = []
        written(root / str(at), root, made, Path())
        files = [file for file in made.files if not any(unread in file for unread in UNREAD)]
        found[name] = {file: layouts(str(root / str(at) / file)) for file in files}
    return found


LEGITIMATE = {
    ("plotqa_json", "plotqa"): "its own files, whose fields only the source names",
    ("screenqa_json", "screenqa"): "its own files, whose fields only the source names",
    ("viquae_jsonl", "viquae"): "its own files, whose fields only the source names",
    (
        "origin:websight_cauldron",
        "design2code",
    ): "both are screenshots and their HTML; each source asks in its own words",
}
"""By format and host: why what is read there differs from what anybody else reads."""
UNREAD = ("map_vid_vidorID.json", "CGD.json", "splits.json", "/tables/")
"""Maps of names and the other side of a join, which hold no record."""


@cache
def hosts() -> list[Source]:
    """One source of each family, and those that name fields of their own."""
    chosen: dict[str, Source] = {}
    for source in packaged_sources().values():
        own = source.reading and (source.reading.fields.model_dump(exclude_defaults=True) or source.reading.question)
        chosen.setdefault(source.source_id if own else f"{source.family}:{source.modality}", source)
    return list(chosen.values())


def plain(source: Source) -> Source:
    """The source without anything that it says about its files."""
    return source.model_copy(update={"reading": None, "family": "unknown"})


def told(found: Mapping[str, list[Layout]], source: Source) -> tuple[str, list[Draft | Problem]] | None:
    """The family that the files are taken for, and what becomes of their first records; None: refused."""
    try:
        known = recognise(found, source)
    except InputError:
        return None
    firsts = [part.layout.first for parts in known.files.values() for part in parts if known.family.joiner is None]
    made = [adapt(Record(first, Origin("a/b.json", 0)), source, known.family) for first in firsts if first]
    return known.family.name, made


@pytest.mark.parametrize("name", BUILT)
def test_files_in_a_folder_that_is_not_theirs(published: Mapping[str, Mapping[str, list[Layout]]], name: str):
    wrong = []
    for host in hosts():
        own, swapped = told(published[name], plain(host)), told(published[name], host)
        if (name, host.source_id) in LEGITIMATE or swapped is None or (own is not None and alike(own[1], swapped[1])):
            continue
        drafts = [one for one in swapped[1] if isinstance(one, Draft)]
        if drafts or not swapped[1]:
            wrong.append(
                (host.source_id, swapped[0], own and own[0], [turn.text for turn in drafts[0].turns] if drafts else [])
            )
    assert wrong == []


def alike(own: list[Draft | Problem], swapped: list[Draft | Problem]) -> bool:
    """Whether no record says anything else in the other folder; a host may know less or another picture path."""
    pairs = zip(own, swapped, strict=False)
    return all(isinstance(b, Problem) or (isinstance(a, Draft) and a.turns == b.turns) for a, b in pairs)


def test_a_refusal_lists_both_sides_and_the_nearest_family():
    strange = Layout(Container.JSON_ARRAY, "", {"clue": [], "question_id": 7, "mood": "x"})
    with pytest.raises(InputError) as caught:
        recognise({"a.json": [strange]}, packaged_sources()["vqav2"])
    said = str(caught.value)
    for part in ("Found: a.json at top", "clue, mood, question_id", "vqa_pair_json expects", "nearest family is"):
        assert part in said
