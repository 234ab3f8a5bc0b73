"""Many at once are decided as one by one: bit for bit, and with shared budgets as one after the other."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions import (
    Ask,
    Contact,
    Decision,
    Exploration,
    Limits,
    Policy,
    Product,
    ShopHabits,
    Situation,
    Softmax,
    Thompson,
    crowd_of,
    decide,
    decide_many,
    default_policy,
    to_record,
)
from decisions.actions import Catalogue
from decisions.catalogue import catalogue_of
from decisions.limits import limits_of
from decisions.reading import document_of
from decisions.records import to_json
from features.contract import STAGES
from features.definitions import NAMES
from features.errors import InputError

AT = datetime(2024, 3, 5, 20, 30)
DEFAULT = default_policy()
OUTCOMES = ("delivered", "viewed", "rejected", "accepted", "unsubscribed")
ZONES = ("", "UTC", "Asia/Ho_Chi_Minh", "America/New_York", "Asia/Kathmandu")
PARTS = sys.modules["decisions.decide_many"]
Left = dict[str, tuple[float | None, float | None]]


def shop_of(rng: np.random.Generator) -> ShopHabits:
    return ShopHabits(
        {"email": (1_000.0, 80.0), "sms": (200.0, 10.0)}, tuple(rng.integers(0, 90, 24).astype(float).tolist()), "Europe/Paris"
    )


def customer(number: int, rng: np.random.Generator, shop: ShopHabits, catalogue: Catalogue) -> Situation:
    """Somebody of whom anything may be known or missing."""
    features = {name: float(rng.exponential(3)) for name in NAMES if rng.random() < 0.7}
    features["order_count"] = float(rng.integers(0, 9))
    prices = [None, 9.5, 120.0]
    products = {
        source: [Product(f"{source}{n}", f"Tea {n}", "", "liked", prices[rng.integers(3)], "A > B") for n in range(rng.integers(0, 5))]
        for source in ("affinity", "cart", "viewed", "repeat")
        if rng.random() < 0.6
    }
    return Situation(
        f"c{number}",
        AT,
        STAGES[rng.integers(len(STAGES))],
        features if rng.random() < 0.9 else {},
        {"name": "Lan Nguyễn", "locale": ("vi", "en")[number % 2], "city": "Huế"} if rng.random() < 0.7 else {},
        {name: bool(rng.random() < 0.8) for name in ("email", "sms", "phone", "app") if rng.random() < 0.7},
        list(_contacts(number, rng, catalogue)),
        float(rng.random()) if rng.random() < 0.8 else None,
        float(rng.choice([0.0, 5.0, 60.0, 900.0])),
        products,
        timezone=str(rng.choice(ZONES)),
        hours=tuple(rng.integers(0, 4, 24).astype(float).tolist()) if rng.random() < 0.6 else (),
        answers={"email": (5.0, 1.0), "sms": (9.0, float(rng.integers(0, 9))), "visits:app": (12.0, 6.0)} if rng.random() < 0.6 else {},
        shop=shop,
        visitor=bool(rng.random() < 0.1),
    )


def _contacts(number: int, rng: np.random.Generator, catalogue: Catalogue) -> Iterator[Contact]:
    for n in range(rng.integers(0, 8)):
        action = catalogue.actions[rng.integers(len(catalogue.actions))]
        by = action.channels[rng.integers(len(action.channels))]
        outcomes = tuple(str(each) for each in rng.choice(OUTCOMES, rng.integers(0, 3)))
        age = float(rng.choice([1.0, 7.0, 30.0, rng.uniform(-1, 60), rng.uniform(0, 3)]))
        yield Contact(f"d{number}-{n}", action.action_id, by, AT - timedelta(days=age), outcomes)


def crowded(size: int, seed: int, catalogue: Catalogue = DEFAULT.catalogue, left: Left | None = None) -> list[Situation]:
    rng = np.random.default_rng(seed)
    shop = shop_of(rng)
    return [replace(customer(n, rng, shop, catalogue), budgets_left=left or {}) for n in range(size)]


def together(situations: Sequence[Situation], ask: Ask, policy: Policy) -> list[Decision]:
    ids = [f"d{n}" for n in range(len(situations))]
    return [part.decision(row) for part in decide_many(crowd_of(situations, policy), ask, policy, ids) for row in range(len(part.crowd))]


def one_after_the_other(situations: Sequence[Situation], ask: Ask, policy: Policy) -> list[Decision]:
    """Each alone, while what the earlier ones took is taken from the budgets."""
    left: Left = dict(situations[0].budgets_left)
    found = []
    for number, situation in enumerate(situations):
        decision = decide(replace(situation, budgets_left=dict(left)), replace(ask, decision_id=f"d{number}"), policy)
        found.append(decision)
        for taken in (each for each in decision.reservations if each.kind == "budget"):
            contacts, money = left[taken.what]
            left[taken.what] = (None if contacts is None else contacts - taken.count, None if money is None else money - taken.money)
    return found


def agree(found: list[Decision], expected: list[Decision]) -> None:
    assert len(found) == len(expected)
    for many, one in zip(found, expected, strict=True):
        ours, theirs = json.loads(json.dumps(to_record(many))), json.loads(json.dumps(to_record(one)))
        assert {name: value for name, value in ours.items() if value != theirs[name]} == {}
        assert many == one
        assert to_json(many) == to_json(one)


WAYS: dict[str, Exploration] = {"Thompson": Thompson(), "softmax": Softmax(share=0.5), "greedy": Softmax(share=0.0, floor=0.0)}
ASKS = {
    "plain": Ask(),
    "another seed, a stage and a context": Ask(stage="decision", seed=9, context={"offer": 3.0, "winback_offer": 0.0}),
    "two channels": Ask(channels=frozenset({"email", "app"})),
    "a placement, later": Ask(placements=("home",), deferred=True),
    "no channel": Ask(channels=frozenset()),
}


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("way", WAYS)
def test_a_crowd_is_decided_as_one_by_one(way: str, ask: str) -> None:
    policy = default_policy(DEFAULT.catalogue, exploration=WAYS[way], holdout_share=0.2, random_share=0.3)
    situations = crowded(30, seed=len(way) + 10 * len(ask))
    found = together(situations, ASKS[ask], policy)
    agree(found, one_after_the_other(situations, ASKS[ask], policy))
    assert {each.group for each in found} == {"policy", "no_action", "random"}


def test_the_crowd_of_these_tests_is_a_rich_one() -> None:
    found = together(crowded(120, seed=5), Ask(), DEFAULT)
    codes = {reason.code for each in found for candidate in each.suppressed for reason in candidate.reasons}
    assert {
        "no_consent",
        "unsubscribed",
        "suppressed",
        "contact_limit",
        "cooldown",
        "quiet_hours",
        "no_products",
        "other_stage",
        "no_address",
    } <= codes
    assert len({each.actions[0].action_id for each in found}) > 12
    assert len({each.actions[0].send_at for each in found}) > 5


BUDGETED = catalogue_of(
    document_of(
        """
