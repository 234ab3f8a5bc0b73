"""Ours, the way of its users: the history goes into a home of its own, and `nextbest` ingests, trains and scores on the command line."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pandas as pd

from benchmarks.affinity_histories import Case
from benchmarks.affinity_protocol import ALL, MODES, NEW, Found, Split, found, lists_by_customer, targets
from benchmarks.affinity_scores import LENGTH

MODE_OPTIONS: Final = {ALL: [], NEW: ["--exclude-purchased"]}


@dataclass(frozen=True)
class Run:
    """What one command took: wall and CPU seconds, and the greatest memory of its process in bytes."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int

    def __str__(self) -> str:
        return f"{self.wall_seconds:.0f} s, {self.cpu_seconds:.0f} CPU-s, {self.peak_bytes / 2**30:.2f} GB"


@dataclass(frozen=True)
class Ours:
    """How well ours did by mode, what training and scoring (mode ALL) took, and how many customers were scored."""

    found: dict[str, Found]
    training: Run
    scoring: Run
    customers: int


def measured_ours(case: Case, threads: int) -> Ours:
    """Trains on what was known before the case's as_of (all of the history, where its split is the last basket), and scores everybody."""
    split = case.split()
    with TemporaryDirectory(prefix="nextbest-bench-") as place:
        folder = Path(place)
        time_option = [] if case.as_of is None else ["--as-of", _text(case.as_of)]
        command(folder, ["ingest", *_files(folder, {"orders": split.history, **case.tables})], threads)
        training = command(folder, ["train", "affinity", *time_option], threads)
        outcomes, runs, customers = {}, {}, 0
        for mode in MODES:
            output = folder / f"{mode}.parquet"
            words = ["score", "affinity", "--top", str(LENGTH), "--output", str(output), *time_option, *MODE_OPTIONS[mode]]
            runs[mode] = command(folder, words, threads)
            ranked = pd.read_parquet(output).astype({"customer_id": str, "product_id": str})
            customers = max(customers, ranked["customer_id"].nunique())
            outcomes[mode] = _found(ranked, split, mode)
        return Ours(outcomes, training, runs[ALL], customers)


def _found(ranked: pd.DataFrame, split: Split, mode: str) -> Found:
    return found(lists_by_customer(ranked, split, mode), targets(split, mode))


def _files(folder: Path, tables: dict[str, pd.DataFrame]) -> list[str]:
    words = []
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        table.to_parquet(path, index=False)
        words += [f"--{name}", str(path)]
    return words


def _text(as_of: datetime) -> str:
    return f"{as_of:%Y-%m-%dT%H:%M}"


def command(folder: Path, words: Sequence[str], threads: int) -> Run:
    """One `nextbest` command in a process of its own; ends the benchmark where it fails, with what it said."""
    command = [str(Path(sys.executable).parent / "nextbest"), "--home", str(folder / "home"), *words]
    surroundings = os.environ | {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": "1"}
    surroundings.pop("NEXTBEST_DATABASE_URL", None)  # the home's own database
    began = time.perf_counter()
    with (folder / "said").open("w+", encoding="utf-8") as said:
        process = subprocess.Popen(command, cwd=folder, env=surroundings, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"nextbest {' '.join(words)} failed:\n{said.read()[-3000:]}")
    return Run(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)
