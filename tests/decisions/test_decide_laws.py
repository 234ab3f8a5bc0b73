"""The laws of the one function that decides: they hold for every situation, ask and catalogue."""

import json
import math
from collections import Counter
from collections.abc import Iterator
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
    Decision,
    Limits,
    Policy,
    Product,
    ShopHabits,
    Situation,
    Softmax,
    Thompson,
    decide,
    default_policy,
    from_record,
    load_catalogue,
    load_limits,
    replay,
    to_record,
)
from decisions.actions import Catalogue, Offer
from decisions.catalogue import RULE_NAMES
from decisions.decide import prepare
from decisions.holdout import group_of
from decisions.limits import EVERY_PUSHED, Budget, Limit, QuietHours, Suppression
from decisions.records import Written, to_json
from features import rules
from features.contract import STAGES

AT = datetime(2024, 3, 5, 9)
DEFAULT = load_catalogue()
PLACED = replace(
    DEFAULT,
    actions=tuple(
        replace(a, placements=frozenset({("home", "cart")[n % 2]})) if n % 3 == 0 and n else a for n, a in enumerate(DEFAULT.actions)
    ),
)
LIMITS = load_limits(catalogue=DEFAULT)
POLICIES = {
    "Thompson": default_policy(PLACED, LIMITS, holdout_share=0.1, random_share=0.2),
    "softmax": default_policy(PLACED, LIMITS, holdout_share=0.1, random_share=0.2, exploration=Softmax(share=0.5, temperature=1.0)),
    "greedy": default_policy(PLACED, LIMITS, holdout_share=0.0, random_share=0.0, exploration=Softmax(share=0.0, floor=0.0)),
    "without limits": default_policy(PLACED, Limits(), holdout_share=0.0, random_share=0.0, exploration=Thompson(floor=0.0)),
}
ACTION_IDS = [a.action_id for a in DEFAULT.actions]
CHANNELS = ["email", "sms", "phone", "web", "app", "store", "social", "ads", "push"]
OUTCOMES = st.lists(st.sampled_from(["delivered", "viewed", "accepted", "rejected", "converted", "unsubscribed"]), max_size=2).map(tuple)
CONTACTS = st.builds(
    Contact,
    decision_id=st.integers(0, 999).map(str),
    action_id=st.sampled_from(ACTION_IDS),
    channel=st.sampled_from(CHANNELS),
    decided_at=(st.floats(-5, 100) | st.sampled_from([0.0, 1.0, 7.0, 30.0, 60.0])).map(lambda days: AT - timedelta(days=days)),
    outcomes=OUTCOMES,
)
TEXTS = st.text(max_size=9) | st.sampled_from(["<b>Lan & Minh</b>", "Nguyễn Thị Lan", "{{ name }}", "😀"])
PRODUCTS = st.lists(
    st.builds(Product, st.text(min_size=1, max_size=5), TEXTS, TEXTS, TEXTS, st.none() | st.floats(0, 99), st.just("A > B")),
    min_size=1,
    max_size=4,
)
SENT = st.tuples(st.floats(0, 99), st.floats(0, 1)).map(lambda pair: (pair[0], pair[0] * pair[1]))
HOURS = st.just(()) | st.lists(st.integers(0, 9).map(float), min_size=24, max_size=24).map(tuple)
SITUATIONS = st.builds(
    Situation,
    customer_id=st.text(max_size=8) | st.integers(0, 99).map(str),
    as_of=st.just(AT) | st.sampled_from([AT + timedelta(hours=hours) for hours in (11.99, 12, 13.5)]),
    stage=st.sampled_from(STAGES),
    features=st.dictionaries(
        st.sampled_from(["order_count", "overdue_ratio", "days_since_last_order", "days_since_unsubscribe"]),
        st.floats(0, 99) | st.sampled_from([math.nan, 0.0, 1.0, 4.0]),
    ),
    profile=st.fixed_dictionaries(
        {}, optional={"name": TEXTS, "locale": st.sampled_from(["vi", "en-GB", "fr", ""]), "joined_at": st.just(AT)}
    ),
    consent=st.dictionaries(st.sampled_from(CHANNELS), st.sampled_from([True, True, False]), max_size=4),
    contacts=st.lists(CONTACTS, max_size=4),
    churn_probability=st.none() | st.floats(0, 1),
    expected_order_value=st.floats(0, 1e7) | st.sampled_from([0.0, 50.0]),
    products=st.fixed_dictionaries({}, optional=dict.fromkeys(("affinity", "repeat", "cart", "viewed"), PRODUCTS)),
    timezone=st.sampled_from(["", "Asia/Ho_Chi_Minh", "America/New_York"]),
    hours=HOURS,
    answers=st.dictionaries(st.sampled_from([*CHANNELS, "visits:app"]), SENT, max_size=3),
    shop=st.builds(
        ShopHabits, st.dictionaries(st.sampled_from(CHANNELS), SENT, max_size=3), HOURS, st.sampled_from(["UTC", "Europe/Paris"])
    ),
)
WEIGHTS = st.dictionaries(st.sampled_from(["offer", "winback_offer", "feedback"]), st.floats(0, 5), max_size=2)
ASKS = st.builds(
    Ask,
    decision_id=st.text(max_size=8),
    stage=st.none() | st.sampled_from(STAGES),
    channels=st.none() | st.frozensets(st.sampled_from(CHANNELS), min_size=2),
    context=WEIGHTS,
    k=st.integers(1, 5),
    seed=st.none() | st.integers(0, 99),
    placements=st.just(()) | st.lists(st.sampled_from(["home", "cart", "checkout"]), min_size=1, max_size=4).map(tuple),
    deferred=st.booleans(),
)


