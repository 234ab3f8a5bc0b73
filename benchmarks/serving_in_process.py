"""What an answer costs beside a minimal FastAPI route that returns the same bytes: CPU time per request, in one run.

    python -P benchmarks/serving_in_process.py --customers 5000 --output serving.json

Every customer of a simulated, published shop is asked for once a round, with a key, through the whole ASGI stack; the applications take turns,
and the cheapest round of each counts. Then everybody's score, of --scores customers, is streamed as CSV and the other formats. PostgreSQL joins in
where it is installed.
"""

import argparse
import json
import os
import sys
import tempfile
from asyncio import Runner
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TextIO

sys.path.insert(0, str(Path(__file__).parent.parent))

from fastapi import FastAPI, Response

from benchmarks.asked import Asked, ask, loop
from benchmarks.churn_export import MOST_SECONDS, bulk_export
from benchmarks.served_shop import NOW, ServedShop, make_shop
from benchmarks.throwaway_postgresql import postgresql
from features.contract import SALE
from serving.app import create_app
from serving.log import Log
from serving.settings import ServingSettings
from serving.state import events, keys
from serving.state.database import open_state

ROUNDS: Final = 5
LIVE: Final = 300
"""Customers who order something, so that their answers are computed anew."""

TARGETS: Final[Mapping[str, float]] = {"SQLite": 1.8, "PostgreSQL": 2.5}


@dataclass(frozen=True)
class Line:
    """CPU microseconds of one request to an application, how many times those of the minimal route that is, and how many it may be."""

    name: str
    microseconds: float
    ratio: float
    target: float | None = None

    def __str__(self) -> str:
        told = "" if self.target is None else f"   at most {self.target} x"
        return f"{self.name:<48}{self.microseconds:>10,.1f} us{self.ratio:>8.2f} x{told}"


def main() -> None:
    """Measures, prints the table, and writes it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--scores", type=int, default=100_000)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nextbest-bench-")))
        log = stack.enter_context(Path(os.devnull).open("w"))
        server = stack.enter_context(postgresql())
        urls = {"SQLite": f"sqlite:///{folder / 'state.db'}"} | ({"PostgreSQL": server} if server else {})
        shop = make_shop(folder, asked.customers)
        running = stack.enter_context(loop())
        found = [line for name, url in urls.items() for line in churn_of_one(running, shop, name, url, log)]
        lists = [line for name, url in urls.items() for line in bulk_export(folder / "lists", name, url, asked.scores)]
    print(f"GET /v1/customers/ID/churn, {len(shop.scores):,} customers, best of {ROUNDS} rounds")
    print(*found, f"GET /v1/churn, everybody, at most {MOST_SECONDS:.0f} s for 100,000 customers as CSV", *lists, sep="\n")
    if asked.output:
        asked.output.write_text(json.dumps([*map(asdict, found), *map(asdict, lists)], indent=2), encoding="utf-8")


def churn_of_one(running: Runner, shop: ServedShop, name: str, url: str, log: TextIO) -> list[Line]:
    """The single answer on this database: published, and computed anew after an order."""
    key = published(shop, url)
    stored, live = (served(shop, url, NOW + timedelta(hours=hours), log) for hours in (0, 2))
    everybody = [Asked(f"/v1/customers/{who}/churn", key) for who in shop.scores["customer_id"]]
    bodies = {one.path: body for one, body in zip(everybody, ask(running, stored, everybody).bodies, strict=True)}
    unlike = [body for body in bodies.values() if b'"source":"published"' not in body]
    if unlike:
        raise SystemExit(f"{len(unlike):,} of {len(bodies):,} answers are not the published ones: {unlike[0]!r}")
    turns = {"minimal": minimal(bodies), "stored": stored}
    spent = cheapest(running, turns, everybody, ROUNDS)
    buyers = shop.scores["customer_id"].tolist()[:: max(len(everybody) // LIVE, 1)]
    post_orders(url, buyers)
    spent |= cheapest(running, {"live": live}, [Asked(f"/v1/customers/{who}/churn", key) for who in buyers], ROUNDS)
    ratio = {what: cost / spent["minimal"] for what, cost in spent.items()}
    return [
        Line("minimal FastAPI route, the same bytes", spent["minimal"], 1.0),
        Line(f"published score, {name}", spent["stored"], ratio["stored"], TARGETS[name]),
        Line(f"after an order, with reasons, {name}", spent["live"], ratio["live"]),
    ]


def minimal(bodies: Mapping[str, bytes], what: str = "churn") -> FastAPI:
    """The least that FastAPI does for such an answer: a route with the id in its path, and bytes that are there already."""
    app = FastAPI()

    @app.get(f"/v1/customers/{{customer_id}}/{what}")
    async def answer(customer_id: str) -> Response:
        return Response(bodies[f"/v1/customers/{customer_id}/{what}"], media_type="application/json")

    return app


def published(shop: ServedShop, url: str) -> str:
    """Publishes the shop and makes a key."""
    shop.publish(url)
    state = open_state(url)
    key = keys.create(state, "crm", created_at=NOW)
    state.close()
    return key


def post_orders(url: str, customer_ids: Sequence[str]) -> None:
    """An order of two products of each of these customers, an hour after the publication."""
    at = NOW + timedelta(hours=1)
    sold = {"quantity": 1.0, "unit_price": 20.0, "discount_amount": 0.0, "line_kind": SALE, "ordered_at": at, "received_at": at}
    lines = [
        {"order_id": f"new-{who}", "line": line, "customer_id": who, "product_id": f"new-{line}", "channel": "web", **sold}
        for who in customer_ids
        for line in (1, 2)
    ]
    state = open_state(url)
    with state.writing() as connection:
        events.add_order_lines(connection, [{"store_id": None, "currency": None, **line} for line in lines])
    state.close()


def served(shop: ServedShop, url: str, now: datetime, log: TextIO) -> FastAPI:
    """The application over this shop, at this time."""
    return create_app(ServingSettings(home=shop.home.root, database_url=url, as_of=now), log=Log(log))


def cheapest(running: Runner, turns: Mapping[str, FastAPI], asked: Sequence[Asked], rounds: int) -> dict[str, float]:
    """Microseconds per request of every application in its cheapest round; they take turns, so that all meet the same machine."""
    spent: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(rounds):
        for name, app in turns.items():
            spent[name].append(ask(running, app, asked).cpu_seconds / len(asked) * 1e6)
    return {name: min(each) for name, each in spent.items()}


if __name__ == "__main__":
    main()
