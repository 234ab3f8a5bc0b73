"""An honest shop of more than a year raises no alarm; with one defect put into it, the check for that defect does."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.checks import Check, check
from features.contract import TABLES
from features.home import open_home

ROOT = Path(__file__).parents[3]
TODAY = datetime(2025, 6, 1)
DTYPES = {"text": "str", "instant": "datetime64[us]", "number": "float64", "flag": "boolean", "json": "str"}
FIRST_DAY, DAYS, PER_DAY, CUSTOMERS, PRODUCTS = pd.Timestamp("2024-01-01"), 420, 12, 150, 40
Shop = dict[str, pd.DataFrame]


def honest() -> Shop:
    """Closed on Sundays, at Easter and from Christmas to New Year; twelve orders of two lines a day, and a tenth more or less."""
    rng = np.random.default_rng(7)
    days = pd.date_range(FIRST_DAY, periods=DAYS)
    closed = (
        (days.day_of_week == 6)
        | days.isin(pd.date_range("2024-03-29", "2024-04-01"))
        | days.isin(pd.date_range("2024-12-24", "2025-01-02"))
    )
    opened = np.repeat(days[~closed], rng.integers(PER_DAY - 1, PER_DAY + 2, (~closed).sum()))
    at = pd.Series(opened + pd.to_timedelta(rng.integers(9 * 3600, 18 * 3600, len(opened)), unit="s")).sort_values(ignore_index=True)
    orders = pd.DataFrame(
        {"order_id": [f"o{i:05}" for i in range(len(at))], "ordered_at": at, "customer": rng.integers(0, CUSTOMERS, len(at))}
    )
    lines = orders.loc[orders.index.repeat(2)].reset_index(drop=True)
    product = rng.integers(0, PRODUCTS, len(lines))
    lines = lines.assign(
        customer_id=[f"c{i:03}" for i in lines.customer],
        product_id=[f"p{i:02}" for i in product],
        quantity=rng.integers(1, 5, len(lines)),
        unit_price=np.round(4.0 + product, 2) * rng.choice([1.0, 0.9], len(lines)),
        channel=rng.choice(["web", "store"], len(lines)),
        currency="EUR",
        line_kind="sale",
    )
    returns = lines.iloc[2000:2020].assign(order_id=lambda t: "r" + t.order_id, quantity=-1, line_kind="return")
    returns["ordered_at"] += pd.Timedelta(days=5)
    return {name: shaped(name, frame) for name, frame in (others(lines) | {"orders": pd.concat([lines, returns])}).items()}


def others(lines: pd.DataFrame) -> Shop:
    """Everybody's row in customers, each product's in products, two kinds of events, decisions and what came of them."""
    rng = np.random.default_rng(8)
    days = pd.date_range(FIRST_DAY, periods=DAYS)
    customers = pd.DataFrame({"customer_id": [f"c{i:03}" for i in range(CUSTOMERS)], "joined_at": FIRST_DAY})
    products = pd.DataFrame({"product_id": [f"p{i:02}" for i in range(PRODUCTS)], "available_from": FIRST_DAY, "category": "A > B"})
    seen = np.repeat(days, rng.integers(9, 12, DAYS)) + pd.Timedelta(hours=10)
    views = pd.DataFrame({"event_id": [f"v{i}" for i in range(len(seen))], "event_type": "page_view", "occurred_at": seen})
    decided = pd.date_range(FIRST_DAY, periods=DAYS) + pd.Timedelta(hours=12)
    decisions = pd.DataFrame(
        {"decision_id": [f"d{i}" for i in range(DAYS)], "decided_at": decided, "action_id": "mail", "channel": "email"}
    )
    answers = pd.DataFrame({"decision_id": decisions.decision_id, "occurred_at": decided + pd.Timedelta(hours=3)})
    opens = answers.assign(event_id=[f"a{i}" for i in range(DAYS)], event_type="email_opened")
    events = pd.concat([views, opens], ignore_index=True)
    return {
        "customers": customers.assign(
            name="Ann",
            timezone="UTC",
            email=[f"c{i}@example.org" for i in range(CUSTOMERS)],
            consent_email=pd.array([True] * CUSTOMERS, "boolean"),
        ),
        "products": products.assign(name="Hat"),
        "events": events.assign(customer_id=[f"c{i % CUSTOMERS:03}" for i in range(len(events))]),
        "decisions": decisions.assign(customer_id=lines.customer_id[:DAYS].to_numpy(), action_probability=0.5),
        "outcomes": answers.assign(event_id=[f"b{i}" for i in range(DAYS)], outcome_type="viewed"),
    }


def shaped(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    columns = TABLES[name].columns
    extra = [c for c in frame.columns if c.startswith("consent_") or c == "timezone"]
    return frame.reset_index(drop=True).reindex(columns=[c.name for c in columns] + extra).astype({c.name: DTYPES[c.kind] for c in columns})


def by_name(tmp_path: Path, shop: Shop) -> dict[str, Check]:
    home = open_home(tmp_path / "home")
    for name, frame in shop.items():
        frame.to_parquet(home.table(name), index=False)
    return {c.name: c for c in check(home, today=TODAY)}


def test_an_honest_shop_raises_no_alarm(tmp_path) -> None:
    found = by_name(tmp_path, honest())
    assert [c for c in found.values() if c.status != "PASS"] == []
    assert {c.name for c in found.values() if c.count and c.severity != "INFO"} == set()


def changed(table: str, column: str, rows: slice | int | Callable, value: object) -> Callable[[Shop], None]:
    def change(shop: Shop) -> None:
        frame = shop[table]
        frame.loc[rows, column] = value(frame.loc[rows, column]) if callable(value) else value

    return change


def between(first: str, last: str, column: str = "ordered_at", table: str = "orders") -> Callable[[Shop], pd.Series]:
    """Which rows lie on these days, both ends counted."""
    return lambda shop: shop[table][column].between(pd.Timestamp(first), pd.Timestamp(last) + pd.Timedelta(days=1), inclusive="left")


def gone(table: str, which: Callable[[Shop], pd.Series], keep_every: int = 0) -> Callable[[Shop], None]:
    """Without these rows, or with only every so manieth order of them."""

    def change(shop: Shop) -> None:
        keys = shop[table].iloc[:, 1 if table == "orders" else 0]
        kept = ~which(shop) | ((keys.rank(method="dense").astype(int) % keep_every == 0) if keep_every else False)
        shop[table] = shop[table][kept]

    return change


def copied(which: Callable[[Shop], pd.Series], days: int = 0) -> Callable[[Shop], None]:
    """These orders' lines once more, under other order_ids, so many days later."""

    def change(shop: Shop) -> None:
        again = shop["orders"][which(shop)].assign(order_id=lambda t: "again" + t.order_id)
        shop["orders"] = pd.concat([shop["orders"], again.assign(ordered_at=again.ordered_at + pd.Timedelta(days=days))], ignore_index=True)

    return change