def standing(decision: Decision) -> set[str]:
    return {each.action_id for each in decision.candidates if each.allowed}


@settings(max_examples=90)
@given(situation=SITUATIONS, ask=ASKS, which=st.sampled_from(sorted(POLICIES)))
def test_the_laws_of_every_decision(situation: Situation, ask: Ask, which: str) -> None:
    policy = POLICIES[which]
    decision = decide(situation, ask, policy)
    allowed = standing(decision)
    assert NO_ACTION in allowed
    assert sum(each.probability for each in decision.candidates) == pytest.approx(1, abs=1e-12)
    assert all(each.probability == 0 for each in decision.candidates if not each.allowed)
    assert all(each.reasons and len(set(each.reasons)) == len(each.reasons) for each in decision.suppressed)
    assert len(decision.actions) == len(ask.placements) if ask.placements else 1 <= len(decision.actions) <= ask.k
    assert all(each.reasons for each in decision.actions if each.action_id == NO_ACTION)
    assert {each.action_id for each in decision.actions} <= allowed
    assert any(each.reasons and each.reasons[0].sentence == decision.why.sentence for each in decision.actions)
    assert decision.why.sentence_vi
    assert decision.fallback == (decision.group != "no_action" and allowed == {NO_ACTION})
    assert decision.group == group_of(situation.customer_id, policy.seed, policy.holdout_share, policy.random_share)
    if decision.group == "no_action":
        assert allowed == {NO_ACTION}
    if decision.group == "random":
        assert {each.probability for each in decision.candidates if each.allowed} == {1 / len(allowed)}
    assert decide(situation, ask, policy) == decision


@settings(max_examples=60)
@given(situation=SITUATIONS, ask=ASKS, which=st.sampled_from(sorted(POLICIES)))
def test_a_record_makes_the_same_decision_and_so_does_its_replay(situation: Situation, ask: Ask, which: str) -> None:
    decision = decide(situation, ask, POLICIES[which])
    record = json.loads(json.dumps(to_record(decision), allow_nan=False))
    assert from_record(record, POLICIES[which]) == decision
    bare = from_record(record)
    assert replace(bare, stood=decision.stood) == decision, "without the policy only the gates' sentences are missing"
    assert [[each.code for each in told.reasons] for told in bare.candidates] == [[r.code for r in c.reasons] for c in decision.candidates]
    again = replay(record, POLICIES[which])
    assert again == decision
    assert json.loads(json.dumps(to_record(again))) == record
    assert json.loads(to_json(decision)) == record


