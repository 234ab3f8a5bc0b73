"""The one function that decides: what it answers, lists and places, messages and times, reservations; and scores over many customers."""

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from decisions import (
    NO_ACTION,
    Ask,
    Contact,
    Decision,
    Limits,
    Policy,
    Product,
    Reservation,
    ShopHabits,
    Situation,
    Softmax,
    Thompson,
    decide,
    default_policy,
    load_catalogue,
    load_limits,
    score_actions,
    score_actions_as_deployed,
)
from decisions.actions import Catalogue
from decisions.catalogue import catalogue_of
from decisions.limits import limits_of
from decisions.reading import document_of

AT = datetime(2024, 3, 5, 9)


def catalogue(text: str) -> Catalogue:
    return catalogue_of(document_of(text, "catalogue.yaml"))


SMALL = catalogue(
    """
margin_share: 0.3
order_shares: {retention: 0.5}
groups: {help: {within: care}, care: {}}
actions:
  - {action_id: letter, channel: email, cost: 0.10, response_prior: 0.1, lever: 2}
  - {action_id: call, channel: phone, group: help, cost: 5, value: 40, response_prior: 0.2}
  - {action_id: gift, channel: email, group: care, response_prior: 0.2, order_share: 1, offer: {discount_share: 0.1, cost: 2}}
"""
)
BEST = Softmax(share=0.0, floor=0.0)
SITUATION = Situation("c1", AT, "retention", expected_order_value=100.0)


def policy(of: Catalogue = SMALL, limits: str | Limits = "{}", **more: Any) -> Policy:
    given: dict[str, Any] = {"exploration": BEST, "holdout_share": 0.0, "random_share": 0.0, **more}
    told = limits if isinstance(limits, Limits) else limits_of(document_of(limits, "limits.yaml"), catalogue=of)
    return default_policy(of, told, **given)


def shown(decision: Decision) -> list[tuple[str, str, str | None]]:
    return [(each.action_id, each.channel, each.placement) for each in decision.actions]


def test_the_best_allowed_action_is_taken_where_nothing_is_explored() -> None:
    decision = decide(SITUATION, Ask("d"), policy())
    assert shown(decision) == [("gift", "email", None)]
    assert (decision.decision_id, decision.customer_id, decision.stage, decision.decided_at) == ("d", "c1", "retention", AT)
    assert not decision.actions[0].explored


def test_nothing_is_better_than_what_costs_more_than_it_brings() -> None:
    poor = decide(replace(SITUATION, expected_order_value=0.0), Ask("d", channels=frozenset({"email"})), policy())
    assert shown(poor) == [(NO_ACTION, "", None)]
    assert not poor.fallback


def test_who_may_receive_nothing_gets_no_action() -> None:
    decision = decide(replace(SITUATION, consent={"email": False, "phone": False}), Ask("d", k=3), policy(exploration=Thompson()))
    assert [(each.action_id, each.action_probability, each.message) for each in decision.actions] == [(NO_ACTION, 1.0, None)]
    assert decision.fallback
    assert [each.action_id for each in decision.suppressed] == ["letter", "call", "gift"]
    assert decision.reservations == ()


def test_the_group_that_measures_gets_no_action() -> None:
    decision = decide(SITUATION, Ask("d", k=3), policy(holdout_share=1.0))
    assert (decision.holdout, decision.fallback, shown(decision)) == (True, False, [(NO_ACTION, "", None)])
    assert all([reason.code for reason in each.reasons] == ["holdout"] for each in decision.suppressed)


def test_a_list_goes_down_from_the_best_and_ends_with_what_does_not_pay() -> None:
    decision = decide(SITUATION, Ask("d", k=5), policy())
    assert [each.action_id for each in decision.actions] == ["gift", "call", "letter"]
    assert [each.rank for each in decision.actions] == [1, 2, 3]
    assert not any(each.explored for each in decision.actions), "each was the best that was left"
    assert decision.order_probability == 1


def test_a_list_never_breaks_the_limits_that_it_fills_itself() -> None:
    limited = policy(limits="{contacts: {email: {day: 1}}, groups: {care: {week: 2}}}")
    assert [each.action_id for each in decide(SITUATION, Ask("d", k=5), limited).actions] == ["gift", "call"]
    once = policy(limits="{groups: {care: {week: 1}}}")
    assert [each.action_id for each in decide(SITUATION, Ask("d", k=5), once).actions] == ["gift", "letter"], "help is within care"
    used = replace(SITUATION, contacts=[Contact("x", "call", "phone", AT - timedelta(days=3))])
    assert [each.action_id for each in decide(used, Ask("d", k=5), once).actions] == ["letter"]


