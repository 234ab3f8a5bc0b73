"""A month of a simulated shop, decided day by day under a policy with models and budgets: each record, made again from its JSON, is itself."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from decisions import Ask, Contact, Decision, Policy, Situation, crowd_of, decide_many, default_policy, policy_from_plain, replay, to_record
from decisions.catalogue import load_catalogue
from decisions.limits import limits_of
from decisions.reading import document_of
from decisions.records import to_json
from decisions.simulator import simulate
from decisions.situations import Knowledge, situations
from features.contacts import response_table
from features.engine import Tables, tables_from_frames
from features.journey import load_stages
from training.response import ResponseModel

CUSTOMERS, DAYS, TURN = 300, 30, 5
BEGINS = datetime(2024, 6, 1, 14)
LIMITS = """
contacts: {every_pushed_channel: {day: 1, week: 3}, email: {week: 2}}
groups: {offer: {month: 2}}
quiet_hours: {from: "21:00", until: "08:00", channels: [sms, phone, push]}
budgets:
  personal_recommendations: {per: day, contacts: 4}
  welcome_discount: {per: month, money: 0.05}
suppression: {rejected_count: 1, within_days: 60}
"""
OUTCOMES = (("delivered",), ("delivered", "viewed"), ("delivered", "viewed", "rejected"), ("delivered", "viewed", "accepted"))


@dataclass(frozen=True)
class Month:
    """A policy as JSON, and the JSON of every decision that it made."""

    policy: str
    records: list[str]


@pytest.fixture(scope="module")
def month() -> Month:
    shop = simulate(customers=CUSTOMERS, months=7, seed=11)
    tables = tables_from_frames({**shop.tables, "orders": shop.tables["orders"].dropna(subset="customer_id")})
    policy = _policy(tables)
    churn = {who: number / CUSTOMERS for number, who in enumerate(shop.tables["customers"].customer_id)}
    known = list(situations(tables, BEGINS, Knowledge(churn, None, load_stages())))
    return Month(json.dumps(policy.to_plain()), [to_json(made).decode() for made in _decided(known, policy)])


def _policy(tables: Tables) -> Policy:
    catalogue = load_catalogue()
    response = ResponseModel().fit(response_table(tables, BEGINS), {}, as_of=BEGINS)
    limits = limits_of(document_of(LIMITS, "limits.yaml"), catalogue=catalogue)
    return default_policy(catalogue, limits, response, seed=4, random_share=0.1, models={"response": "1"})


def _decided(known: Sequence[Situation], policy: Policy) -> Iterator[Decision]:
    """Every day decides on a fifth of the customers, with the contacts and what is left of the budgets until then."""
    rng = np.random.default_rng(7)
    contacts = {each.customer_id: list(each.contacts) for each in known}
    month_left = 0.05
    for day in range(DAYS):
        at = BEGINS + timedelta(days=day, hours=float(rng.uniform(-6, 8)))
        budgets: dict[str, tuple[float | None, float | None]] = {
            "personal_recommendations": (4, None),
            "welcome_discount": (None, month_left),
        }
        today = [_later(each, at, contacts[each.customer_id], budgets) for each in known[day % TURN :: TURN]]
        ids = [f"{day}-{each.customer_id}" for each in today]
        for part in decide_many(crowd_of(today, policy), Ask(), policy, ids):
            month_left = part.left_after["welcome_discount"][1] or 0.0
            for row in range(len(part.crowd)):
                made = part.decision(row)
                first = made.actions[0]
                outcomes = OUTCOMES[rng.integers(len(OUTCOMES))]
                contacts[made.customer_id].append(Contact(made.decision_id, first.action_id, first.channel, at, outcomes))
                yield made


def _later(
    known: Situation, at: datetime, contacts: Sequence[Contact], budgets: Mapping[str, tuple[float | None, float | None]]
) -> Situation:
    passed = (at - known.as_of) / timedelta(days=1)
    older = {name: value + passed * name.startswith("days_since_") for name, value in known.features.items()}
    return replace(known, as_of=at, features=older, contacts=contacts, budgets_left=budgets)


def test_every_decision_of_the_month_is_made_again_bit_for_bit(month: Month) -> None:
    policy = policy_from_plain(json.loads(month.policy))
    for text in month.records:
        record = json.loads(text)
        again = replay(record, policy)
        assert to_record(again) == record
        assert to_json(again).decode() == text


def test_the_month_holds_all_that_a_replay_must_get_right(month: Month) -> None:
    records: list[dict[str, Any]] = [json.loads(text) for text in month.records]
    assert len(records) == CUSTOMERS // TURN * DAYS
    assert {record["group"] for record in records} == {"policy", "no_action", "random"}
    assert len({record["actions"][0]["action_id"] for record in records}) > 15
    codes = {
        code.partition("#")[0]
        for record in records
        for told in record["stood"]["reasons"].values()
        for code in told
        if isinstance(code, str)
    }
    assert {"budget", "contact_limit", "quiet_hours", "suppressed", "series", "cooldown", "not_suitable", "other_stage"} <= codes
    assert any(record["situation"]["products"] for record in records)
    assert any(record["actions"][0]["message"] for record in records)
    assert any(record["actions"][0]["explored"] for record in records)


def test_a_changed_record_is_told_from_the_replay(month: Month) -> None:
    policy = policy_from_plain(json.loads(month.policy))
    record = json.loads(month.records[0])
    record["stood"]["probability"][0] += 1e-12
    assert to_record(replay(record, policy)) != record