@settings(max_examples=60)
@given(situation=SITUATIONS, ask=ASKS, which=st.sampled_from(sorted(POLICIES)))
def test_what_is_prepared_once_decides_as_often_as_asked_the_same_as_at_first(situation: Situation, ask: Ask, which: str) -> None:
    policy = POLICIES[which]
    ready = prepare(situation, ask, policy)
    written = Written.of(ready.frame)
    for decision_id in ("b", "a", "b", ask.decision_id):
        anew = decide(situation, replace(ask, decision_id=decision_id), policy)
        again = ready.decide(decision_id)
        assert to_json(again, written) == to_json(again) == to_json(anew)


@settings(max_examples=80)
@given(situation=SITUATIONS, ask=ASKS, which=st.sampled_from(["Thompson", "softmax", "without limits"]))
def test_lists_and_placements_never_show_an_action_twice_and_multiply_what_was_drawn(situation: Situation, ask: Ask, which: str) -> None:
    policy = POLICIES[which]
    decision = decide(situation, ask, policy)
    shown = [each for each in decision.actions if each.action_id != NO_ACTION]
    assert len({each.action_id for each in shown}) == len(shown)
    assert [each.rank for each in decision.actions] == list(range(1, len(decision.actions) + 1))
    assert 0 < decision.order_probability <= math.prod(each.drawn_probability for each in decision.actions) * (1 + 1e-12)
    assert decision.actions[0].drawn_probability == pytest.approx(decision.actions[0].action_probability)
    if not ask.placements:
        ended = len(decision.actions) < ask.k and decision.actions[0].action_id != NO_ACTION
        assert ended or decision.order_probability == pytest.approx(math.prod(each.drawn_probability for each in decision.actions))
        assert NO_ACTION not in {each.action_id for each in decision.actions[1:]}
    else:
        rest: Iterator[str | None] = iter(ask.placements)
        assert all(each.placement in rest for each in decision.actions), "in the order that was asked for"
        for each in shown:
            action = policy.catalogue.action(each.action_id)
            assert action is not None
            stands = each.placement in action.placements if action.placements else each.channel not in PLACED.pushed_channels
            assert stands, "a letter is no banner"
    assert ask.channels is None or {each.channel for each in shown} <= ask.channels


TIGHT = replace(
    LIMITS,
    contacts={"email": Limit(day=1), "web": Limit(week=2), EVERY_PUSHED: Limit(day=2)},
    groups={"offer": Limit(week=1)},
    quiet_hours=None,
)
CROWDED = default_policy(PLACED, TIGHT, holdout_share=0.0, random_share=1.0)


@settings(max_examples=60)
@given(situation=SITUATIONS, placements=st.booleans(), name=st.text(max_size=5))
def test_a_list_never_breaks_the_limits_that_it_fills_itself(situation: Situation, placements: bool, name: str) -> None:
    ask = Ask(name, placements=("home", "cart") * 3) if placements else Ask(name, k=8)
    eager = replace(situation, consent={}, features={"order_count": 4.0, "overdue_ratio": 3.0})
    decision = decide(eager, ask, CROWDED)
    shown = [each for each in decision.actions if each.action_id != NO_ACTION]
    before = [each for each in situation.contacts if timedelta(0) < situation.as_of - each.decided_at and each.action_id != NO_ACTION]

    def counted(days: int, kind: Any) -> tuple[int, int]:
        """(earlier contacts, picked ones) of this kind."""
        young = [each for each in before if situation.as_of - each.decided_at < timedelta(days=days)]
        return sum(kind(each.action_id, each.channel) for each in young), sum(kind(each.action_id, each.channel) for each in shown)

    def offered(action_id: str, channel: str) -> bool:  # noqa: ARG001
        action = PLACED.action(action_id)
        return action is not None and "offer" in action.groups

    for days, most, kind in (
        (1, 1, lambda _, channel: channel == "email"),
        (7, 2, lambda _, channel: channel == "web"),
        (1, 2, lambda _, channel: channel in PLACED.pushed_channels),
        (7, 1, offered),
    ):
        earlier, picked = counted(days, kind)
        assert picked <= max(most - earlier, 0)
    taken = Counter({(each.what, each.days): each.count for each in decision.reservations})
    assert all(each.most is not None and each.count <= each.most for each in decision.reservations)
    assert taken["email", 1] == sum(each.channel == "email" for each in shown)


