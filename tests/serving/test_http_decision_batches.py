"""Several decisions at once: each as if it had been asked alone, one after the other, and all recorded or none."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import httpx
import pytest

Rules = Callable[..., AbstractContextManager[httpx.Client]]
NOON = datetime(2025, 3, 1, 12)
RULES = """
margin_share: 0.3
actions:
  - {action_id: banner, channel: web, value: 900, response_prior: 0.5, placements: [home]}
  - {action_id: letter, channel: email, value: 500, response_prior: 0.5, cooldown_days: 3}
"""


@pytest.fixture
def client(serve_rules: Rules) -> Any:
    with serve_rules(RULES, "{contacts: {email: {day: 1}}}", as_of=NOON) as opened:
        yield opened


def batch(client: httpx.Client, *asked: dict[str, Any], **headers: str) -> httpx.Response:
    return client.post("/v1/decisions:batch", json={"decisions": list(asked)}, headers=headers)


def actions(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [each["actions"][0]["action_id"] for each in response.json()["decisions"]]


def test_answers_stand_in_the_order_asked_and_dry_runs_record_nothing(client: httpx.Client) -> None:
    asked = [{"customer_id": who, "channel": "email", "decision_id": f"d-{who}"} for who in ("chi", "an", "binh")]
    asked[1]["dry_run"] = True  # type: ignore[assignment]
    response = batch(client, *asked)
    assert [(each["customer_id"], each["decision_id"]) for each in response.json()["decisions"]] == [
        ("chi", "d-chi"),
        ("an", None),
        ("binh", "d-binh"),
    ]
    assert [client.get(f"/v1/decisions/d-{who}").status_code for who in ("chi", "an", "binh")] == [200, 404, 200]


def test_one_customer_twice_keeps_the_limits(client: httpx.Client) -> None:
    same = {"customer_id": "an", "channel": "email"}
    assert actions(batch(client, same, {**same, "customer_id": "binh"}, same)) == ["letter", "letter", "no_action"]
    assert actions(batch(client, same)) == ["no_action"]


def test_one_customer_many_times_is_recorded_as_if_asked_one_by_one(serve_rules: Rules) -> None:
    own = {"customer_id": "an", "channel": "email", "k": 1}
    with serve_rules(
        RULES.replace("cooldown_days: 3", "when: contact_count_7d < 9"), "{contacts: {email: {day: 12}}}", as_of=NOON
    ) as client:
        asked = [{**own, "decision_id": f"d{n}"} for n in range(20)]
        assert actions(batch(client, *asked)) == ["letter"] * 9 + ["no_action"] * 11
        assert client.get("/v1/decisions/d19").json()["replay"]["same"] is True
        found = [client.get(f"/v1/decisions/d{n}").json()["reserved"] for n in (0, 8, 9)]
        assert [sum(each["count"] for each in taken) for taken in found] == [1, 1, 0]
        one_by_one = [client.post("/v1/decisions", json={**own, "customer_id": "binh"}).json() for _ in range(11)]
    assert [each["actions"][0]["action_id"] for each in one_by_one] == ["letter"] * 9 + ["no_action"] * 2


def test_what_cannot_be_asked_refuses_all_and_names_which(client: httpx.Client) -> None:
    good = {"customer_id": "an", "decision_id": "good"}
    for bad, status in (
        ({"customer_id": "b", "stage": "retension"}, 400),
        ({"customer_id": "b", "context": {"leter": 2}}, 400),
        ({"customer_id": "b", "channel": "emial"}, 422),
        ({"customer_id": "b", "k": 51}, 422),
        ({"customer_id": "b", "placements": [3]}, 422),
    ):
        response = batch(client, good, bad)
        assert response.status_code == status
        assert "decisions.1" in response.json()["detail"]
    assert client.get("/v1/decisions/good").status_code == 404


def test_the_same_id_twice_none_and_too_many_are_refused(client: httpx.Client) -> None:
    twice = batch(client, *[{"customer_id": who, "decision_id": "d"} for who in ("an", "binh")])
    assert (twice.status_code, twice.json()["type"]) == (422, "urn:nextbest:problem:duplicate-id")
    assert [batch(client, *[{"customer_id": "an", "dry_run": True}] * count).status_code for count in (0, 1, 500, 501)] == [
        422,
        200,
        200,
        422,
    ]


def test_the_same_key_gives_the_same_batch_and_another_body_is_refused(client: httpx.Client) -> None:
    asked = [{"customer_id": who} for who in ("an", "binh", "chi")]
    first = batch(client, *asked, **{"Idempotency-Key": "monday"})
    assert len({each["decision_id"] for each in first.json()["decisions"]}) == 3
    assert batch(client, *asked, **{"Idempotency-Key": "monday"}).json() == first.json()
    other = batch(client, *asked[:2], {"customer_id": "dung"}, {"customer_id": "new", "decision_id": "n"}, **{"Idempotency-Key": "monday"})
    assert (other.status_code, other.json()["type"]) == (409, "urn:nextbest:problem:asked-differently")
    assert client.get("/v1/decisions/n").status_code == 404, "nothing of it is recorded"
    longer = batch(client, *asked, {"customer_id": "new", "decision_id": "n"}, **{"Idempotency-Key": "monday"})
    assert longer.json()["decisions"][:3] == first.json()["decisions"]


def test_every_place_is_answered_and_no_letter_stands_in_one(client: httpx.Client) -> None:
    answer = client.post("/v1/decisions", json={"customer_id": "an", "placements": ["cart", "home", "home"]}).json()
    assert [(each["placement"], each["action_id"]) for each in answer["actions"]] == [
        ("cart", "no_action"),
        ("home", "banner"),
        ("home", "no_action"),
    ]
    assert [each["reasons"][0]["code"] for each in answer["actions"]] == ["place_alone", "best", "place_alone"]
    assert {each["action_id"]: each["reasons"][0]["code"] for each in answer["suppressed"]} == {"letter": "other_placement"}
    unknown = client.post("/v1/decisions", json={"customer_id": "an", "placements": ["nowhere"]}).json()
    assert [(each["placement"], each["action_id"]) for each in unknown["actions"]] == [("nowhere", "no_action")]


@pytest.mark.parametrize("weight", ["true", '"much"', "NaN", "1e999", "null", "[1]"])
def test_a_weight_of_another_type_is_refused(client: httpx.Client, weight: str) -> None:
    body = f'{{"customer_id": "an", "context": {{"banner": {weight}}}}}'
    response = client.post("/v1/decisions", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)
    assert response.json()["remedy"]
