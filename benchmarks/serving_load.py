"""Load on a server: wrk where it is installed, else a loader of our own, with a fixed duration and number of connections.

Both go through the prepared requests one after the other, over and over. wrk spends less of the machine, so that the server gets more of it; what is counted
is the server's own CPU time, which is the same with either.
"""

import asyncio
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from benchmarks.serving_processes import Running

CONNECTIONS: Final = 16
WARM_SECONDS: Final = 2.0
NUMBER: Final = "@" * 12
"""Stands in a request for a number that no other request has."""
_SCRIPT: Final = Path(__file__).parent / "serving_load.lua"
_numbers = itertools.count()


@dataclass(frozen=True)
class Loaded:
    """What the load was: requests answered, seconds, the server's CPU microseconds per request, and percentiles of the time to answer in microseconds."""

    requests: int
    seconds: float
    cpu_microseconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def get(path: str, key: str = "") -> bytes:
    """A GET as it goes over the wire."""
    return _message("GET", path, key, b"")


def post(path: str, body: Any, key: str = "") -> bytes:
    """A POST of JSON as it goes over the wire."""
    return _message("POST", path, key, orjson.dumps(body))


def load(server: Running, requests: Sequence[bytes], *, seconds: float, connections: int = CONNECTIONS, delay_ms: float = 0.0) -> Loaded:
    """Loads the server with these requests. SystemExit if one answer is none, or its status is not 2xx.

    `delay_ms` is how long a connection rests before each request, on average: it holds the load below what the server can do.
    """
    found = _loaded_by(server, requests, seconds, connections, delay_ms)
    if not found.requests:
        raise SystemExit(f"No answer in {seconds:g} s to requests such as {requests[0][:300]!r}")
    return found


def _loaded_by(server: Running, requests: Sequence[bytes], seconds: float, connections: int, delay_ms: float) -> Loaded:
    if not requests:
        raise SystemExit("There is nothing to ask: the shop has too few customers.")
    before = server.cpu_seconds()
    run = _wrk if shutil.which("wrk") else _ours
    told = run(server.port, requests, seconds, connections, delay_ms)
    spent = server.cpu_seconds() - before
    if told["refused"] or told["broken"]:
        raise SystemExit(
            f"{told['refused']} answers of another status than 2xx, {told['broken']} without one, of {told['requests']}: {requests[0][:300]!r}"
        )
    return Loaded(told["requests"], told["microseconds"] / 1e6, spent / max(told["requests"], 1) * 1e6, told["p50"], told["p99"])


def warmed(server: Running, requests: Sequence[bytes], seconds: float, connections: int = CONNECTIONS) -> Loaded:
    """The same after some seconds that are not counted."""
    _loaded_by(server, requests, max(WARM_SECONDS, seconds / 4), connections, 0.0)
    return load(server, requests, seconds=seconds, connections=connections)


def gone_through(server: Running, requests: Sequence[bytes], times: int = 1) -> None:
    """Asks each of them so many times, one after the other, for as long as it takes; nothing of it is counted."""
    answered = 0
    while answered < times * len(requests):
        place = answered % len(requests)
        answered += _loaded_by(server, [*requests[place:], *requests[:place]], WARM_SECONDS, CONNECTIONS, 0.0).requests


def _message(method: str, path: str, key: str, body: bytes) -> bytes:
    headers = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: */*"]
    if key:
        headers.append(f"Authorization: Bearer {key}")
    if method == "POST":
        headers += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*headers, "", ""]).encode() + body


def _wrk(port: int, requests: Sequence[bytes], seconds: float, connections: int, delay_ms: float) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile(prefix="nextbest-bench-") as file:
        for each in requests:
            file.write(f"{len(each)}\n".encode() + each)
        file.flush()
        given = {
            "NEXTBEST_BENCH_REQUESTS": file.name,
            "NEXTBEST_BENCH_DELAY": str(delay_ms),
            "NEXTBEST_BENCH_FIRST": str(next(_numbers) * 10_000_000),
        }
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds:.0f}s",
            "--timeout",
            "30s",
            "-s",
            str(_SCRIPT),
            f"http://127.0.0.1:{port}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **given})
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {(done.stdout + done.stderr)[-500:]}")
    line = next(line for line in done.stdout.splitlines() if line.startswith("NEXTBEST "))
    told: dict[str, Any] = json.loads(line.removeprefix("NEXTBEST "))
    return told


def _ours(port: int, requests: Sequence[bytes], seconds: float, connections: int, delay_ms: float) -> dict[str, Any]:
    return asyncio.run(_loaded(port, requests, seconds, connections, delay_ms))


async def _loaded(port: int, requests: Sequence[bytes], seconds: float, connections: int, delay_ms: float) -> dict[str, Any]:
    source, taken, refused = _prepared(requests), list[float](), 0
    rng = np.random.default_rng(1)
    started = time.perf_counter()

    async def work() -> int:
        wrong = 0
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() - started < seconds:
            if delay_ms:
                await asyncio.sleep(rng.uniform(0, 2 * delay_ms) / 1000)
            begun = time.perf_counter()
            writer.write(next(source))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head))
            taken.append(time.perf_counter() - begun)
            wrong += not head.startswith(b"HTTP/1.1 2")
        writer.close()
        return wrong

    refused = sum(await asyncio.gather(*(work() for _ in range(connections))))
    p50, p99 = np.percentile(np.array(taken) * 1e6, [50, 99]).tolist()
    spent = (time.perf_counter() - started) * 1e6
    return {"requests": len(taken), "microseconds": spent, "p50": p50, "p99": p99, "refused": refused, "broken": 0}


def _prepared(requests: Sequence[bytes]) -> Iterator[bytes]:
    first = next(_numbers) * 10_000_000
    for number, each in enumerate(itertools.cycle(requests), start=first):
        yield each.replace(NUMBER.encode(), b"%012d" % number)


def _length(head: bytes) -> int:
    lines = (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return int(next(lines).partition(b":")[2])
