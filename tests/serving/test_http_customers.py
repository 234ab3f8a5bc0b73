import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from features.attributes import PREFIX, beside
from features.histories import histories
from features.journey import levels, load_stages
from serving.publishing import publish
from serving.shop import LOOK_AGAIN_SECONDS
from training.bands import load_bands
from training.churn import ChurnModel
from training.score import churn_scores_with_reasons
from training.value import ValueModel

NOW = datetime(2025, 3, 1)
JSON = {"Content-Type": "application/json"}
Serve = Callable[..., AbstractContextManager[httpx.Client]]


@pytest.fixture
def buyer(known: Any) -> str:
    """The customer who bought most."""
    return str(known.frame.sort_values("order_count").customer_id.iloc[-1])


def test_churn_answers_what_the_model_says_of_the_same_features(client: httpx.Client, known: Any, buyer: str) -> None:
    model, value = ChurnModel.load(known.models / "churn"), ValueModel.load(known.models / "value")
    rows = beside(known.frame[known.frame.customer_id == buyer], known.tables, {*model.feature_names, *value.feature_names})
    assert any(name.startswith(PREFIX) for name in rows)
    answer = client.get(f"/v1/customers/{buyer}/churn").json()
    assert answer["churn_probability"] == pytest.approx(model.predict(rows)[0], rel=1e-9)
    assert answer["horizon_days"] == 30
    assert (answer["source"], answer["model_version"], answer["as_of"]) == ("model", "1", "2025-03-01T00:00:00")
    valued = value.predict(rows).iloc[0]
    assert answer["clv"] == pytest.approx(valued.clv)
    assert answer["expected_next_order_on"] == valued.expected_next_order_on.date().isoformat()
    assert answer["historic_value"] == pytest.approx(rows.value_total.iloc[0])
    assert answer["average_days_between_orders"] == pytest.approx(rows.gap_mean_days.iloc[0])
    assert answer["band"]
    assert answer["reasons"]
    assert answer["insufficient_data"] is False


def test_a_profile_that_is_put_counts_in_the_next_churn_probability(client: httpx.Client, known: Any, buyer: str) -> None:
    model = ChurnModel.load(known.models / "churn")
    client.put(f"/v1/customers/{buyer}", json={"city": "Leeds", "joined_at": "2023-01-01T00:00:00+07:00", "locale": None})
    rows = beside(known.frame[known.frame.customer_id == buyer], known.tables, model.feature_names)
    old = model.predict(rows)[0]
    for name in (name for name in model.feature_names if name.startswith((f"{PREFIX}city=", f"{PREFIX}locale="))):
        rows[name] = float(name.endswith("=Leeds"))
    rows[f"{PREFIX}joined_at"] = (NOW - datetime(2022, 12, 31, 17)) / timedelta(days=1)
    answer = client.get(f"/v1/customers/{buyer}/churn").json()["churn_probability"]
    assert answer == pytest.approx(model.predict(rows)[0], rel=1e-9)
    assert answer != pytest.approx(old, rel=1e-6)


def test_an_order_lowers_the_risk_of_the_next_answer(client: httpx.Client, known: Any) -> None:
    quiet = str(known.frame[known.frame.order_count > 2].sort_values("overdue_ratio").customer_id.iloc[-1])
    before = client.get(f"/v1/customers/{quiet}/churn").json()["churn_probability"]
    client.post("/v1/orders", json={"order_id": "new", "customer_id": quiet, "lines": [{"product_id": "p", "unit_price": 20}]})
    assert client.get(f"/v1/customers/{quiet}/churn").json()["churn_probability"] < before


def test_many_customers_are_answered_at_once(client: httpx.Client, buyer: str) -> None:
    answer = client.post("/v1/churn:query", json={"customer_ids": [buyer, "nobody", buyer]}).json()
    assert [each["customer_id"] for each in answer["customers"]] == [buyer]
    assert answer["unknown"] == ["nobody"]
    assert client.post("/v1/churn:query", json={"customer_ids": []}).status_code == 422


