import numpy as np
import pytest

from training.clv import gamma_gamma
from training.clv.gamma_gamma import GammaGamma

CDNOW = GammaGamma(p=6.25, q=3.74, v=15.44)  # Fader and Hardie (2013), CDNOW sample


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


def test_gifts_alone_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="above zero"):
        gamma_gamma.fit([1, 2], [0.0, 0.0])
