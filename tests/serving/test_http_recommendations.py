"""Recommendations over HTTP: everybody gets a list that may be shown, and where it is not the model's for them, the answer says why."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.histories import histories
from features.history import CustomerHistory
from serving.fallbacks import FALLBACKS, MEANINGS
from serving.publishing import publish
from serving.state.database import open_state
from serving.state.migrate import migrate

NOW = datetime(2025, 3, 1)
EVENTS = ("purchase", "product_view", "add_to_cart", "remove_from_cart", "checkout_started")
EMPTY = ("nothing_left_after_filters", "empty_range")


@pytest.fixture
def listed(known: Any) -> pd.DataFrame:
    """The range."""
    frame: pd.DataFrame = known.tables.products.to_pandas()
    return frame


@pytest.fixture
def on_sale(listed: pd.DataFrame) -> set[str]:
    return set(listed.product_id[listed.available.ne(False)])


@pytest.fixture
def bought(known: Any) -> dict[str, set[str]]:
    """What every customer bought."""
    orders = known.tables.orders.to_pandas()
    sold = orders[orders.line_kind == "sale"].dropna(subset="product_id")
    return {str(who): set(ids) for who, ids in sold.groupby("customer_id").product_id}


@pytest.fixture
def buyer(bought: dict[str, set[str]]) -> str:
    """The customer who bought the most products."""
    return max(bought, key=lambda who: len(bought[who]))


def ids(answer: dict[str, Any]) -> list[str]:
    return [each["product_id"] for each in answer["recommendations"]]


def asked(client: httpx.Client, customer_id: str, **params: Any) -> dict[str, Any]:
    response = client.get(f"/v1/customers/{customer_id}/recommendations", params=params)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def posted(client: httpx.Client, **body: Any) -> dict[str, Any]:
    response = client.post("/v1/recommendations", json=body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_every_fallback_has_its_meaning() -> None:
    assert set(FALLBACKS) == set(MEANINGS)


def test_who_is_known_gets_the_models_list_and_others_a_named_fallback(client: httpx.Client, buyer: str) -> None:
    client.put("/v1/customers/quiet", json={"country": "Japan"})
    own, popular = asked(client, buyer), asked(client, "nobody")
    named = {
        "unknown_customer": popular,
        "no_history": asked(client, "quiet"),
        "unknown_products": posted(client, history=[{"product_id": "never-seen"}]),
    }
    assert (own["fallback"], own["fallback_reason"]) == (False, None)
    for reason, answer in named.items():
        assert (answer["fallback"], answer["fallback_reason"]) == (True, reason)
        assert len(ids(answer)) == 10
    assert ids(own) != ids(popular)
    for body in ({}, {"visitor_id": "nobody"}):
        assert posted(client, **body)["fallback_reason"] == "no_history"
    assert posted(client, customer_id="nobody")["fallback_reason"] == "unknown_customer"


def test_one_product_of_a_session_is_enough(client: httpx.Client, bought: dict[str, set[str]], buyer: str) -> None:
    product_id = sorted(bought[buyer])[0]
    for event_type in ("purchase", "product_view", "add_to_cart"):
        answer = posted(client, history=[{"product_id": product_id, "event_type": event_type}])
        assert (answer["fallback"], len(ids(answer))) == (False, 10), event_type


def test_without_a_model_or_with_one_of_another_form_there_is_a_list_and_its_reason(
    serve: Callable[..., Any], make_home: Callable[..., Any], buyer: str, on_sale: set[str]
) -> None:
    with serve(champions=False) as client:
        without = asked(client, buyer, limit=200)
        stranger = asked(client, "nobody", limit=200)
    folder = (make_home().champions / "affinity").resolve()
    header = json.loads((folder / "model.json").read_text())
    (make_home().champions / "affinity").unlink()
    (make_home().champions / "affinity").mkdir()
    (make_home().champions / "affinity" / "model.json").write_text(json.dumps({**header, "format": 0, "kind": "affinity"}))
    with serve() as client:
        older = asked(client, buyer, limit=200)
    assert (without["fallback_reason"], stranger["fallback_reason"], older["fallback_reason"]) == ("no_model",) * 3
    assert without["recommendations"][0]["source"] == "own_purchases"
    assert len(ids(without)) == len(ids(stranger)) == 200
    assert set(ids(stranger)) <= on_sale
    assert ids(older) == ids(without)


def test_a_new_shop_with_ten_orders_and_one_with_nothing(empty_database: str, serve_home: Any, tmp_path: Any) -> None:
    migrate(empty_database)
    with serve_home(tmp_path / "new", empty_database) as client:
        nothing = asked(client, "an")
        assert (nothing["fallback_reason"], ids(nothing)) == ("empty_range", [])
        assert (posted(client, history=[{"product_id": "tea"}])["fallback_reason"]) == "empty_range"
        assert client.get("/v1/products/tea/similar").status_code == 404
        state = open_state(empty_database)
        publish(state, as_of=NOW, histories=[(f"c{n}", ordered("tea", *(["cup"] if n % 2 else []))) for n in range(10)])
        state.close()
        answers = [asked(client, who) for who in ("c1", "c2", "nobody")]
        beside = client.get("/v1/products/tea/similar").json()
        left = asked(client, "nobody", category="Food")
    assert [ids(each) for each in answers] == [["cup", "tea"], ["tea", "cup"], ["tea", "cup"]]
    assert {each["fallback_reason"] for each in answers} == {"no_model"}
    assert ([each["product_id"] for each in beside["products"]], beside["fallback_reason"]) == (["cup"], "no_model")
    assert (ids(left), left["fallback_reason"]) == ([], "nothing_left_after_filters")


def ordered(*product_ids: str) -> CustomerHistory:
    """An order of these products: at one time, so that names decide between equals."""
    row = {"order_id": "o", "ordered_at": NOW - timedelta(days=3), "quantity": 1, "unit_price": 1.0}
    return CustomerHistory.of([{**row, "product_id": product_id} for product_id in sorted(product_ids)])


def test_a_category_that_the_model_does_not_know_has_the_newest_of_the_range(serve: Any, known: Any, buyer: str) -> None:
    new = pd.DataFrame(
        {"product_id": ["n1", "n2", "n3"], "category": "New", "available_from": pd.to_datetime(["2025-01-01", "2025-02-01", "2024-01-01"])}
    )
    server = serve()
    with server as client:
        products = pd.concat([known.tables.products.to_pandas(), new])
        publish(server.app.state.serving.state, as_of=NOW, histories=histories(known.tables, NOW), products=products)
        answer = asked(client, buyer, category="New")
        assert (ids(answer), answer["fallback_reason"]) == (["n2", "n1", "n3"], "new_products")
        related = client.get("/v1/products/n1/similar", params={"limit": 5}).json()
    assert [each["product_id"] for each in related["products"]][:2] == ["n2", "n3"]
    assert (related["fallback"], related["fallback_reason"], len(related["products"])) == (True, "unknown_products", 5)


def test_what_is_removed_is_counted_by_reason(client: httpx.Client, listed: pd.DataFrame, bought: dict[str, set[str]], buyer: str) -> None:
    sold_out = set(listed.product_id[listed.available.eq(False)])
    price = dict(zip(listed.product_id, listed.list_price, strict=True))
    shown = asked(client, buyer, explain=True, exclude_purchased=True, max_price=20, exclude=["P0001", "unheard-of"], limit=200)
    dear = {each for each, amount in price.items() if each not in sold_out and not amount <= 20}
    old = {each for each in bought[buyer] if each not in sold_out | dear}
    assert shown["removed"] == {
        reason: len(them)
        for reason, them in {
            "sold_out": sold_out,
            "price": dear,
            "already_bought": old,
            "duplicate": {"P0001"} - sold_out - dear - old,
        }.items()
        if them
    }
    assert len(ids(shown)) == min(200, len(listed) - sum(shown["removed"].values()))
    assert asked(client, buyer)["removed"] is None
    counted = client.get("/metrics").text
    assert f'nextbest_removed_products_total{{reason="sold_out"}} {2.0 * len(sold_out)}' in counted


def test_a_brand_and_prices_filter(client: httpx.Client, listed: pd.DataFrame, buyer: str) -> None:
    brand = str(listed.brand.mode().iloc[0])
    low, high = listed.list_price.quantile([0.2, 0.8])
    fitting = listed[listed.brand.eq(brand) & listed.list_price.between(low, high) & listed.available.ne(False)]
    answer = asked(client, buyer, brand=brand, min_price=low, max_price=high, limit=200)
    assert set(ids(answer)) == set(fitting.product_id)
    assert client.get(f"/v1/customers/{buyer}/recommendations", params={"min_price": 5, "max_price": 4}).status_code == 422


def test_rules_of_the_home_pin_block_and_exclude(make_home: Any, serve: Any, buyer: str) -> None:
    home = make_home()
    (home.root / "config").mkdir(exist_ok=True)
    (home.root / "config" / "recommendations.yaml").write_text(
        "pin: [{product: P0009, position: 2, placements: [home]}]\nblock: [{products: [P0001, P0002]}]\ncaps: {brand: 1}\n"
    )
    with serve() as client:
        client.put(f"/v1/customers/{buyer}", json={"excluded_products": "P0003"})
        at_home = asked(client, buyer, placement="home", limit=5, explain=True)
        elsewhere = asked(client, buyer, placement="cart", limit=200, explain=True)
    assert at_home["recommendations"][1]["product_id"] == "P0009"
    assert not {"P0001", "P0002", "P0003"} & set(ids(elsewhere))
    assert (elsewhere["removed"]["blocked"], elsewhere["removed"]["excluded_for_customer"]) == (2, 1)
    assert elsewhere["removed"]["brand_cap"] > 0


@pytest.mark.parametrize("how", ["similar", "bought-together"])
def test_products_beside_a_product_may_be_shown_and_are_never_itself(
    client: httpx.Client, known: Any, listed: pd.DataFrame, on_sale: set[str], how: str
) -> None:
    orders = known.tables.orders.to_pandas()
    most = str(orders[orders.line_kind == "sale"].product_id.mode().iloc[0])
    category = str(listed.category[listed.product_id == most].iloc[0]).split(" > ")[0]
    everything = client.get(f"/v1/products/{most}/{how}", params={"limit": 200}).json()
    within = client.get(f"/v1/products/{most}/{how}", params={"limit": 200, "category": category}).json()
    shown = {each["product_id"] for each in everything["products"]}
    assert shown
    assert shown <= on_sale - {most}
    assert (everything["fallback"], everything["fallback_reason"]) == (False, None)
    assert all(each["because"] for each in everything["products"])
    assert {each["product_id"] for each in within["products"]} == {
        each["product_id"] for each in everything["products"] if each["category"].startswith(category)
    }
    sold_out = client.get(f"/v1/products/{most}/{how}", params={"limit": 200, "in_stock": False, "category": "No such"}).json()
    assert (sold_out["products"], sold_out["fallback_reason"]) == ([], "nothing_left_after_filters")
    unknown = client.get(f"/v1/products/nothing/{how}")
    assert (unknown.status_code, unknown.json()["type"], "ingest" in unknown.json()["remedy"]) == (
        404,
        "urn:nextbest:problem:unknown-product",
        True,
    )


def test_what_lies_in_the_same_baskets_is_not_what_is_like_a_product(client: httpx.Client, known: Any) -> None:
    orders = known.tables.orders.to_pandas()
    most = str(orders[orders.line_kind == "sale"].product_id.mode().iloc[0])
    alike, beside = (
        client.get(f"/v1/products/{most}/{how}", params={"limit": 20}).json()["products"] for how in ("similar", "bought-together")
    )
    assert [each["product_id"] for each in alike] != [each["product_id"] for each in beside]
    assert {each["source"] for each in beside} == {"bought_together"}
    assert {each["source"] for each in alike} <= {"product_similarity", "same_kind"}


@pytest.mark.parametrize("how", ["similar", "bought-together"])
def test_without_a_model_products_of_the_same_category_stand_beside_a_product(serve: Any, listed: pd.DataFrame, how: str) -> None:
    with serve(champions=False) as client:
        beside = client.get(f"/v1/products/P0010/{how}", params={"limit": 200}).json()
    same = listed.category == listed.category[listed.product_id == "P0010"].iloc[0]
    fitting = same & listed.available.ne(False) & (listed.product_id != "P0010")
    assert (beside["fallback_reason"], len(beside["products"])) == ("no_model", 200)
    assert {each["product_id"] for each in beside["products"][: fitting.sum()]} == set(listed.product_id[fitting])


PRODUCTS = st.one_of(st.integers(1, 245).map(lambda n: f"P{n:04}"), st.sampled_from(["nothing", "P", "Ω", "P0001 "]))
HAPPENED = st.fixed_dictionaries(
    {"product_id": PRODUCTS},
    optional={
        "event_type": st.sampled_from(EVENTS),
        "at": st.datetimes(datetime(1970, 1, 2), datetime(2199, 1, 1)).map(datetime.isoformat),
        "quantity": st.floats(1e-6, 1e6),
    },
)
CATEGORIES = ["Food", "Food > Drinks", "Food > Drinks > Coffee", "Home", "No such", "", " > ", "food"]
SHOWN = st.fixed_dictionaries(
    {},
    optional={
        "placement": st.sampled_from(["home", "cart", "", "🛒"]),
        "category": st.sampled_from(CATEGORIES),
        "brand": st.sampled_from(["Mộc", "Hearth", "No such", ""]),
        "min_price": st.floats(0, 30),
        "max_price": st.floats(30, 1e9),
        "exclude_purchased": st.booleans(),
        "in_stock": st.booleans(),
        "explain": st.booleans(),
        "exclude": st.lists(PRODUCTS, max_size=20),
    },
)
WHO: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.fixed_dictionaries({"customer_id": st.one_of(st.integers(1, 250).map(lambda n: f"c{n:07}"), st.sampled_from(["?", "a b", "ÿ"]))}),
    st.fixed_dictionaries({"visitor_id": st.sampled_from(["v1", "V00001", "?"])}),
    st.just({}),
)
BODIES = st.builds(
    lambda who, history, context, limit: {**who, "history": history, "context": context, "limit": limit},
    WHO,
    st.lists(HAPPENED, max_size=12),
    SHOWN,
    st.sampled_from([1, 2, 10, 200]),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(BODIES, min_size=5, max_size=5))
def test_any_request_of_the_right_shape_gets_a_list_of_what_may_be_shown(
    client: httpx.Client, request: pytest.FixtureRequest, bodies: list[dict[str, Any]]
) -> None:
    listed, bought = request.getfixturevalue("listed"), request.getfixturevalue("bought")  # too long to be told of a failure
    for body in bodies:
        answer = posted(client, **body)
        fits = fitting(listed, body["context"]) - set(body["context"].get("exclude", []))
        if body["context"].get("exclude_purchased"):
            fits -= bought.get(body.get("customer_id", ""), set())
            fits -= {each["product_id"] for each in body["history"] if each.get("event_type") == "purchase"}
        found = ids(answer)
        assert len(found) == len(set(found)) == min(body["limit"], len(fits)), "nobody gets fewer than there are"
        assert set(found) <= fits
        assert [each["rank"] for each in answer["recommendations"]] == list(range(1, len(found) + 1))
        scores = [each["score"] for each in answer["recommendations"]]
        assert scores == sorted(scores, reverse=True)
        assert answer["fallback"] == (answer["fallback_reason"] is not None)
        assert (answer["fallback_reason"] in EMPTY) == (not found)
        assert answer["fallback_reason"] in (None, *FALLBACKS)


def fitting(listed: pd.DataFrame, shown: dict[str, Any]) -> set[str]:
    """What the plainest reading of the filters leaves."""
    kept = listed if shown.get("in_stock") is False else listed[listed.available.ne(False)]
    if category := shown.get("category", "").strip(" >"):
        kept = kept[(kept.category == category) | kept.category.str.startswith(f"{category} > ")]
    if brand := shown.get("brand"):
        kept = kept[kept.brand == brand]
    return set(kept.product_id[kept.list_price.between(shown.get("min_price", -1), shown.get("max_price", float("inf")))])
