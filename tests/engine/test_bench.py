"""The bench: every request is new, rates add up, a broken engine is an error."""

from pathlib import Path

import pytest
from asking import Make, counted

from schemas.errors import EngineError
from udfs.engine.bench import bench
from udfs.engine.processes import Owner


def test_a_bench_counts_what_the_engine_did(stub_engine: Make, host_dir: Path, me: Owner):
    settings = stub_engine({"latency_s": 0.05}, max_num_seqs=4)
    found = bench(settings, 20, 16, me)
    assert (found.requests, found.ok, found.errors) == (20, 20, ())
    assert found.window == settings.engine.window
    assert found.completion_tokens_per_s == pytest.approx(found.completion_tokens / found.seconds, rel=0.01)
    assert 0.02 < found.latency_p50_s <= found.latency_p95_s < found.seconds
    again = bench(settings, 20, 16, me)
    assert again.ok == 20
    assert sum(counted(host_dir).values()) == len(counted(host_dir)) == 40  # none was answered from the log


def test_what_failed_is_told_and_not_measured(stub_engine: Make, me: Owner):
    found = bench(stub_engine({"faults": {"invalid": 0.2}}), 40, 16, me)
    assert 0 < found.ok < found.requests == 40
    assert len(found.errors) == 1
    assert "400" in found.errors[0]


def test_no_answer_at_all_is_an_error(stub_engine: Make, me: Owner):
    with pytest.raises(EngineError, match="400"):
        bench(stub_engine({"faults": {"invalid": 1.0}}), 3, 16, me)
