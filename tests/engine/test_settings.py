"""What makes two engine hosts the same."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.config import Engine
from schemas.enums import EngineKind, EngineRole
from schemas.errors import EngineError
from udfs.engine.settings import EngineSettings, model_revision, on_this_machine, resolve
from udfs.engine.upstream import UPSTREAMS


def engine(**keys: object) -> Engine:
    return Engine.model_validate({"name": "main", "model": "m", "revision": "r", "roles": [EngineRole.TEXT], **keys})


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"12345")
    return folder


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"name": "other"}, True),
        ({"roles": [EngineRole.JUDGE]}, True),
        ({"ready_timeout_s": 1.0}, True),
        ({"model": "n"}, False),
        ({"revision": "s"}, False),
        ({"args": ("--x",)}, False),
        ({"env": {"A": "1"}}, False),
        ({"max_num_seqs": 3}, False),
        ({"kind": EngineKind.STUB}, False),
    ],
)
def test_identity(change: dict[str, object], same: bool):
    assert (resolve(engine(), "/tmp/x").identity == resolve(engine(**change), "/tmp/x").identity) is same


def test_gpus_are_part_of_the_identity():
    settings = resolve(engine(), "/tmp/x")
    assert replace(settings, gpus=("GPU-1",)).identity != settings.identity


def test_settings_travel():
    settings = on_this_machine(resolve(engine(env={"A": "1"}, args=("-x", "y")), "/tmp/x", "/tmp/s"))
    assert EngineSettings.from_json(settings.to_json()) == settings == pickle.loads(pickle.dumps(settings))
    assert on_this_machine(settings) == settings


def test_revision_is_read_from_the_model_folder(model_folder: Path):
    found = model_revision(engine(model=str(model_folder), revision=None))
    assert found == model_revision(engine(model=str(model_folder), revision=None))
    (model_folder / "model.safetensors").write_bytes(b"123456")
    assert model_revision(engine(model=str(model_folder), revision=None)) != found
    assert model_revision(engine(model=str(model_folder), revision="mine")) == "mine"


def test_a_folder_that_is_no_model_is_named(tmp_path: Path):
    with pytest.raises(EngineError, match=r"no config\.json") as caught:
        model_revision(engine(model=str(tmp_path / "nothing"), revision=None))
    assert "engines.main.model" in caught.value.next_step


def test_a_socket_path_that_is_too_long_is_refused():
    with pytest.raises(EngineError, match="too long"):
        on_this_machine(resolve(engine(), "/tmp/" + "x" * 100))


def test_too_few_gpus_are_an_error():
    with pytest.raises(EngineError, match="wants 99 GPUs"):
        on_this_machine(resolve(engine(gpus_per_engine=99), "/tmp/x"))


def test_a_stub_never_shares_its_log_with_a_real_engine():
    assert resolve(engine(kind="stub"), "/tmp/x").response_log != resolve(engine(), "/tmp/x").response_log


def test_endpoint(monkeypatch: pytest.MonkeyPatch):
    settings = resolve(engine(kind="endpoint", base_url="http://h:1/v1/", api_key_env="MY_KEY"), "/tmp/x")
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(EngineError, match="MY_KEY is not set"):
        UPSTREAMS[EngineKind.ENDPOINT](settings)
    monkeypatch.setenv("MY_KEY", "secret")
    upstream = UPSTREAMS[EngineKind.ENDPOINT](settings)
    assert (upstream.root, upstream.command) == ("http://h:1", ())
    assert upstream.headers == {"Authorization": "Bearer secret"}
    assert "secret" not in settings.to_json()


def test_vllm_command(model_folder: Path):
    settings = on_this_machine(resolve(engine(model=str(model_folder), vision=True, args=("--dtype", "float32"))))
    upstream = UPSTREAMS[EngineKind.VLLM](settings)
    command = " ".join(upstream.command)
    assert "--generation-config vllm" in command
    assert '--limit-mm-per-prompt {"image": 8, "video": 0}' in command
    assert "--revision" not in command  # a folder has none to fetch
    assert upstream.command[-2:] == ("--dtype", "float32")
    assert upstream.env["HF_HUB_OFFLINE"] == "1"
