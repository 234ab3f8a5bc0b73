"""BG/NBD: customers buy at their own rate, and may leave after any purchase.

Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model, Marketing Science 24(2).
While alive, a customer buys by a Poisson process of rate lambda ~ Gamma(r, alpha); after each repeat purchase they leave with
probability p ~ Beta(a, b).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, gammaln, hyp2f1, psi

from training.clv.groups import Groups

Floats = NDArray[np.float64]
START: Final = (0.5, 2.5, 0.8, 2.5)  # alpha in the unit of groups.TIME_SPAN
_NEAR_ONE: Final = 1e-3
_BOUNDS: Final = ((-7.0, 7.0), (-7.0, 12.0), (-7.0, 7.0), (-7.0, 9.0))  # of the logarithms: keeps the search from running off flat ridges
_PENALTY: Final = 1e-4  # on squared log parameters, against the whole likelihood: invisible on thousands of customers, steady on ten


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
        """E[purchases in (T, T + t] | x, t_x, T], equation 10 of the paper.

        Where a is close to 1 the equation is 0 / 0: the expectation, smooth in a, is drawn as a line between its values on either side.
        """
        return self.purchases_by(x, t_x, T, (t,))[:, 0]

    def purchases_by(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, times: Sequence[float]) -> Floats:
        """The same for several t at once (customer x time): who is alive is asked once."""
        x, t_x, T = _columns(x, t_x, T)
        alive = self.probability_alive(x, t_x, T)
        return np.column_stack([np.maximum(self._given_alive(x, T, t) * alive, 0.0) for t in times])

    def _given_alive(self, x: Floats, T: Floats, t: float) -> Floats:
        if abs(self.a - 1.0) >= _NEAR_ONE:
            return self._purchases_alive(x, T, t, self.a)
        share = (self.a - 1.0 + _NEAR_ONE) / (2.0 * _NEAR_ONE)
        low, high = (self._purchases_alive(x, T, t, 1.0 + side * _NEAR_ONE) for side in (-1.0, 1.0))
        return (1.0 - share) * low + share * high

    def _purchases_alive(self, x: Floats, T: Floats, t: float, a: float) -> Floats:
        """Expected purchases of who is alive at T. Euler's transformation of the paper's 2F1(r + x, b + x; c; z) keeps x out of all but c."""
        z, c = t / (self.alpha + T + t), a + self.b + x - 1.0
        silent = (1.0 - z) ** (a - 1.0) * hyp2f1(a + self.b - 1.0 - self.r, a - 1.0, c, z)
        return np.asarray(c / (a - 1.0) * (1.0 - silent))


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

    Raises ValueError where there is no customer, or a number makes no sense.
    """
    groups = Groups.of(x, t_x, T)
    repeats, at = np.unique(groups.x, return_inverse=True)
    customers = np.bincount(at, weights=groups.count).astype(float)
    total, start = float(groups.count.sum()), np.log(START)

    def loss(theta: Floats) -> tuple[float, Floats]:
        model = BGNBD(*np.exp(theta))
        (first, first_slopes), (second, second_slopes) = _counting(model, repeats, customers), _timing(model, groups)
        value, slopes = first + second, first_slopes + second_slopes
        value = -value + _PENALTY * float(np.sum((theta - start) ** 2))
        slope = -slopes * np.exp(theta) + 2.0 * _PENALTY * (theta - start)
        return value / total, slope / total

    from scipy.optimize import minimize  # noqa: PLC0415 - seconds of CPU that only who learns need spend

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=_BOUNDS, options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8})
    r, alpha, a, b = (float(v) for v in np.exp(found.x))
    return BGNBD(r, alpha / groups.scale, a, b)


def _counting(model: BGNBD, x: Floats, customers: Floats) -> tuple[float, Floats]:
    """The part of the log likelihood that knows x alone (A1 + A2), and its derivatives by r, alpha, a and b."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    value = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
    both = psi(a + b) - psi(a + b + x)
    slopes = (psi(r + x) - psi(r) + np.log(alpha), np.full(len(x), r / alpha), both, both + psi(b + x) - psi(b))
    return float(customers @ value), np.vstack(slopes) @ customers


def _timing(model: BGNBD, groups: Groups) -> tuple[float, Floats]:
    """The rest, log(exp(A3) + [x > 0] exp(A4)); its derivatives are those given alive and gone, weighted by how likely each is."""
    shape, repeat = model.r + groups.x, np.maximum(groups.x, 1.0)
    until_T, until_t = model.alpha + groups.T, model.alpha + groups.t_x
    log_T, log_t, stays = np.log(until_T), np.log(until_t), model.b + repeat - 1.0
    gone = np.where(groups.x > 0, np.log(model.a / stays) - shape * log_t, -np.inf)
    either = np.logaddexp(-shape * log_T, gone)
    leaves = np.exp(gone - either) * groups.count
    lives = groups.count - leaves
    by_r = -(lives @ log_T) - leaves @ log_t
    by_alpha = -(lives @ (shape / until_T)) - leaves @ (shape / until_t)
    return float(groups.count @ either), np.array([by_r, by_alpha, leaves.sum() / model.a, -(leaves @ (1.0 / stays))])


def _columns(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> tuple[Floats, Floats, Floats]:
    return np.asarray(x, float), np.asarray(t_x, float), np.asarray(T, float)
