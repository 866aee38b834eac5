"""Export: what a folder holds, and that a breach of any rule of the trainer is noticed."""

import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
import yaml
from release_rows import FREE, PICTURES, VIDEO, settings

from jobs.export import ExportFacts, check_export, export
from jobs.export.media import video
from jobs.tables import Tables
from schemas.errors import ConfigError, InputError

SI, OV = "mammoth_si_r1.json", "mammoth_ov_r1.json"
Row = dict[str, Any]


@pytest.fixture(scope="module")
def exported(published: Tables) -> ExportFacts:
    return export(published, settings(Path(published.root)))


@pytest.fixture
def folder(exported: ExportFacts, tmp_path: Path) -> Path:
    """A copy of the export to spoil."""
    shutil.copytree(exported.folder, tmp_path / "copy")
    return tmp_path / "copy"


def rows_of(folder: str | Path, name: str) -> list[Row]:
    rows: list[Row] = json.loads(Path(folder, name).read_text("utf-8"))
    return rows


def test_what_an_export_holds(exported: ExportFacts):
    assert exported.rows == 140
    assert exported.left_out == {"too_long": 1, "video_not_alone": 1}
    assert {tree.name: tree.files for tree in exported.trees} == {
        "single_image_data": 2, "multi_image_data": 2, "video_data": 1,
    }  # fmt: skip
    rows = rows_of(exported.folder, SI) + rows_of(exported.folder, OV)
    by_source = {row["source"]: row for row in rows}
    assert by_source["photos"]["image"] == f"single_image_data/{PICTURES[1][:2]}/{PICTURES[1]}.jpg"
    assert by_source["albums"]["image"] == [f"multi_image_data/{p[:2]}/{p}.jpg" for p in PICTURES[2:4]]
    assert by_source["clips"]["video"] == f"video_data/{VIDEO[:2]}/{VIDEO}.mp4"
    assert set(by_source["words"]) == {"id", "source", "licence", "conversations"}
    assert {row["licence"] for row in rows} == {FREE["spdx"]}
    assert [turn["from"] for turn in by_source["clips"]["conversations"]] == ["human", "gpt"]
    assert by_source["clips"]["conversations"][0]["value"].startswith("<image>\nquestion")
    assert "“quoted”" in by_source["photos"]["conversations"][1]["value"]
    listed = yaml.safe_load(Path(exported.folder, "mammoth_ov_r1.yaml").read_text())
    assert listed == {"datasets": [{"json_path": OV, "sampling_strategy": "all"}]}
    assert not Path(exported.folder, "unfinished").exists()
    assert check_export(exported.folder) == []


def test_a_finished_export_is_left_alone_and_an_unfinished_one_made_anew(published: Tables, exported: ExportFacts):
    config = settings(Path(published.root))
    seen = Path(exported.folder, SI).stat()
    assert export(published, config) == exported
    assert Path(exported.folder, SI).stat() == seen
    Path(exported.folder, "manifest.json").unlink()
    mark = Path(exported.folder, "unfinished", "asked.json")
    mark.parent.mkdir()
    mark.write_text('{"format": "llava", "release_id": 1}')
    Path(exported.folder, SI).write_text("[")
    assert export(published, config) == exported
    Path(exported.folder, SI).unlink()
    assert export(published, config) == exported
    assert Path(exported.folder, SI).exists()
    shutil.rmtree(Path(exported.folder, "single_image_data"))
    assert export(published, config) == exported
    assert check_export(exported.folder) == []
    with pytest.raises(ConfigError, match="a finished llava export of release 1, not hf"):
        export(published, settings(Path(published.root), "export.format=hf"), 1, exported.folder)


def test_shards_unpack_to_the_same_tree(published: Tables, exported: ExportFacts, tmp_path: Path):
    config = settings(Path(published.root), "export.media=shards")
    facts = export(published, config, 1, str(tmp_path / "shards"))
    assert check_export(facts.folder) == []
    assert [(tree.files, tree.shards) for tree in facts.trees] == [(2, 1), (2, 1), (1, 1)]
    manifest = Path(facts.folder, "manifest.json").stat()
    assert export(published, config, 1, facts.folder) == facts
    assert Path(facts.folder, "manifest.json").stat() == manifest
    for tree in ("single_image_data", "multi_image_data", "video_data"):
        with tarfile.open(Path(facts.folder, tree, "shard_1.tar.gz")) as shard:
            packed = {name: member.read() for name in shard.getnames() if (member := shard.extractfile(name))}
        assert packed
        assert all(Path(exported.folder, name).read_bytes() == data for name, data in packed.items())


def test_a_folder_of_other_files_is_refused(published: Tables, tmp_path: Path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="no export wrote"):
        export(published, settings(Path(published.root)), 1, str(tmp_path))
    assert (tmp_path / "thesis.tex").exists()


def test_a_video_holds_each_stored_frame_for_one_second(exported: ExportFacts):
    (clip,) = Path(exported.folder).glob("video_data/*/*.mp4")
    with av.open(clip) as container:
        stream = container.streams.video[0]
        assert (stream.average_rate, stream.width, stream.height) == (1, 34, 32)
        assert len(list(container.decode(video=0))) == 3


