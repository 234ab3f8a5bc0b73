"""What it costs to take events in, every one of them on disk before it is acknowledged: how many a second, one waiting at a time and many, and the
CPU time of a batch."""

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from fastapi import FastAPI

from benchmarks.asked import Asgi
from serving.state.database import State
from serving.state.posting import AddEvents

WAITING: Final = 64
BATCH: Final = 100
SINGLE: Final = 300
BATCHES: Final = 20
ROUNDS: Final = 5
CUSTOMERS: Final = 10_000


@dataclass(frozen=True)
class Ingest:
    """Events a second with one and with WAITING waiting, written to the store and posted to the application, and CPU microseconds of each.

    `batch_microseconds` are of one posted batch of BATCH events, on the way from the body's bytes to the answer's, the commit with it.
    """

    store_single: float
    store_grouped: float
    posted_single: float
    posted_grouped: float
    store_microseconds: float
    posted_microseconds: float
    batch_microseconds: float

    @property
    def store_ratio(self) -> float:
        """How many times as many events are written where many wait."""
        return self.store_grouped / self.store_single

    @property
    def posted_ratio(self) -> float:
        """The same of the events posted."""
        return self.posted_grouped / self.posted_single


def ingest(running: asyncio.Runner, app: FastAPI, key: str) -> Ingest:
    """Measures the application's own store and the application itself, with a key of the role app. It leaves the events there."""
    state: State = app.state.serving.state
    post = _poster(app, key)

    async def write(event: dict[str, Any]) -> None:
        await state.write_soon(AddEvents([event]))

    async def one(event: dict[str, Any]) -> None:
        await post([event])

    async def several(events: Sequence[dict[str, Any]]) -> None:
        await post(events)

    source = _events()
    batches = ([next(source) for _ in range(BATCH)] for _ in iter(int, 1))
    cpu = min(running.run(_done(several, batches, 1, BATCHES)).cpu_seconds for _ in range(ROUNDS))
    store_single, store_grouped = _rates(running, write, (_row(event) for event in source))
    posted_single, posted_grouped = _rates(running, one, source)
    return Ingest(
        store_single.rate,
        store_grouped.rate,
        posted_single.rate,
        posted_grouped.rate,
        store_grouped.cpu_microseconds,
        posted_grouped.cpu_microseconds,
        cpu / BATCHES * 1e6,
    )


@dataclass(frozen=True)
class _Done:
    count: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        return self.cpu_seconds / self.count * 1e6


def _rates(running: asyncio.Runner, work: Callable[[Any], Awaitable[None]], source: Iterator[Any]) -> tuple[_Done, _Done]:
    """One waiting, and many; the best of rounds that take turns, so that both meet the same disk."""
    single, grouped = list[_Done](), list[_Done]()
    for _ in range(ROUNDS):
        single.append(running.run(_done(work, source, 1, SINGLE)))
        grouped.append(running.run(_done(work, source, WAITING, SINGLE * 10)))
    return max(single, key=lambda done: done.rate), max(grouped, key=lambda done: done.rate)


async def _done(work: Callable[[Any], Awaitable[None]], source: Iterator[Any], waiting: int, count: int) -> _Done:
    todo = [next(source) for _ in range(count)]

    async def worker() -> None:
        while todo:
            await work(todo.pop())

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(waiting)))
    return _Done(count, time.perf_counter() - started, time.process_time() - cpu)


def _events() -> Iterator[dict[str, Any]]:
    """Events as a shop's pages send them: of customers all over the table, under random ids."""
    drawn = random.Random(7)
    while True:
        who, product = f"c-{drawn.randrange(CUSTOMERS)}", f"p-{drawn.randrange(1_000)}"
        event_id = str(uuid.UUID(int=drawn.getrandbits(128)))
        shared = {"event_id": event_id, "customer_id": who, "event_type": "product_view", "channel": "web", "product_id": product}
        yield {**shared, "occurred_at": "2024-02-01T10:00:00Z", "properties": {"page": "list", "place": 3}}


def _row(event: dict[str, Any]) -> dict[str, Any]:
    """The row of the table that the application makes of it."""
    at = datetime(2024, 2, 1, 10)
    return {**event, "visitor_id": None, "value": None, "decision_id": None, "occurred_at": at, "received_at": at}


def _poster(app: Asgi, key: str) -> Callable[[Sequence[dict[str, Any]]], Awaitable[None]]:
    """Posts events as a server hands them over. RuntimeError where one is not accepted."""
    headers = {"host": "127.0.0.1:8000", "content-type": "application/json", "authorization": f"Bearer {key}"}

    async def post(events: Sequence[dict[str, Any]]) -> None:
        body = orjson.dumps(events[0] if len(events) == 1 else events)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/v1/events",
            "raw_path": b"/v1/events",
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8000),
            "state": {},
        }
        answer = bytearray()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            answer.extend(message.get("body", b""))

        await app(scope, receive, send)
        if orjson.loads(answer).get("accepted") != len(events):
            raise RuntimeError(f"not all were accepted: {answer.decode()}")

    return post
