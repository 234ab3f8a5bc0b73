"""Metrics of probabilities and amounts, against scikit-learn or by hand."""

import numpy as np
import pytest
from sklearn import metrics

from training.evaluation import classification, lifetime_value
from training.evaluation.gate import against_champion, against_record, difference, without_champion
from training.evaluation.intervals import calibration_interval
from training.evaluation.report import comparison, markdown


@pytest.mark.parametrize("ties", [False, True])
def test_against_scikit_learn(ties: bool) -> None:
    rng = np.random.default_rng(1)
    y, p = (rng.random(500) < 0.3).astype(float), rng.random(500)
    p = p.round(1) if ties else p
    assert classification.auc(y, p) == pytest.approx(metrics.roc_auc_score(y, p))
    assert classification.average_precision(y, p) == pytest.approx(metrics.average_precision_score(y, p))
    assert classification.brier(y, p) == pytest.approx(metrics.brier_score_loss(y, p))
    assert classification.log_loss(y, p) == pytest.approx(metrics.log_loss(y, np.clip(p, 1e-6, 1 - 1e-6)))


def test_calibration_error_by_hand() -> None:
    """Two bins: predicted .1 against observed 0, predicted .9 against observed .5: (0.1 + 0.4) / 2 = 0.25."""
    assert classification.calibration_error([0, 0, 1, 0], [0.1, 0.1, 0.9, 0.9], bins=2) == pytest.approx(0.25)


def test_one_class_or_nothing_leaves_ranking_undefined() -> None:
    assert set(classification.summary([1, 1], [0.2, 0.3])) == {
        "average_precision",
        "brier",
        "log_loss",
        "calibration_error",
        "top_decile_lift",
        "rows",
    }
    assert classification.summary([], []) == {"rows": 0.0}


def test_top_decile_lift_by_hand() -> None:
    """Ten rows, two yes, the highest is yes: 1 / 0.2 = 5."""
    y = np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    assert classification.top_decile_lift(y, np.linspace(1, 0, 10)) == pytest.approx(5.0)


def test_calibrated_probabilities_lie_in_their_own_range_and_shifted_ones_do_not() -> None:
    rng = np.random.default_rng(2)
    p = rng.random(2000)
    y = rng.random(2000) < p
    assert calibration_interval(y, p, rng).holds
    assert not calibration_interval(y, np.clip(p + 0.15, 0, 1), rng).holds


def test_gini_bias_and_deviance() -> None:
    actual = np.array([0.0, 1.0, 4.0])
    assert lifetime_value.normalised_gini(actual, actual) == pytest.approx(1.0)
    assert lifetime_value.normalised_gini(actual, -actual) < 0
    assert np.isnan(lifetime_value.normalised_gini([0, 0], [1, 2]))
    assert lifetime_value.bias(actual, [1.0, 1.0, 2.0]) == pytest.approx(0.8)
    assert lifetime_value.tweedie_deviance([4.0, 0.0], [4.0, 1.0]) == pytest.approx(
        [0.0, metrics.mean_tweedie_deviance([0.0], [1.0], power=1.5)]
    )


def losses(mean: float, rng: np.random.Generator) -> np.ndarray:
    return mean + 0.1 * rng.standard_normal(400)


def test_the_gate_asks_for_no_less_than_the_naive_rival_and_the_champion() -> None:
    rng = np.random.default_rng(4)
    good, fair, bad = losses(0.10, rng), losses(0.20, rng), losses(0.30, rng)
    words = {"measure": "Brier score", "rival": "the base rate"}
    assert without_champion(good, fair, **words).promoted
    assert without_champion(fair, losses(0.20, rng), **words).promoted
    refused = without_champion(bad, fair, **words)
    assert not refused.promoted
    assert "worse than the base rate" in refused.why
    assert against_champion(good, bad, good + 0.001 * rng.standard_normal(400), **words).promoted
    assert "present champion" in against_champion(fair, bad, good, **words).why
    assert not against_champion(fair, bad, good, **words).promoted
    few = without_champion(bad[:20], fair[:20], **words)
    assert few.promoted
    assert "without proof" in few.why


def test_a_champion_that_saw_the_answers_is_compared_by_its_recorded_skill() -> None:
    rng = np.random.default_rng(8)
    mine, naive = losses(0.10, rng), losses(0.20, rng)  # skill 0.5
    words = {"measure": "Brier score", "rival": "the base rate"}
    assert against_record(mine, naive, 0.5, **words).promoted
    assert not against_record(mine, naive, 0.7, **words).promoted
    assert not against_record(mine[:10], naive[:10], 0.0, **words).promoted  # too few rows to unseat one with proof


def test_no_rows_make_no_difference() -> None:
    assert difference(np.zeros(0), np.zeros(0)).count == 0
    assert not difference(np.array([1.0]), np.array([0.0])).worse


def test_reports_are_sorted_and_rounded() -> None:
    table = comparison({"b": {"brier": 0.25, "rows": 1000.0}, "a": {"brier": 0.2}}, by="brier")
    assert markdown(table) == "| candidate | brier | rows |\n|---|---|---|\n| a | 0.2000 | - |\n| b | 0.2500 | 1,000 |"
