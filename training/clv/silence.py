"""The integral behind Pareto/NBD: how long two independent Gamma-mixed clocks both stay silent."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_NEGLIGIBLE: Final = 40.0  # the integral ends where the integrand has fallen by e^-40
_CHUNK: Final = 8_192  # rows at a time: what they need stays in the processor's cache
_NEWTON_STEPS: Final = 8


@dataclass(frozen=True)
class Integral:
    """log of the integral over tau, and means under its integrand: of log(a + tau), 1 / (a + tau), log(b + tau), 1 / (b + tau)."""

    log_value: Floats
    mean_log_a: Floats
    mean_inverse_a: Floats
    mean_log_b: Floats
    mean_inverse_b: Floats

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """The parts' rows, one after the other."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


def integral(a: Floats, b: Floats, k: Floats, s: Floats, length: Floats) -> Integral:
    """Of (a / (a + tau))^k (b / (b + tau))^s over tau from 0 to `length`, one a row; a, b, k, s above 0; -inf where length is 0.

    With m = min(a, b) and u = log(1 + tau / m) the integrand is log-concave in u, and analytic within pi of the real line: 32
    Gauss-Legendre nodes give ten digits and more for any parameters that a shop leads to, thousands of purchases among them.
    """
    starts = range(0, max(len(a), 1), _CHUNK)
    return Integral.joined([_part(*(column[i : i + _CHUNK] for column in (a, b, k, s, length))) for i in starts])


def _part(a: Floats, b: Floats, k: Floats, s: Floats, length: Floats) -> Integral:
    m = np.minimum(a, b)
    half = _end(a, b, k, s, np.log1p(length / m)) / 2.0
    u = half[:, None] * (1.0 + _NODES)
    tau = m[:, None] * np.expm1(u)
    log_a, log_b = np.log1p(tau / a[:, None]), np.log1p(tau / b[:, None])
    weights = _WEIGHTS * np.exp(u - k[:, None] * log_a - s[:, None] * log_b)
    total = weights.sum(axis=1)
    weights /= total[:, None]
    with np.errstate(divide="ignore"):
        log_value = np.log(total * m * half)
    return Integral(
        log_value,
        np.log(a) + np.einsum("ij,ij->i", weights, log_a),
        np.einsum("ij,ij->i", weights, 1.0 / (a[:, None] + tau)),
        np.log(b) + np.einsum("ij,ij->i", weights, log_b),
        np.einsum("ij,ij->i", weights, 1.0 / (b[:, None] + tau)),
    )


def _end(a: Floats, b: Floats, k: Floats, s: Floats, full: Floats) -> Floats:
    """Where the integrand becomes negligible, at most `full`: its fall is convex in u, so that Newton's steps from the right never overshoot."""
    m, u = np.minimum(a, b), full.copy()
    for _ in range(_NEWTON_STEPS):
        tau = m * np.expm1(u)
        fall = k * np.log1p(tau / a) + s * np.log1p(tau / b) - u
        slope = (m + tau) * (k / (a + tau) + s / (b + tau)) - 1.0
        far = fall > _NEGLIGIBLE
        if not far.any():
            break
        u = np.where(far, u - (fall - _NEGLIGIBLE) / np.where(far, slope, 1.0), u)
    return u
