"""The groups that measure: their shares, that they stay, and that they never overlap."""

import numpy as np
import pytest
from scipy.stats import chisquare

from decisions.holdout import group_of, in_holdout

CUSTOMERS = [f"c{n}" for n in range(20_000)]


def members(no_action: float, random: float, seed: int = 3) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {"policy": set(), "no_action": set(), "random": set()}
    for customer in CUSTOMERS:
        groups[group_of(customer, seed, no_action, random)].add(customer)
    return groups


def test_shares_are_met() -> None:
    found = members(0.05, 0.02)
    counts = [len(found[name]) for name in ("no_action", "random", "policy")]
    assert chisquare(counts, np.array([0.05, 0.02, 0.93]) * len(CUSTOMERS)).pvalue > 0.001


@pytest.mark.parametrize(("before", "after"), [((0.05, 0.02), (0.2, 0.02)), ((0.05, 0.02), (0.05, 0.3)), ((0.05, 0.02), (0.5, 0.5))])
def test_growing_a_share_keeps_members_and_moves_nobody_between_the_two(before: tuple[float, float], after: tuple[float, float]) -> None:
    small, large = members(*before), members(*after)
    for group in ("no_action", "random"):
        assert small[group] <= large[group]
    assert not small["random"] & large["no_action"]
    assert not small["no_action"] & large["random"]
    assert large["no_action"] != small["no_action"] or large["random"] != small["random"]


def test_who_is_in_which_group_depends_on_the_customer_and_the_seed_alone() -> None:
    first = members(0.05, 0.02)
    backwards = {customer: group_of(customer, 3, 0.05, 0.02) for customer in reversed(CUSTOMERS)}
    assert all(customer in first[group] for customer, group in backwards.items())
    assert first["no_action"] == {customer for customer in CUSTOMERS if in_holdout(customer, 3, 0.05)}
    other = members(0.05, 0.02, seed=4)
    assert first["no_action"] != other["no_action"]


def test_nobody_everybody_and_too_much() -> None:
    assert len(members(0, 0)["policy"]) == len(CUSTOMERS)
    assert len(members(1, 0)["no_action"]) == len(members(0, 1)["random"]) == len(CUSTOMERS)
    assert len(members(1, 1)["no_action"]) == len(CUSTOMERS), "the group without actions comes first"
