from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gammaln, hyp2f1

from training.clv import pareto_nbd
from training.clv.pareto_nbd import ParetoNBD, log_likelihood

CDNOW = ParetoNBD(r=0.553, alpha=10.578, s=0.606, beta=11.669)  # weeks; Fader, Hardie and Lee (2005), table 2


def test_the_published_parameters(cdnow: Any) -> None:
    model = pareto_nbd.fit(cdnow.x, cdnow.t_x, cdnow.T)
    found = [round(v, 3) for v in (model.r, model.alpha, model.s, model.beta)]
    assert found == [0.553, 10.578, 0.606, 11.669]
    assert round(float(log_likelihood(model, cdnow.x, cdnow.t_x, cdnow.T).sum()), 1) == -9595.0


def test_published_answers() -> None:
    """R's BTYD: its walkthrough's customer 1516, 52 weeks ahead; and its manual's newcomer, over the first nine weeks."""
    assert CDNOW.expected_purchases([26], [30.86], [31], 52)[0] == pytest.approx(25.46, abs=0.01)
    printed = [0.05077821, 0.09916088, 0.14542507, 0.18979930, 0.23247466, 0.27361274, 0.31335159, 0.35181024, 0.38909211]
    manual = ParetoNBD(0.55, 10.56, 0.61, 11.64)
    assert [manual.expected_purchases([0], [0], [0], week)[0] for week in range(1, 10)] == pytest.approx(printed, abs=1e-8)


@pytest.mark.parametrize(("alpha", "beta"), [(10.578, 11.669), (11.669, 10.578), (3.0, 40.0), (40.0, 3.0), (7.0, 7.0)])
def test_the_likelihood_is_the_papers(alpha: float, beta: float) -> None:
    """Appendix of the paper: A0 is a difference of two 2F1, written for alpha above beta and for beta above alpha."""
    model, (r, s) = ParetoNBD(0.553, alpha, 0.606, beta), (0.553, 0.606)
    for x, t_x, T in [(0, 0.0, 38.86), (1, 1.71, 38.86), (2, 30.43, 38.86), (7, 29.43, 38.86), (26, 30.86, 31.0), (3, 20.0, 20.0)]:
        low, gap, second = (beta, alpha - beta, s + 1) if alpha >= beta else (alpha, beta - alpha, r + x)
        high, n = low + gap, r + s + x
        terms = [hyp2f1(n, second, n + 1, gap / (high + t)) / (high + t) ** n for t in (t_x, T)]
        inside = (alpha + T) ** -(r + x) * (beta + T) ** -s + s / n * (terms[0] - terms[1])
        expected = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + np.log(inside)
        assert log_likelihood(model, [x], [t_x], [T])[0] == pytest.approx(expected, abs=1e-9)


@given(
    x=st.sampled_from([0, 1, 2, 10, 300, 4000]),
    age=st.floats(1, 3000),
    silent=st.floats(0, 1) | st.just(0.0) | st.just(1.0),
    t=st.floats(0.5, 800),
    alpha=st.floats(0.05, 2000),
    beta=st.floats(0.05, 2000),
)
def test_laws_of_a_single_customer(x: int, age: float, silent: float, t: float, alpha: float, beta: float) -> None:
    model = ParetoNBD(0.6, alpha, 0.9, beta)
    t_x = age * (1 - silent) if x else 0.0
    alive = model.probability_alive([x], [t_x], [age])[0]
    none = model.probability_no_purchase([x], [t_x], [age], t)[0]
    some = model.expected_purchases([x], [t_x], [age], t)[0]
    assert 0 <= alive <= 1
    assert 1 - alive - 1e-9 <= none <= 1
    assert some >= 1 - none - 1e-9, "an expected number is at least the probability of one or more"
    assert model.probability_no_purchase([x], [t_x], [age], 2 * t)[0] <= none + 1e-9
    assert model.expected_purchases([x], [t_x], [age], 2 * t)[0] >= some - 1e-9


