"""Commands about sources, as their users see them; only `sources check` needs Spark, see tests/jobs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from corpora import SETS, SHAPES, asked, source, write_catalogue, write_json, write_pictures

from jobs.advice import ADVICE, advise, compare_family
from jobs.cli import app
from jobs.example import example_of
from schemas.config import Profile, Storage, load_config
from schemas.enums import DropReason
from schemas.source import Reading, packaged_sources

Command = Callable[..., str]
MARKUP = "[bold red]not markup[/bold red] [link=x] \x1b[31m"


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as caught:
            app.main(arguments)
        captured = capsys.readouterr()
        assert caught.value.code == code, captured.err
        return captured.out if code == 0 else captured.err

    return run


def listed(command: Command, *filters: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(command("sources", "list", "--json", *filters))
    return rows


FILTERS: dict[tuple[str, ...], Callable[[dict[str, Any]], bool]] = {
    (): bool,
    ("--group", "B"): lambda row: row["group"] == "B",
    ("--category", "Video", "--modality", "video"): lambda row: row["category"] == row["modality"].title() == "Video",
    ("--licence", "cc-by-4.0"): lambda row: row["licence"] == "CC-BY-4.0",
    ("--licence", "commercial"): lambda row: row["commercial"] == "yes",
    ("--verified", "real", "--no-benchmark"): lambda row: row["verified"] == "real" and not row["benchmark"],
    ("--benchmark",): lambda row: row["benchmark"],
    ("--no-runnable",): lambda row: not row["runnable"],
}


@pytest.mark.parametrize("filters", FILTERS)
def test_list_filters(command: Command, filters: tuple[str, ...]):
    everything = listed(command)
    assert len(everything) == len(packaged_sources())
    assert listed(command, *filters) == [row for row in everything if FILTERS[filters](row)]


def test_list_marks_test_sets(command: Command):
    table = command("sources", "list", "--group", "A")
    assert "video_mme *" in table
    assert "* a test set" in table


def test_show_sets_a_record_beside_its_sample(command: Command, tmp_path: Path):
    write_pictures(tmp_path / "sources" / "shapes", range(1))
    records = [asked(["gone.png"], 0), asked(["p0.png"], 1, MARKUP)]
    write_json(tmp_path / "sources" / "shapes" / "a.json", records)
    write_catalogue(tmp_path / "mine", [SHAPES])
    told = command("--catalogue", "mine", "sources", "show", "shapes")
    assert "from your files: a.json, record 1, read as llava_json" in told
    assert "[user] <image>\nWhat is shown in scene 1?\n[assistant] [bold red]not markup[/bold red] [link=x]" in told
    assert "\x1b" not in told
    tree = json.loads(command("--catalogue", "mine", "sources", "show", "shapes", "--json"))
    assert tree["example"]["record"] == records[1]
    assert tree["example"]["sample"]["media_status"] == "present"


def test_show_says_why_there_is_no_sample_yet(command: Command, tmp_path: Path):
    write_json(tmp_path / "sources" / "shapes" / "a.json", [asked(["gone.png"], 0)])
    write_catalogue(tmp_path / "mine", [SHAPES])
    told = command("--catalogue", "mine", "sources", "show", "shapes")
    assert "absent:gone.png" in told
    assert "[rejected] missing_media: no file" in told


def test_show_without_files_says_that_its_example_is_invented(command: Command):
    told = command("sources", "show", "arxivqa")
    assert "example, invented" in told
    assert "[assistant] The door stands in the middle; its paint is red.\nAnswer: A. red" in told
    assert json.loads(command("sources", "show", "vqav2", "--json"))["example"]["kind"] == "none"
    assert "training on it" in command("sources", "show", "mathvision")


def test_every_source_can_be_shown(tmp_path: Path):
    config = load_config(Profile.LAPTOP, None, [f"storage.sources_root={tmp_path}"])
    examples = [example_of(source, config) for source in packaged_sources().values()]
    assert {example.kind for example in examples} == {"made", "none"}
    assert all((example.sample is None) == (example.kind == "none") for example in examples)
    assert sum(example.kind == "made" for example in examples) > 130


def test_check_needs_names_or_all(command: Command):
    assert "give --all" in command("sources", "check", code=2)
    assert "give --all" in command("sources", "check", "gqa", "--all", code=2)
    assert "no source of the catalogue has files" in command("sources", "check", "--all", code=2)


def test_check_of_several_tells_what_is_missing_of_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "sources").mkdir()
    with pytest.raises(SystemExit) as caught:
        app.main(("--set", f"storage.sources_root={tmp_path}", "sources", "check", "gqa", "vqav2"))
    assert caught.value.code == 4
    told = capsys.readouterr().out
    assert all(f"source {name}: no folder" in " ".join(told.split()) for name in ("gqa", "vqav2"))


def test_every_reason_has_advice():
    assert set(ADVICE) <= set(DropReason) - {DropReason.MISSING_MEDIA}
    assert all(len(advise(reason, SHAPES, Storage(), "sources/shapes")) > 20 for reason in DropReason)


def test_advice_names_what_was_tried():
    rooted = source("cars", reading={"media_root": "coco"})
    word = advise("missing_media", rooted, Storage(), "sources/cars")
    assert "sources/cars/coco and sources/cars: set storage.media_roots.coco=FOLDER" in word
    word = advise("missing_media", rooted, Storage(media_roots={"coco": "/data/coco"}), "sources/cars")
    assert "/data/coco (storage.media_roots.coco)" in word
    assert "below sources/cars:" in advise("missing_media", source("cars"), Storage(), "sources/cars")
    shared = source("cars", reading={"origin_roots": ["vg", "coco"]})
    word = advise("missing_media", shared, Storage(), "sources/cars")
    assert "set storage.media_roots.vg=FOLDER and storage.media_roots.coco=FOLDER" in word


def test_a_family_other_than_the_declared_one_is_told():
    assert compare_family(SHAPES, "llava_json") == ""
    assert "llava_json" in compare_family(SHAPES, "flat_qa_json")
    own = SETS.model_copy(update={"reading": Reading(files=(), adapter="mine:read")})
    assert compare_family(own, "mine:read") == ""
