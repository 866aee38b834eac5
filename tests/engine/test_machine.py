"""What doctor finds on a machine: everything in order, or the one thing that is not, with the next step."""

import platform
from dataclasses import replace
from pathlib import Path

import pytest
from asking import Make

from schemas.config import Engine
from schemas.enums import EngineKind, EngineRole
from udfs.code import code_digest
from udfs.engine.settings import EngineSettings, resolve
from udfs.machine import Finding, Wanted, look


@pytest.fixture
def wanted(stub_engine: Make, tmp_path: Path) -> Wanted:
    """What a driver on this machine would ask for."""
    (tmp_path / "marker").write_text("driver")
    return Wanted(
        root=str(tmp_path), marker=str(tmp_path / "marker"), python=platform.python_version(), code=code_digest(),
        sources_root=str(tmp_path), engines=(stub_engine(),),
    )  # fmt: skip


def vllm(host_dir: Path, **keys: object) -> EngineSettings:
    engine = Engine(name="main", kind=EngineKind.VLLM, revision="one", roles=(EngineRole.VISION,), **keys)
    return resolve(engine, str(host_dir))


def amiss(wanted: Wanted, gpus: tuple[str, ...] = ()) -> dict[str, Finding]:
    return {finding.check: finding for finding in look(wanted, gpus) if not finding.ok}


def test_a_machine_in_order(wanted: Wanted):
    findings = {finding.check: finding for finding in look(wanted, ())}
    assert [name for name, finding in findings.items() if not finding.ok or finding.next_step] == []
    assert set(findings) == {
        "Python", "code", "ROOT", "sources", "HOST_DIR", "/dev/shm", "GPUs", "engine main", "weights main",
    }  # fmt: skip


def test_a_machine_is_looked_at_without_engines(wanted: Wanted):
    found = {finding.check: finding.ok for finding in look(replace(wanted, engines=()), ())}
    assert found == dict.fromkeys(("Python", "code", "ROOT", "sources", "HOST_DIR", "/dev/shm", "GPUs"), True)


WRONG = {
    "Python": ({"python": "3.9.1"}, "--archives"),
    "code": ({"code": "0123456789ab"}, "mammoth-vl bundle"),
    "ROOT": ({"marker": "/nowhere/marker"}, "one place for all machines"),
    "sources": ({"sources_root": "/nowhere"}, "at one path on all machines"),
}


@pytest.mark.parametrize("check", WRONG)
def test_one_thing_amiss(wanted: Wanted, check: str):
    change, step = WRONG[check]
    found = amiss(replace(wanted, **change))
    assert list(found) == [check]
    assert step in found[check].next_step


def test_an_unset_variable_in_host_dir(wanted: Wanted):
    found = amiss(replace(wanted, host_dir="$MAMMOTH_NOWHERE"))
    assert list(found) == ["HOST_DIR"]
    assert "spark.executorEnv" in found["HOST_DIR"].next_step


def test_no_engine_environment_and_no_weights(wanted: Wanted, host_dir: Path):
    settings = vllm(host_dir, model="/nowhere/model", python="/nowhere/python")
    assert (
        "mammoth-vl engine install --prefix DIR" in amiss(replace(wanted, engines=(settings,)))["engine main"].next_step
    )
    other = replace(settings, engine=settings.engine.model_copy(update={"python": "/bin/true"}))
    found = amiss(replace(wanted, engines=(other,)))
    assert found["engine main"].found == "/bin/true has no vLLM"
    assert "no model folder" in found["weights main"].found


def test_too_few_gpus_and_gpus_that_spark_did_not_give(
    wanted: Wanted, host_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    smi = tmp_path / "bin" / "nvidia-smi"
    smi.parent.mkdir()
    smi.write_text("#!/bin/sh\necho GPU-0\necho GPU-1\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(smi.parent))
    asked = replace(wanted, engines=(vllm(host_dir, model="m", python="/bin/true", gpus_per_engine=4),))
    assert "this machine shows 2" in amiss(asked, ("0",))["GPUs"].found
    asked = replace(wanted, engines=(vllm(host_dir, model="m", python="/bin/true", gpus_per_engine=2),))
    assert "spark.task.resource.gpu.amount" in amiss(asked)["GPUs"].next_step
    assert "GPUs" not in amiss(asked, ("0", "1"))
