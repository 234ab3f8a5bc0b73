"""What tests of several rooms share: a real PostgreSQL, started for the session and thrown away after it."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings

from training import registry
from training.making import make_whole

# No test is timed: how long an example takes says how busy the machine is. CI draws the same examples every time; make test-long draws more.
EXAMPLES = 100 if "NEXTBEST_LONG" in os.environ else 30
settings.register_profile("nextbest", deadline=None, derandomize=bool(os.environ.get("CI")), max_examples=EXAMPLES)
settings.load_profile("nextbest")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files with the long tests come first, so that at the end no worker is alone with one of them."""
    if "NEXTBEST_LONG" not in os.environ:
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes long; make test-long runs it"))
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session", autouse=True)
def _registry_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """MLflow takes seconds to make an empty store: it is made once, by the product's own code, and every new home of this process has a copy."""
    made = tmp_path_factory.mktemp("registry") / "mlflow.db"

    def copied(path: Path, make: Callable[[Path], object]) -> None:
        if not path.exists():
            make_whole(made, make)
            shutil.copy(made, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "make_whole", copied)
        yield


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as_nobody() -> dict[str, Any]:
    """PostgreSQL refuses root; whoever else runs the tests stays who they are."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


class PostgreSql:
    """A PostgreSQL of our own, in a folder that it is thrown away with; stopped and started as a test needs it."""

    def __init__(self, binaries: Path) -> None:
        self._binaries, self._identity, self._port = binaries, _as_nobody(), _free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="nextbest-postgresql-"))
        if self._identity:
            os.chown(self._folder, self._identity["user"], self._identity["group"])
        self._quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "cwd": "/", **self._identity}
        made = [binaries / "initdb", "-D", self._folder / "data", "-U", "nextbest", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(made, check=True, **self._quiet)
        self.start()

    @property
    def url(self) -> str:
        """Its address, without a database name."""
        return f"postgresql+psycopg://nextbest@127.0.0.1:{self._port}"

    def start(self) -> None:
        """Returns when it takes connections."""
        options = ["-h", "127.0.0.1", "-p", str(self._port), "-k", str(self._folder), "-c", "max_connections=60", "-c", "fsync=off"]
        command = [self._binaries / "postgres", "-D", self._folder / "data", *options]
        self._server = subprocess.Popen(command, stderr=subprocess.DEVNULL, **self._quiet)
        _wait_until_ready(self._binaries, self._port, self._server)

    def stop(self) -> None:
        """Ends it at once, with all its connections."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(timeout=30)

    def processes(self) -> list[int]:
        """The postmaster, and one for each connection."""
        pid = self._server.pid
        return [pid, *(int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def remove(self) -> None:
        """Ends it, and forgets what it holds."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a running PostgreSQL, without a database name; skips where none is installed."""
    server = _postgresql()
    yield server.url
    server.remove()


@pytest.fixture
def own_postgresql() -> Iterator[PostgreSql]:
    """A PostgreSQL that a test may stop; skips where none is installed."""
    server = _postgresql()
    yield server
    server.remove()


def _postgresql() -> PostgreSql:
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL is installed: its binaries are looked for in /usr/lib/postgresql/*/bin and on the PATH")
    return PostgreSql(binaries)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    found: str = request.getfixturevalue("empty_postgresql")
    return found


@pytest.fixture
def empty_postgresql(postgresql_server: str) -> str:
    """The URL of a PostgreSQL database with nothing in it."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgresql_server.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{postgresql_server}/{name}"


def _wait_until_ready(binaries: Path, port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while subprocess.run([binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("PostgreSQL did not start")
        time.sleep(0.05)