def test_the_same_frames_give_the_same_video(exported: ExportFacts):
    frames = [path.read_bytes() for path in sorted(Path(exported.folder).glob("single_image_data/*/*"))]
    assert video(frames) == video(frames)


def test_training_scripts_are_shell_and_name_the_lists(exported: ExportFacts):
    scripts = sorted(Path(exported.folder, "train").iterdir())
    assert [script.name for script in scripts] == ["1_align.sh", "2_si.sh", "3_ov.sh"]
    for script in scripts:
        subprocess.run(["bash", "-n", str(script)], check=True)
    texts = [script.read_text() for script in scripts]
    assert all(
        f'--model_max_length "{length}"' in text for text, length in zip(texts, (8192, 8192, 16384), strict=True)
    )
    assert all(f"{batch} rows per step" in text for text, batch in zip(texts, (512, 256, 256), strict=True))
    assert "mammoth_si_r1.yaml" in texts[1]
    assert "mammoth_ov_r1.yaml" in texts[2]


def first(folder: Path, key: str) -> tuple[Path, list[Row], Row]:
    for name in (SI, OV):
        rows = rows_of(folder, name)
        for row in rows:
            if key in row or (key == "text" and not {"image", "video"} & set(row)):
                return folder / name, rows, row
    raise AssertionError(key)


def edit(key: str, **changes: object) -> Callable[[Path], None]:
    """Changes the first row with a key; None takes a key away."""

    def spoil(folder: Path) -> None:
        path, rows, row = first(folder, key)
        row |= changes
        for name in [name for name, value in row.items() if value == "absent"]:
            del row[name]
        path.write_text(json.dumps(rows))

    return spoil


def say(key: str, turn: int, text: str | None, speaker: str | None = None) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path, rows, row = first(folder, key)
        row["conversations"][turn]["value"] = text
        row["conversations"][turn]["from"] = speaker or row["conversations"][turn]["from"]
        path.write_text(json.dumps(rows))

    return spoil


def write(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(data) and None


def on_media(pattern: str, change: Callable[[Path], object]) -> Callable[[Path], None]:
    return lambda folder: [change(path) for path in folder.glob(pattern)] and None


BREACHES: list[tuple[int, Callable[[Path], None]]] = [
    (1, write(SI, b'{"id": "a"}')),
    (1, write(SI, b'[{"id": "a"}')),
    (1, write("mammoth_si_r1.yaml", b"datasets: [{json_path: other.json}]")),
    (1, write("mammoth_si_r1.yaml", b"datasets: [{json_path: mammoth_si_r1.jsonl}]")),
    (2, write("mammoth_si_r1.yaml", b"datasets: [{json_path: mammoth_si_r1.json, sampling_strategy: some}]")),
    (2, write("mammoth_si_r1.yaml", b"datasets: [{json_path: mammoth_si_r1.json, sampling_strategy: 'end:0'}]")),
    (3, edit("image", conversations=[])),
    (3, edit("image", conversations="absent")),
    (3, say("text", 1, None)),
    (3, edit("text", conversations=[{"from": "human", "value": ""}, {"from": "gpt", "value": " "}])),
    (4, say("text", 0, "hello", "system")),
    (4, edit("text", conversations=[{"from": "human", "value": "hello"}])),
    (5, say("text", 0, "so " * 8193)),
    (6, edit("text", image=None)),
    (6, edit("text", image="")),
    (6, edit("text", image=[])),
    (6, edit("image", video="video_data/a.mp4")),
    (7, edit("image", image="https://example.org/a.jpg")),
    (7, edit("image", image="/data/a.jpg")),
    (7, edit("image", image="../a.jpg")),
    (7, edit("image", image=["a.jpg", 3])),
    (8, say("image", 0, "no mark")),
    (8, say("image", 0, "<image><image> two marks")),
    (8, say("image", 1, "<image>")),
    (8, say("text", 0, "a stray <image>")),
    (9, say("video", 0, "<image><image> two marks")),
    (9, edit("video", video=["a.mp4"])),
    (10, edit("text", id=7)),
    (10, edit("text", source="absent")),
    (11, on_media("single_image_data/*/*", Path.unlink)),
    (11, on_media("single_image_data/*/*", lambda path: path.write_bytes(b"no picture"))),
    (11, on_media("video_data/*/*", lambda path: path.write_bytes(b"no video"))),
    (12, write(SI, b'[{"id": "a", "source": "\xff"}]')),
    (12, say("image", 0, "<image> QA_GT_caption_based_noisy")),
]


@pytest.mark.parametrize(("rule", "spoil"), BREACHES, ids=lambda value: str(value) if isinstance(value, int) else "")
def test_each_rule_is_checked(folder: Path, rule: int, spoil: Callable[[Path], None]):
    spoil(folder)
    assert any(line.startswith(f"rule {rule}: ") for line in check_export(str(folder)))


def test_ids_are_unique_over_both_arrays(folder: Path):
    rows = rows_of(folder, SI)
    (folder / OV).write_text(json.dumps([rows[-1], *rows_of(folder, OV)][:1]))
    (line,) = check_export(str(folder))
    assert line.startswith("rule 10: 1 times")


def test_a_folder_without_arrays_is_no_export(tmp_path: Path):
    with pytest.raises(InputError, match="holds no mammoth_si"):
        check_export(str(tmp_path))
