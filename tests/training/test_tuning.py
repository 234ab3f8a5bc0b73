"""Tuning stays within its bounds, says how far it is, gives the same answer twice, and keeps the usual shape without need."""

import numpy as np
import pandas as pd
import pytest

from training.churn_choice import Found
from training.churn_members import SHAPE
from training.tuning import tune


def run(panel: pd.DataFrame, trials: int) -> tuple[dict[str, object], list[int]]:
    done: list[int] = []
    return dict(tune(panel, horizon_days=30, trials=trials, threads=1, report=done.append)), done


def test_every_trial_is_told_and_the_answer_is_the_same_twice(panel: pd.DataFrame) -> None:
    shape, done = run(panel, 3)
    assert done == [1, 2, 3]
    assert run(panel, 3)[0] == shape


def test_one_trial_is_the_usual_shape(panel: pd.DataFrame) -> None:
    assert run(panel, 1) == (dict(SHAPE), [])


def test_a_panel_too_small_to_tell_keeps_the_usual_shape(panel: pd.DataFrame) -> None:
    few = panel[panel["customer_id"] < "c0010"]
    assert run(few, 3) == (dict(SHAPE), [])


def test_another_shape_needs_to_be_clearly_better(panel: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.tuning.MARGIN", -np.inf)
    tuned, _ = run(panel, 3)
    assert tuned != SHAPE
    assert 4 <= int(str(tuned["num_leaves"])) <= 15
    assert 0.015 <= float(str(tuned["learning_rate"])) <= 0.045
    monkeypatch.setattr("training.tuning.MARGIN", np.inf)
    assert run(panel, 3)[0] == dict(SHAPE)


def test_the_mean_of_a_candidate_is_over_tests_not_customers() -> None:
    assert Found([np.zeros(1), np.ones(99)], 0.7).brier == 0.5


def test_the_test_that_is_measured_is_not_tuned_on(panel: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answers of the newest cut-off, turned round, change no choice; those of the one before do."""
    monkeypatch.setattr("training.tuning.MARGIN", -np.inf)
    scored: list[float] = []
    monkeypatch.setattr("training.tuning.clearly_better", lambda one, other, margin: scored.extend([one.brier, other.brier]) or margin < 0)

    def turned(day: pd.Timestamp) -> pd.DataFrame:
        return panel.assign(churned=np.where(panel["as_of"] == day, 1.0 - panel["churned"], panel["churned"]))

    days = sorted(panel["as_of"].unique())
    asked = run(panel, 2), run(turned(days[-1]), 2), run(turned(days[-4]), 2)
    assert asked[0] == asked[1]
    assert scored[:2] == scored[2:4] != scored[4:]
