"""BG/NBD: customers buy at their own rate, and may leave after any purchase.

Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model, Marketing Science 24(2).
While alive, a customer buys by a Poisson process of rate lambda ~ Gamma(r, alpha); after each repeat purchase they leave with
probability p ~ Beta(a, b).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

Floats = NDArray[np.float64]
START: Final = (0.5, 10.0, 0.8, 2.5)
_BOUNDS: Final = ((-7.0, 7.0), (-7.0, 12.0), (-7.0, 7.0), (-7.0, 9.0))  # of the logarithms: keeps the search from running off flat ridges
_PENALTY: Final = 1e-3  # per customer, on squared log parameters: invisible on thousands of customers, steady on ten


@dataclass(frozen=True)
class BGNBD:
    """The fitted model: r and alpha of the buying rate, a and b of the probability of leaving."""

    r: float
    alpha: float
    a: float
    b: float

    def probability_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """P(alive at T | x, t_x, T), one number a customer; 1 where x is 0, since nobody leaves before a repeat purchase."""
        x, t_x, T = _columns(x, t_x, T)
        repeat = np.maximum(x, 1.0)
        odds = np.log(self.a) - np.log(self.b + repeat - 1.0) + (self.r + x) * np.log((self.alpha + T) / (self.alpha + t_x))
        return np.where(x > 0, 1.0 / (1.0 + np.exp(np.minimum(odds, 700.0))), 1.0)

    def probability_no_purchase(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: float) -> Floats:
        """P(no purchase in (T, T + t] | x, t_x, T): gone, or alive and silent for t.

        While alive and silent nobody leaves, so the second term is the Gamma mixture of exp(-lambda t).
        """
        x, t_x, T = _columns(x, t_x, T)
        silent = np.exp((self.r + x) * np.log((self.alpha + T) / (self.alpha + T + t)))
        return np.asarray(1.0 - self.probability_alive(x, t_x, T) * (1.0 - silent))

    def expected_purchases(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: float) -> Floats:
        """E[purchases in (T, T + t] | x, t_x, T], equation 10 of the paper; its limit where a is close to 1.

        Euler's transformation of the paper's 2F1(r + x, b + x; c; z) keeps the parameters small for customers who bought often.
        """
        x, t_x, T = _columns(x, t_x, T)
        a = self.a if abs(self.a - 1.0) > 1e-4 else 1.0 + 1e-4
        z, c = t / (self.alpha + T + t), a + self.b + x - 1.0
        silent = (1.0 - z) ** (a - 1.0) * hyp2f1(a + self.b - 1.0 - self.r, a - 1.0, c, z)
        return np.asarray(np.maximum(c / (a - 1.0) * (1.0 - silent) * self.probability_alive(x, t_x, T), 0.0))


def log_likelihood(model: BGNBD, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
    """Each customer's log likelihood, equation 6 of the paper, arranged as A1 + A2 + log(exp(A3) + [x > 0] exp(A4))."""
    x, t_x, T = _columns(x, t_x, T)
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    a1 = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    a2 = betaln(a, b + x) - betaln(a, b)
    a3 = -(r + x) * np.log(alpha + T)
    a4 = np.where(x > 0, np.log(a) - np.log(b + np.maximum(x, 1.0) - 1.0) - (r + x) * np.log(alpha + t_x), -np.inf)
    total: Floats = a1 + a2 + np.logaddexp(a3, a4)
    return total


def fit(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> BGNBD:
    """The maximum of the likelihood, over distinct (x, t_x, T) with their counts; lightly held to START, so that a few customers suffice.

    Raises ValueError where there is no customer.
    """
    x, t_x, T = _columns(x, t_x, T)
    if len(x) == 0:
        raise ValueError("BG/NBD needs at least one customer")
    scale = 10.0 / max(float(T.max()), 1.0)  # times of the order of ten: steady for days as for weeks
    groups, counts = np.unique(np.column_stack([x, t_x * scale, T * scale]), axis=0, return_counts=True)
    start = np.log(START)
    start[1] = np.log(START[1] * 10.0 / 39.0)

    def loss(theta: Floats) -> float:
        fitted = log_likelihood(BGNBD(*np.exp(theta)), groups[:, 0], groups[:, 1], groups[:, 2])
        return float(-(counts @ fitted) + _PENALTY * np.sum((theta - start) ** 2)) / float(counts.sum())

    found = minimize(loss, start, method="L-BFGS-B", bounds=_BOUNDS)
    r, alpha, a, b = (float(v) for v in np.exp(found.x))
    return BGNBD(r, alpha / scale, a, b)


def _columns(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> tuple[Floats, Floats, Floats]:
    return np.asarray(x, float), np.asarray(t_x, float), np.asarray(T, float)
