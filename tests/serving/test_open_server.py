"""A server without keys answers this machine alone: no page of another site may write through a user's browser."""

from datetime import datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from features.errors import InputError
from serving import auth
from serving.auth import Gate, is_loopback
from serving.state import keys
from serving.state.database import State
from serving.state.tables import API_KEYS

NOW = datetime(2025, 3, 1)
AWAY = {"event_id": "u1", "customer_id": "c-new", "event_type": "unsubscribed", "channel": "sms"}
BODIES = (
    ("POST", "/v1/recommendations"),
    ("POST", "/v1/churn:query"),
    ("POST", "/v1/decisions"),
    ("POST", "/v1/decisions:batch"),
    ("POST", "/v1/events"),
    ("POST", "/v1/orders"),
    ("POST", "/v1/outcomes"),
    ("PUT", "/v1/customers/x"),
    ("PUT", "/v1/customers/x/consent"),
)


@pytest.mark.parametrize("sent", ["text/plain", "application/x-www-form-urlencoded", "text/plain; application/json", ""])
@pytest.mark.parametrize(("method", "route"), BODIES)
def test_a_body_that_is_not_sent_as_json_is_refused(client: httpx.Client, method: str, route: str, sent: str) -> None:
    response = client.request(method, route, content=b"{}", headers={"Content-Type": sent} if sent else {})
    assert (response.status_code, response.json()["type"]) == (415, "urn:nextbest:problem:not-json")
    assert "Content-Type: application/json" in response.json()["remedy"]


def test_every_route_with_a_body_is_among_those_that_ask_for_json(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()["paths"]
    taken = {(method.upper(), path.replace("{customer_id}", "x")) for path, methods in described.items() for method in methods}
    assert {(method, path) for method, path in taken if method not in ("GET", "DELETE")} == set(BODIES)


def test_json_may_name_its_letters(client: httpx.Client) -> None:
    response = client.post("/v1/events", content=b"[]", headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert response.status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1.evil.example", "http://evil.example:8000"])
def test_a_page_of_another_site_changes_nothing(client: httpx.Client, origin: str) -> None:
    response = client.post("/v1/events", json=AWAY, headers={"Origin": origin})
    assert (response.status_code, response.json()["type"]) == (403, "urn:nextbest:problem:foreign-origin")
    assert client.get("/v1/customers/c-new").status_code == 404


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "http://localhost:3000", "http://[::1]:8000"])
def test_a_page_of_this_machine_may_ask(client: httpx.Client, origin: str) -> None:
    assert client.post("/v1/events", json=AWAY, headers={"Origin": origin}).status_code == 200


def test_with_a_key_the_origin_does_not_matter(serve: Any) -> None:
    server = serve()
    token = keys.create(server.app.state.serving.state, "app", created_at=NOW)
    server.app.state.serving.gate._read_at = float("-inf")
    with server as client:
        headers = {"Origin": "http://shop.example", "Authorization": f"Bearer {token}"}
        assert client.post("/v1/events", json=AWAY, headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["testserver", "0.0.0.0", "localhost.evil.example", ""])
def test_another_name_is_not_this_machine(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_server_that_is_closed_does_not_open_when_its_last_key_goes(state: State, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setattr(auth, "REFRESH_SECONDS", -1.0)  # look again each time
    keys.create(state, "admin", created_at=NOW)
    gate = Gate.at(host, state)
    assert not gate.is_open
    with state.writing() as connection:
        connection.execute(delete(API_KEYS))
    assert not gate.is_open
    if host == "0.0.0.0":
        with pytest.raises(InputError, match="without a key"):
            Gate.at(host, state)


def test_an_open_server_is_closed_by_its_first_key_for_good(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "REFRESH_SECONDS", -1.0)
    gate = Gate.at("127.0.0.1", state)
    seen = [gate.is_open]
    keys.create(state, "app", created_at=NOW)
    seen.append(gate.is_open)
    with state.writing() as connection:
        connection.execute(delete(API_KEYS))
    seen.append(gate.is_open)
    assert seen == [True, False, False]
    assert Gate.at("127.0.0.1", state).is_open  # started anew