def test_an_unknown_customer_is_a_problem_with_a_remedy(client: httpx.Client) -> None:
    for route in ("/v1/customers/nobody/churn", "/v1/customers/nobody"):
        response = client.get(route)
        assert response.status_code == 404
        problem = response.json()
        assert problem["type"] == "urn:nextbest:problem:unknown-customer"
        assert problem["instance"] == route
        assert "nobody" in problem["detail"]
        assert problem["remedy"]


def test_a_customer_without_a_purchase_has_no_churn_probability_and_the_answer_says_why(client: httpx.Client) -> None:
    client.post("/v1/events", json={"event_id": "e", "customer_id": "looker", "event_type": "product_view", "product_id": "p"})
    answer = client.get("/v1/customers/looker/churn").json()
    assert answer["churn_probability"] is None
    assert answer["insufficient_data"] is True
    assert "No order" in answer["why"]


def test_without_models_every_route_answers_from_a_named_fallback(serve: Serve, buyer: str) -> None:
    with serve(champions=False) as client:
        ready = client.get("/readyz").json()
        assert set(ready["missing"]) == {"churn", "value", "affinity", "response", "personas", "journey"}
        assert client.get("/v1/models").json()["models"] == []
        churn = client.get(f"/v1/customers/{buyer}/churn").json()
        assert (churn["churn_probability"], churn["source"], churn["insufficient_data"]) == (None, "none", True)
        products = client.get(f"/v1/customers/{buyer}/recommendations").json()
        assert products["fallback"] is True
        assert len(products["recommendations"]) == 10
        assert client.post("/v1/decisions", json={"customer_id": buyer}).status_code == 200


def test_without_a_churn_model_the_published_score_answers_and_says_so(serve: Serve, known: Any, buyer: str) -> None:
    model, value = ChurnModel.load(known.models / "churn"), ValueModel.load(known.models / "value")
    model.lacks = ("3 customers have bought; 100 are needed.",)
    scores = churn_scores_with_reasons(known.tables, model, value, NOW, load_bands(), load_stages())
    server: Any = serve(champions=False)
    with server as client:
        shop = levels(known.frame, load_stages())
        publish(server.app.state.serving.state, as_of=NOW, histories=histories(known.tables, NOW), scores=scores, levels=shop)
        time.sleep(LOOK_AGAIN_SECONDS)
        answer = client.get(f"/v1/customers/{buyer}/churn").json()
        view = {"event_id": "e", "customer_id": buyer, "event_type": "page_view", "occurred_at": "2025-02-28T12:00:00"}
        assert client.post("/v1/events", json=view).json()["accepted"] == 1
        later = client.get(f"/v1/customers/{buyer}/churn").json()
    assert (later["source"], later["insufficient_data"], later["why"]) == ("published", True, answer["why"]), "what the shop lacks is kept"
    row = scores[scores.customer_id == buyer].iloc[0]
    assert (answer["source"], answer["as_of"], answer["horizon_days"]) == ("published", "2025-03-01T00:00:00", 30)
    assert answer["churn_probability"] == pytest.approx(row.churn_probability)
    assert answer["percentile"] == pytest.approx(row.percentile, abs=0.02)
    assert answer["percentile_within_stage"] == pytest.approx(row.percentile_in_stage, abs=0.1)
    assert answer["reasons"] == [reason.sentence() for reason in row.reasons]
    assert (answer["band"], answer["stage"], answer["insufficient_data"]) == (row.band, row.stage, bool(row.insufficient_data))


def test_recommendations_are_listed_products_in_order(client: httpx.Client, known: Any, buyer: str) -> None:
    listed = known.tables.products.to_pandas().set_index("product_id")
    answer = client.get(f"/v1/customers/{buyer}/recommendations", params={"limit": 5, "placement": "home", "explain": True}).json()
    found = answer["recommendations"]
    assert answer["placement"] == "home"
    assert [each["rank"] for each in found] == [1, 2, 3, 4, 5]
    assert [each["name"] for each in found] == [listed.loc[each["product_id"], "name"] for each in found]
    assert len({each["product_id"] for each in found}) == 5
    assert found[0]["because"]


