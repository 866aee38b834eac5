"""Screening: folders that nobody declared, read by trying; and files that run at once."""

import json
from pathlib import Path

import pytest
from corpora import asked, said, write_json, write_pictures

from jobs.cli import app
from jobs.example import example_of
from jobs.look import look
from jobs.screen import Measured, find_source, measure, suggest
from jobs.screen.measure import reasons
from schemas.config import Config, Profile, load_config
from schemas.enums import Group, Modality
from schemas.errors import InputError
from schemas.source import load_sources

LONG = "The sign is red because it warns. It stands at a crossing, so drivers must stop. " * 4


@pytest.fixture
def config() -> Config:
    return load_config(Profile.LAPTOP)


def test_a_conversation_file_with_pictures_elsewhere(tmp_path: Path, config: Config):
    folder = tmp_path / "My Data"
    write_pictures(folder / "pics" / "deep" / "er", range(6))
    write_pictures(folder / "pics" / "else", range(6, 7))
    write_json(folder / "a.json", [asked([f"p{n}.png"], n, f"{LONG} {n}") for n in range(6)])
    write_json(folder / "info.json", {"version": 1})
    found = find_source(folder, config)
    assert (found.source.source_id, found.source.family) == ("my_data", "llava_json")
    reading = found.source.reading
    assert reading is not None
    assert (reading.files, reading.media_root) == (("a.json",), "pics/deep/er")
    assert any(what == "file" and name == "info.json" for what, name, _ in found.tried)
    measured = measure(look(found.source, found.plan, found.config, 1000))
    assert (measured.records, measured.samples, measured.sides) == (6, 6, (230, 230, 230))
    assert suggest(measured)[0] is Group.A


def test_foreign_fields_and_bare_numbers(tmp_path: Path, config: Config):
    write_pictures(tmp_path / "schilder" / "bilder", range(8), "{:06d}.png")
    rows = [
        {"nr": n, "bild": f"{n}", "frage": f"Was steht auf Schild {n}?", "antwort": {"kurz": f"Halt {n}"}}
        for n in range(8)
    ]
    write_json(tmp_path / "schilder" / "a.json", rows)
    found = find_source(tmp_path / "schilder", config)
    reading = found.source.reading
    assert reading is not None
    assert (reading.fields.question, reading.fields.answer) == (("frage",), ("antwort.kurz",))
    assert [what for what, _, _ in found.tried].count("fields") == 1


def test_text_alone(tmp_path: Path, config: Config):
    write_json(tmp_path / "sums" / "a.json", [{"problem": f"{n}+1?", "solution": f"It is {n + 1}."} for n in range(5)])
    found = find_source(tmp_path / "sums", config)
    assert found.source.modality is Modality.TEXT
    assert found.source.family == "text_json"


def test_what_cannot_be_read_says_what_was_tried(tmp_path: Path, config: Config):
    write_json(tmp_path / "odd" / "a.json", [{"x": 1, "y": 2}])
    with pytest.raises(InputError, match=r"(?s)no way of reading.*family any, image"):
        find_source(tmp_path / "odd", config)
    with pytest.raises(InputError, match="does not exist"):
        find_source(tmp_path / "gone", config)


def test_missing_pictures_do_not_decide(tmp_path: Path, config: Config):
    write_json(tmp_path / "bare" / "a.json", [asked([f"p{n}.png"], n, "four") for n in range(9)])
    found = find_source(tmp_path / "bare", config)
    measured = measure(look(found.source, found.plan, found.config, 1000))
    assert (measured.samples, measured.unusable) == (9, 0)
    assert suggest(measured)[0] is Group.B


@pytest.mark.parametrize(
    ("measured", "group"),
    [
        (Measured(records=10, samples=10, words=(1, 2, 3)), Group.B),
        (Measured(records=10, samples=10, words=(20, 40, 90)), Group.A),
        (Measured(records=10, samples=10, words=(1, 2, 3), rationales=0.5), Group.A),
        (Measured(records=10, samples=4, words=(20, 40, 90)), Group.C),
        (Measured(records=10, samples=10, words=(20, 40, 90), scores=(2.4, 4.0)), Group.C),
        (Measured(records=10, samples=10, words=(1, 2, 3), scores=(3.0, 3.4)), Group.B),
        (Measured(), Group.C),
    ],
)
def test_groups(measured: Measured, group: Group):
    chosen, findings = suggest(measured)
    assert chosen is group
    assert group.value in {finding.says for finding in findings}


@pytest.mark.parametrize(
    ("answer", "holds"),
    [
        ("red", False), ("B. the left one", False), ("A red sign. It stands there.", False),
        ("The sign is red there. So the drivers have to stop.", True), ("x = 3, y = 4", False),
        ("步骤一：先看图中的数字。因为是三，所以答案是四。", True), ("one\ntwo\nthree\nfour\nfive", False),
    ],
)  # fmt: skip
def test_rationales(answer: str, holds: bool):
    assert reasons(answer) is holds


def test_a_written_file_runs_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str], config: Config):
    write_pictures(tmp_path / "data" / "signs", range(3))
    records = [
        {"id": n, "image": f"p{n}.png", "conversations": said("<image>\n[b]What[/b]?", f"a {n}")} for n in range(3)
    ]
    write_json(tmp_path / "data" / "signs" / "a.json", records)
    arguments = ("sources", "screen", str(tmp_path / "data" / "signs"), "--write", str(tmp_path / "mine"))
    with pytest.raises(SystemExit) as caught:
        app.main(arguments)
    told = capsys.readouterr().out
    assert not caught.value.code
    assert "suggested group: B" in told
    assert f"--catalogue {tmp_path / 'mine'} run --sources-root {tmp_path / 'data'} --sources signs" in told
    source = load_sources(tmp_path / "mine")["signs"]
    storage = config.storage.model_copy(update={"sources_root": str(tmp_path / "data")})
    example = example_of(source, config.model_copy(update={"storage": storage}))
    assert (example.kind, example.reject) == ("files", None)
    with pytest.raises(SystemExit) as caught:
        app.main(arguments)
    assert caught.value.code == 2
    with pytest.raises(SystemExit):
        app.main((*arguments[:3], "--json"))
    tree = json.loads(capsys.readouterr().out)
    assert tree["measured"]["samples"] == 3
    assert tree["source"]["group"] == "B"


def test_nothing_is_scored_without_its_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_json(tmp_path / "bare" / "a.json", [asked(["gone.png"], n, "four") for n in range(3)])
    with pytest.raises(SystemExit) as caught:
        app.main(("sources", "screen", str(tmp_path / "bare"), "--score"))
    assert caught.value.code == 4
    assert "most pictures are missing" in capsys.readouterr().err
