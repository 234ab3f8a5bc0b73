"""Pareto/NBD: customers buy at their own rate, and may leave at any moment.

Schmittlein, Morrison and Colombo (1987), Counting Your Customers: Who Are They and What Will They Do Next?, Management Science 33(1);
Fader and Hardie (2005), A Note on Deriving the Pareto/NBD Model and Related Expressions. While alive, a customer buys by a Poisson process
of rate lambda ~ Gamma(r, alpha); they live for an exponential time of rate mu ~ Gamma(s, beta).

The papers write the likelihood with differences of 2F1, which cancel or overflow for customers who bought often. Here the integral that
those stand for is taken as such (`silence`): it has no negative term.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import exprel, gammaln, psi

from training.clv import silence
from training.clv.groups import Groups

Floats = NDArray[np.float64]
START: Final = (0.5, 2.5, 0.5, 2.5)  # alpha and beta in the unit of groups.TIME_SPAN
MOST_GROUPS: Final = 50_000  # more add time, and nothing to four parameters: they are thinned evenly
_BOUNDS: Final = ((-7.0, 7.0), (-9.0, 12.0), (-7.0, 5.0), (-9.0, 12.0))  # of the logarithms: keeps the search from running off flat ridges
_PENALTY: Final = 1e-4  # on squared log parameters, against the whole likelihood: invisible on thousands of customers, steady on ten


@dataclass(frozen=True)
class ParetoNBD:
    """The fitted model: r and alpha of the buying rate, s and beta of the rate of leaving."""

    r: float
    alpha: float
    s: float
    beta: float

    def probability_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """P(alive at T | x, t_x, T), one number a customer."""
        alive, gone, _ = _paths(self, *_columns(x, t_x, T))
        return np.asarray(np.exp(alive - np.logaddexp(alive, gone)))

    def probability_no_purchase(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: float) -> Floats:
        """P(no purchase in (T, T + t] | x, t_x, T): 1 less the chance of being alive and buying before leaving, and within t."""
        x, t_x, T = _columns(x, t_x, T)
        log_days = silence.integral(self.alpha + T, self.beta + T, self.r + x + 1.0, self.s + 0.0 * x, t + 0.0 * x).log_value
        buys = (self.r + x) / (self.alpha + T) * np.exp(log_days)
        return np.asarray(1.0 - self.probability_alive(x, t_x, T) * np.minimum(buys, 1.0))

    def expected_purchases(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: float) -> Floats:
        """E[purchases in (T, T + t] | x, t_x, T]: expected rate times the expected time alive within t (equation 41 of the note)."""
        return self.purchases_by(x, t_x, T, (t,))[:, 0]

    def purchases_by(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, times: Sequence[float]) -> Floats:
        """The same for several t at once (customer x time): who is alive is asked once."""
        x, t_x, T = _columns(x, t_x, T)
        rate = self.probability_alive(x, t_x, T) * (self.r + x) / (self.alpha + T)
        spans = [np.log1p(t / (self.beta + T)) for t in times]
        return np.column_stack([rate * ((self.beta + T) * span * exprel((1.0 - self.s) * span)) for span in spans])


def log_likelihood(model: ParetoNBD, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
    """Each customer's log likelihood: Gamma(r + x) / Gamma(r) alpha^r beta^s (lived until T, or left between t_x and T)."""
    x, t_x, T = _columns(x, t_x, T)
    alive, gone, _ = _paths(model, x, t_x, T)
    constant = gammaln(model.r + x) - gammaln(model.r) + model.r * np.log(model.alpha) + model.s * np.log(model.beta)
    return np.asarray(constant + np.logaddexp(alive, gone))


def fit(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> ParetoNBD:
    """The maximum of the likelihood, lightly held to START, so that a few customers suffice.

    It is taken over distinct (x, t_x, T) with their counts; where they are more than MOST_GROUPS, over an even part of them.
    Raises ValueError where there is no customer, or a number makes no sense.
    """
    groups = Groups.of(x, t_x, T).thinned(MOST_GROUPS)
    total, start = float(groups.count.sum()), np.log(START)

    def loss(theta: Floats) -> tuple[float, Floats]:
        values, slopes = _likelihood_and_slopes(ParetoNBD(*np.exp(theta)), groups)
        value = -(groups.count @ values) + _PENALTY * np.sum((theta - start) ** 2)
        slope = -(slopes @ groups.count) * np.exp(theta) + 2.0 * _PENALTY * (theta - start)
        return float(value) / total, slope / total

    from scipy.optimize import minimize  # noqa: PLC0415 - seconds of CPU that only who learns need spend

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=_BOUNDS, options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8})
    r, alpha, s, beta = (float(v) for v in np.exp(found.x))
    return ParetoNBD(r, alpha / groups.scale, s, beta / groups.scale)


def _likelihood_and_slopes(model: ParetoNBD, groups: Groups) -> tuple[Floats, Floats]:
    """Log likelihoods, and their derivatives by r, alpha, s and beta: those given alive and gone, weighted by how likely each is."""
    r, alpha, s, beta = model.r, model.alpha, model.s, model.beta
    x, T = groups.x, groups.T
    alive, gone, left = _paths(model, x, groups.t_x, T)
    either = np.logaddexp(alive, gone)
    lives = np.exp(alive - either)
    leaves = 1.0 - lives
    slopes = (
        psi(r + x) - psi(r) + np.log(alpha) - lives * np.log(alpha + T) - leaves * left.mean_log_a,
        r / alpha - (r + x) * (lives / (alpha + T) + leaves * left.mean_inverse_a),
        np.log(beta) - lives * np.log(beta + T) + leaves * (1.0 / s - left.mean_log_b),
        s / beta - lives * s / (beta + T) - leaves * (s + 1.0) * left.mean_inverse_b,
    )
    constant = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    return constant + either, np.vstack(slopes)


def _paths(model: ParetoNBD, x: Floats, t_x: Floats, T: Floats) -> tuple[Floats, Floats, silence.Integral]:
    """Logarithms of what (x, t_x, T) weighs with the customer alive at T, and gone before, without the constant; and the second's integral."""
    r, alpha, s, beta = model.r, model.alpha, model.s, model.beta
    alive = -(r + x) * np.log(alpha + T) - s * np.log(beta + T)
    left = silence.integral(alpha + t_x, beta + t_x, r + x, s + 1.0 + 0.0 * x, T - t_x)
    gone = np.log(s) - (r + x) * np.log(alpha + t_x) - (s + 1.0) * np.log(beta + t_x) + left.log_value
    return alive, gone, left


def _columns(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> tuple[Floats, Floats, Floats]:
    return np.asarray(x, float), np.asarray(t_x, float), np.asarray(T, float)