def many(event_type: str, day: str, count: int) -> Callable[[Shop], None]:
    def change(shop: Shop) -> None:
        new = shop["events"].iloc[[0] * count].assign(event_id=[f"n{i}" for i in range(count)], event_type=event_type)
        shop["events"] = pd.concat([shop["events"], new.assign(occurred_at=pd.Timestamp(day))], ignore_index=True)

    return change


def till(shop: Shop) -> None:
    orders = shop["orders"].order_id.rank(method="dense").astype(int) % 4 == 0
    shop["orders"].loc[orders, "customer_id"] = "c000"


def cents(shop: Shop) -> None:
    shop["orders"].loc[shop["orders"].ordered_at >= "2024-09-11", "unit_price"] *= 100


def short(shop: Shop) -> None:
    for name in ("events", "decisions", "outcomes"):
        del shop[name]
    shop["orders"] = shop["orders"][shop["orders"].ordered_at < "2024-01-21"]


def orphans_of_answers(shop: Shop) -> None:
    shop["decisions"] = shop["decisions"].iloc[1:]


def returned_unbought(shop: Shop) -> None:
    last = shop["orders"].index[-20:]
    shop["orders"].loc[last, "customer_id"] = [f"n{i:02}" for i in range(20)]
    shop["orders"].loc[last, "ordered_at"] += pd.Timedelta(days=60)


def crowd(shop: Shop) -> None:
    """Five times the orders for two weeks, each its own."""
    busy = shop["orders"][between("2024-07-01", "2024-07-14")(shop)]
    more = [busy.assign(order_id=f"{i}" + busy.order_id, ordered_at=busy.ordered_at + pd.Timedelta(minutes=i)) for i in range(1, 5)]
    shop["orders"] = pd.concat([shop["orders"], *more], ignore_index=True)


def consent_of_two(shop: Shop) -> None:
    shop["customers"]["consent_email"] = 2.0


def opens(events: pd.DataFrame) -> pd.Series:
    return events.event_type == "email_opened"


def orders_between(first: str, last: str) -> int:
    shop = honest()
    return int(shop["orders"][between(first, last)(shop)].order_id.nunique())


