"""The purchase histories that churn is measured on: public ones as they are downloaded, one's own, and simulated shops."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pandas as pd

from benchmarks.churn_truth import customer_days
from decisions.simulator import simulate
from features.contract import SALE, TABLES
from features.engine import Tables, open_tables, tables_from_frames
from features.home import open_home
from features.ingest.mapping import load_mapping
from features.ingest.run import ingest

FILES: Final = {"cdnow": "cdnow/CDNOW_master.txt.gz", "online_retail": "online_retail/online_retail.csv.gz"}
PRESETS: Final = {"cdnow": "cdnow", "online_retail": "uci-online-retail"}
ROWS: Final = {
    "cdnow": [("1998-04-01", 90), ("1997-12-31", 182)],
    "online_retail": [("2011-09-10", 90), ("2011-11-09", 30)],
}
MORE_ROWS: Final = {
    "cdnow": [("1997-10-01", 90), ("1997-12-31", 90), ("1998-04-01", 60)],
    "online_retail": [("2011-07-10", 30), ("2011-08-10", 60), ("2011-09-10", 30), ("2011-10-10", 30)],
}
SIMULATED_NAME: Final = "simulated"
SIMULATED: Final = {f"{SIMULATED_NAME}, 3,000 customers": (3_000, 18, 11, 60), f"{SIMULATED_NAME}, 400 customers": (400, 14, 12, 60)}
"""Customers, months, seed, and horizon in days."""
FIRST_DAY: Final = datetime(2024, 1, 1)
NEVER: Final = datetime(2100, 1, 1)


@dataclass(frozen=True)
class History:
    """A shop's tables, and its customers' purchase days (`churn_truth.customer_days`)."""

    name: str
    tables: Tables
    days: pd.DataFrame


@dataclass(frozen=True)
class Case:
    """One row of the benchmark: a history, a cut-off (a midnight), and how far to look ahead."""

    history: History
    as_of: datetime
    horizon_days: int

    @property
    def name(self) -> str:
        """What a table calls it."""
        return f"{self.history.name} {self.as_of:%Y-%m-%d}, {self.horizon_days} d"


def public_cases(folder: Path, *, more: bool, as_ingested: bool) -> Iterator[Case]:
    """The cases of the public files that lie below `folder`, a history at a time.

    Purchases alone are kept, so that every system can be measured on the same lines: sales of products at a price above zero, without
    returns and without what else the files tell. With `as_ingested` models see all that the preset brings in; the truth stays.
    """
    for name, file in FILES.items():
        if (folder / file).exists():
            history = _public(name, folder / file, as_ingested=as_ingested)
            for as_of, horizon_days in [*ROWS[name], *(MORE_ROWS[name] if more else [])]:
                yield Case(history, datetime.fromisoformat(as_of), horizon_days)


def own_case(orders: Path, mapping: str, as_of: datetime, horizon_days: int) -> Case:
    """A file of one's own, read by a mapping; models see all that it says."""
    frames = _ingested(orders, mapping)
    days = customer_days(_with_amount(_purchases(frames["orders"], free_too=True)))
    return Case(History(orders.name.split(".")[0], tables_from_frames(frames), days), as_of, horizon_days)


def simulated_cases(shops: dict[str, tuple[int, int, int, int]] = SIMULATED) -> Iterator[Case]:
    """Simulated shops, asked one horizon before their last day: with events, contacts and their outcomes."""
    for name, (customers, months, seed, horizon_days) in shops.items():
        shop = simulate(customers=customers, months=months, seed=seed, start=FIRST_DAY)
        orders = shop.tables["orders"].dropna(subset="customer_id")
        days = customer_days(_with_amount(_purchases(orders, free_too=True)))
        as_of = (days["day"].max() + timedelta(days=1 - horizon_days)).to_pydatetime()
        tables = tables_from_frames({**shop.tables, "orders": orders})
        yield Case(History(name, tables, days), as_of, horizon_days)


def _public(name: str, file: Path, *, as_ingested: bool) -> History:
    frames = _ingested(file, PRESETS[name])
    purchases = _purchases(frames["orders"], free_too=name == "cdnow")
    tables = tables_from_frames(frames if as_ingested else {"orders": purchases})
    return History(name, tables, customer_days(_with_amount(purchases)))


def _ingested(file: Path, mapping: str) -> dict[str, pd.DataFrame]:
    """What ingest makes of a file of orders, by table; its home is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="nextbest-bench-") as place:
        home = open_home(Path(place) / "home")
        ingest(home, {"orders": [file]}, load_mapping(mapping) if mapping else None, today=NEVER)
        tables = open_tables(home)
        return {name: getattr(tables, name).to_pandas() for name in TABLES if home.table(name).exists()}


def _purchases(orders: pd.DataFrame, *, free_too: bool) -> pd.DataFrame:
    """Sale lines; in the invoices of a wholesaler, what costs nothing is a correction, among a shop's CDs a gift."""
    sold = orders[(orders["line_kind"] == SALE) & (free_too | (orders["unit_price"] > 0))]
    return sold.reset_index(drop=True)


def _with_amount(lines: pd.DataFrame) -> pd.DataFrame:
    gross = lines["quantity"].fillna(1.0) * lines["unit_price"].fillna(0.0)
    return lines.assign(amount=gross - lines["discount_amount"].fillna(0.0))
