"""Spending: the work list is written once, asked in waves, and each wave ends in one durable append."""

import math
import re
import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from jobs.ask import ask_rows
from jobs.engines import Engines
from jobs.pictures import check_buckets, visits
from jobs.progress import Look, Progress, State
from jobs.session import SPARK_ERRORS, cancel_jobs
from jobs.status import read_status
from jobs.tables import Tables, spark_schema
from jobs.wanted import answers
from schemas.enums import Purpose
from schemas.errors import BudgetError, ConservationError, EngineError
from schemas.logs import CALLS
from udfs.visit import Asking

MIN_WINDOWS = 8
"""A wave never holds fewer requests than this many windows."""
DEFAULT_CALL_S = 10.0
"""Seconds that a call holds its slot, before anything was measured."""
WAVE_TRIES = 3
CANCEL_S = 0.5


@dataclass(frozen=True)
class Waves:
    """Asks what is wanted and not yet answered, for one stage of one run."""

    tables: Tables
    engines: Engines
    run_id: str
    stage: str
    progress: Progress
    at_once: bool = False
    """Pairs are judged and scored by the same engine in the visit that wrote them."""

    def spend(self, wanted: DataFrame) -> None:
        """Writes the work list and asks it, engine by engine, wave by wave."""
        planned = self._write_requests(wanted)
        # Engines that read text alone come first: a host then changes its model once.
        for engine in sorted(planned, key=lambda name: (bool(self.engines.engine(name).vision), name)):
            total = sum(planned[engine].values())
            with self.progress.watch(f"{self.stage}", self._look(engine, total)):
                self._ask_engine(engine, planned[engine])
        if planned:
            self._assert_asked()

    def _assert_asked(self) -> None:
        """Every request left a row in `calls`, whatever its status."""
        mine = self.tables.read("calls").where(f.col("run_id") == self.run_id).select("call_key")
        lost = self._requests().join(mine, "call_key", "left_anti").count()
        if lost:
            raise ConservationError(
                f"stage {self.stage}: {lost} requests were never asked", "this is a defect: report it"
            )

    def pending(self, wanted: DataFrame) -> DataFrame:
        """What is wanted and not yet answered."""
        return wanted.join(answers(self.tables).select("call_key"), "call_key", "left_anti")

    def _write_requests(self, wanted: DataFrame) -> dict[str, dict[int, int]]:
        """The work list, once; returns requests by engine and wave."""
        check_buckets(self.tables)
        pending = self.pending(wanted).localCheckpoint()
        rows = []
        counts = pending.groupBy("engine", "bucket").count().collect()
        for engine in sorted({row["engine"] for row in counts}):
            sizes = {row["bucket"]: int(row["count"]) for row in counts if row["engine"] == engine}
            spread = assign(sizes, self._wave_size(engine))
            rows += [(engine, bucket, first, parts) for bucket, (first, parts) in spread.items()]
        if not rows:
            return {}
        places = self.tables.spark.createDataFrame(rows, "engine string, bucket int, first int, parts int")
        part = f.conv(f.substring("call_key", 1, 8), 16, 10).cast("long") % f.col("parts")
        requests = pending.join(f.broadcast(places), ["engine", "bucket"]).select(
            *(column for column in pending.columns),
            (f.col("first") + part).cast("int").alias("wave"),
            f.lit(self.run_id).alias("run_id"),
            f.lit(self.stage).alias("stage"),
        )
        self.tables.append("requests", requests.repartitionByRange("engine", "wave"))
        planned: dict[str, dict[int, int]] = {}
        for row in self._requests().groupBy("engine", "wave").count().collect():
            planned.setdefault(row["engine"], {})[row["wave"]] = int(row["count"])
        return planned

    def _requests(self) -> DataFrame:
        mine = (f.col("run_id") == self.run_id) & (f.col("stage") == self.stage)
        return self.tables.read("requests").where(mine)

    def _wave_size(self, engine: str) -> int:
        """About `wave_s` seconds of this engine's measured throughput, at least MIN_WINDOWS windows."""
        window = self.engines.engine(engine).window
        revision = self.engines.settings[engine].revision
        calls = self.tables.read("calls").where(~f.col("replayed") & (f.col("revision") == revision))
        measured = calls.where(f.col("purpose") == Purpose.REWRITE.value).agg(f.avg("latency_s")).collect()[0][0]
        per_second = window / (measured or DEFAULT_CALL_S)
        return max(MIN_WINDOWS * window, int(per_second * self.engines.config.spending.wave_s))

    def _ask_engine(self, engine: str, waves: Mapping[int, int]) -> None:
        spending = self.engines.config.spending
        queue, stop = sorted(waves), threading.Event()
        with ThreadPoolExecutor(spending.waves_in_flight, thread_name_prefix="wave") as pool:
            running: dict[Future[None], int] = {}
            try:
                while queue or running:
                    while queue and len(running) < spending.waves_in_flight:
                        size = self._expected(engine, waves[queue[0]])
                        self._check_budget(sum(running.values()), size)
                        running[pool.submit(self._wave, engine, queue.pop(0), stop)] = size
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        del running[future]
                        future.result()
            except BudgetError:
                raise
            except BaseException:
                stop.set()
                # Again and again: a wave that was only being planned starts its job after the first time.
                while running and wait(running, timeout=CANCEL_S).not_done:
                    cancel_jobs(self.tables.spark)
                raise

    def _expected(self, engine: str, requests: int) -> int:
        """Calls that so many requests bring: each rewrite gives about one pair, judged and now and then scored."""
        if not self.at_once:
            return requests
        asking = self._asking(engine)
        follow = len(asking.judge_prompts) + len(asking.score_prompts) * asking.score_share
        return math.ceil(requests * (1 + follow))

    def _check_budget(self, under_way: int, size: int) -> None:
        cap = self.engines.config.spending.max_calls
        if cap is None:
            return
        mine = (f.col("run_id") == self.run_id) & ~f.col("replayed")
        spent = self.tables.read("calls").where(mine).count()
        if spent + under_way + size > cap:
            raise BudgetError(
                f"{spent} new calls were made, {under_way} are under way and the next wave needs about {size}, "
                f"but spending.max_calls is {cap}",
                "raise spending.max_calls and run again: nothing that was paid for is paid again",
            )

    def _wave(self, engine: str, wave: int, stop: threading.Event) -> None:
        """One wave, anti-joined and asked again when it fails, unless all are to stop."""
        for attempt in range(1, WAVE_TRIES + 1):
            try:
                self._append(engine, wave)
                return
            except SPARK_ERRORS as error:
                if stop.is_set():
                    raise
                engine_error = engine_error_of(error)
                if engine_error is not None:
                    raise engine_error from error
                if attempt == WAVE_TRIES:
                    raise EngineError(
                        f"wave {wave} of engine {engine} failed {WAVE_TRIES} times: {last_line(error)}",
                        "run again: what was answered is kept; the log of the executors says more",
                    ) from error

    def _append(self, engine: str, wave: int) -> None:
        work = (f.col("engine") == engine) & (f.col("wave") == wave)
        # Settled before the append: a commit that had read `calls` would conflict with the other wave's.
        requests = self.pending(self._requests().where(work)).localCheckpoint()
        config = self.engines.config
        frame = visits(self.tables, requests, bool(self.engines.engine(engine).vision), config.spending.tasks_per_wave)
        ask = partial(ask_rows, asking=self._asking(engine), settings=self.engines.settings[engine])
        self.tables.append("calls", frame.mapInArrow(ask, spark_schema(CALLS)))

    def _asking(self, engine: str) -> Asking:
        """What visits to this engine know."""
        config = self.engines.config
        judges = self.engines.judges_on(engine) if self.at_once else []
        scores = any(judge.name == config.publishing.judge for judge in judges)
        return Asking(
            self.run_id,
            self.engines.by_version,
            self.engines.target(engine, config.rewriting.sampling),
            tuple(self.engines.prompt(judge.prompt).version for judge in judges),
            tuple(prompt.version for prompt in self.engines.score_prompts) if scores else (),
            config.judging.score_share,
        )

    def _look(self, engine: str, total: int) -> Look:
        """Progress from the hosts' status files: Spark shows none in mid-task."""
        settings = self.engines.settings[engine]
        before = read_status(self.tables.root, settings).answered
        expected = self._expected(engine, total)

        def look() -> State:
            now = read_status(self.tables.root, settings)
            done = max(0, now.answered - before)
            return State(done, max(expected, done), now.note())

        return look


def assign(sizes: Mapping[int, int], wave_size: int) -> dict[int, tuple[int, int]]:
    """Buckets to (first wave, number of waves): small buckets share a wave, large ones get several."""
    spread: dict[int, tuple[int, int]] = {}
    wave, filled = 0, 0
    for bucket, size in sorted(sizes.items()):
        if filled and filled + size > wave_size:
            wave, filled = wave + 1, 0
        parts = max(1, round(size / wave_size))
        spread[bucket] = (wave, parts)
        if parts > 1:
            wave, filled = wave + parts, 0
        else:
            filled += size
    return spread


def engine_error_of(error: Exception) -> EngineError | None:
    """The engine's own error, out of the traceback of a Python worker."""
    found = re.search(
        r"^schemas\.errors\.EngineError: (.+?)(?:\n  next: (.+?))?$", str(error), re.MULTILINE | re.DOTALL
    )
    return EngineError(found.group(1).split("\n\n")[0], found.group(2) or "") if found else None


def last_line(error: Exception) -> str:
    """What a traceback ends with."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith((" ", "\t"))]
    return lines[-1] if lines else type(error).__name__
