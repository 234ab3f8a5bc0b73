"""Gamma-Gamma: a customer's mean spend per purchase, when what was seen is a few noisy purchases.

Fader and Hardie (2013), The Gamma-Gamma Model of Monetary Value. Spends of one customer vary around their own mean as a Gamma of shape p
and rate nu; nu ~ Gamma(q, v) over customers. Purchase rate and spend are taken as independent.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import gammaln

Floats = NDArray[np.float64]
START: Final = (6.0, 4.0, 15.0)
_BOUNDS: Final = ((-3.0, 6.0), (0.1, 5.0), (-5.0, 12.0))  # of the logarithms; q stays above 1, so that the shop's mean exists
_PENALTY: Final = 1e-2  # on squared log parameters, against the whole likelihood: steady on ten customers, invisible on thousands


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

    Money of any size: it is measured in hundredths of four mean spends inside. Raises ValueError where no customer qualifies.
    """
    x, m_x = np.asarray(x, float), np.asarray(m_x, float)
    used = (x > 0) & (m_x > 0)
    if not used.any():
        raise ValueError("Gamma-Gamma needs at least one purchase above zero")
    x, m_x = x[used], m_x[used]
    unit = float(np.average(m_x, weights=x)) / 30.0
    start = np.log(START)

    def loss(theta: Floats) -> float:
        fitted = log_likelihood(GammaGamma(*np.exp(theta)), x, m_x / unit)
        return float(-fitted.sum() + _PENALTY * np.sum((theta - start) ** 2)) / len(x)

    found = minimize(loss, start, method="L-BFGS-B", bounds=_BOUNDS)
    p, q, v = (float(value) for value in np.exp(found.x))
    return GammaGamma(p, q, v * unit)
