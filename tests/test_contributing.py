"""What CONTRIBUTING says about adding a dataset, followed to the letter in a folder of its own."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from corpora import picture

from jobs.cli import app

ROOT = Path(__file__).parents[1]
SECTION = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## Add a dataset")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCKS if found == kind]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the page speaks of, taken from the page."""
    record = json.loads(blocks("json")[0])
    signs = tmp_path / "data" / "street_signs"
    (signs / "annotations").mkdir(parents=True)
    lines = [json.dumps(record | {"nummer": number}) for number in range(3)]
    (signs / "annotations" / "a.jsonl").write_text("\n".join(lines))
    (signs / "bilder" / record["ort"]).mkdir(parents=True)
    for number in range(3):
        (signs / "bilder" / record["ort"] / f"{number:06d}.jpg").write_bytes(picture(number))
    (tmp_path / "data" / "menus").mkdir()
    menus = re.search(r"holds `(\[.*?\])`\.", SECTION)
    assert menus is not None
    (tmp_path / "data" / "menus" / "menus.json").write_text(menus[1])
    (tmp_path / "data" / "menus" / "m1.jpg").write_bytes(picture(9))
    for text in (*blocks("yaml"), *blocks("python")):
        path = tmp_path / text.partition("\n")[0].removeprefix("# ")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], verb: str) -> list[str]:
    found = []
    for command in COMMANDS:
        if f"sources {verb}" in command:
            with pytest.raises(SystemExit) as caught:
                app.main(shlex.split(command)[1:])
            assert not caught.value.code, command
            found.append(capsys.readouterr().out)
    return found


def test_show_and_screen(here: Path, capsys: pytest.CaptureFixture[str]):
    signs, menus = told(capsys, "show")
    assert "[user] <image>\nWas verlangt das Schild?" in signs
    assert "[assistant] Das Schild ist achteckig und rot.\nAnswer: A. Halt" in signs
    assert "[evidence_kind] ocr" in signs
    assert "[media_status] present" in signs
    assert "[assistant] Soup: 4" in menus
    assert "[media_status] present" in menus
    (screened,) = told(capsys, "screen")
    assert "suggested group: B" in screened
    assert "source_id: street_signs" in screened


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_command_of_the_page(here: Path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = "\n".join(["set -e", *COMMANDS, COMMANDS[-1] + " --json > last.json"])
    command = ["bash", "-c", script]
    done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads((here / "last.json").read_text())
    assert [(count["source_id"], count["samples"], count["rejects"]) for count in counts] == [
        ("menus", 1, {}), ("street_signs", 3, {}),
    ]  # fmt: skip
