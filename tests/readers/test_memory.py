"""Files far larger than the memory that reading them takes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads peak memory from /proc")

ROOT = Path(__file__).parents[2]

READ_ALL = """
import sys
from pathlib import Path
from jobs.readers import layouts, plan_ranges, read
path = Path(sys.argv[1])
count = 0
for layout in layouts(str(path)):
    for part in plan_ranges(str(path), path.name, layout, 32 << 20):
        for record in read(str(path.parent), part):
            assert record.problem is None, record.problem
            count += 1
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(count, int(peak.split()[1]) // 1024)
"""


def read_all(path: Path) -> tuple[int, int]:
    """Records, and peak memory in MB of a process that reads them."""
    command = [sys.executable, "-c", READ_ALL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    count, peak = done.stdout.split()
    return int(count), int(peak)


def test_json_array_of_300_mb(tmp_path: Path):
    record = {"id": 1, "image": "a/b.jpg", "conversations": [{"from": "human", "value": 'say "[' + "word " * 1200}]}
    text = json.dumps(record).encode()
    with (tmp_path / "a.json").open("wb") as out:
        out.write(b'{"info": {}, "data": [' + text)
        for _ in range(50):
            out.write((b",\n" + text) * 1000)
        out.write(b"]}")
    assert (tmp_path / "a.json").stat().st_size > 300_000_000
    count, peak = read_all(tmp_path / "a.json")
    assert count == 50_001
    assert peak < 250


def test_csv_of_100_mb(tmp_path: Path):
    with (tmp_path / "a.csv").open("wb") as out:
        out.write(b"q,a\n")
        for _ in range(20):
            out.write((b'"say ""' + b"word " * 1000 + b'\n""",2\n') * 1000)
    assert (tmp_path / "a.csv").stat().st_size > 100_000_000
    count, peak = read_all(tmp_path / "a.csv")
    assert count == 20_000
    assert peak < 250


def test_pictures_of_one_row_group(tmp_path: Path):
    pictures = pa.array([os.urandom(600_000) for _ in range(300)])
    pq.write_table(pa.table({"image": pictures}), tmp_path / "a.parquet", row_group_size=300, write_batch_size=10)
    count, peak = read_all(tmp_path / "a.parquet")
    assert count == 300
    assert peak < 250
