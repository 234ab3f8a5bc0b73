"""The laws of the one function that decides: they hold for every situation, ask and catalogue."""

import json
import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions import (
    NO_ACTION,
    Ask,
    Contact,
    Exploration,
    Policy,
    Product,
    Situation,
    decide,
    default_policy,
    from_record,
    load_catalogue,
    replay,
    to_record,
)
from decisions.actions import Catalogue, Offer
from decisions.catalogue import RULE_NAMES
from decisions.limits import Limits
from features import rules
from features.contract import STAGES

AT = datetime(2024, 3, 5, 9)
OPEN = Exploration(share=0.5, temperature=1.0, floor=0.01)
OUTCOMES = st.lists(st.sampled_from(["delivered", "viewed", "accepted", "rejected", "converted", "unsubscribed"]), max_size=2).map(tuple)
DEFAULT = load_catalogue()
ACTION_IDS = [a.action_id for a in DEFAULT.actions]
CHANNELS = ["email", "sms", "phone", "web", "app", "store", "social", "ads"]
CONTACTS = st.builds(
    Contact,
    decision_id=st.uuids().map(str),
    action_id=st.sampled_from(ACTION_IDS),
    channel=st.sampled_from(CHANNELS),
    decided_at=st.floats(-5, 100).map(lambda days: AT - timedelta(days=days)),
    outcomes=OUTCOMES,
)
PRODUCTS = st.lists(
    st.builds(Product, st.text(max_size=5), st.text(max_size=9), st.text(max_size=9), price=st.none() | st.floats(0, 99)), max_size=4
)
SITUATIONS = st.builds(
    Situation,
    customer_id=st.text(max_size=8),
    as_of=st.just(AT),
    stage=st.sampled_from(STAGES),
    features=st.dictionaries(
        st.sampled_from(["order_count", "overdue_ratio", "days_since_last_order", "days_since_unsubscribe"]),
        st.floats(0, 99) | st.just(math.nan),
    ),
    profile=st.fixed_dictionaries(
        {}, optional={"name": st.text(max_size=20), "locale": st.sampled_from(["vi", "en-GB", "fr", ""]), "joined_at": st.just(AT)}
    ),
    consent=st.dictionaries(st.sampled_from(CHANNELS), st.booleans()),
    contacts=st.lists(CONTACTS, max_size=5),
    churn_probability=st.none() | st.floats(0, 1),
    expected_order_value=st.floats(0, 1e7),
    products=st.dictionaries(st.sampled_from(["affinity", "repeat", "cart"]), PRODUCTS),
)
ASKS = st.builds(
    Ask,
    decision_id=st.text(max_size=8),
    stage=st.none() | st.sampled_from(STAGES),
    channels=st.none() | st.frozensets(st.sampled_from(CHANNELS)),
    context=st.dictionaries(st.sampled_from(["offer", "winback_offer", "feedback"]), st.floats(0, 5)),
    k=st.integers(1, 4),
    seed=st.none() | st.integers(0, 99),
)


def policy(catalogue: Catalogue, **more: Any) -> Policy:
    given: dict[str, Any] = {"limits": Limits(), "exploration": OPEN, "holdout_share": 0.0, **more}
    return default_policy(catalogue, **given)


@settings(deadline=None, max_examples=60)
@given(situation=SITUATIONS, ask=ASKS)
def test_the_laws_of_every_decision(situation: Situation, ask: Ask) -> None:
    whole = policy(DEFAULT, limits=None, holdout_share=0.1)
    decision = decide(situation, ask, whole)
    allowed = {c.action_id for c in decision.candidates if c.allowed}
    assert NO_ACTION in allowed
    assert sum(c.probability for c in decision.candidates) == pytest.approx(1, abs=1e-9)
    assert all((c.probability > 0) == c.allowed for c in decision.candidates)
    assert all(c.reasons for c in decision.suppressed)
    assert 1 <= len(decision.actions) <= ask.k
    assert {a.action_id for a in decision.actions} <= allowed
    assert all(a.reasons for a in decision.actions)
    assert 0 < decision.order_probability <= decision.actions[0].action_probability * (1 + 1e-9)
    record = json.loads(json.dumps(to_record(decision), allow_nan=False))
    assert from_record(record) == decision
    assert replay(record, whole) == decision


def _with(catalogue: Catalogue, action_id: str, **changes: Any) -> Catalogue:
    return replace(catalogue, actions=tuple(replace(a, **changes) if a.action_id == action_id else a for a in catalogue.actions))


@settings(deadline=None, max_examples=60)
@given(
    situation=SITUATIONS,
    ask=ASKS,
    action_id=st.sampled_from(ACTION_IDS[1:]),
    rule=st.sampled_from(["order_count > 5", "true", "false", "stage == 'retention'"]),
)
def test_another_gate_never_adds_an_action(situation: Situation, ask: Ask, action_id: str, rule: str) -> None:
    before = DEFAULT.action(action_id)
    assert before is not None
    text = rule if before.when is None else f"({before.when.text}) and ({rule})"
    gated = _with(DEFAULT, action_id, when=rules.parse(text, RULE_NAMES), cooldown_days=before.cooldown_days + 10)
    wide, narrow = ({c.action_id for c in decide(situation, ask, policy(each)).candidates if c.allowed} for each in (DEFAULT, gated))
    assert narrow <= wide


@settings(deadline=None, max_examples=60)
@given(situation=SITUATIONS, ask=ASKS, action_id=st.sampled_from(ACTION_IDS[1:]), more=st.floats(0, 1e6), gift=st.floats(0, 1e6))
def test_a_higher_cost_never_raises_a_priority(situation: Situation, ask: Ask, action_id: str, more: float, gift: float) -> None:
    before = DEFAULT.action(action_id)
    assert before is not None
    offer = before.offer or Offer()
    dearer = _with(DEFAULT, action_id, cost=before.cost + more, offer=replace(offer, cost=offer.cost + gift))
    cheap, dear = ({c.action_id: c.terms.priority for c in decide(situation, ask, policy(each)).candidates} for each in (DEFAULT, dearer))
    assert dear[action_id] <= cheap[action_id]
    assert {a: p for a, p in dear.items() if a != action_id} == {a: p for a, p in cheap.items() if a != action_id}