def test_a_pick_turns_rules_about_contacts_for_the_next() -> None:
    ruled = catalogue(
        """
margin_share: 0.3
series: {intro: {actions: [first, second], every_days: 1}}
actions:
  - {action_id: alone, channel: web, value: 50, response_prior: 0.1, when: not contact_count_7d > 0}
  - {action_id: after, channel: web, value: 60, response_prior: 0.1, when: days_since_contact < 1}
  - {action_id: first, channel: app, value: 90, response_prior: 0.1}
  - {action_id: second, channel: app, value: 99, response_prior: 0.1}
"""
    )
    assert [each.action_id for each in decide(SITUATION, Ask("d", k=9), policy(ruled)).actions] == ["first", "after"]


PLACED = catalogue(
    """
margin_share: 0.3
actions:
  - {action_id: everywhere, channel: web, value: 90, response_prior: 0.1}
  - {action_id: hero, channel: web, value: 80, response_prior: 0.1, placements: [home]}
  - {action_id: side, channel: web, value: 70, response_prior: 0.1, placements: [home, cart]}
"""
)


def test_each_placement_gets_what_belongs_there_and_none_twice() -> None:
    several = decide(SITUATION, Ask("d", placements=("home", "cart", "home", "checkout")), policy(PLACED))
    assert shown(several) == [("everywhere", "web", "home"), ("side", "web", "cart"), ("hero", "web", "home"), (NO_ACTION, "", "checkout")]
    assert [each.rank for each in several.actions] == [1, 2, 3, 4]
    assert [each.code for each in several.actions[3].reasons] == ["place_alone"]
    assert several.actions[1].action_probability == several.actions[1].drawn_probability == 1, "in its placement"
    assert shown(decide(SITUATION, Ask("d", placements=("checkout",)), policy(PLACED))) == [("everywhere", "web", "checkout")]


def test_an_empty_placement_does_not_end_the_others() -> None:
    without = replace(PLACED, actions=tuple(each for each in PLACED.actions if each.action_id != "everywhere"))
    found = decide(SITUATION, Ask("d", placements=("checkout", "home", "cart")), policy(without))
    assert shown(found) == [(NO_ACTION, "", "checkout"), ("hero", "web", "home"), ("side", "web", "cart")]
    assert found.order_probability == 1
    assert [[each.code for each in place.reasons][:1] for place in found.actions] == [["place_alone"], ["best"], ["consent_unknown"]]


def test_a_place_stays_empty_where_nothing_pays_or_to_learn() -> None:
    dear = replace(PLACED, actions=tuple(replace(each, costs={"web": 99.0}) if each.action_id else each for each in PLACED.actions))
    poor = decide(SITUATION, Ask("d", placements=("home", "cart")), policy(dear))
    assert [each.reasons[0].code for each in poor.actions] == ["best", "place_empty"]
    for n in range(200):
        drawn = decide(SITUATION, Ask(f"d{n}", placements=("home", "cart")), policy(PLACED, exploration=Softmax(1.0, 9.0)))
        codes = {each.reasons[0].code for each in drawn.actions[1:] if each.action_id == NO_ACTION}
        if drawn.actions[0].action_id != NO_ACTION and codes:
            assert codes == {"place_explored"}
            break
    else:
        pytest.fail("no place was left empty to learn from")
    measured = decide(SITUATION, Ask("d", placements=("home", "cart")), policy(PLACED, holdout_share=1.0))
    assert [each.reasons[0].code for each in measured.actions] == ["holdout", "holdout"]


def test_k_is_not_looked_at_where_placements_are() -> None:
    assert len(decide(SITUATION, Ask("d", placements=("home",), k=3), policy(PLACED)).actions) == 1


def test_an_action_speaks_of_its_products_in_the_customers_language() -> None:
    lan = replace(
        SITUATION,
        products={"affinity": [Product(str(n), f"Trà {n}", f"/p/{n}") for n in range(9)]},
        profile={"name": "Nguyễn Thị Lan", "locale": "vi"},
    )
    best = decide(lan, Ask("d", context={"recommendation": 5}), policy(load_catalogue(), Limits())).actions[0]
    assert (best.action_id, best.treatment, len(best.products)) == ("personal_recommendations", "vi", 3)
    assert best.message is not None
    assert "Lan" in best.message.subject
    assert '<a href="https://shop.example/products/2">Trà 2</a>' in best.message.body


