"""What tests of several rooms share: a real PostgreSQL, started for the session and thrown away after it."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# No test is timed: how long an example takes says how busy the machine is. CI draws the same examples every time.
settings.register_profile("nextbest", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("nextbest")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files with the long tests come first, so that at the end no worker is alone with one of them."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


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


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a running PostgreSQL, without a database name; skips where none is installed."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL is installed: its binaries are looked for in /usr/lib/postgresql/*/bin and on the PATH")
    identity = _as_nobody()
    folder = Path(tempfile.mkdtemp(prefix="nextbest-postgresql-"))
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    port = _free_port()
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "cwd": "/", **identity}
    data = folder / "data"
    subprocess.run([binaries / "initdb", "-D", data, "-U", "nextbest", "-A", "trust", "-E", "UTF8", "--no-sync"], check=True, **quiet)
    options = ["-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-c", "max_connections=60", "-c", "fsync=off"]
    server = subprocess.Popen([binaries / "postgres", "-D", data, *options], stderr=subprocess.DEVNULL, **quiet)
    try:
        _wait_until_ready(binaries, port, server)
        yield f"postgresql+psycopg://nextbest@127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nobody needs what it holds
        server.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(binaries: Path, port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while subprocess.run([binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("PostgreSQL did not start")
        time.sleep(0.05)
