"""The rewrite stage against the bare engine fed with the very same request bodies: tokens a second, busy slots, CPU.

    python benchmarks/rewrite.py MODEL_FOLDER [--samples 24]    a real vLLM on this machine
    python benchmarks/rewrite.py --stub [--samples 600]         an engine that costs nothing, 64 sequences, pictures

Two corpora of equal lengths, A and B. The stage asks A, a plain client asks the same bodies, then the client asks B and
the stage after it: stage, bare, bare, stage. Both talk to one server process; its prefix cache is emptied before each
pass. The plain client is aiohttp with a window as large as the gateway's. Judging is left to another engine, so that
the stage sends no request that the client does not send. `asking` runs from the first request to the last reply, as the
stage's replies in `calls` tell it; `all` is the whole stage: Spark's planning, Delta's commits and parsing included.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.normalise import generate
from jobs.ask import visits_of
from jobs.pictures import visits
from jobs.run import Options, Stage, open_run, run_stages
from jobs.stages import Run
from jobs.wanted import rewrite_requests
from schemas.config import Config, Profile, load_config
from schemas.enums import Category, Group, Modality, Purpose
from schemas.source import Licence, Reading, Source
from udfs.engine.client import EngineClient
from udfs.engine.control import list_hosts, stop_host
from udfs.engine.settings import on_this_machine
from udfs.request import Request
from udfs.visit import render

SOURCE = Source(
    source_id="talks", name="Talks", family="llava_json", licence=Licence(spdx="CC0-1.0"), collection="talks",
    reading=Reading(files=("*.json",)), group=Group.B, category=Category.GENERAL, modality=Modality.IMAGE,
)  # fmt: skip
LATENCY_S = 1.0
"""Of the pretended engine."""


@dataclass(frozen=True)
class Pass:
    """One side's way through one corpus."""

    calls: int
    tokens: int
    asking_s: float
    all_s: float
    busy: float
    """Slots in use on average while it asked."""
    ours_cpu_s: float
    """CPU of everything but the engine."""
    engine_cpu_s: float


def config_of(folder: Path, name: str, asked: argparse.Namespace) -> Config:
    """The laptop's configuration for one corpus; a judge that is never asked stands beside the engine."""
    engine = {"name": "main", "roles": ["text", "vision"], "max_model_len": 2048, "ready_timeout_s": 600}
    if asked.stub:
        engine |= {"kind": "stub", "model": "stub", "vision": True, "max_num_seqs": 64}
        engine["stub"] = {"latency_s": LATENCY_S}
    else:
        args = ["--dtype", "float32", "--enforce-eager", "--block-size", "32"]
        engine |= {"model": "bench", "path": str(asked.model), "max_num_seqs": 8, "args": args}
        engine["env"] = {"VLLM_SERVER_DEV_MODE": "1"}  # for /reset_prefix_cache
    judge = {"name": "judge", "kind": "stub", "model": "stub", "roles": ["judge"]}
    tree = {
        "engines": [engine, judge],
        "judging": {"judges": [{"name": "main", "engine": "judge"}], "score_share": 0},
        "storage": {
            "root": str(folder / name),
            "sources_root": str(folder / f"{name}-files"),
            "host_dir": f"{folder}/h",
        },
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(tree))
    return load_config(Profile.LAPTOP, path)


def write_talks(folder: Path, count: int, seed: int) -> None:
    """Questions with short answers, of the same length in every corpus and alike in nothing."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    records = []
    for number in range(count):
        first, second, price = rng.randint(10, 99), rng.randint(10, 99), rng.randint(10, 99)
        asks = f"Order {seed}{number:03d}: {first} boxes and {second} crates cost {price} each. What is due in all?"
        said = [{"from": "human", "value": asks}, {"from": "gpt", "value": str((first + second) * price)}]
        records.append({"id": str(number), "conversations": said})
    (folder / "talks.json").write_text(json.dumps(records))


def requests_of(run: Run) -> list[Request]:
    """What the stage sends for this corpus, rendered here."""
    engine = run.engines.engine("main")
    target = run.engines.target("main", run.config.rewriting.sampling)
    frame = visits(run.tables, rewrite_requests(run.tables, run.engines, None), bool(engine.vision), 2)
    return [
        render(Purpose.REWRITE, task.subject, run.engines.by_version[task.prompt_version], target, visit.pictures)
        for visit in visits_of(frame.toArrow().to_batches(max_chunksize=64))
        for task in visit.tasks
    ]


def cpu_of(root: psutil.Process, without: Sequence[int] = ()) -> float:
    """CPU seconds of a process tree so far, ended children included."""
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        if process.pid not in without:
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def cpu_now(host: psutil.Process) -> tuple[float, float]:
    """CPU of our side (driver, JVM, workers, gateway) and of the engine."""
    engine = sum(cpu_of(child) for child in host.children())
    hosted = [process.pid for process in [host, *host.children(recursive=True)]]
    return cpu_of(psutil.Process(), without=hosted) + cpu_of(host) - engine, engine


async def post_all(socket: str, requests: Sequence[Request], window: int) -> tuple[list[float], int]:
    """The plain client: latencies and completion tokens."""
    slots = asyncio.Semaphore(window)
    async with aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(socket, limit=0), timeout=aiohttp.ClientTimeout(total=None)
    ) as session:

        async def post(one: Request) -> tuple[float, int]:
            async with slots:
                began = time.perf_counter()
                headers = {"Content-Type": "application/json", "X-Request-Id": f"bare-{one.call_key}"}
                url = "http://engine/v1/chat/completions"
                async with session.post(url, data=one.body, headers=headers) as response:
                    reply = await response.json()
                return time.perf_counter() - began, int((reply.get("usage") or {}).get("completion_tokens") or 0)

        done = await asyncio.gather(*(post(one) for one in requests))
    return [latency for latency, _ in done], sum(tokens for _, tokens in done)


async def reset(socket: str) -> None:
    """Empties the engine's prefix cache; the stub has none."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket)) as session,
        session.post("http://engine/reset_prefix_cache") as response,
    ):
        await response.read()


