"""An audience is who would get the action if everybody were decided on alone, one after the other; the audiences of one time share nobody."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from decisions import NO_ACTION, Contact, Decision, Limits, Policy, ShopHabits, Situation, decide, default_policy
from decisions.audience import AudienceAsk, Outside, audience, checked_action
from decisions.catalogue import catalogue_of
from decisions.limits import Budget, QuietHours
from decisions.reading import document_of
from features.contract import STAGES
from features.errors import InputError

AT = datetime(2026, 11, 22, 9, 0)
SHOP = ShopHabits({"email": (900.0, 70.0), "sms": (300.0, 9.0)}, tuple(float(hour) for hour in range(24)), "Asia/Ho_Chi_Minh")
CATALOGUE = catalogue_of(
    document_of(
        """
margin_share: 0.3
actions:
  - action_id: letter
    name: A letter
    channels: [email, sms]
    eligibility: order_count >= 1
    suitability: churn_probability >= 0.3
    response_prior: 0.2
    value: 20
    cost: {email: 0.01, sms: 0.06}
    treatments: {en: {subject: "Hello", body: "Come back, {{ customer.given_name }}"}}
  - action_id: gift
    name: A gift
    channel: email
    response_prior: 0.2
    value: 20
    cost: 0.02
    treatments: {en: {subject: "For you", body: "A gift"}}
