"""`vl_rewrite` and `vl_judge`: one engine call a row, as iterator pandas UDFs for queries and notebooks.

For looking, not for producing: replies stay in the engine host's log and enter no table, and a query session may cause
only so many new calls (`sql.max_calls` per session and host; past it rows say `budget`).
"""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from pyspark.sql.pandas.functions import pandas_udf

from schemas.enums import CallStatus, Modality, ParseStatus, Role, Verdict
from schemas.errors import InputError
from udfs.engine.client import EngineClient
from udfs.engine.settings import EngineSettings
from udfs.files import open_file
from udfs.ids import clean, content_id
from udfs.parse import parse_rewrite, parse_verdict
from udfs.prompts import Prompt
from udfs.render import Pictures, Target, render_judge, render_rewrite
from udfs.request import Reply, Request
from udfs.sample import Evidence, Picture, Subject, Turn

Row = dict[str, Any]
Udf = Any
"""What `pandas_udf` makes: called with columns it is a column; pyspark's stubs have no public name for it."""

Columns = Mapping[str, str]
REWRITE_COLUMNS: Columns = dict.fromkeys(("status", "instruction", "response", "call_key", "error"), "string")
"""Status: ok, a parse status or a call status (`schemas.enums`); `invalid` without a key was never sent."""
JUDGE_COLUMNS: Columns = {
    "status": "string", "p_yes": "double", "label_mass": "double", "call_key": "string", "error": "string",
}  # fmt: skip
"""Status: ok, unparsed or a call status."""
PAID = (CallStatus.OK, CallStatus.LENGTH)
_BUCKET = re.compile(r"/bucket=(\d+)/")
_PICTURE = ["media_id", "part", "sha256", "format", "data"]


@dataclass(frozen=True)
class PictureFiles:
    """Parquet files of `media_bytes` as they were at registration: pictures of later runs are not seen.

    Workers read them without Spark, one look at the files of a bucket for each Arrow batch: right for a thousand rows,
    wrong for a table. Empty where no engine reads pictures.
    """

    uris: tuple[str, ...]
    buckets: int

    def read(self, media_ids: Iterable[str]) -> Pictures:
        """Pictures by media id, parts in order; unknown ids are left out."""
        wanted = sorted({name for name in media_ids if re.fullmatch(r"[0-9a-f]{64}", name)})
        buckets = {int(name[:8], 16) % self.buckets for name in wanted}
        rows: list[Row] = []
        for uri in self.uris:
            bucket = _BUCKET.search(uri)
            if bucket is None or int(bucket[1]) in buckets:
                with open_file(uri) as file:
                    found = pq.read_table(file, columns=_PICTURE, filters=[("media_id", "in", wanted)])
                rows += found.to_pylist()
        pictures: dict[str, list[Picture]] = {}
        for row in sorted(rows, key=lambda row: row["part"]):
            pictures.setdefault(row["media_id"], []).append(Picture(row["sha256"], row["format"], row["data"]))
        return pictures


@dataclass(frozen=True)
class Question:
    """A prompt and the engine that is asked it."""

    prompt: Prompt
    target: Target
    settings: EngineSettings


@dataclass(frozen=True)
class Looking:
    """What both functions know; made on the driver and shipped to the workers."""

    session: str
    """Whose new calls are counted together."""
    rewriters: Mapping[str, Question]
    """By category."""
    judge: Question
    min_label_mass: float
    pictures: PictureFiles


@dataclass(frozen=True)
class Reading:
    """How batches are read: whose calls they are, how many rows ahead, and what comes back."""

    session: str
    pictures: PictureFiles
    ahead: int
    columns: Columns


@dataclass(frozen=True)
class Asked:
    """One row's arguments, NULL as None, whatever pandas made of it."""

    instruction: str | None
    response: str | None
    media: tuple[str, ...]
    evidence: str | None
    category: str | None = None

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> "Asked":
        """From (instruction, response, media, evidence[, category]) as a series holds them."""
        # A NULL string is NaN from pandas 3 on and None before it.
        texts = [clean(value) if isinstance(value, str) else None for value in values]
        media = values[2] if hasattr(values[2], "__len__") else ()
        return cls(texts[0], texts[1], tuple(map(str, media)), *texts[3:])

    @property
    def subject(self) -> Subject:
        """The row as a sample of its own; InputError where instruction or response is NULL.

        Its id covers all that is shown, evidence too. So a reply never stands in for that to other evidence, neither
        here nor in a stage, where verdicts go by pair ids, which leave evidence out.
        """
        if self.instruction is None or self.response is None:
            raise InputError(f"{'instruction' if self.instruction is None else 'response'} is NULL")
        turns = (Turn(Role.USER, self.instruction), Turn(Role.ASSISTANT, self.response))
        evidence = None if self.evidence is None else Evidence("context", self.evidence)
        modality = Modality.IMAGE if self.media else Modality.TEXT
        content = content_id(self.media, turns, evidence, None)
        return Subject(content, "of a query", self.category or "", modality.value, self.media, turns, None, evidence)


