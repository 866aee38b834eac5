"""The demo without an engine: a replay of the shipped ledger runs everything and asks nothing."""

import gzip
import re
from pathlib import Path

import pytest
from deltalake import DeltaTable
from engines import Replay, engine_folder, run_command

from jobs.demo_ledger import Ledger, read_ledger
from schemas.errors import InputError


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return read_ledger()


def test_a_replay_runs_everything_and_asks_nothing(replayed: Replay, ledger: Ledger):
    root, done = replayed.root, replayed.done
    assert done.code == 0, done.err[-3000:]
    assert replayed.hosts == 0
    found = re.search(r"^calls: 0 new, (\d+) reused$", done.out, re.MULTILINE)
    assert found, done.out[-3000:]
    calls = DeltaTable(root / "tables" / "calls").to_pyarrow_table(columns=["call_key", "replayed", "revision"])
    assert int(found[1]) == sum(entry.sample_id != "probe" for entry in ledger.entries)
    assert "not in the ledger" not in done.out
    assert set(calls.column("replayed").to_pylist()) == {True}
    assert set(calls.column("revision").to_pylist()) == {ledger.provenance.revision}
    assert str(ledger.provenance) in done.err.replace("\n", "")
    assert "the gate passed" in done.out
    assert (root / "exports" / "1" / "manifest.json").is_file()
    assert not (root / "models").exists()


def test_provenance_is_stated(ledger: Ledger):
    told = ledger.provenance
    assert told.model == "smollm2-135m"
    assert re.fullmatch(r"[0-9a-f]{16}", told.revision)
    assert re.fullmatch(r"\d+\.\d+.*", told.vllm)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", told.recorded)
    assert re.match(r"[0-9a-f]{7,}", told.commit)
    assert told.calls == len(ledger.entries) > 100


@pytest.mark.parametrize(
    "data",
    [b"", b"\x1f\x8b", gzip.compress(b""), gzip.compress(b"{}\n"), b"{}"],
    ids=["none", "head", "empty", "no facts", "plain"],
)
def test_a_damaged_ledger_is_said(tmp_path: Path, data: bytes):
    (tmp_path / "l.gz").write_bytes(data)
    with pytest.raises(InputError, match=r"the ledger .* cannot be read"):
        read_ledger(tmp_path / "l.gz")


def test_what_cannot_end_well_is_refused_before_it_begins(tmp_path: Path):
    with engine_folder() as hosts:
        done = run_command(tmp_path / "root", hosts, "demo", "--record", str(tmp_path / "none" / "l.gz"))
        assert done.code == 2
        assert "there is no such folder" in done.err
