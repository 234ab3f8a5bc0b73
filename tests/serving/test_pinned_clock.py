"""A clock that is pinned to a time sees nothing of what happened later, whatever is published and posted."""

import json
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from decisions.catalogue import load_catalogue
from decisions.limits import Limits
from decisions.merchandising import Rules
from decisions.policy import default_policy
from decisions.situation import Contact
from features.contacts import contact_history
from features.history import CustomerHistory
from features.journey import load_stages
from serving.champions import Champions
from serving.current import Current, Reader
from serving.decision_rows import Subject
from serving.desk import Desk
from serving.offering import Offering
from serving.older_policies import OlderPolicies
from serving.publishing import publish
from serving.risk import churn_probability, risk
from serving.shop import Shops
from serving.situations import Situations
from serving.state import decisions, events
from serving.state.database import State, open_state

JANUARY = datetime(2025, 1, 10)
MARCH = datetime(2025, 3, 1)
ORDERED = CustomerHistory.of([{"order_id": "o1", "product_id": "tea", "ordered_at": datetime(2024, 12, 1), "unit_price": 3.0}])


def reader() -> Reader:
    stages = load_stages()
    return Reader(Shops({level.name: 9e9 for level in stages.levels}), stages)


def current(state: State, now: datetime) -> Current:
    with state.reading() as connection:
        return reader().customer(connection, "c1", now)


@cache
def desk() -> Desk:
    """One for all: a catalogue takes a tenth of a second to read."""
    policy = default_policy(load_catalogue(), Limits())
    return Desk(reader(), Situations(Champions(), policy, Offering(Rules(), None)), OlderPolicies(policy))


def contacts(state: State, subject: Subject, now: datetime) -> list[Contact]:
    with state.reading() as connection:
        return list(desk().read(connection, subject, now)[1].contacts)


def decision(decision_id: str, decided_at: datetime, *, customer_id: str | None = "c1", visitor_id: str | None = None) -> dict[str, Any]:
    return {
        "decision_id": decision_id,
        "customer_id": customer_id,
        "visitor_id": visitor_id,
        "decided_at": decided_at,
        "stage": "retention",
        "channel": "email",
        "action_id": "winback_offer",
        "action_probability": 0.5,
        "policy_version": "v",
        "holdout": False,
        "request": {},
        "record": {},
    }


def contact(decision_id: str, decided_at: datetime, subject_id: str) -> dict[str, Any]:
    shared = {"decision_id": decision_id, "rank": 1, "subject_id": subject_id, "decided_at": decided_at}
    return {**shared, "action_id": "winback_offer", "channel": "email"}


@pytest.mark.parametrize("own_time", [True, False])
def test_a_published_score_of_a_later_time_is_used_by_no_answer(state: State, own_time: bool) -> None:
    scores = pd.DataFrame({"customer_id": ["c1"], "churn_probability": [0.2], "stage": ["retention"]})
    if own_time:
        scores["as_of"] = pd.Timestamp(MARCH)
    publish(state, as_of=MARCH, known_until=MARCH + timedelta(days=9), histories=[("c1", ORDERED)], scores=scores)
    early, late = current(state, MARCH - timedelta(days=1)), current(state, MARCH)
    assert churn_probability(early, Champions()) is None
    assert "of a later time (2025-03-01)" in (risk(early, Champions()).why or "")
    assert churn_probability(late, Champions()) == 0.2
    assert (risk(late, Champions()).churn_probability, risk(late, Champions()).as_of) == (0.2, MARCH)


def test_a_published_contact_carries_only_the_outcomes_from_before_now(state: State) -> None:
    frame = pd.DataFrame(
        [
            {
                "decision_id": "d1",
                "customer_id": "c1",
                "action_id": "winback_offer",
                "channel": "email",
                "decided_at": pd.Timestamp("2025-01-05"),
                "outcomes": ("viewed", "unsubscribed"),
                "outcomes_at": (datetime(2025, 1, 6), datetime(2025, 2, 1)),
            }
        ]
    )
    publish(state, as_of=MARCH, histories=[("c1", ORDERED)], contacts=frame)
    served = {now: [each.outcomes for each in contacts(state, Subject("c1"), now)] for now in (datetime(2025, 1, 5), JANUARY, MARCH)}
    assert served == {datetime(2025, 1, 5): [], JANUARY: [("viewed",)], MARCH: [("viewed", "unsubscribed")]}


def test_contacts_of_a_later_publication_are_those_of_the_clocks_time(known: Any, published: Path) -> None:
    expected = contact_history(known.tables, JANUARY)
    later = contact_history(known.tables, MARCH)
    cut = later[later.decision_id.isin(expected.decision_id)].set_index("decision_id").outcomes
    assert (cut.map(len) > expected.set_index("decision_id").outcomes.map(len)).any()  # some were answered in between
    state = open_state(f"sqlite:///{published}")
    for customer_id, rows in expected.groupby("customer_id"):
        served = {each.decision_id: each.outcomes for each in contacts(state, Subject(str(customer_id)), JANUARY)}
        assert served == dict(zip(rows.decision_id, rows.outcomes, strict=True))
    state.close()


