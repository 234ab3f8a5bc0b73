"""Tables streamed over HTTP: whatever can be refused is refused before the first byte, and what breaks off later looks broken.

A stream ends its connection without the last part when something fails on the way, so that half a file is never taken for a whole one.
"""

from asyncio import timeout
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from threading import BoundedSemaphore
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from serving.churn_tables import Answer, Format
from serving.errors import ProblemError

MOST_AT_ONCE: Final = 4
"""Streams that one process writes at a time: each holds a connection to the database for as long as its client reads."""

LONGEST_SECONDS: Final = 3600.0
"""A client that stands still would keep its connection, and what was deleted since, for ever."""


class Streams:
    """The streams that one application writes now."""

    def __init__(self) -> None:
        self._free = BoundedSemaphore(MOST_AT_ONCE)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Room for one stream; a ProblemError (503) where there is none."""
        if not self._free.acquire(blocking=False):
            raise ProblemError(
                503,
                f"{MOST_AT_ONCE} lists are being downloaded already.",
                remedy="Try again when one has ended, or ask for pages: Accept: application/json with limit and cursor.",
                kind="too-many-downloads",
                headers={"Retry-After": "5"},
            )
        try:
            yield
        finally:
            self._free.release()


class Streamed(StreamingResponse):
    """The answer that writes these batches in this format; `source` is closed when the client has it all, or is gone."""

    def __init__(
        self, source: Generator[Sequence[Answer]], written: Format, *, filename: str, headers: Mapping[str, str] | None = None
    ) -> None:
        parts = written.parts(source)
        first = next(parts, b"")
        self._source = source
        named = {"Content-Disposition": f'attachment; filename="{filename}.{written.name}"', "Vary": "Accept", **(headers or {})}
        kind = f"{written.media_type}; charset=utf-8" if written.media_type.startswith("text/") else written.media_type
        super().__init__(chain((first,), parts), headers=named, media_type=kind)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection. TimeoutError, which breaks it off, for a client that is not done in LONGEST_SECONDS."""
        try:
            with suppress(ClientDisconnect):  # who leaves is no defect
                async with timeout(LONGEST_SECONDS):
                    await super().__call__(scope, receive, send)
        finally:
            self._source.close()
