"""The sample corpus: same bytes, whole, valid, offline; what is broken on purpose is really there."""

import hashlib
import json
import socket
from collections import Counter
from io import BytesIO
from pathlib import Path

import av
import pyarrow.parquet as pq
import pytest
from PIL import Image

from jobs.corpus import build, catalogue_folder
from jobs.corpus.defects import DEFECTS
from jobs.corpus.item import CorpusFacts, Item
from schemas.enums import Category, DropReason, Group
from schemas.source import Source, load_sources


def _no_network(*_args: object, **_kwargs: object) -> None:
    raise AssertionError("the corpus went to the network")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _no_network)
        patch.setattr(socket, "getaddrinfo", _no_network)
        folder = tmp_path_factory.mktemp("corpus") / "sources"
        build.build_corpus(folder)
    return folder


@pytest.fixture(scope="module")
def facts(folder: Path) -> CorpusFacts:
    return build.build_corpus(folder)


@pytest.fixture(scope="module")
def demo_sources() -> dict[str, Source]:
    return {name: source for name, source in load_sources(catalogue_folder()).items() if name.startswith("demo_")}


def _tree(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_two_builds_are_the_same_bytes(folder: Path, tmp_path: Path):
    build.build_corpus(tmp_path / "again")
    assert _tree(tmp_path / "again") == _tree(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_a_complete_corpus_is_left_alone(folder: Path, facts: CorpusFacts):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert build.build_corpus(folder) == facts
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_another_version_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    only = {"demo_code": build.COLLECTIONS["demo_code"]}
    monkeypatch.setattr(build, "COLLECTIONS", only)
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "left_over").write_text("x")
    (folder / build.MARKER).write_text(json.dumps({"version": "old"}))
    build.build_corpus(folder)
    assert sorted(path.name for path in folder.iterdir()) == [build.MARKER, "demo_code"]


def test_a_failed_build_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail() -> list[Item]:
        raise OSError("no space left")

    monkeypatch.setattr(
        build, "COLLECTIONS", {"demo_code": build.Collection(build.native.text_parquet, {"demo_code": fail})}
    )
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "mine").write_text("x")
    with pytest.raises(OSError, match="no space"):
        build.build_corpus(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["sources"]
    assert (folder / "mine").read_text() == "x"


def test_it_is_small_and_broad(folder: Path, facts: CorpusFacts, demo_sources: dict[str, Source]):
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 30_000_000
    assert sum(facts.records.values()) >= 240
    assert len(demo_sources) >= 14
    assert {source.category for source in demo_sources.values()} == set(Category)
    assert {source.group for source in demo_sources.values()} == set(Group)


def test_catalogue_and_files_agree(folder: Path, facts: CorpusFacts, demo_sources: dict[str, Source]):
    assert set(demo_sources) == set(facts.records)
    for source in demo_sources.values():
        assert source.reading is not None
        found = [path for pattern in source.reading.files for path in (folder / source.collection).glob(pattern)]
        assert found, source.source_id


def test_every_picture_and_video_decodes(folder: Path):
    for path in folder.rglob("*.*"):
        if path.suffix in (".jpg", ".png") and path.name != "broken.jpg":
            with Image.open(path) as picture:
                picture.load()
        if path.suffix == ".mp4":
            with av.open(path) as container:
                assert 10 <= sum(1 for _ in container.decode(video=0)) <= 30


def test_embedded_pictures_decode(folder: Path):
    shown = Counter[str]()
    for path in folder.rglob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            for image in row.get("images") or [row.get("image")]:
                if image and image["bytes"] != b"no picture at all":
                    with Image.open(BytesIO(image["bytes"])) as picture:
                        picture.load()
                    shown[path.parent.name] += 1
    assert set(shown) == {"demo_charts", "demo_chart_series", "demo_forms"}


def test_every_item_says_something(items: dict[str, list[Item]], demo_sources: dict[str, Source]):
    for source, some in items.items():
        assert len({item.id for item in some}) == len(some), source
        for item in some:
            assert all(answer.strip() for _, answer in item.turns), item.id
            assert len(item.evidence.split()) + max(len(question.split()) for question, _ in item.turns) < 130, item.id
            if demo_sources[source].group is Group.B and source != "demo_captions":
                assert item.evidence, item.id


def test_questions_vary(items: dict[str, list[Item]]):
    for source, some in items.items():
        asked = Counter(question for item in some for question, _ in item.turns if question)
        assert not asked or asked.most_common(1)[0][1] <= max(5, len(some) // 2), source


def test_planted_defects_are_listed(facts: CorpusFacts):
    assert sum(entry.count for entry in facts.planted) == sum(map(len, DEFECTS.values()))
    wanted = {
        DropReason.MALFORMED, DropReason.MISSING_MEDIA, DropReason.UNDECODABLE_MEDIA, DropReason.PLACEHOLDER_MISMATCH,
        DropReason.EMPTY_CONVERSATION, DropReason.UNKNOWN_ROLE, DropReason.MEDIA_OUTSIDE_ROOT,
        DropReason.ORPHAN_ANNOTATION, DropReason.DUPLICATE, DropReason.NO_ANSWER,
    }  # fmt: skip
    assert wanted <= {entry.reason for entry in facts.planted}


def test_planted_defects_are_in_the_files(folder: Path):
    photographs = json.loads((folder / "demo_photographs" / "demo_photographs.json").read_bytes())
    pictures = [row["image"] for row in photographs]
    assert not (folder / "demo_photographs" / "images" / "nowhere.jpg").exists()
    assert "images/nowhere.jpg" in pictures
    assert "../../../elsewhere/secret.jpg" in pictures
    assert photographs.count(photographs[0]) == 2
    with (
        pytest.raises(OSError, match=r"(?i)truncated"),
        Image.open(folder / "demo_photographs" / "images" / "broken.jpg") as picture,
    ):
        picture.load()

    bad = 0
    for line in (folder / "demo_descriptions" / "demo_descriptions.jsonl").read_text("utf-8").splitlines():
        try:
            json.loads(line)
        except ValueError:
            bad += 1
    assert bad == 2

    questions = json.loads((folder / "demo_photo_questions" / "demo_photo_questions_questions.json").read_bytes())
    annotations = json.loads((folder / "demo_photo_questions" / "demo_photo_questions_annotations.json").read_bytes())
    asked = {row["question_id"] for row in questions["questions"]}
    answered = {row["question_id"] for row in annotations["annotations"]}
    assert answered - asked == {999001}
    assert asked - answered == {998001}
