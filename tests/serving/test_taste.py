"""Reasons speak of products by their names, and say that something was bought only where it was."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pandas as pd
import pytest

from decisions.merchandising import Filters, Rules
from features.history import CustomerHistory
from features.interactions import Interactions
from serving.offering import Offering
from serving.recommending import NamedAffinity, Wanted, recommend
from serving.shop import ListedProduct, Shop
from serving.taste import Taste, taste
from training.affinity.because import Recommendation
from training.affinity.model import AffinityModel
from training.affinity.orders import BLEND, Order, Orders
from training.affinity.sheets import ALL, NEW

AT = datetime(2024, 4, 3)
NAMES = {"1": "Cup 2", "2": "Tea", "0": "Pot"}
SHOP = Shop(
    products={product_id: ListedProduct(product_id, name, "", True, None, None, "") for product_id, name in NAMES.items()},
    popular={"0": 5, "1": 3},
)


def bought(*lines: tuple[str, int]) -> CustomerHistory:
    """Orders of (product, days ago)."""
    return CustomerHistory.of(
        [
            {"order_id": f"o{n}", "product_id": product_id, "ordered_at": AT - timedelta(days=days), "quantity": 2, "unit_price": 1.0}
            for n, (product_id, days) in enumerate(lines)
        ]
    )


def looked_at(*views: tuple[str, int]) -> CustomerHistory:
    """Views of (product, days ago)."""
    return CustomerHistory.of(
        [],
        [{"event_type": "product_view", "product_id": product_id, "occurred_at": AT - timedelta(days=days)} for product_id, days in views],
    )


@pytest.fixture(scope="module")
def model() -> AffinityModel:
    """Learned from customers who buy 1 and 2 together, and some who buy 0."""
    rows = [(f"c{n}", product_id, AT - timedelta(days=n % 50 + 1)) for n in range(60) for product_id in (("1", "2") if n % 3 else ("0",))]
    sources = ("personal_frequency", "popularity", "product_similarity")
    bought = pd.DataFrame(rows, columns=["customer_id", "product_id", "ordered_at"])
    return AffinityModel(Orders({ALL: Order(BLEND, 1.0), NEW: Order(BLEND, 1.0)}), sources=sources).fit(Interactions(bought), as_of=AT)


def tastes(history: CustomerHistory) -> Taste:
    return taste(history, {})


def reasons(model: AffinityModel, history: CustomerHistory) -> dict[str, str]:
    found = NamedAffinity(model, Offering(Rules(), model).shelf(SHOP, Filters(), None, AT)).recommend_one(tastes(history).signals, AT, 3)
    return {each.product_id: each.because for each in found}


def test_a_short_id_is_not_searched_for_in_the_sentence(model: AffinityModel) -> None:
    said = reasons(model, bought(("2", 2), ("2", 22)))
    assert said["2"] == "bought twice, last on 2024-04-01"
    assert said["1"] == "often bought together with Tea, bought on 2024-04-01"


def test_what_was_only_looked_at_was_not_bought(model: AffinityModel) -> None:
    said = reasons(model, looked_at(("2", 2), ("2", 2), ("2", 3), ("2", 9)))
    assert said["2"] == "looked at 3 times, last on 2024-04-01"
    assert said["1"] == "often bought together with Tea, looked at on 2024-04-01"
    unlike = Recommendation("0", 1.0, "matrix_factorisation", "bought by customers with similar purchases")
    assert tastes(looked_at(("2", 2))).because(unlike, str) == "bought by customers with similar interests"
    assert tastes(bought(("2", 2))).because(unlike, str) == "bought by customers with similar purchases"


def test_what_was_looked_at_counts_beside_what_was_bought() -> None:
    history = bought(("2", 9)).extended(
        [],
        [
            {"event_type": what, "product_id": "1", "occurred_at": AT - timedelta(minutes=minutes)}
            for minutes, what in enumerate(("product_view", "add_to_cart", "remove_from_cart", "checkout_started", "review"), start=1)
        ],
    )
    known = taste(history, {"country": "Japan"}, [("0", 1, 3.0, "purchase"), ("0", 2, 1.0, "product_view")]).signals
    assert [(product_id, pieces) for product_id, _, pieces in known.purchases] == [("2", 2.0), ("0", 3.0)]
    assert [what for product_id, _, what in known.interest if product_id == "1"] == [
        "checkout_started",
        "remove_from_cart",
        "add_to_cart",
        "product_view",
    ]
    assert known.interest[-1] == ("0", 2, "product_view")
    assert known.place == "Japan"


def test_without_a_model_their_own_purchases_come_first() -> None:
    known = tastes(bought(("2", 2), ("2", 22), ("1", 9)))
    found = recommend(known, Wanted(5), Offering(Rules(), None).shelf(SHOP, Filters(), None, AT), None, AT, is_known=True)
    assert [(each.product_id, each.because) for each in found.products] == [
        ("2", "bought twice"),
        ("1", "bought once"),
        ("0", "bought by many"),
    ]
    assert found.fallback == "no_model"


def test_a_session_counts_though_it_carries_no_times_and_is_not_called_bought(client: httpx.Client, known: Any) -> None:
    orders = known.tables.orders.to_pandas()
    product_id = str(orders[orders.line_kind == "sale"].product_id.mode().iloc[0])
    body = {"history": [{"product_id": product_id}], "context": {"explain": True}, "limit": 200}
    answer = client.post("/v1/recommendations", json=body).json()
    own = [each["because"] for each in answer["recommendations"] if each["because_of"] == product_id]
    assert answer["fallback"] is False
    assert own
    assert not any("bought on" in because or "bought once" in because for because in own)
