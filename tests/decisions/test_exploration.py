"""Exploration and the holdout: probabilities by hand, as laws, and against the frequencies of real draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from decisions.exploration import Exploration, draw, generator, greedy, probabilities
from decisions.holdout import in_holdout
from features.errors import InputError

PRIORITIES = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30)
SETTINGS = st.builds(Exploration, share=st.floats(0, 1), temperature=st.floats(0.01, 100), floor=st.floats(0, 0.5))


def test_three_actions_by_hand() -> None:
    # spread 2 - 1 = 1, temperature 1: softmax of (-2, -1, 0); then a tenth of it, nine tenths for the best, and the floor
    powers = np.exp([-2.0, -1.0, 0.0])
    expected = 0.97 * (0.9 * np.array([0, 0, 1]) + 0.1 * powers / powers.sum()) + 0.01
    assert probabilities([0, 1, 2], Exploration(share=0.1, temperature=1.0, floor=0.01)) == pytest.approx(expected)


def test_equally_good_actions_share() -> None:
    assert greedy([1.0, 3.0, 3.0]).tolist() == [0, 0.5, 0.5]
    assert probabilities([2.0, 2.0], Exploration()).tolist() == [0.5, 0.5]
    assert probabilities([], Exploration()).tolist() == []


def test_the_temperature_means_the_same_in_every_currency() -> None:
    in_euro, in_dong = [0.0, 1.5, 2.0, -3.0], [0.0, 42_000.0, 56_000.0, -84_000.0]
    assert probabilities(in_euro, Exploration()) == pytest.approx(probabilities(in_dong, Exploration()))


@given(priorities=PRIORITIES, exploration=SETTINGS)
def test_probabilities_sum_to_one_and_stay_above_the_floor(priorities: list[float], exploration: Exploration) -> None:
    pi = probabilities(priorities, exploration)
    assert pi.sum() == pytest.approx(1, abs=1e-12)
    assert pi.min() >= min(exploration.floor, 0.5 / len(priorities)) * (1 - 1e-12)
    assert pi[int(np.argmax(priorities))] == pi.max()


@given(priorities=PRIORITIES)
def test_without_exploration_only_the_best_is_drawn(priorities: list[float]) -> None:
    assert probabilities(priorities, Exploration(share=0, floor=0)) == pytest.approx(greedy(priorities))


def test_draws_are_as_frequent_as_their_probabilities() -> None:
    pi = probabilities([0.0, 1.0, 1.5, 2.0], Exploration(share=0.6, temperature=1.0, floor=0.02))
    drawn = [draw(pi, generator(7, f"customer {n}", "d")) for n in range(20_000)]
    assert chisquare(np.bincount(drawn, minlength=4), pi * len(drawn)).pvalue > 0.01


def test_what_has_no_probability_is_never_drawn() -> None:
    pi = np.array([0.0, 0.5, 0.0, 0.5, 0.0])
    assert {draw(pi, generator(0, str(n), "d")) for n in range(500)} == {1, 3}


def test_a_draw_depends_on_seed_customer_and_decision_alone() -> None:
    def first(*key: object) -> float:
        return float(generator(*key).random())

    assert first(1, "a", "b") == first(1, "a", "b")
    assert len({first(1, "a", "b"), first(2, "a", "b"), first(1, "ab", ""), first(1, "", "ab"), first(1, "b", "a")}) == 5


@pytest.mark.parametrize(
    "wrong", [{"share": 1.1}, {"share": float("nan")}, {"temperature": 0}, {"temperature": float("inf")}, {"floor": 0.6}, {"floor": -0.1}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Exploration(**wrong)


def test_the_holdout_is_stable_grows_and_has_its_share() -> None:
    customers = [str(n) for n in range(20_000)]
    small, large = ({c for c in customers if in_holdout(c, 3, share)} for share in (0.05, 0.2))
    assert small < large
    assert chisquare([len(small), 20_000 - len(small)], [1_000, 19_000]).pvalue > 0.01
    assert small != {c for c in customers if in_holdout(c, 4, 0.05)}
    assert not any(in_holdout(c, 3, 0) for c in customers)
    assert all(in_holdout(c, 3, 1) for c in customers)