margin_share: 0.3
actions:
  - {action_id: coupon, channels: [email, sms, web], cost: {email: 0.1, sms: 0.3, web: 0}, value: 90, response_prior: 0.3}
  - {action_id: gift, channel: app, cost: 0.7, value: 40, response_prior: 0.5}
  - {action_id: letter, channel: email, cost: 0.1, value: 60, response_prior: 0.3}
  - {action_id: note, channel: web, value: 9, response_prior: 0.3}
""",
        "catalogue.yaml",
    )
)
BUDGETS = """
contacts: {email: {day: 1}}
budgets:
  coupon: {per: day, contacts: 9, money: 9}
  gift: {per: ever, money: 5}
  letter: {per: week, contacts: 9}
"""


def budgeted(exploration: Exploration, **more: Any) -> Policy:
    limits = load_limits_of(BUDGETS)
    return default_policy(BUDGETED, limits, exploration=exploration, **{"holdout_share": 0.1, "random_share": 0.2, **more})


def load_limits_of(text: str) -> Limits:
    return limits_of(document_of(text, "limits.yaml"), catalogue=BUDGETED)


AMOUNTS = st.sampled_from([None, 0.0, 0.1, 0.3, 0.7, 1.0, 1.7, 2.3, 99.0])
COUNTS = st.sampled_from([None, 0.0, 1.0, 2.0, 3.0, 7.0, 99.0])


@settings(max_examples=25)
@given(
    coupon=st.tuples(COUNTS, AMOUNTS),
    gift=st.tuples(st.none(), AMOUNTS),
    letter=st.tuples(COUNTS, st.none()),
    way=st.sampled_from(sorted(WAYS)),
    seed=st.integers(0, 999),
)
def test_a_shared_budget_is_used_as_if_decided_one_after_the_other(
    coupon: tuple[float | None, float | None],
    gift: tuple[float | None, float | None],
    letter: tuple[float | None, float | None],
    way: str,
    seed: int,
) -> None:
    situations = crowded(25, seed, BUDGETED, {"coupon": coupon, "gift": gift, "letter": letter})
    policy = budgeted(WAYS[way])
    agree(together(situations, Ask(), policy), one_after_the_other(situations, Ask(), policy))


def test_budgets_of_contacts_and_of_money_are_used_up_exactly() -> None:
    situations = crowded(80, 1, BUDGETED, {"coupon": (7.0, None), "gift": (None, 5.0), "letter": (0.0, None)})
    eager = [replace(each, consent={}, contacts=(), timezone="") for each in situations]
    found = [each.actions[0] for each in together(eager, Ask(), budgeted(WAYS["greedy"], holdout_share=0.0, random_share=0.0))]
    used = {action_id: sum(each.action_id == action_id for each in found) for action_id in ("coupon", "gift", "letter", "note")}
    assert used == {"coupon": 7, "gift": 7, "letter": 0, "note": 66}, "5 / .7 is a little more than 7"
    assert {each.action_id for each in found[:14]} == {"coupon", "gift"}, "who comes first takes first"


def test_a_budget_runs_through_the_parts_of_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PARTS, "PART", 7)
    situations = crowded(30, 2, BUDGETED, {"coupon": (12.0, 1.3), "gift": (None, 2.3), "letter": (3.0, None)})
    policy = budgeted(WAYS["Thompson"])
    agree(together(situations, Ask(), policy), one_after_the_other(situations, Ask(), policy))


def test_parts_do_not_change_a_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    situations = crowded(40, 3)
    whole = together(situations, Ask(), DEFAULT)
    monkeypatch.setattr(PARTS, "PART", 9)
    ids = [f"d{n}" for n in range(40)]
    parts = list(decide_many(crowd_of(situations, DEFAULT), Ask(), DEFAULT, ids))
    assert [len(part.crowd) for part in parts] == [9, 9, 9, 9, 4]
    agree([part.decision(row) for part in parts for row in range(len(part.crowd))], whole)


def test_what_a_part_tells_is_what_its_decisions_say() -> None:
    situations = crowded(30, 4)
    (part,) = decide_many(crowd_of(situations, DEFAULT), Ask(), DEFAULT, [f"d{n}" for n in range(30)])
    first = [part.decision(row).actions[0] for row in range(30)]
    names, ways = DEFAULT.catalogue.actions, DEFAULT.gates.ways
    assert [names[place].action_id for place in part.action] == [each.action_id for each in first]
    assert [ways[place].channel for place in part.way] == [each.channel for each in first]
    assert part.priority.tolist() == [each.priority for each in first]
    assert part.probability.tolist() == [each.drawn_probability for each in first]


def test_greedily_the_best_allowed_action_is_taken() -> None:
    situations = [each for each in crowded(30, 6) if each.expected_order_value]
    policy = default_policy(DEFAULT.catalogue, holdout_share=0.0, random_share=0.0)
    (part,) = decide_many(crowd_of(situations, policy), Ask(), policy, [""] * len(situations), greedily=True)
    best = np.where(part.chances.allowed, part.chances.weighed.priority, -np.inf).max(axis=1)
    assert (part.priority == best).all()
    assert (part.probability > 0.4).all()


def test_what_cannot_be_decided_together_is_refused() -> None:
    situations = crowded(3, 7)
    crowd = crowd_of(situations, DEFAULT)
    ids = ["a", "b", "c"]
    for ask in (Ask(k=2), Ask(placements=("home", "cart"))):
        with pytest.raises(InputError, match="one action each"):
            list(decide_many(crowd, ask, DEFAULT, ids))
    with pytest.raises(InputError, match="twice"):
        list(decide_many(crowd_of([situations[0], situations[0]], DEFAULT), Ask(), DEFAULT, ids[:2]))
    with pytest.raises(InputError, match="Nobody"):
        crowd_of([], DEFAULT)
    for other in (replace(situations[1], as_of=AT + timedelta(seconds=1)), replace(situations[1], shop=ShopHabits())):
        with pytest.raises(InputError, match="several times or shops"):
            crowd_of([situations[0], other], DEFAULT)
    with pytest.raises(InputError, match="'retension' is not known"):
        crowd_of([replace(situations[0], stage="retension")], DEFAULT)
    with pytest.raises(InputError, match="'leter'"):
        list(decide_many(crowd, Ask(context={"leter": 1.0}), DEFAULT, ids))
