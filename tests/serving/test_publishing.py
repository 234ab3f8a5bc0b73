import math
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Connection

from features.history import CustomerHistory
from features.own_rows import ShopFacts
from serving.plain import plain
from serving.publishing import Published, publish
from serving.shop import Shop, Shops
from serving.state import somebody
from serving.state.customers import StoredCustomer
from serving.state.database import State

AS_OF = datetime(2026, 3, 1)


def history(*lines: tuple[str, float, float]) -> CustomerHistory:
    """One order a day of (product, quantity, price)."""
    rows = [
        {"order_id": f"o{day}", "product_id": product, "ordered_at": datetime(2026, 1, day), "quantity": quantity, "unit_price": price}
        for day, (product, quantity, price) in enumerate(lines, start=1)
    ]
    return CustomerHistory.of(rows)


def scores(*probabilities: float, stage: str = "retention") -> pd.DataFrame:
    rows = [
        {
            "customer_id": f"c{i}",
            "churn_probability": p,
            "stage": stage,
            "reasons": ["late"],
            "expected_next_order_on": pd.Timestamp("2026-03-09"),
        }
        for i, p in enumerate(probabilities)
    ]
    return pd.DataFrame(rows)


def stored(connection: Connection, *customer_ids: str) -> dict[str, StoredCustomer]:
    found = somebody.read(connection, [somebody.Whom(who, None, AS_OF) for who in customer_ids])
    return {rows.stored.customer_id: rows.stored for rows in found if rows.stored is not None}


def read(state: State) -> Shop:
    with state.reading() as connection:
        return Shops({"top": np.inf}).current(connection)


def test_a_publication_holds_everybody_with_their_history_profile_and_score(state: State) -> None:
    made = publish(
        state,
        as_of=AS_OF,
        histories=[("c0", history(("tea", 2, 3.0), ("tea", 1, 4.0))), ("c1", history(("cup", 1, 10.0)))],
        profiles={"c0": {"name": "An", "points": np.int64(3)}, "c9": {"name": "no order"}},
        consents={"c0": {"email": True}},
        products=pd.DataFrame(
            {"product_id": ["tea", "cup"], "name": ["Tea", None], "available": [True, False], "colour": ["green", "red"]}
        ),
        scores=scores(0.2),
        levels={"top": 2.5, "unreached": np.inf},
    )
    assert made == Published(1, AS_OF, customer_count=3, product_count=2, scored_count=1)
    with state.reading() as connection:
        found = stored(connection, "c0", "c9")
    assert found["c0"].profile == {"name": "An", "points": 3}
    assert found["c0"].consent == {"email": True}
    assert CustomerHistory.from_bytes(found["c0"].history or b"").product_ids == ("tea",)
    assert (found["c0"].scores or {})["expected_next_order_on"] == date(2026, 3, 9)
    assert found["c0"].stage == "retention"
    assert found["c9"].history is None
    shop = read(state)
    assert shop.levels == {"top": 2.5}
    assert shop.mean_order_value == pytest.approx((6 + 4 + 10) / 3)
    assert shop.popular == {"cup": 1, "tea": 1}
    assert {p.product_id: (p.name, p.available) for p in shop.products.values()} == {"tea": ("Tea", True), "cup": ("cup", False)}


def test_a_publication_keeps_what_features_know_of_the_shop(state: State) -> None:
    facts = ShopFacts(
        {"tea": ("Drinks", 0.25), "pot": (None, math.nan), "cup": ("Kitchen", math.nan), "gone": ("Toys", 1.0)}, "Asia/Ho_Chi_Minh"
    )
    publish(state, as_of=AS_OF, histories=[], products=pd.DataFrame({"product_id": ["tea", "pot", "cup", "new"]}), shop=facts)
    shop = read(state)
    assert not shop.outdated
    assert shop.facts.timezone == "Asia/Ho_Chi_Minh"
    assert shop.facts.products["tea"] == ("Drinks", 0.25)
    assert shop.facts.products["cup"] == ("Kitchen", pytest.approx(math.nan, nan_ok=True))
    assert set(shop.facts.products) == {"tea", "cup"}


def test_before_a_publication_clocks_are_the_homes(state: State) -> None:
    with state.reading() as connection:
        assert Shops({}, "Asia/Ho_Chi_Minh").current(connection).facts == ShopFacts({}, "Asia/Ho_Chi_Minh")


def test_a_publication_that_fails_leaves_the_old_one_and_the_next_one_clears_up(state: State) -> None:
    publish(state, as_of=AS_OF, histories=[("c0", history(("tea", 1, 1.0)))])

    def broken() -> Any:
        yield "c0", history(("cup", 1, 1.0))
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError):
        publish(state, as_of=AS_OF, histories=broken())
    assert read(state).popular == {"tea": 1}
    made = publish(state, as_of=AS_OF, histories=[("c1", history(("pot", 1, 1.0)))])
    assert read(state).generation == made.generation == 3
    with state.reading() as connection:
        assert set(stored(connection, "c0", "c1")) == {"c1"}


def test_readers_notice_a_new_publication(state: State) -> None:
    shops = Shops({})
    with state.reading() as connection:
        assert shops.current(connection).generation == 0
    made = publish(state, as_of=AS_OF, histories=[("c0", history(("tea", 1, 1.0)))])
    with state.reading() as connection:
        assert shops.current(connection, at_least=made.generation).popular == {"tea": 1}


def test_a_percentile_is_the_share_that_is_less_likely_to_leave(state: State) -> None:
    spread = scores(*np.linspace(0, 1, 1001))
    publish(state, as_of=AS_OF, histories=[], scores=spread)
    shop = read(state)
    for probability in (0.1, 0.5, 0.93):
        assert shop.percentile(probability) == pytest.approx(probability, abs=0.02)
        assert shop.percentile(probability, stage="retention") == shop.percentile(probability)
    assert shop.percentile(0.5, stage="advocacy") is None
    assert Shop().percentile(0.5) is None


def test_progress_is_told_and_an_empty_shop_can_be_published(state: State) -> None:
    told: list[int] = []
    publish(state, as_of=AS_OF, histories=((f"c{i}", history()) for i in range(4500)), progress=told.append)
    assert told == [2000, 4000, 4500]
    assert publish(state, as_of=AS_OF, histories=[]).customer_count == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.nan, None),
        (pd.NaT, None),
        (pd.NA, None),
        (np.inf, None),
        (np.float64(1.5), 1.5),
        (np.bool_(True), True),
        (pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00"),
        (np.array([1, 2]), [1, 2]),
        ({"a": (np.nan, "x")}, {"a": [None, "x"]}),
    ],
)
def test_values_become_plain(value: Any, expected: Any) -> None:
    assert plain(value) == expected