class Clients:
    """One client for each engine, connected by its first call, so that a query without rows starts none."""

    def __init__(self, session: str) -> None:
        self._session, self._stack, self._lock = session, AsyncExitStack(), asyncio.Lock()
        self._clients: dict[str, EngineClient] = {}

    async def ask(self, settings: EngineSettings, request: Request) -> Reply:
        """The reply of one of the engines; EngineError only when its host cannot be had."""
        async with self._lock:
            if settings.engine.name not in self._clients:
                client = await self._stack.enter_async_context(EngineClient.connect(settings, session=self._session))
                self._clients[settings.engine.name] = client
        return await self._clients[settings.engine.name].ask(request)

    async def close(self) -> None:
        """Gives the leases back; whoever still waits for a reply is told to stop."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._stack.aclose()


async def _rewritten(looking: Looking, clients: Clients, asked: Asked, pictures: Pictures) -> Row:
    question = looking.rewriters.get(asked.category or "")
    if question is None:
        raise InputError(f"category {asked.category!r} is none of {', '.join(looking.rewriters)}")
    subject = asked.subject
    request = render_rewrite(subject, question.prompt, question.target, pictures)
    reply = await clients.ask(question.settings, request)
    if reply.status not in PAID:
        return _failed(request, reply)
    parsed = parse_rewrite(question.prompt, subject, reply)
    row = {"status": parsed.status.value, "call_key": request.call_key, "error": parsed.detail or None}
    if parsed.status is ParseStatus.OK:
        row |= {"instruction": parsed.pairs[0].instruction, "response": parsed.pairs[0].response}
    return row


async def _judged(looking: Looking, clients: Clients, asked: Asked, pictures: Pictures) -> Row:
    request = render_judge(asked.subject, looking.judge.prompt, looking.judge.target, pictures)
    reply = await clients.ask(looking.judge.settings, request)
    if reply.status not in PAID:
        return _failed(request, reply)
    found = parse_verdict(reply.label_probs, reply.text, looking.min_label_mass)
    status = Verdict.UNPARSED if found.verdict is Verdict.UNPARSED else CallStatus.OK
    return {
        "status": status.value,
        "p_yes": found.p_yes,
        "label_mass": found.label_mass,
        "call_key": request.call_key,
        "error": None,
    }


def _failed(request: Request, reply: Reply) -> Row:
    return {"status": reply.status.value, "call_key": request.call_key, "error": reply.error}


async def _row(answer: Awaitable[Row]) -> Row:
    """The answer; a row that cannot be asked says why, and costs nothing."""
    try:
        return await answer
    except InputError as error:
        return {"status": CallStatus.INVALID.value, "error": str(error)}


async def _frame(rows: Iterable[Awaitable[Row]], columns: Iterable[str]) -> pd.DataFrame:
    # As objects: pandas would make kinds of its own out of columns with gaps.
    return pd.DataFrame([await row for row in rows], columns=list(columns), dtype=object)


def _in_order(
    batches: Iterable[tuple[pd.Series, ...]], ask: Callable[[Clients, Asked, Pictures], Awaitable[Row]], how: Reading
) -> Iterator[pd.DataFrame]:
    """A frame for each batch, rows in their order; behind the batch that is waited for, a window of rows is asked."""
    waiting: deque[list[asyncio.Task[Row]]] = deque()
    with asyncio.Runner() as runner:
        clients = Clients(how.session)
        try:
            for batch in batches:
                asked = [Asked.of(values) for values in zip(*batch, strict=True)]
                pictures = how.pictures.read(chain.from_iterable(row.media for row in asked))
                rows = [_row(ask(clients, row, pictures)) for row in asked]
                waiting.append([runner.get_loop().create_task(row) for row in rows])
                while sum(map(len, waiting)) - len(waiting[0]) >= how.ahead:
                    yield runner.run(_frame(waiting.popleft(), how.columns))
            while waiting:
                yield runner.run(_frame(waiting.popleft(), how.columns))
        finally:
            runner.run(clients.close())


def vl_rewrite_udf(looking: Looking) -> Udf:
    """`vl_rewrite(category, instruction, response, media, evidence)`: the first pair of the reply."""
    ahead = max(question.settings.engine.window for question in looking.rewriters.values())
    how = Reading(looking.session, looking.pictures, ahead, REWRITE_COLUMNS)

    def vl_rewrite(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        named = ((*rest, category) for category, *rest in batches)
        yield from _in_order(named, partial(_rewritten, looking), how)

    return _udf(vl_rewrite, REWRITE_COLUMNS)


def vl_judge_udf(looking: Looking) -> Udf:
    """`vl_judge(instruction, response, media, evidence)`: the verdict of the judge that publishing goes by."""
    how = Reading(looking.session, looking.pictures, looking.judge.settings.engine.window, JUDGE_COLUMNS)

    def vl_judge(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        yield from _in_order(batches, partial(_judged, looking), how)

    return _udf(vl_judge, JUDGE_COLUMNS)


def _udf(function: Callable[[Iterator[tuple[pd.Series, ...]]], Iterator[pd.DataFrame]], returns: Columns) -> Udf:
    kind = ", ".join(f"{name} {kind}" for name, kind in returns.items())
    return pandas_udf(function, kind)  # type: ignore[call-overload]  # the stubs lack iterators of frames
