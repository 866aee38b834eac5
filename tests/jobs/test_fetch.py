"""Getting source files: the plan is exact, and what is got is whole, whatever the hub does on the way."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from loopback_hub import Hub, serve

from jobs.cli import app
from jobs.fetch import download, patterns, plan
from jobs.fetch.hub import RemoteFile
from jobs.fetch.part import part_of
from schemas.source import packaged_sources

ROOT = Path(__file__).parents[2]
BIG = bytes(range(256)) * 40
OV = {
    "README.md": b"#", "geo(qa)/train-0.parquet": BIG, "geo(qa)/train-1.parquet": BIG[1:],
    "geo(align)/train-0.parquet": b"a" * 1500, "chart/train-0.parquet": b"c" * 1200,
    "other/train-0.parquet": b"x" * 9000,
}  # fmt: skip
LIST = {"list.json": b"[]", "old.json": b"[1]", "media/images_0.zip": BIG * 3, "media/images_1.zip": b"z" * 2000}
NEEDS = {
    "geo": ("o/ov", ["geo(qa)/*.parquet"], ["geo(qa)/*.parquet"], "yes"),
    "geo_both": ("o/ov", [], ["geo(*)/**/*.parquet"], "yes"),
    "chart": ("o/ov [chart]", ["chart/train-{0..3}.parquet (2.1 GB)"], [], "no"),
    "listed": ("o/list", ["list.json", "old.json", "media/images_0..9.zip"], ["list.json"], "unknown"),
    "gone": ("o/gone", ["a.json"], ["a.json"], "yes"),
    "locked": ("o/locked", ["a.json"], ["a.json"], "yes"),
    "elsewhere": ("o/list", ["annotations/a.json"], ["annotations/a.json"], "yes"),
    "by_hand": (None, ["questions.json"], ["questions.json"], "yes"),
}
LICENCES = {"geo": "Apache-2.0", "chart": "CC-BY-NC-4.0", "listed": "other"}


@pytest.fixture
def hub() -> Iterator[Hub]:
    repos = {"o/ov": dict(OV), "o/list": dict(LIST), "o/locked": {"a.json": b"[2]"}}
    with serve(Hub(repos, gated={"o/locked"})) as hub:
        yield hub


@pytest.fixture
def here(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue for the hub, and no waiting between attempts."""
    for name, (repo, named, reads, commercial) in NEEDS.items():
        source = {
            "source_id": name, "name": name.upper(), "group": "A", "category": "Chart", "modality": "image",
            "family": "llava_json", "hub_files": named, "cited_as": "Someone, 2020", "caveats": ["ask them"],
            "licence": {"spdx": LICENCES.get(name, "MIT"), "commercial": commercial},
            "collection": repo.split(" ")[0].replace("/", "__") if repo else "", "hub_id": repo,
        }  # fmt: skip
        if reads:
            source["reading"] = {"files": reads, "media_root": "coco" if name in ("geo", "listed") else ""}
        write(tmp_path / "catalogue" / f"{name}.yaml", yaml.safe_dump(source).encode())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda s: sleep(min(s, 0.01)))
    monkeypatch.setattr(threading.Event, "wait", quick(threading.Event.wait))
    return tmp_path


def quick(wait: Callable[..., bool]) -> Callable[..., bool]:
    return lambda event, timeout=None: wait(event, timeout if timeout is None else min(timeout, 0.01))


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


class Ran:
    """One command: exit code, stdout as JSON where it is, stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        with pytest.raises(SystemExit) as caught:
            app.main(["--quiet", "--catalogue", "catalogue", "sources", "fetch", *arguments])
        self.code = int(str(caught.value.code))
        self.out, self.err = capsys.readouterr()

    @property
    def tree(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.out)


def lying(root: Path) -> dict[str, bytes]:
    """Files below a folder but those that fetching keeps for itself."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*")) if path.is_file() and not path.name.startswith(".")
    }  # fmt: skip


