"""A whole simulated shop: its tables, the truth behind them, and how both are written to files."""

import gzip
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from decisions.actions import Catalogue
from decisions.catalogue import load_catalogue
from decisions.simulator.baskets import guest_orders, order_lines, returned_lines
from decisions.simulator.behaviour import Ints, Records
from decisions.simulator.rounds import Journal, play
from decisions.simulator.tables import (
    customers_table,
    decisions_table,
    events_table,
    orders_table,
    outcomes_table,
    products_table,
)
from decisions.simulator.touchpoints import events
from decisions.simulator.truth import truth_tables
from decisions.simulator.world import World, make_world
from features.contract import FEE, LINE_KIND, ORDERS, POSTED_LINE, RETURNED_ORDER_DERIVED, RETURNED_ORDER_ID
from features.errors import InputError

FIRST_DAY: Final = datetime(2024, 1, 1)
MOST_MONTHS: Final = 240
FileFormat = Literal["csv.gz", "parquet"]
_SMALL: Final = ("products", "customers")


@dataclass(frozen=True)
class Shop:
    """What a shop hands over, by the contract's table names, and what only the simulator knows, by topic."""

    tables: dict[str, pd.DataFrame]
    truth: dict[str, pd.DataFrame]


def simulate(*, customers: int, months: int, seed: int, start: datetime = FIRST_DAY, catalogue: Catalogue | None = None) -> Shop:
    """A shop of this many customers over this many months from start; the same arguments give identical tables.

    The laws stand where they are drawn: `population` (arrivals, gamma order rates, exponential lives, tastes), `rhythm` (season,
    weekday, hour), `behaviour` (what happens in a week), `responses` (what actions do), `baskets` (what is bought), `touchpoints`
    (what is seen of it all). `catalogue` defaults to the default one. Raises InputError for less than one customer or month.
    """
    _check(customers, months, seed)
    start = start.astimezone(UTC).replace(tzinfo=None) if start.tzinfo else start
    world = make_world(customers=customers, months=months, seed=seed, start=start, catalogue=catalogue or load_catalogue())
    journal = play(world)
    orders, lines = _orders(world, journal)
    returned = returned_lines(world, orders, lines, world.stream("returns"))
    tables = {
        "orders": orders_table(world, orders, lines, returned),
        "products": products_table(world),
        "customers": customers_table(world, journal, world.stream("profiles")),
        "events": events_table(world, events(world, journal, orders, lines)),
        "decisions": decisions_table(world, journal),
        "outcomes": outcomes_table(world, journal, orders, lines),
    }
    return Shop(tables, truth_tables(world, journal, orders))


def write(shop: Shop, folder: Path, file_format: FileFormat = "csv.gz") -> list[Path]:
    """Writes the shop's files into a folder, made if there is none, and returns their paths.

    csv.gz leaves the two small tables (products, customers) unpacked; the truth goes to truth/*.csv. Of line_kind the files state the
    fees alone, and of returns no order, as shops do: ingest tells sales from returns, and what these take back. Raises InputError if the
    folder cannot be written.
    """
    orders = shop.tables[ORDERS.name].drop(columns=[RETURNED_ORDER_ID, RETURNED_ORDER_DERIVED, POSTED_LINE])
    handed_over = shop.tables | {ORDERS.name: orders.assign(**{LINE_KIND: orders[LINE_KIND].where(orders[LINE_KIND] == FEE)})}
    endings = {name: "csv" if file_format == "csv.gz" and name in _SMALL else file_format for name in handed_over}
    try:
        (folder / "truth").mkdir(parents=True, exist_ok=True)
        paths = [_write_table(table, folder / f"{name}.{endings[name]}") for name, table in handed_over.items()]
        return paths + [_write_table(table, folder / "truth" / f"{name}.csv") for name, table in shop.truth.items()]
    except OSError as error:
        remedy = "Name a folder that you may write to with --out."
        raise InputError(f"{folder} cannot be written: {error.strerror or error}.", remedy=remedy) from error


def _check(customers: int, months: int, seed: int) -> None:
    if customers < 1:
        raise InputError(f"A shop of {customers} customers cannot be simulated.", remedy="Ask for at least 1 with --customers.")
    if not 1 <= months <= MOST_MONTHS:
        raise InputError(f"{months} months cannot be simulated.", remedy=f"Ask for 1 to {MOST_MONTHS} with --months.")
    if seed < 0:
        raise InputError(f"The seed {seed} is negative.", remedy="Give a whole number from 0 with --seed.")


def _orders(world: World, journal: Journal) -> tuple[Records, Records]:
    """All orders by customer and time, the guests' at the end, numbered by time, with their lines."""
    drawn = journal.orders
    orders = {name: column[np.lexsort((drawn["at"], drawn["customer"]))] for name, column in drawn.items()}
    guests = guest_orders(orders, world.stream("guests"))
    lines = order_lines(world, orders, world.stream("baskets"))
    guest_lines = order_lines(world, guests, world.stream("guest_baskets"))
    everyone = {name: np.concatenate([orders[name], guests[name]]) for name in orders}
    everyone["customer"] = np.concatenate([orders["customer"], np.full(guests["at"].size, -1)])
    together = {name: np.concatenate([lines[name], guest_lines[name]]) for name in lines}
    together["order"] = np.concatenate([lines["order"], guest_lines["order"] + orders["at"].size])
    rank = np.empty(everyone["at"].size, dtype=np.int64)
    rank[np.argsort(everyone["at"], kind="stable")] = np.arange(rank.size)
    return everyone | {"number": rank, "channel": _order_channels(world, everyone, world.stream("order_channels"))}, together


def _order_channels(world: World, orders: Records, rng: np.random.Generator) -> Ints:
    """Mostly the customer's own channel; guests order on the web."""
    own = rng.random(orders["at"].size) < 0.8
    usual = np.where(orders["customer"] >= 0, world.population.order_channel[orders["customer"]], 0)
    return np.where(own | (orders["customer"] < 0), usual, rng.integers(0, 3, own.size))


def _write_table(table: pd.DataFrame, path: Path) -> Path:
    rows = pa.Table.from_pandas(table, preserve_index=False)
    if path.suffix == ".parquet":
        pq.write_table(rows, path)
    else:
        with path.open("wb") as file:
            _write_csv(rows, file, packed=path.suffix == ".gz")
    return path


def _write_csv(rows: pa.Table, file: BinaryIO, *, packed: bool) -> None:
    """Without a time in its header, so that equal tables make equal files."""
    if packed:
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=4, mtime=0) as inner:
            pa_csv.write_csv(rows, pa.PythonFile(inner, mode="w"))
    else:
        pa_csv.write_csv(rows, file)