def bare(run: Run, host: psutil.Process, socket: str) -> Pass:
    """The very same bodies without us."""
    requests = requests_of(run)
    before, began = cpu_now(host), time.perf_counter()
    latencies, tokens = asyncio.run(post_all(socket, requests, run.engines.engine("main").window))
    took, after = time.perf_counter() - began, cpu_now(host)
    ours, engine = (late - early for late, early in zip(after, before, strict=True))
    return Pass(len(requests), tokens, took, took, sum(latencies) / took, ours, engine)


def stage(run: Run, host: psutil.Process, _: str) -> Pass:
    """The stage as `mammoth-vl rewrite` runs it."""
    before, began = cpu_now(host), time.perf_counter()
    run_stages(run, [], [Stage.REWRITE])
    took, after = time.perf_counter() - began, cpu_now(host)
    rows = (
        run.tables.read("calls").selectExpr("completion_tokens", "latency_s", "unix_micros(at) / 1e6 AS at").collect()
    )
    asking = max(row["at"] for row in rows) - min(row["at"] - row["latency_s"] for row in rows)
    tokens, busy = sum(row[0] or 0 for row in rows), sum(row[1] for row in rows) / asking
    ours, engine = (late - early for late, early in zip(after, before, strict=True))
    return Pass(len(rows), tokens, asking, took, busy, ours, engine)


SIDES = {"stage": stage, "bare": bare}
ORDER = (("stage", "a"), ("bare", "a"), ("bare", "b"), ("stage", "b"))


async def start_engine(run: Run) -> None:
    """Starts the host and waits until its engine is ready."""
    async with EngineClient.connect(on_this_machine(run.engines.settings["main"])):
        pass


def measure(folder: Path, asked: argparse.Namespace) -> list[tuple[str, str, Pass]]:
    """All four passes."""
    found = []
    with ExitStack() as stack:
        runs: dict[str, Run] = {}
        for seed, name in enumerate(("warm", "a", "b"), start=1):
            count = 4 if name == "warm" else asked.samples
            talks = folder / f"{name}-files" / "talks"
            generate(talks, count + seed, pictures=True) if asked.stub else write_talks(talks, count, seed)
            runs[name] = stack.enter_context(open_run(Options(config_of(folder, name, asked), {}, quiet=True)))
            run_stages(runs[name], [SOURCE], [Stage.NORMALISE])
        asyncio.run(start_engine(runs["warm"]))
        (state,) = list_hosts(f"{folder}/h")
        stack.callback(stop_host, state)
        host = psutil.Process(state.pid)
        socket = str(on_this_machine(runs["warm"].engines.settings["main"]).path("engine.sock"))
        for side in SIDES.values():
            side(runs["warm"], host, socket)
        for side_name, corpus in ORDER:
            asyncio.run(reset(socket))
            found.append((side_name, corpus, SIDES[side_name](runs[corpus], host, socket)))
    return found


def report(found: Sequence[tuple[str, str, Pass]]) -> None:
    """A line per pass, then the ratios."""
    for side, corpus, one in found:
        print(
            f"{side:<6}{corpus}  {one.calls:>5} calls {one.tokens:>7} tokens  asking {one.asking_s:>6.1f} s"
            f"{one.tokens / one.asking_s:>8.1f} tokens/s{one.calls / one.asking_s:>8.1f} calls/s"
            f"  busy {one.busy:>5.1f}  all {one.all_s:>6.1f} s  CPU: engine {one.engine_cpu_s:>6.1f} s,"
            f" rest {one.ours_cpu_s:>6.1f} s"
        )
    sums = {side: [one for name, _, one in found if name == side] for side in SIDES}

    def ratio(value: str) -> float:
        return sum(getattr(one, value) for one in sums["bare"]) / sum(getattr(one, value) for one in sums["stage"])

    print(
        f"the stage asks at {ratio('asking_s'):.3f} times the speed of the bare engine,"
        f" {ratio('all_s'):.3f} times with all that Spark does before and after;"
        f" busy slots {1 / ratio('busy'):.3f} times"
    )


def main() -> None:
    """Reads the arguments and runs it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", help="folder of a small text model")
    parser.add_argument("--stub", action="store_true")
    parser.add_argument("--samples", type=int)
    asked = parser.parse_args()
    if asked.stub is (asked.model is not None):
        parser.error("give a model folder or --stub")
    asked.samples = asked.samples or (600 if asked.stub else 24)
    print(f"{psutil.cpu_count()} cores, load {psutil.getloadavg()[0]:.1f} before the start")
    with tempfile.TemporaryDirectory(prefix="mv") as folder:
        report(measure(Path(folder), asked))


if __name__ == "__main__":
    main()
