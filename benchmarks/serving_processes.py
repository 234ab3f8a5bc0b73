"""Servers as processes of their own: started, waited for, and what they spend, by the kernel's own accounting."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measuring import ROOT

PATIENCE_SECONDS: Final = 120.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_LOOK_SECONDS: Final = 0.02
_PARENT, _USER, _SYSTEM, _DEAD_USER, _DEAD_SYSTEM = 1, 11, 12, 13, 14  # of /proc/PID/stat, counted behind the command's name


@dataclass(frozen=True)
class Running:
    """A server that answers on this port of 127.0.0.1, and the CPU seconds that it spent until it was ready."""

    pid: int
    port: int
    start_cpu_seconds: float

    def cpu_seconds(self) -> float:
        """User and system time of the process and all that it started, the ended ones, too."""
        return cpu_seconds(self.pid)

    def resident_bytes(self) -> int:
        """What the process and its children hold in memory; what they share is counted for each."""
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES for pid in _family(self.pid))


@contextmanager
def served(
    command: Sequence[str], *, ready: str, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator[Running]:
    """Runs the command, in which {port} stands for the port, until the block ends. SystemExit, with the log's end, if it is not ready in time.

    `ready` is the path that answers 200 once it is. Modules are compiled once for all that log into one folder, wherever and however they were installed.
    """
    port = free_port()
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(log.absolute().parent / "compiled")} if log else {}
    with Path(log or os.devnull).open("wb") as said:
        process = subprocess.Popen(
            [part.replace("{port}", str(port)) for part in command],
            cwd=ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **compiled, **(environment or {})},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}{ready}", log)
            yield Running(process.pid, port, cpu_seconds(process.pid))
        finally:
            _stop(process)


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """User and system time of this process and all that it started."""
    return sum(sum(int(_stat(each)[place]) for place in (_USER, _SYSTEM, _DEAD_USER, _DEAD_SYSTEM)) for each in _family(pid)) / _TICKS


def _family(pid: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            children.setdefault(int(_stat(int(folder.name))[_PARENT]), []).append(int(folder.name))
        except OSError:  # it ended meanwhile
            continue
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path | None) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > until:
            said = log.read_text(errors="replace")[-3000:] if log else ""
            raise SystemExit(f"{' '.join(map(str, process.args))} is not ready.\n{said}")
        time.sleep(_LOOK_SECONDS)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ends it and all that it started: they are a group of their own."""
    try:
        process.terminate()
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()
