"""What a hundred thousand decisions cost: unrecorded, and recorded in a state database of SQLite."""

import gc
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.decided_shop import make_policy, make_situations
from decisions import Ask, Crowd, Decision, crowd_of, decide_many
from decisions.records import to_json
from serving.state import decisions
from serving.state.database import open_state
from serving.state.migrate import migrate

BATCH: Final = 2_000
WORKERS: Final = 2
_ASK: Final = Ask()


@dataclass(frozen=True)
class Many:
    """Seconds of CPU time (of all processes) and of the wall, for so many customers."""

    name: str
    customers: int
    cpu_seconds: float
    wall_seconds: float

    def __str__(self) -> str:
        each = self.cpu_seconds / self.customers * 1e6
        return f"{self.name:<58}{self.customers:>9,}{self.cpu_seconds:>9.2f} CPU-s{self.wall_seconds:>8.2f} s{each:>8.1f} us each"


class _Shop:
    """The shop in a process: its policy, and a batch of customers who come again under other names."""

    def __init__(self) -> None:
        self.policy = make_policy()
        self.situations = make_situations(self.policy, BATCH)

    def batch(self, number: int) -> tuple[list[Any], list[str]]:
        """The situations and decision ids of a batch."""
        named = [replace(each, customer_id=f"{each.customer_id}-{number}") for each in self.situations]
        return named, [f"d{number}-{row}" for row in range(len(named))]


def unrecorded(customers: int) -> Iterator[Many]:
    """Making the crowd of situations, and deciding on it, in one process."""
    shop, made, decided = _Shop(), 0.0, 0.0
    batches = customers // BATCH
    crowds: list[tuple[Crowd, list[str]]] = []
    wall = time.perf_counter()
    for number in range(batches):
        named, ids = shop.batch(number)
        begins = time.process_time()
        crowds.append((crowd_of(named, shop.policy), ids))
        made += time.process_time() - begins
    crowds_wall, wall = time.perf_counter() - wall, time.perf_counter()
    for crowd, ids in crowds:
        begins = time.process_time()
        for _ in decide_many(crowd, _ASK, shop.policy, ids):
            pass
        decided += time.process_time() - begins
    yield Many("situations as a crowd", batches * BATCH, made, crowds_wall)
    yield Many("decide_many, unrecorded", batches * BATCH, decided, time.perf_counter() - wall)


def recorded(customers: int, folder: Path) -> Iterator[Many]:
    """Decided and composed in two processes that were started once, and written by this one as they come."""
    url = f"sqlite:///{folder / 'state.db'}"
    migrate(url)
    state = open_state(url)
    batches, made, size = customers // BATCH, 0.0, 0
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"), initializer=_start) as pool:
        list(pool.map(_rows, [-1] * WORKERS))  # started, and their tables made
        wall, begins = time.perf_counter(), time.process_time()
        for cpu, rows, contacts in pool.map(_rows, range(batches)):
            made += cpu
            size += sum(len(row["record"]) for row in rows)
            for row in rows:
                row["record"] = orjson.Fragment(row["record"])
            with state.writing() as connection:
                new = decisions.add_many(connection, rows, contacts)
            if len(new) != len(rows):
                raise SystemExit("A decision was not written.")
        written, wall = time.process_time() - begins, time.perf_counter() - wall
    state.close()
    yield Many(f"decided and composed, records of {size / batches / BATCH / 1e3:.1f} kB", batches * BATCH, made, wall)
    yield Many("written to SQLite", batches * BATCH, written, wall)
    yield Many(f"recorded, in {WORKERS} processes", batches * BATCH, made + written, wall)


def _start() -> None:
    global _SHOP
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    _SHOP = _Shop()
    gc.collect()
    gc.freeze()


_SHOP: _Shop


def _rows(number: int) -> tuple[float, list[dict[str, Any]], list[dict[str, Any]]]:
    """CPU seconds, and the rows of a batch's decisions and contacts."""
    named, ids = _SHOP.batch(number)
    begins = time.process_time()
    rows, contacts = list[dict[str, Any]](), list[dict[str, Any]]()
    for part in decide_many(crowd_of(named, _SHOP.policy), _ASK, _SHOP.policy, ids):
        for row in range(len(part.crowd)):
            made = part.decision(row)
            rows.append(_row(made))
            contacts += [_contact(made)] * bool(made.actions[0].channel)
    return time.process_time() - begins, rows, contacts


def _row(made: Decision) -> dict[str, Any]:
    first = made.actions[0]
    return {
        "decision_id": made.decision_id,
        "customer_id": made.customer_id,
        "visitor_id": None,
        "decided_at": made.decided_at,
        "stage": made.stage,
        "channel": first.channel or None,
        "action_id": first.action_id,
        "action_probability": first.action_probability,
        "policy_version": made.policy_version,
        "holdout": made.holdout,
        "request": {"asked": {}, "known": True},
        "record": to_json(made),
    }


def _contact(made: Decision) -> dict[str, Any]:
    first, at = made.actions[0], made.decided_at
    keys: dict[str, str | int | datetime] = {"decision_id": made.decision_id, "rank": 1, "subject_id": made.customer_id}
    return {**keys, "action_id": first.action_id, "channel": first.channel, "decided_at": at}
