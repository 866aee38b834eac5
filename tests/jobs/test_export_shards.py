"""Exports of self-contained shards: read by their own libraries, going on after a death, damage that is noticed."""

import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from engines import vllm_python
from pyspark.sql import functions as f
from release_rows import HOSTILE, settings

from jobs.cli.app import main
from jobs.export import ExportFacts, check_export, export, mds
from jobs.export.examples import FACTS, Example
from jobs.export.run import FORMS, compare_counts
from jobs.export.shards import note
from jobs.release import read_release
from jobs.tables import Tables
from schemas.enums import ExportFormat
from schemas.errors import InputError, PipelineError

FORMATS = {"hf": "parquet", "webdataset": "tar", "mds": "mds"}
SHARDS = "export.shard_bytes=16000"
Row = dict[str, Any]


def write(published: Tables, form: str, folder: Path | None = None) -> ExportFacts:
    config = settings(Path(published.root), f"export.format={form}", SHARDS)
    return export(published, config, destination=None if folder is None else str(folder))


@pytest.fixture(scope="module")
def sharded(published: Tables) -> dict[str, ExportFacts]:
    return {form: write(published, form) for form in FORMATS}


@pytest.fixture(scope="module")
def expected(published: Tables) -> dict[str, Row]:
    """Examples by id as the tables have them."""
    stored: dict[str, list[str]] = {}
    for row in published.read("media_bytes").orderBy("media_id", "part").collect():
        stored.setdefault(row["media_id"], []).append(row["sha256"])
    found = {}
    for row in read_release(published).where("id <> 'two'").collect():
        hashes = [digest for medium in row["media"] for digest in stored[medium]]
        asked, answer = (turn["text"] for turn in row["conversation"])
        for mark in ("<image>\n", "<video>\n"):
            asked = asked.replace(mark, "")
        pictures = [{"type": "image", "text": None}] * len(hashes)
        found[row["id"]] = {
            "id": row["id"], "source": row["source_id"], "category": row["category"], "modality": row["modality"],
            "kind": row["kind"], "language": row["language"], "licence": row["licence"]["spdx"], "split": row["split"],
            "media": [medium for medium in row["media"] for _ in stored[medium]],
            "messages": [
                {"role": "user", "content": [*pictures, {"type": "text", "text": asked}]},
                {"role": "assistant", "content": [{"type": "text", "text": answer}]},
            ],
            "images": [[33, 31]] * len(hashes), "hashes": hashes,
        }  # fmt: skip
    return found


