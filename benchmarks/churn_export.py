"""Bulk lists of published scores: seconds and memory for each format and database, streamed through the whole ASGI stack.

    python -P -m benchmarks.churn_export --customers 100000 --output export.json

Scores are made up, with three reasons each, and written straight into the state database. `streamed` is the piece that other benchmarks call.
Memory is what this process holds more than before the request, looked at with every part that is sent: a stream of ten times the customers
must not hold more.
"""

import argparse
import asyncio
import gc
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from fastapi import FastAPI

from benchmarks.throwaway_postgresql import postgresql
from features.home import open_home
from serving.app import create_app
from serving.churn_tables import FORMATS
from serving.log import Log
from serving.settings import ServingSettings
from serving.state import keys, publications, scores
from serving.state.database import open_state
from serving.state.migrate import migrate
from training.bands import load_bands

NOW: Final = datetime(2025, 3, 1)
MOST_SECONDS: Final = 10.0
"""For 100,000 customers as CSV."""
_BATCH: Final = 2_000
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Streamed:
    """What one list cost: CPU and wall seconds, its size, and by how much the process grew on the way."""

    what: str
    customers: int
    cpu_seconds: float
    wall_seconds: float
    megabytes: float
    grown_megabytes: float

    def __str__(self) -> str:
        spent = f"{self.cpu_seconds:7.2f} CPU-s {self.wall_seconds:7.2f} s"
        return (
            f"{self.what:<32}{self.customers:>10,} customers {spent} {self.megabytes:8.1f} MB sent {self.grown_megabytes:7.1f} MB more held"
        )


def main() -> None:
    """Measures, prints the table, and writes it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nextbest-bench-")))
        server = stack.enter_context(postgresql())
        urls = {"SQLite": f"sqlite:///{folder / 'state.db'}"} | ({"PostgreSQL": server} if server else {})
        found = [line for name, url in urls.items() for line in bulk_export(folder, name, url, asked.customers)]
    print(*found, sep="\n")
    if asked.output:
        asked.output.write_text(json.dumps([asdict(line) for line in found], indent=2), encoding="utf-8")
    csv = [line.wall_seconds for line in found if "csv" in line.what]
    print(f"CSV: {max(csv):.1f} s, at most {MOST_SECONDS * max(asked.customers / 100_000, 1):.0f} s")


def bulk_export(folder: Path, name: str, url: str, customers: int) -> Iterator[Streamed]:
    """Every format on this database, over so many made-up scores, and CSV over a tenth of them to compare what is held."""
    for count in (customers // 10, customers):
        key = publish_made_up(url, count)
        with Path(os.devnull).open("w") as log:
            settings = ServingSettings(home=open_home(folder / "home").root, database_url=url, as_of=NOW)
            app = create_app(settings, log=Log(log))
            gc.collect()
            gc.freeze()  # as serving.run does
            streamed(app, "limit=5000&format=csv", "warm-up", key)
            for each in FORMATS if count == customers else FORMATS[:1]:
                yield streamed(app, f"format={each.name}", f"{each.name}, {name}", key)
            app.state.serving.state.close()


def streamed(app: FastAPI, query: str, what: str, key: str) -> Streamed:
    """One request for `GET /v1/churn` with this query. RuntimeError for an answer that is no list."""
    held = _resident()
    most = held
    sent = customers = 0

    async def send(message: Mapping[str, Any]) -> None:
        nonlocal most, sent, customers
        if message["type"] == "http.response.body":
            sent += len(message["body"])
            customers += message["body"].count(b"\n")
            most = max(most, _resident())
        elif message["status"] != 200:
            raise RuntimeError(f"an answer of status {message['status']}")

    cpu, wall = time.process_time(), time.perf_counter()
    asyncio.run(app(_scope(query, key), _receive, send))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    lines = customers if "parquet" not in query else _count(app)
    return Streamed(what, lines - ("csv" in query), cpu, wall, sent / 1e6, (most - held) / 1e6)


def publish_made_up(url: str, customers: int) -> str:
    """Publishes so many scores, all of them with every column; a key to read them."""
    migrate(url)
    state = open_state(url)
    with state.writing() as connection:
        generation = publications.begin(connection, as_of=NOW, started_at=NOW)
        for start in range(0, customers, _BATCH):
            scores.add(connection, generation, list(_made_up(start, min(start + _BATCH, customers))))
        publications.complete(connection, generation, {"as_of": NOW.isoformat()})
        publications.remove_others(connection, generation, NOW)
    key = keys.create(state, "crm", created_at=NOW)
    state.close()
    return key


def _made_up(start: int, end: int) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(start)
    bands = load_bands()
    for i in range(start, end):
        probability, days, value = float(rng.random()), int(rng.integers(1, 90)), float(rng.gamma(2.0, 100.0))
        yield {
            "customer_id": f"C{i:08d}",
            "churn_probability": probability,
            "horizon_days": 30,
            "as_of": NOW,
            "band": bands.band(probability),
            "percentile": probability,
            "percentile_in_stage": probability,
            "stage": "retention",
            "segment": "loyal",
            "persona": "evening shoppers",
            "expected_orders": 3 * (1 - probability),
            "expected_spend": value / 10,
            "expected_next_order_on": date(2025, 3, 1) + timedelta(days=days),
            "expected_next_order_from": date(2025, 3, 1) + timedelta(days=days // 2),
            "expected_next_order_until": date(2025, 3, 1) + timedelta(days=2 * days),
            "average_days_between_orders": float(days),
            "clv": value,
            "historic_value": 3 * value,
            "insufficient_data": False,
            "why": None,
            "reasons": _reasons(days, value),
            "model_version": "1",
        }


def _reasons(days: int, value: float) -> list[dict[str, Any]]:
    facts = {
        "rhythm": {"days_since_last_order": 3.0 * days, "gap_mean_days": float(days)},
        "frequency": {"order_count": 7.0},
        "value": {"value_total": value},
    }
    return [{"family": family, "direction": "raises", "effect": 0.4, "facts": own} for family, own in facts.items()]


def _count(app: FastAPI) -> int:
    with app.state.serving.state.reading() as connection:
        return int(
            connection.exec_driver_sql(
                "SELECT count(*) FROM published_scores WHERE generation = (SELECT max(generation) FROM publications)"
            ).scalar()
        )


async def _receive() -> dict[str, Any]:
    await asyncio.sleep(0)
    return {"type": "http.request", "body": b"", "more_body": False}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


def _scope(query: str, key: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/v1/churn",
        "raw_path": b"/v1/churn",
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1:8000"), (b"authorization", f"Bearer {key}".encode())],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }


if __name__ == "__main__":
    main()
