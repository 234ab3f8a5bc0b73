"""A customers table that names time zones names known ones."""

from datetime import datetime

import pandas as pd
import pytest

from features.checks import check
from features.contract import CUSTOMERS
from features.home import open_home

DTYPES = {"text": "str", "instant": "datetime64[us]", "number": "float64", "flag": "boolean", "json": "str"}
TODAY = datetime(2024, 6, 1)


@pytest.mark.parametrize(
    ("zones", "count"),
    [(["Asia/Ho_Chi_Minh", "UTC", None, ""], 0), (["Asia/Saigon", "Hanoi", "SE Asia Standard Time", None], 2), ([None] * 4, 0)],
)
def test_unknown_time_zones_are_counted(tmp_path, zones, count):
    home = open_home(tmp_path / "home")
    empty = {column.name: pd.Series([None] * 4, dtype=DTYPES[column.kind]) for column in CUSTOMERS.columns}
    customers = pd.DataFrame({**empty, "customer_id": pd.Series(list("abcd"), dtype="str"), "timezone": pd.Series(zones, dtype="str")})
    file = home.table("customers")
    file.parent.mkdir(parents=True, exist_ok=True)
    customers.to_parquet(file)
    (found,) = [each for each in check(home, today=TODAY) if each.name == "customers: timezone is known"]
    assert (found.count, found.status) == (count, "WARN" if count else "PASS")
    assert count == 0 or found.first == "customer_id b: timezone Hanoi"
