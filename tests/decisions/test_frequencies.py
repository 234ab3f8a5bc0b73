"""What is logged is what was drawn from: frequencies over many decision ids agree with the logged probabilities."""

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
    Limits,
    Policy,
    Situation,
    Softmax,
    Thompson,
    crowd_of,
    decide,
    decide_many,
    default_policy,
)
from decisions.catalogue import catalogue_of
from decisions.holdout import group_of
from decisions.reading import document_of

AT = datetime(2024, 3, 5, 9)
CATALOGUE = catalogue_of(
    document_of(
        """
margin_share: 0.3
order_shares: {retention: 0.5}
actions:
  - {action_id: letter, channel: email, cost: 0.10, response_prior: 0.1, lever: 2, placements: [home]}
  - {action_id: call, channel: phone, cost: 5, value: 40, response_prior: 0.2}
  - {action_id: gift, channel: web, response_prior: 0.2, order_share: 1, offer: {discount_share: 0.1, cost: 2}}
""",
        "catalogue.yaml",
    )
)
SITUATION = Situation("c1", AT, "retention", expected_order_value=100.0)
WAYS: dict[str, Exploration] = {"Thompson": Thompson(), "softmax": Softmax(share=0.6, temperature=1.0)}
DRAWS = 1_500


def policy(exploration: Exploration, **more: Any) -> Policy:
    given: dict[str, Any] = {"holdout_share": 0.0, "random_share": 0.0, **more}
    return default_policy(CATALOGUE, Limits(), exploration=exploration, **given)


def agree(drawn: Counter[Any], logged: dict[Any, float]) -> None:
    """No draw that was not logged, and as many as logged; what is rare is counted together."""
    assert set(drawn) <= {key for key, probability in logged.items() if probability}
    total = drawn.total()
    often = {key: p for key, p in logged.items() if p * total >= 5}
    observed, expected = [drawn[key] for key in often], [p * total for p in often.values()]
    rest = total - sum(expected)
    if rest > 1e-6:
        observed, expected = [*observed, total - sum(observed)], [*expected, rest]
    assert len(observed) > 2
    assert chisquare(observed, expected).pvalue > 0.001


@pytest.mark.parametrize("way", WAYS)
def test_first_draws_one_by_one(way: str) -> None:
    fixed = policy(WAYS[way])
    logged = {each.action_id: each.probability for each in decide(SITUATION, Ask(), fixed).candidates}
    assert sum(p > 0.02 for p in logged.values()) >= 3, "there is something to see"
    agree(Counter(decide(SITUATION, Ask(f"d{n}", seed=11), fixed).actions[0].action_id for n in range(DRAWS)), logged)


@pytest.mark.parametrize("way", WAYS)
def test_first_draws_of_a_crowd(way: str) -> None:
    fixed = policy(WAYS[way])
    crowd = [replace(SITUATION, customer_id=f"c{n}") for n in range(8_000)]
    names = [action.action_id for action in CATALOGUE.actions]
    drawn, logged = Counter[str](), dict[str, float]()
    for part in decide_many(crowd_of(crowd, fixed), Ask(), fixed, ["d"] * len(crowd)):
        drawn.update(names[place] for place in part.action)
        logged = dict(zip(names, part.chances.probability[0].tolist(), strict=True))
    agree(drawn, logged)


@pytest.mark.parametrize("way", WAYS)
def test_whole_lists(way: str) -> None:
    fixed, logged, drawn = policy(WAYS[way]), dict[tuple[str, ...], float](), Counter[tuple[str, ...]]()
    for n in range(DRAWS):
        decision = decide(SITUATION, Ask(f"d{n}", seed=5, k=3), fixed)
        order = tuple(each.action_id for each in decision.actions)
        drawn[order] += 1
        assert logged.setdefault(order, decision.order_probability) == decision.order_probability
    assert len(drawn) <= 1 + sum(1 for k in (1, 2, 3) for _ in permutations(range(3), k))
    unseen = 1 - sum(logged.values())
    assert -1e-12 < unseen < 0.02
    agree(drawn, {**logged, ("unseen",): unseen})


def test_whole_lists_of_placements() -> None:
    fixed, logged, drawn = policy(WAYS["softmax"]), dict[tuple[Any, ...], float](), Counter[tuple[Any, ...]]()
    for n in range(DRAWS):
        decision = decide(SITUATION, Ask(f"d{n}", placements=("cart", "home")), fixed)
        shown = tuple((each.placement, each.action_id) for each in decision.actions if each.action_id != NO_ACTION)
        assert ("cart", "letter") not in shown
        drawn[shown] += 1
        assert logged.setdefault(shown, decision.order_probability) == decision.order_probability
    assert sum(logged.values()) == pytest.approx(1, abs=0.02)
    agree(drawn, {**logged, ("unseen",): 1 - sum(logged.values())})


def test_the_random_group_gets_every_allowed_action_alike() -> None:
    measured = policy(WAYS["Thompson"], random_share=1.0)
    asked = Ask(channels=frozenset({"email", "web"}))
    logged = {each.action_id: each.probability for each in decide(SITUATION, asked, measured).candidates}
    assert logged == {NO_ACTION: 1 / 3, "letter": 1 / 3, "call": 0, "gift": 1 / 3}
    agree(Counter(decide(SITUATION, replace(asked, decision_id=f"d{n}"), measured).actions[0].action_id for n in range(DRAWS)), logged)


def test_the_draw_does_not_tell_the_group() -> None:
    """Within each group, too, frequencies are those logged: the two hashes have nothing to do with one another."""
    fixed = policy(WAYS["softmax"], random_share=0.5)
    crowd = [replace(SITUATION, customer_id=f"c{n}") for n in range(4_000)]
    names = [action.action_id for action in CATALOGUE.actions]
    (part,) = decide_many(crowd_of(crowd, fixed), Ask(), fixed, ["d"] * len(crowd))
    for group in ("policy", "random"):
        rows = [row for row, each in enumerate(crowd) if group_of(each.customer_id, fixed.seed, 0.0, 0.5) == group]
        assert 1_800 < len(rows) < 2_200
        logged = dict(zip(names, part.chances.probability[rows[0]].tolist(), strict=True))
        agree(Counter(names[part.action[row]] for row in rows), logged)