def test_plan_is_exact_and_writes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "geo,geo_both", "chart", "listed", "by_hand", "--dry-run", "--json")
    assert ran.code == 0
    files = {file["path"]: file for file in ran.tree["files"]}
    assert [*files][-2:] == ["media/images_0.zip", "media/images_1.zip"], "media come last"
    assert set(files) == {
        "geo(qa)/train-0.parquet", "geo(qa)/train-1.parquet", "geo(align)/train-0.parquet", "chart/train-0.parquet",
        "list.json", "media/images_0.zip", "media/images_1.zip",
    }  # fmt: skip
    shared = files["geo(qa)/train-0.parquet"]
    assert shared["sources"] == ["geo", "geo_both"]
    assert shared["size"] == len(BIG)
    assert shared["target"] == str(here / "sources/o__ov/geo(qa)/train-0.parquet")
    assert re.fullmatch(r"[0-9a-f]{40}", shared["revision"])
    lines = {(line["source_id"], line["pattern"]): line for line in ran.tree["lines"]}
    assert lines["geo", "geo(qa)/*.parquet"]["bytes"] == 2 * len(BIG) - 1
    assert lines["geo", "geo(qa)/*.parquet"]["licence"] == "Apache-2.0"
    assert lines["by_hand", "questions.json"]["state"] == "by hand"
    assert "Someone, 2020; ask them" in lines["by_hand", "questions.json"]["note"]
    roots = [line for line in ran.tree["lines"] if line["source_id"] == "media root coco"]
    assert len(roots) == 1
    assert "geo, listed" in roots[0]["note"]
    assert not (here / "sources").exists()


