"""Win probabilities: against dense integration, against draws from beta distributions, and as laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from decisions.win_probabilities import Uncertain, folded_normal, win_probabilities

Floats = NDArray[np.float64]
RARE = (120.0, 1.0, 0.02, 20.0)
CASES: dict[str, list[tuple[float, float, float, float]]] = {
    # scale, cost, mean, strength
    "two alike": [(50.0, 1.0, 0.1, 30.0), (50.0, 1.0, 0.1, 30.0)],
    "narrow rivals beside a wide one": [(50.0, 1.0, 0.10, 50_000.0), (50.0, 1.0, 0.101, 50_000.0), (80.0, 1.0, 0.06, 15.0)],
    "many like new": [(40.0 + 2 * n, 0.1 * n, 0.02 + 0.002 * n, 20.0) for n in range(12)],
    "some that do not pay": [(20.0, 2.0, 0.05, 40.0), (5.0, 1.0, 0.1, 400.0), (90.0, 3.0, 0.03, 25.0)],
    "one that is rare": [RARE, (30.0, 0.2, 0.05, 200.0)],
    "far apart": [(1e6, 10.0, 0.05, 30.0), (50.0, 1.0, 0.3, 100.0)],
    "learned well and not at all": [
        (60.0, 0.5, 0.2, 5_000.0),
        (60.0, 0.5, 0.19, 20.0),
        (55.0, 0.5, 0.21, 1_000.0),
        (300.0, 5.0, 0.04, 20.0),
    ],
    "one alone": [(30.0, 1.0, 0.05, 40.0)],
}


def uncertain(*rows: list[tuple[float, float, float, float]]) -> Uncertain:
    parts = np.array(rows, dtype=float)
    return Uncertain(*(np.ascontiguousarray(parts[:, :, part]) for part in range(4)))


def won(*rows: list[tuple[float, float, float, float]]) -> Floats:
    known = uncertain(*rows)
    return win_probabilities(known, np.ones(known.scale.shape, dtype=bool))


def integrated(actions: list[tuple[float, float, float, float]], points: int = 20_001) -> Floats:
    """The same integral on a dense grid, from the normal's own distribution function: Stieltjes sums over sin^2 of the folded normals."""
    tops = [scale - cost for scale, cost, *_ in actions]
    x = max(0.0, *tops) * np.linspace(0.0, 1.0, points) ** 3
    below = []
    for scale, cost, mean, strength in actions:
        centre, deviation = (float(part[0]) for part in folded_normal(np.array([mean]), np.array([strength])))
        angle = np.arcsin(np.sqrt(np.clip((x + cost) / scale, 0.0, 1.0)))
        # every angle of the normal that folds onto one within -angle..angle
        turns = [
            stats.norm.cdf(k * np.pi + angle, centre, deviation) - stats.norm.cdf(k * np.pi - angle, centre, deviation) for k in (-1, 0, 1)
        ]
        below.append(np.clip(np.where(x + cost >= scale, 1.0, sum(turns)), 0.0, 1.0))
    steps = [np.diff(each) for each in below]
    middles = [(each[1:] + each[:-1]) / 2 for each in below]
    wins = [sum(step * np.prod([m for n, m in enumerate(middles) if n != number], axis=0)) for number, step in enumerate(steps)]
    found = np.array([np.prod([each[0] for each in below]), *wins])
    return np.asarray(found / found.sum())


@pytest.mark.parametrize("case", CASES)
def test_they_agree_with_dense_integration(case: str) -> None:
    assert won(CASES[case])[0] == pytest.approx(integrated(CASES[case]), abs=0.002)


@pytest.mark.parametrize("case", [case for case in CASES if case not in ("far apart", "one that is rare")])
def test_they_agree_with_draws_from_beta_distributions(case: str) -> None:
    """Within .02: the folded normal has the beta's first two moments, not its whole form; 40,000 draws err by .0025."""
    rng, draws = np.random.default_rng(7), 40_000
    priorities = [scale * rng.beta(m * n, (1 - m) * n, draws) - cost for scale, cost, m, n in CASES[case]]
    best = np.argmax(np.stack([np.zeros(draws), *priorities]), axis=0)
    assert won(CASES[case])[0] == pytest.approx(np.bincount(best, minlength=len(priorities) + 1) / draws, abs=0.02)


def test_one_certain_action_wins() -> None:
    assert won([(50.0, 1.0, 0.5, 1e9), (50.0, 1.0, 0.3, 1e9)])[0] == pytest.approx([0, 1, 0], abs=1e-9)
    assert won([(50.0, 1.0, 0.5, 1e6), (1.0, 2.0, 0.9, 10.0)])[0] == pytest.approx([0, 1, 0], abs=1e-9)


def test_what_cannot_pay_never_wins_and_nothing_wins_over_nothing() -> None:
    assert won([(5.0, 5.0, 0.9, 10.0), (0.0, 0.0, 0.9, 10.0), (-9.0, 0.0, 0.9, 10.0), (9.0, 0.0, 0.0, 10.0)])[0].tolist() == [1, 0, 0, 0, 0]
    known = uncertain(CASES["two alike"])
    assert win_probabilities(known, np.array([[False, False]])).tolist() == [[1, 0, 0]]
    assert win_probabilities(known, np.array([[True, False]]))[0, 2] == 0
    assert won([(50.0, 49.9, 0.001, 1e6)])[0] == pytest.approx([1, 0], abs=1e-9)


