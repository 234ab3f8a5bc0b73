"""Whatever changes after a decision, its replay says the same; and whatever is changed of its record or its policy is told."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

Rules = Callable[..., AbstractContextManager[httpx.Client]]
NOON = datetime(2025, 3, 1, 12)
ONE = "{margin_share: 0.3, actions: [{action_id: gift, channel: web, cost: 1, value: 900, response_prior: 0.5, stages: [awareness]}]}"
TWO = """
margin_share: 0.3
actions:
  - {action_id: gift, channel: web, cost: 1, value: 3, response_prior: 0.1, eligibility: order_count > 9}
  - {action_id: letter, channel: email, cost: 1, value: 30, response_prior: 0.5}
"""


def stored(url: str, table: str, column: str) -> Any:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT {column} FROM {table}")).scalar_one()
    engine.dispose()
    return json.loads(found) if isinstance(found, str) else found


def store(url: str, table: str, column: str, value: Any) -> None:
    engine = create_engine(url)
    kind = "CAST(:value AS json)" if url.startswith("postgresql") else ":value"
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {table} SET {column} = {kind}"), {"value": json.dumps(value)})
    engine.dispose()


def write(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement.replace(":", "\\:")))
    engine.dispose()


def test_earlier_decisions_replay_alike_after_everything_changed(serve_rules: Rules, empty_database: str) -> None:
    asked: list[dict[str, Any]] = [
        {"customer_id": "an"},
        {"customer_id": "an", "stage": "retention", "k": 3},
        {"visitor_id": "v", "placements": ["home", "cart"], "context": {"gift": 2}, "deferred": True},
    ]
    with serve_rules(ONE, "{}", empty_database, as_of=NOON) as client:
        first = [client.post("/v1/decisions", json=each).json() for each in asked]
    changed = {"seed": 5, "holdout_share": 0.5, "random_share": 0.3}
    with serve_rules(TWO, "{contacts: {email: {day: 1}}}", empty_database, as_of=NOON, **changed) as client:
        client.post("/v1/events", json={"event_id": "e", "customer_id": "an", "event_type": "product_view", "product_id": "tea"})
        second = [client.post("/v1/decisions", json=each).json() for each in asked]
        for made in (*first, *second):
            found = client.get(f"/v1/decisions/{made['decision_id']}").json()
            assert found["replay"]["same"] is True, found["replay"]["why"]
            assert {**found["answer"], "candidates": None} == made
        assert {each["policy_version"] for each in first}.isdisjoint(each["policy_version"] for each in second)


def changed_action(record: dict[str, Any]) -> None:
    record["actions"][0]["action_probability"] = 0.123


def changed_feature(record: dict[str, Any]) -> None:
    record["situation"]["expected_order_value"] = 1e6
    record["stood"]["terms"]["priority"][1] += 1


def impossible_zone(record: dict[str, Any]) -> None:
    record["situation"]["timezone"] = "Mars/Olympus"
    record["situation"]["hours"] = [1.0] * 24
    record["ask"]["decision_id"] = 7


@pytest.mark.parametrize("change", [changed_action, changed_feature, impossible_zone])
def test_a_record_that_was_changed_is_told(serve_rules: Rules, empty_database: str, change: Callable[[dict[str, Any]], None]) -> None:
    with serve_rules(ONE, "{}", empty_database, as_of=NOON) as client:
        made = client.post("/v1/decisions", json={"customer_id": "an"}).json()
        record = stored(empty_database, "decisions", "record")
        change(record)
        store(empty_database, "decisions", "record", record)
        replay = client.get(f"/v1/decisions/{made['decision_id']}").json()["replay"]
    assert replay["same"] is False
    assert "changed" in replay["why"]


@pytest.mark.parametrize("change", [{"format": 1}, {"why": None}, {"stood": {}}])
def test_a_record_that_cannot_be_read_is_a_problem_and_no_defect(serve_rules: Rules, empty_database: str, change: dict[str, Any]) -> None:
    with serve_rules(ONE, "{}", empty_database, as_of=NOON) as client:
        client.post("/v1/decisions", json={"customer_id": "an", "decision_id": "old"})
        store(empty_database, "decisions", "record", {**stored(empty_database, "decisions", "record"), **change})
        for response in (client.get("/v1/decisions/old"), client.post("/v1/decisions", json={"customer_id": "an", "decision_id": "old"})):
            assert (response.status_code, response.json()["type"]) == (409, "urn:nextbest:problem:unreadable-record")
            assert "record" in response.json()["detail"]
            assert response.json()["remedy"]


COLUMNS = {
    "customer_id": "'binh'",
    "visitor_id": "'v'",
    "decided_at": "'2025-03-01 12:00:01'",
    "stage": "'advocacy'",
    "channel": "'email'",
    "action_id": "'letter'",
    "action_probability": "0.123",
    "holdout": "NOT holdout",
    "request": """'{"asked": {"customer_id": "an", "k": 7}, "known": true}'""",
    "digest": "'0'",
}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_that_was_changed_is_told(serve_rules: Rules, empty_database: str, column: str) -> None:
    with serve_rules(ONE, "{}", empty_database, as_of=NOON) as client:
        client.post("/v1/decisions", json={"customer_id": "an", "decision_id": "d"})
        assert client.get("/v1/decisions/d").json()["replay"]["same"] is True
        write(empty_database, f"UPDATE decisions SET {column} = {COLUMNS[column]}")
        replay = client.get("/v1/decisions/d").json()["replay"]
    assert replay["same"] is False
    assert "was changed since it was recorded" in replay["why"]


def test_a_situation_that_was_changed_is_told_though_the_same_is_decided_on_it(serve_rules: Rules, empty_database: str) -> None:
    with serve_rules(ONE, "{}", empty_database, as_of=NOON) as client:
        client.post("/v1/decisions", json={"customer_id": "an", "decision_id": "d"})
        record = stored(empty_database, "decisions", "record")
        store(empty_database, "decisions", "record", record)
        assert client.get("/v1/decisions/d").json()["replay"]["same"] is True, "written with blanks, it says the same"
        record["situation"]["features"]["order_count"] += 1
        store(empty_database, "decisions", "record", record)
        told = client.get("/v1/decisions/d").json()["replay"]
        write(empty_database, "UPDATE decisions SET digest = NULL")
        untold = client.get("/v1/decisions/d").json()["replay"]
        write(empty_database, "UPDATE decisions SET action_probability = 0.123")
        columns = client.get("/v1/decisions/d").json()["replay"]
    assert (told["same"], "digest" in told["why"]) == (False, True)
    assert untold["same"] is True, "a row of before there were digests is replayed alone"
    assert (columns["same"], "action_probability" in columns["why"]) == (False, True)


def test_an_update_of_the_program_makes_no_replay_differ(serve_rules: Rules, empty_database: str) -> None:
    with serve_rules(ONE, "{}", empty_database, as_of=NOON) as client:
        client.post("/v1/decisions", json={"customer_id": "an", "decision_id": "d"})
        record = stored(empty_database, "decisions", "record")
        ours, record["code_version"] = record["code_version"], "0.0.9"
        store(empty_database, "decisions", "record", record)
        write(empty_database, "UPDATE decisions SET digest = NULL")
        replay = client.get("/v1/decisions/d").json()["replay"]
    assert replay["same"] is True
    assert "0.0.9" in replay["why"]
    assert ours in replay["why"]


def null_reason(record: dict[str, Any]) -> Any:
    return {**record, "stood": {**record["stood"], "reasons": {"gift": [None]}}}


def odd_stage(record: dict[str, Any]) -> Any:
    return {**record, "stage": {"of": 5}}


@pytest.mark.parametrize("change", [lambda _: [], lambda _: "text", lambda _: None, lambda _: 5, null_reason, odd_stage])
def test_a_record_that_is_no_record_is_a_problem_and_no_defect(
    serve_rules: Rules, empty_database: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    with serve_rules(ONE, "{}", empty_database, as_of=NOON) as client:
        client.post("/v1/decisions", json={"customer_id": "an", "decision_id": "d"})
        store(empty_database, "decisions", "record", change(stored(empty_database, "decisions", "record")))
        response = client.get("/v1/decisions/d")
    assert (response.status_code, response.json()["type"]) == (409, "urn:nextbest:problem:unreadable-record")


@pytest.mark.parametrize("request_row", [[], "text", {"asked": []}])
def test_a_request_that_is_none_is_a_problem_and_no_defect(serve_rules: Rules, empty_database: str, request_row: Any) -> None:
    asked = {"customer_id": "an", "decision_id": "d"}
    with serve_rules(ONE, "{}", empty_database, as_of=NOON) as client:
        client.post("/v1/decisions", json=asked)
        store(empty_database, "decisions", "request", request_row)
        for response in (client.get("/v1/decisions/d"), client.post("/v1/decisions", json=asked)):
            assert (response.status_code, response.json()["type"]) == (409, "urn:nextbest:problem:unreadable-record")


def test_what_is_no_json_is_a_problem_and_no_defect(serve_rules: Rules, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with serve_rules(ONE, "{}", url, as_of=NOON) as client:
        client.post("/v1/decisions", json={"customer_id": "an", "decision_id": "d"})
    write(url, "UPDATE policies SET record = '{'")
    with serve_rules(TWO, "{}", url, as_of=NOON) as client:
        assert client.get("/v1/decisions/d").json()["replay"]["same"] is None
        write(url, "UPDATE decisions SET record = '{'")
        assert client.get("/v1/decisions/d").status_code == 409


def test_an_id_with_a_slash_is_found(serve_rules: Rules, empty_database: str) -> None:
    with serve_rules(ONE, "{}", empty_database, as_of=NOON) as client:
        client.post("/v1/decisions", json={"customer_id": "an", "decision_id": "mail/2025/é"})
        for path in ("mail/2025/é", "mail%2F2025%2F%C3%A9"):
            assert client.get(f"/v1/decisions/{path}").json()["replay"]["same"] is True


@pytest.mark.parametrize(
    "change", [{"seed": 77}, {"seed": "x"}, {"seed": None}, {"catalogue": {}}, {"limits": 3}, {"rules_version": 1}, {"response": 5}, None]
)
def test_a_kept_policy_that_was_changed_proves_nothing(serve_rules: Rules, empty_database: str, change: dict[str, Any] | None) -> None:
    with serve_rules(ONE, "{}", empty_database, as_of=NOON) as client:
        made = client.post("/v1/decisions", json={"customer_id": "an"}).json()
    kept = stored(empty_database, "policies", "record")
    store(empty_database, "policies", "record", [kept] if change is None else {**kept, **change})
    with serve_rules(TWO, "{}", empty_database, as_of=NOON) as client:
        found = client.get(f"/v1/decisions/{made['decision_id']}").json()
    assert found["answer"]["actions"] == made["actions"], "the record itself still stands"
    assert found["replay"]["same"] is None
    assert "policy" in found["replay"]["why"]


def test_without_its_policy_a_decision_is_shown_and_cannot_be_proved(serve_rules: Rules, empty_database: str) -> None:
    with serve_rules(ONE, "{}", empty_database, as_of=NOON) as client:
        made = client.post("/v1/decisions", json={"customer_id": "an", "stage": "retention"}).json()
    engine = create_engine(empty_database)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM policies"))
    engine.dispose()
    with serve_rules(TWO, "{}", empty_database, as_of=NOON) as client:
        found = client.get(f"/v1/decisions/{made['decision_id']}").json()
    assert found["replay"] == {"same": None, "why": f"The policy {made['policy_version']} that made it is not kept."}
    assert found["answer"]["actions"] == made["actions"]
    codes = [[reason["code"] for reason in each["reasons"]] for each in found["answer"]["suppressed"]]
    assert codes == [["other_stage"]]
