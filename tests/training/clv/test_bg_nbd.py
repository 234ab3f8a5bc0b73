from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln

from training.clv import bg_nbd
from training.clv.bg_nbd import BGNBD
from training.clv.lifetime_value import year_multiple
from training.clv.next_order import days_to_next_order

CDNOW = BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)  # weeks; Fader, Hardie and Lee (2005), table 2


def test_the_published_parameters(cdnow: Any) -> None:
    model = bg_nbd.fit(cdnow.x, cdnow.t_x, cdnow.T)
    assert [round(v, 3) for v in (model.r, model.alpha, model.a, model.b)] == [0.243, 4.414, 0.793, 2.426]
    assert round(float(bg_nbd.log_likelihood(model, cdnow.x, cdnow.t_x, cdnow.T).sum()), 1) == -9582.4


def test_published_answers_about_newcomers() -> None:
    """The paper's spreadsheet: purchases expected after a day to 78 weeks; R's BTYD: the chance of none in 39 weeks."""
    weeks, printed = [1 / 7, 1.0, 3.0, 223 / 7, 32.0, 78.0], [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576]
    sheet = BGNBD(r=0.242595, alpha=4.41361, a=0.792922, b=2.425909)  # the same fit, with the digits that the sheet holds
    newcomers = [sheet.expected_purchases([0], [0], [0], week)[0] for week in weeks]
    assert newcomers == pytest.approx(printed, rel=3e-4, abs=5e-5), "the sheet ends its series early"
    assert CDNOW.probability_no_purchase([0], [0], [0], 39)[0] == pytest.approx(0.5737864, abs=1e-7)
    assert np.exp(bg_nbd.log_likelihood(CDNOW, [0], [0], [39]))[0] == pytest.approx(0.5737864, abs=1e-7), "that is its likelihood, too"


def test_the_papers_worked_example() -> None:
    """The paper's spreadsheet: x = 2, t_x = 30.43, T = 38.86 weeks, 39 weeks ahead: 1.226 purchases expected."""
    assert CDNOW.expected_purchases([2], [30.43], [38.86], 39)[0] == pytest.approx(1.226, abs=5e-4)


def simulated(customers: int, rng: np.random.Generator, *, weeks: float = 40.0, ahead: float = 20.0) -> tuple[np.ndarray, ...]:
    """x, t_x, T and purchases in (T, T + ahead] of customers who live by the model's own law."""
    rows = []
    for rate, leaving in zip(rng.gamma(0.8, 1 / 6.0, customers), rng.beta(1.2, 3.0, customers), strict=True):
        t, times = 0.0, []
        while True:
            t += rng.exponential(1 / rate)
            if t > weeks + ahead:
                break
            times.append(t)
            if rng.random() < leaving:
                break
        past = [s for s in times if s <= weeks]
        rows.append((len(past), past[-1] if past else 0.0, weeks, len(times) - len(past)))
    return tuple(np.array(rows).T)


def test_the_fit_finds_the_law_that_made_the_customers() -> None:
    x, t_x, T, later = simulated(6000, np.random.default_rng(5))
    model = bg_nbd.fit(x, t_x, T)
    assert model.r / model.alpha == pytest.approx(0.8 / 6.0, rel=0.1)
    assert model.a / (model.a + model.b) == pytest.approx(1.2 / 4.2, rel=0.15)
    assert model.expected_purchases(x, t_x, T, 20).sum() == pytest.approx(later.sum(), rel=0.06)
    assert model.probability_no_purchase(x, t_x, T, 20).mean() == pytest.approx((later == 0).mean(), abs=0.015)


def test_the_unit_of_time_changes_nothing() -> None:
    x, t_x, T, _ = simulated(500, np.random.default_rng(6))
    weeks, days = bg_nbd.fit(x, t_x, T), bg_nbd.fit(x, 7 * t_x, 7 * T)
    assert days.alpha == pytest.approx(7 * weeks.alpha, rel=1e-3)
    assert (days.r, days.a, days.b) == pytest.approx((weeks.r, weeks.a, weeks.b), rel=1e-3)


