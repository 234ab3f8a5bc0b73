"""What a piece of work costs: run in a process of its own, so that nothing of one piece is counted with another."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent


@dataclass(frozen=True)
class Cost:
    """CPU (user + system, all threads) and wall seconds of the work, the process's peak memory in bytes, and what the work tells."""

    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int
    told: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.cpu_seconds:7.2f} CPU-s {self.wall_seconds:7.2f} s {self.peak_bytes / 2**30:6.2f} GB"


class Stopwatch:
    """CPU seconds of this process by the names of its stretches."""

    def __init__(self) -> None:
        self.cpu_seconds: dict[str, float] = {}
        self.wall_seconds: dict[str, float] = {}

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Counts what the block takes."""
        cpu, wall = _cpu_seconds(), time.perf_counter()
        yield
        self.cpu_seconds[name] = _cpu_seconds() - cpu
        self.wall_seconds[name] = time.perf_counter() - wall


def tell(watch: Stopwatch, **told: object) -> None:
    """Ends a piece of work: hands its costs to the process that started it. The stretch `work` is what counts."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    stretches = {name: round(seconds, 6) for name, seconds in watch.cpu_seconds.items() if name != "work"}
    found = {"cpu": watch.cpu_seconds["work"], "wall": watch.wall_seconds["work"], "peak": peak, "told": {**stretches, **told}}
    print(json.dumps(found))


def measured(module: str, *arguments: object, times: int = 1) -> Cost:
    """The cheapest of `times` runs of a module of benchmarks that ends with `tell`; imports are not counted, the peak is the greatest."""
    runs = [_run(module, [str(argument) for argument in arguments]) for _ in range(times)]
    best = min(runs, key=lambda run: run.cpu_seconds)
    return Cost(best.cpu_seconds, min(run.wall_seconds for run in runs), max(run.peak_bytes for run in runs), best.told)


def _run(module: str, arguments: list[str]) -> Cost:
    command = [sys.executable, "-P", "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"benchmarks.{module} {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return Cost(found["cpu"], found["wall"], found["peak"], found["told"])


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
