"""Products for an action: what was left in the cart, what was looked at, what is due again, what the model expects."""

from datetime import datetime, timedelta

from decisions.actions import ProductScope
from decisions.named_affinity import Suggestion
from decisions.offers import INTEREST, MOST, interest, offered, purchases
from decisions.product_scope import scoped
from decisions.situation import Product
from features import interactions
from features.history import CustomerHistory
from features.instants import microseconds

NOW = datetime(2025, 6, 1)


def line(product_id, days_ago, kind="sale"):
    at = NOW - timedelta(days=days_ago)
    return {"order_id": str(days_ago), "product_id": product_id, "ordered_at": at, "quantity": 1.0, "unit_price": 5.0, "line_kind": kind}


def event(event_type, product_id, days_ago):
    return {"event_type": event_type, "product_id": product_id, "occurred_at": NOW - timedelta(days=days_ago)}


def named(product_id, reason):
    return Product(product_id, product_id.upper(), reason=reason)


def ids(products):
    return [product.product_id for product in products]


def test_the_cart_holds_what_was_not_bought_since_newest_first():
    history = CustomerHistory.of(
        [line("bought", 3)],
        [
            event("add_to_cart", "old", 6),
            event("add_to_cart", "new", 2),
            event("add_to_cart", "bought", 4),
            event("add_to_cart", "removed", 4),
            event("remove_from_cart", "removed", 1),
            event("add_to_cart", "forgotten", 31),
            event("product_view", "seen", 9),
            event("product_view", "seen", 8),
        ],
    )
    found = offered(history, NOW, None, named)["cart"]
    assert ids(found) == ["new", "old"]
    assert found[0].reason == "put into the cart 2 days ago, not bought"


def test_what_was_looked_at_again_or_lately_is_viewed_until_it_is_bought_or_put_into_the_cart():
    twice = [event("product_view", product, days) for product in ("again", "bought", "carted", "left", "long_ago") for days in (20, 19)]
    history = CustomerHistory.of(
        [line("bought", 3), line("back", 12)],
        [
            *twice,
            event("product_view", "long_ago", 31),
            *(event("product_view", "latest", days) for days in (9, 8, 2)),
            event("product_view", "once", 7),
            event("product_view", "today", 0.5),
            event("product_view", "once_before", 7.1),
            event("product_view", "back", 2),  # looked at since it was bought
            event("add_to_cart", "carted", 1),
            event("add_to_cart", "left", 18),
            event("remove_from_cart", "left", 17),
            event("product_view", "outside", 31),
            event("product_view", "outside", 30.5),
        ],
    )
    products = offered(history, NOW, None, named)
    assert ids(products["viewed"]) == ["latest", "again", "long_ago", "today", "back", "once"]
    assert ids(products["cart"]) == ["carted"]
    reasons = {product.product_id: product.reason for product in products["viewed"]}
    assert reasons["latest"] == "viewed 3 times, not bought"
    assert reasons["today"] == "viewed today, not bought"
    assert reasons["back"] == "viewed 2 days ago, not bought"


class Ranked:
    """A model that ranks products p0, p1, ... and tells what it was asked."""

    def __init__(self, *held, asked=None):
        self.held, self.asked = held, [] if asked is None else asked

    def within(self, scope):
        return Ranked(*(f"p{n}" for n in range(100) if f"p{n}" in scope.product_ids), asked=self.asked)

    def recommend_one(self, _signals, _as_of, n):
        self.asked.append((len(self.held), n))
        return [Suggestion(product_id, 1.0, "x", "because") for product_id in self.held[:n]]


def test_the_model_is_asked_again_only_for_a_scope_that_nothing_fills():
    everything = [f"p{n}" for n in range(100)]
    history = CustomerHistory.of([], [event("add_to_cart", "p90", 1)])
    filled = ProductScope(("affinity",), 3, product_ids=("p1", "p2", "p3", "p50"))
    by_cart = ProductScope(("cart", "affinity"), 1, product_ids=("p90", "p91"))
    short = ProductScope(("affinity",), 3, product_ids=("p19", "p70", "p71", "p72"))
    nobody = ProductScope(("affinity",), 3, product_ids=("gone",))
    model = Ranked(*everything)
    found = offered(history, NOW, model, named, scopes=(filled, by_cart, short, nobody))
    assert model.asked == [(100, MOST), (4, 4), (0, 3)]
    assert ids(found["affinity"]) == [*everything[:MOST], "p70", "p71", "p72"]
    assert ids(scoped(short, found)) == ["p19", "p70", "p71"]
    assert ids(offered(history, NOW, Ranked(*everything), named)["affinity"]) == everything[:MOST]


def test_a_product_is_due_by_its_own_rhythm():
    history = CustomerHistory.of([line("coffee", d) for d in (90, 60, 30)] + [line("tea", d) for d in (65, 5)] + [line("vase", 40)])
    products = offered(history, NOW, None, named)["repeat"]
    assert ids(products) == ["coffee"]
    assert products[0].reason == "bought on 3 days, about every 30 days"


def test_what_the_range_does_not_offer_is_left_out():
    history = CustomerHistory.of([], [event("add_to_cart", "gone", 1)])
    assert offered(history, NOW, None, lambda *_: None) == {}


def test_only_sales_of_products_are_purchases_and_the_future_is_not_seen():
    history = CustomerHistory.of(
        [line("a", 5), line("b", 4, "return"), line(None, 3), line("later", -1)], [event("add_to_cart", "later", -1)]
    )
    assert [product for product, *_ in purchases(history.before(NOW))] == ["a"]
    assert offered(history, NOW, None, named) == {}


def test_interest_is_every_event_that_says_something_of_its_product():
    assert set(INTEREST) == set(interactions.INTEREST)
    seen = [event(what, "cup", days) for days, what in enumerate((*INTEREST, "review", "search"), start=1)]
    known = interest(CustomerHistory.of([line("tea", 9)], [*seen, event("product_view", None, 1)]))
    assert sorted(what for _, _, what in known) == sorted(INTEREST)
    assert {product_id for product_id, _, _ in known} == {"cup"}


def test_what_a_visitor_looked_at_counts_from_when_it_is_known_who_they_are():
    known_at = NOW - timedelta(days=2)
    history = CustomerHistory.of([], [{**event("product_view", "cup", 9), "known_at": known_at}])
    assert interest(history) == [("cup", microseconds(known_at), "product_view")]


def test_the_model_is_asked_with_purchases_interest_and_place():
    asked = []

    class Asked:
        def recommend_one(self, *question):
            asked.append(question)
            return []

    offered(CustomerHistory.of([line("tea", 9)], [event("add_to_cart", "cup", 1)]), NOW, Asked(), named, profile={"country": "Chile"})
    ((signals, as_of, _),) = asked
    assert as_of == NOW
    assert ([row[0] for row in signals.purchases], [row[0] for row in signals.interest], signals.place) == (["tea"], ["cup"], "Chile")
