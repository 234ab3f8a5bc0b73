"""Small shops whose truth is known by construction."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

START = datetime(2025, 1, 1)


def _purchases(rows):
    """Rows of (customer_id, product_id, day): one order per customer and day."""
    table = pd.DataFrame(rows, columns=["customer_id", "product_id", "day"])
    at = [START + timedelta(days=int(day), hours=9) for day in table.day]
    table["ordered_at"] = pd.Series(at, dtype="datetime64[us]")
    table["order_id"] = table.customer_id + "-" + table.day.astype(str)
    table["quantity"] = 1.0
    return table.drop(columns="day").astype({"customer_id": "str", "product_id": "str", "order_id": "str"})


@pytest.fixture(scope="session")
def purchases():
    """Makes a purchases table from rows of (customer_id, product_id, day)."""
    return _purchases


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
