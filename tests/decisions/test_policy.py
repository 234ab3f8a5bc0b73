"""A policy as plain data, its version, and what may be replayed."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from decisions import (
    Ask,
    Contact,
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
    from_record,
    load_catalogue,
    policy_from_plain,
    replay,
    to_record,
)
from decisions.catalogue import catalogue_of
from decisions.limits import limits_of
from decisions.reading import document_of
from decisions.records import RECORD_FORMAT, to_json
from features.errors import InputError
from training.journey_value import JourneyValues
from training.response import ResponseModel

AT = datetime(2024, 3, 5, 20)
TEXT = """
margin_share: 0.3
channels: [zalo]
groups: {offer: {}, discount: {within: offer, eligibility: vip == 1}}
series: {introduction: {actions: [first, second], every_days: 3}}
actions:
  - {action_id: coupon, channels: [email, sms], cost: {email: 0.1, sms: 0.2}, group: discount, lift_prior: 0.4, value: 30, response_prior: 0.1}
  - {action_id: club, channel: app, moves_to: advocacy, response_prior: 0.1}
  - {action_id: deal, channel: web, products: cart, offer: {discount_share: 0.1, on_products: true}, response_prior: 0.2}
  - {action_id: first, channel: zalo, response_prior: 0.1}
  - {action_id: second, channel: zalo, response_prior: 0.1}
"""
CATALOGUE = catalogue_of(document_of(TEXT, "catalogue.yaml"), attributes=["vip"])
LIMITS = limits_of(
    document_of(
        """
