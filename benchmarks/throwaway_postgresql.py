"""A PostgreSQL of one's own for as long as it is needed, where its binaries are installed."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def postgresql() -> Iterator[str | None]:
    """The URL of a new, empty database; None where no PostgreSQL is installed."""
    binaries = _binaries()
    if binaries is None:
        yield None
        return
    identity = _as_nobody()
    folder = Path(tempfile.mkdtemp(prefix="nextbest-postgresql-"))
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    port, quiet = _free_port(), {"stdout": subprocess.DEVNULL, "cwd": "/", **identity}
    create = [binaries / "initdb", "-D", folder / "data", "-U", "nextbest", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(create, check=True, **quiet)
    run = [binaries / "postgres", "-D", folder / "data", "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
    server = subprocess.Popen(run, stderr=subprocess.DEVNULL, **quiet)
    try:
        _wait_until_ready(binaries, port, server)
        yield f"postgresql+psycopg://nextbest@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nobody needs what it holds
        server.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _as_nobody() -> dict[str, Any]:
    """PostgreSQL refuses root; whoever else asks stays who they are."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(binaries: Path, port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while subprocess.run([binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("PostgreSQL did not start")
        time.sleep(0.05)
