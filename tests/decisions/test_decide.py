"""The one function that decides: money by hand, how often what is drawn, and the replay of what was recorded."""

import math
from collections import Counter
from dataclasses import replace
from datetime import datetime
from itertools import permutations
from typing import Any

import pytest
from scipy.stats import chisquare

from decisions import (
    NO_ACTION,
    Ask,
    Exploration,
    Policy,
    Product,
    Situation,
    decide,
    default_policy,
    from_record,
    load_catalogue,
    replay,
    score_actions,
    score_actions_as_deployed,
    to_record,
)
from decisions.actions import Catalogue
from decisions.catalogue import catalogue_of
from decisions.limits import Limits
from decisions.reading import document_of
from features.errors import InputError

AT = datetime(2024, 3, 5, 9)
SMALL: Catalogue = catalogue_of(
    document_of(
        """
margin_share: 0.3
order_shares: {retention: 0.5}
actions:
  - {action_id: letter, channel: email, cost: 0.10, response_prior: 0.1, lever: 2}
  - {action_id: call, channel: phone, group: help, cost: 5, value: 40, response_prior: 0.2}
  - {action_id: gift, channel: email, response_prior: 0.2, order_share: 1, offer: {discount_share: 0.1, cost: 2}}
""",
        "catalogue.yaml",
    )
)
OPEN = Exploration(share=0.5, temperature=1.0, floor=0.01)
SITUATION = Situation("c1", AT, "retention", expected_order_value=100.0)


def policy(catalogue: Catalogue = SMALL, **more: Any) -> Policy:
    given: dict[str, Any] = {"limits": Limits(), "exploration": OPEN, "holdout_share": 0.0, **more}
    return default_policy(catalogue, **given)


def test_priorities_by_hand() -> None:
    decision = decide(SITUATION, Ask("d", context={"letter": 1.5, "help": 3}), policy())
    terms = {c.action_id: c.terms for c in decision.candidates}
    assert terms["letter"].value == pytest.approx(0.3 * 100 * 0.5)
    assert terms["letter"].priority == pytest.approx(0.1 * 15 * 1.5 * 2 - 0.10)
    assert terms["letter"].expected_value == pytest.approx(0.1 * 15 - 0.10)
    assert terms["call"].priority == pytest.approx(0.2 * 40 * 3 - 5)
    assert terms["gift"].value == pytest.approx((0.3 - 0.1) * 100 * 1 - 2)
    assert terms[NO_ACTION].priority == 0


def test_a_response_model_takes_the_place_of_the_priors() -> None:
    class Learned:
        def probability(self, action_id: str, stage: str, prior: float) -> float:
            return {("letter", "retention"): 0.9}.get((action_id, stage), prior)

    decision = decide(SITUATION, Ask("d"), policy(response=Learned(), response_version="3"))
    assert {c.action_id: c.terms.response_probability for c in decision.candidates} == {
        NO_ACTION: 0,
        "letter": 0.9,
        "call": 0.2,
        "gift": 0.2,
    }


def test_the_weight_of_an_action_goes_before_that_of_its_group() -> None:
    decision = decide(SITUATION, Ask("d", context={"help": 3, "call": 0}), policy())
    assert next(c for c in decision.candidates if c.action_id == "call").terms.context_weight == 0


def test_nothing_is_better_than_what_costs_more_than_it_brings() -> None:
    poor = decide(
        replace(SITUATION, expected_order_value=0.0),
        Ask("d", channels=frozenset({"email"})),
        policy(exploration=Exploration(share=0, floor=0)),
    )
    assert [a.action_id for a in poor.actions] == [NO_ACTION]
    assert poor.actions[0].reasons[0].sentence == "No allowed action is worth its cost."
    assert not poor.fallback


def test_who_may_receive_nothing_gets_no_action_with_the_reason() -> None:
    decision = decide(replace(SITUATION, consent={"email": False, "phone": False}), Ask("d", k=3), policy())
    assert [(a.action_id, a.action_probability, a.message) for a in decision.actions] == [(NO_ACTION, 1.0, None)]
    assert decision.actions[0].reasons[0].sentence == "No action is allowed: 3 no consent."
    assert decision.fallback
    assert [c.action_id for c in decision.suppressed] == ["letter", "call", "gift"]


def test_the_holdout_gets_no_action() -> None:
    decision = decide(SITUATION, Ask("d"), policy(holdout_share=1.0))
    assert decision.holdout
    assert not decision.fallback
    assert [a.action_id for a in decision.actions] == [NO_ACTION]
    assert decision.actions[0].reasons[0].code == "holdout"
    assert all(c.reasons[-1].code == "holdout" for c in decision.suppressed)


def test_a_list_never_breaks_the_contact_limits_that_it_fills_itself() -> None:
    limited = policy(load_catalogue(), limits=None)
    rich = replace(
        SITUATION, products={"affinity": [Product("1", "Tea")], "repeat": [Product("2", "Jam")]}, features={"overdue_ratio": 3.0}
    )
    for n in range(50):
        decision = decide(rich, Ask(f"d{n}", k=5), limited)
        assert sum(a.channel == "email" for a in decision.actions) <= 1
        assert len({a.action_id for a in decision.actions}) == len(decision.actions)
        assert [a.rank for a in decision.actions] == list(range(1, len(decision.actions) + 1))


