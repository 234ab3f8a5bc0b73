"""Small shops whose truth is known by construction."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from features.instants import DAY_US
from features.interaction_tables import Interactions
from training.affinity.asked import Asked, Seen
from training.affinity.catalogue import UNKNOWN, catalogue_of
from training.affinity.recall import distinct
from training.affinity.sources.source import HalfLives, Material

START = datetime(2025, 1, 1)
LINE = ("name", "category", "brand", "product_line")


def _purchases(rows):
    """Rows of (customer_id, product_id, day): one order per customer and day."""
    table = pd.DataFrame(rows, columns=["customer_id", "product_id", "day"])
    at = [START + timedelta(days=int(day), hours=9) for day in table.day]
    table["ordered_at"] = pd.Series(at, dtype="datetime64[us]")
    table["order_id"] = table.customer_id + "-" + table.day.astype(str)
    table["quantity"] = 1.0
    return table.drop(columns="day").astype({"customer_id": "str", "product_id": "str", "order_id": "str"})


def _listed(rows):
    """Rows of products as dicts by column; what is missing stays empty."""
    table = pd.DataFrame(rows, columns=["product_id", *LINE, "list_price", "available_from"])
    texts = {name: table[name].astype(object).fillna("").astype("str") for name in ("product_id", *LINE)}
    return table.assign(**texts).astype({"list_price": "float64", "available_from": "datetime64[us]"})


def _asked(bought, *, day, products, customers=1, seen=(), place=None):
    """Rows of (customer, product, day) and of (customer, product, day as a float, kind)."""
    customer, product, days = (np.array([row[i] for row in bought], np.int64) for i in range(3))
    rows = sorted(seen)
    looked = [np.array([row[i] for row in rows], float) for i in range(4)]
    interest = Seen(
        looked[0].astype(np.int64), looked[1].astype(np.int64), (looked[2] * DAY_US).astype(np.int64), looked[3].astype(np.int64)
    )
    where = np.full(customers, UNKNOWN, np.int64) if place is None else np.array(place, np.int64)
    return Asked(day, customers, products, distinct(customer, product, days), interest, where)


@pytest.fixture(scope="session")
def purchases():
    """Makes a purchases table from rows of (customer_id, product_id, day)."""
    return _purchases


@pytest.fixture(scope="session")
def listed():
    """Makes a table of products from dicts."""
    return _listed


@pytest.fixture(scope="session")
def asked():
    """Makes an Asked from rows of (customer, product, day)."""
    return _asked


@pytest.fixture(scope="session")
def material():
    """Makes a Material from an Asked; products have no catalogue where none is given. Half-lives are 10 days, the gap too."""

    def make(everybody, catalogue=None, **given):
        ids = [str(i) for i in range(everybody.products)]
        nothing = catalogue_of(_listed([]), ids)
        return Material(
            everybody, nothing if catalogue is None else catalogue_of(_listed(catalogue), ids), 10.0, HalfLives(10.0, 10.0), **given
        )

    return make


@pytest.fixture(scope="session")
def shop():
    """A hundred and twenty customers of three tastes, who buy staples of their own every ten days or so, and try others of their taste."""
    rng = np.random.default_rng(7)
    rows = []
    for number in range(120):
        taste = number % 3
        own = rng.choice(20, 3, replace=False) + 20 * taste
        day = int(rng.integers(0, 10))
        while day < 200:
            rows += [(f"c{number:03}", f"p{p:02}", day) for p in own if rng.random() < 0.7]
            rows += [(f"c{number:03}", f"p{20 * taste + min(19, int(rng.exponential(5))):02}", day)]
            day += int(rng.integers(5, 16))
    return _purchases(rows).drop_duplicates(["order_id", "product_id"], ignore_index=True)


@pytest.fixture(scope="session")
def end():
    return START + timedelta(days=200)


@pytest.fixture(scope="session")
def rich(shop):
    """The shop with all that a shop can tell: categories, brands, lines, prices, countries, views and carts, new and unsold products.

    p60 to p62 came ten days before the end, p63 to p65 are listed and were never sold, p66 was sold and is not listed.
    """
    few = [(f"c{i:03}", f"p{60 + i % 3}", 190 + i % 7) for i in range(9)] + [("c000", "p66", 20), ("c001", "p66", 40)]
    bought = pd.concat([shop, _purchases(few)], ignore_index=True).sort_values(
        ["ordered_at", "customer_id", "product_id"], ignore_index=True
    )
    return Interactions(
        bought, _interest(bought), _listed([_described(i) for i in range(66)]), _countries(sorted(bought.customer_id.unique()))
    )


def _described(number):
    taste = number // 20 if number < 60 else number % 3
    return {
        "product_id": f"p{number:02}",
        "name": f"Great {taste} thing",
        "category": f"Taste {taste} > Shelf {number % 4}",
        "brand": f"Brand {number % 7}" if number % 5 else "",
        "product_line": f"line {number // 2}" if number % 6 < 4 else "",
        "list_price": float(5 + 3 * taste + number % 4) if number % 9 else np.nan,
        "available_from": START + timedelta(days=190) if 60 <= number < 63 else pd.NaT,
    }


def _interest(bought):
    """Everybody looks at what they buy, a day before; half of them at the next product, too, every third has it in the cart, every ninth no more."""
    number = bought.product_id.str[1:].astype(int).to_numpy()
    before = bought.ordered_at - pd.Timedelta(days=1)
    beside = np.array([f"p{(n + 1) % 66:02}" for n in number])
    rows = [bought.assign(event_type="product_view", occurred_at=before)]
    for every, kind, hours in ((2, "product_view", 2), (3, "add_to_cart", 3), (9, "remove_from_cart", 4)):
        which = np.arange(len(bought)) % every == 0
        rows.append(bought[which].assign(product_id=beside[which], event_type=kind, occurred_at=before[which] + pd.Timedelta(hours=hours)))
    table = pd.concat(rows).sort_values(["occurred_at", "customer_id", "product_id"], ignore_index=True)
    columns = ["customer_id", "product_id", "event_type", "occurred_at"]
    return table[columns].astype({"customer_id": "str", "product_id": "str", "event_type": "str", "occurred_at": "datetime64[us]"})


def _countries(customers):
    return pd.DataFrame(
        {
            "customer_id": [c for c in customers if int(c[1:]) % 10],
            "place": [("VN", "FR")[int(c[1:]) % 2] for c in customers if int(c[1:]) % 10],
        }
    ).astype("str")
