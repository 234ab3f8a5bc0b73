"""Exploration: probabilities by hand and as laws, and the draw."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chisquare

from decisions.exploration import (
    MOST_FLOOR,
    Exploration,
    Softmax,
    Standing,
    Thompson,
    draw,
    from_plain,
    greedy,
    to_plain,
    uniform,
    uniform_over,
)
from decisions.win_probabilities import Uncertain, win_probabilities
from features.errors import InputError

Floats = NDArray[np.float64]


def standing(priority: list[list[float]], allowed: list[list[bool]] | None = None) -> Standing:
    """Priorities as they are, known so well that they hardly vary; an action with a cost of its own each."""
    known = np.array(priority, dtype=float)
    mean = np.full(known.shape, 0.5)
    cost = np.ones(known.shape)
    uncertain = Uncertain((known + cost) / mean, cost, mean, np.full(known.shape, 25.0))
    return Standing(known, uncertain, np.ones(known.shape, dtype=bool) if allowed is None else np.array(allowed))


def pi(exploration: Exploration, *priority: float) -> list[float]:
    return [float(p) for p in exploration.probabilities(standing([list(priority)]))[0]]


def test_a_softmax_by_hand() -> None:
    # the best is 2, the median 1: the spread is 1, and so is the temperature in money; a tenth of the softmax, nine tenths for the best, the floor
    powers = np.exp([-2.0, -1.0, 0.0])
    expected = 0.997 * (0.9 * np.array([0, 0, 1]) + 0.1 * powers / powers.sum()) + 0.001
    assert pi(Softmax(share=0.1, temperature=1.0, floor=0.001), 0, 1, 2) == pytest.approx(expected)


def test_where_most_are_equally_good_the_spread_is_down_to_the_least() -> None:
    powers = np.exp([-2.0, 0.0, 0.0])  # the best is the median: 4 - 0 is the spread, the temperature half of it
    assert pi(Softmax(share=1.0, temperature=0.5, floor=0.0), 0, 4, 4) == pytest.approx(powers / powers.sum())


def test_few_very_costly_actions_do_not_flatten_a_softmax() -> None:
    plain = pi(Softmax(share=1.0, floor=0.0), 0.0, 0.1, 1.0, 2.0, -1.0)
    costly = pi(Softmax(share=1.0, floor=0.0), 0.0, 0.1, 1.0, 2.0, -1e6)
    assert costly[:4] == pytest.approx([p / (1 - plain[4]) for p in plain[:4]])


def test_equally_good_actions_share() -> None:
    assert greedy(standing([[1.0, 3.0, 3.0]])).tolist() == [[0, 0.5, 0.5]]
    assert pi(Softmax(), 2.0, 2.0) == [0.5, 0.5]
    assert uniform_over(np.array([[True, False, True]])).tolist() == [[0.5, 0, 0.5]]


def test_the_temperature_means_the_same_in_every_currency() -> None:
    assert pi(Softmax(), 0.0, 1.5, 2.0, -3.0) == pytest.approx(pi(Softmax(), 0.0, 42_000.0, 56_000.0, -84_000.0))


def test_thompson_draws_each_as_often_as_it_is_the_best_and_never_less_than_the_floor() -> None:
    stood = standing([[0.0, 3.0, 3.2, -0.9]], [[True, True, True, False]])
    uncertain = stood.uncertain
    rest = Uncertain(*(part[:, 1:] for part in (uncertain.scale, uncertain.cost, uncertain.mean, uncertain.strength)))
    bare = win_probabilities(rest, stood.allowed[:, 1:])[0]
    assert Thompson(floor=0.0).probabilities(stood)[0].tolist() == bare.tolist()
    assert Thompson(floor=0.001).probabilities(stood)[0, :3] == pytest.approx(0.997 * bare[:3] + 0.001)
    assert Thompson().floor == MOST_FLOOR
    assert Thompson().probabilities(stood)[0, 3] == 0
    assert bare[2] > bare[1] > 0.3


PRIORITIES = st.lists(st.floats(-1e9, 1e9) | st.sampled_from([0.0, 1.0, 1.0 + 1e-12]), min_size=2, max_size=30)
EXPLORATIONS = st.one_of(
    st.builds(Thompson, floor=st.floats(0, 0.001)),
    st.builds(Softmax, share=st.sampled_from([0.0, 1.0]) | st.floats(0, 1), temperature=st.floats(0.01, 100), floor=st.floats(0, 0.001)),
)


@settings(max_examples=80)
@given(priorities=PRIORITIES, exploration=EXPLORATIONS, forbidden=st.sets(st.integers(1, 29)))
def test_probabilities_sum_to_one_stay_above_the_floor_and_leave_the_forbidden_out(
    priorities: list[float], exploration: Thompson | Softmax, forbidden: set[int]
) -> None:
    allowed = [place not in forbidden for place in range(len(priorities))]
    found = exploration.probabilities(standing([[0.0, *priorities[1:]]], [allowed]))[0]
    assert found.sum() == pytest.approx(1, abs=1e-12)
    assert (found[np.logical_not(allowed)] == 0).all()
    assert found[allowed].min() >= exploration.floor * (1 - 1e-12)


@settings(max_examples=40)
@given(priorities=PRIORITIES)
def test_without_exploration_only_the_best_is_drawn(priorities: list[float]) -> None:
    stood = standing([priorities])
    assert Softmax(share=0, floor=0).probabilities(stood).tolist() == greedy(stood).tolist()


@settings(max_examples=40)
@given(
    priorities=st.lists(PRIORITIES.filter(lambda found: len(found) >= 4).map(lambda found: found[:4]), min_size=2, max_size=4),
    way=EXPLORATIONS,
)
def test_a_row_is_explored_the_same_alone_and_among_others(priorities: list[list[float]], way: Exploration) -> None:
    together = way.probabilities(standing(priorities))
    assert [way.probabilities(standing([each]))[0].tolist() for each in priorities] == together.tolist()


def test_draws_are_as_frequent_as_their_probabilities() -> None:
    chances = np.array([0.1, 0.0, 0.2, 0.7])
    numbers = np.array([uniform(7, f"customer {n}", "d") for n in range(20_000)])
    drawn = np.bincount(draw(np.tile(chances, (len(numbers), 1)), numbers), minlength=4)
    assert drawn[1] == 0
    assert chisquare(drawn[[0, 2, 3]], chances[[0, 2, 3]] * len(numbers)).pvalue > 0.001


def test_what_has_no_probability_is_never_drawn_at_any_edge() -> None:
    chances = np.array([[0.0, 0.5, 0.0, 0.5, 0.0]])
    edges = [0.0, np.nextafter(0.5, 0), 0.5, np.nextafter(1.0, 0), 1.0]
    assert [int(draw(chances, np.array([u]))[0]) for u in edges] == [1, 1, 3, 3, 3]
    thirds = np.full((1, 3), 1 / 3)
    assert int(draw(thirds, np.array([np.nextafter(1.0, 0)]))[0]) == 2


def test_a_random_number_depends_on_seed_customer_decision_and_rank_alone() -> None:
    assert uniform(1, "a", "b") == uniform(1, "a", "b", 0)
    keys = [
        (1, "a", "b", 0),
        (2, "a", "b", 0),
        (1, "ab", "", 0),
        (1, "", "ab", 0),
        (1, "b", "a", 0),
        (1, "a", "b", 1),
        (1, 'a", "b', "", 0),
    ]
    numbers = [uniform(*key) for key in keys]
    assert len(set(numbers)) == len(keys)
    assert all(0 <= number < 1 for number in numbers)


@pytest.mark.parametrize("exploration", [Thompson(), Thompson(floor=0.0005), Softmax(), Softmax(0.3, 2.0, 0.0)])
def test_a_way_to_explore_can_be_told_as_plain_data(exploration: Exploration) -> None:
    assert from_plain(to_plain(exploration)) == exploration


def test_a_way_to_explore_that_nobody_knows_cannot_be_told() -> None:
    class Curious:
        def probabilities(self, standing: Standing) -> Floats:
            return uniform_over(standing.allowed)

    with pytest.raises(InputError, match="cannot be stored"):
        to_plain(Curious())


@pytest.mark.parametrize(
    "wrong",
    [{"share": 1.1}, {"share": float("nan")}, {"temperature": 0}, {"temperature": float("inf")}, {"floor": 0.0011}, {"floor": -0.1}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Softmax(**wrong)


@pytest.mark.parametrize("floor", [0.0011, -0.1, float("nan")])
def test_a_floor_out_of_range_is_refused(floor: float) -> None:
    with pytest.raises(InputError, match="floor"):
        Thompson(floor)