@given(x=st.integers(0, 400) | st.integers(1000, 20_000), silence=st.floats(0, 300), age=st.floats(1, 3000), t=st.floats(1, 400))
def test_laws_of_a_single_customer(x: int, silence: float, age: float, t: float) -> None:
    T, t_x = age, max(age - silence, 0.0) if x else 0.0
    alive = CDNOW.probability_alive([x], [t_x], [T])[0]
    none = CDNOW.probability_no_purchase([x], [t_x], [T], t)[0]
    some = CDNOW.expected_purchases([x], [t_x], [T], t)[0]
    assert 0 <= alive <= 1
    assert 1 - alive - 1e-9 <= none <= 1
    assert some >= 1 - none - 1e-6, "an expected number is at least the probability of one or more"
    assert CDNOW.expected_purchases([x], [t_x], [T], 2 * t)[0] >= some - 1e-9
    assert 0 <= days_to_next_order(CDNOW, [x], [T], t, share=0.5)[0] <= t / 2 + 1e-6


@pytest.mark.parametrize("a", [0.3, 0.9995, 1.0, 1.0005, 1.7])
@pytest.mark.parametrize(
    ("x", "T", "t"), [(0, 200.0, 90.0), (1, 30.0, 365.0), (40, 900.0, 30.0), (3000, 1500.0, 365.0), (20_000, 3000.0, 730.0)]
)
def test_expected_purchases_against_an_integral_over_the_chance_of_leaving(a: float, x: int, T: float, t: float) -> None:
    """Given alive at T and p, (1 - (1 + p t / (alpha + T))^-(r + x)) / p are expected; p ~ Beta(a, b + x). Taken over log odds of p."""
    model = BGNBD(0.243, 30.9, a, 2.426)

    def term(z: float) -> float:
        log_p, log_q = -np.logaddexp(0.0, -z), -np.logaddexp(0.0, z)
        bought = -np.expm1(-(model.r + x) * np.log1p(np.exp(log_p) * t / (model.alpha + T)))
        return float(np.exp((a - 1.0) * log_p + (model.b + x) * log_q - betaln(a, model.b + x)) * bought)

    edges = np.linspace(-150.0, 30.0, 91)
    wanted = sum(quad(term, low, high)[0] for low, high in pairwise(edges))
    given_alive = model.expected_purchases([x], [T], [T], t)[0] / model.probability_alive([x], [T], [T])[0]
    assert given_alive == pytest.approx(wanted, rel=2e-6)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_handful_of_customers_is_enough(rows: int) -> None:
    model = bg_nbd.fit(np.arange(rows), np.arange(rows) * 10.0, np.full(rows, 100.0))
    assert np.isfinite([model.r, model.alpha, model.a, model.b]).all()


def test_the_slope_leads_to_the_top() -> None:
    """No step of one in a thousand, in any parameter, is better than what the fit found."""
    x, t_x, T, _ = simulated(3000, np.random.default_rng(8))
    best = bg_nbd.fit(x, t_x, T)
    top = bg_nbd.log_likelihood(best, x, t_x, T).sum()
    for name, value in vars(best).items():
        for factor in (0.999, 1.001):
            assert bg_nbd.log_likelihood(replace(best, **{name: value * factor}), x, t_x, T).sum() < top


def test_nobody_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="at least one"):
        bg_nbd.fit([], [], [])


def test_a_steady_customers_year_is_the_horizon_carried_on_and_discounted() -> None:
    steady = BGNBD(r=1000.0, alpha=10000.0, a=1e-6, b=1e3)  # buys every ten days, never leaves
    multiple = year_multiple(steady, np.array([30.0]), np.array([300.0]), np.array([300.0]), 73.0)[0]
    assert multiple == pytest.approx(5 * 0.9537, rel=2e-3)  # mean of 1.1 ** -t over a year: (1 - 1 / 1.1) / ln 1.1
