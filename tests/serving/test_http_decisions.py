import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pandas as pd
import pytest

from decisions.decision import Terms
from features.contract import STAGES

Serve = Callable[..., AbstractContextManager[httpx.Client]]


@pytest.fixture
def buyer(known: Any) -> str:
    """The customer who bought most."""
    return str(known.frame.sort_values("order_count").customer_id.iloc[-1])


def test_a_decision_is_found_again_after_a_restart_and_replays_to_the_same(serve: Serve, empty_database: str, buyer: str) -> None:
    with serve(empty_database) as client:
        made = client.post("/v1/decisions", json={"customer_id": buyer, "k": 3, "placements": ["home"], "explain": True}).json()
        assert made["decision_id"]
    # the same database, served anew
    with serve(empty_database, seed=0) as client:
        found = client.get(f"/v1/decisions/{made['decision_id']}").json()
        assert found["answer"] == made
        assert found["request"]["placements"] == ["home"]
        assert found["features"]["order_count"] > 0
        assert found["replay"]["same"] is True


def test_an_answer_carries_all_that_the_contract_names(client: httpx.Client, buyer: str) -> None:
    made = client.post("/v1/decisions", json={"customer_id": buyer, "explain": True}).json()
    assert {"decision_id", "stage", "policy_version", "actions", "suppressed", "holdout", "fallback"} <= made.keys()
    assert made["stage"] in STAGES
    assert made["fallback"] is False
    (first,) = made["actions"]
    assert set(first["terms"]) == {*Terms.__dataclass_fields__, "cost"}
    assert 0 < first["action_probability"] <= 1
    assert first["reasons"]
    assert all(each["reasons"] for each in made["suppressed"])
    assert sum(each["probability"] for each in made["candidates"]) == pytest.approx(1)


def test_the_same_key_or_id_gives_the_same_answer(client_on_each: httpx.Client, buyer: str) -> None:
    client = client_on_each
    key = {"Idempotency-Key": "cart-7"}
    first = client.post("/v1/decisions", json={"customer_id": buyer}, headers=key).json()
    assert client.post("/v1/decisions", json={"customer_id": buyer}, headers=key).json() == first
    assert client.post("/v1/decisions", json={"customer_id": buyer}).json()["decision_id"] != first["decision_id"]
    named = client.post("/v1/decisions", json={"customer_id": buyer, "decision_id": "mine"}).json()
    assert client.post("/v1/decisions", json={"customer_id": buyer, "decision_id": "mine"}).json() == named
    other = client.post("/v1/decisions", json={"customer_id": buyer, "decision_id": "mine", "k": 2})
    assert (other.status_code, other.json()["type"]) == (409, "urn:nextbest:problem:asked-differently")


def test_one_id_asked_by_many_at_once_is_one_decision(client_on_each: httpx.Client, buyer: str) -> None:
    found: list[dict[str, Any]] = []

    def ask() -> None:
        with httpx.Client(base_url=client_on_each.base_url, timeout=30) as own:
            found.append(own.post("/v1/decisions", json={"customer_id": buyer, "decision_id": "once"}).json())

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert all(each == found[0] for each in found)


def test_contacts_are_counted_whoever_asks_and_however_many_at_once(client_on_each: httpx.Client, known: Any) -> None:
    who = _not_contacted(known)

    def ask() -> None:
        with httpx.Client(base_url=client_on_each.base_url, timeout=30) as own:
            answers.append(own.post("/v1/decisions", json={"customer_id": who, "channel": "email", "k": 1}))

    answers: list[httpx.Response] = []
    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each.status_code for each in answers} <= {200, 503}
    sent = [each.json() for each in answers if each.status_code == 200]
    assert sum(answer["actions"][0]["channel"] == "email" for answer in sent) <= 1  # the default limit: one e-mail a day


def test_a_dry_run_and_a_preview_record_nothing(client: httpx.Client, buyer: str) -> None:
    dry = client.post("/v1/decisions", json={"customer_id": buyer, "decision_id": "d", "dry_run": True}).json()
    assert dry["decision_id"] is None
    assert client.get("/v1/decisions/d").status_code == 404
    before = client.get(f"/v1/customers/{buyer}").json()["decisions"]
    preview = client.get(f"/v1/customers/{buyer}/next-best-action").json()
    assert preview["decision_id"] is None
    assert client.get(f"/v1/customers/{buyer}").json()["decisions"] == before


def test_a_preview_for_every_stage_names_the_customers_own(client: httpx.Client, buyer: str) -> None:
    every = client.get(f"/v1/customers/{buyer}/next-best-action", params={"stage": "all"}).json()
    assert set(every["stages"]) == set(STAGES)
    assert every["stage"] in STAGES
    assert all(answer["actions"] for answer in every["stages"].values())
    one = client.get(f"/v1/customers/{buyer}/next-best-action", params={"stage": "advocacy", "channel": "email"}).json()
    assert one["stage"] == "advocacy"
    assert one["actions"][0]["channel"] in ("email", None)


