import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

JSON = {"Content-Type": "application/json"}
Serve = Callable[..., AbstractContextManager[httpx.Client]]


def event(event_id: str, **fields: Any) -> dict[str, Any]:
    return {"event_id": event_id, "customer_id": "c-new", "event_type": "product_view", "product_id": "p1", **fields}


def counts(response: httpx.Response) -> tuple[int, int, int]:
    assert response.status_code == 200, response.text
    body = response.json()
    return body["accepted"], body["duplicate"], body["refused"]


def test_an_event_is_accepted_once_on_each_database(client_on_each: httpx.Client) -> None:
    assert counts(client_on_each.post("/v1/events", json=event("e1"))) == (1, 0, 0)
    assert counts(client_on_each.post("/v1/events", json=event("e1"))) == (0, 1, 0)
    assert counts(client_on_each.post("/v1/events", json=[event("e1"), event("e2"), event("e2")])) == (1, 2, 0)
    assert counts(client_on_each.post("/v1/events", json={"events": [event("e3")]})) == (1, 0, 0)


def test_a_row_that_cannot_be_used_names_its_place_and_does_not_hold_up_the_others(client: httpx.Client) -> None:
    rows = [
        event("ok"),
        event("no-type", event_type="product_veiw"),
        {"event_id": "nobody", "event_type": "search"},
        event("odd-value", value="much"),
        event("future", occurred_at="2199-01-01T00:00:00Z"),
        "no object",
        {"event_id": "who", "event_type": "identify", "visitor_id": "v"},
        event("", occurred_at="2025-02-01"),
    ]
    response = client.post("/v1/events", json=rows)
    assert counts(response) == (1, 0, 7)
    refusals = {each["index"]: each["reason"] for each in response.json()["refusals"]}
    assert "nearest is 'product_view'" in refusals[1]
    assert "customer_id or visitor_id" in refusals[2]
    assert refusals[3].startswith("value: ")
    assert "future" in refusals[4]
    assert "body: " in refusals[5]
    assert "identify needs" in refusals[6]
    assert refusals[7].startswith("event_id: ")


@pytest.mark.parametrize(
    ("route", "row", "said"),
    [
        ("/v1/events", event("e", event_type="nothing"), "event_type"),
        ("/v1/events", {"event_type": "search"}, "event_id"),
        ("/v1/orders", {"order_id": "o", "customer_id": "c", "lines": []}, "lines"),
        ("/v1/orders", {"order_id": "o", "customer_id": "c", "currency": "USD", "lines": [{"product_id": "p"}]}, "EUR"),
        ("/v1/orders", {"order_id": "o", "customer_id": "c", "lines": [{"price": 3}]}, "lines.0.price"),
        ("/v1/outcomes", {"event_id": "o", "decision_id": "nowhere", "outcome_type": "converted"}, "no recorded decision"),
    ],
)
def test_a_single_row_that_cannot_be_used_is_a_problem(client: httpx.Client, route: str, row: dict[str, Any], said: str) -> None:
    response = client.post(route, json=row)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert said in response.json()["detail"]
    assert response.json()["remedy"]


def test_a_body_that_is_no_json_or_no_rows_is_a_problem(client: httpx.Client) -> None:
    broken = client.post("/v1/events", content=b'{"event_id": ', headers=JSON)
    assert (broken.status_code, broken.json()["type"]) == (400, "urn:nextbest:problem:invalid-json")
    assert client.post("/v1/events", json=7).status_code == 422
    assert client.post("/v1/events", content=b'{"event_id": "\xff"}', headers=JSON).status_code == 400
    assert client.post("/v1/events", content=json.dumps(event("\ud800")).encode(), headers=JSON).status_code == 400
    assert client.post("/v1/events", json=event("a\u0000b")).status_code == 422


def test_an_order_is_accepted_once_and_changes_the_next_answer(client_on_each: httpx.Client) -> None:
    client = client_on_each
    order = {
        "order_id": "o1",
        "customer_id": "c-new",
        "lines": [{"product_id": "p1", "quantity": 2, "unit_price": 5}, {"product_id": "p2"}],
    }
    assert client.get("/v1/customers/c-new").status_code == 404
    assert counts(client.post("/v1/orders", json=order)) == (1, 0, 0)
    assert counts(client.post("/v1/orders", json={"orders": [order]})) == (0, 1, 0)
    profile = client.get("/v1/customers/c-new").json()
    assert (profile["stage"], profile["order_count"]) == ("purchase", 1)
    assert {(t["kind"], t["what"], t["product_id"]) for t in profile["touchpoints"]} == {("order", "sale", "p1"), ("order", "sale", "p2")}
    churn = client.get("/v1/customers/c-new/churn").json()
    assert churn["historic_value"] == 10
    assert 0 < churn["churn_probability"] < 1


