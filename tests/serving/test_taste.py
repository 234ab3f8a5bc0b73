"""Reasons speak of products by their names, and say that something was bought only where it was."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pandas as pd
import pytest

from decisions.merchandising import Filters, Rules
from decisions.named_affinity import NamedAffinity, Suggestion
from decisions.taste import Taste, taste
from features.history import CustomerHistory
from features.interactions import Interactions
from serving.offering import Offering
from serving.recommending import Wanted, recommend
from serving.shop import ListedProduct, Shop
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


ROWS = [(f"c{n}", product_id, AT - timedelta(days=n % 50 + 1)) for n in range(60) for product_id in (("0",) if n % 3 else ("1", "2"))]
SOURCES = ("personal_frequency", "popularity", "product_similarity", "looked_at")


def learned(interest: list[tuple[str, str, str, datetime]]) -> AffinityModel:
    """Learned from customers who buy 0, and some who buy 1 and 2 together; and from what they looked at."""
    bought = pd.DataFrame(ROWS, columns=["customer_id", "product_id", "ordered_at"])
    seen = pd.DataFrame(interest, columns=["customer_id", "product_id", "event_type", "occurred_at"]).astype(
        {**dict.fromkeys(("customer_id", "product_id", "event_type"), "str"), "occurred_at": "datetime64[us]"}
    )
    orders = Orders({ALL: Order(BLEND, 1.0), NEW: Order(BLEND, 1.0)})
    return AffinityModel(orders, sources=SOURCES).fit(Interactions(bought, seen), as_of=AT)


@pytest.fixture(scope="module")
def model() -> AffinityModel:
    """Of a shop that had no events: nothing in it reads interest."""
    found = learned([])
    assert found.recall.source("looked_at") is None
    return found


@pytest.fixture(scope="module")
def reading() -> AffinityModel:
    """Of a shop with events: it reads interest."""
    found = learned([("c1", "1", "product_view", AT - timedelta(days=60))])
    assert found.recall.source("looked_at") is not None
    return found


@pytest.fixture(params=["model", "reading"])
def either(request: pytest.FixtureRequest) -> AffinityModel:
    found: AffinityModel = request.getfixturevalue(request.param)
    return found


def tastes(history: CustomerHistory) -> Taste:
    return taste(history, {})


def suggested(model: AffinityModel, history: CustomerHistory, *, exclude_purchased: bool = False) -> dict[str, Suggestion]:
    """The model's list, by product and in its order."""
    plan = Offering(Rules(), model).shelf(SHOP, Filters(), None, AT).plan
    named = NamedAffinity(model, plan, SHOP.name_of)
    return {each.product_id: each for each in named.recommend_one(tastes(history).signals, AT, 3, exclude_purchased=exclude_purchased)}


def reasons(model: AffinityModel, history: CustomerHistory) -> dict[str, str]:
    return {product_id: each.because for product_id, each in suggested(model, history).items()}


def test_a_short_id_is_not_searched_for_in_the_sentence(model: AffinityModel) -> None:
    said = reasons(model, bought(("2", 2), ("2", 22)))
    assert said["2"] == "bought twice, last on 2024-04-01"
    assert said["1"] == "often bought together with Tea, bought on 2024-04-01"


def test_what_was_only_looked_at_was_not_bought(either: AffinityModel) -> None:
    said = reasons(either, looked_at(("2", 2), ("2", 2), ("2", 3), ("2", 9)))
    assert said["2"] == "looked at 3 times, last on 2024-04-01"
    assert said["1"] == "often bought together with Tea, looked at on 2024-04-01"
    unlike = Recommendation("0", 1.0, "matrix_factorisation", "bought by customers with similar purchases")
    assert tastes(looked_at(("2", 2))).because(unlike, str) == "bought by customers with similar interests"
    assert tastes(bought(("2", 2))).because(unlike, str) == "bought by customers with similar purchases"


def views(history: CustomerHistory, *products: str, minutes: int = 5) -> CustomerHistory:
    """The history, and views of these products a few minutes ago."""
    at = AT - timedelta(minutes=minutes)
    return history.extended([], [{"event_type": "product_view", "product_id": product_id, "occurred_at": at} for product_id in products])


def test_what_a_buyer_looked_at_minutes_ago_counts_though_the_shop_had_no_events(model: AffinityModel) -> None:
    buyer = bought(("0", 30))
    before, after = suggested(model, buyer), suggested(model, views(buyer, "2"))
    assert before["2"].because == "popular now"
    assert (after["2"].source, after["2"].because) == ("looked_at", "looked at once, last on 2024-04-02")
    assert (after["1"].source, after["1"].because) == ("product_similarity", "often bought together with Tea, looked at on 2024-04-02")
    assert after["0"].because == "bought once, last on 2024-03-04"


def test_a_model_that_reads_interest_is_asked_with_it_as_it_is(reading: AffinityModel) -> None:
    found = suggested(reading, views(bought(("0", 30)), "2"))
    assert (found["2"].source, found["2"].because) == ("looked_at", "looked at, not bought yet")
    assert found["2"].because_of is None
    assert list(found).index("2") < list(found).index("1"), "which are as popular"
    assert "looked at" not in found["1"].because, "nothing stands in for a purchase"


@pytest.mark.parametrize("history", [views(bought(("0", 30)), "2"), looked_at(("2", 1))])
def test_what_was_looked_at_is_not_left_out_with_what_was_bought(either: AffinityModel, history: CustomerHistory) -> None:
    found = suggested(either, history, exclude_purchased=True)
    assert "2" in found
    assert ("0" in found) == (not tastes(history).bought)


def test_what_was_bought_since_stands_in_no_more(model: AffinityModel) -> None:
    once = bought(("2", 1), ("0", 30))
    assert suggested(model, views(once, "2", minutes=2 * 1440)) == suggested(model, once)


def test_what_was_bought_and_looked_at_again_is_said_to_be_looked_at_and_left_out_as_bought(model: AffinityModel) -> None:
    again = views(bought(("2", 30), ("2", 60)), "2")
    assert suggested(model, again)["2"].because == "looked at once, last on 2024-04-02"
    assert "2" not in suggested(model, views(again, "1"), exclude_purchased=True)


def test_what_was_taken_out_of_the_cart_without_a_look_stands_in_for_nothing(model: AffinityModel) -> None:
    gone = [{"event_type": "remove_from_cart", "product_id": "2", "occurred_at": AT - timedelta(minutes=5)}]
    buyer = bought(("0", 30))
    assert suggested(model, buyer.extended([], gone)) == suggested(model, buyer)


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
