"""A small shop whose law is known: every customer buys at their own Poisson rate, and a third leaves for good halfway."""

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from features.engine import Tables, tables_from_frames
from features.training_sets import churn_panel

START = datetime(2024, 1, 1)
GAPS = (4.0, 20.0, 60.0)
Orders = Callable[..., pd.DataFrame]


@pytest.fixture(scope="session")
def shop_orders() -> Orders:
    """shop_orders(customers, days, seed=1): order lines in the contract's columns, over `days` days from 2024-01-01.

    Customer i has a mean gap of GAPS[i % 3] days; customers whose number modulo 9 is below 3 leave halfway.
    """

    def make(customers: int, days: int, *, seed: int = 1) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        rows = []
        for i in range(customers):
            spend, until = float(rng.uniform(10, 100)), days / 2 if i % 9 < 3 else float(days)
            t = float(rng.uniform(0, days / 6))
            while t < until:
                at = START + timedelta(days=t)
                rows.append((f"c{i:04}", f"o{len(rows)}", f"p{rng.integers(20)}", at, spend * float(rng.uniform(0.8, 1.2))))
                t += float(rng.exponential(GAPS[i % 3]))
        frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "product_id", "ordered_at", "unit_price"])
        return frame.assign(quantity=1.0, discount_amount=0.0, line_kind="sale")

    return make


@pytest.fixture(scope="session")
def shop(shop_orders: Orders) -> Tables:
    """450 customers over 300 days."""
    return tables_from_frames({"orders": shop_orders(450, 300)})


@pytest.fixture(scope="session")
def panel(shop: Tables) -> pd.DataFrame:
    """The shop's training panel: cut-offs every 10 days up to day 270, horizon 30 days."""
    return churn_panel(shop, [START + timedelta(days=d) for d in range(160, 271, 10)], 30)
