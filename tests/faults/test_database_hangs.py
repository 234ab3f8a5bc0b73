"""PostgreSQL whose processes stop without closing their connections: everybody is told in some seconds, and all goes on by itself."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

LONG = pytest.mark.skipif("NEXTBEST_FAULTS" not in os.environ, reason="takes minutes; make test-faults runs it")
pytestmark = [pytest.mark.slow, LONG]
SOME_SECONDS = 25


@contextmanager
def hanging(server: Any) -> Iterator[None]:
    pids = server.processes()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_database_that_hangs_is_told_in_some_seconds_and_found_again(
    own_postgresql: Any, served: Any, senders: Any, stored: Any, new_database: Any
) -> None:
    url = new_database(own_postgresql.url)
    with served(url) as server, server.client(timeout=SOME_SECONDS) as client, senders(server.url) as load:
        load.wait_for(100)
        with hanging(own_postgresql):
            began, told = time.monotonic(), len(load.unavailable)
            for _ in range(2):
                assert client.post("/v1/events", json={"event_id": "x", "customer_id": "c", "event_type": "page_view"}).status_code == 503
                assert client.get("/v1/customers/c1").status_code == 503
                assert client.post("/v1/decisions", json={"customer_id": "c1"}).status_code == 503
                assert client.get("/readyz").status_code == 503
                assert client.get("/healthz").status_code == 200
            while len(load.unavailable) < told + load.count:
                assert time.monotonic() - began < 10 * SOME_SECONDS
                time.sleep(0.05)
        load.wait_for(200)
        assert client.get("/readyz").json()["ready"] is True
        load.__exit__()
        assert [response.text for response in load.wrong] == []
        load.send_again()
        found = stored(url)
        assert sorted(set(found["events"]) - {"x"}) == sorted(load.acknowledged["events"])
        assert len(set(found["events"])) == len(found["events"])
