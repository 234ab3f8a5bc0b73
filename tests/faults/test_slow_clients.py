"""Clients that send slowly, read slowly, or open connections and say nothing: others are answered all the while."""

import os
import socket
import time
from contextlib import ExitStack
from typing import Any

import pytest

LONG = pytest.mark.skipif("NEXTBEST_FAULTS" not in os.environ, reason="takes minutes; make test-faults runs it")
pytestmark = [pytest.mark.slow, LONG]
SILENT = 200


def connected(server: Any, stack: ExitStack) -> socket.socket:
    return stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))


def check_answered(server: Any, times: int = 20) -> None:
    with server.client(timeout=10) as client:
        for n in range(times):
            row = {"event_id": f"{time.monotonic()}-{n}", "customer_id": "c1", "event_type": "page_view"}
            assert client.post("/v1/events", json=row).json()["accepted"] == 1
            assert client.get("/v1/customers/c1").status_code == 200


def test_a_body_that_comes_a_byte_at_a_time_holds_up_nobody(served: Any) -> None:
    body = b'{"event_id": "slow", "customer_id": "c1", "event_type": "page_view"}'
    with served() as server, ExitStack() as stack:
        slow = [connected(server, stack) for _ in range(30)]
        for each in slow:
            head = f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            each.sendall(head.encode())
        for place in range(len(body)):
            for each in slow:
                each.sendall(body[place : place + 1])
            check_answered(server, 1)
        answers = [each.recv(4_000) for each in slow]
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    assert sum(b'"accepted":1' in answer for answer in answers) == 1, "it was one event"


def test_an_answer_that_is_read_slowly_holds_up_nobody(served: Any) -> None:
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 20
    with served() as server, ExitStack() as stack:
        for _ in range(30):
            each = stack.enter_context(socket.socket())
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
            each.connect(("127.0.0.1", server.port))
            each.sendall(asked)
        check_answered(server)


def test_connections_that_say_nothing_hold_up_nobody(served: Any) -> None:
    with served() as server, ExitStack() as stack:
        for _ in range(SILENT):
            connected(server, stack)
        check_answered(server)
