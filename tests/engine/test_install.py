"""The engine's environment: refused where it cannot be, laid once, from files that travel with the packages."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from schemas.errors import ConfigError
from udfs.code import code_digest
from udfs.engine import install
from udfs.engine.install import BOOTSTRAP, FILES, Build, install_engine, requirement_file

ROOT = Path(__file__).parents[2]
Commands = list[Sequence[str]]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Commands that the installer would run; the first makes an interpreter."""
    commands: Commands = []

    def pretend(*command: str) -> None:
        commands.append(command)
        if "venv" in command:
            python = Path(command[-1], "bin", "python")
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()
            Path(command[-1], "pyvenv.cfg").touch()

    monkeypatch.setattr(install, "_run", pretend)
    return commands


@pytest.mark.parametrize("build", Build)
def test_everything_is_hash_checked_and_a_second_time_does_nothing(tmp_path: Path, ran: Commands, build: Build):
    assert install_engine(tmp_path / "engine", build) == (tmp_path / "engine" / "bin" / "python", True)
    assert [command[1:3] for command in ran] == [("-m", "venv"), ("-m", "pip"), ("pip", "install")]
    assert all("--require-hashes" in command for command in ran[1:])
    assert ran[2][-1].endswith(FILES[build])
    assert install_engine(tmp_path / "engine", build)[1] is False
    assert len(ran) == 3
    other = Build.CPU if build is Build.GPU else Build.GPU
    assert install_engine(tmp_path / "engine", other)[1] is True  # another build takes its place


def test_an_unfinished_environment_is_laid_anew(tmp_path: Path, ran: Commands, monkeypatch: pytest.MonkeyPatch):
    prefix = tmp_path / "engine"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "pyvenv.cfg").touch()
    monkeypatch.setattr(install, "_run", lambda *command: ran.append(command))
    assert install_engine(prefix, Build.CPU)[1] is True
    assert "--clear" in ran[0]


def test_a_folder_of_somebody_else_is_not_cleared(tmp_path: Path, ran: Commands):
    (tmp_path / "work.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds something else than an environment"):
        install_engine(tmp_path, Build.CPU)
    assert ran == []
    assert (tmp_path / "work.txt").read_text() == "mine"


def test_a_full_disk_is_noticed_before_any_download(tmp_path: Path, ran: Commands, monkeypatch: pytest.MonkeyPatch):
    usage = type(shutil.disk_usage(tmp_path))(10, 9, 1)
    monkeypatch.setattr(install.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ConfigError, match="0 GiB are free") as caught:
        install_engine(tmp_path / "engine", Build.GPU)
    assert "larger disk" in caught.value.next_step
    assert ran == []


def test_another_system_is_refused(tmp_path: Path, ran: Commands, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(install.sys, "platform", "darwin")
    with pytest.raises(ConfigError, match="this is darwin"):
        install_engine(tmp_path / "engine", Build.CPU)
    assert ran == []


@pytest.mark.parametrize("name", [BOOTSTRAP, *FILES.values()])
def test_locks_are_those_of_the_checkout_and_whole(name: str):
    locked = requirement_file(name)
    assert locked == (ROOT / "requirements" / name).read_bytes()
    pins = [line for line in locked.decode().splitlines() if "==" in line and not line.startswith((" ", "#"))]
    assert len(pins) >= 2
    assert all(line.endswith("\\") for line in pins)  # hashes follow
    assert b"://" not in locked  # the user's registry, not one of ours


def test_a_wheel_holds_all_that_the_checkout_runs(tmp_path: Path):
    copied = tmp_path / "checkout"
    skip = shutil.ignore_patterns("__pycache__")
    for package in ("schemas", "udfs", "jobs", "prompts", "requirements"):
        shutil.copytree(ROOT / package, copied / package, symlinks=True, ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copied)
    build = ["-m", "uv", "build", "--quiet", "--wheel", "--offline", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([sys.executable, *build, "-o", str(tmp_path), str(copied)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    alone = {"PYTHONPATH": str(wheel), "PATH": "/usr/bin:/bin"}
    ask = "from udfs.code import code_digest, code_place; print(code_digest(), code_place())"
    found = subprocess.run([sys.executable, "-P", "-c", ask], capture_output=True, text=True, check=True, env=alone)
    assert found.stdout.split() == [code_digest(), str(wheel)]
    # What an init script does with nothing but the wheel, up to its first refusal.
    command = [sys.executable, "-P", "-m", "udfs.engine.install", "--prefix", str(copied)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False, env=alone)
    assert refused.returncode == 2, refused.stderr
    assert "holds something else than an environment" in refused.stderr