def changed(catalogue: Catalogue, action_id: str, **changes: Any) -> Catalogue:
    return replace(catalogue, actions=tuple(replace(a, **changes) if a.action_id == action_id else a for a in catalogue.actions))


def ungated(catalogue: Catalogue, limits: Limits) -> Policy:
    return default_policy(catalogue, limits, holdout_share=0.0, random_share=0.0)


BASE = Limits(suppression=Suppression(rejected_count=3, within_days=30))
STRICTER: dict[str, Any] = {
    "contacts": {"email": Limit(week=1), EVERY_PUSHED: Limit(month=2)},
    "groups": {"offer": Limit(day=1)},
    "actions": {"winback_offer": Limit(month=0)},
    "quiet_hours": QuietHours(20.0, 9.5, frozenset({"sms", "email"})),
    "budgets": {"winback_offer": Budget("month", contacts=1, money=0.01), "cart_reminder": Budget("ever", contacts=1)},
    "suppression": Suppression(rejected_count=1, within_days=60),
}


@settings(max_examples=60)
@given(situation=SITUATIONS, ask=ASKS, what=st.sampled_from([*STRICTER, "consent", "unsubscribed"]))
def test_a_stricter_limit_or_less_consent_never_adds_an_action(situation: Situation, ask: Ask, what: str) -> None:
    wide = standing(decide(situation, ask, ungated(DEFAULT, BASE)))
    left = {"winback_offer": (0.0, None), "cart_reminder": (0.5, 0.0)}
    poorer = {
        "consent": replace(situation, consent={**situation.consent, "email": False, "web": False}),
        "unsubscribed": replace(
            situation, contacts=(*situation.contacts, Contact("x", "x", "app", AT - timedelta(days=2), ("unsubscribed",)))
        ),
    }.get(what, replace(situation, budgets_left=left))
    limits = replace(BASE, **{what: STRICTER[what]}) if what in STRICTER else BASE
    assert standing(decide(poorer, ask, ungated(DEFAULT, limits))) <= wide


@settings(max_examples=50)
@given(
    situation=SITUATIONS,
    ask=ASKS,
    action_id=st.sampled_from(ACTION_IDS[1:]),
    layer=st.sampled_from(["eligibility", "applicability", "suitability"]),
    rule=st.sampled_from(["order_count > 5", "true", "false", "stage == 'retention'", "not contact_count_7d > 0"]),
    rest=st.sampled_from([0.0, 10.0]),
)
def test_another_rule_or_a_longer_rest_never_adds_an_action(
    situation: Situation, ask: Ask, action_id: str, layer: str, rule: str, rest: float
) -> None:
    before = DEFAULT.action(action_id)
    assert before is not None
    own = getattr(before, layer)
    text = rule if own is None else f"({own.text}) and ({rule})"
    gates: dict[str, Any] = {layer: rules.parse(text, RULE_NAMES), "cooldown_days": before.cooldown_days + rest}
    wide, narrow = (standing(decide(situation, ask, ungated(each, LIMITS))) for each in (DEFAULT, changed(DEFAULT, action_id, **gates)))
    assert narrow <= wide


@settings(max_examples=50)
@given(situation=SITUATIONS, ask=ASKS, action_id=st.sampled_from(ACTION_IDS[1:]), more=st.floats(0, 1e6), gift=st.floats(0, 1e6))
def test_a_higher_cost_never_raises_a_priority_and_changes_nobody_elses(
    situation: Situation, ask: Ask, action_id: str, more: float, gift: float
) -> None:
    before = DEFAULT.action(action_id)
    assert before is not None
    offer, costs = before.offer or Offer(), {channel: before.costs.get(channel, 0.0) + more for channel in before.channels}
    dearer = changed(DEFAULT, action_id, costs=costs, offer=replace(offer, cost=offer.cost + gift))
    cheap, dear = (
        {each.action_id: each.terms for each in decide(situation, ask, ungated(each, LIMITS)).candidates} for each in (DEFAULT, dearer)
    )
    assert dear[action_id].priority <= cheap[action_id].priority
    assert {a: t for a, t in dear.items() if a != action_id} == {a: t for a, t in cheap.items() if a != action_id}