# shops, each with defects that do not touch each other: what is broken, and name, status, count (None: at least one) and first offender
LATER, EARLIER = pd.Timedelta(days=3), pd.Timedelta(hours=6)
SHOPS: dict[str, list[tuple[Callable[[Shop], None], list[tuple[str, str, int | None, str]]]]] = {
    "prices and quantities": [
        (
            changed("orders", "unit_price", 7, lambda p: p * 12),
            [("orders: prices are near their product's usual", "WARN", 2, "order_id o0000")],
        ),
        (changed("orders", "unit_price", 11, lambda p: p / 12), []),
        (changed("orders", "quantity", 9, 80_000.0), [("orders: quantities are near the shop's usual", "WARN", 1, "order_id o00004")]),
    ],
    "ids": [
        (
            changed("orders", "customer_id", 0, "C 001"),
            [("orders: no two customer_ids differ only in case or blanks", "WARN", 1, "customer_id 'C 001' and 'c001'")],
        ),
        (
            changed("orders", "product_id", 0, "P01"),
            [("orders: no two product_ids differ only in case or blanks", "WARN", 1, "product_id 'P01' and 'p01'")],
        ),
        (
            changed("products", "product_id", 0, "P01"),
            [("products: no two product_ids differ only in case or blanks", "WARN", 1, "product_id 'P01'")],
        ),
        (
            changed("customers", "customer_id", 0, "C001"),
            [("customers: no two customer_ids differ only in case or blanks", "WARN", 1, "customer_id 'C001'")],
        ),
        (
            changed("orders", "customer_id", slice(10, 19), "N/A"),
            [("orders: customer_ids are no placeholders", "WARN", 1, "customer_id N/A")],
        ),
        (changed("orders", "product_id", 5, "null"), [("orders: product_ids are no placeholders", "WARN", 1, "product_id null")]),
        (changed("products", "product_id", 5, "Unknown"), [("products: product_ids are no placeholders", "WARN", 1, "product_id Unknown")]),
        (
            changed("customers", "customer_id", 5, "guest"),
            [("customers: customer_ids are no placeholders", "WARN", 1, "customer_id guest")],
        ),
        (
            changed("customers", "email", slice(0, 4), "Info@shop.example"),
            [("customers: e-mail addresses belong to one customer", "WARN", 5, "up to 5 customers")],
        ),
        (changed("events", "customer_id", 0, "z"), [("events: customers are known", "WARN", None, "customer_id ")]),
    ],
    "till": [(till, [("orders: no customer has an absurd share of the orders", "WARN", 1, "customer_id c000: 1,")])],
    "holes": [
        (changed("orders", "product_id", slice(0, 999), None), [("orders: product_id is filled", "WARN", 1000, "order_id o00000")]),
        (changed("orders", "channel", slice(0, 4999), None), [("orders: channel is filled", "WARN", 5000, "order_id o00000")]),
        (changed("orders", "store_id", slice(0, 9), "s"), [("orders: store_id is filled", "PASS", None, "order_id o00005")]),
        (changed("products", "name", 3, None), [("products: name is filled", "WARN", 1, "product_id p03")]),
        (changed("products", "category", slice(0, 9), None), [("products: category is filled", "WARN", 10, "product_id p00")]),
        (changed("products", "brand", 0, "b"), [("products: brand is filled", "PASS", 39, "product_id p01")]),
        (changed("products", "list_price", 0, 5.0), [("products: list_price is filled", "PASS", 39, "product_id p01")]),
        (changed("products", "unit_cost", 0, 5.0), [("products: unit_cost is filled", "PASS", 39, "product_id p01")]),
        (changed("customers", "name", 2, None), [("customers: name is filled", "PASS", 1, "customer_id c002")]),
        (changed("customers", "locale", 0, "vi"), [("customers: locale is filled", "PASS", 149, "customer_id c001")]),
        (changed("customers", "joined_at", 2, pd.NaT), [("customers: joined_at is filled", "PASS", 1, "customer_id c002")]),
        (changed("customers", "consent_email", 2, None), [("customers: consent_email is filled", "PASS", 1, "customer_id c002")]),
        (changed("events", "customer_id", 0, None), [("events: customer_id is filled", "PASS", 1, "event_id v0")]),
        (changed("decisions", "channel", 0, None), [("decisions: channel is filled", "PASS", 1, "decision_id d0")]),
    ],
    "no products": [
        (changed("orders", "product_id", slice(None), None), [("orders: product_id is filled", "PASS", None, "order_id o00000")]),
        (cents, [("orders: prices keep their unit", "WARN", 1, "2024-")]),
        (consent_of_two, [("customers: consent_email is yes or no", "FAIL", CUSTOMERS, "customer_id c000")]),
    ],
    "cents": [(cents, [("orders: prices keep their unit", "WARN", 1, "2024-")])],
    "a week missing": [
        (
            gone("orders", between("2024-08-05", "2024-08-10")),
            [("orders: no days are missing", "WARN", 8, "2024-08-04 to 2024-08-11, 8 days")],
        )
    ],
    "a month thin": [
        (
            gone("orders", between("2024-10-07", "2024-11-03"), keep_every=8),
            [("orders: volume does not drop suddenly", "WARN", None, "orders, week of 2024-10-")],
        ),
        (
            gone("events", between("2024-06-01", "2024-09-30", "occurred_at", "events")),
            [("events: volume does not drop suddenly", "WARN", None, "page_view, week of 2024-0")],
        ),
    ],
    "crowds": [
        (crowd, [("orders: volume does not jump suddenly", "WARN", None, "orders, week of 2024-0")]),
        (many("page_view", "2024-07-10", 500), [("events: volume does not jump suddenly", "WARN", 1, "page_view, week of 2024-07-")]),
    ],
    "half a day": [
        (gone("orders", between("2025-02-22", "2025-02-24"), keep_every=6), [("orders: the newest day is whole", "PASS", 1, "2025-02-2")])
    ],
    "three weeks": [(short, [("orders: the history is long enough to learn from", "WARN", 20, "20 days: models can look 5 days ahead")])],
    "two weeks twice": [
        (
            copied(between("2024-05-06", "2024-05-18")),
            [
                ("orders: orders are loaded once", "WARN", orders_between("2024-05-06", "2024-05-18"), "order_id "),
                ("orders: days are loaded once", "WARN", 12, "2024-05-06"),
            ],
        ),
    ],
    "a day under another date": [
        (copied(between("2024-05-07", "2024-05-07"), days=12), [("orders: days are loaded once", "WARN", 1, "2024-05-19")])
    ],
    "time": [
        (returned_unbought, [("orders: returns follow a purchase", "WARN", 20, "customer_id n")]),
        (
            changed("customers", "joined_at", slice(0, 19), TODAY),
            [("customers: customers join before they order", "WARN", 20, "customer_id c0")],
        ),
        (
            changed("products", "available_from", 3, TODAY),
            [("products: products are in the range before they are sold", "WARN", 1, "product_id p03")],
        ),
        (changed("events", "occurred_at", opens, lambda t: t - LATER), [("events: decisions come first", "FAIL", DAYS, "event_id a0")]),
        (
            changed("outcomes", "occurred_at", 4, lambda t: t - LATER),
            [("outcomes: decisions come first", "FAIL", 1, "event_id b4: occurred_at 2024-01-02")],
        ),
        (
            changed("outcomes", "occurred_at", 5, lambda t: t - EARLIER),
            [("outcomes: decisions come first by the clock", "WARN", 1, "event_id b5")],
        ),
    ],
    "clocks": [
        (
            changed("events", "occurred_at", opens, lambda t: t - EARLIER),
            [("events: decisions come first by the clock", "WARN", DAYS - 1, "event_id a1")],
        ),
        (orphans_of_answers, [("outcomes: decisions are known", "WARN", 1, "decision_id d0")]),
    ],
}


