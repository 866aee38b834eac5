"""Any damage to any container ends as problem records or one clear error, and positions stay unique."""

import bz2
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.readers import layouts, plan_ranges, read
from schemas.errors import InputError
from udfs.adapters.family import Container, Layout

ROWS = [{"id": number, "q": 'say "x" [\\]', "a": [{"b": "é\n"}]} for number in range(6)]
LINES = b"\n".join(json.dumps(row).encode() for row in ROWS)


def parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), buffer, row_group_size=2)
    return buffer.getvalue()


SEEDS = {
    "a.json": json.dumps(ROWS).encode(),
    "o.json": json.dumps({"info": {}, "images": ROWS, "notes": ROWS}).encode(),
    "k.json": json.dumps({str(number): row for number, row in enumerate(ROWS)}).encode(),
    "l.json": LINES,
    "l.jsonl": LINES,
    "c.csv": b'q,a\n"1\n",2\n3,"4"\n5,6\n',
    "t.tsv": b'q\ta\n"1\n"\t2\n3\t"4"\n',
    "p.parquet": parquet(),
    "z.json.gz": gzip.compress(json.dumps(ROWS).encode()),
}
INSERTS = st.sampled_from([b'"', b"\\", b"{", b"}", b"[", b"]", b",", b"\n", b"\0", b"\xff", b"NaN", b'"\\ud800"'])
EDITS = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 9), INSERTS | st.binary(max_size=2)), max_size=4)


def damaged(content: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for at, cut, insert in edits:
        start = at % (len(content) + 1)
        content = content[:start] + insert + content[start + cut :]
    return content


def check_records(path: Path, layout: Layout, target: int) -> None:
    try:
        ranges = plan_ranges(str(path), path.name, layout, target)
        records = [record for part in ranges for record in read(str(path.parent), part)]
    except InputError:
        # Only containers that cannot be checked as a whole before they are read.
        assert layout.container in (Container.PARQUET, Container.DELIMITED)
        return
    positions = [record.origin.position for record in records]
    assert positions == sorted(set(positions))
    assert all(record.excerpt or record.problem for record in records)


@pytest.mark.parametrize("name", SEEDS)
@given(edits=EDITS, target=st.sampled_from([1, 7, 50, 10_000]))
@settings(max_examples=60)
def test_damage(tmp_path_factory: pytest.TempPathFactory, name: str, edits: list[tuple[int, int, bytes]], target: int):
    path: Path = tmp_path_factory.mktemp("damage") / name
    path.write_bytes(damaged(SEEDS[name], edits))
    try:
        found = layouts(str(path))
    except InputError as refused:
        error: InputError | None = refused
    else:
        error = None
        for layout in found:
            check_records(path, layout, target)
    assert error is None or (str(path) in str(error) and error.next_step)


PACKED = {"gz": gzip.compress, "bz2": bz2.compress, "zst": lambda text: pa.compress(text, "zstd", asbytes=True)}


@pytest.mark.parametrize("codec", PACKED)
def test_lines_are_read_up_to_where_their_compressed_file_is_cut_off(tmp_path: Path, codec: str):
    lines = [json.dumps({"id": at, "q": str(at * 7919)}).encode() for at in range(100_000)]
    content = PACKED[codec](b"\n".join(lines))
    half = len(content) // 2
    path = tmp_path / f"l.jsonl.{codec}"
    path.write_bytes(content[:half])
    [layout] = layouts(str(path))
    [part] = plan_ranges(str(path), path.name, layout, 1000)
    *found, last = read(str(tmp_path), part)
    assert [record.value["id"] for record in found] == list(range(len(found)))
    assert 20_000 < len(found) < 80_000
    assert last.problem is not None
    assert last.problem.detail.startswith(str(path))
    assert last.problem.detail.endswith(f"from line {len(found) + 1} on; download the file again")


def test_what_a_flipped_bit_made_of_lines_is_no_record(tmp_path: Path):
    """Where the damage lies is known only at the end, by the checksum."""
    lines = [json.dumps({"id": at, "q": str(at * 7919)}).encode() for at in range(100_000)]
    content = bytearray(gzip.compress(b"\n".join(lines)))
    content[len(content) // 2] ^= 4
    path = tmp_path / "l.jsonl.gz"
    path.write_bytes(content)
    [layout] = layouts(str(path))
    [part] = plan_ranges(str(path), path.name, layout, 1000)
    with pytest.raises(InputError, match="cannot be read"):
        list(read(str(tmp_path), part))
