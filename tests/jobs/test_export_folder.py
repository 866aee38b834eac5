"""The folder of an export, without Spark: whose it is while it is unfinished, and what makes it a finished one."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import cast

import pytest
from pyspark.sql import Row
from release_rows import settings

from jobs.export import dataset_card, export, llava, run
from jobs.export.folder import Array, ExportFacts, clear, complete, finished_export, is_begun
from jobs.export.media import Tree
from jobs.export.shards import Shard
from jobs.export.train import train_files
from jobs.report.page import render_text
from jobs.tables import Tables
from schemas.enums import ExportFormat
from schemas.errors import ConfigError, InputError
from udfs import files

Begin = Callable[..., None]
MADE = {"release_id": 1, "content_hash": "a", "media": "files", "shard_bytes": 9}
ASKED = {"release_id": 1, "content_hash": "a", "format": "hf", "shard_bytes": 9}
NO_TABLES = cast(Tables, None)


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Begins to export into `out` and is killed as it begins to read."""

    def killed(*_: object) -> None:
        raise RuntimeError("killed")

    def begin(form: str, release: int = 1, content: str = "a") -> None:
        found = Row(release_id=release, content_hash=content)
        monkeypatch.setattr(run, "manifest", lambda *_: found)
        with pytest.raises(RuntimeError, match="killed"):
            export(NO_TABLES, settings(tmp_path, f"export.format={form}"), release, str(tmp_path / "out"))

    for module in (run, llava):
        monkeypatch.setattr(module, "read_release", killed)
    monkeypatch.setattr(run, "with_problems", killed)
    return begin


@pytest.mark.parametrize("form", list(ExportFormat))
def test_an_unfinished_export_says_whose_it_is(begin: Begin, tmp_path: Path, form: ExportFormat):
    folder = tmp_path / "out"
    begin(form)
    mark = folder / "unfinished" / "asked.json"
    told = json.loads(mark.read_text())
    assert (told["format"], told["release_id"], told["content_hash"]) == (form, 1, "a")
    (folder / "si").mkdir()
    (folder / "si" / "00000.part").touch()
    for other in ExportFormat:
        for release in (1, 2):
            if (other, release) == (form, 1):
                continue
            said = f"out holds an unfinished {form} export of release 1, not {other} export of release {release}"
            with pytest.raises(ConfigError, match=said) as caught:
                begin(other, release)
            assert caught.value.exit_code == 2
            assert caught.value.next_step == f"finish that one first, give --to another folder, or remove {folder}"
    assert json.loads(mark.read_text()) == told
    assert (folder / "si" / "00000.part").exists(), "nothing of it was taken away"
    begin(form)
    assert json.loads(mark.read_text()) == told


@pytest.mark.parametrize("form", list(ExportFormat)[1:])
def test_only_the_same_content_goes_on_from_the_shards_that_are_there(begin: Begin, tmp_path: Path, form: str):
    begin(form)
    shard, note = tmp_path / "out" / "si" / "00000.part", tmp_path / "out" / "unfinished" / "si-00000.json"
    shard.parent.mkdir()
    shard.touch()
    note.write_text(json.dumps(asdict(Shard("si/00000.part", 1, 0, 0, "", ""))))
    begin(form)
    assert shard.exists()
    assert note.exists()
    begin(form, content="b")
    assert not shard.exists()
    assert not note.exists()
    assert json.loads((tmp_path / "out" / "unfinished" / "asked.json").read_text())["content_hash"] == "b"


@pytest.mark.parametrize("lie", [Path.touch, Path.mkdir])
def test_an_unfinished_export_that_does_not_say_whose_it_is_is_refused(
    begin: Begin, tmp_path: Path, lie: Callable[[Path], None]
):
    (tmp_path / "out").mkdir()
    lie(tmp_path / "out" / "unfinished")
    for form in ExportFormat:
        with pytest.raises(ConfigError, match=f"export that says no release, not {form} export of release 1"):
            begin(form)


