"""Source folders made of links, as a hub's cache is; embedded pictures that are not read; lone test splits."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from normalised import staged
from PIL import Image

from jobs.normalise.plan import LINKED, plan_sources
from schemas.config import Storage
from schemas.errors import InputError
from schemas.source import packaged_sources

AI2D = packaged_sources()["ai2d_gpt4v"]


def picture(shade: int) -> bytes:
    data = io.BytesIO()
    Image.new("L", (300, 300), shade).save(data, "PNG")
    return data.getvalue()


def shard(path: Path, shades: range) -> None:
    """Rows that differ in their pictures alone."""
    said = [{"from": "human", "value": "<image>\nIs it dark?"}, {"from": "gpt", "value": "Yes."}]
    rows = [{"id": "1", "image": {"bytes": picture(n), "path": "a.png"}, "conversations": said} for n in shades]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def samples(root: Path) -> set[str]:
    return {
        row["sample"]["sample_id"] for row in staged(AI2D, Storage(sources_root=str(root))) if row["sample"]
    }  # fmt: skip


def test_pictures_that_are_not_read_still_tell_rows_apart(tmp_path: Path):
    shard(tmp_path / AI2D.source_id / "train-00000-of-00001.parquet", range(3))
    assert len(samples(tmp_path)) == 3


def test_a_snapshot_in_a_hubs_cache_is_read_through_its_links(tmp_path: Path):
    cached = tmp_path / "datasets--a--b"
    shard(cached / "blobs" / "0f", range(2))
    (cached / "snapshots" / "1a" / "data").mkdir(parents=True)
    (cached / "snapshots" / "1a" / "data" / "train-00000-of-00001.parquet").symlink_to("../../../blobs/0f")
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / AI2D.source_id).symlink_to(cached / "snapshots" / "1a")
    assert len(samples(tmp_path / "sources")) == 2


def test_links_that_leave_the_folder_are_told(tmp_path: Path):
    folder = tmp_path / "sources" / AI2D.source_id
    shard(tmp_path / "away" / "1.parquet", range(2))
    folder.mkdir(parents=True)
    (folder / "train-00001-of-00002.parquet").symlink_to(tmp_path / "away" / "1.parquet")
    with pytest.raises(InputError, match=r"train-00001-of-00002\.parquet is not read: it is a link that leaves"):
        samples(folder.parent)
    shard(folder / "train-00000-of-00002.parquet", range(2, 3))
    (folder / "pictures").symlink_to(tmp_path / "away")
    plan = plan_sources([AI2D], Storage(sources_root=str(folder.parent)))
    assert plan.unread[AI2D.source_id] == {"pictures": LINKED, "train-00001-of-00002.parquet": LINKED}
    assert len(samples(folder.parent)) == 1


def test_a_lone_test_split_is_read_and_told(tmp_path: Path):
    folder = tmp_path / AI2D.source_id
    shard(folder / "test-00000-of-00001.parquet", range(2))
    storage = Storage(sources_root=str(tmp_path))
    assert plan_sources([AI2D], storage).held_out == {AI2D.source_id}
    shard(folder / "train-00000-of-00001.parquet", range(2))
    assert not plan_sources([AI2D], storage).held_out