contacts: {email: {day: 1}, every_pushed_channel: {week: 3}}
quiet_hours: {from: "21:00", until: "08:00", channels: [sms]}
budgets: {coupon: {per: month, contacts: 5}}
""",
        "limits.yaml",
    ),
    catalogue=CATALOGUE,
)
SITUATION = Situation(
    "c1",
    AT,
    "retention",
    {"order_count": 2.0},
    {"vip": 1.0, "locale": "vi"},
    {"email": True},
    [Contact("d", "first", "zalo", AT - timedelta(days=4), ("viewed",))],
    0.4,
    70.0,
    {"cart": [Product("1", "Tea", price=9.0)]},
    hours=tuple(map(float, range(24))),
    answers={"email": (9.0, 2.0)},
    shop=ShopHabits({"email": (100.0, 9.0)}, (), "Asia/Ho_Chi_Minh"),
    budgets_left={"coupon": (3.0, None)},
)


def response(answered: int = 6) -> ResponseModel:
    rows = {"action_id": "coupon", "stage": "retention", "answered": [n < answered for n in range(30)], "unsubscribed": False}
    return ResponseModel().fit(pd.DataFrame(rows), {"coupon": 0.1}, as_of=AT)


def journey(money: float = 500.0) -> JourneyValues:
    rows = [["retention", "2-3", 200.0, 12, 90.0, False], ["advocacy", "2-3", money, 12, 90.0, False]]
    plain = {
        "as_of": AT.isoformat(),
        "values": rows,
        "after_order": [],
        "leaving_share": 0.2,
        "leaving_customers": 9.0,
        "months_per_step": 1.0,
    }
    return JourneyValues.from_plain({**plain, "step_count": 24, "metrics": {}, "data_hash": "x", "version": "3"})


def policy(**more: Any) -> Policy:
    given: dict[str, Any] = {
        "catalogue": CATALOGUE,
        "limits": LIMITS,
        "response": response(),
        "journey": journey(),
        "seed": 3,
        "exploration": Softmax(0.3, 2.0, 0.0005),
        "holdout_share": 0.01,
        "random_share": 0.03,
        "currency": "VND",
        "models": {"response": "2", "journey": "3"},
    }
    return default_policy(**{**given, **more})


PARTS: dict[str, dict[str, Any]] = {
    "the catalogue": {"catalogue": catalogue_of(document_of(TEXT.replace("value: 30", "value: 31"), "c.yaml"), attributes=["vip"])},
    "the limits": {"limits": Limits()},
    "a limit": {"limits": replace(LIMITS, suppression=replace(LIMITS.suppression, within_days=61))},
    "no response": {"response": None},
    "another response": {"response": response(7)},
    "no journey": {"journey": None},
    "another journey": {"journey": journey(501.0)},
    "the seed": {"seed": 4},
    "the way to explore": {"exploration": Thompson()},
    "how much is explored": {"exploration": Softmax(0.31, 2.0, 0.0005)},
    "the group without actions": {"holdout_share": 0.02},
    "the random group": {"random_share": 0.02},
    "the currency": {"currency": "EUR"},
    "the models": {"models": {"response": "3", "journey": "3"}},
}


@pytest.mark.parametrize("part", PARTS)
def test_every_part_changes_the_version(part: str) -> None:
    assert policy(**PARTS[part]).version != policy().version


def test_the_versions_are_all_different_and_stay_the_same() -> None:
    assert len({policy(**part).version for part in PARTS.values()}) == len(PARTS)
    assert policy().version == policy().version


def test_a_comment_in_the_catalogue_changes_no_version() -> None:
    noted = catalogue_of(document_of("# a remark\n" + TEXT, "elsewhere.yaml"), attributes=["vip"])
    assert policy(catalogue=noted).version == policy().version


@pytest.mark.parametrize("part", ["nothing", "no response", "no journey", "the way to explore"])
def test_a_policy_told_as_plain_data_decides_alike(part: str) -> None:
    told = policy(**PARTS.get(part, {}))
    again = policy_from_plain(json.loads(json.dumps(told.to_plain(), allow_nan=False)))
    assert again.version == told.version
    assert again.to_plain() == told.to_plain()
    for n in range(40):
        situation, ask = replace(SITUATION, customer_id=f"c{n}"), Ask(f"d{n}", k=3, channels=[None, frozenset({"app", "zalo"})][n % 2])
        first = decide(situation, ask, told)
        assert decide(situation, ask, again) == first
        assert replay(json.loads(to_json(first)), again) == first


def test_the_default_policy_can_be_told_too() -> None:
    told = default_policy()
    again = policy_from_plain(json.loads(json.dumps(told.to_plain())))
    assert again.version == told.version
    situations = [replace(SITUATION, customer_id=f"c{n}") for n in range(50)]
    ids = [str(n) for n in range(50)]
    first, second = (next(decide_many(crowd_of(situations, each), Ask(), each, ids)) for each in (told, again))
    assert (first.chances.probability == second.chances.probability).all()
    assert (first.action == second.action).all()


def test_a_policy_of_other_rules_is_refused() -> None:
    for wrong in ({**policy().to_plain(), "rules_version": 1}, {}):
        with pytest.raises(InputError, match="rules' version"):
            policy_from_plain(wrong)


@pytest.mark.parametrize("share", [{"holdout_share": 1.5}, {"random_share": -0.1}, {"holdout_share": float("nan")}])
def test_a_share_is_from_0_to_1(share: dict[str, float]) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        policy(**share)


def test_a_decision_of_another_policy_is_not_replayed() -> None:
    record = to_record(decide(SITUATION, Ask("d"), policy()))
    with pytest.raises(InputError, match="was made by the policy"):
        replay(record, policy(seed=1))


def test_a_changed_record_does_not_replay_to_itself() -> None:
    record = to_record(decide(SITUATION, Ask("d"), policy()))
    forged = {**record, "situation": {**record["situation"], "expected_order_value": 71.0}}
    assert to_record(replay(forged, policy())) != forged


WHOLE = to_record(decide(SITUATION, Ask("d", k=2), policy()))


@pytest.mark.parametrize("wrong", [{}, {"format": 1}, {"format": RECORD_FORMAT}, {**WHOLE, "format": RECORD_FORMAT + 1}])
def test_a_record_of_another_format_or_an_empty_one_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="record"):
        from_record(wrong)


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "format"])
def test_a_record_that_lacks_a_part_is_refused(name: str) -> None:
    assert from_record(WHOLE, policy()) == decide(SITUATION, Ask("d", k=2), policy())
    with pytest.raises(InputError, match="not whole"):
        from_record({key: value for key, value in WHOLE.items() if key != name})


@pytest.mark.parametrize("name", ["decided_at", "actions", "stood", "reservations", "why", "situation", "ask"])
@pytest.mark.parametrize("value", [3, None, "x", [3], {"x": 3}])
def test_a_record_with_a_broken_part_is_refused(name: str, value: object) -> None:
    with pytest.raises(InputError, match="not whole"):
        from_record({**WHOLE, name: value})


def test_the_catalogue_that_came_with_the_program_is_the_default() -> None:
    assert default_policy().version == default_policy(load_catalogue()).version
