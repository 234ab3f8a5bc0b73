from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import gamma

from training.clv import gamma_gamma
from training.clv.gamma_gamma import GammaGamma

CDNOW = GammaGamma(p=6.25, q=3.74, v=15.44)  # Fader and Hardie (2013), CDNOW sample


def test_the_published_parameters(cdnow: Any) -> None:
    """The note gives 6.25, 3.74 and 15.44; others' runs on the same 946 customers give 6.249, 3.745 and 15.448."""
    model = gamma_gamma.fit(cdnow.repeats, cdnow.mean_spend)
    assert (round(model.p, 2), round(model.q, 2), round(model.v, 2)) == (6.25, 3.74, 15.44)
    assert (model.p, model.q, model.v) == pytest.approx((6.249, 3.745, 15.448), rel=4e-4)


def test_the_likelihood_is_a_gamma_mixture_of_gammas() -> None:
    """x m_x ~ Gamma(p x, nu) given nu ~ Gamma(q, v): the density of the mean, by quadrature over nu."""
    for x, m_x in [(1, 12.0), (4, 35.0), (40, 8.0)]:
        density, _ = quad(
            lambda nu, x=x, m_x=m_x: gamma.pdf(m_x, 6.25 * x, scale=1 / (nu * x)) * gamma.pdf(nu, 3.74, scale=1 / 15.44), 0, 10
        )
        assert gamma_gamma.log_likelihood(CDNOW, x, m_x) == pytest.approx(np.log(density), abs=1e-7)


def test_who_bought_once_is_drawn_to_the_shop_and_who_bought_often_is_taken_at_their_word() -> None:
    """E = p (v + x m) / (p x + q - 1): for x = 1, m = 50: 6.25 (15.44 + 50) / (6.25 + 2.74) = 45.50."""
    assert CDNOW.expected_spend([1], [50.0])[0] == pytest.approx(45.495, abs=0.01)
    assert CDNOW.expected_spend([10000], [50.0])[0] == pytest.approx(50.0, abs=0.01)
    assert CDNOW.expected_spend([0], [0.0])[0] == pytest.approx(CDNOW.shop_mean)
    assert CDNOW.shop_mean == pytest.approx(6.25 * 15.44 / 2.74)


@pytest.mark.parametrize("currency", [1.0, 27_000.0])
def test_the_fit_finds_the_law_in_any_currency(currency: float) -> None:
    rng = np.random.default_rng(3)
    nu = rng.gamma(4.0, 1 / 20.0, 4000)
    x = rng.integers(1, 8, 4000)
    m_x = np.array([rng.gamma(5.0, 1 / rate, n).mean() for n, rate in zip(x, nu, strict=True)]) * currency
    model = gamma_gamma.fit(x, m_x)
    assert model.shop_mean == pytest.approx(5.0 * 20.0 / 3.0 * currency, rel=0.06)
    assert model.p == pytest.approx(5.0, rel=0.15)


def test_gifts_and_returns_are_left_out() -> None:
    x, m_x = np.array([1.0, 2.0, 3.0, 5.0]), np.array([10.0, 14.0, 30.0, 21.0])
    odd = gamma_gamma.fit(np.append(x, [2.0, 1.0, 0.0, 1.0]), np.append(m_x, [0.0, -40.0, 5.0, np.nan]))
    assert odd == gamma_gamma.fit(x, m_x)
    assert odd.expected_spend([2.0, 3.0], [0.0, -40.0]) == pytest.approx([odd.shop_mean] * 2)


def test_one_spend_is_enough() -> None:
    model = gamma_gamma.fit([1], [2_500_000.0])
    assert model.expected_spend([1], [2_500_000.0])[0] == pytest.approx(2_500_000.0, rel=0.5)


def test_gifts_alone_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="above zero"):
        gamma_gamma.fit([1, 2], [0.0, 0.0])