def test_a_death_while_a_folder_is_cleared_leaves_one_that_is_cleared_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder, remove = str(tmp_path), files.remove
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "si").mkdir()

    def dies(path: str) -> None:
        if path.endswith("/si"):
            raise RuntimeError("killed")
        remove(path)

    with monkeypatch.context() as patch:
        patch.setattr(files, "remove", dies)
        with pytest.raises(RuntimeError, match="killed"):
            clear(folder, ASKED, ["si"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["si", "unfinished"]
    assert not is_begun(folder, ASKED), "what lies there is another's"
    with pytest.raises(ConfigError, match="unfinished hf export of release 1"):
        clear(folder, ASKED | {"release_id": 2}, ["si"])
    clear(folder, ASKED, ["si"])
    assert is_begun(folder, ASKED)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["unfinished"]


def test_a_mark_that_a_death_left_beside_a_manifest_says_nothing(tmp_path: Path):
    folder = str(tmp_path)
    clear(folder, ASKED, [])
    kept = (tmp_path / "unfinished" / "asked.json").read_text()
    facts = ExportFacts(1, folder, format="hf")
    complete(ASKED, facts)
    assert not (tmp_path / "unfinished").exists()
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "asked.json").write_text(kept)
    assert finished_export(folder, ASKED) == facts
    assert not is_begun(folder, ASKED)
    clear(folder, ASKED | {"release_id": 2}, [])
    assert finished_export(folder, ASKED) is None


def test_a_folder_of_other_files_is_no_export(tmp_path: Path):
    (tmp_path / ".thesis.tex").touch()
    with pytest.raises(InputError, match="no export wrote"):
        clear(str(tmp_path), ASKED, [".thesis.tex"])
    assert [path.name for path in tmp_path.iterdir()] == [".thesis.tex"]


PIECES = {
    "mammoth_si_r1.json": b"[\n]\n", "mammoth_si_r1.yaml": b"datasets", "train/2_si.sh": b"exit",
    "single_image_data/0a/a.jpg": b"four", "single_image_data/0b/b.jpg": b"eight...",
    "video_data/shard_1.tar.gz": b"zip",
}  # fmt: skip


@pytest.fixture
def whole(tmp_path: Path) -> ExportFacts:
    """A finished export, one of its trees in a shard; a task that was killed left a file."""
    for name, data in {**PIECES, "single_image_data/0a/.a.jpg.0.tmp": b"fo"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    facts = ExportFacts(
        1, str(tmp_path), "files", (Array("mammoth_si_r1.json", 0, 4, ""),),
        (Tree("single_image_data", 2, 12), Tree("video_data", 7, 99, 1, 3)),
        beside={"mammoth_si_r1.yaml": "", "train/2_si.sh": ""},
    )  # fmt: skip
    complete(MADE, facts)
    return facts


def test_an_export_with_all_its_files_is_finished(whole: ExportFacts):
    assert finished_export(whole.folder, MADE) == whole
    assert finished_export(whole.folder, MADE | {"release_id": 2}) is None
    manifest = Path(whole.folder, "manifest.json")
    told = json.loads(manifest.read_text())
    told["trees"] = [{name: tree[name] for name in ("name", "files", "bytes")} for tree in told["trees"]]
    manifest.write_text(json.dumps(told))
    assert finished_export(whole.folder, MADE) is None, "a manifest that says nothing of its shards"


@pytest.mark.parametrize("name", PIECES)
def test_an_export_that_lost_a_file_is_not_finished(whole: ExportFacts, name: str):
    path = Path(whole.folder, name)
    data = path.read_bytes()
    path.unlink()
    assert finished_export(whole.folder, MADE) is None
    path.write_bytes(data)
    assert finished_export(whole.folder, MADE) == whole
    if name not in whole.beside:
        path.write_bytes(data[:-1])
        assert finished_export(whole.folder, MADE) is None


@pytest.mark.parametrize("tree", ["single_image_data", "video_data"])
def test_an_export_that_lost_a_tree_is_not_finished(whole: ExportFacts, tree: str):
    shutil.rmtree(Path(whole.folder, tree))
    assert finished_export(whole.folder, MADE) is None


def test_training_scripts_may_be_changed(whole: ExportFacts):
    Path(whole.folder, "train", "2_si.sh").write_text("exec torchrun")
    assert finished_export(whole.folder, MADE) == whole


@pytest.mark.parametrize(("split", "pictures"), [("si", 0), ("ov", 3)])
def test_a_card_names_the_splits_and_tasks_that_are_there(split: str, pictures: int):
    facts = ExportFacts(1, "", format="hf", shards=(Shard(f"{split}/00000.parquet", 2, pictures, 9, "", ""),))
    body = render_text("dataset.md", **dataset_card.heading(facts), sections=())
    front = dataset_card.front(facts, ())
    other, held = {"si": ("ov", "single pictures and text"), "ov": ("si", "several pictures, videos")}[split]
    assert "2 instruction rows in 1 shard. Made" in body
    assert f'split="{split}"' in body
    assert f"- splits: `{split}` has {held}" in " ".join(body.split())
    assert f"`{other}`" not in body
    assert ("visual-question-answering" in front) is ("multimodal" in front) is bool(pictures)
    assert ("text-generation" in front) is not bool(pictures)


@pytest.mark.parametrize(("there", "written"), [(["si"], ["si"]), (["ov"], ["ov"]), ([], ["si", "ov"])])
def test_a_split_without_rows_has_no_files(tmp_path: Path, there: list[str], written: list[str]):
    for split in there:
        (tmp_path / "parts" / f"split={split}").mkdir(parents=True)
        (tmp_path / "parts" / f"split={split}" / "part-0").write_text("{}\n")
    arrays = llava.join_parts(str(tmp_path / "parts"), str(tmp_path), 1)
    assert [array.name for array in arrays] == [f"mammoth_{split}_r1.json" for split in written]
    assert [array.rows for array in arrays] == ([1] * len(there) or [0, 0])
    scripts = train_files("r1", [f"mammoth_{split}_r1.yaml" for split in written])
    assert [name[2:-3] for name in scripts] == ["align", *written]
    begun = {
        "si": "Qwen/Qwen2.5-7B-Instruct",
        "ov": "${CHECKPOINTS}/2_si" if "si" in written else "Qwen/Qwen2.5-7B-Instruct",
    }
    for split in written:
        script = scripts[f"{2 if split == 'si' else 3}_{split}.sh"]
        assert f'--model_name_or_path "{begun[split]}"' in script
        assert ("pretrain_mm_mlp_adapter" in script) is begun[split].startswith("Qwen")