def test_a_worth_of_next_to_nothing_wins_next_to_nothing() -> None:
    least = np.nextafter(0.0, 1.0)
    assert np.allclose(won([(least, 0.0, 0.1, 30.0), (50.0, 1.0, 0.3, 40.0)])[0, 1], 0.0, atol=1e-9)


def test_no_rows_and_no_actions() -> None:
    nothing = np.empty((0, 3))
    assert win_probabilities(Uncertain(nothing, nothing, nothing, nothing), nothing > 0).shape == (0, 4)
    alone = np.empty((2, 0))
    assert win_probabilities(Uncertain(alone, alone, alone, alone), alone > 0).tolist() == [[1], [1]]


def test_equals_share_alike() -> None:
    pi = won([(50.0, 1.0, 0.2, 30.0)] * 4)[0]
    assert pi[1:] == pytest.approx([pi[1]] * 4, rel=1e-12)


ACTION = st.tuples(
    st.floats(0.5, 2_000),
    st.sampled_from([0.0, 0.01, 1.0, 5.0]),
    st.sampled_from([0.001, 0.02, 0.1, 0.5, 0.9]),
    st.sampled_from([1.0, 20.0, 200.0, 1e5]),
)


@settings(max_examples=60)
@given(actions=st.lists(ACTION, min_size=2, max_size=9), seed=st.integers(0, 99), padding=st.integers(1, 4))
def test_order_and_padding_of_columns_do_not_matter(actions: list[tuple[float, float, float, float]], seed: int, padding: int) -> None:
    pi = won(actions)[0]
    assert pi.sum() == pytest.approx(1, abs=1e-12)
    assert pi.min() >= 0
    order = np.random.default_rng(seed).permutation(len(actions))
    turned = won([actions[place] for place in order])[0]
    assert turned[0] == pytest.approx(pi[0], abs=4e-4), "equals may lend their points to the grid in another order"
    assert turned[1:] == pytest.approx(pi[1:][order], abs=4e-4)
    wide = uncertain([*[RARE] * padding, *actions])
    allowed = np.array([[False] * padding + [True] * len(actions)])
    padded = win_probabilities(wide, allowed)[0]
    assert (padded[1 : 1 + padding] == 0).all()
    assert np.delete(padded, range(1, 1 + padding)).tolist() == pi.tolist(), "what is not allowed changes nothing, to the last bit"


@settings(max_examples=40)
@given(
    rows=st.lists(st.lists(ACTION, min_size=5, max_size=5), min_size=2, max_size=5),
    allowed=st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=5, max_size=5),
)
def test_a_row_is_the_same_alone_and_among_others(rows: list[list[tuple[float, float, float, float]]], allowed: list[list[bool]]) -> None:
    known, flags = uncertain(*rows), np.array(allowed[: len(rows)])
    together = win_probabilities(known, flags)
    for row in range(len(rows)):
        one = slice(row, row + 1)
        assert win_probabilities(known.rows(one), flags[one])[0].tolist() == together[row].tolist()


def test_a_row_is_the_same_in_another_block() -> None:
    rng = np.random.default_rng(3)
    shape = (150, 7)
    known = Uncertain(rng.uniform(1, 99, shape), rng.uniform(0, 2, shape), rng.uniform(0.01, 0.5, shape), rng.uniform(5, 500, shape))
    allowed = rng.random(shape) < 0.7
    whole = win_probabilities(known, allowed)
    later = slice(37, 150)
    assert (win_probabilities(known.rows(later), allowed[later]) == whole[later]).all()


@settings(max_examples=60)
@given(priority=st.floats(0.5, 50), more=st.floats(1.05, 3))
def test_what_is_worth_more_wins_more(priority: float, more: float) -> None:
    rivals = [(40.0, 1.0, 0.1, 30.0), (60.0, 1.0, 0.05, 60.0)]
    less, greater = (won([(scale, 0.5, 0.2, 40.0), *rivals])[0, 1] for scale in (10 * priority, 10 * priority * more))
    assert greater >= less - 1e-3, "up to the error of the grid"


@pytest.mark.parametrize("mean", [0.02, 0.1, 0.3, 0.5, 0.8, 0.97])
@pytest.mark.parametrize("strength", [2.0, 20.0, 300.0, 1e5])
def test_the_folded_normal_has_the_betas_two_moments_where_it_can(mean: float, strength: float) -> None:
    centre, deviation = (float(part[0]) for part in folded_normal(np.array([mean]), np.array([strength])))
    # E cos 2Y = e^(-2 s^2) cos 2c, E cos 4Y = e^(-8 s^2) cos 4c; sin^2 = (1 - cos 2Y) / 2, sin^4 = (3 - 4 cos 2Y + cos 4Y) / 8
    cosine = np.exp(-2 * deviation**2) * np.cos(2 * centre)
    assert (1 - cosine) / 2 == pytest.approx(mean, rel=1e-6)
    second = (3 - 4 * cosine + np.exp(-8 * deviation**2) * np.cos(4 * centre)) / 8
    variance = mean * (1 - mean) / (strength + 1)
    exists = 8 * mean * (1 - mean) / (strength + 1) <= (1 - (1 - 2 * mean) ** 2) ** 2
    if exists:
        assert second - mean**2 == pytest.approx(variance, rel=1e-4)
    else:
        assert centre == pytest.approx(0.0 if mean < 0.5 else np.pi / 2, abs=1e-6)
    assert exists == (strength + 1 >= 0.5 / (mean * (1 - mean)))
