"""The shop that is served: simulated, with every champion trained by the command line, published to each database, and what is asked about it."""

import json
import os
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from sqlalchemy import text

from benchmarks.affinity_speed_shop import order_lines
from benchmarks.measuring import ROOT
from benchmarks.serving_load import NUMBER, get, post
from benchmarks.serving_processes import Running, served
from serving.state import publications
from serving.state.database import open_state
from training.export import link_version

AHEAD: Final = timedelta(hours=2)
"""The server's clock stands so long after the publication: what is posted happened between."""
LAG: Final = 64
"""So many events are sent before the first question about one of their customers: more than connections, so that each event was answered before."""


@dataclass(frozen=True)
class Shop:
    """A published home on one database, its customers, the time published, and keys of the roles app and crm."""

    home: Path
    url: str
    customer_ids: tuple[str, ...]
    as_of: datetime
    app: str
    crm: str
    workers: int = 1

    @property
    def database(self) -> str:
        """Which kind of database it is on."""
        return "SQLite" if self.url.startswith("sqlite") else "PostgreSQL"

    @property
    def environment(self) -> dict[str, str]:
        """What a command of the product needs to find it."""
        return {"NEXTBEST_HOME": str(self.home), "NEXTBEST_DATABASE_URL": self.url}

    def serve(self, log: Path) -> AbstractContextManager[Running]:
        """`nextbest serve` over it, as a process."""
        at = (self.as_of + AHEAD).isoformat()
        command = [_nextbest(), "serve", "--port", "{port}", "--as-of", at, "--workers", str(self.workers)]
        return served(command, ready="/readyz", environment=self.environment, log=log)

    def with_workers(self, workers: int) -> "Shop":
        """The same, served by so many processes."""
        return replace(self, workers=workers)

    def some(self, count: int, seed: int = 1) -> list[str]:
        """So many of its customers at random, each once."""
        drawn = np.random.default_rng(seed).permutation(len(self.customer_ids))[:count]
        return [self.customer_ids[place] for place in drawn.tolist()]

    def churn(self, who: list[str]) -> list[bytes]:
        """Their churn scores."""
        return [get(f"/v1/customers/{each}/churn", self.crm) for each in who]

    def recommendations(self, who: list[str]) -> list[bytes]:
        """Their lists of ten."""
        return [get(f"/v1/customers/{each}/recommendations", self.app) for each in who]

    def decisions(self, who: list[str]) -> list[bytes]:
        """A recorded decision for each."""
        return [post("/v1/decisions", {"customer_id": each}, self.app) for each in who]

    def events(self, who: list[str]) -> list[bytes]:
        """A product viewed by each, never the same event twice."""
        at = (self.as_of + AHEAD / 2).isoformat() + "Z"
        return [
            post("/v1/events", {"event_id": f"e-{NUMBER}", "customer_id": each, "event_type": "page_view", "occurred_at": at}, self.app)
            for each in who
        ]

    def batches(self, who: list[str], size: int) -> list[bytes]:
        """The same events, so many in each request."""
        at = (self.as_of + AHEAD / 2).isoformat() + "Z"
        rows = [
            {"event_id": f"e-{NUMBER}-{n}", "customer_id": each, "event_type": "page_view", "occurred_at": at} for n, each in enumerate(who)
        ]
        return [post("/v1/events", {"events": rows[start : start + size]}, self.app) for start in range(0, len(rows), size)]


def after_events(events: list[bytes], questions: list[bytes]) -> list[bytes]:
    """Each question behind the event of the same customer, and LAG - 1 other requests between."""
    whole = len(events) // LAG * LAG
    return [each for start in range(0, whole, LAG) for part in (events, questions) for each in part[start : start + LAG]]


def make_shop(home: Path, customers: int) -> None:
    """Simulates, ingests and trains, all by `nextbest demo`."""
    _run(["demo", "--customers", str(customers), "--no-serve"], {"NEXTBEST_HOME": str(home)})


def make_wide_shop(home: Path, other: Path, customers: int, products: int, until: datetime) -> None:
    """A home with so many products: generated purchases before `until`, its own affinity champion, and the other champions of another home."""
    lines = order_lines(customers, products, np.random.default_rng(17))
    moved = pd.Timestamp(until).normalize() - lines["ordered_at"].max().normalize() - pd.Timedelta(days=1)
    file = home.with_suffix(".parquet")
    lines.assign(ordered_at=lines["ordered_at"] + moved).to_parquet(file, index=False)
    environment = {"NEXTBEST_HOME": str(home)}
    _run(["ingest", "--orders", str(file)], environment)
    _run(["train", "affinity"], environment)
    for kind in ("churn", "value", "response", "journey"):
        link_version((other / "champions" / kind).resolve(), home / "champions", kind, "1")


def published(home: Path, url: str) -> Shop:
    """Publishes the home to this database and makes keys."""
    environment = {"NEXTBEST_HOME": str(home), "NEXTBEST_DATABASE_URL": url}
    _run(["publish"], environment)
    app, crm = (json.loads(_run(["--json", "key", "create", "--role", role], environment))["key"] for role in ("app", "crm"))
    state = open_state(url)
    with state.reading() as connection:
        newest = publications.current(connection)
        asked = text("SELECT customer_id FROM published_customers WHERE generation = :g ORDER BY customer_id")
        ids = tuple(connection.execute(asked, {"g": newest.generation if newest else 0}).scalars())
    state.close()
    if newest is None:
        raise SystemExit("Nothing was published.")
    return Shop(home, url, ids, newest.as_of, app, crm)


def _nextbest() -> str:
    return str(Path(sys.executable).parent / "nextbest")


def _run(arguments: list[str], environment: dict[str, str]) -> str:
    command = [_nextbest(), *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"nextbest {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return done.stdout
