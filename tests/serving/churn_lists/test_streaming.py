"""A stream ends with its client: one that leaves is no defect, and one that stands still is let go."""

import asyncio
from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Any

import pytest

from serving import streaming
from serving.churn_tables import NAMES, NDJSON
from serving.streaming import Streamed

ANSWER = tuple({"customer_id": "a", "as_of": datetime(2025, 3, 1), "reasons": []}.get(name) for name in NAMES)
SCOPE = {"type": "http", "asgi": {"spec_version": "2.4"}, "method": "GET", "headers": []}


class Source:
    """Batches without end, and whether somebody closed them."""

    def __init__(self) -> None:
        self.closed = False
        self.batches = self._batches()

    def _batches(self) -> Generator[Sequence[Any]]:
        try:
            while True:
                yield [ANSWER]
        finally:
            self.closed = True


async def _receive() -> dict[str, Any]:
    return await asyncio.Future()


def test_a_client_that_leaves_ends_the_stream_without_an_error() -> None:
    source, sent = Source(), []

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 4:
            raise OSError("the client is gone")

    asyncio.run(Streamed(source.batches, NDJSON, filename="churn")(SCOPE, _receive, send))
    assert source.closed
    assert len(sent) == 4
    assert all(message.get("more_body", True) for message in sent)


def test_a_client_that_stands_still_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "LONGEST_SECONDS", 0.01)
    source = Source()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Future()

    with pytest.raises(TimeoutError):
        asyncio.run(Streamed(source.batches, NDJSON, filename="churn")(SCOPE, _receive, send))
    assert source.closed
