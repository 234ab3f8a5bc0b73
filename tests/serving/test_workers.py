"""Several workers of `nextbest serve`: they agree on the models in use, one that dies is replaced, and all end in order."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import httpx
import pandas as pd
import pytest

from features.home import Home, open_home
from serving.state.migrate import migrate
from training import artifacts, golden
from training.export import link_version
from training.response import ResponseModel

pytestmark = [pytest.mark.slow, pytest.mark.long]

NEXTBEST = [sys.executable, "-c", "from serving.cli.main import main; main()"]
START_SECONDS = 120
AGREED_SECONDS = 20
"""Two seconds on a machine that has time; here tests run beside each other."""
ASKED = 40


def promote(home: Home, version: str, place: Path) -> None:
    folder = place / f"response-{version}"
    folder.mkdir()
    model = ResponseModel().fit(pd.DataFrame(columns=["action_id", "stage", "answered", "unsubscribed"]), {}, as_of=datetime(2025, 1, 1))
    model.save(folder)
    golden.write(folder, "response", model)
    artifacts.stamp(folder, version)
    link_version(folder, home.champions, "response", version)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = open_home(tmp_path / "home")
    migrate(f"sqlite:///{made.database}")
    promote(made, "1", tmp_path)
    return made


@pytest.fixture
def server(home: Home, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Two workers, and where they answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with (tmp_path / "log").open("wb") as log:
        command = [*NEXTBEST, "--home", str(home.root), "serve", "--workers", "2", "--port", port]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: len(children(process)) >= 2 and answers(f"http://127.0.0.1:{port}/healthz"), START_SECONDS)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def children(process: subprocess.Popen[bytes]) -> list[int]:
    """The workers; multiprocessing's own helper is none."""
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def until(holds: Callable[[], Any], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.1)


def versions(url: str) -> set[str]:
    """The versions that are told over many connections."""
    told = [httpx.get(f"{url}/v1/models", timeout=30).json()["models"] for _ in range(ASKED)]
    return {model["version"] for models in told for model in models if model["kind"] == "response"}


def test_workers_agree_are_replaced_and_end_in_order(server: tuple[subprocess.Popen[bytes], str], home: Home, tmp_path: Path) -> None:
    process, url = server
    assert versions(url) == {"1"}
    promote(home, "2", tmp_path)
    until(lambda: versions(url) == {"2"}, AGREED_SECONDS)
    assert versions(url) == {"2"}

    killed, *_ = before = children(process)
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(set(children(process)) - {killed}) == 2, START_SECONDS)
    assert set(before) - {killed} < set(children(process))
    until(lambda: answers(f"{url}/healthz"), START_SECONDS)
    assert versions(url) == {"2"}

    acknowledged = set[str]()
    thread = threading.Thread(target=post_until_refused, args=(url, acknowledged))
    thread.start()
    until(lambda: len(acknowledged) > 5, AGREED_SECONDS)
    with UnderWay(url, "late") as request:
        process.send_signal(signal.SIGTERM)
        time.sleep(1.0)
        assert request.end().startswith(b"HTTP/1.1 200")
    assert process.wait(timeout=60) in (0, -signal.SIGTERM)
    thread.join()
    assert acknowledged | {"late"} <= stored(home)


class UnderWay:
    """A posted event of which the server has the first half when the block begins."""

    def __init__(self, url: str, event_id: str) -> None:
        body = json.dumps(event(event_id)).encode()
        half = len(body) // 2
        self._rest = body[half:]
        self._connection = socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])))
        head = f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._connection.sendall(head.encode() + body[:half])
        time.sleep(1.0)  # a worker takes it: what only waits in the system's queue is under way for nobody

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def end(self) -> bytes:
        """The answer, once all of it is sent."""
        self._connection.sendall(self._rest)
        return self._connection.recv(10_000)


def event(event_id: str) -> dict[str, str]:
    return {"event_id": event_id, "customer_id": "c1", "event_type": "add_to_cart", "product_id": "p1"}


def post_until_refused(url: str, acknowledged: set[str]) -> None:
    """Posts events until nobody listens any more."""
    with suppress(httpx.TransportError):
        for number in range(1_000_000):
            assert httpx.post(f"{url}/v1/events", json=event(f"e{number}"), timeout=30).status_code == 200
            acknowledged.add(f"e{number}")


def stored(home: Home) -> set[str]:
    with sqlite3.connect(home.database) as connection:
        return {row[0] for row in connection.execute("SELECT event_id FROM events")}
