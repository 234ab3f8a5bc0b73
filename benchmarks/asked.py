"""Asks an ASGI application as a server does, without one: parsing HTTP costs the same whatever stands behind it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import uvloop

AT_ONCE: Final = 16

Asgi = Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class Asked:
    """A GET of this path with this key."""

    path: str
    key: str

    def scope(self) -> dict[str, Any]:
        """What a server hands to the application."""
        headers = {"host": "127.0.0.1:8000", "accept": "*/*", "user-agent": "benchmark", "authorization": f"Bearer {self.key}"}
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8000),
            "state": {},
        }


@dataclass(frozen=True)
class Answered:
    """The bodies in the order asked, and the CPU seconds of this process for all of them together."""

    bodies: list[bytes]
    cpu_seconds: float


def loop() -> asyncio.Runner:
    """An event loop of the kind that the server runs on; a server has one for as long as it runs, and connections that belong to it."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def ask(running: asyncio.Runner, app: Asgi, asked: Sequence[Asked]) -> Answered:
    """Asks with AT_ONCE requests under way, as a server in use has them. RuntimeError at the first answer whose status is not 200."""
    return running.run(_ask(app, [one.scope() for one in asked]))


async def _ask(app: Asgi, scopes: Sequence[dict[str, Any]]) -> Answered:
    bodies = [b""] * len(scopes)
    waiting = iter(enumerate(scopes))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def work() -> None:
        for place, scope in waiting:
            await app(scope, receive, _keeper(bodies, place))

    started = time.process_time()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return Answered(bodies, time.process_time() - started)


def _keeper(bodies: list[bytes], place: int) -> Callable[[dict[str, Any]], Awaitable[None]]:
    """What the application sends its answer to: the body is kept at its place."""

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            bodies[place] += message["body"]
        elif message["status"] != 200:
            raise RuntimeError(f"an answer of status {message['status']}")

    return send