@given(
    x=st.integers(0, 5000),
    t_x=st.floats(0, 900),
    more=st.floats(0, 900),
    t=st.floats(1, 400),
    alpha=st.floats(0.05, 500),
    beta=st.floats(0.05, 500),
    s=st.floats(0.05, 5) | st.just(1.0),
)
def test_against_integrals_over_the_customers_own_rates(
    x: int, t_x: float, more: float, t: float, alpha: float, beta: float, s: float
) -> None:
    """Given alive at T the rates are Gamma(r + x, alpha + T) and Gamma(s, beta + T): buying and time alive, by quadrature."""
    r, T = 0.6, t_x + more
    model, (a, b) = ParetoNBD(r, alpha, s, beta), (alpha + T, beta + T)

    def first_buy(tau: float) -> float:
        return float((r + x) / a * np.exp(-(r + x + 1) * np.log1p(tau / a) - s * np.log1p(tau / b)))

    edges = np.concatenate([[0.0], np.geomspace(1e-6, 1.0, 30)]) * t
    buys = sum(quad(first_buy, low, high)[0] for low, high in pairwise(edges))
    lives = quad(lambda tau: float(np.exp(-s * np.log1p(tau / b))), 0, t)[0]
    alive = model.probability_alive([x], [t_x], [T])[0]
    assert model.probability_no_purchase([x], [t_x], [T], t)[0] == pytest.approx(1 - alive * buys, abs=1e-7)
    assert model.expected_purchases([x], [t_x], [T], t)[0] == pytest.approx(alive * (r + x) / a * lives, rel=1e-6)


def simulated(customers: int, rng: np.random.Generator, *, weeks: float = 50.0, ahead: float = 20.0) -> tuple[np.ndarray, ...]:
    """x, t_x, T and purchases in (T, T + ahead] of customers who live by the model's own law: r 0.9, alpha 8, s 0.7, beta 15."""
    rows = []
    for rate, leaving in zip(rng.gamma(0.9, 1 / 8.0, customers), rng.gamma(0.7, 1 / 15.0, customers), strict=True):
        until = min(rng.exponential(1 / leaving), weeks + ahead)
        times = np.sort(rng.uniform(0, until, rng.poisson(rate * until)))
        past = times[times <= weeks]
        rows.append((len(past), past[-1] if len(past) else 0.0, weeks, len(times) - len(past)))
    return tuple(np.array(rows, float).T)


def test_the_fit_finds_the_law_that_made_the_customers() -> None:
    x, t_x, T, later = simulated(12_000, np.random.default_rng(5))
    model = pareto_nbd.fit(x, t_x, T)
    assert (model.r, model.s) == pytest.approx((0.9, 0.7), rel=0.12)
    assert model.r / model.alpha == pytest.approx(0.9 / 8.0, rel=0.05)
    assert model.expected_purchases(x, t_x, T, 20).sum() == pytest.approx(later.sum(), rel=0.04)
    assert model.probability_no_purchase(x, t_x, T, 20).mean() == pytest.approx((later == 0).mean(), abs=0.01)


def test_the_unit_of_time_changes_nothing() -> None:
    x, t_x, T, _ = simulated(800, np.random.default_rng(6))
    weeks, days = pareto_nbd.fit(x, t_x, T), pareto_nbd.fit(x, 7 * t_x, 7 * T)
    assert (days.alpha, days.beta) == pytest.approx((7 * weeks.alpha, 7 * weeks.beta), rel=1e-3)
    assert (days.r, days.s) == pytest.approx((weeks.r, weeks.s), rel=1e-3)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_handful_of_customers_is_enough(rows: int) -> None:
    model = pareto_nbd.fit(np.arange(rows), np.arange(rows) * 10.0, np.full(rows, 100.0))
    assert np.isfinite([model.r, model.alpha, model.s, model.beta]).all()
    assert 0 < model.probability_no_purchase([1], [10.0], [100.0], 30)[0] < 1


def test_nobody_and_nonsense_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="at least one"):
        pareto_nbd.fit([], [], [])
    with pytest.raises(ValueError, match="t_x at most T"):
        pareto_nbd.fit([1], [3.0], [2.0])
    with pytest.raises(ValueError, match="known"):
        pareto_nbd.fit([1], [np.nan], [2.0])
