"""Every check passes on a sound home, and each is made to fail by the one defect that it is for."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from features.checks import Check, check
from features.contract import TABLES
from features.home import Home, open_home

TODAY = datetime(2024, 6, 1)
DTYPES = {"text": "str", "instant": "datetime64[us]", "number": "float64", "flag": "boolean", "json": "str"}


def sound() -> dict[str, pd.DataFrame]:
    """One sound row (two of orders) per table."""
    rows = {
        "orders": [
            {
                "customer_id": "A",
                "order_id": "1",
                "product_id": "P",
                "ordered_at": "2024-01-01",
                "quantity": 2,
                "unit_price": 5,
                "line_kind": "sale",
            },
            {
                "customer_id": "A",
                "order_id": "2",
                "product_id": "P",
                "ordered_at": "2024-01-02",
                "quantity": -1,
                "unit_price": 5,
                "line_kind": "return",
            },
            {
                "customer_id": "A",
                "order_id": "1",
                "product_id": "POST",
                "ordered_at": "2024-01-01",
                "quantity": 1,
                "unit_price": 3,
                "line_kind": "fee",
            },
        ],
        "products": [{"product_id": "P", "name": "Hat", "list_price": 5}],
        "customers": [{"customer_id": "A"}],
        "events": [{"event_id": "e", "customer_id": "A", "event_type": "survey_answered", "occurred_at": "2024-01-01", "value": 9}],
        "decisions": [
            {
                "decision_id": "d",
                "customer_id": "A",
                "decided_at": "2024-01-01",
                "action_id": "x",
                "action_probability": 0.5,
                "features": "{}",
            }
        ],
        "outcomes": [{"event_id": "o", "decision_id": "d", "outcome_type": "viewed", "occurred_at": "2024-01-01"}],
    }
    return {name: shaped(name, pd.DataFrame(given)) for name, given in rows.items()}


def shaped(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    columns = TABLES[name].columns
    return frame.reindex(columns=[c.name for c in columns]).astype({c.name: DTYPES[c.kind] for c in columns})


def home_with(tmp_path: Path, tables: dict[str, pd.DataFrame]) -> Home:
    home = open_home(tmp_path / "home")
    for name, frame in tables.items():
        frame.to_parquet(home.table(name), index=False)
    return home


def by_name(home: Home) -> dict[str, Check]:
    return {c.name: c for c in check(home, today=TODAY)}


def test_a_sound_home_passes_every_check(tmp_path) -> None:
    found = check(home_with(tmp_path, sound()), today=TODAY)
    assert [c.name for c in found if c.status != "PASS"] == ["orders: the history is long enough to learn from"]  # two days
    assert len({c.name for c in found}) == len(found)


def test_an_empty_home_says_what_to_do(tmp_path) -> None:
    (found,) = check(open_home(tmp_path / "home"), today=TODAY)
    assert (found.status, found.name) == ("FAIL", "there is data")
    assert "nextbest ingest" in found.remedy


def put(table: str, column: str, value: object, row: int = 0) -> Callable[[dict[str, pd.DataFrame]], None]:
    def change(tables: dict[str, pd.DataFrame]) -> None:
        tables[table].loc[row, column] = value

    return change


def both(*changes: Callable[[dict[str, pd.DataFrame]], None]) -> Callable[[dict[str, pd.DataFrame]], None]:
    def change(tables: dict[str, pd.DataFrame]) -> None:
        for one in changes:
            one(tables)

    return change


def again(table: str) -> Callable[[dict[str, pd.DataFrame]], None]:
    def change(tables: dict[str, pd.DataFrame]) -> None:
        tables[table] = pd.concat([tables[table], tables[table]], ignore_index=True)

    return change


def without(table: str) -> Callable[[dict[str, pd.DataFrame]], None]:
    def change(tables: dict[str, pd.DataFrame]) -> None:
        del tables[table]

    return change


def emptied(table: str) -> Callable[[dict[str, pd.DataFrame]], None]:
    def change(tables: dict[str, pd.DataFrame]) -> None:
        tables[table] = tables[table].iloc[:0]

    return change


def as_text(table: str, column: str) -> Callable[[dict[str, pd.DataFrame]], None]:
    def change(tables: dict[str, pd.DataFrame]) -> None:
        tables[table][column] = tables[table][column].astype("str")

    return change


FUTURE, LONG_AGO = pd.Timestamp("2024-06-03"), pd.Timestamp("1900-01-01")
DEFECTS = [
    ("orders: columns and types are the contract's", "FAIL", as_text("orders", "quantity"), "quantity is string, not float64"),
    ("orders: has rows", "WARN", emptied("orders"), ""),
    ("orders: required columns are filled", "FAIL", put("orders", "customer_id", None), "order_id 1: customer_id is empty"),
    ("orders: required columns are filled", "FAIL", put("orders", "ordered_at", pd.NaT), "order_id 1: ordered_at is empty"),
    ("orders: nothing lies in the future", "FAIL", put("orders", "ordered_at", FUTURE, 1), "order_id 2: ordered_at 2024-06-03 00:00:00"),
    ("orders: nothing is older than 1970", "WARN", put("orders", "ordered_at", LONG_AGO, 1), "order_id 2: ordered_at 1900-01-01 00:00:00"),
    ("orders: line_kind is known", "FAIL", put("orders", "line_kind", "gift"), "order_id 1: line_kind gift"),
    ("orders: sales have a quantity above zero", "FAIL", put("orders", "quantity", -2.0), "order_id 1: quantity -2.0"),
    ("orders: sales have a quantity that is not zero", "WARN", put("orders", "quantity", 0.0), "order_id 1: quantity 0.0"),
    ("orders: returns have a quantity below zero", "FAIL", put("orders", "quantity", 1.0, 1), "order_id 2: quantity 1.0"),
    ("orders: sales have no negative price", "FAIL", put("orders", "unit_price", -5.0), "order_id 1: unit_price -5.0"),
    ("orders: sales have a price", "WARN", put("orders", "unit_price", None), "order_id 1: unit_price (empty)"),
    ("orders: discounts are within the line", "WARN", put("orders", "discount_amount", 11.0), "order_id 1: discount_amount 11.0"),
    ("orders: currency is EUR", "FAIL", put("orders", "currency", "VND"), "order_id 1: currency VND"),
    ("orders: an order has one customer", "WARN", put("orders", "customer_id", "B", 2), "order_id 1: customer_id"),
    (
        "orders: an order lies within a day",
        "WARN",
        put("orders", "ordered_at", pd.Timestamp("2024-02-01"), 2),
        "order_id 1: ordered_at 2024-02-01",
    ),
    ("orders: there are sales", "FAIL", put("orders", "line_kind", "fee"), "order_id 1: line_kind fee"),
    ("orders: products are known", "WARN", put("orders", "product_id", "X"), "product_id X"),
    ("orders: customers are known", "WARN", put("customers", "customer_id", "B"), "customer_id A"),
    ("products: prices are not negative", "WARN", put("products", "list_price", -1.0), "product_id P: list_price -1.0"),
    ("products: attributes is JSON", "FAIL", put("products", "attributes", "{'a': 1}"), "product_id P: attributes {'a': 1}"),
    ("products: product_id is unique", "FAIL", again("products"), "product_id P"),
    ("customers: customer_id is unique", "FAIL", again("customers"), "customer_id A"),
    ("events: event_id is unique", "FAIL", again("events"), "event_id e"),
    ("events: event_type is known", "FAIL", put("events", "event_type", "vue"), "event_id e: event_type vue"),
    ("events: somebody is named", "FAIL", put("events", "customer_id", None), "event_id e: event_type survey_answered"),
    ("events: survey scores are 0 to 10", "WARN", put("events", "value", 87.0), "event_id e: value 87.0"),
    ("events: properties is JSON", "FAIL", put("events", "properties", "page"), "event_id e: properties page"),
    ("decisions: candidates is JSON", "FAIL", put("decisions", "candidates", "[1,"), "decision_id d: candidates [1,"),
    ("events: products are known", "WARN", put("events", "product_id", "X"), "product_id X"),
    ("events: decisions are known", "WARN", put("events", "decision_id", "x"), "decision_id x"),
    ("events: nothing lies in the future", "FAIL", put("events", "occurred_at", FUTURE), "event_id e: occurred_at 2024-06-03 00:00:00"),
    ("decisions: decision_id is unique", "FAIL", again("decisions"), "decision_id d"),
    ("decisions: stage is known", "FAIL", put("decisions", "stage", "loyal"), "decision_id d: stage loyal"),
    (
        "decisions: action_probability is above 0 up to 1",
        "FAIL",
        put("decisions", "action_probability", 1.5),
        "decision_id d: action_probability 1.5",
    ),
    ("decisions: features is JSON", "FAIL", put("decisions", "features", "{"), "decision_id d: features {"),
    ("decisions: customers are known", "WARN", put("decisions", "customer_id", "Z"), "customer_id Z"),
    ("outcomes: event_id is unique", "FAIL", again("outcomes"), "event_id o"),
    ("outcomes: outcome_type is known", "FAIL", put("outcomes", "outcome_type", "seen"), "event_id o: outcome_type seen"),
    ("outcomes: decisions are known", "WARN", put("outcomes", "decision_id", "x"), "decision_id x"),
    ("outcomes: decisions are known", "WARN", without("decisions"), ""),
    ("there is at least one order or decision", "FAIL", both(without("orders"), without("decisions")), ""),
]


@pytest.mark.parametrize(("name", "status", "defect", "first"), DEFECTS, ids=[f"{i}-{d[0]}" for i, d in enumerate(DEFECTS)])
def test_each_check_fails_on_its_defect(tmp_path, name: str, status: str, defect: Callable, first: str) -> None:
    tables = sound()
    defect(tables)
    found = by_name(home_with(tmp_path, tables))[name]
    assert found.status == status
    assert found.first.startswith(first)
    assert found.remedy


def test_counts_are_of_rows(tmp_path) -> None:
    tables = sound()
    tables["orders"]["currency"] = ["USD", "EUR", "USD"]
    assert by_name(home_with(tmp_path, tables))["orders: currency is EUR"].count == 2


def test_a_missing_column_and_a_damaged_file_fail_and_stop_there(tmp_path) -> None:
    tables = sound()
    tables["products"] = tables["products"].drop(columns="product_id")
    home = home_with(tmp_path, tables)
    home.table("customers").write_bytes(b"PAR1")
    found = by_name(home)
    assert found["products: columns and types are the contract's"].first == "product_id is missing"
    assert found["customers: can be read"].status == "FAIL"
    assert not [name for name in found if name.startswith("products: product_id")]


def test_a_column_that_older_homes_lack_is_missing_values(tmp_path) -> None:
    tables = sound()
    tables["products"] = tables["products"].drop(columns="name")
    assert by_name(home_with(tmp_path, tables))["products: columns and types are the contract's"].status == "PASS"


def test_a_check_is_ready_for_json(tmp_path) -> None:
    (found,) = check(open_home(tmp_path / "home"), today=TODAY)
    assert found.as_dict()["status"] == "FAIL"
