"""Visitors get actions too, none that would need an address; identified, what they were sent counts for the customer."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime

import httpx
import pytest

Rules = Callable[..., AbstractContextManager[httpx.Client]]
NOON = datetime(2025, 3, 1, 12)
RULES = """
margin_share: 0.3
actions:
  - {action_id: banner, channel: web, value: 900, response_prior: 0.5, cooldown_days: 3}
  - {action_id: nudge, channel: push, value: 50, response_prior: 0.5}
  - {action_id: letter, channels: [email, sms], value: 90, response_prior: 0.5}
"""


@pytest.fixture
def client(serve_rules: Rules) -> Iterator[httpx.Client]:
    with serve_rules(RULES, 'quiet_hours: {from: "18:00", until: "13:00", channels: [push]}', as_of=NOON) as opened:
        yield opened


def codes(answer: dict[str, list[dict[str, object]]]) -> dict[str, list[str]]:
    return {str(each["action_id"]): [r["code"] for r in each["reasons"]] for each in answer["suppressed"]}  # type: ignore[attr-defined]


def test_a_visitor_gets_what_needs_no_address(client: httpx.Client) -> None:
    client.post("/v1/events", json={"event_id": "e1", "visitor_id": "v", "event_type": "product_view", "product_id": "tea"})
    answer = client.post("/v1/decisions", json={"visitor_id": "v", "explain": True}).json()
    assert answer["fallback"] is False
    assert codes(answer) == {"nudge": ["quiet_hours"], "letter": ["no_address", "no_address"]}
    assert [each["action_id"] for each in answer["actions"]] == ["banner"]
    assert "letter" not in codes(client.post("/v1/decisions", json={"customer_id": "an"}).json())
    assert "nudge" not in codes(client.post("/v1/decisions", json={"visitor_id": "v", "deferred": True}).json())


def test_what_a_visitor_was_sent_counts_once_they_are_identified(client: httpx.Client) -> None:
    sent = client.post("/v1/decisions", json={"visitor_id": "v", "channel": "web"}).json()
    assert sent["actions"][0]["action_id"] == "banner"
    asked = {"customer_id": "an", "channel": "web"}
    assert "banner" not in codes(client.post("/v1/decisions", json={**asked, "dry_run": True}).json())
    identify = {"event_id": "i", "event_type": "identify", "visitor_id": "v", "customer_id": "an"}
    assert client.post("/v1/events", json=identify).json()["accepted"] == 1
    for who in ({"customer_id": "an"}, {"visitor_id": "v"}):
        answer = client.post("/v1/decisions", json={**who, "channel": "web"}).json()
        assert answer["customer_id"] == "an"
        assert codes(answer)["banner"] == ["cooldown"]
        assert "no_address" not in codes(answer)["letter"]
    assert client.get(f"/v1/decisions/{sent['decision_id']}").json()["replay"]["same"] is True


def test_a_deferred_contact_is_never_sent_in_quiet_hours_of_the_customers_own_clock(client: httpx.Client) -> None:
    # at noon UTC it is 19 h in Saigon, quiet until 13 h there: 6 h UTC of the next day
    client.put("/v1/customers/an", json={"timezone": "Asia/Ho_Chi_Minh"})
    now = client.post("/v1/decisions", json={"customer_id": "an", "channel": "push"}).json()
    assert codes(now)["nudge"] == ["quiet_hours"]
    later = client.post("/v1/decisions", json={"customer_id": "an", "channel": "push", "deferred": True}).json()
    (action,) = later["actions"]
    assert action["action_id"] == "nudge"
    at = datetime.fromisoformat(action["send_at"]).replace(tzinfo=None)
    assert at >= datetime(2025, 3, 2, 6)
    assert 13 <= (at.hour + 7) % 24 < 18
