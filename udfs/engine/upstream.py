"""The three kinds of engine behind a gateway, as one value: where it is reached, and the process that serves it."""

import ctypes.util
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from schemas.enums import EngineKind
from schemas.errors import EngineError
from udfs.engine.settings import EngineSettings

_CPU_CACHE_BYTES = str(1 << 30)
"""Unless `args` say otherwise; vLLM's own default is nearly all memory of the machine, which it shares with Spark."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """An OpenAI-compatible server."""

    model: str
    root: str = "http://engine"
    """URL above /v1."""
    socket: str | None = None
    command: tuple[str, ...] = ()
    """How to start it; empty: somebody else runs it."""
    env: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def _vllm(settings: EngineSettings) -> Upstream:
    engine, socket = settings.engine, str(settings.path("engine.sock"))
    pictures = {"image": engine.max_pictures, "video": 0}
    command = [
        *(engine.python, "-m", "vllm.entrypoints.openai.api_server", "--uds", socket),
        *("--model", settings.model_path, "--served-model-name", engine.model),
        *("--max-num-seqs", str(engine.max_num_seqs), "--max-model-len", str(engine.max_model_len)),
        # Sampling defaults of the model's repository would change what the call key promises.
        *("--generation-config", "vllm", "--enable-prompt-tokens-details", "--disable-uvicorn-access-log"),
        # Pictures come as data URLs; an empty list would allow every host.
        *("--allowed-media-domains", "none.invalid"),
    ]
    if engine.revision and not Path(settings.model_path).is_dir():
        command += ["--revision", engine.revision]
    if not settings.gpus:
        command += ["--kv-cache-memory-bytes", _CPU_CACHE_BYTES]
    if engine.vision:
        command += ["--limit-mm-per-prompt", json.dumps(pictures)]
    return Upstream(engine.model, socket=socket, command=(*command, *engine.args), env=_vllm_env(settings))


def _vllm_env(settings: EngineSettings) -> dict[str, str]:
    env = {
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        # Process titles would be written over the environment, and with it over the sweep's token.
        "SPT_NOENV": "1",
    }
    if Path(settings.model_path).is_dir():
        env |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    if settings.gpus:
        env["CUDA_VISIBLE_DEVICES"] = ",".join(settings.gpus)
    else:
        env["VLLM_CPU_OMP_THREADS_BIND"] = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        tcmalloc = ctypes.util.find_library("tcmalloc_minimal")
        if tcmalloc:
            env["LD_PRELOAD"] = tcmalloc
    return env | dict(settings.engine.env)


def _endpoint(settings: EngineSettings) -> Upstream:
    engine = settings.engine
    assert engine.base_url is not None  # the configuration refuses an endpoint without
    headers = {}
    if engine.api_key_env:
        key = os.environ.get(engine.api_key_env)
        if not key:
            raise EngineError(
                f"engine {engine.name}: environment variable {engine.api_key_env} is not set",
                "export it where Spark's executors start (spark.executorEnv.<NAME>)",
            )
        headers["Authorization"] = f"Bearer {key}"
    return Upstream(engine.model, root=engine.base_url.rstrip("/").removesuffix("/v1"), headers=headers)


def _stub(settings: EngineSettings) -> Upstream:
    socket, engine = str(settings.path("engine.sock")), settings.engine
    command = (sys.executable, "-m", "udfs.engine.stub", socket, json.dumps(dict(engine.stub)))
    return Upstream(
        engine.model, socket=socket, command=command, env={"PYTHONPATH": str(Path(__file__).parents[2]), **engine.env}
    )


UPSTREAMS: Mapping[EngineKind, Callable[[EngineSettings], Upstream]] = {
    EngineKind.VLLM: _vllm,
    EngineKind.ENDPOINT: _endpoint,
    EngineKind.STUB: _stub,
}
