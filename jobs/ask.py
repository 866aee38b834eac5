"""The call stage's row code: visits in, rows of `calls` out, as they finish."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby
from typing import Any

import pyarrow as pa
from pyspark import TaskContext

from jobs.normalise.staged import Batches
from schemas.enums import Purpose, Role
from schemas.logs import CALLS
from udfs.engine.client import EngineClient
from udfs.engine.settings import EngineSettings, on_this_machine
from udfs.engine.visits import run_visits
from udfs.sample import Evidence, Picture, Subject, Turn
from udfs.visit import Asking, Task, Visit, ask_visit

Row = dict[str, Any]
ROW_BYTES = 4_000
"""Rough size of a reply."""


def ask_rows(batches: Iterable[pa.RecordBatch], asking: Asking, settings: EngineSettings) -> Iterator[pa.RecordBatch]:
    """Keeps about one window of visits in flight across batches; failures are rows with their status."""
    out = Batches(CALLS.arrow)
    work = partial(_work, asking=asking)
    settings = on_this_machine(settings, gpu_addresses())
    ahead = settings.engine.window
    for row in run_visits(visits_of(batches), work, partial(EngineClient.connect, settings), ahead):
        yield from out.add(row, ROW_BYTES)
    yield from out.flush()


def gpu_addresses() -> tuple[str, ...]:
    """GPUs that Spark gave to this task."""
    context = TaskContext.get()
    gpus = context.resources().get("gpu") if context is not None else None
    return tuple(gpus.addresses) if gpus is not None else ()


async def _work(client: EngineClient, visit: Visit, asking: Asking) -> list[Row]:
    return await ask_visit(client, visit, asking)


def visits_of(batches: Iterable[pa.RecordBatch]) -> Iterator[Visit]:
    """Rows of one visit follow each other, one for each picture part, also across batches."""
    rows = (row for batch in batches for row in batch.to_pylist())
    for _, group in groupby(rows, key=lambda row: row["visit"]):
        tasks: tuple[Task, ...] = ()
        pictures: dict[str, list[Picture]] = {}
        seen: set[tuple[str, int]] = set()
        for row in group:
            tasks = tasks or tuple(task_of(task) for task in row["tasks"])
            found = row["picture"]
            # A set may hold one picture twice: its parts come twice and count once.
            if found is not None and (found["media_id"], found["part"]) not in seen:
                seen.add((found["media_id"], found["part"]))
                picture = Picture(found["sha256"], found["format"], found["data"])
                pictures.setdefault(found["media_id"], []).append(picture)
        yield Visit(pictures, tasks)


def task_of(row: Row) -> Task:
    """A request as something to ask."""
    subject = subject_of(row["subject"] | {"subject_id": row["subject_id"], "sample_id": row["sample_id"]})
    return Task(Purpose(row["purpose"]), row["prompt_version"], subject)


def subject_of(row: Row) -> Subject:
    """A subject from the columns that samples, pairs and requests share."""
    evidence = None if row["evidence"] is None else Evidence(row["evidence_kind"], row["evidence"])
    return Subject(
        subject_id=row["subject_id"],
        sample_id=row["sample_id"],
        category=row["category"],
        modality=row["modality"],
        media=tuple(row["media"]),
        turns=tuple(Turn(Role(turn["role"]), turn["text"]) for turn in row["conversation"]),
        gold_answer=row["gold_answer"],
        evidence=evidence,
    )
