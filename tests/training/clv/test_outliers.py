import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.clv.outliers import highest_credible


def test_honest_amounts_are_left_alone_and_a_typing_error_is_not() -> None:
    """Logs with a standard deviation of one: the bound stands five of them above the median, e^5 = 148 times; six noughts go beyond."""
    amounts = np.exp(np.random.default_rng(1).normal(3.0, 1.0, 100_000))
    bound = highest_credible(amounts)
    assert bound == pytest.approx(np.exp(3.0 + 5.0), rel=0.1)
    assert amounts.max() < bound
    assert highest_credible(np.append(amounts, [1e9, 2e9])) == pytest.approx(bound, rel=1e-3)


def test_where_all_pay_alike_twenty_times_is_still_credible() -> None:
    assert highest_credible([9.99] * 50) == pytest.approx(20 * 9.99)


@pytest.mark.parametrize("amounts", [[], [0.0, 0.0], [-5.0], [np.nan]])
def test_nothing_paid_bounds_nothing(amounts: list[float]) -> None:
    assert highest_credible(amounts) == float("inf")


@given(unit=st.sampled_from([0.001, 1.0, 27_000.0]), seed=st.integers(0, 20))
def test_the_currency_changes_nothing(unit: float, seed: int) -> None:
    amounts = np.random.default_rng(seed).gamma(2.0, 10.0, 200)
    assert highest_credible(unit * amounts) == pytest.approx(unit * highest_credible(amounts))
