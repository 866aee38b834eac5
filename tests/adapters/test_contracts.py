"""Every source in every form that its publishers ship: described in text, built from that text, read and compared."""

import os
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from normalised import staged
from published_conversations import CONVERSATIONS
from published_fields import BY_SOURCE, BY_VARIANT, FIELDS, NOT_READ
from publishing import Entry, Published, Told, entries, written

from schemas.config import Media, Storage
from schemas.source import packaged_sources
from udfs.media.item import MediaItem
from udfs.media.video import VideoSampler

FORMATS = Path(os.environ.get("MAMMOTH_FORMATS", Path(__file__).parents[3] / "shared/catalogue/formats.jsonl"))
ENTRIES = entries(FORMATS.read_text().splitlines()) if FORMATS.is_file() else []
BUILDERS = {**CONVERSATIONS, **FIELDS}


ELSEWHERE = {("mscoco", "declared")}
"""Told by the tests of boxes."""
ELSEWHERE_BY_SOURCE = frozenset({
    "mscoco", "rects", "rctw_17", "refcoco", "sherlock", "coco_qa", "design2code", "sroie", "iam_cauldron", "iiit5k",
    "chrome_writing", "hme", "raven", "raven_cauldron", "geoqa_plus_mathv360k", "unigeo_mathv360k",
    "chart2text_cauldron",
})  # fmt: skip
"""Told by the tests of folders, lines, boxes and pickles."""


def builder(entry: Entry) -> Callable[[Entry], Published] | None:
    """What builds this form: for the source, for its variant, else for the family."""
    own = BY_SOURCE.get(entry.source_id) if entry.variant == "declared" else None
    return own or BY_VARIANT.get((entry.source_id, entry.family)) or BUILDERS.get(entry.family)


BUILT = [entry for entry in ENTRIES if builder(entry) and (entry.source_id, entry.variant) not in ELSEWHERE]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 240, 240, "yuv420p"
        for at in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((240, 240, 3), at * 9, np.uint8))))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def sampled(clip: Path) -> MediaItem:
    sampler = VideoSampler(Media())
    try:
        return sampler.sample(clip)
    finally:
        sampler.close()


@pytest.fixture(autouse=True)
def one_video(monkeypatch: pytest.MonkeyPatch, sampled: MediaItem) -> None:
    """A worker process for each source would take most of the time; where a video lies is what matters here."""
    monkeypatch.setattr(VideoSampler, "sample", lambda _self, _video: sampled)


@pytest.mark.skipif(not ENTRIES, reason=f"no descriptions of formats in {FORMATS}")
def test_every_form_is_built_or_named():
    """What is left are forms that others' tests build, and forms that no family reads, with the reason."""
    left = {(entry.source_id, entry.family) for entry in ENTRIES if entry not in BUILT}
    assert {
        (name, family) for name, family in left if family not in NOT_READ and name not in ELSEWHERE_BY_SOURCE
    } == set()


@pytest.mark.real
@pytest.mark.skipif(not ENTRIES, reason=f"no descriptions of formats in {FORMATS}")
@pytest.mark.parametrize("entry", BUILT, ids=lambda entry: f"{entry.source_id}-{entry.variant}")
def test_every_form_of_every_source_is_read(entry: Entry, tmp_path: Path, clip: Path):
    build = builder(entry)
    assert build is not None
    published = build(entry)
    source = packaged_sources()[entry.source_id]
    folder = source.collection if entry.variant == "declared" else source.source_id
    roots = tmp_path / "roots"
    written(tmp_path / "sources" / folder, roots, published, clip)
    shared = {path.name: str(path) for path in roots.iterdir()} if roots.is_dir() else {}
    rows = staged(source, Storage(sources_root=str(tmp_path / "sources"), media_roots=shared), Media())
    compare(published, rows)


def compare(published: Published, rows: list[dict]) -> None:
    samples = [row["sample"] for row in rows if row["sample"]]
    rejects = [(row["reject"]["drop_reason"], row["reject"]["detail"]) for row in rows if row["reject"]]
    for told in published.told:
        fitting = [sample for sample in samples if fits(told, sample["conversation"])]
        assert len(fitting) == 1, (told, [s["conversation"] for s in samples], rejects)
        check(told, fitting[0])
    assert (len(samples), len(rejects)) == (len(published.told), published.rejects), rejects


def fits(told: Told, turns: list[dict]) -> bool:
    return told.asks in turns[0]["text"] and (bool(told.asks) or turns[-1]["text"].endswith(told.answers))


def check(told: Told, sample: dict) -> None:
    turns = sample["conversation"]
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * (told.turns // 2), turns
    assert turns[-1]["text"].endswith(told.answers), turns
    shown = sum(turn["text"].count(mark) for turn in turns for mark in ("<image>", "<video>"))
    assert len(sample["media"]) == shown == told.media, (sample["media"], turns)
    if told.gold is not None:
        assert sample["gold_answer"] == told.gold, sample["gold_answer"]
    if told.evidence is not None:
        assert told.evidence in (sample["evidence"] or ""), sample["evidence"]
