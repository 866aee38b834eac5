"""Progress with an estimate of the time left: a bar on a terminal, plain lines in a pipe."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

POLL_S = 1.0
LINE_S = 15.0


@dataclass(frozen=True)
class State:
    """How far a piece of work is."""

    done: int
    total: int
    note: str = ""


Look = Callable[[], State | None]


@dataclass
class Progress:
    """Shows running work; everything goes to stderr, so that output can be piped."""

    console: Console = field(default_factory=lambda: Console(stderr=True))
    quiet: bool = False

    def say(self, text: str, always: bool = False) -> None:
        """One line for the user; `always`: a quiet one too, who would wonder why nothing happens."""
        if always or not self.quiet:
            self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def log(self, text: str) -> None:
        """A line with the time, for logs; on a terminal people see for themselves."""
        if not self.console.is_terminal:
            self.say(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}")

    @contextmanager
    def watch(self, label: str, look: Look) -> Iterator[None]:
        """Asks `look` every second while the body runs and shows what it says."""
        if self.quiet:
            yield
            return
        stop = threading.Event()
        show = self._bars if self.console.is_terminal else self._lines
        thread = threading.Thread(target=show, args=(label, look, stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _bars(self, label: str, look: Look, stop: threading.Event) -> None:
        columns = (
            TextColumn("{task.description:<12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Bars(*columns, console=self.console, transient=False) as bars:
            task = bars.add_task(label, total=None, note="starting")
            while not stop.wait(POLL_S):
                state = look()
                if state:
                    bars.update(task, completed=state.done, total=state.total, note=state.note)
            state = look()
            if state:
                bars.update(task, completed=state.total, total=state.total, note=state.note)

    def _lines(self, label: str, look: Look, stop: threading.Event) -> None:
        started, said, last = time.monotonic(), time.monotonic(), ""
        while not stop.wait(POLL_S):
            if time.monotonic() - said < LINE_S:
                continue
            said = time.monotonic()
            line = line_of(label, look(), said - started)
            if line != last:
                self.log(line)
            last = line

    @contextmanager
    def tasks(self, label: str, spark: SparkSession) -> Iterator[None]:
        """Progress of the Spark tasks that run while the body runs."""
        with self.watch(label, task_counter(spark)):
            yield


def line_of(label: str, state: State | None, elapsed: float) -> str:
    """One plain line: what, how far, how long still."""
    if state is None or state.total == 0:
        return f"{label}: starting, {elapsed:.0f} s"
    left = elapsed / state.done * (state.total - state.done) if state.done else None
    eta = "" if left is None else f", about {left:.0f} s left"
    return f"{label}: {state.done}/{state.total} {state.note}, {elapsed:.0f} s{eta}".replace(" ,", ",")


def task_counter(spark: SparkSession) -> Look:
    """Counts tasks of running stages; None where the session does not tell (Spark Connect)."""
    try:
        tracker = spark.sparkContext.statusTracker()
    except PySparkException:
        return lambda: None

    def look() -> State | None:
        stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        known = [stage for stage in stages if stage is not None]
        if not known:
            return None
        total = sum(stage.numTasks for stage in known)
        return State(sum(stage.numCompletedTasks for stage in known), total, "tasks")

    return look