def test_a_posted_outcome_counts_from_its_own_time_on(state: State) -> None:
    at = datetime(2025, 1, 5)
    outcome = {"event_id": "o1", "decision_id": "d1", "outcome_type": "unsubscribed", "value": None, "received_at": MARCH}
    with state.writing() as connection:
        decisions.add(connection, decision("d1", at), [contact("d1", at, "c1")])
        decisions.add_outcomes(connection, [{**outcome, "occurred_at": datetime(2025, 2, 1)}])
    assert [each.outcomes for each in contacts(state, Subject("c1"), JANUARY)] == [()]
    assert [each.outcomes for each in contacts(state, Subject("c1"), MARCH)] == [("unsubscribed",)]


def test_a_contact_by_a_clock_ahead_counts_for_limits_and_not_yet_for_features(state: State) -> None:
    ahead, before = JANUARY + timedelta(minutes=5), JANUARY - timedelta(days=2)
    shared = {"outcome_type": "accepted", "value": None, "received_at": MARCH}
    answers = [
        {"event_id": "o1", "decision_id": "d1", "occurred_at": before + timedelta(days=1), **shared},
        {
            "event_id": "o2",
            "decision_id": "d1",
            "occurred_at": before - timedelta(days=1),
            **shared,
        },  # earlier than the contact: no answer to it
        {"event_id": "o3", "decision_id": "d1", "occurred_at": JANUARY, **shared},
    ]
    with state.writing() as connection:
        decisions.add(connection, decision("d1", before), [contact("d1", before, "c1"), {**contact("d1", before, "c1"), "rank": 2}])
        decisions.add(connection, decision("d2", ahead), [contact("d2", ahead, "c1")])
        decisions.add_outcomes(connection, answers)
    assert [each.decision_id for each in contacts(state, Subject("c1"), JANUARY)] == ["d1", "d1", "d2"]
    seen = current(state, JANUARY).features
    assert (seen["contact_count_7d"], seen["answer_count_90d"], seen["days_since_contact"]) == (1.0, 1.0, 2.0)
    assert current(state, MARCH).features["contact_count_90d"] == 2.0


def test_a_posted_decision_stands_in_the_place_of_the_published_one(state: State) -> None:
    at = datetime(2025, 1, 5)
    published = CustomerHistory.of([], [], [{"decision_id": "d1", "type": "contact", "at": at}])
    publish(state, as_of=JANUARY, histories=[("c1", published)])
    assert current(state, JANUARY).features["contact_count_30d"] == 1.0
    with state.writing() as connection:
        decisions.add(connection, decision("d1", at), [contact("d1", at, "c1")])
        said = {"event_id": "o1", "decision_id": "d1", "outcome_type": "rejected", "value": None, "received_at": MARCH}
        decisions.add_outcomes(connection, [{**said, "occurred_at": datetime(2025, 1, 6)}])
    seen = current(state, JANUARY).features
    assert (seen["contact_count_30d"], seen["rejection_count_90d"]) == (1.0, 1.0)


def test_contacts_of_a_visitor_are_the_customers_once_they_are_identified(state: State) -> None:
    at, said_at = datetime(2025, 1, 5), datetime(2025, 1, 8)
    shared = dict.fromkeys(("channel", "product_id", "value", "decision_id", "properties"))
    said = {**shared, "event_id": "i1", "customer_id": "c1", "visitor_id": "v", "event_type": "identify"}
    with state.writing() as connection:
        decisions.add(connection, decision("d1", at, customer_id=None, visitor_id="v"), [contact("d1", at, "v")])
        decisions.add(connection, decision("d2", at), [contact("d2", at, "c1")])
        decisions.add(connection, decision("d3", at, customer_id=None, visitor_id="w"), [contact("d3", at, "w")])
        events.add_events(connection, [{**said, "occurred_at": said_at, "received_at": MARCH}])
    assert [each.decision_id for each in contacts(state, Subject("c1"), said_at)] == ["d2"]
    for subject in (Subject("c1"), Subject(visitor_id="v")):
        assert [each.decision_id for each in contacts(state, subject, JANUARY)] == ["d1", "d2"]


def test_a_clock_before_the_shops_facts_is_warned_of(serve: Any) -> None:
    server = serve(as_of=JANUARY)
    with server as client:
        ready = client.get("/readyz").json()
    (warning,) = [each for each in ready["warnings"] if "after the clock" in each]
    assert "of 2025-03-01, after the clock (2025-01-10)" in warning
    assert "nextbest publish --as-of 2025-01-10" in warning
    logged = [json.loads(line) for line in server.stream.getvalue().splitlines()]
    assert [each["why"] for each in logged if each["event"] == "facts_of_later_time"] == [warning]
    with serve(as_of=MARCH) as client:
        assert not [each for each in client.get("/readyz").json()["warnings"] if "after the clock" in each]


def test_a_publication_keeps_the_time_of_its_facts(state: State) -> None:
    publish(state, as_of=JANUARY, known_until=MARCH, histories=[("c1", ORDERED)])
    shop = current(state, MARCH).shop
    assert (shop.facts_as_of, shop.as_of) == (JANUARY, MARCH)
