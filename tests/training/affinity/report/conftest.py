"""One backtest of a shop of three tastes, whose products have names."""

import pytest

from features.interactions import Interactions
from training.affinity.backtest import run_backtest
from training.affinity.history import encode


def _interactions(purchases):
    """These purchases, and a range that calls product p07 "Thing 07 of p"."""
    empty = Interactions(purchases).products
    ids = sorted(purchases.product_id.unique())
    table = empty.reindex(range(len(ids))).assign(product_id=ids, name=[f"Thing {one[1:]} of {one[:1]}" for one in ids])
    texts = dict.fromkeys(("category", "brand", "product_line"), "")
    return Interactions(purchases, products=table.assign(**texts).astype(empty.dtypes.to_dict()))


@pytest.fixture(scope="session")
def interactions_of():
    return _interactions


@pytest.fixture(scope="session")
def known(shop):
    return _interactions(shop)


@pytest.fixture(scope="session")
def tried(known, end):
    return run_backtest(encode(known), end, threads=1)
