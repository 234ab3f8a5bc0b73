"""A list is given again as it stands while nothing changed, and never after: by this server or another one on the same database."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pandas as pd
import pytest
from sqlalchemy import delete

from features.histories import histories
from features.home import Home
from serving.publishing import publish
from serving.remembered import Kept
from serving.state import keys
from serving.state.database import State
from serving.state.tables import CUSTOMERS, EVENTS, ORDER_LINES
from training.artifacts import stamp
from training.export import link_version

NOW = datetime(2025, 3, 1)
PATH = "/v1/customers/an/recommendations?explain=true"


def answer(client: httpx.Client, path: str = PATH) -> dict[str, Any]:
    response = client.get(path)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def event(event_id: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    at = (NOW - timedelta(minutes=1)).isoformat()
    return "/v1/events", {"event_id": event_id, "event_type": "product_view", "occurred_at": at, **fields}


def order(order_id: str, product_id: str) -> tuple[str, dict[str, Any]]:
    return "/v1/orders", {"order_id": order_id, "customer_id": "an", "lines": [{"product_id": product_id, "unit_price": 3}]}


def erase(state: State) -> None:
    with state.writing() as connection:
        for table in (ORDER_LINES, EVENTS, CUSTOMERS):
            connection.execute(delete(table).where(table.c.customer_id == "an"))


def test_an_unchanged_answer_is_the_one_that_was_kept(serve: Callable[..., Any]) -> None:
    server = serve()
    with server as client:
        ours = server.app.state.serving
        first = answer(client)
        (key,) = ours.remembered._answers
        kept = ours.remembered._answers[key]
        ours.remembered.put(key, Kept(b'{"as": "kept"}', kept.noted))
        assert answer(client) == {"as": "kept"}
        assert answer(client, f"{PATH}&limit=3")["recommendations"] == first["recommendations"][:3], "another question, another answer"
        count = 'nextbest_fallbacks_total{reason="unknown_customer",what="recommendations"} 3.0'
        assert count in client.get("/metrics").text, "given again, it counts again"


def test_a_question_that_cannot_be_answered_is_not_kept(serve: Callable[..., Any]) -> None:
    server = serve()
    with server as client:
        for _ in range(2):
            assert client.get(f"{PATH}&limit=0").status_code == 422
        assert len(server.app.state.serving.remembered) == 0


def test_every_change_is_seen_at_once_by_two_servers(empty_database: str, serve: Callable[..., Any], known: Any) -> None:
    one, other = serve(empty_database), serve(empty_database)
    products = known.tables.products.to_pandas()

    def publish_with(**changed: Any) -> None:
        publish(one.app.state.serving.state, as_of=NOW, histories=histories(known.tables, NOW), products=products.assign(**changed))

    def post(path: str, body: dict[str, Any]) -> None:
        assert first.post(path, json=body).json()["accepted"] == 1

    with one as first, other as second:
        changes: list[tuple[str, Callable[[], None]]] = [
            ("nothing yet", lambda: None),
            ("a view", lambda: post(*event("e1", customer_id="an", product_id="P0010"))),
            ("an order", lambda: post(*order("o1", "P0020"))),
            ("another order", lambda: post(*order("o2", "P0030"))),
            ("an erasure", lambda: erase(one.app.state.serving.state)),
            ("an identification", lambda: post(*event("i", customer_id="an", visitor_id="v", event_type="identify"))),
            ("what the visitor looks at", lambda: post(*event("e2", visitor_id="v", product_id="P0040"))),
            ("a publication", lambda: publish_with(list_price=products.list_price + 1)),
        ]
        seen: list[Any] = []
        for what, change in changes:
            change()
            found = [answer(client) for client in (first, second, second, first)]
            assert all(each == found[0] for each in found), what
            assert found[0] not in seen[-1:], f"{what} changes the answer"
            seen.append(found[0])
    reasons = [each["fallback_reason"] for each in seen]
    assert reasons == ["unknown_customer", None, None, None, "unknown_customer", "no_history", None, None]
    assert seen[4] == seen[0], "nothing is left of who was erased"
    assert seen[3]["recommendations"] != seen[2]["recommendations"]


def test_another_champion_answers_for_itself(make_home: Callable[..., Home], serve: Callable[..., Any], tmp_path: Any) -> None:
    home = make_home()
    with serve() as client:
        assert answer(client)["model_version"] == "1"
    folder = tmp_path / "second"
    folder.mkdir()
    for path in (home.champions / "affinity").resolve().iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    stamp(folder, "2")
    link_version(folder, home.champions, "affinity", "2")
    with serve() as client:
        assert [answer(client)["model_version"] for _ in range(2)] == ["2", "2"]


def test_a_product_is_shown_from_its_time_on_and_a_list_holds_no_longer_than_the_day(serve: Callable[..., Any], known: Any) -> None:
    coming = NOW + timedelta(hours=2)
    products = known.tables.products.to_pandas()
    alone = products[products.product_id == "P0001"].assign(category="Alone", available=True)
    until = {}
    for what, at in (("coming", coming), ("there", NOW)):
        server = serve()
        with server as client:
            everything = pd.concat([products[products.product_id != "P0001"], alone.assign(available_from=at)])
            publish(server.app.state.serving.state, as_of=NOW, histories=histories(known.tables, NOW), products=everything)
            shown = answer(client, f"{PATH}&category=Alone")
            (kept,) = server.app.state.serving.remembered._answers.values()
            until[what] = kept.noted.until
        assert len(shown["recommendations"]) == (what == "there")
        assert (shown["removed"].get("not_yet_available"), shown["fallback_reason"]) == (
            (1, "nothing_left_after_filters") if what == "coming" else (None, "unknown_customer")
        )
    assert until == {"coming": coming, "there": NOW + timedelta(days=1)}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nobody"}])
def test_a_kept_answer_is_for_those_with_a_key(serve: Callable[..., Any], headers: dict[str, str]) -> None:
    server = serve()
    with server as client:
        key = keys.create(server.app.state.serving.state, "app", created_at=NOW)
        server.app.state.serving.gate._read_at = float("-inf")
        assert client.get(PATH, headers={"Authorization": f"Bearer {key}"}).status_code == 200
        assert len(server.app.state.serving.remembered) == 1
        assert client.get(PATH, headers=headers).status_code == 401