def test_a_list_of_the_default_catalogue_holds_its_limits() -> None:
    limited = default_policy(load_catalogue(), load_limits(catalogue=load_catalogue()), holdout_share=0.0, random_share=0.0)
    rich = replace(
        SITUATION, products={"affinity": [Product("1", "Tea")], "repeat": [Product("2", "Jam")]}, features={"overdue_ratio": 3.0}
    )
    for n in range(20):
        decision = decide(rich, Ask(f"d{n}", k=5), limited)
        assert sum(each.channel == "email" for each in decision.actions) <= 1


TWO = catalogue(
    """
margin_share: 0.3
actions:
  - {action_id: coupon, channels: [email, sms], cost: {email: 0.1, sms: 0.4}, group: offer, value: 90, response_prior: 0.1}
  - {action_id: letter, channel: email, value: 50, response_prior: 0.1}
  - {action_id: banner, channel: web, value: 50, response_prior: 0.1}
"""
)


def test_reservations_say_what_the_answer_takes() -> None:
    limits = """
contacts: {email: {day: 2, month: 9}, every_pushed_channel: {week: 3}, sms: {day: 5}}
groups: {offer: {week: 4}}
actions: {coupon: {month: 6}}
budgets: {coupon: {per: day, contacts: 7, money: 8}}
"""
    decision = decide(SITUATION, Ask("d", k=3), policy(TWO, limits))
    assert {each.action_id for each in decision.actions} == {"coupon", "letter", "banner"}
    assert set(decision.reservations) == {
        Reservation("contacts", "email", 2, days=1, most=2),
        Reservation("contacts", "email", 2, days=30, most=9),
        Reservation("contacts", "every_pushed_channel", 2, days=7, most=3),
        Reservation("contacts", "offer", 1, days=7, most=4),
        Reservation("contacts", "coupon", 1, days=30, most=6),
        Reservation("budget", "coupon", 1, 0.1),
    }
    by_sms = decide(replace(SITUATION, consent={"email": False}), Ask("d"), policy(TWO, limits))
    assert Reservation("budget", "coupon", 1, 0.4) in by_sms.reservations
    assert {each.what for each in by_sms.reservations} == {"sms", "every_pushed_channel", "offer", "coupon"}


def test_a_contact_goes_at_the_customers_own_hour_and_not_in_quiet_hours() -> None:
    limits = 'quiet_hours: {from: "21:00", until: "08:00", channels: [sms]}'
    evening = tuple(9.0 if hour == 19 else 0.0 for hour in range(24))
    theirs = replace(SITUATION, hours=evening, timezone="Asia/Ho_Chi_Minh")  # 9:00 in UTC is 16:00 there
    by_mail = decide(theirs, Ask("d", channels=frozenset({"email"})), policy(TWO, limits)).actions[0]
    assert (by_mail.send_at, by_mail.reasons[-1].code) == (datetime(2024, 3, 5, 12), "hour_own")
    assert decide(SITUATION, Ask("d"), policy(TWO, limits)).actions[0].send_at == AT, "nothing is known"
    by_web = decide(theirs, Ask("d", channels=frozenset({"web"})), policy(TWO, limits)).actions[0]
    assert by_web.send_at is None
    night = replace(SITUATION, as_of=datetime(2024, 3, 5, 23))
    later = decide(night, Ask("d", channels=frozenset({"sms"}), deferred=True), policy(TWO, limits)).actions[0]
    assert (later.action_id, later.send_at) == ("coupon", datetime(2024, 3, 6, 8))
    assert shown(decide(night, Ask("d", channels=frozenset({"sms"})), policy(TWO, limits))) == [(NO_ACTION, "", None)]


def test_the_channel_has_its_reason_where_anything_is_known() -> None:
    known = replace(SITUATION, answers={"email": (4.0, 1.0)}, shop=ShopHabits({"email": (50.0, 5.0)}))
    chosen = decide(known, Ask("d", channels=frozenset({"email"})), policy(TWO)).actions[0]
    assert [each.code for each in chosen.reasons] == ["best", "consent_unknown", "channel_answers"]
    assert chosen.reasons[2].sentence.startswith("answers e-mail 1 of 4 times")
    assert [each.code for each in decide(SITUATION, Ask("d"), policy(TWO)).actions[0].reasons] == ["best", "consent_unknown"]
    nothing = decide(replace(known, consent={"email": False}), Ask("d", channels=frozenset({"email"})), policy(TWO)).actions[0]
    assert len(nothing.reasons) == 1


