from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.journey.panel import Panel
from training.journey.process import SIZE, Process, estimated, hindsight, values
from training.journey.states import SILENCES, STATES


def place(state: tuple[str, str], silence: int = 0) -> int:
    return STATES.index(state) * len(SILENCES) + silence


def test_two_states_by_hand() -> None:
    transitions = np.array([[0.5, 0.5], [0.0, 1.0]])
    rewards = np.array([8.0, 2.0])
    assert values(transitions, rewards, 1).tolist() == [8.0, 2.0]
    assert values(transitions, rewards, 2).tolist() == [8.0 + 4.0 + 1.0, 4.0]
    assert values(transitions, rewards, 3).tolist() == [8.0 + 6.5 + 2.0, 6.0]


def test_backward_induction_is_the_sum_of_matrix_powers(made) -> None:
    assert values(made.transitions, made.rewards, 12) == pytest.approx(made.worth(12))


def test_walkers_bring_what_the_process_says(made) -> None:
    """An independent oracle: customers are sent forward by Monte Carlo."""
    walked = made.panel(60_000, 6, seed=5)
    for i in range(3):
        brought = walked.spent[i::3].sum(axis=1)
        assert abs(brought.mean() - values(made.transitions, made.rewards, 6)[i]) < 4 * brought.std() / np.sqrt(len(brought))


@given(
    weights=arrays(np.float64, (5, 5), elements=st.floats(0.01, 1.0)),
    rewards=arrays(np.float64, 5, elements=st.floats(0.0, 1000.0)),
    steps=st.integers(0, 24),
)
def test_without_negative_money_worth_grows_with_the_horizon_and_stays_between_the_extremes(weights, rewards, steps) -> None:
    transitions = weights / weights.sum(axis=1, keepdims=True)
    now, later = values(transitions, rewards, steps), values(transitions, rewards, steps + 1)
    assert (later >= now - 1e-9).all()
    assert (now <= steps * rewards.max() + 1e-6).all()
    assert (now >= steps * rewards.min() - 1e-6).all()


def test_what_was_walked_is_estimated_within_its_noise(made) -> None:
    panel = made.panel(30_000, 8)
    process = estimated(panel)
    here = [place(state) for state in made.states]
    rows = 10_000 * 4  # a third of the customers at each of the four steps learned from, about
    assert process.transitions[np.ix_(here, here)] == pytest.approx(made.transitions, abs=5 * np.sqrt(0.25 / rows))
    assert process.rewards[here] == pytest.approx(made.rewards, rel=5 / np.sqrt(rows))


def test_the_first_half_only_tells_who_was_there_before(make_panel: Callable[..., Panel]) -> None:
    spent = np.where(np.arange(8) < 4, 1000.0, 10.0) * np.ones((300, 1))
    process = estimated(make_panel(np.full((300, 9), STATES.index(("retention", "1"))), spent))
    assert process.rewards[place(("retention", "1"))] == pytest.approx(10.0)


def test_few_customers_are_drawn_to_those_with_the_same_order_count(make_panel: Callable[..., Panel]) -> None:
    decision, awareness = STATES.index(("decision", "0")), STATES.index(("awareness", "0"))
    states = np.array([[awareness] * 3] * 60 + [[decision] * 3] * 20)
    spent = np.array([[0.0] * 2] * 60 + [[40.0] * 2] * 20)
    process = estimated(make_panel(states, spent))
    # all: 800 / 80 customers = 10 a step; decision's own 40 of 20 customers meets 10 of 20 believed ones
    assert process.rewards[place(("decision", "0"))] == pytest.approx(25.0)
    assert process.transitions[place(("decision", "0")), place(("decision", "0"))] == pytest.approx(0.5 * 1.0 + 0.5 * 0.25)
    assert process.rewards[place(("consideration", "0"))] == pytest.approx(10.0), "nobody was there: exactly what the others say"


def test_rows_are_probabilities_and_an_order_count_never_falls(make_panel: Callable[..., Panel]) -> None:
    rng = np.random.default_rng(3)
    bucket = np.sort(rng.integers(0, 4, (300, 7)), axis=1)
    states = bucket * 6 + rng.integers(0, 6, bucket.shape)
    process = estimated(make_panel(states, rng.exponential(5.0, (300, 6))))
    assert process.transitions.sum(axis=1) == pytest.approx(1.0)
    buckets = np.arange(SIZE) // len(SILENCES) // 6
    assert (process.transitions[buckets[:, None] > buckets[None, :]] == 0.0).all()


def test_a_silence_longer_than_any_seen_is_like_the_longest_seen(make_panel: Callable[..., Panel]) -> None:
    states = np.full((400, 3), STATES.index(("retention", "1")))
    panel = make_panel(states, np.repeat([[80.0], [4.0]], 200, axis=0) * np.ones((1, 2)))
    silences = np.repeat([[0], [1]], 200, axis=0) * np.ones((1, 3), np.int8)
    process = estimated(Panel(**{**vars(panel), "silences": silences.astype(np.int8)}))
    rewards = process.rewards[[place(("retention", "1"), silence) for silence in (0, 1, 2, 6)]]
    assert rewards[0] == pytest.approx(80.0, rel=0.1)
    assert rewards[1] == pytest.approx(4.0, abs=1.0)
    assert rewards[2] == pytest.approx((200 * 4.0 + 20 * 80.0) / 220, rel=0.05), (
        "the silent of all stages, drawn to those before; not the mean of 42"
    )
    assert rewards[3] == pytest.approx(rewards[2])


def test_hindsight_leaves_a_true_chain_alone(made) -> None:
    panel = made.panel(30_000, 12)
    process = estimated(panel)
    seen = [STATES.index(state) for state in made.states]
    assert hindsight(panel, process, 12)[seen] == pytest.approx(1.0, abs=0.03)


def test_hindsight_corrects_a_chain_that_forgets(make_panel: Callable[..., Panel]) -> None:
    """Half of the customers never leave awareness; the others are there in every second step, and bring 30 in decision: the state cannot tell who is who."""
    here, there = STATES.index(("awareness", "0")), STATES.index(("decision", "0"))
    states = np.full((2000, 13), here)
    states[1000:1500, 0::2] = there
    states[1500:, 1::2] = there
    panel = make_panel(states, np.where(states[:, :-1] == there, 30.0, 0.0))
    process = estimated(panel)
    factor = hindsight(panel, process, 6)
    for state, came in ((here, 500 * 90.0 / 1500), (there, 90.0)):  # three times 30 in six steps, for those who go to and fro
        expected = process.values(6)[state * len(SILENCES)]
        assert abs(expected - came) > 0.2 * came
        assert abs(factor[state] * expected - came) < 0.5 * abs(expected - came)


def test_a_ratio_that_falls_with_the_window_falls_on(made) -> None:
    """Everybody brings a tenth less with every step: the chain expects the mean for ever, and the windows seen tell that this is too much."""
    panel = made.panel(6000, 12)
    fading = replace(panel, spent=panel.spent * 0.9 ** np.arange(12))
    process = estimated(fading)
    seen = STATES.index(made.states[0])
    near, far = hindsight(fading, process, 1)[seen], hindsight(fading, process, 12)[seen]
    assert far < near < 1.05
    assert hindsight(panel, estimated(panel), 12)[seen] > 0.95


def test_an_empty_process_has_no_money() -> None:
    assert not Process(np.zeros((4, 4)), np.zeros(4)).values(12).any()
