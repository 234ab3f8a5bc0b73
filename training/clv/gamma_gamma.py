"""Gamma-Gamma: a customer's mean spend per purchase, when what was seen is a few noisy purchases.

Fader and Hardie (2013), The Gamma-Gamma Model of Monetary Value. Spends of one customer vary around their own mean as a Gamma of shape p
and rate nu; nu ~ Gamma(q, v) over customers. Purchase rate and spend are taken as independent.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, psi

Floats = NDArray[np.float64]
START: Final = (6.0, 4.0, 15.0)
_BOUNDS: Final = ((-3.0, 6.0), (0.1, 5.0), (-5.0, 12.0))  # of the logarithms; q stays above 1, so that the shop's mean exists
_PENALTY: Final = 1e-3  # on squared log parameters, against the whole likelihood: steady on ten customers, invisible on thousands


@dataclass(frozen=True)
class GammaGamma:
    """The fitted model: p and q without unit, v in money."""

    p: float
    q: float
    v: float

    @property
    def shop_mean(self) -> float:
        """The mean over customers of their own mean spend, p v / (q - 1)."""
        return self.p * self.v / (self.q - 1.0)

    def expected_spend(self, x: ArrayLike, m_x: ArrayLike) -> Floats:
        """E[own mean spend | x purchases of mean m_x], the shop's mean where x is 0 or m_x is not above zero (equation 5)."""
        x, m_x = np.asarray(x, float), np.asarray(m_x, float)
        seen = (x > 0) & (m_x > 0)
        known, mean = np.where(seen, x, 0.0), np.where(seen, m_x, 0.0)
        return np.asarray(self.p * (self.v + known * mean) / (self.p * known + self.q - 1.0))


def log_likelihood(model: GammaGamma, x: ArrayLike, m_x: ArrayLike) -> Floats:
    """Each customer's log likelihood (equation 1a of the paper); x and m_x above zero."""
    x, m_x = np.asarray(x, float), np.asarray(m_x, float)
    p, q, v = model.p, model.q, model.v
    px = p * x
    constant = gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v)
    return np.asarray(constant + (px - 1.0) * np.log(m_x) + px * np.log(x) - (px + q) * np.log(v + x * m_x))


def fit(x: ArrayLike, m_x: ArrayLike) -> GammaGamma:
    """The maximum of the likelihood over customers with x > 0 purchases of mean m_x > 0, lightly held to START.

    Others are left out: a purchase for nothing has no size. Money of any size: inside, a purchase costs 30 on average.
    Raises ValueError where no customer qualifies.
    """
    number, mean = np.asarray(x, float), np.asarray(m_x, float)
    used = (number > 0) & (mean > 0) & np.isfinite(mean)
    if not used.any():
        raise ValueError("Gamma-Gamma needs at least one purchase above zero")
    number, mean = number[used], mean[used]
    unit = float(np.average(mean, weights=number)) / 30.0
    mean, start = mean / unit, np.log(START)

    def loss(theta: Floats) -> tuple[float, Floats]:
        model = GammaGamma(*np.exp(theta))
        value = -log_likelihood(model, number, mean).sum() + _PENALTY * np.sum((theta - start) ** 2)
        slope = -_slopes(model, number, mean) * np.exp(theta) + 2.0 * _PENALTY * (theta - start)
        return float(value) / len(number), slope / len(number)

    from scipy.optimize import minimize  # noqa: PLC0415 - seconds of CPU that only who learns need spend

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=_BOUNDS, options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8})
    p, q, v = (float(value) for value in np.exp(found.x))
    return GammaGamma(p, q, v * unit)


def _slopes(model: GammaGamma, x: Floats, m_x: Floats) -> Floats:
    """Derivatives of the whole log likelihood by p, q and v."""
    p, q, v = model.p, model.q, model.v
    px, spent = p * x, v + x * m_x
    both, log_spent = psi(px + q), np.log(spent)
    by_p = x @ (both - psi(px) + np.log(m_x) + np.log(x) - log_spent)
    return np.array([by_p, (both - psi(q) + np.log(v) - log_spent).sum(), (q / v - (px + q) / spent).sum()])
