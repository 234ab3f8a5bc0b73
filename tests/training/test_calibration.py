import json

import numpy as np
import pytest

from training import calibration
from training.calibration import Isotonic, Platt, from_json, level_shift, log_odds, probability, worth_keeping


def drawn(rng: np.random.Generator, distort: float) -> tuple[np.ndarray, np.ndarray]:
    """Log odds that are `distort` times too sure, and what happened."""
    z = 1.5 * rng.standard_normal(3000)
    return distort * z, (rng.random(3000) < probability(z)).astype(float)


def test_overconfidence_is_found_and_undone() -> None:
    rng = np.random.default_rng(1)
    kept = worth_keeping(drawn(rng, 3.0), drawn(rng, 3.0))
    assert kept is not None
    z, y = drawn(rng, 3.0)
    for calibrator in (kept.before, kept.after):
        assert np.mean((calibrator.apply(z) - y) ** 2) < np.mean((probability(z) - y) ** 2)


def test_what_is_measured_on_the_later_backtest_has_not_seen_its_answers() -> None:
    rng = np.random.default_rng(1)
    earlier, (z, y) = drawn(rng, 3.0), drawn(rng, 3.0)
    other = np.where(np.arange(len(y)) % 40 == 0, 1.0 - y, y)
    kept, again = worth_keeping(earlier, (z, y)), worth_keeping(earlier, (z, other))
    assert kept is not None
    assert again is not None
    assert kept.before == again.before == type(kept.before).fit(*earlier)
    assert kept.after != again.after


def test_good_probabilities_are_left_alone() -> None:
    rng = np.random.default_rng(2)
    assert worth_keeping(drawn(rng, 1.0), drawn(rng, 1.0)) is None


def test_a_correction_of_one_time_that_hurts_the_next_is_not_kept() -> None:
    rng = np.random.default_rng(3)
    assert worth_keeping(drawn(rng, 3.0), drawn(rng, 1.0)) is None


def test_one_class_or_few_rows_are_left_alone() -> None:
    z = np.zeros(300)
    assert worth_keeping((z, np.ones(300)), (z, np.ones(300))) is None
    assert worth_keeping((z[:5], np.ones(5)), (z, np.ones(300))) is None


@pytest.mark.parametrize("method", [Platt, Isotonic])
def test_round_trip(method: type[Platt] | type[Isotonic]) -> None:
    z, y = drawn(np.random.default_rng(4), 2.0)
    made = method.fit(z, y)
    again = from_json(json.loads(json.dumps(made.to_json())))
    assert again is not None
    assert np.array_equal(again.apply(z), made.apply(z))
    assert from_json(None) is None
    assert ((made.apply(z) > 0) & (made.apply(z) < 1)).all()


def test_the_level_can_be_set() -> None:
    z = np.linspace(-3, 2, 50)
    assert probability(z + level_shift(z, 0.7)).mean() == pytest.approx(0.7)
    assert probability(log_odds(np.array([0.0, 0.3, 1.0]))) == pytest.approx([calibration.EDGE, 0.3, 1 - calibration.EDGE])