def read_by_library(form: str, folder: str, scratch: Path) -> list[Row]:
    script = [str(Path(__file__).with_name("read_export.py")), form, folder, str(scratch)]
    command = [sys.executable, *script]
    if form == "mds":  # needs torch, which the engine's environment has
        own = f"sys.path.append({sysconfig.get_path('purelib')!r}); sys.argv = sys.argv[1:]"
        command = [vllm_python(), "-c", f"import sys, runpy; {own}; runpy.run_path(sys.argv[0], run_name='__main__')"]
        command += script
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(scratch), "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def stamps(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """What changes with every file that is written again."""
    return {
        path.relative_to(folder): (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
        for stat in [path.stat()]
    }


@pytest.mark.parametrize("form", FORMATS)
def test_its_own_library_reads_every_row(
    sharded: dict[str, ExportFacts], expected: dict[str, Row], form: str, tmp_path: Path
):
    facts = sharded[form]
    rows = read_by_library(form, facts.folder, tmp_path)
    assert len(rows) == facts.rows == len(expected) == 141
    assert {row["id"]: row for row in rows} == expected
    assert sum(len(row["hashes"]) > 2 for row in rows) == 4, "videos are their frames"
    assert facts.left_out == {"placeholders_differ": 1}
    assert len([shard for shard in facts.shards if shard.split == "si"]) > 1


def test_all_formats_say_the_same_and_are_what_their_manifests_say(sharded: dict[str, ExportFacts]):
    told = {form: [(s.name.partition(".")[0], s.rows, s.pictures, s.content) for s in facts.shards]
            for form, facts in sharded.items()}  # fmt: skip
    assert told["hf"] == told["webdataset"] == told["mds"]
    assert [check_export(facts.folder) for facts in sharded.values()] == [[], [], []]


def test_the_card_has_the_figures_and_keeps_hostile_text_apart(sharded: dict[str, ExportFacts]):
    facts = sharded["hf"]
    text = Path(facts.folder, "README.md").read_text("utf-8")
    _, front, body = text.split("---\n", 2)
    told = yaml.safe_load(front)
    assert told["license"] == ["cc-by-4.0", "other"]
    assert told["license_link"] == "README.md#sources-and-terms"
    assert "## Sources and terms" in body
    assert told["size_categories"] == ["n<1K"]
    assert told["language"] == ["en"]
    assert {split["name"]: split["num_examples"] for split in told["dataset_info"]["splits"]} == {
        split: sum(shard.rows for shard in facts.shards if shard.split == split) for split in ("si", "ov")
    }
    assert "| charts | CC-BY-4.0 | yes | yes | 100 |" in body
    assert "| clips | CC-BY-4.0 | yes | yes | 4 |" in body, "a row that is left out is not counted"
    assert "| placeholders\\_differ | 1 |" in body
    assert HOSTILE not in text
    assert "<script>" not in text
    assert len([line for line in body.splitlines() if "alert" in line]) == 1, "it stays in its row"


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_that_died_goes_on_without_doing_finished_shards_again(
    published: Tables, sharded: dict[str, ExportFacts], form: str, tmp_path: Path
):
    whole = sharded[form]
    folder, last = tmp_path / "begun", whole.shards[-1]
    asked = json.loads(Path(whole.folder, "manifest.json").read_text())["asked"]
    (folder / "unfinished").mkdir(parents=True)
    (folder / "unfinished" / "asked.json").write_text(json.dumps(asked))
    (folder / last.name / "in the way").mkdir(parents=True)
    with pytest.raises(Exception, match=r"(?i)directory"):
        write(published, form, folder)
    assert not (folder / "manifest.json").exists()
    done = stamps(folder)
    assert 0 < len([path for path in done if path.suffix == f".{FORMATS[form]}"]) < len(whole.shards)
    shutil.rmtree(folder / last.name)
    (folder / "si" / ".00000.left.tmp").touch()
    facts = write(published, form, folder)
    assert facts.shards == whole.shards
    assert {p: s for p, s in done.items() if p.parts[0] != "unfinished"}.items() <= stamps(folder).items()
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in Path(whole.folder).iterdir())
    assert not list(folder.rglob("*.tmp"))


def test_shards_that_are_gone_or_cut_are_made_again(sharded: dict[str, ExportFacts], published: Tables, tmp_path: Path):
    whole, folder = sharded["hf"], tmp_path / "begun"
    shutil.copytree(whole.folder, folder)
    (folder / "unfinished").mkdir()
    asked = json.loads((folder / "manifest.json").read_text())["asked"]
    (folder / "unfinished" / "asked.json").write_text(json.dumps(asked))
    (folder / "manifest.json").unlink()
    for shard in whole.shards:
        (folder / note(shard.name)).write_text(json.dumps(asdict(shard)))
    gone, cut, *_ = whole.shards
    (folder / gone.name).unlink()
    os.truncate(folder / cut.name, 100)
    assert write(published, "hf", folder).shards == whole.shards
    assert check_export(str(folder)) == []


def test_counts_that_differ_from_the_release_stop_an_export(sharded: dict[str, ExportFacts]):
    shards = list(sharded["hf"].shards)
    rows = {split: sum(shard.rows for shard in shards if shard.split == split) for split in ("si", "ov")}
    compare_counts("x", shards, rows)
    with pytest.raises(PipelineError, match="export x holds rows"):
        compare_counts("x", shards[1:], rows)


def test_pictures_that_do_not_decode_stop_an_export(published: Tables, tmp_path: Path):
    shutil.copytree(published.root, tmp_path / "root")
    tables = Tables(published.spark, settings(tmp_path / "root").storage)
    cut = tables.read("media_bytes").withColumn("data", f.expr("substring(data, 1, 60)"))
    tables.overwrite("media_bytes", cut.withColumn("sha256", f.sha2("data", 256)))
    with pytest.raises(PipelineError, match="does not decode"):
        write(tables, "hf", tmp_path / "again")


def spoil(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(change(path.read_bytes())) and None


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a byte in the middle": spoil(lambda data: data[: len(data) // 2] + b"?" + data[len(data) // 2 + 1 :]),
    "cut short": spoil(lambda data: data[: len(data) // 2]),
    "empty": spoil(lambda _: b""),
    "gone": Path.unlink,
    "twice": lambda path: shutil.copy(path, path.with_name(f"other{path.suffix}")),
}


@pytest.mark.parametrize("form", FORMATS)
def test_damage_is_noticed(sharded: dict[str, ExportFacts], form: str, tmp_path: Path):
    facts = sharded[form]
    for name, damage in DAMAGE.items():
        folder = tmp_path / name
        shutil.copytree(facts.folder, folder)
        damage(folder / facts.shards[0].name)
        found = check_export(str(folder))
        assert found, name
        assert all(facts.shards[0].name in line or "other" in line for line in found), found
    for path in Path(facts.folder).rglob("*"):
        if path.name in {"README.md", "index.json"}:
            folder = tmp_path / path.name / path.parent.name
            shutil.copytree(facts.folder, folder)
            (folder / path.relative_to(facts.folder)).write_text("{}")
            assert "is not what the export wrote" in str(check_export(str(folder)))


CHANGES: dict[str, Callable[[list[Example]], list[Example]]] = {
    "a row less": lambda rows: rows[1:],
    "pictures in another order": lambda rows: [replace(row, pictures=row.pictures[::-1]) for row in rows],
    "an answer of another row": lambda rows: [replace(rows[0], messages=rows[-1].messages), *rows[1:]],
}


@pytest.mark.parametrize("form", FORMATS)
def test_a_whole_shard_that_says_something_else_is_noticed(sharded: dict[str, ExportFacts], form: str, tmp_path: Path):
    shape, facts = FORMS[ExportFormat(form)].shape, sharded[form]
    for name, change in CHANGES.items():
        folder = tmp_path / name
        shutil.copytree(facts.folder, folder)
        at = next(n for n, shard in enumerate(facts.shards) if shard.pictures > shard.rows > 1)
        path = folder / facts.shards[at].name
        with path.open("rb") as stream:
            rows = list(shape.read(stream))
        with path.open("wb") as stream:
            shape.write(stream, change(rows))
        told = json.loads((folder / "manifest.json").read_text())
        data = path.read_bytes()
        told["shards"][at] |= {"bytes": len(data), "sha256": sha256(data).hexdigest()}
        (folder / "manifest.json").write_text(json.dumps(told))
        assert any("content is" in line for line in check_export(str(folder))), name


def test_a_finished_export_is_left_alone_and_a_foreign_folder_refused(
    published: Tables, sharded: dict[str, ExportFacts], tmp_path: Path
):
    folder = Path(sharded["webdataset"].folder)
    seen = stamps(folder)
    assert write(published, "webdataset") == sharded["webdataset"]
    assert stamps(folder) == seen
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="no export wrote"):
        write(published, "webdataset", tmp_path)


def test_the_command_exports_and_says_what(published: Tables, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["--quiet", "--root", published.root, "--set", SHARDS, "export", "--format", "webdataset"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert f"export: {published.root}/exports/1-webdataset" in out
    assert "141 rows" in out


def test_a_damaged_export_is_told_when_it_is_checked(
    sharded: dict[str, ExportFacts], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "copy"
    shutil.copytree(sharded["webdataset"].folder, folder)
    for code, said in ((0, "read back, all is well"), (4, "is not as it was written: ")):
        with pytest.raises(SystemExit) as ended:
            main(["export", "--check", str(folder)])
        assert ended.value.code == code
        assert said in capsys.readouterr().err
        shard = folder / sharded["webdataset"].shards[0].name
        data = shard.read_bytes()
        shard.write_bytes(data[:-64] + bytes(range(64)))


def test_a_picture_that_the_store_lost_stops_the_export(published: Tables, tmp_path: Path):
    shutil.copytree(published.root, tmp_path / "root")
    tables = Tables(published.spark, settings(tmp_path / "root").storage)
    tables.overwrite("media_bytes", tables.read("media_bytes").where("part <> 1"))
    with pytest.raises(PipelineError, match="3 pictures by table media, 2 in media_bytes"):
        write(tables, "hf", tmp_path / "again")


def test_a_picture_that_the_store_exchanged_stops_the_export(published: Tables, tmp_path: Path):
    shutil.copytree(published.root, tmp_path / "root")
    tables = Tables(published.spark, settings(tmp_path / "root").storage)
    stored = tables.read("media_bytes")
    (other,) = stored.where("part = 0").select("data").orderBy("media_id").limit(1).collect()
    tables.overwrite("media_bytes", stored.withColumn("data", f.lit(other["data"])))
    with pytest.raises(InputError, match=r"is another than its sha256 says") as caught:
        write(tables, "hf", tmp_path / "again")
    assert caught.value.next_step.startswith("delete it from `media` and `media_bytes`")
    assert str(caught.value).count("next:") == 1


class Spool(io.BytesIO):
    """A spool that says of every sample that it is of another size."""

    size = 0

    def write(self, _: object) -> int:
        return self.size


@pytest.mark.parametrize("over", [0, 1])
def test_an_mds_shard_stays_below_4_gib(monkeypatch: pytest.MonkeyPatch, over: int):
    head = 3 * 4 + len(json.dumps(mds.LAYOUT))
    monkeypatch.setattr(Spool, "size", (1 << 32) - 1 - head + over)
    monkeypatch.setattr(tempfile, "TemporaryFile", Spool)
    rows = [Example(dict.fromkeys(FACTS, ""), [], [])]
    if over:
        with pytest.raises(PipelineError, match="the format allows 4,294,967,295"):
            mds.SHAPE.write(io.BytesIO(), rows)
    else:
        mds.SHAPE.write(io.BytesIO(), rows)
