"""What is wrong with a command is said at once, with the value found and what is allowed, before any work."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from corpora import SHAPES, asked, write_catalogue, write_json, write_pictures

from jobs.cli import app

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one source, in which no Spark may start."""
    write_pictures(tmp_path / "sources" / "shapes", range(2))
    write_json(tmp_path / "sources" / "shapes" / "a.json", [asked([f"p{n}.png"], n) for n in range(2)])
    write_catalogue(tmp_path / "catalogue", [SHAPES])
    monkeypatch.chdir(tmp_path)

    def no_work(*_: object) -> None:
        raise AssertionError("work began")

    for module in ("jobs.run", "jobs.check", "jobs.cli.tables"):
        monkeypatch.setattr(f"{module}.spark_session", no_work)
    return tmp_path


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        app.main(arguments)
    return int(str(caught.value.code)), capsys.readouterr().err


CASES = {
    "unknown source": (("sources", "check", "ai2"), 2, ["unknown source 'ai2'", "sources list"]),
    "near miss": (("sources", "show", "vqav22"), 2, ["'vqav22'", "did you mean vqav2"]),
    "unknown source of a run": (("run", "--sources", "shapes,circles"), 2, ["unknown source 'circles'"]),
    "missing sources root": (("run", "--sources-root", "nowhere"), 4, ["folder nowhere does not exist"]),
    "option over setting": (
        ("--set", "storage.sources_root=here", "run", "--sources-root", "nowhere"), 4, ["folder nowhere does not"]),
    "missing source folder": (("sources", "check", "vqav2"), 4, ["source vqav2: no folder", "storage.sources_root"]),
    "run without a source's folder": (("run", "--sources", "vqav2"), 4, ["source vqav2: no folder"]),
    "unknown key": (("--set", "sparc.master=local", "config", "show"), 2, ["sparc", "config show"]),
    "unknown nested key": (("--set", "spark.mastr=local", "config", "show"), 2, ["spark.mastr", "local"]),
    "wrong value": (("--set", "gate.min_rows=none", "config", "show"), 2, ["gate.min_rows", "'none'"]),
    "one for a list": (
        ("--set", "gate.licences=MIT", "config", "show"), 2, ["gate.licences is a list: write gate.licences=[MIT]"]),
    "wrong enum": (("--set", "engine.kind=magic", "config", "show"), 2, ["magic", "vllm"]),
    "no equals sign": (("--set", "spark.master", "config", "show"), 2, ["'spark.master'", "--set key=value"]),
    "missing config file": (("--config", "no.yaml", "config", "show"), 2, ["no.yaml", "does not exist"]),
    "unknown engine": (("--set", "engines.man.model=x", "config", "show"), 2, ["'man'", "main"]),
    "missing model": (("--set", "engine.model=no/model", "run"), 5, ["no/model", "config.json", "engines.main."]),
    "unknown prompt": (
        ("--set", "engine.kind=stub", "--set", "judging.judges=[{name: main, engine: main, prompt: jury}]", "run"),
        2, ["unknown prompt 'jury'", "rationale"]),
    "missing catalogue": (("--catalogue", "none", "sources", "list"), 2, ["catalogue folder none does not exist"]),
    "media": (("sources", "check", "shapes", "--media", "maybe"), 2, ["'maybe'", "read, skip"]),
    "unknown profile": (("--profile", "phone", "config", "show"), 2, ["phone", "laptop"]),
    "unknown command": (("rnu",), 2, ["rnu"]),
    "unknown option": (("run", "--limt", "3"), 2, ["--limt"]),
    "limit zero": (("run", "--limit", "0"), 2, ["--limit", "greater than or equal to 1"]),
    "unknown stage": (("run", "--until", "later"), 2, ["later", "export"]),
    "no query": (("sql",), 2, ["-f FILE"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_wrong_use_is_a_sentence(here: Path, capsys: pytest.CaptureFixture[str], case: str):
    arguments, code, words = CASES[case]
    with_catalogue = () if "--catalogue" in arguments else ("--catalogue", "catalogue")
    found, text = fails(capsys, *with_catalogue, *arguments)
    assert found == code, text
    assert [word for word in words if word not in text] == []
    assert "Traceback" not in text


def test_doctor_looks_at_the_disks_that_a_run_fills(here: Path, capsys: pytest.CaptureFixture[str]):
    own = [f"storage.root={here}/out", f"storage.host_dir={here}/scratch"]
    with pytest.raises(SystemExit):
        app.main((*(part for setting in own for part in ("--set", setting)), "doctor", "--json"))
    (disk,) = [told["found"] for told in json.loads(capsys.readouterr().out) if told["check"] == "disk"]
    assert re.fullmatch(rf"\d+ GiB free for {here}/out, \d+ GiB free for {here}/scratch", disk)


def shell(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from jobs.cli.app import main; main()", "--catalogue", "catalogue", *arguments]
    own = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False, timeout=60)


def test_no_jdk(here: Path):
    env = {"PATH": "/nonexistent", "JAVA_HOME": ""}
    ran = shell(here, "sources", "check", "shapes", **env)
    assert ran.returncode == 2, ran.stderr
    assert "no JDK found through the PATH" in ran.stderr
    assert "JDK 17 or 21" in ran.stderr


def test_java_home_without_java(here: Path):
    ran = shell(here, "sources", "check", "shapes", JAVA_HOME="/nowhere/jdk")
    assert ran.returncode == 2, ran.stderr
    assert "JAVA_HOME=/nowhere/jdk" in ran.stderr


def test_wrong_jdk(here: Path):
    java = here / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    ran = shell(here, "sources", "check", "shapes", JAVA_HOME=str(here / "jdk"))
    assert ran.returncode == 2, ran.stderr
    assert "11.0.2" in ran.stderr
    assert "17 or 21" in ran.stderr


def test_listings_need_no_java(here: Path):
    ran = shell(here, "sources", "list", "--json", PATH="/nonexistent", JAVA_HOME="")
    assert ran.returncode == 0, ran.stderr
    assert {row["source_id"]: row["runnable"] for row in json.loads(ran.stdout)}["shapes"] is True
