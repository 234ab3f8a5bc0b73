"""Group commit: what many wait for is written in one transaction and comes to disk together.

A commit waits for the disk, some milliseconds, whatever it brings. While one batch of jobs is on its way there the next ones gather, and become the
next batch. Nobody is told that their job is done before it is on disk.

A batch is done in one transaction. If any of its jobs raises, the transaction is undone and done again with a savepoint around each job, so that
only the one that raises is undone; on PostgreSQL, what waited for another transaction's locks in vain is then done alone.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from weakref import WeakSet

from sqlalchemy import Connection, Engine

from serving.state.batches import Batches, Outcome
from serving.state.unavailable import away, busy

T = TypeVar("T")
Job = Callable[[Connection], T]

MOST_WAITING: Final = 1_000
TOGETHER: Final = 256
"""Jobs that one transaction takes at most."""

SIDE_BY_SIDE: Final = {"sqlite": 1, "postgresql": 4}
"""Transactions at the same time: SQLite has one writer; PostgreSQL brings several commits to disk together."""

_LONG_SECONDS: Final = 0.05
_ASIDE_SECONDS: Final = 0.003


@dataclass(eq=False, slots=True)
class _Waiter:
    """A job, how much it counts among those waiting, and who is told of its end: a thread, or a task of this event loop."""

    job: Job[Any]
    weight: int
    told: "Future[Any] | asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop | None


class Writer:
    """Does jobs for whoever waits. `alone` is held during each transaction: the lock of this process's other writers."""

    def __init__(self, engine: Engine, alone: AbstractContextManager[Any], *, most_waiting: int = MOST_WAITING) -> None:
        self._engine = engine
        self._alone = alone
        self._most_waiting = most_waiting
        self._waiting: deque[_Waiter] = deque()
        self._weight = 0
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._calling: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        self._closing = False

    def write(self, job: Job[T], *, weight: int = 1) -> T:
        """Does the job; what it returned, once that is on disk. Raises what the job raises, UnavailableError where the database cannot do it now.

        Not to be called within a transaction of one's own: it would wait for itself. A job may be run more than once, so it must have no effect but
        on the connection, which it neither commits nor rolls back: to undo a part, it uses `connection.begin_nested()`.
        """
        told: Future[T] = Future()
        self._accept(_Waiter(job, weight, told, None))
        self._call()
        return told.result()

    async def write_soon(self, job: Job[T], *, weight: int = 1) -> T:
        """The same, waited for in an event loop. The job runs in another thread.

        That thread is called once for all requests that the loop has at hand: to wake it costs more than a write, and they share a transaction.
        """
        loop = asyncio.get_running_loop()
        told: asyncio.Future[T] = loop.create_future()
        self._accept(_Waiter(job, weight, told, loop))
        if loop not in self._calling:
            self._calling.add(loop)
            loop.call_soon(self._call, loop)
        return await told

    def close(self) -> None:
        """Returns when everything that was accepted is done and its waiters are told."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            threads, self._threads = self._threads, []
        for thread in threads:
            thread.join()
        self._closing = False

    def _accept(self, waiter: _Waiter) -> None:
        with self._changed:
            if self._closing:
                raise away()
            if self._waiting and self._weight + waiter.weight > self._most_waiting:
                raise busy()
            self._waiting.append(waiter)
            self._weight += waiter.weight
            if not self._threads:
                self._start()

    def _call(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Wakes a thread that waits for jobs."""
        if loop is not None:
            self._calling.discard(loop)
        with self._changed:
            self._changed.notify()

    def _start(self) -> None:
        for number in range(SIDE_BY_SIDE[self._engine.dialect.name]):
            # a daemon: who forgets to close must not keep the process from ending; whoever waits is alive anyway
            thread = threading.Thread(target=self._run, name=f"writer-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        batches = Batches(self._engine, self._alone)
        since = time.monotonic()
        while batch := self._next():
            _tell(batch, batches.do([waiter.job for waiter in batch]))
            since = step_aside(self._engine, since) if self._waiting else time.monotonic()
        batches.close()

    def _next(self) -> list[_Waiter]:
        """Who comes next, waited for; nobody once this is closed and everybody was served."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            batch: list[_Waiter] = []
            while self._waiting and len(batch) < TOGETHER:
                batch.append(self._waiting.popleft())
                self._weight -= batch[-1].weight
            return batch


def step_aside(engine: Engine, since: float) -> float:
    """Lets writers of other processes in, where one has written to SQLite since then without a pause; since when it has now.

    They look every millisecond whether they may begin, and whoever ends a transaction only to begin the next one would always be faster.
    """
    if engine.dialect.name != "sqlite" or time.monotonic() - since < _LONG_SECONDS:
        return since
    time.sleep(_ASIDE_SECONDS)
    return time.monotonic()


def _tell(batch: Sequence[_Waiter], outcomes: Sequence[Outcome]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Waiter, Outcome]]] = {}
    for waiter, outcome in zip(batch, outcomes, strict=True):
        if waiter.loop is None:
            _resolve([(waiter, outcome)])
        else:
            by_loop.setdefault(waiter.loop, []).append((waiter, outcome))
    for loop, told in by_loop.items():
        with suppress(RuntimeError):  # a loop that is closed waits for nothing
            loop.call_soon_threadsafe(_resolve, told)


def _resolve(told: Sequence[tuple[_Waiter, Outcome]]) -> None:
    for waiter, outcome in told:
        if waiter.told.done():  # who asked is gone
            continue
        if outcome.error is None:
            waiter.told.set_result(outcome.value)
        else:
            waiter.told.set_exception(outcome.error)
