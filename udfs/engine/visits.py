"""Visits: many pieces of work in flight at an engine, across batches, finished in any order."""

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

from udfs.engine.client import EngineClient

V = TypeVar("V")
R = TypeVar("R")

Work = Callable[[EngineClient, V], Awaitable[Iterable[R]]]
ClientFactory = Callable[[], AbstractAsyncContextManager[EngineClient]]


def run_visits(visits: Iterator[V], work: Work[V, R], client_factory: ClientFactory, ahead: int) -> Iterator[R]:
    """Yields what `work` returns for each visit, as it comes; up to `ahead` visits are in flight.

    Reads `visits` in the caller's thread. An exception of the input, of the work or of the client stops everything
    and is raised here; so does closing the generator. Afterwards neither thread nor task is left.
    """
    loop = _VisitLoop(work, client_factory)
    try:
        in_flight = 0
        more = True
        while more or in_flight:
            while more and in_flight < ahead:
                visit = next(visits, _END)
                if isinstance(visit, _End):
                    more = False
                else:
                    loop.submit(visit)
                    in_flight += 1
                if loop.results.qsize():
                    break  # give out what is finished before reading on
            if in_flight and (not more or in_flight >= ahead or loop.results.qsize()):
                in_flight -= 1
                yield from loop.result()
    finally:
        loop.stop()


class _End:
    """No more visits."""


_END = _End()


class _VisitLoop(Generic[V, R]):
    """An event loop in a thread of its own, with one client."""

    def __init__(self, work: Work[V, R], client_factory: ClientFactory) -> None:
        self._work, self._client_factory = work, client_factory
        self.results: queue.SimpleQueue[Iterable[R] | BaseException] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._client: asyncio.Future[EngineClient] = self._loop.create_future()
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="engine-visits", daemon=True)

    def submit(self, visit: V) -> None:
        """From the caller's thread; the first one connects, so that an empty input starts no engine."""
        if self._thread.ident is None:
            self._thread.start()
        self._loop.call_soon_threadsafe(self._begin, visit)

    def result(self) -> Iterable[R]:
        """The next finished visit's rows; raises what ended it."""
        result = self.results.get()
        if isinstance(result, BaseException):
            raise result
        return result

    def stop(self) -> None:
        """Cancels what is in flight, closes the client, ends the thread."""
        if self._thread.ident is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._live())
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    async def _live(self) -> None:
        connected = asyncio.create_task(self._hold_client())
        await self._stopped.wait()
        for task in (connected, *self._tasks):
            task.cancel()
        await asyncio.gather(connected, *self._tasks, return_exceptions=True)

    async def _hold_client(self) -> None:
        try:
            async with self._client_factory() as client:
                self._client.set_result(client)
                await self._stopped.wait()
        except Exception as error:  # noqa: BLE001 - it is raised in the caller's thread
            self.results.put(error)

    def _begin(self, visit: V) -> None:
        task = self._loop.create_task(self._visit(visit))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _visit(self, visit: V) -> None:
        try:
            client = await asyncio.shield(self._client)
            self.results.put(await self._work(client, visit))
        except Exception as error:  # noqa: BLE001 - it is raised in the caller's thread
            self.results.put(error)
