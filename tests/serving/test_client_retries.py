"""What the clients do when servers fail: small real ones that fail as told, and a relay that breaks after the request was taken."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from serving.client import (
    AsyncClient,
    BufferFullError,
    Client,
    ClientError,
    Limits,
    NoAnswerError,
    ProblemAnswerError,
    Refused,
    Retrying,
    UnsentRowsError,
)

SOON = Retrying(attempts=4, seconds=20, first_wait=0.01, longest_wait=0.02)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n" + b'{"status":"ok"}'
PROBLEM = b'{"type":"urn:nextbest:problem:busy","detail":"d","remedy":"r"}'

KINDS = pytest.mark.parametrize("kind", [Client, AsyncClient])


def refusal(status: int, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d No" % status, b"Content-Type: application/problem+json", b"Content-Length: %d" % len(PROBLEM), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + PROBLEM


class Failing:
    """A server of bytes: to each request it sends the next answer of a list, and the last one ever after. None closes the connection unanswered."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = answers
        self.asked: list[float] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                if not whole_request(connection):
                    return
                self.asked.append(time.monotonic())
                answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
                if answer is not None:
                    connection.sendall(answer.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))

    def __enter__(self) -> "Failing":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.create_connection(self._socket.getsockname()):
            pass
        self._thread.join(10)
        self._socket.close()


def whole_request(connection: socket.socket) -> bytes:
    """One request to the end of its body; empty where the other side closes before."""
    read = b""
    while b"\r\n\r\n" not in read:
        if not (part := connection.recv(65536)):
            return b""
        read += part
    head, _, body = read.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def breaking(url: str, breaks: int) -> Iterator[str]:
    """A relay before a server: it hands over each request and, the first times, closes the connection once the server has answered."""
    port = int(url.rsplit(":", 1)[1].rstrip("/"))
    listening = socket.create_server(("127.0.0.1", 0))
    left = breaks

    def serve() -> None:
        nonlocal left
        while True:
            connection, _ = listening.accept()
            with connection:
                if not (request := whole_request(connection)):
                    return
                with socket.create_connection(("127.0.0.1", port)) as server:
                    server.sendall(
                        request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1).replace(b"Connection: keep-alive\r\n", b"")
                    )
                    answer = b"".join(iter(lambda: server.recv(65536), b""))
                left -= 1
                if left < 0:
                    connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    socket.create_connection(listening.getsockname()).close()
    thread.join(10)
    listening.close()
    assert left < 0, "it never answered"


def ask(kind: type[Client] | type[AsyncClient], url: str, name: str, *args: Any, retrying: Retrying = SOON, **kwargs: Any) -> Any:
    """One answer, by either client."""
    if kind is Client:
        with Client(url, "", retrying=retrying) as client:
            return getattr(client, name)(*args, **kwargs)

    async def asked() -> Any:
        async with AsyncClient(url, "", retrying=retrying) as client:
            return await getattr(client, name)(*args, **kwargs)

    return asyncio.run(asked())


@KINDS
@pytest.mark.parametrize(
    "first", [refusal(429), refusal(502), refusal(503), refusal(504), None, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
)
def test_what_may_pass_is_asked_again(kind: Any, first: bytes | None) -> None:
    with Failing(first, first, OK) as server:
        assert ask(kind, server.url, "health").status == "ok"
    assert len(server.asked) == 3


@KINDS
@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500, 302])
def test_what_does_not_pass_is_asked_once(kind: Any, status: int) -> None:
    with Failing(refusal(status), OK) as server, pytest.raises(ProblemAnswerError) as refused:
        ask(kind, server.url, "health")
    assert (refused.value.status, refused.value.attempts, len(server.asked)) == (status, 1, 1)


@KINDS
def test_after_so_many_attempts_the_last_problem_is_raised(kind: Any) -> None:
    with Failing(refusal(503)) as server, pytest.raises(ProblemAnswerError) as refused:
        ask(kind, server.url, "health")
    assert (refused.value.kind, refused.value.remedy, refused.value.detail) == ("busy", "r", "d")
    assert (refused.value.attempts, len(server.asked)) == (4, 4)


