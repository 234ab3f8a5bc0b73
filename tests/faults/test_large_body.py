"""A body of 100 MB is refused without being held in memory, and others are answered while it comes in."""

import http.client
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.slow
SIZE = 100_000_000
PIECE = b"x" * 64_000
MOST_GROWTH = 20_000_000


def answer_to(server: Any, head: str, pieces: Iterator[bytes]) -> tuple[bytes, int]:
    """The beginning of the answer, and how many bytes of the body went out before the server had enough of it."""
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{head}\r\n\r\n".encode())
        try:
            for piece in pieces:
                connection.sendall(piece)
                sent += len(PIECE)
        except OSError:  # it is not read any more
            pass
        try:
            return connection.recv(4_000), sent
        except OSError:
            return b"", sent


def announced() -> Iterator[bytes]:
    yield from (PIECE for _ in range(SIZE // len(PIECE)))


def chunked() -> Iterator[bytes]:
    head = f"{len(PIECE):x}\r\n".encode()
    yield from (head + PIECE + b"\r\n" for _ in range(SIZE // len(PIECE)))
    yield b"0\r\n\r\n"


@pytest.mark.parametrize("way", ["announced", "chunked"])
def test_a_body_of_100_mb_is_refused_and_holds_up_nobody(served: Any, way: str) -> None:
    with served() as server, server.client(timeout=20) as other:
        other.post("/v1/events", json={"event_id": "first", "event_type": "page_view", "customer_id": "c1"})
        before, most, answered = server.resident_bytes(), 0, 0
        found = list[tuple[bytes, int]]()
        length = f"Content-Length: {SIZE // len(PIECE) * len(PIECE)}" if way == "announced" else "Transfer-Encoding: chunked"
        sender = threading.Thread(target=lambda: found.append(answer_to(server, length, announced() if way == "announced" else chunked())))
        sender.start()
        while sender.is_alive() or answered < 5:
            assert other.get("/readyz").status_code == 200
            answered, most = answered + 1, max(most, server.resident_bytes())
        sender.join()
        assert most - before <= MOST_GROWTH
        assert answered >= 5
    ((answer, sent),) = found
    assert answer.startswith(b"HTTP/1.1 413 ") or (answer == b"" and sent < SIZE), (answer[:200], sent)


def test_who_announces_100_mb_is_told_before_sending_them(served: Any) -> None:
    with served() as server:
        asked = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        asked.putrequest("POST", "/v1/events")
        asked.putheader("Content-Length", str(SIZE))
        asked.endheaders()
        answer = asked.getresponse()
        assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")
        asked.close()
