"""The demo without an engine: what is shipped is what a real demo asks now, and a replay asks nothing."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from engines import Demo, Replay, engine_folder, run_command

from jobs.demo_ledger import RECORD, Entry, Ledger, read_ledger
from schemas.errors import InputError

Calls = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return read_ledger()


@pytest.fixture(scope="module")
def fresh(demo: Demo) -> Calls:
    """Calls of the session's demo with a real engine, by key; later runs on its tables ask other things."""
    assert demo.first.code == 0, demo.first.err[-3000:]
    names = ["run_id", *(name for name in Entry.model_fields if name != "label_probs")]
    rows = DeltaTable(demo.root / "tables" / "calls").to_pyarrow_table(columns=names).to_pylist()
    first = min(row["run_id"] for row in rows)
    return {row["call_key"]: row for row in rows if row["status"] in ("ok", "length") and row["run_id"] == first}


def asked(calls: Calls, purpose: str) -> dict[str, tuple[str, str]]:
    """What was sent, by key: prompt version and hash of the request."""
    return {
        key: (row["prompt_version"], row["request_hash"]) for key, row in calls.items() if row["purpose"] == purpose
    }


@pytest.mark.engine
@pytest.mark.timeout(1800)
def test_the_shipped_ledger_is_what_a_demo_asks_now(ledger: Ledger, fresh: Calls):
    shipped = {entry.call_key: entry.model_dump() for entry in ledger.entries}
    told = f"prompts, rendering or corpus changed: {RECORD}"
    assert asked(fresh, "rewrite") == asked(shipped, "rewrite"), told
    # Engines repeat themselves up to rounding: what follows a reply is compared where the reply is the same.
    rewrites = list(asked(shipped, "rewrite"))
    equal = [key for key in rewrites if fresh[key]["reply"] == shipped[key]["reply"]]
    print(f"\nrewrites equal to the letter: {len(equal)} of {len(rewrites)}")  # noqa: T201 - the figure is the point
    other = {shipped[key]["sample_id"] for key in rewrites} - {shipped[key]["sample_id"] for key in equal}
    for purpose in ("judge", "score"):
        mine, theirs = (
            {key: sent for key, sent in asked(calls, purpose).items() if calls[key]["sample_id"] not in other}
            for calls in (fresh, shipped)
        )
        assert mine == theirs, told


@pytest.mark.timeout(300)
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