def test_an_action_speaks_of_its_products_in_the_customers_language() -> None:
    lan = replace(
        SITUATION,
        products={"affinity": [Product(str(n), f"Trà {n}", f"/p/{n}") for n in range(9)]},
        profile={"name": "Nguyễn Thị Lan", "locale": "vi"},
    )
    decision = decide(lan, Ask("d", context={"recommendation": 5}), policy(load_catalogue(), exploration=Exploration(share=0, floor=0)))
    best = decision.actions[0]
    assert (best.action_id, best.treatment, len(best.products)) == ("personal_recommendations", "vi", 3)
    assert best.message is not None
    assert "Lan" in best.message.subject
    assert '<a href="/p/2">Trà 2</a>' in best.message.body


def test_first_draws_are_as_frequent_as_they_are_logged() -> None:
    fixed = policy()
    logged = {c.action_id: c.probability for c in decide(SITUATION, Ask(), fixed).candidates}
    drawn = Counter(decide(SITUATION, Ask(f"d{n}", seed=11), fixed).actions[0].action_id for n in range(4_000))
    assert chisquare([drawn[a] for a in logged], [4_000 * p for p in logged.values()]).pvalue > 0.01


def test_whole_orders_are_as_frequent_as_they_are_logged() -> None:
    fixed, logged, drawn = policy(), dict[tuple[str, ...], float](), Counter[tuple[str, ...]]()
    for n in range(4_000):
        decision = decide(SITUATION, Ask(f"d{n}", seed=5, k=3), fixed)
        order = tuple(a.action_id for a in decision.actions)
        drawn[order] += 1
        assert logged.setdefault(order, decision.order_probability) == pytest.approx(decision.order_probability)
    assert len(drawn) == 1 + sum(1 for k in (1, 2, 3) for _ in permutations(range(3), k))
    assert sum(logged.values()) == pytest.approx(1)
    assert chisquare([drawn[o] for o in logged], [4_000 * p for p in logged.values()]).pvalue > 0.01


def test_a_decision_of_another_policy_is_not_replayed() -> None:
    record = to_record(decide(SITUATION, Ask("d"), policy()))
    with pytest.raises(InputError, match="was made by the policy"):
        replay(record, policy(seed=1))


@pytest.mark.parametrize("broken", [{}, {"format": 2}, {"format": 1}, {"format": 1, "situation": 3}])
def test_a_broken_record_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(InputError, match="record"):
        from_record(broken)


def test_every_part_of_a_policy_is_in_its_version() -> None:
    parts: list[dict[str, Any]] = [
        {},
        {"seed": 1},
        {"holdout_share": 0.1},
        {"currency": "VND"},
        {"exploration": Exploration()},
        {"limits": None},
        {"response_version": "2"},
    ]
    assert len({policy(**part).version for part in parts} | {policy(load_catalogue()).version}) == len(parts) + 1
    with pytest.raises(InputError, match="from 0 to 1"):
        policy(holdout_share=1.5)


def test_what_is_unknown_is_left_out_of_a_situation() -> None:
    made = Situation(
        "c",
        AT,
        "retention",
        {"order_count": math.nan},
        {"name": None, "vip": True, "joined_at": AT},
        churn_probability=math.nan,
        expected_order_value=math.nan,
    )
    assert (made.features, made.profile) == ({}, {"vip": 1.0, "joined_at": "2024-03-05T09:00:00"})
    assert (made.churn_probability, made.expected_order_value) == (None, 0.0)


def test_scores_are_the_policy_without_chance() -> None:
    many = [
        SITUATION,
        replace(SITUATION, customer_id="c2", expected_order_value=0.0),
        replace(SITUATION, customer_id="c3", consent={"email": False, "phone": False}),
    ]
    frame = score_actions(many, policy(holdout_share=1.0)).set_index(["customer_id", "action_id"])
    assert frame.action_probability.groupby("customer_id").sum().tolist() == [1, 1, 1]
    assert frame.action_probability["c1"].to_dict() == {NO_ACTION: 0, "letter": 0, "call": 0, "gift": 1}
    assert frame.action_probability["c2"].to_dict() == {NO_ACTION: 0, "letter": 0, "call": 1, "gift": 0}
    assert frame.action_probability["c3", NO_ACTION] == 1
    assert frame.expected_value["c1", "gift"] == pytest.approx(0.2 * 18)
    assert list(score_actions([], policy()).columns) == ["customer_id", "action_id", "action_probability", "expected_value"]


def test_scores_as_deployed_are_the_logged_probabilities() -> None:
    many = [replace(SITUATION, customer_id=str(n)) for n in range(40)]
    deployed = policy(holdout_share=0.3)
    frame = score_actions_as_deployed(many, deployed).set_index(["customer_id", "action_id"]).action_probability
    for situation in many:
        for candidate in decide(situation, Ask("d"), deployed).candidates:
            assert frame[situation.customer_id, candidate.action_id] == candidate.probability


def test_equally_good_actions_share_a_score() -> None:
    twins = catalogue_of(
        document_of(
            "{margin_share: 0.3, actions: [{action_id: a, channel: web, value: 9}, {action_id: b, channel: web, value: 9}]}", "c.yaml"
        )
    )
    assert score_actions([SITUATION], policy(twins)).action_probability.tolist() == [0, 0.5, 0.5]
