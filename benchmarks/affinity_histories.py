"""The purchase histories that affinity is measured on: public ones as they are downloaded, parts of them, and simulated shops."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from benchmarks.affinity_protocol import Split, last_basket, temporal
from decisions.simulator import simulate
from features.contract import SALE
from features.errors import InputError

FILES: Final = {"online_retail": "online_retail/online_retail.csv.gz", "tafeng": "tafeng/baskets.parquet"}
TEMPORAL: Final = ((datetime(2011, 11, 9), 30), (datetime(2011, 8, 1), 30), (datetime(2011, 6, 1), 60))
"""Cut-offs and horizons of online_retail; the first is that of the published table."""
SMALL_SHARE: Final = 0.1
SIMULATED: Final = {"simulated, 400 customers": (400, 14, 12, 60), "simulated, 3,000 customers": (3_000, 18, 11, 60)}
"""Customers, months, seed, and horizon in days."""
FIRST_DAY: Final = datetime(2024, 1, 1)


@dataclass(frozen=True)
class Case:
    """One history to be measured, which makes a row of each mode.

    `lines` are purchases alone, so that every system is measured on the same: customer_id, order_id, product_id, ordered_at, quantity,
    unit_price. Without `as_of` everybody's last basket is asked for. `tables` is what else ours may see before as_of, by table.
    """

    name: str
    lines: pd.DataFrame
    as_of: datetime | None = None
    horizon_days: int | None = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def split(self) -> Split:
        """What is known, and what is to be found."""
        return self._split(self.lines, self.as_of)

    def earlier(self) -> Split:
        """The same question one step earlier, from nothing but what is known: the ground to choose parameters on."""
        known = self.split().history
        return self._split(known, None if self.as_of is None else self.as_of - timedelta(days=self.horizon_days or 0))

    def _split(self, lines: pd.DataFrame, as_of: datetime | None) -> Split:
        return last_basket(lines) if as_of is None else temporal(lines, as_of, self.horizon_days or 0)


def public_cases(folder: Path) -> Iterator[Case]:
    """The cases of the public files below `folder`; InputError where none is there."""
    there = {name: folder / file for name, file in FILES.items() if (folder / file).exists()}
    if not there:
        wanted = " and ".join(str(folder / file) for file in FILES.values())
        raise InputError(
            f"No purchase history lies below {folder}.", remedy=f"Put {wanted} there, or leave --data away: simulated shops alone."
        )
    if "online_retail" in there:
        lines = online_retail(there["online_retail"])
        for as_of, horizon_days in TEMPORAL:
            yield Case(f"online_retail temporal {as_of:%Y-%m-%d}, {horizon_days} d", lines, as_of, horizon_days)
        yield Case("online_retail last", lines)
        yield Case("online_retail last, 10 % of customers", some_customers(lines, SMALL_SHARE))
    if "tafeng" in there:
        lines = tafeng(there["tafeng"])
        yield Case("tafeng last", lines)
        yield Case("tafeng last, 10 % of customers", some_customers(lines, SMALL_SHARE))


def missing(folder: Path) -> list[Path]:
    """The public files that are not there."""
    return [folder / file for file in FILES.values() if not (folder / file).exists()]


def simulated_cases(shops: Mapping[str, tuple[int, int, int, int]] = SIMULATED) -> Iterator[Case]:
    """Simulated shops, asked one horizon before their last day; ours sees products, customers and earlier events, too."""
    for name, (customers, months, seed, horizon_days) in shops.items():
        tables = simulate(customers=customers, months=months, seed=seed, start=FIRST_DAY).tables
        orders = tables["orders"].dropna(subset=["customer_id", "product_id"])
        as_of = (orders["ordered_at"].max().normalize() + timedelta(days=1 - horizon_days)).to_pydatetime()
        events = tables["events"][tables["events"]["occurred_at"] < as_of]
        seen = {"products": _known_products(tables["products"], as_of), "customers": tables["customers"], "events": events}
        lines = orders[orders["line_kind"] == SALE].reset_index(drop=True)
        yield Case(
            name, lines[["customer_id", "order_id", "product_id", "ordered_at", "quantity", "unit_price"]], as_of, horizon_days, seen
        )


def _known_products(products: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """The catalogue of that day: `available` is of the shop's last day, which nobody knew then."""
    return products[products["available_from"] < as_of].drop(columns="available")


def online_retail(file: Path) -> pd.DataFrame:
    """UCI Online Retail, its sales of products at a price to known customers: no returns, no codes that are no products."""
    d = pd.read_csv(file, dtype=str)
    quantity, price = d["Quantity"].astype(int), d["UnitPrice"].astype(float)
    product = d["StockCode"].str.match(r"^\d{5}[A-Za-z]*$")
    kept = d["CustomerID"].notna() & ~d["InvoiceNo"].str.startswith("C") & (quantity > 0) & (price > 0) & product
    d, quantity, price = d[kept], quantity[kept], price[kept]
    return pd.DataFrame(
        {
            "customer_id": d["CustomerID"].str.removesuffix(".0"),
            "order_id": d["InvoiceNo"],
            "product_id": d["StockCode"],
            "ordered_at": pd.to_datetime(d["InvoiceDate"]),
            "quantity": quantity.astype(float),
            "unit_price": price,
        }
    ).reset_index(drop=True)


def tafeng(file: Path) -> pd.DataFrame:
    """Ta-Feng, whose baskets have an order and no dates: a day apart, everybody's last one on the same day."""
    d = pd.read_parquet(file)
    from_last = d.groupby("customer_id")["order_seq"].transform("max") - d["order_seq"]
    customer_id = d["customer_id"].astype(str)
    return pd.DataFrame(
        {
            "customer_id": customer_id,
            "order_id": customer_id + "-" + d["order_seq"].astype(str),
            "product_id": d["item_id"].astype(str),
            "ordered_at": pd.Timestamp("2001-02-28") - pd.to_timedelta(from_last, unit="D"),
            "quantity": 1.0,
            "unit_price": 1.0,
        }
    )


def some_customers(lines: pd.DataFrame, share: float) -> pd.DataFrame:
    """The lines of a share of the customers, the same at every run."""
    customers = np.sort(lines["customer_id"].unique().astype(str))
    kept = np.random.default_rng(7).permutation(customers)[: round(share * len(customers))]
    return lines[lines["customer_id"].isin(kept)].reset_index(drop=True)
