"""Whether an answer costs more where more customers are stored: CPU time per request of each route at growing numbers of customers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import text

from benchmarks.serving_load import gone_through, warmed
from benchmarks.serving_rows import Row
from benchmarks.serving_shop import Shop
from serving.state.database import State, open_state
from serving.state.tables import PUBLISHED_CUSTOMERS, PUBLISHED_SCORES

MOST: Final = 1.2
ASKED: Final = 4_000
"""Customers drawn at random at each size, as many at all sizes."""
KEPT: Final = 200
"""So many of them are asked for lists and decisions, before, too: everything that a server keeps of them is there at every size."""
TIMES: Final = 8
_AT_ONCE: Final = 50
_MARK: Final = "~"


@dataclass(frozen=True)
class Grown:
    """CPU microseconds per request of each route, where so many customers are stored."""

    customers: int
    microseconds: dict[str, float]


def growth(shop: Shop, name: str, sizes: Sequence[int], seconds: float, folder: Path) -> list[Row]:
    """A row for each route: what it costs at the most customers against the fewest."""
    found, asked = list[Grown](), set[str]()
    count = min(ASKED, max(min(sizes), 2 * len(shop.customer_ids)) - len(shop.customer_ids))
    for size in sorted(sizes):
        grown = grow(shop, size)
        who = _not_yet(grown, asked, count)
        asked.update(who)
        found.append(Grown(len(grown.customer_ids), _costs(grown, who, seconds, folder)))
    first, last = found[0], found[-1]
    return [
        Row(
            f"{route}, {name}: {last.customers:,} customers stored against {first.customers:,}",
            last.microseconds[route] / first.microseconds[route],
            "x",
            MOST,
            "; ".join(f"{each.customers:,}: {each.microseconds[route]:,.0f} us" for each in found),
        )
        for route in first.microseconds
    ]


def _not_yet(shop: Shop, asked: set[str], count: int) -> list[str]:
    """Copies at random of whom nothing was posted yet: what was posted changes what an answer costs."""
    drawn = (each for each in shop.some(len(shop.customer_ids)) if _MARK in each and each not in asked)
    return list(islice(drawn, count))


def _costs(shop: Shop, who: list[str], seconds: float, folder: Path) -> dict[str, float]:
    routes = {
        "churn": shop.churn(who),
        "recommendations": shop.recommendations(who[:KEPT]),
        "decisions": shop.decisions(who[:KEPT]),
        "events": shop.events(who),
    }
    with shop.serve(folder / "growth.log") as server:
        gone_through(server, routes["recommendations"])
        gone_through(server, routes["decisions"], times=TIMES)
        return {route: warmed(server, requests, seconds).cpu_microseconds for route, requests in routes.items()}


def grow(shop: Shop, customers: int) -> Shop:
    """The shop with so many published customers, at least twice its own.

    They are copies under other ids, with their histories, profiles and scores.
    """
    own = len(shop.customer_ids)
    copies = max(-(-customers // own) - 1, 1)
    state = open_state(shop.url)
    for start in range(_copies(state, own) + 1, copies + 1, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, copies + 1))
        with state.writing() as connection:
            for table in (PUBLISHED_CUSTOMERS, PUBLISHED_SCORES):
                connection.execute(text(_copying(table.name, list(table.columns.keys()), numbers)))
    if state.engine.dialect.name == "postgresql":  # which does so by itself before long; SQLite is never asked to
        with state.writing() as connection:
            connection.execute(text("ANALYZE"))
    state.close()
    return replace(
        shop, customer_ids=tuple(each for n in range(copies + 1) for each in (f"{who}{_ending(n)}" for who in shop.customer_ids))
    )


def _ending(number: int) -> str:
    return f"{_MARK}{number}" if number else ""


def _copying(table: str, columns: list[str], numbers: range) -> str:
    """Copies what was published (ids without ~) of the newest generation."""
    chosen = ", ".join("t.customer_id || '~' || n.n" if name == "customer_id" else f"t.{name}" for name in columns)
    values = " UNION ALL ".join(f"SELECT {number} AS n" for number in numbers)
    newest = "(SELECT max(generation) FROM publications WHERE complete)"
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {table} t CROSS JOIN ({values}) n "  # our own names
        f"WHERE t.generation = {newest} AND t.customer_id NOT LIKE '%~%'"
    )


def _copies(state: State, own: int) -> int:
    """How many copies of everybody there are already."""
    with state.reading() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {PUBLISHED_CUSTOMERS.name}")).scalar_one()) // own - 1
