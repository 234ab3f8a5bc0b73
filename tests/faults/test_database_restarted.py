"""PostgreSQL that is stopped and started again under load: 503 while it is away, never a 500, and recovery without anybody's help."""

import time
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.slow


def check_told(response: httpx.Response) -> None:
    assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json"), response.text
    assert int(response.headers["retry-after"]) >= 1


def test_a_database_that_is_restarted_under_load_is_told_and_found_again(
    own_postgresql: Any, served: Any, senders: Any, stored: Any, new_database: Any
) -> None:
    url = new_database(own_postgresql.url)
    with served(url) as server, server.client() as client, senders(server.url) as load:
        for time_away in (0.0, 2.0):
            load.wait_for(200)
            told = len(load.unavailable)
            own_postgresql.stop()
            until = time.monotonic() + time_away
            while len(load.unavailable) < told + 8 or time.monotonic() < until:
                time.sleep(0.02)
            check_told(client.get("/readyz"))
            check_told(client.post("/v1/decisions", json={"customer_id": "c1"}))
            check_told(client.get("/v1/customers/c1/recommendations"))
            assert client.get("/healthz").status_code == 200, "the process is well"
            own_postgresql.start()
            load.wait_for(200)
            assert client.get("/readyz").json()["ready"] is True
        load.__exit__()
        assert [response.text for response in load.wrong] == []
        for response in load.unavailable:
            check_told(response)
        load.send_again()
        found = stored(url)
        assert sorted(found["events"]) == sorted(load.acknowledged["events"])
        assert sorted(found["lines"]) == sorted((order, line) for order in load.acknowledged["orders"] for line in (0, 1))