def test_the_seed_of_the_ask_goes_before_the_policys() -> None:
    open_policy = policy(exploration=Softmax(share=1.0, temperature=5.0))

    def drawn(with_seed: int, asked: int | None) -> list[str]:
        seeded = replace(open_policy, seed=with_seed)
        return [decide(SITUATION, Ask(f"d{n}", seed=asked), seeded).actions[0].action_id for n in range(40)]

    assert drawn(1, None) == drawn(2, 1)
    assert drawn(1, None) != drawn(2, None)


def test_what_is_unknown_is_left_out_of_a_situation() -> None:
    made = Situation(
        "c",
        AT,
        "retention",
        {"order_count": math.nan, "overdue_ratio": math.inf},
        {"name": None, "vip": True, "joined_at": AT},
        churn_probability=math.nan,
        expected_order_value=math.nan,
        budgets_left={"gift": (math.inf, 3)},
    )
    assert (made.features, made.profile) == ({}, {"vip": 1.0, "joined_at": "2024-03-05T09:00:00"})
    assert (made.churn_probability, made.expected_order_value) == (None, 0.0)
    assert made.budgets_left == {"gift": (None, 3.0)}


def test_scores_are_the_policy_without_chance() -> None:
    many = [
        SITUATION,
        replace(SITUATION, customer_id="c2", expected_order_value=0.0),
        replace(SITUATION, customer_id="c3", consent={"email": False, "phone": False}),
    ]
    limits = 'quiet_hours: {from: "08:00", until: "10:00", channels: [phone]}\nbudgets: {gift: {per: ever, contacts: 0}}'
    closed = [replace(each, budgets_left={"gift": (0.0, None)}) for each in many]
    frame = score_actions(closed, policy(limits=limits, holdout_share=1.0)).set_index(["customer_id", "action_id"])
    assert frame.action_probability.groupby("customer_id").sum().tolist() == [1, 1, 1]
    assert frame.action_probability["c1"].to_dict() == {NO_ACTION: 0, "letter": 0, "call": 0, "gift": 1}
    assert frame.action_probability["c2"].to_dict() == {NO_ACTION: 0, "letter": 0, "call": 1, "gift": 0}
    assert frame.action_probability["c3", NO_ACTION] == 1
    assert frame.expected_value["c1", "gift"] == pytest.approx(0.2 * 18 - 0.002 * 0.3 * 0.3 * 200)
    assert (frame.expected_value[:, NO_ACTION] == 0).all()
    assert list(score_actions([], policy()).columns) == ["customer_id", "action_id", "action_probability", "expected_value"]


def test_scores_as_deployed_are_the_logged_probabilities() -> None:
    many = [replace(SITUATION, customer_id=str(n)) for n in range(60)]
    deployed = policy(exploration=Thompson(), holdout_share=0.3, random_share=0.3)
    frame = score_actions_as_deployed(many, deployed).set_index(["customer_id", "action_id"]).action_probability
    for situation in many:
        for candidate in decide(situation, Ask("d"), deployed).candidates:
            assert frame[situation.customer_id, candidate.action_id] == candidate.probability


def test_equally_good_actions_share_a_score() -> None:
    twins = catalogue("{margin_share: 0.3, actions: [{action_id: a, channel: web, value: 9}, {action_id: b, channel: web, value: 9}]}")
    assert score_actions([SITUATION], policy(twins)).action_probability.tolist() == [0, 0.5, 0.5]


def test_an_action_further_down_a_list_has_the_terms_of_the_channel_that_is_left() -> None:
    text = """
margin_share: 0.3
actions:
  - {action_id: first, channel: email, value: 100, response_prior: 0.5, cost: 0.01}
  - {action_id: second, channels: [email, sms], value: 10, response_prior: 0.5, cost: {email: 0.01, sms: 0.5}}
"""
    decision = decide(SITUATION, Ask("d", k=2), policy(catalogue(text), "contacts: {email: {day: 1}}"))
    told = [(each.action_id, each.channel, each.terms.contact_cost) for each in decision.actions]
    assert told == [("first", "email", 0.01), ("second", "sms", 0.5)]
    assert decision.stood.terms_of(2).contact_cost == 0.01