""",
        "catalogue.yaml",
    )
)


def policy_of(limits: Limits | None = None, **given: float) -> Policy:
    return default_policy(CATALOGUE, limits or Limits(), holdout_share=given.get("holdout", 0.1), random_share=given.get("random", 0.2))


def somebody(number: int, rng: np.random.Generator) -> Situation:
    consent = {} if number % 5 == 0 else {"email": bool(rng.random() < 0.8), "sms": bool(rng.random() < 0.5)}
    contacts = [Contact(f"d{number}", "letter", "email", AT - timedelta(days=3), ("unsubscribed",))] if number % 11 == 0 else []
    return Situation(
        f"c{number:04d}",
        AT,
        STAGES[rng.integers(len(STAGES))],
        {"order_count": float(rng.integers(0, 4))},
        {"name": f"Lan {number}", "email": f"{number}@shop.example"},
        consent,
        contacts,
        float(rng.random()),
        50.0,
        shop=SHOP,
    )


@pytest.fixture(scope="module")
def shop() -> list[Situation]:
    rng = np.random.default_rng(5)
    return [somebody(number, rng) for number in range(400)]


def members(situations: Sequence[Situation], policy: Policy, wanted: AudienceAsk) -> list[Decision]:
    parts = audience(iter(situations), policy, wanted)
    return [part.decision(row) for part in parts for row, outside in enumerate(part.outside) if outside is None]


def outsiders(situations: Sequence[Situation], policy: Policy, wanted: AudienceAsk) -> dict[str, Outside]:
    found = [
        (who, each)
        for part in audience(situations, policy, wanted)
        for who, each in zip(part.decided.crowd.customer_ids, part.outside, strict=True)
    ]
    return {who: each for who, each in found if each is not None}


def alone(situation: Situation, policy: Policy, wanted: AudienceAsk) -> Decision:
    return decide(situation, replace(wanted.ask, decision_id=wanted.decision_id(situation.customer_id)), policy)


@pytest.mark.parametrize("channel", ["email", "sms", None])
def test_members_are_those_who_alone_would_get_it_with_the_same_decision(shop: list[Situation], channel: str | None) -> None:
    policy, wanted = policy_of(), AudienceAsk("letter", AT, channel)
    expected = [one for one in (alone(each, policy, wanted) for each in shop) if one.actions[0].action_id == "letter"]
    found = members(shop, policy, wanted)
    assert found == expected
    assert 10 < len(found) < len(shop) - 10
    assert all(one.actions[0].message and "Come back, Lan" in one.actions[0].message.body for one in found)
    assert all(channel in (None, one.actions[0].channel) for one in found)


def test_the_audiences_of_one_time_divide_the_customers(shop: list[Situation]) -> None:
    policy = policy_of()
    by_action = {name: {each.customer_id for each in members(shop, policy, AudienceAsk(name, AT, "email"))} for name in ("letter", "gift")}
    assert not by_action["letter"] & by_action["gift"]
    rest = {each.customer_id for each in shop} - by_action["letter"] - by_action["gift"]
    wanted = AudienceAsk("gift", AT, "email")
    assert {alone(each, policy, wanted).actions[0].action_id for each in shop if each.customer_id in rest} == {NO_ACTION}
    assert members(shop, policy, wanted) == members(shop, policy, wanted)
    later = {each.customer_id for each in members(shop, policy, AudienceAsk("letter", AT + timedelta(days=1), "email"))}
    assert later != by_action["letter"], "another time draws anew"


def test_who_is_outside_is_told_the_first_reason(shop: list[Situation]) -> None:
    policy, wanted = policy_of(), AudienceAsk("letter", AT, "email")
    shop = [replace(each, consent={**each.consent, "sms": True}) for each in shop]  # so that what is told is of the e-mail
    found = outsiders(shop, policy, wanted)
    assert {each.why for each in found.values()} == {"gate", "no_action_group", "another_action"}
    for situation in shop:
        made = alone(situation, policy, wanted)
        outside = found.get(situation.customer_id)
        (candidate,) = (each for each in made.candidates if each.action_id == "letter")
        reasons = [each for each in candidate.reasons if each.code not in ("other_channel", "consent_unknown", "channel_habit")]
        if outside is None:
            assert made.actions[0].action_id == "letter"
        elif outside.why == "gate":
            first = next(each for each in reasons if each.code != "holdout")
            assert (outside.code, outside.sentence, outside.sentence_vi) == (first.code, first.sentence, first.sentence_vi)
        elif outside.why == "no_action_group":
            assert made.group == "no_action"
            assert [each.code for each in reasons] == ["holdout"], "nothing else kept them out"
        else:
            assert made.actions[0].action_id == outside.code != "letter"


def test_with_several_channels_only_who_can_have_it_by_none_is_kept_out(shop: list[Situation]) -> None:
    policy = policy_of(holdout=0.0)
    kept_out = {who for who, each in outsiders(shop, policy, AudienceAsk("letter", AT)).items() if each.why == "gate"}
    by_each = [
        {who for who, each in outsiders(shop, policy, AudienceAsk("letter", AT, name)).items() if each.why == "gate"}
        for name in ("email", "sms")
    ]
    assert kept_out == by_each[0] & by_each[1]
    assert kept_out < by_each[0]


def test_a_budget_ends_an_audience_exactly_where_one_by_one_it_would(shop: list[Situation]) -> None:
    budgets = {"letter": Budget("month", contacts=7), "gift": Budget("month", money=0.1)}
    policy = policy_of(Limits(budgets=budgets))
    left: dict[str, tuple[float | None, float | None]] = {"letter": (7.0, None), "gift": (None, 0.1)}
    situations = [replace(each, budgets_left=left) for each in shop]
    wanted = AudienceAsk("letter", AT, "email")
    expected = []
    for situation in situations:
        made = alone(replace(situation, budgets_left=dict(left)), policy, wanted)
        expected += [made] if made.actions[0].action_id == "letter" else []
        for taken in (each for each in made.reservations if each.kind == "budget"):
            contacts, money = left[taken.what]
            left[taken.what] = (None if contacts is None else contacts - taken.count, None if money is None else money - taken.money)
    assert members(situations, policy, wanted) == expected
    assert len(expected) == 7
    codes = {each.code for each in outsiders(situations, policy, wanted).values()}
    assert "budget" in codes


def test_what_is_left_is_handed_from_call_to_call(shop: list[Situation]) -> None:
    policy = policy_of(Limits(budgets={"letter": Budget("ever", contacts=9)}))
    situations = [replace(each, budgets_left={"letter": (9.0, None)}) for each in shop]
    wanted = AudienceAsk("letter", AT, "email")
    whole = members(situations, policy, wanted)
    for cut in (1, 37, 250):
        (first,) = audience(situations[:cut], policy, wanted)
        rest = audience(situations[cut:], policy, wanted, first.left_after(cut - 1))
        second = [part.decision(row) for part in rest for row, outside in enumerate(part.outside) if outside is None]
        assert [first.decision(row) for row, outside in enumerate(first.outside) if outside is None] + second == whole


def test_quiet_hours_put_the_contact_off_and_forbid_it_not() -> None:
    quiet = QuietHours(0.0, 23.0, frozenset({"sms"}))
    policy = replace(policy_of(Limits(quiet_hours=quiet), holdout=0.0, random=0.0))
    rng = np.random.default_rng(1)
    people = [replace(somebody(n, rng), consent={}, contacts=(), churn_probability=0.9, features={"order_count": 2.0}) for n in range(40)]
    found = members(people, policy, AudienceAsk("letter", AT, "sms"))
    assert len(found) > 10
    assert {each.actions[0].send_at for each in found} == {datetime(2026, 11, 22, 16, 0)}, "23:00 in Viet Nam"


@pytest.mark.parametrize(
    ("action", "channel", "problem", "remedy"),
    [
        ("leter", None, "There is no action 'leter'.", "'letter' of letter, gift"),
        (NO_ACTION, None, "no_action contacts nobody", "of letter, gift"),
        ("gift", "sms", "'gift' does not go by 'sms'", "It goes by email."),
    ],
)
def test_an_action_without_an_audience_is_refused(action: str, channel: str | None, problem: str, remedy: str) -> None:
    with pytest.raises(InputError) as refused:
        checked_action(AudienceAsk(action, AT, channel), CATALOGUE)
    assert problem in refused.value.problem
    assert remedy in refused.value.remedy
    with pytest.raises(InputError):
        next(audience([somebody(1, np.random.default_rng(1))], policy_of(), AudienceAsk(action, AT, channel)))


def test_decision_ids_name_time_and_customer_and_fit_into_an_outcome() -> None:
    assert AudienceAsk("gift", AT).decision_id("17850") == "audience-2026-11-22T09:00-17850"
    assert AudienceAsk("letter", AT, "sms").decision_id("17850") == AudienceAsk("gift", AT).decision_id("17850"), "whatever the action"
    exact = AT + timedelta(seconds=1, microseconds=5)
    assert AudienceAsk("gift", exact).decision_id("a") == "audience-2026-11-22T09:00:01.000005-a"
    long = [AudienceAsk("gift", AT).decision_id("x" * 199 + end) for end in "ab"]
    assert len(set(long)) == 2
    assert max(map(len, long)) <= 200


def test_nobody_is_an_empty_audience() -> None:
    assert list(audience([], policy_of(), AudienceAsk("gift", AT))) == []
