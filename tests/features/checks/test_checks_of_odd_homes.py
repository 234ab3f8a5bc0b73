"""Checks answer for whatever a home holds: no instants, returns alone, infinite amounts, one line."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.checks import check
from features.contract import TABLES
from features.home import open_home

DTYPES = {"text": "str", "instant": "datetime64[us]", "number": "float64", "flag": "boolean", "json": "str"}


def lines(count: int) -> pd.DataFrame:
    frame = pd.DataFrame({"order_id": [f"o{i}" for i in range(count)], "customer_id": [f"c{i % 40}" for i in range(count)]})
    frame = frame.assign(product_id="p", quantity=1.0, unit_price=5.0, line_kind="sale")
    return frame.assign(ordered_at=pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(count), unit="h"))


def events(count: int) -> pd.DataFrame:
    frame = pd.DataFrame({"event_id": [f"e{i}" for i in range(count)], "customer_id": "c0", "event_type": "search"})
    return frame.assign(occurred_at=pd.NaT)


ODD: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "no instants": lambda t: t.assign(ordered_at=pd.NaT),
    "no order_ids": lambda t: t.assign(order_id=None),
    "no customers": lambda t: t.assign(customer_id=None),
    "no amounts": lambda t: t.assign(quantity=np.nan, unit_price=np.nan),
    "returns alone": lambda t: t.assign(quantity=-1.0, line_kind="return"),
    "infinite amounts": lambda t: t.assign(quantity=np.inf, unit_price=np.where(t.index % 2, np.inf, 5.0)),
    "enormous amounts": lambda t: t.assign(quantity=1e300, unit_price=1e300),
    "one line": lambda t: t.iloc[:1],
    "centuries apart": lambda t: t.assign(ordered_at=np.where(t.index == 0, np.datetime64("1700-01-01"), t.ordered_at)),
}


@pytest.mark.parametrize("odd", ODD)
def test_checks_answer_on_odd_orders(tmp_path: Path, odd: str) -> None:
    home = open_home(tmp_path / "home")
    for name, frame in (("orders", ODD[odd](lines(900))), ("events", events(5))):
        columns = TABLES[name].columns
        full = frame.reindex(columns=[c.name for c in columns]).astype({c.name: DTYPES[c.kind] for c in columns})
        full.to_parquet(home.table(name), index=False)
    found = {c.name: c for c in check(home, today=datetime(2024, 6, 1))}
    assert len(found) > 50
    assert found["events: required columns are filled"].status == "FAIL"
    broken = {"no instants", "no order_ids", "no customers"}
    assert (found["orders: required columns are filled"].status == "FAIL") == (odd in broken)