def test_of_the_files_that_hold_pictures_by_key_the_first_that_there_are(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = here / "catalogue/listed.yaml"
    source = yaml.safe_load(entry.read_bytes()) | {"hub_files": ["list.json"]}
    source["reading"]["pictures"] = ["none/*.parquet", "old*.json", "media/*.zip"]
    write(entry, yaml.safe_dump(source).encode())
    for more, kinds in (
        ((), {"list.json": "annotations", "old.json": "media"}),
        (("--annotations-only",), {"list.json": "annotations"}),
    ):
        files = Ran(capsys, "listed", "--dry-run", "--json", *more).tree["files"]
        assert {file["path"]: file["kind"] for file in files} == kinds


def test_second_run_downloads_nothing(here: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert Ran(capsys, "geo", "geo_both", "listed").code == 0
    expected = {f"o__ov/{name}": data for name, data in OV.items() if name.startswith("geo")}
    expected |= {f"o__list/{name}": data for name, data in LIST.items() if name != "old.json"}
    assert lying(here / "sources") == expected
    assert set(hub.asked.values()) == {1}, "a file that sources share is fetched once"
    asked = dict(hub.asked)
    assert Ran(capsys, "geo", "geo_both", "listed").code == 0
    assert hub.asked == asked


def test_what_lies_there_is_trusted_only_when_it_is_whole(
    here: Path, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = here / "sources/o__ov/geo(qa)"
    write(folder / "train-0.parquet", BIG)
    write(folder / "train-1.parquet", b"?" * (len(BIG) - 1))
    assert Ran(capsys, "geo").code == 0
    assert dict(hub.asked) == {"geo(qa)/train-1.parquet": 1}
    assert (folder / "train-1.parquet").read_bytes() == BIG[1:]
    time.sleep(0.01)
    write(folder / "train-0.parquet", b"!" + BIG[1:])
    assert Ran(capsys, "geo").code == 0
    assert (folder / "train-0.parquet").read_bytes() == BIG


def test_torn_part_goes_on(here: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    file = Ran(capsys, "geo", "--dry-run", "--json").tree["files"][0]
    part = part_of(Path(file["target"]), file["digest"])
    write(part, BIG[:5000])
    assert Ran(capsys, "geo").code == 0
    assert ("geo(qa)/train-0.parquet", "bytes=5000-") in hub.ranges
    assert Path(file["target"]).read_bytes() == BIG
    assert not part.exists()


@pytest.mark.parametrize("faults", [["cut"], ["cut", "cut", "500"], ["429"], ["500"], ["short"], ["long"], ["garbage"]])
def test_passing_faults(here: Path, hub: Hub, capsys: pytest.CaptureFixture[str], faults: list[str]) -> None:
    hub.faults = {"geo(qa)/train-0.parquet": list(faults), "tree": ["429", "500"]}
    ran = Ran(capsys, "geo")
    assert ran.code == 0, ran.out + ran.err
    assert (here / "sources/o__ov/geo(qa)/train-0.parquet").read_bytes() == BIG
    assert hub.faults["geo(qa)/train-0.parquet"] == []


@pytest.mark.parametrize(
    ("fault", "words"), [("500", "the hub failed (500)"), ("garbage", "(hash)"), ("long", "sends more than the 10,240")]
)
def test_lasting_fault_of_one_file(
    here: Path, hub: Hub, capsys: pytest.CaptureFixture[str], fault: str, words: str
) -> None:
    hub.faults = {"geo(qa)/train-0.parquet": [fault] * 50}
    ran = Ran(capsys, "geo", "listed")
    assert ran.code == 4
    assert words in ran.out
    assert "o/ov (geo), 1 files" in ran.out
    assert "1 sources are not complete: geo" in ran.err
    assert set(lying(here / "sources")) == {
        "o__ov/geo(qa)/train-1.parquet", "o__list/list.json", "o__list/media/images_0.zip", "o__list/media/images_1.zip"
    }  # fmt: skip


def test_access(here: Path, hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ran = Ran(capsys, "locked", "gone", "elsewhere", "chart")
    assert ran.code == 4
    said = " ".join(ran.out.split())
    assert f"gated: its publisher wants terms to be accepted next: accept the publisher's terms at {hub.url}" in said
    assert "the hub knows no such data set, or shows it only to some" in said
    assert "none of the 4 files of o/list matches annotations/a.json" in said
    assert "3 sources are not complete: elsewhere, gone, locked" in ran.err
    assert set(lying(here / "sources")) == {"o__ov/chart/train-0.parquet"}
    monkeypatch.setenv("HF_TOKEN", "hf_wrongsecret")
    ran = Ran(capsys, "locked")
    assert "does not accept HF_TOKEN (401)" in ran.out
    assert "wrongsecret" not in ran.out + ran.err
    monkeypatch.setenv("HF_TOKEN", hub.token)
    ran = Ran(capsys, "locked")
    assert ran.code == 0
    assert hub.token not in ran.out + ran.err
    assert lying(here / "sources/o__locked") == {"a.json": b"[2]"}


def test_no_hub(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert Ran(capsys, "geo", "--dry-run").code == 4
    ran = Ran(capsys, "geo", "listed", "by_hand")
    assert ran.code == 4
    assert "geo, listed: no answer from http://127.0.0.1:9" in ran.out
    assert "HF_ENDPOINT" in ran.out
    assert "questions.json" in ran.out


def test_licences(here: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "geo", "chart", "listed", "--licences", "apache-2.0,MIT", "--json")
    assert ran.code == 0
    states = {line["source_id"]: (line["state"], line["note"]) for line in ran.tree["lines"]}
    assert states["geo"] == ("fetch", "")
    assert states["chart"] == ("excluded", "licence CC-BY-NC-4.0 is not among --licences")
    assert set(lying(here / "sources")) == {"o__ov/geo(qa)/train-0.parquet", "o__ov/geo(qa)/train-1.parquet"}
    tree = Ran(capsys, "geo", "chart", "listed", "--commercial", "--dry-run", "--json").tree
    excluded = {line["source_id"]: line["note"] for line in tree["lines"] if line["state"] == "excluded"}
    assert excluded == {"chart": "commercial use: no", "listed": "commercial use: unknown"}
    wrong = Ran(capsys, "geo", "--licences", "apache")
    assert wrong.code == 2
    assert "Apache-2.0" in wrong.err


def test_narrowing(here: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert Ran(capsys, "listed", "--annotations-only").code == 0
    assert lying(here / "sources") == {"o__list/list.json": b"[]"}
    ran = Ran(capsys, "listed", "--limit-bytes", "2500", "--json")
    assert [Path(name).name for name in ran.tree["over_limit"]] == ["images_0.zip"]
    assert set(lying(here / "sources/o__list")) == {"list.json", "media/images_1.zip"}


def test_disk(here: Path, hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")(10**9, 10**9 - 1000, 1000)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: usage)
        ran = Ran(capsys, "geo")
    assert ran.code == 4
    assert "the plan needs 0 MB" in ran.err
    assert not hub.asked
    with monkeypatch.context() as full:

        def no_space(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        full.setattr("jobs.fetch.part.Part.write", no_space)
        ran = Ran(capsys, "geo")
    assert ran.code == 4
    assert "no space left for" in ran.err


def test_names_are_not_trusted(here: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    bad = ["../../../out.parquet", "n" * 300 + ".parquet", "link/x.parquet", "a\0.parquet"]
    hub.repos["o/ov"] |= {f"geo(qa)/{name}": b"bad" for name in bad}
    (here / "outside").mkdir()
    link = here / "sources/o__ov/geo(qa)/link"
    link.parent.mkdir(parents=True)
    link.symlink_to(here / "outside", target_is_directory=True)
    ran = Ran(capsys, "geo_both")
    assert ran.code == 0
    assert "3 names that lead out of the folder are refused" in ran.out
    assert not list((here / "outside").iterdir())
    assert not list(here.rglob("out.parquet"))


def test_stop_keeps_what_came(
    here: Path, hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill in the middle leaves no half file under its name, and the next run asks for the rest alone."""
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1024)
    hub.faults = {"geo(qa)/train-0.parquet": ["cut", *["500"] * 50]}
    assert Ran(capsys, "geo").code == 4
    assert set(lying(here / "sources")) == {"o__ov/geo(qa)/train-1.parquet"}
    hub.faults, sent = {}, hub.sent
    assert Ran(capsys, "geo").code == 0
    assert hub.sent - sent == len(BIG) - len(BIG) // 2


def test_two_at_once(here: Path, hub: Hub) -> None:
    """Two processes with one folder: every file comes once, and both succeed."""
    command = [sys.executable, "-c", "from jobs.cli.app import main; main()", "--catalogue", "catalogue"]
    command += ["sources", "fetch", "geo", "listed"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    assert set(hub.asked.values()) == {1}


READ = """
import sys
from jobs.normalise.plan import plan_sources
from schemas.config import Storage
from schemas.source import load_sources
from udfs import files
from pathlib import Path
sources = load_sources(Path("catalogue"))
plan = plan_sources([sources["listed"]], Storage(sources_root="hf://datasets"))
print(plan.folders["listed"], [(item.range.file, item.range.records) for item in plan.items])
with files.open_file("hf://datasets/o/ov/geo(qa)/train-0.parquet") as file:
    file.seek(10_000)
    print(file.read(16).hex())
try:
    plan_sources([sources["gone"]], Storage(sources_root="hf://datasets"))
except Exception as error:
    print(type(error).__name__, error)
"""


def test_hub_is_a_root(here: Path, hub: Hub) -> None:
    """With `hf://datasets` as root sources are read where they lie, by ranges; no Spark is needed to see it."""
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "This."}]
    records = [{"id": str(n), "image": f"{n}.png", "conversations": turns} for n in range(30)]
    hub.repos["o/list"]["list.json"] = json.dumps(records).encode()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    said = subprocess.run([sys.executable, "-c", READ], env=environment, capture_output=True, text=True, check=True)
    first, second, third, *_ = said.stdout.splitlines()
    assert first == "hf://datasets/o/list [('list.json', 30)]"
    assert second == BIG[10_000:10_016].hex()
    assert third.startswith("InputError source gone: no folder hf://datasets/o/gone")
    assert ("geo(qa)/train-0.parquet", f"bytes=10000-{len(BIG) - 1}") in hub.ranges


def test_meter_counts_parts_and_targets(tmp_path: Path) -> None:
    names = {"done": 3, "coming": 2, "stale": 4, "missing": 2}
    files = [
        plan.File("o/r", "main", RemoteFile(name, size * download.MB, "git:0"), str(tmp_path), str(tmp_path / name),
                  plan.Kind.MEDIA, ("s",))
        for name, size in names.items()
    ]  # fmt: skip
    write(tmp_path / "done", bytes(3 * download.MB))
    write(tmp_path / "stale", b"of an older commit")
    write(part_of(tmp_path / "coming", "git:0"), bytes(download.MB))
    state = download.Meter(files)()
    assert (state.done, state.total) == (4, 11)
    assert "MB/s" in state.note


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("a/CLEVR_{train,val}_q.json", ["a/CLEVR_train_q.json", "a/CLEVR_val_q.json"]),
        ("images.tgz (7.95 GB)", ["images.tgz"]),
        ("t-0000{0..2}-of-3", ["t-00000-of-3", "t-00001-of-3", "t-00002-of-3"]),
        ("v_{01..03}.zip", ["v_01.zip", "v_02.zip", "v_03.zip"]),
        ("v_9..11.zip", ["v_9.zip", "v_10.zip", "v_11.zip"]),
        ("alf_{0..}/<id>_%05d.png", ["alf_*/*_*.png"]),
        ("n-{0..5000}-{a,b}", ["n-*-a", "n-*-b"]),
        ("refs(unc).p", ["refs(unc).p"]),
        ("wit_v1.train.tsv.gz", ["wit_v1.train.tsv.gz"]),
    ],
)
def test_globs(entry: str, expected: list[str]) -> None:
    assert list(patterns.globs(entry)) == expected


@given(st.text(alphabet="ab{},.0123<>%d()* ", max_size=30))
def test_any_entry_is_read(entry: str) -> None:
    assert 1 <= len(patterns.globs(entry)) <= patterns.MOST


def test_catalogue_is_parsable() -> None:
    """Every hub_id is a repository, every name a pattern without prose."""
    for source in packaged_sources().values():
        for glob in (glob for entry in source.hub_files for glob in patterns.globs(entry)):
            assert not re.search(r"\s|[<>{}%]|\.\.|: ", glob), (source.source_id, glob)
        assert source.hub_id is None or patterns.repository(source.hub_id), source.hub_id
