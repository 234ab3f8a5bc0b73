"""Situations of many customers: everybody the home knows, with what was known at that time."""

from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd
import pytest

from decisions.merchandising import Rules
from decisions.merchandising.rules import Block, Selection
from decisions.situation import Product, ShopHabits
from decisions.situations import Knowledge, situations
from features.engine import tables_from_frames
from features.journey import load_stages

NOW = datetime(2025, 6, 1)
CUSTOMERS = pd.DataFrame({"customer_id": ["a", "b"], "name": ["An", "Bình"], "consent_email": [True, None], "tier": ["gold", None]})
DECISIONS = pd.DataFrame(
    {
        "decision_id": ["d1", "d2"],
        "customer_id": ["a", "a"],
        "decided_at": [NOW - timedelta(days=20), NOW],
        "channel": "email",
        "action_id": "mail",
        "action_probability": 0.5,
    }
)
OUTCOMES = pd.DataFrame(
    {
        "event_id": ["1", "2", "3"],
        "decision_id": ["d1", "d1", "d1"],
        "outcome_type": ["accepted", "converted", "unsubscribed"],
        "occurred_at": [NOW - timedelta(days=19), NOW - timedelta(days=18), NOW],
        "value": [None, 80.0, None],
    }
)


def known(*, rules=Rules(), timezone="UTC", shop=None, **frames):
    tables = tables_from_frames({"customers": CUSTOMERS, "decisions": DECISIONS, "outcomes": OUTCOMES, **frames})
    told = Knowledge({"a": 0.25}, None, load_stages(), rules=rules, shop=shop)
    return {each.customer_id: each for each in situations(replace(tables, timezone=timezone), NOW, told)}


def test_a_home_without_orders_knows_its_customers_and_what_a_conversion_is_worth():
    found = known()
    assert sorted(found) == ["a", "b"]
    assert found["a"].expected_order_value == 80.0
    assert found["a"].churn_probability == 0.25
    assert found["a"].profile["tier"] == "gold"
    assert found["a"].consent == {"email": True}
    assert found["b"].consent == {"email": False}  # asked, and not answered, is a no
    assert [(c.decision_id, c.outcomes) for c in found["a"].contacts] == [("d1", ("accepted", "converted"))]


def test_orders_say_what_an_order_is_worth():
    orders = pd.DataFrame(
        {
            "customer_id": ["a", "a", "c"],
            "order_id": ["1", "2", "3"],
            "product_id": ["p", "p", "q"],
            "ordered_at": [NOW - timedelta(days=9), NOW - timedelta(days=3), NOW],
            "quantity": 1.0,
            "unit_price": [10.0, 30.0, 900.0],
            "line_kind": "sale",
        }
    )
    found = known(orders=orders)
    assert sorted(found) == ["a", "b"]  # c comes later
    assert found["a"].expected_order_value == 20.0
    assert found["b"].expected_order_value == 20.0
    assert found["a"].stage == "retention"
    assert "repeat" not in found["a"].products  # bought every 6 days, and 3 days ago


@pytest.mark.parametrize("only", [["a"], ["b", "nobody"], []])
def test_only_some_customers(only):
    tables = tables_from_frames({"customers": CUSTOMERS})
    found = [each.customer_id for each in situations(tables, NOW, Knowledge({}, None, load_stages()), only=only)]
    assert found == [customer for customer in only if customer != "nobody"]


CARTS = pd.DataFrame(
    {
        "event_id": ["1", "2", "3", "4", "5"],
        "customer_id": ["a", "a", "a", "a", "b"],
        "event_type": "add_to_cart",
        "product_id": ["blocked", "sold_out", "cup", "unlisted", "cup"],
        "occurred_at": [NOW - timedelta(hours=hours) for hours in (5, 4, 3, 2, 1)],
    }
)
PRODUCTS = pd.DataFrame(
    {
        "product_id": ["blocked", "sold_out", "cup"],
        "name": ["Knife", "Pot", "Cup"],
        "category": ["Home > Knives", "Home > Pots", "Home > Cups"],
        "brand": ["Sharp", None, "Clay"],
        "list_price": [9.0, None, 4.5],
        "image_url": [None, None, "https://shop.example/cup.jpg"],
        "available": [True, False, None],
    }
)


def test_products_are_offered_under_the_rules_of_merchandising_and_described_in_full():
    rules = Rules(blocks=(Block(Selection(categories=("Home > Knives",))),))
    customers = CUSTOMERS.assign(excluded_products=[None, "cup"])
    found = known(rules=rules, customers=customers, events=CARTS, products=PRODUCTS)
    assert [each.product_id for each in found["a"].products["cart"]] == ["unlisted", "cup"]
    cup = found["a"].products["cart"][1]
    assert (cup.name, cup.price, cup.category, cup.brand) == ("Cup", 4.5, "Home > Cups", "Clay")
    assert (cup.url, cup.image_url) == ("/products/cup", "https://shop.example/cup.jpg")
    assert found["a"].products["cart"][0] == Product("unlisted", "unlisted", "/products/unlisted", cup.reason)
    assert "cart" not in found["b"].products
    assert [each.product_id for each in known(events=CARTS, products=PRODUCTS)["a"].products["cart"]] == ["unlisted", "cup", "blocked"]


def test_habits_are_by_the_customers_clock_or_the_shops_and_the_shop_is_everybody():
    customers = CUSTOMERS.assign(timezone=["America/New_York", "Middle/Earth"])
    found = known(customers=customers, events=CARTS.assign(occurred_at=NOW - timedelta(hours=9.5)), timezone="Asia/Ho_Chi_Minh")
    a, b = found["a"], found["b"]
    assert (a.timezone, b.timezone) == ("America/New_York", "")
    assert [hour for hour, count in enumerate(a.hours) if count] == [10]  # 14:30 UTC
    assert [hour for hour, count in enumerate(b.hours) if count] == [21]
    assert (a.answers, b.answers) == ({"email": (1.0, 1.0)}, {})
    assert a.shop is b.shop
    assert a.shop.timezone == "Asia/Ho_Chi_Minh"
    assert a.shop.answers == {"email": (1.0, 1.0)}
    assert [hour for hour, count in enumerate(a.shop.hours) if count] == [10, 21]
    given = ShopHabits({"email": (9.0, 1.0)}, (1.0,) * 24, "Europe/Berlin")
    other = known(customers=customers, events=CARTS, shop=given)["b"]
    assert other.shop is given
    assert other.hours[1] == 1.0  # 23 h UTC, 1 h on the clock of the shop that is given: summer time
