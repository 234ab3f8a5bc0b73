"""What an answer about one customer costs, and which part of it: CPU microseconds, in one run with a minimal FastAPI route that returns the same bytes.

    python -P benchmarks/serving_reads.py --products 10000

The shop is generated (`benchmarks.affinity_speed_shop`), its models are trained by the commands that a person uses, and what happened just now are
views posted after the publication. PostgreSQL joins in where it is installed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from asyncio import Runner
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TextIO

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from fastapi import FastAPI, Response
from sqlalchemy import select
from threadpoolctl import threadpool_limits

from benchmarks.affinity_speed_shop import order_lines
from benchmarks.asked import Asked, ask, loop
from benchmarks.throwaway_postgresql import postgresql
from decisions.merchandising import exclusions_of
from decisions.taste import taste
from features.home import Home, open_home
from serving.api import recommendations
from serving.api.churn import churn_answers
from serving.api.recommendations import Asked as AskedList
from serving.app import create_app
from serving.dependencies import Serving
from serving.log import Log
from serving.recommending import Wanted, recommend
from serving.settings import ServingSettings
from serving.state import events, keys, publications
from serving.state.database import open_state
from serving.state.somebody import Whom
from serving.state.tables import PUBLISHED_CUSTOMERS

ROUNDS: Final = 5
ASKED: Final = 300
"""Customers who are asked for."""


@dataclass(frozen=True)
class Cost:
    """CPU microseconds of one request or of a part of one; `ratio` to the minimal route, None for a part."""

    name: str
    microseconds: float
    ratio: float | None = None

    def __str__(self) -> str:
        return f"{self.name:<64}{self.microseconds:>10,.0f} us" + ("" if self.ratio is None else f"{self.ratio:>8.1f} x")


def main() -> None:
    """Makes the shop, measures, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--customers", type=int, default=6_000)
    parser.add_argument("--home", type=Path, help="a shop that an earlier run made with --home, or where to make one")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = asked.home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nextbest-bench-")))
        log = stack.enter_context(Path(os.devnull).open("w"))
        server = stack.enter_context(postgresql())
        home = make_home(folder, asked.products, asked.customers)
        running = stack.enter_context(loop())
        stack.enter_context(threadpool_limits(1, "blas"))
        for name, url in {"SQLite": f"sqlite:///{home.database}", **({"PostgreSQL": server} if server else {})}.items():
            if name == "PostgreSQL":
                command(home, "publish", database=url)
            print(*reads(running, home, url, name, log), sep="\n")


def make_home(folder: Path, products: int, customers: int) -> Home:
    """A home with a shop of so many products, trained and published; one that is there already is taken as it is."""
    home = open_home(folder / "home")
    if not home.database.exists():
        lines = folder / "lines.parquet"
        order_lines(customers, products, np.random.default_rng(17)).to_parquet(lines, index=False)
        for words in ((f"ingest --orders {lines}"), "train churn", "train affinity", "publish"):
            command(home, words)
    return home


def command(home: Home, words: str, database: str = "") -> None:
    """Runs `nextbest` in a process of its own."""
    said = (
        f"import sys; sys.argv = ['nextbest', '--home', {str(home.root)!r}, *{words.split()!r}]; from serving.cli.main import main; main()"
    )
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"} | ({"NEXTBEST_DATABASE_URL": database} if database else {})
    subprocess.run([sys.executable, "-c", said], check=True, env=environment, cwd=Path(__file__).parent.parent, stdout=subprocess.DEVNULL)


def reads(running: Runner, home: Home, url: str, name: str, log: TextIO) -> list[Cost]:
    """Every answer of this database with its parts: right after an event, kept, and the minimal route."""
    now, who = happened(url)
    state = open_state(url)
    key = keys.create(state, "crm", created_at=now)
    state.close()
    apps = {kept: create_app(ServingSettings(home=home.root, database_url=url, as_of=now), log=Log(log)) for kept in (True, False)}
    apps[False].state.serving.remembered.most_bytes = 0
    found = []
    for what, app, said in (
        ("recommendations", apps[True], "recommendations, kept"),
        ("recommendations", apps[False], "recommendations right after an event"),
        ("churn", apps[True], "churn right after an event"),
    ):
        asked = [Asked(f"/v1/customers/{each}/{what}", key) for each in who]
        bodies = {one.path: body for one, body in zip(asked, ask(running, app, asked).bodies, strict=True)}
        least, ours = cheapest(running, (minimal(bodies, what), app), asked)
        found += [Cost(f"{said}, {name}", ours, ours / least), Cost("  minimal FastAPI route, the same bytes", least, 1.0)]
    ours_of = apps[False].state.serving
    found += [*parts(running, ours_of, who, now)]
    for app in apps.values():
        running.run(app.state.serving.reading.close())
        running.run(app.state.serving.versions.close())
    return found