def test_an_order_of_another_customer_is_refused_with_the_reason(client_on_each: httpx.Client) -> None:
    client = client_on_each
    mine = {"order_id": "o1", "customer_id": "a", "lines": [{"product_id": "p1", "unit_price": 5}]}
    theirs = {**mine, "customer_id": "b"}
    assert counts(client.post("/v1/orders", json=mine)) == (1, 0, 0)
    single = client.post("/v1/orders", json=theirs)
    assert (single.status_code, single.json()["type"]) == (422, "urn:nextbest:problem:refused-row")
    assert single.json()["detail"] == "order_id 'o1' is an order of another customer already"
    batch = [theirs, mine, {**mine, "order_id": "o2"}, {**theirs, "order_id": "o2", "lines": [{"line": 7}]}]
    answer = client.post("/v1/orders", json=batch)
    assert counts(answer) == (1, 1, 2)
    assert [each["index"] for each in answer.json()["refusals"]] == [0, 3]
    assert client.get("/v1/customers/b").status_code == 404


def test_one_order_sent_for_two_customers_at_once_is_of_one(client_on_each: httpx.Client) -> None:
    found: list[int] = []

    def send(customer_id: str, line: int) -> None:
        order = {"order_id": "o1", "customer_id": customer_id, "lines": [{"line": line, "product_id": "p1"}]}
        with httpx.Client(base_url=client_on_each.base_url, timeout=30) as own:
            found.append(own.post("/v1/orders", json=order).status_code)

    threads = [threading.Thread(target=send, args=("ab"[n % 2], n)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200] * 3 + [422] * 3


@pytest.mark.parametrize(("route", "field"), [("/v1/orders", "order_id"), ("/v1/outcomes", "decision_id")])
def test_an_id_that_no_database_could_hold_is_refused(client_on_each: httpx.Client, route: str, field: str) -> None:
    response = client_on_each.post(route, json=[{field: "a\u0000b"}])
    assert counts(response) == (0, 0, 1)


def test_flat_lines_make_orders(client: httpx.Client) -> None:
    shared = {"order_id": "o1", "customer_id": "c-new", "ordered_at": "2025-02-20T10:00:00+07:00"}
    rows = [{**shared, "product_id": "p1", "unit_price": 3}, {**shared, "product_id": "p2", "quantity": -1, "unit_price": 2}]
    assert counts(client.post("/v1/orders", json=rows)) == (2, 0, 0)
    profile = client.get("/v1/customers/c-new").json()
    assert {(t["what"], t["product_id"], t["at"]) for t in profile["touchpoints"]} == {
        ("sale", "p1", "2025-02-20T03:00:00"),
        ("return", "p2", "2025-02-20T03:00:00"),
    }


def test_events_sent_by_many_at_once_are_stored_once(client_on_each: httpx.Client) -> None:
    rows = [event(f"e{i}") for i in range(40)]
    found: list[tuple[int, int, int]] = []

    def send(order: list[dict[str, Any]]) -> None:
        with httpx.Client(base_url=client_on_each.base_url, timeout=30) as own:
            found.append(counts(own.post("/v1/events", json=order)))

    threads = [threading.Thread(target=send, args=(rows if n % 2 else rows[::-1],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(accepted for accepted, _, _ in found) == 40
    assert sum(duplicate for _, duplicate, _ in found) == 7 * 40


def test_a_body_that_is_too_large_is_refused(serve: Serve) -> None:
    with serve(max_body_bytes=2_000, max_batch_rows=3) as client:
        large = client.post("/v1/events", json=event("e", properties={"x": "y" * 3_000}))
        assert (large.status_code, large.json()["type"]) == (413, "urn:nextbest:problem:body-too-large")
        unannounced = client.post("/v1/events", content=(b"x" * 500 for _ in range(9)), headers=JSON)
        assert unannounced.status_code == 413
        chunked = client.post("/v1/decisions", content=(b"x" * 500 for _ in range(9)), headers=JSON)
        assert (chunked.status_code, chunked.json()["type"]) == (413, "urn:nextbest:problem:body-too-large")
        many = client.post("/v1/events", json=[event(f"e{i}") for i in range(4)])
        assert (many.status_code, many.json()["type"]) == (413, "urn:nextbest:problem:batch-too-large")


def test_what_a_visitor_did_is_known_once_they_are_identified(client: httpx.Client) -> None:
    seen = {"event_id": "v1", "visitor_id": "v", "event_type": "product_view", "product_id": "p1", "occurred_at": "2025-02-27"}
    said = {"event_id": "i1", "visitor_id": "v", "customer_id": "c-new", "event_type": "identify", "occurred_at": "2025-02-28"}
    assert counts(client.post("/v1/events", json=[seen, said])) == (2, 0, 0)
    profile = client.get("/v1/customers/c-new").json()
    assert profile["stage"] == "consideration"
    assert [t["what"] for t in profile["touchpoints"]] == ["identify", "product_view"]
    assert client.post("/v1/decisions", json={"visitor_id": "v"}).json()["customer_id"] == "c-new"


def test_unsubscribing_withdraws_consent_once(client: httpx.Client) -> None:
    away = event("u1", event_type="unsubscribed", channel="sms")
    client.post("/v1/events", json=away)
    unanswered = {"app": False, "email": False}  # the shop asks for both: no answer is a no
    assert client.get("/v1/customers/c-new").json()["consent"] == {**unanswered, "sms": False}
    client.put("/v1/customers/c-new/consent", json={"sms": True})
    client.post("/v1/events", json=away)
    assert client.get("/v1/customers/c-new").json()["consent"] == {**unanswered, "sms": True}
