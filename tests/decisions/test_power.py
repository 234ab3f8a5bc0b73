"""The size of a holdout: against exact simulation, the closed formula, a published number, and laws."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm

from decisions.power import Base, Wanted, advice, customers_needed, power, smallest_lift, smallest_share


def simulated(p1, p2, n1, n2, *, significance, seed, trials=40_000):
    """How often the pooled test of two proportions rejects, over binomial draws."""
    rng = np.random.default_rng(seed)
    a, b = rng.binomial(n1, p1, trials), rng.binomial(n2, p2, trials)
    pooled = (a + b) / (n1 + n2)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    return float(np.mean(np.abs(a / n1 - b / n2) > norm.isf(significance / 2) * spread))


@pytest.mark.parametrize(
    ("p1", "p2", "n1", "n2"),
    [(0.2, 0.22, 2_000, 38_000), (0.2, 0.25, 1_000, 1_000), (0.05, 0.07, 4_000, 9_000), (0.4, 0.44, 500, 9_500), (0.3, 0.27, 3_000, 7_000)],
)
@pytest.mark.parametrize("significance", [0.05, 0.01])
def test_the_power_is_how_often_the_test_sees_it(p1, p2, n1, n2, significance):
    assert power(p1, p2, n1, n2, significance=significance) == pytest.approx(
        simulated(p1, p2, n1, n2, significance=significance, seed=1), abs=0.015
    )


def test_a_published_number():
    """10 % against 15 % takes 686 in each group at .05 and .8 (Fleiss, Levin and Paik 2003, without continuity correction)."""
    assert power(0.10, 0.15, 686, 686) > 0.8 > power(0.10, 0.15, 685, 685)


@given(st.floats(0.02, 0.6), st.floats(0.05, 0.6), st.floats(0.01, 0.5), st.sampled_from([0.8, 0.9]), st.sampled_from([0.05, 0.01]))
def test_customers_needed_are_those_of_the_closed_formula(base, lift, share, wanted_power, significance):
    found = customers_needed(base, share, Wanted(lift, wanted_power, significance))
    p1, p2, r = base, base * (1 + lift), (1 - share) / share
    mean = (p1 + r * p2) / (r + 1)
    root = norm.isf(significance / 2) * math.sqrt((r + 1) * mean * (1 - mean)) + norm.ppf(wanted_power) * math.sqrt(
        r * p1 * (1 - p1) + p2 * (1 - p2)
    )
    n1 = root**2 / (r * (p1 - p2) ** 2)
    assert found == pytest.approx(n1 / share, rel=1e-6, abs=1.001)


rates, sizes = st.floats(0.01, 0.7), st.integers(500, 2_000_000)


@given(rates, sizes, st.floats(0.005, 0.5))
def test_the_smallest_lift_is_seen_and_a_smaller_one_is_not(base, customers, share):
    lift = smallest_lift(base, customers, share)
    largest = 1 / base - 1
    at = {part: power(base, base * (1 + part), share * customers, (1 - share) * customers) for part in (largest, (lift or 0) * 0.99)}
    if lift is None:
        assert at[largest] < 0.8
        return
    assert power(base, base * (1 + lift), share * customers, (1 - share) * customers) >= 0.8 > at[lift * 0.99]
    more = smallest_lift(base, 2 * customers, share)
    assert more is not None
    assert more < lift
    stricter = smallest_lift(base, customers, share, Wanted(power=0.9, significance=0.01))
    assert stricter is None or stricter > lift


@given(rates, sizes, st.floats(0.02, 0.4))
def test_the_smallest_share_is_enough_and_a_thousandth_less_is_not(base, customers, lift):
    assume(base * (1 + lift) <= 1)
    share = smallest_share(base, customers, Wanted(lift))

    def seen(part):
        return power(base, base * (1 + lift), part * customers, (1 - part) * customers) >= 0.8

    if share is None:
        assert not seen(0.5)
        return
    assert seen(share)
    assert share == 0.001 or not seen(share - 0.001)
    larger = smallest_share(base, 3 * customers, Wanted(lift))
    assert larger is not None
    assert larger <= share
    easier = smallest_share(base, customers, Wanted(min(lift * 1.5, 1 / base - 1)))
    assert easier is not None
    assert easier <= share


def test_nothing_to_compare_has_no_power():
    assert power(0.2, 0.3, 0, 100) == power(0.2, 0.2, 100, 100) == 0.0
    assert power(0.0, 1.0, 50, 50) == 1.0
    assert smallest_lift(0.0, 1e6, 0.1) is smallest_lift(1.0, 1e6, 0.1) is None
    assert smallest_share(0.95, 1e6) is smallest_share(0.0, 1e6) is customers_needed(0.95, 0.1) is None


def test_advice_takes_the_shortest_span_that_is_enough():
    bases = [Base(1, 30, 50_000, 5_000), Base(2, 60, 50_000, 10_000), Base(3, 90, 50_000, 15_000)]
    assert smallest_share(0.1, 50_000) > 0.1 > smallest_share(0.2, 50_000)
    found = advice(bases)
    assert found.base is bases[1]
    assert found.possible
    assert found.holdout_share == smallest_share(0.2, 50_000)
    assert found.holdout_share <= found.random_share <= 0.1
    huge = advice([Base(1, 30, 10_000_000, 1_000_000)])
    assert (huge.holdout_share, huge.random_share) == (0.01, 0.01)


def test_a_shop_that_is_too_small_is_told_what_half_of_it_would_show():
    found = advice([Base(1, 30, 400, 80), Base(2, 60, 400, 120), Base(3, 90, 20, 7)])
    assert not found.possible
    assert found.base.days == 60
    assert (found.holdout_share, found.random_share) == (0.0, 0.0)
    lift = found.lift_at_half
    assert simulated(0.3, 0.3 * (1 + lift), 200, 200, significance=0.05, seed=2) == pytest.approx(0.8, abs=0.02)
    assert found.customers_needed == customers_needed(0.3, 0.1)
    assert advice([]) is advice([Base(1, 30, 100, 0)]) is None