def test_recommendations_obey_category_stock_and_what_is_bought(client: httpx.Client, known: Any, buyer: str) -> None:
    listed = known.tables.products.to_pandas()
    top = str(listed.category.iloc[0]).split(" > ")[0]
    within = client.get(f"/v1/customers/{buyer}/recommendations", params={"category": top, "limit": 50}).json()["recommendations"]
    assert within
    assert all(each["category"].startswith(top) for each in within)
    orders = known.tables.orders.to_pandas()
    bought = set(orders[orders.customer_id == buyer].product_id)
    new = client.get(f"/v1/customers/{buyer}/recommendations", params={"exclude_purchased": True, "limit": 50}).json()["recommendations"]
    assert new
    assert not bought & {each["product_id"] for each in new}
    assert client.get(f"/v1/customers/{buyer}/recommendations", params={"category": "No such"}).json()["recommendations"] == []


def test_an_unknown_customer_or_visitor_gets_a_popular_list_marked_as_fallback(client: httpx.Client) -> None:
    for response in (
        client.get("/v1/customers/nobody/recommendations"),
        client.post("/v1/recommendations", json={"visitor_id": "nobody", "limit": 10}),
        client.post("/v1/recommendations", json={}),
    ):
        assert response.status_code == 200
        assert response.json()["fallback"] is True
        assert len(response.json()["recommendations"]) == 10


@pytest.mark.parametrize(("name", "value"), [("limit", "0"), ("limit", "many"), ("limit", "100000"), ("in_stock", "perhaps")])
def test_a_parameter_that_cannot_be_used_is_named(client: httpx.Client, name: str, value: str) -> None:
    response = client.get("/v1/customers/x/recommendations", params={name: value})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == f"query.{name}"


def test_similar_products_and_an_unknown_one(client: httpx.Client, known: Any) -> None:
    orders = known.tables.orders.to_pandas()
    product_id = str(orders[orders.line_kind == "sale"].product_id.mode().iloc[0])
    found = client.get(f"/v1/products/{product_id}/similar", params={"limit": 3}).json()
    assert found["products"]
    assert product_id not in {each["product_id"] for each in found["products"]}
    unknown = client.get("/v1/products/nothing/similar")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:nextbest:problem:unknown-product")


def test_a_profile_is_stored_over_the_published_one_on_each_database(client_on_each: httpx.Client, buyer: str) -> None:
    client = client_on_each
    published = client.get(f"/v1/customers/{buyer}").json()
    given = {"city": "Huế", "phone": None, "vip": True, "visits": 3, "joined_at": "2024-01-01T07:00:00+07:00", "consent_push": True}
    stored = client.put(f"/v1/customers/{buyer}", json=given).json()
    assert stored["profile"]["city"] == "Huế"
    assert "phone" not in stored["profile"]
    assert (stored["profile"]["vip"], stored["profile"]["visits"]) == (True, 3)
    assert stored["profile"]["joined_at"] == "2024-01-01T00:00:00"
    assert stored["profile"]["name"] == published["profile"]["name"]
    assert stored["consent"] == {**published["consent"], "push": True}
    assert client.get(f"/v1/customers/{buyer}").json() == stored


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/v1/customers/x", {"name": 7}),
        ("/v1/customers/x", {"tags": ["a"]}),
        ("/v1/customers/x", {"customer_id": "y"}),
        ("/v1/customers/x", {"half \ud800": 1}),
        ("/v1/customers/x", {"city": "half \ud800"}),
        ("/v1/customers/x", {"joined_at": "yesterday"}),
        ("/v1/customers/x/consent", {"email": "perhaps"}),
        ("/v1/customers/x/consent", {}),
        ("/v1/customers/x/consent", [True]),
    ],
)
def test_a_profile_that_cannot_be_used_changes_nothing(client: httpx.Client, route: str, body: Any) -> None:
    assert client.put(route, content=json.dumps(body).encode(), headers=JSON).status_code == 422
    assert client.get("/v1/customers/x").status_code == 404