@KINDS
def test_no_attempt_is_made_before_the_server_says(kind: Any) -> None:
    with Failing(refusal(503, b"Retry-After: 1"), OK) as server:
        ask(kind, server.url, "health")
    assert server.asked[1] - server.asked[0] >= 1


@KINDS
@pytest.mark.parametrize("later", [b"Retry-After: 60", b"Retry-After: Wed, 01 Jan 2200 00:00:00 GMT"])
def test_a_wait_beyond_the_time_that_there_is_is_not_begun(kind: Any, later: bytes) -> None:
    with Failing(refusal(503, later), OK) as server, pytest.raises(ProblemAnswerError):
        ask(kind, server.url, "health")
    assert len(server.asked) == 1


@KINDS
def test_a_proxy_that_answers_in_its_own_words_is_a_problem_without_a_kind(kind: Any) -> None:
    said = b"HTTP/1.1 500 No\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"
    with Failing(said) as server, pytest.raises(ProblemAnswerError) as refused:
        ask(kind, server.url, "health")
    assert (refused.value.status, refused.value.kind, refused.value.detail) == (500, "", "")


@KINDS
def test_nobody_there_is_an_error_after_all_attempts_that_names_nobody(kind: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(NoAnswerError) as nobody:
        ask(kind, url, "churn", "secret-person")
    assert nobody.value.attempts == 4
    assert "secret-person" not in f"{nobody.value!r}"
    assert nobody.value.__context__ is None


ROWS = {
    "events": {"event_type": "product_view", "customer_id": "c-once"},
    "orders": {"order_id": "once", "customer_id": "c-once", "lines": [{"product_id": "p-1", "quantity": 2, "unit_price": 1.0}]},
}


@KINDS
@pytest.mark.parametrize("what", ROWS)
def test_rows_whose_answer_was_lost_are_stored_once(serve: Callable[..., Any], kind: Any, what: str) -> None:
    with serve() as http:
        with breaking(str(http.base_url), breaks=2) as url:
            receipt = ask(kind, url, what, [ROWS[what]])
        assert (receipt.accepted, receipt.duplicate) == (0, 1)
        assert len(http.get("/v1/customers/c-once").json()["touchpoints"]) == 1


@KINDS
def test_decisions_whose_answer_was_lost_are_made_once(serve: Callable[..., Any], known: Any, kind: Any) -> None:
    somebody, *others = known.tables.orders.to_pandas().customer_id.value_counts().index[:9]
    with serve() as http:

        def contacts(customer_id: str) -> set[str]:
            return {each["decision_id"] for each in http.get(f"/v1/customers/{customer_id}").json()["decisions"]}

        before = {each: contacts(each) for each in (somebody, *others)}
        with breaking(str(http.base_url), breaks=2) as url:
            made = {somebody: ask(kind, url, "decide", customer_id=somebody)}
        with breaking(str(http.base_url), breaks=1) as url:
            answers = ask(kind, url, "decide_batch", [{"customer_id": each} for each in others]).decisions
        made |= dict(zip(others, answers, strict=True))
        new = {each: contacts(each) - before[each] for each in made}
        told = {each: {answer.decision_id} if answer.actions[0].channel else set() for each, answer in made.items()}
        assert new == told
        assert sum(map(len, new.values())) > 3


@KINDS
def test_an_outcome_whose_answer_was_lost_is_stored_once(serve: Callable[..., Any], kind: Any) -> None:
    with serve() as http:
        decision_id = http.post("/v1/decisions", json={"visitor_id": "v-1"}).json()["decision_id"]
        with breaking(str(http.base_url), breaks=1) as url:
            assert ask(kind, url, "outcomes", [{"decision_id": decision_id, "outcome_type": "accepted"}]).duplicate == 1
        assert len(http.get(f"/v1/decisions/{decision_id}").json()["outcomes"]) == 1


def send(
    kind: Any, url: str, rows: list[dict[str, Any]], limits: Limits, on_refused: Callable[[Refused], object] = list, attempts: int = 1
) -> None:
    """Events through a sender of either client."""
    if kind is Client:
        with Client(url, "", retrying=Retrying(attempts)) as client, client.sender(on_refused, limits) as sender:
            for row in rows:
                sender.event(row)
        return

    async def sent() -> None:
        async with AsyncClient(url, "", retrying=Retrying(attempts)) as client, client.sender(on_refused, limits) as sender:
            for row in rows:
                await sender.event(row)

    asyncio.run(sent())


EVENTS = [{"event_id": f"e-{n}", "event_type": "product_view", "customer_id": "c-sent"} for n in range(12)]


@KINDS
def test_a_sender_whose_answers_are_lost_doubles_nothing(serve: Callable[..., Any], kind: Any) -> None:
    with serve() as http:
        with breaking(str(http.base_url), breaks=2) as url:
            send(kind, url, EVENTS, Limits(rows=5, seconds=0.05), attempts=3)
        assert len(http.get("/v1/customers/c-sent").json()["touchpoints"]) == len(EVENTS)


@KINDS
def test_rows_that_could_not_be_sent_are_raised(kind: Any) -> None:
    with Failing(refusal(503)) as server, pytest.raises(UnsentRowsError) as unsent:
        send(kind, server.url, EVENTS, Limits(rows=5, seconds=0.05))
    assert [row.row for row in unsent.value.rows] == [
        b'{"event_id":"e-%d","event_type":"product_view","customer_id":"c-sent"}' % n for n in range(12)
    ]
    assert isinstance(unsent.value.reason, ProblemAnswerError)
    assert "c-sent" not in f"{unsent.value!r} {unsent.value.rows!r}"


@KINDS
def test_a_full_buffer_takes_no_row_and_keeps_those_it_has(kind: Any) -> None:
    with Failing(refusal(401)) as server, pytest.raises(UnsentRowsError) as unsent:
        send(kind, server.url, EVENTS, Limits(rows=3, seconds=60, waiting=6, patience=0.05))
    assert isinstance(unsent.value.__context__, BufferFullError)
    assert len(unsent.value.rows) == 6
    assert len(server.asked) < 10, "it asks in a circle"


@KINDS
def test_a_row_that_could_not_be_told_is_raised_and_the_others_are_sent(serve: Callable[..., Any], kind: Any) -> None:
    def tell(refused: Refused) -> None:
        raise KeyError(refused.kind)

    wrong = [{"event_type": "?", "customer_id": "c-sent"}]
    with serve() as http:
        with pytest.raises(KeyError):
            send(kind, str(http.base_url), [*wrong, *EVENTS], Limits(seconds=60), tell)
        assert len(http.get("/v1/customers/c-sent").json()["touchpoints"]) == len(EVENTS)


@KINDS
def test_rows_are_sent_in_time_though_no_more_come(serve: Callable[..., Any], kind: Any) -> None:
    with serve() as http:
        url = str(http.base_url)

        def arrived() -> bool:
            return http.get("/v1/customers/c-sent").status_code == 200

        if kind is Client:
            with Client(url) as client, client.sender(list, Limits(seconds=0.05)) as sender:
                sender.event(EVENTS[0])
                until = time.monotonic() + 20
                while not arrived() and time.monotonic() < until:
                    time.sleep(0.02)
                assert arrived()
        else:

            async def sent() -> None:
                async with AsyncClient(url) as client, client.sender(list, Limits(seconds=0.05)) as sender:
                    await sender.event(EVENTS[0])
                    until = time.monotonic() + 20
                    while not await asyncio.to_thread(arrived) and time.monotonic() < until:
                        await asyncio.sleep(0.02)
                    assert await asyncio.to_thread(arrived)

            asyncio.run(sent())


def test_a_sender_takes_rows_in_its_with_statement_alone() -> None:
    with Client("http://127.0.0.1:9") as client:
        sender = client.sender(list)
        with pytest.raises(ClientError):
            sender.event(EVENTS[0])
