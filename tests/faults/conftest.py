"""Servers as people run them, `nextbest serve` in a process of its own, and clients that remember what was acknowledged."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg
import pytest

from features.home import open_home
from serving.state.migrate import migrate

NEXTBEST = [sys.executable, "-c", "from serving.cli.main import main; main()"]
START_SECONDS = 90
SMALL = "48m"


@dataclass
class Served:
    """`nextbest serve` over a home; killed with all its workers at the end, and whenever a test says so."""

    home: Path
    database_url: str
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    before: Sequence[str] = ()
    prepare: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Returns when it answers."""
        self.log = self.home.parent / f"served-{self.port}.log"
        environment = {**os.environ, "NEXTBEST_DATABASE_URL": self.database_url, **self.environment}
        command = [*self.before, *NEXTBEST, "--home", str(self.home), "serve", "--port", str(self.port), *self.arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True, preexec_fn=self.prepare
            )
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < until, self.log.read_text()[-3000:]
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """kill -9, workers and all."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait(timeout=30)

    def resident_bytes(self) -> int:
        """Memory of it and its workers."""
        pages = sum(int((process / "statm").read_text().split()[1]) for process in self._processes())
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _processes(self) -> list[Path]:
        """Of its session: itself, and its workers."""
        sessions = {process: os.getsid(int(process.name)) for process in Path("/proc").glob("[0-9]*") if process.exists()}
        return [process for process, session in sessions.items() if session == self.process.pid]

    def client(self, timeout: float = 60) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=timeout)


@dataclass
class Senders:
    """Threads that post events and orders, one after the other; what was acknowledged, what was not, and every answer that is none of 200 and 503."""

    url: str
    count: int = 4
    batch: int = 5
    acknowledged: dict[str, set[str]] = field(default_factory=lambda: {"events": set(), "orders": set()})
    open: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)
    unavailable: list[httpx.Response] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(me,)) for me in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, rows: int, *, seconds: float = 60) -> None:
        """Until so many rows more are acknowledged."""
        goal, until = self.total() + rows, time.monotonic() + seconds
        while self.total() < goal:
            assert time.monotonic() < until, (self.total(), goal, self.wrong[:3], [r.text for r in self.unavailable[-1:]])
            time.sleep(0.02)

    def total(self) -> int:
        return sum(len(ids) for ids in self.acknowledged.values())

    def send_again(self) -> None:
        """Posts what was not acknowledged, until it is."""
        with httpx.Client(base_url=self.url, timeout=60) as client:
            for table, rows in self.open:
                assert client.post(f"/v1/{table}", json=rows).status_code == 200
                self.acknowledged[table].update(_id(table, row) for row in rows)
        self.open.clear()

    def _send(self, me: int) -> None:
        number = 0
        with httpx.Client(base_url=self.url, timeout=60) as client:
            while not self._ending.is_set():
                number += 1
                table = "orders" if number % 3 == 0 else "events"
                rows = [_row(table, f"{me}-{number}-{n}") for n in range(self.batch)]
                self._post(client, table, rows)

    def _post(self, client: httpx.Client, table: str, rows: list[dict[str, Any]]) -> None:
        try:
            response = client.post(f"/v1/{table}", json=rows)
        except httpx.TransportError:
            self.open.append((table, rows))
            time.sleep(0.1)
            return
        if response.status_code == 200 and response.json()["accepted"] == len(rows):
            self.acknowledged[table].update(_id(table, row) for row in rows)
            return
        self.open.append((table, rows))
        (self.unavailable if response.status_code == 503 else self.wrong).append(response)  # type: ignore[arg-type]
        time.sleep(0.05)


def _row(table: str, name: str) -> dict[str, Any]:
    whose = f"c{len(name) % 3}"
    if table == "orders":
        lines = [{"product_id": "p1", "quantity": n + 1, "unit_price": 5} for n in range(2)]
        return {"order_id": f"o{name}", "customer_id": whose, "lines": lines}
    return {"event_id": f"e{name}", "customer_id": whose, "event_type": "product_view", "product_id": "p1"}


def _id(table: str, row: Mapping[str, Any]) -> str:
    return str(row["order_id" if table == "orders" else "event_id"])


@pytest.fixture
def senders() -> Callable[..., Senders]:
    """Posts under load: `with senders(url) as load`."""
    return Senders


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Serves a shop of which nothing is known yet: `with served() as server`, or on the database at `url`."""
    made: list[Served] = []

    def make(url: str = "", *, home: Path | None = None, arguments: Sequence[str] = (), **given: Any) -> Served:
        root = open_home(home or tmp_path / "home").root
        found = url or f"sqlite:///{root / 'state.db'}"
        if "home" not in given:
            migrate(found)
        made.append(Served(root, found, arguments, **given))
        return made[-1]

    yield make
    for each in made:
        if hasattr(each, "process"):
            each.kill()


Rows = Callable[[str], dict[str, list[Any]]]


@pytest.fixture
def stored() -> Rows:
    """What lies in the database at a URL: event ids, and (order_id, line), each as often as it is there."""

    def read(url: str) -> dict[str, list[Any]]:
        from sqlalchemy import create_engine, text  # noqa: PLC0415

        engine = create_engine(url)
        with engine.connect() as connection:
            found = {
                "events": [row.event_id for row in connection.execute(text("SELECT event_id FROM events"))],
                "lines": [(row.order_id, row.line) for row in connection.execute(text("SELECT order_id, line FROM order_lines"))],
            }
        engine.dispose()
        return found

    return read


@pytest.fixture
def new_database() -> Callable[[str], str]:
    """Makes an empty database on the PostgreSQL at this URL; its URL."""

    def make(server: str) -> str:
        with psycopg.connect(server.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE shop")
        return f"{server}/shop"

    return make


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes, for the home and for the server's log beside it; skips where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)], check=False, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no small file system can be mounted here: that needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def nextbest_command() -> list[str]:
    """The command in a process of its own, without its arguments."""
    return NEXTBEST