@pytest.mark.parametrize("stage", ["retension", "", "ALL"])
def test_an_unknown_stage_is_refused_and_the_six_are_named(client: httpx.Client, stage: str) -> None:
    for response in (
        client.get("/v1/customers/x/next-best-action", params={"stage": stage}),
        client.post("/v1/decisions", json={"customer_id": "x", "stage": stage}),
    ):
        assert response.status_code == 400
        assert all(name in response.json()["remedy"] for name in STAGES)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"customer_id": "x", "visitor_id": "v"}, "body"),
        ({"customer_id": "x", "k": 0}, "body.k"),
        ({"customer_id": "x", "context": {"coupon": "much"}}, "body.context.coupon"),
        ({"customer_id": "x", "stag": "retention"}, "body.stag"),
        ({"customer_id": 17850}, "body.customer_id"),
        ({"customer_id": ""}, "body.customer_id"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(client: httpx.Client, body: dict[str, Any], field: str) -> None:
    response = client.post("/v1/decisions", json=body)
    assert response.status_code == 422
    assert [each["field"] for each in response.json()["errors"]] == [field]


def test_an_unknown_channel_or_weight_is_refused(client: httpx.Client) -> None:
    channel = client.post("/v1/decisions", json={"customer_id": "x", "channel": "e-mail"})
    assert channel.status_code == 422
    assert "'email'" in channel.json()["detail"]
    weight = client.post("/v1/decisions", json={"customer_id": "x", "context": {"cupon": 2}})
    assert weight.status_code == 400
    assert "cupon" in weight.json()["detail"]


def test_somebody_unknown_gets_a_fallback(client: httpx.Client) -> None:
    for body in ({"customer_id": "never seen"}, {"visitor_id": "v-never"}):
        answer = client.post("/v1/decisions", json=body).json()
        assert answer["fallback"] is True
        assert answer["stage"] == "awareness"
        assert answer["actions"]


def test_outcomes_join_their_decision_and_withdraw_consent(client_on_each: httpx.Client, known: Any) -> None:
    client, who = client_on_each, _not_contacted(known)
    made = client.post("/v1/decisions", json={"customer_id": who, "channel": "email", "decision_id": "d1"}).json()
    rows = [
        {"event_id": "o1", "decision_id": "d1", "outcome_type": "delivered", "occurred_at": "2025-02-28T23:00:00"},
        {"event_id": "o2", "decision_id": "d1", "outcome_type": "unsubscribed"},
        {"event_id": "o3", "decision_id": "d9", "outcome_type": "viewed"},
        {"event_id": "o4", "decision_id": "d1", "outcome_type": "seen"},
    ]
    receipt = client.post("/v1/outcomes", json=rows).json()
    assert (receipt["accepted"], receipt["duplicate"], receipt["refused"]) == (2, 0, 2)
    assert [each["index"] for each in receipt["refusals"]] == [2, 3]
    assert client.post("/v1/outcomes", json=rows[:2]).json()["duplicate"] == 2
    found = client.get("/v1/decisions/d1").json()
    assert [each["outcome_type"] for each in found["outcomes"]] == ["delivered", "unsubscribed"]
    if made["actions"][0]["channel"] == "email":
        assert client.get(f"/v1/customers/{who}").json()["consent"]["email"] is False
        again = client.post("/v1/decisions", json={"customer_id": who, "channel": "email"}).json()
        assert again["actions"][0]["action_id"] == "no_action"


def test_consent_that_is_withdrawn_stops_the_next_action(client: httpx.Client, known: Any) -> None:
    who = _not_contacted(known)
    profile = client.put(f"/v1/customers/{who}/consent", json={"email": False}).json()
    assert profile["consent"]["email"] is False
    answer = client.get(f"/v1/customers/{who}/next-best-action", params={"channel": "email", "explain": True}).json()
    assert answer["actions"][0]["action_id"] == "no_action"
    codes = {reason["code"] for each in answer["suppressed"] for reason in each["reasons"]}
    assert "no_consent" in codes


def test_the_holdout_gets_no_action_and_the_answer_says_so(serve: Serve, buyer: str) -> None:
    with serve(holdout_share=1.0) as client:
        answer = client.post("/v1/decisions", json={"customer_id": buyer}).json()
    assert answer["holdout"] is True
    assert [each["action_id"] for each in answer["actions"]] == ["no_action"]


def test_what_a_customer_is_called_cannot_become_markup(client: httpx.Client, known: Any) -> None:
    who = _not_contacted(known)
    client.put(f"/v1/customers/{who}", json={"name": "<script>alert(1)</script>", "locale": "en", "consent_email": True})
    for stage in client.get(f"/v1/customers/{who}/next-best-action", params={"stage": "all", "k": 50}).json()["stages"].values():
        for action in stage["actions"]:
            if action["message"]:
                assert "<script" not in action["message"]["body"] + action["message"]["subject"]


def _not_contacted(known: Any) -> str:
    """A buyer who consented to e-mail and whom no decision reached."""
    customers: pd.DataFrame = known.tables.customers.to_pandas()
    reached = set(known.tables.decisions.to_pandas().customer_id)
    bought = set(known.frame[known.frame.order_count > 0].customer_id)
    agreed = customers[customers.consent_email == True]  # noqa: E712  # a nullable column
    fresh = [who for who in agreed.customer_id if who in bought and who not in reached]
    return str(fresh[0] if fresh else agreed.customer_id.iloc[0])


def test_no_answer_is_a_no_where_the_shop_asks_for_consent(client: httpx.Client) -> None:
    client.put("/v1/customers/newcomer", json={"name": "Lan", "email": "lan@example.com"})
    answer = client.post(
        "/v1/decisions", json={"customer_id": "newcomer", "stage": "consideration", "channel": "email", "dry_run": True}
    ).json()
    assert answer["actions"][0]["action_id"] == "no_action"
    (letter,) = (each for each in answer["suppressed"] if each["action_id"] == "personal_letter")
    assert "no_consent" in {reason["code"] for reason in letter["reasons"]}
    client.put("/v1/customers/newcomer/consent", json={"email": True})
    asked = {"customer_id": "newcomer", "stage": "consideration", "channel": "email", "dry_run": True, "explain": True}
    allowed = {each["action_id"] for each in client.post("/v1/decisions", json=asked).json()["candidates"] if each["allowed"]}
    assert "personal_letter" in allowed