@pytest.mark.parametrize("shop_name", SHOPS)
def test_each_check_finds_its_defect(tmp_path, shop_name: str) -> None:
    shop = honest()
    for defect, _ in SHOPS[shop_name]:
        defect(shop)
    found = by_name(tmp_path, shop)
    for name, status, count, first in (expected for _, every in SHOPS[shop_name] for expected in every):
        one = found[name]
        assert one.status == status, name
        assert one.count == count or (count is None and one.count > 0), one
        assert one.first.startswith(first), one
        assert one.remedy


def described(document: str) -> set[tuple[str, str, str, str]]:
    """(table, check, severity, description) of every row below the document's first table heading."""
    rows = set()
    for section in document.split("\n## ")[1:]:
        title, *lines = section.splitlines()
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")][2:]
        rows |= {("" if title == "The home" else title, *row) for row in cells}
    return rows


def test_the_document_describes_every_check_and_no_other(tmp_path) -> None:
    (empty,) = check(open_home(tmp_path / "empty"), today=TODAY)
    found = [empty, *by_name(tmp_path, honest()).values()]
    assert described((ROOT / "docs" / "checks.md").read_text()) == {
        (c.table, c.name.removeprefix(f"{c.table}: "), c.severity, c.description) for c in found
    }


def test_every_check_has_a_test_that_breaks_it(tmp_path) -> None:
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_checks*.py"))
    names = {name.split(": ")[-1] for name in by_name(tmp_path, honest())}
    assert {name for name in names if f'{name}"' not in tests} == set()