def happened(url: str) -> tuple[datetime, list[str]]:
    """Posts a view by each of ASKED customers an hour after the publication; the time of asking, and the customers."""
    state = open_state(url)
    with state.reading() as connection:
        newest = publications.current(connection)
        assert newest is not None  # it was published just now
        own = PUBLISHED_CUSTOMERS.c.customer_id
        everybody = list(connection.execute(select(own).distinct().order_by(own)).scalars())
    who, at = everybody[:: max(len(everybody) // ASKED, 1)][:ASKED], newest.as_of + timedelta(hours=1)
    none = dict.fromkeys(("visitor_id", "channel", "value", "decision_id", "properties"))
    rows = [
        {**none, "event_id": f"bench-{each}", "customer_id": each, "event_type": "product_view", "product_id": f"P{7 * place:06d}"}
        for place, each in enumerate(who)
    ]
    with state.writing() as connection:
        events.add_events(connection, [{**row, "occurred_at": at, "received_at": at} for row in rows])
    state.close()
    return at + timedelta(hours=1), who


def parts(running: Runner, ours: Serving, who: Sequence[str], now: datetime) -> Iterator[Cost]:
    """The parts of a list and of a churn answer, each after what it rests on; `state` is the one statement, `version` that of kept answers."""
    rows = {each: running.run(ours.reading.rows(Whom(each, None, now))) for each in who}
    seen = {each: ours.reader.seen(*rows[each]) for each in who}
    current = {each: ours.reader.current(*rows[each]) for each in who}
    tastes = {each: taste(seen[each].history, seen[each].profile) for each in who}
    asked, shop = AskedList(), seen[who[0]].shop
    shelf = ours.offering.shelf(shop, asked.filters, None, now)

    def ranked(each: str) -> Any:
        own = exclusions_of(seen[each].profile, ours.offering.rules.columns, shelf.plan.products)
        return recommend(tastes[each], Wanted(asked.limit, own), shelf, ours.champions.affinity, now, is_known=True)

    lists = {each: ranked(each) for each in who}
    yield Cost("  part: parse the query", per_one(lambda _: recommendations._asked.__wrapped__(b"limit=10"), who))
    yield Cost("  part: state, everything about somebody", in_loop(running, lambda each: ours.reading.rows(Whom(each, None, now)), who))
    yield Cost("  part: history", per_one(lambda each: ours.reader.seen(*rows[each]), who))
    yield Cost("  part: history and features", per_one(lambda each: ours.reader.current(*rows[each]), who))
    yield Cost("  part: taste", per_one(lambda each: taste(seen[each].history, seen[each].profile), who))
    yield Cost("  part: ranking", per_one(ranked, who))
    yield Cost("  part: answer", per_one(lambda each: recommendations._answer(ours, shelf, lists[each], asked, customer_id=each), who))
    yield Cost(
        "  part: churn, reasons and worth", per_one(lambda each: churn_answers([current[each]], ours, "en")[0].model_dump_json(), who)
    )


def per_one(work: Callable[[str], object], who: Sequence[str]) -> float:
    """CPU microseconds for each of them in the cheapest round."""
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for each in who:
            work(each)
        spent.append(time.process_time() - began)
    return min(spent) / len(who) * 1e6


def in_loop(running: Runner, work: Callable[[str], Any], who: Sequence[str]) -> float:
    """The same for work that waits, one after the other."""

    async def everybody() -> None:
        for each in who:
            await work(each)

    return min(_spent(running, everybody) for _ in range(ROUNDS)) / len(who) * 1e6


def _spent(running: Runner, everybody: Callable[[], Any]) -> float:
    began = time.process_time()
    running.run(everybody())
    return time.process_time() - began


def minimal(bodies: dict[str, bytes], what: str) -> FastAPI:
    """The least that FastAPI does for such an answer: a route with the id in its path, and bytes that are there already."""
    app = FastAPI()

    @app.get(f"/v1/customers/{{customer_id}}/{what}")
    async def answer(customer_id: str) -> Response:
        return Response(bodies[f"/v1/customers/{customer_id}/{what}"], media_type="application/json")

    return app


def cheapest(running: Runner, apps: Sequence[FastAPI], asked: Sequence[Asked]) -> list[float]:
    """Microseconds per request of each application in its cheapest round; they take turns, so that all meet the same machine."""
    rounds = [[ask(running, app, asked).cpu_seconds / len(asked) * 1e6 for app in apps] for _ in range(ROUNDS)]
    return [min(each) for each in zip(*rounds, strict=True)]


if __name__ == "__main__":
    main()
